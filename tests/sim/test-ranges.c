/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/ranges.h"

static void test_each_number_once(void **state)
{
	static const uint64_t numbers[] = { 5, 3, 4, 10, UINT64_MAX, 0, 1, 2, 11, 9 };
	struct sim_ranges ranges = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(sim_ranges_add(&ranges, numbers[i]), 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(sim_ranges_add(&ranges, numbers[i]), -EEXIST);
	assert_int_equal(ranges.n_all, 3); /* 0 to 5, 9 to 11, the last */
	assert_int_equal(sim_ranges_add(&ranges, 7), 0);
	assert_int_equal(ranges.n_all, 4);
	sim_ranges_done(&ranges);
}

static void test_is_bounded(void **state)
{
	struct sim_ranges ranges = { 0 };

	(void)state;
	for (uint64_t i = 0; i < SIM_RANGES_MAX; i++)
		assert_int_equal(sim_ranges_add(&ranges, 2 * i), 0);
	assert_int_equal(sim_ranges_add(&ranges, 2 * SIM_RANGES_MAX), -ENOBUFS);
	assert_int_equal(sim_ranges_add(&ranges, 1), 0);
	assert_int_equal(sim_ranges_add(&ranges, 2 * SIM_RANGES_MAX), 0);
	sim_ranges_done(&ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_number_once),
		cmocka_unit_test(test_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
