/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The clock of a box that may not know what time it is.
 *
 * Many boxes have no battery for their clock: they boot in the past, and are told the time once they are
 * online. So nothing that lasts is measured by the wall clock. A moment is milliseconds of CLOCK_BOOTTIME
 * in a boot, and boots are numbered and kept in the store. Of each is known
 *
 *	base	how old the box was, in steady time, when it booted
 *	offset	what to add to a moment to get the wall clock, as it was last seen in that boot
 *
 * Steady time never goes back and goes on over restarts and reboots; the time that the box was off counts
 * only once it is known for sure, because the clock was synchronised in the boot before and is again. Then
 * the base of the present boot is raised, and with it all its moments.
 *
 * What people and clouds read is worked out when it is needed: a message that was taken before the clock
 * was set has the right time when it is sent afterwards.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/loop.h"
#include "daemon/message.h"
#include "daemon/store.h"

struct sb_clock;

/** Before this the wall clock has not been set: 2025-01-01, milliseconds since 1970. */
#define SB_CLOCK_PLAUSIBLE_MS INT64_C(1735689600000)

/** struct sb_clock_source - where the time comes from; the kernel, unless a test says otherwise */
struct sb_clock_source {
	int64_t (*boot_ms)(void *userdata); /* CLOCK_BOOTTIME */
	int64_t (*wall_ms)(void *userdata); /* CLOCK_REALTIME */
	bool (*synchronised)(void *userdata); /* adjtimex(2) does not say STA_UNSYNC */
	const char *boot_id; /* of the present boot; at most SB_BOOT_ID_MAX - 1 bytes */
	void *userdata;
};

int sb_clock_new(struct sb_loop *loop, struct sb_store *store, const struct sb_clock_source *source,
		 struct sb_clock **ret);
struct sb_clock *sb_clock_free(struct sb_clock *clock);

void sb_clock_boot_id(char *ret, size_t size);
struct sb_moment sb_clock_now(const struct sb_clock *clock);
int64_t sb_clock_steady_ms(const struct sb_clock *clock, struct sb_moment moment);
int64_t sb_clock_wall_ms(const struct sb_clock *clock, struct sb_moment moment);
