/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <time.h>

#include "sim/clock.h"
#include "sim/cloud.h"

static uint64_t shift_s;

/**
 * sim_clock_now() - the time, as the clouds have it
 *
 * Return: µs.
 */
uint64_t sim_clock_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);

	return ((uint64_t)now.tv_sec + shift_s) * SIM_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

/**
 * sim_clock_shift() - have time pass
 * @seconds: how much
 *
 * Return: 0; -ERANGE when that would be more than SIM_CLOCK_SHIFT_MAX in all.
 */
int sim_clock_shift(uint64_t seconds)
{
	if (seconds > SIM_CLOCK_SHIFT_MAX - shift_s)
		return -ERANGE;

	shift_s += seconds;

	return 0;
}
