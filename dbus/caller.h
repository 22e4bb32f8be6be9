/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Callers: connections to the bus that hold something here, a subscription or a waiting call. What
 * a caller holds ends with its connection, and is bounded. A caller that holds nothing is not
 * known.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "daemon/error.h"
#include "daemon/hourly.h"

struct sb_loop;

/** How many calls of one connection may wait; its subscriptions have a bound in the configuration. */
#define SB_CALLER_WAITERS_MAX 256

/**
 * How many connections may hold something. Each costs a match rule at the bus daemon, which allows
 * a connection 512 of them unless it is configured otherwise.
 */
#define SB_CALLERS_MAX 480

enum sb_held_kind {
	SB_HELD_SUBSCRIPTION,
	SB_HELD_DURABLE,
	SB_HELD_WAITER,
	SB_N_HELD,
};

struct sb_caller_limits;
struct sb_callers;
struct sb_held;

/** The caller has gone: free the owner of @held, which releases it. */
typedef void sb_held_gone_fn(struct sb_held *held);

/** struct sb_held - one thing that a caller holds; embedded in it, container_of finds it */
struct sb_held {
	struct sb_caller *caller;
	enum sb_held_kind kind;
	sb_held_gone_fn *gone;
	TAILQ_ENTRY(sb_held) entry;
};

/**
 * struct sb_caller - one connection that holds something
 * @callers: all of them
 * @name: its unique name
 * @last_message: the number of the last message from the cloud that it was sent
 * @held: never empty
 * @n_held: of each kind
 * @watch: tells when it goes
 * @check: asks whether it has gone already
 */
struct sb_caller {
	struct sb_callers *callers;
	char *name;
	uint64_t last_message;
	TAILQ_HEAD(, sb_held) held;
	size_t n_held[SB_N_HELD];
	sd_bus_slot *watch;
	sd_bus_slot *check;
};

/** struct sb_callers - all callers; embedded in its owner */
struct sb_callers {
	sd_bus *connection;
	struct sb_loop *loop;
	const struct sb_caller_limits *limits;
	void *by_name; /* tsearch(3) */
	size_t n;
	struct sb_hourly refusals; /* of the bus, that are in the log */
};

void sb_callers_init(struct sb_callers *callers, sd_bus *connection, struct sb_loop *loop,
		     const struct sb_caller_limits *limits);
void sb_callers_done(struct sb_callers *callers);

int sb_caller_hold(struct sb_callers *callers, const char *name, enum sb_held_kind kind,
		   sb_held_gone_fn *gone, struct sb_held *held, struct sb_error *ret_error);
struct sb_caller *sb_caller_find(struct sb_callers *callers, const char *name);
void sb_caller_release(struct sb_held *held);
