/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * So often within an hour, and no more: what may go on for days must not fill the log.
 */
#include <stdbool.h>
#include <stdint.h>

#define SB_HOUR_USEC (UINT64_C(3600) * 1000000)

/** struct sb_hourly - embedded in its owner; zeroed is not once yet */
struct sb_hourly {
	uint64_t began; /* the present hour, by the loop's time */
	unsigned int n;
};

bool sb_hourly_take(struct sb_hourly *hourly, uint64_t now, unsigned int most);
