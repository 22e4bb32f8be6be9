/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Identities: who is behind a connection, as the bus knows it and never as the caller says.
 *
 * The bus is asked once for each connection, and the answer is kept until the connection goes. The loop
 * does not wait: a method call whose sender is not known yet is put aside, and dealt with when the
 * answer has come. Calls of one sender stay in their order.
 *
 * The unit is sought (dbus/units.h) once a rule asks for it, with the first call after that.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "daemon/identity.h"
#include "dbus/deferred.h"
#include "dbus/units.h"

struct sb_access;
struct sb_error;

/**
 * How many connections are remembered; the least recently used gives way. More than the 2048 that
 * dbus-daemon allows unless it is configured otherwise, so that all may call at the same time.
 */
#define SB_IDENTITIES_MAX 4096

/** struct sb_identities - all that are known, or asked for; embedded in its owner */
struct sb_identities {
	sd_bus *connection;
	const struct sb_access *access;
	struct sb_units units;
	sd_bus_slot *gone;
	size_t max;
	size_t n;
	size_t deferred_bytes;
	void *by_name; /* tsearch(3) */
	TAILQ_HEAD(, sb_identity_peer) known; /* the least recently used first */
	TAILQ_HEAD(, sb_identity_peer) asked;
};

int sb_identities_init(struct sb_identities *all, sd_bus *connection, struct sb_loop *loop,
		       const struct sb_access *access, size_t max);
void sb_identities_done(struct sb_identities *all);

int sb_identities_ask(struct sb_identities *all, sd_bus_message *call, sb_identified_fn *handle,
		      void *userdata);
const struct sb_identity *sb_identities_find(const struct sb_identities *all, const char *name);
void sb_identities_forget(struct sb_identities *all, const void *userdata,
			  const struct sb_error *why);
