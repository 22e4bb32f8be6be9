/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/random.h"

static void test_seed_is_all(void **state)
{
	uint32_t first[8];

	(void)state;
	sim_random_seed(7);
	for (size_t i = 0; i < 8; i++)
		first[i] = sim_random();
	sim_random_seed(7);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(sim_random(), first[i]);
	sim_random_seed(8);
	assert_int_not_equal(sim_random(), first[0]);
}

/* Seeds that are alike begin sequences that are not. */
static void test_seeds_differ(void **state)
{
	int counts[16] = { 0 };

	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		sim_random_seed(seed);
		counts[sim_random() >> 28]++;
	}
	for (size_t i = 0; i < 16; i++)
		assert_in_range(counts[i], 25, 110);
}

static void test_text(void **state)
{
	char text[33] = "", again[33] = "", none[1] = "x";

	(void)state;
	sim_random_seed(1);
	sim_random_text("01", text, sizeof(text));
	assert_int_equal(strlen(text), 32);
	assert_int_equal(strspn(text, "01"), 32);
	assert_non_null(strchr(text, '0'));
	assert_non_null(strchr(text, '1'));
	sim_random_text("01", again, sizeof(again));
	assert_string_not_equal(text, again);
	sim_random_text("01", none, sizeof(none));
	assert_string_equal(none, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed_is_all),
		cmocka_unit_test(test_seeds_differ),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
