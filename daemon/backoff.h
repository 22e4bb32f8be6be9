/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Back-off: how long to wait after the n-th failure in a row. The delay is drawn evenly between one second
 * and a bound, which begins at two seconds and doubles to fifteen minutes: many boxes that failed together
 * do not come back together, not even the first time.
 */
#include <stdint.h>

#define SB_BACKOFF_MIN_USEC UINT64_C(1000000)
#define SB_BACKOFF_MAX_USEC (UINT64_C(15) * 60 * 1000000)

/** struct sb_backoff - embedded in its owner; zeroed is no failure yet */
struct sb_backoff {
	unsigned int failures;
};

uint64_t sb_backoff_next(struct sb_backoff *backoff, uint32_t random);
void sb_backoff_reset(struct sb_backoff *backoff);
