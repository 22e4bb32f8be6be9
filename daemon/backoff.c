/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/backoff.h"

/**
 * sb_backoff_next() - one failure more
 * @backoff: counts it
 * @random: any value, evenly distributed
 *
 * Return: how long to wait, in µs.
 */
uint64_t sb_backoff_next(struct sb_backoff *backoff, uint32_t random)
{
	uint64_t bound = 2 * SB_BACKOFF_MIN_USEC;

	for (unsigned int i = 0; i < backoff->failures && bound < SB_BACKOFF_MAX_USEC; i++)
		bound *= 2;
	if (bound > SB_BACKOFF_MAX_USEC)
		bound = SB_BACKOFF_MAX_USEC;
	backoff->failures++;

	return SB_BACKOFF_MIN_USEC +
	       (uint64_t)((double)(bound - SB_BACKOFF_MIN_USEC) * random / UINT32_MAX);
}

/**
 * sb_backoff_reset() - it has been well for long enough
 * @backoff: forgets its failures
 */
void sb_backoff_reset(struct sb_backoff *backoff)
{
	backoff->failures = 0;
}
