/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Outflow: signals to connections that perhaps do not read.
 *
 * The bus keeps what a connection does not read, and from some amount on drops it without a word.
 * Worse, dbus-daemon stops reading from a sender while it keeps 127 MB of its messages, so that one
 * app that hangs would silence us for everybody. So what is sent and not read is counted here, for
 * each connection: behind the signals goes a call of org.freedesktop.DBus.Peer.Ping, and whoever
 * answers it, with whatever, has read what was before it. Once too much has not been confirmed in
 * this way, further signals wait in a queue of that connection's own. They go on with the answer. If
 * it does not come, the queue is emptied and its owner is told, who ends the subscriptions.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "daemon/hourly.h"
#include "dbus/echo.h"

struct sb_loop;

/**
 * What a signal counts beside its texts and payload, in bytes: more than it takes at the bus, and about
 * half of what it takes here while it waits.
 */
#define SB_OUTFLOW_SIGNAL_BYTES 1024

/**
 * How much may be sent to one connection and not be confirmed, in bytes. All the connections that
 * may subscribe, SB_CALLERS_MAX, together stay below half of what dbus-daemon keeps.
 */
#define SB_OUTFLOW_UNREAD_BYTES_MAX (128 * 1024)

/** After how much a Ping is sent, in bytes. */
#define SB_OUTFLOW_ASK_BYTES (64 * 1024)

/**
 * How much may wait for a connection whose answer has been missing for SB_OUTFLOW_GRACE_SEC. Before
 * that a long queue means nothing, since much can happen at once. The time begins when the answer
 * could be here: it comes to us behind all the calls that other apps have sent before, and
 * an echo shows when those are dealt with.
 */
#define SB_OUTFLOW_WAITING_MAX 1000
#define SB_OUTFLOW_WAITING_BYTES_MAX (1024 * 1024)
#define SB_OUTFLOW_GRACE_SEC 5

/** How long anything may wait for a connection that does not answer at all. */
#define SB_OUTFLOW_PATIENCE_SEC 60

/**
 * How much may wait for all connections, in bytes; then the longest queue is given up, of those whose
 * answer is late if there are any.
 */
#define SB_OUTFLOW_ALL_WAITING_BYTES_MAX (16 * 1024 * 1024)
#define SB_OUTFLOW_LATE_SEC 1

/** How much may wait for those that are not late, before apps have to publish more slowly. */
#define SB_OUTFLOW_PRESSURE_BYTES (8 * 1024 * 1024)

/** How many connections may have something unconfirmed that no Ping was sent for. */
#define SB_OUTFLOW_IDLE_MAX 512

/**
 * A connection does not read, and what waited for it was given up. @name is its unique name, @reason
 * a sentence for it; both are lent.
 */
typedef void sb_outflow_stuck_fn(void *userdata, const char *name, const char *reason);

/** struct sb_outflow - all that flows; embedded in its owner */
struct sb_outflow {
	sd_bus *connection;
	struct sb_loop *loop;
	sb_outflow_stuck_fn *stuck;
	void *userdata;
	void *by_name; /* tsearch(3); a connection that has read everything is not here */
	TAILQ_HEAD(, sb_outflow_receiver) idle; /* no Ping is on its way, the oldest first */
	TAILQ_HEAD(, sb_outflow_receiver) behind; /* something waits */
	size_t n_idle;
	size_t waiting_bytes;
	struct sb_echo echo;
	struct sb_hourly refusals; /* that are in the log */
};

void sb_outflow_init(struct sb_outflow *all, sd_bus *connection, struct sb_loop *loop,
		     sb_outflow_stuck_fn *stuck, void *userdata);
void sb_outflow_done(struct sb_outflow *all);

int sb_outflow_send(struct sb_outflow *all, const char *name, sd_bus_message *signal, size_t len);
bool sb_outflow_is_pressed(const struct sb_outflow *all);
