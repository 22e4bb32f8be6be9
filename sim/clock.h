/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The clouds' time: CLOCK_BOOTTIME, and whatever it was told to be ahead of that. What lasts an
 * hour can so be over at once.
 */
#include <stdint.h>

/** How far the clock can be ahead in all, in seconds: ten years. */
#define SIM_CLOCK_SHIFT_MAX UINT64_C(315360000)

uint64_t sim_clock_now(void);
int sim_clock_shift(uint64_t seconds);
