/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/histogram.h"

#define MS UINT64_C(1000)

static void what_took_as_long_as_a_bound_is_within_it(void **state)
{
	struct sb_histogram histogram = { 0 };

	(void)state;
	sb_histogram_add(&histogram, 0);
	sb_histogram_add(&histogram, 5 * MS);
	sb_histogram_add(&histogram, 5 * MS + 1);
	sb_histogram_add(&histogram, 10 * MS);
	sb_histogram_add(&histogram, 60000 * MS);
	sb_histogram_add(&histogram, 60000 * MS + 1);
	assert_int_equal(histogram.counts[0], 2);
	assert_int_equal(histogram.counts[1], 2);
	assert_int_equal(histogram.counts[SB_N_BOUNDS - 1], 1);
	assert_int_equal(histogram.counts[SB_N_BOUNDS], 1);
	assert_int_equal(histogram.sum_usec, 2 * (5 * MS) + 1 + 10 * MS + 2 * 60000 * MS + 1);
}

/* Each bound is written as it is meant. */
static void bounds_are_named(void **state)
{
	double last = 0;

	(void)state;
	for (unsigned int i = 0; i < SB_N_BOUNDS; i++) {
		struct sb_histogram histogram = { 0 };
		double bound = strtod(sb_histogram_bound(i), NULL);

		assert_true(bound > last);
		last = bound;
		sb_histogram_add(&histogram, (uint64_t)(bound * 1e6 + 0.5));
		sb_histogram_add(&histogram, (uint64_t)(bound * 1e6 + 0.5) + 1);
		assert_int_equal(histogram.counts[i], 1);
		assert_int_equal(histogram.counts[i + 1], 1);
	}
	assert_string_equal(sb_histogram_bound(SB_N_BOUNDS), "+Inf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_took_as_long_as_a_bound_is_within_it),
		cmocka_unit_test(bounds_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
