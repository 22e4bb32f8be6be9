/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Waiters: calls of WaitTicket for tickets that are not settled yet. Each ends with its ticket,
 * with its time or with its caller, whichever is first.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "daemon/error.h"

struct sb_callers;
struct sb_loop;
struct sb_settlement;

/** How many calls may wait, all callers together. */
#define SB_WAITERS_MAX 4096

/* Tickets count up, so their low bits spread them evenly. */
#define SB_WAITERS_BUCKETS 1024

/** struct sb_waiters - all waiters; embedded in its owner */
struct sb_waiters {
	struct sb_loop *loop;
	struct sb_callers *callers;
	LIST_HEAD(, sb_waiter) buckets[SB_WAITERS_BUCKETS];
	size_t n;
};

void sb_waiters_init(struct sb_waiters *waiters, struct sb_loop *loop, struct sb_callers *callers);
void sb_waiters_done(struct sb_waiters *waiters);

int sb_waiters_add(struct sb_waiters *waiters, sd_bus_message *call, uint64_t ticket,
		   uint32_t timeout_s, struct sb_error *ret_error);
void sb_waiters_settled(struct sb_waiters *waiters, const struct sb_settlement *settlement);
