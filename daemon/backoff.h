/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Back-off: how long to wait after the n-th failure in a row. The delay is drawn evenly between one second
 * and a bound, which begins at two seconds and doubles to fifteen minutes: many boxes that failed together
 * do not come back together, not even the first time.
 *
 * A change of the network is a reason not to wait, but a cable that is loose changes the network each second.
 * So hurry has a distance, too: ten seconds after the first time, and twice as long after each other one.
 */
#include <stdint.h>

#define SB_BACKOFF_MIN_USEC UINT64_C(1000000)
#define SB_BACKOFF_MAX_USEC (UINT64_C(15) * 60 * 1000000)

/** struct sb_backoff - embedded in its owner; zeroed is no failure yet */
struct sb_backoff {
	unsigned int failures;
};

#define SB_HURRY_MIN_USEC UINT64_C(10000000)
#define SB_HURRY_MAX_USEC SB_BACKOFF_MAX_USEC

/** struct sb_hurry - when a wait may be cut short again; embedded in its owner; zeroed is at once */
struct sb_hurry {
	uint64_t free_at; /* µs, by whatever clock its owner has */
	uint64_t distance; /* the last; 0 for none yet */
};

uint64_t sb_backoff_next(struct sb_backoff *backoff, uint32_t random);
void sb_backoff_reset(struct sb_backoff *backoff);

uint64_t sb_hurry_at(const struct sb_hurry *hurry, uint64_t now);
void sb_hurry_take(struct sb_hurry *hurry, uint64_t at);
void sb_hurry_reset(struct sb_hurry *hurry);
