/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/hourly.h"

/**
 * sb_hourly_take() - once more
 * @hourly: an hour begins with the first time
 * @now: by the loop's time, µs
 * @most: so often within an hour
 *
 * Return: whether that is still within it.
 */
bool sb_hourly_take(struct sb_hourly *hourly, uint64_t now, unsigned int most)
{
	if (hourly->n == 0 || now - hourly->began >= SB_HOUR_USEC)
		*hourly = (struct sb_hourly){ .began = now };
	if (hourly->n >= most)
		return false;
	hourly->n++;

	return true;
}
