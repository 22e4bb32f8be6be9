/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/histogram.h"

static const struct {
	uint64_t usec;
	const char *text;
} bounds[] = {
#define BOUND(bound_usec, bound_text) { .usec = (bound_usec), .text = (bound_text) },
	SB_HISTOGRAM_BOUNDS(BOUND)
#undef BOUND
};

/**
 * sb_histogram_add() - something took so long
 * @histogram: the histogram
 * @usec: how long; a bound belongs to what is below it
 */
void sb_histogram_add(struct sb_histogram *histogram, uint64_t usec)
{
	unsigned int i = 0;

	while (i < SB_N_BOUNDS && usec > bounds[i].usec)
		i++;
	histogram->counts[i]++;
	histogram->sum_usec += usec;
}

/**
 * sb_histogram_bound() - the upper bound of a count, for people and programs that read text
 * @index: of the count, up to SB_N_BOUNDS
 *
 * Return: seconds, static; "+Inf" for the last one.
 */
const char *sb_histogram_bound(unsigned int index)
{
	return index < SB_N_BOUNDS ? bounds[index].text : "+Inf";
}
