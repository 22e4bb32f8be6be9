/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/random.h"

#define DRAWS 4096

/* Of 128 bits, so that no two are the same by chance. */
static void test_nothing_is_given_out_twice(void **state)
{
	static uint64_t drawn[DRAWS][2];

	(void)state;
	for (size_t i = 0; i < DRAWS; i++) {
		assert_int_equal(sb_random(drawn[i], sizeof(drawn[i])), 0);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(drawn[i], drawn[j], sizeof(drawn[i]));
	}
}

static void expect_filled(size_t len)
{
	uint8_t bytes[1024] = { 0 };
	uint8_t seen[sizeof(bytes)] = { 0 };

	/* A byte that is random is 0 in all of so many draws never. */
	for (unsigned int i = 0; i < 32; i++) {
		assert_int_equal(sb_random(bytes, len), 0);
		for (size_t j = 0; j < sizeof(bytes); j++)
			seen[j] |= bytes[j];
	}
	for (size_t j = 0; j < sizeof(bytes); j++)
		assert_int_equal(seen[j] != 0, j < len);
}

static void test_any_length(void **state)
{
	static const size_t lengths[] = { 0, 1, 3, 4, 255, 256, 257, 1024 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		expect_filled(lengths[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_given_out_twice),
		cmocka_unit_test(test_any_length),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
