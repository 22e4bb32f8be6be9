/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rates: how much each user of this box may hand in per second, and how many streams it may have open. What
 * it may have waiting is in daemon/accounts.h. All that is nobody's shares one rate.
 *
 * A user that was quiet for a second may send a second's worth at once.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/error.h"

struct sb_loop;
struct sb_settings;

/** How many users are remembered: those that sent something in the last second, or have streams open. */
#define SB_RATES_MAX 4096

/**
 * struct sb_caller_limits - the most that a caller may do
 * @messages_per_second: of one user
 * @bytes_per_second: of one user, of topics and payloads
 * @subscriptions: of one connection
 * @streams: of one user, open at a time
 */
struct sb_caller_limits {
	uint64_t messages_per_second;
	uint64_t bytes_per_second;
	uint64_t subscriptions;
	uint64_t streams;
};

/** struct sb_rates - embedded in its owner; @limits may be set at any time */
struct sb_rates {
	struct sb_loop *loop;
	struct sb_caller_limits limits;
	size_t n;
	void *by_uid; /* tsearch(3) */
	TAILQ_HEAD(, sb_rate) used; /* the least recently used first */
};

struct sb_caller_limits sb_caller_limits_of(const struct sb_settings *callers);

void sb_rates_init(struct sb_rates *rates, struct sb_loop *loop,
		   const struct sb_caller_limits *limits);
void sb_rates_done(struct sb_rates *rates);
int sb_rates_take(struct sb_rates *rates, uint32_t uid, uint64_t messages, uint64_t bytes,
		  struct sb_error *ret_error);
int sb_rates_charge(struct sb_rates *rates, uint32_t uid, uint64_t messages, uint64_t bytes,
		    uint64_t *ret_wait_usec, struct sb_error *ret_error);
int sb_rates_open_stream(struct sb_rates *rates, uint32_t uid, struct sb_error *ret_error);
void sb_rates_close_stream(struct sb_rates *rates, uint32_t uid);
