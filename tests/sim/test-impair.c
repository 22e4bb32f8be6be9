/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/impair.h"
#include "sim/random.h"

static void test_set(void **state)
{
	static const char *const bad[] = {
		"",	     "drop",	  "drop=",	 "drop=101", "drop=-1",
		"delay=1ms", "jitter= 5", "delay=60001", "loss=5",   "Drop=5",
	};
	struct sim_impair impair = { 0 };

	(void)state;
	assert_int_equal(sim_impair_set(&impair, "drop=1"), 0);
	assert_int_equal(sim_impair_set(&impair, "duplicate=2"), 0);
	assert_int_equal(sim_impair_set(&impair, "reorder=100"), 0);
	assert_int_equal(sim_impair_set(&impair, "delay=60000"), 0);
	assert_int_equal(sim_impair_set(&impair, "jitter=5"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sim_impair_set(&impair, bad[i]), -EINVAL);
	assert_int_equal(impair.drop, 1);
	assert_int_equal(impair.duplicate, 2);
	assert_int_equal(impair.reorder, 100);
	assert_int_equal(impair.delay_ms, 60000);
	assert_int_equal(impair.jitter_ms, 5);
}

static void test_nothing_happens(void **state)
{
	const struct sim_impair impair = { 0 };
	uint32_t delays[SIM_COPIES_MAX];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(sim_impair_copies(&impair, delays), 1);
		assert_int_equal(delays[0], 0);
	}
}

static void test_everything_happens(void **state)
{
	const struct sim_impair lossy = { .drop = 100, .duplicate = 100 };
	const struct sim_impair twice = { .duplicate = 100, .delay_ms = 7 };
	const struct sim_impair late = { .reorder = 100, .delay_ms = 7 };
	uint32_t delays[SIM_COPIES_MAX];

	(void)state;
	assert_int_equal(sim_impair_copies(&lossy, delays), 0);
	assert_int_equal(sim_impair_copies(&twice, delays), 2);
	assert_int_equal(delays[0], 7);
	assert_int_equal(delays[1], 7);
	assert_int_equal(sim_impair_copies(&late, delays), 1);
	assert_int_equal(delays[0], 7 + SIM_REORDER_MS);
}

static void test_shares(void **state)
{
	const struct sim_impair impair = { .drop = 20, .duplicate = 50, .jitter_ms = 9 };
	uint32_t delays[SIM_COPIES_MAX];
	int counts[SIM_COPIES_MAX + 1] = { 0 }, late[10] = { 0 };

	(void)state;
	sim_random_seed(1);
	for (int i = 0; i < 10000; i++) {
		size_t n = sim_impair_copies(&impair, delays);

		counts[n]++;
		if (n > 0) {
			assert_in_range(delays[0], 0, 9);
			late[delays[0]]++;
		}
	}
	assert_in_range(counts[0], 1800, 2200);
	assert_in_range(counts[1], 3700, 4300);
	assert_in_range(counts[2], 3700, 4300);
	for (int i = 0; i < 10; i++)
		assert_in_range(late[i], 650, 950);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_nothing_happens),
		cmocka_unit_test(test_everything_happens),
		cmocka_unit_test(test_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
