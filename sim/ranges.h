/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A set of numbers, kept as ranges: small as long as they are nearly consecutive, in whatever order
 * they come.
 */
#include <stddef.h>
#include <stdint.h>

/** How many ranges a set may have. */
#define SIM_RANGES_MAX 4096

/** struct sim_range - the numbers from @first to @last */
struct sim_range {
	uint64_t first;
	uint64_t last;
};

/** struct sim_ranges - a set; all zero is an empty one; @all ascends and is owned */
struct sim_ranges {
	struct sim_range *all;
	size_t n_all;
};

void sim_ranges_done(struct sim_ranges *ranges);
int sim_ranges_add(struct sim_ranges *ranges, uint64_t number);
