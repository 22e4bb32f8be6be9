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

/**
 * sb_hurry_at() - when there is room for hurry
 * @hurry: as it was so far
 * @now: µs
 *
 * Return: @now, or later.
 */
uint64_t sb_hurry_at(const struct sb_hurry *hurry, uint64_t now)
{
	return hurry->free_at > now ? hurry->free_at : now;
}

/**
 * sb_hurry_take() - use it
 * @hurry: has room again when its distance is over
 * @at: what sb_hurry_at() has said, or later
 */
void sb_hurry_take(struct sb_hurry *hurry, uint64_t at)
{
	hurry->distance = hurry->distance > 0 ? 2 * hurry->distance : SB_HURRY_MIN_USEC;
	if (hurry->distance > SB_HURRY_MAX_USEC)
		hurry->distance = SB_HURRY_MAX_USEC;
	hurry->free_at = at + hurry->distance;
}

/**
 * sb_hurry_reset() - it has been well for long enough
 * @hurry: forgets all hurry
 */
void sb_hurry_reset(struct sb_hurry *hurry)
{
	*hurry = (struct sb_hurry){ 0 };
}
