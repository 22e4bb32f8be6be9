/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/ranges.h"

/**
 * sim_ranges_done() - empty a set
 * @ranges: all zero afterwards
 */
void sim_ranges_done(struct sim_ranges *ranges)
{
	free(ranges->all);
	*ranges = (struct sim_ranges){ 0 };
}

/* The first range that ends at @number or beyond. */
static size_t find(const struct sim_ranges *ranges, uint64_t number)
{
	size_t low = 0, high = ranges->n_all;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->all[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}

	return low;
}

static int insert(struct sim_ranges *ranges, size_t at, uint64_t number)
{
	struct sim_range *all;

	if (ranges->n_all == SIM_RANGES_MAX)
		return -ENOBUFS;
	all = reallocarray(ranges->all, ranges->n_all + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;

	ranges->all = all;
	memmove(&all[at + 1], &all[at], (ranges->n_all - at) * sizeof(*all));
	all[at] = (struct sim_range){ .first = number, .last = number };
	ranges->n_all++;

	return 0;
}

static void remove_at(struct sim_ranges *ranges, size_t at)
{
	ranges->n_all--;
	memmove(&ranges->all[at], &ranges->all[at + 1],
		(ranges->n_all - at) * sizeof(*ranges->all));
}

/**
 * sim_ranges_add() - put a number into a set
 * @ranges: the set
 * @number: the number
 *
 * Return: 0; -EEXIST when it is there; -ENOBUFS when there would be more than SIM_RANGES_MAX
 * ranges; -ENOMEM.
 */
int sim_ranges_add(struct sim_ranges *ranges, uint64_t number)
{
	size_t at = find(ranges, number);
	struct sim_range *below = at > 0 ? &ranges->all[at - 1] : NULL;
	struct sim_range *above = at < ranges->n_all ? &ranges->all[at] : NULL;

	if (above && above->first <= number)
		return -EEXIST;

	if (below && below->last + 1 == number) {
		below->last = number;
		if (above && above->first - 1 == number) {
			below->last = above->last;
			remove_at(ranges, at);
		}
		return 0;
	}
	if (above && above->first - 1 == number) {
		above->first = number;
		return 0;
	}

	return insert(ranges, at, number);
}
