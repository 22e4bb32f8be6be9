/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/cleanup.h"
#include "sim/number.h"

static void test_reads(void **state)
{
	uint64_t number;

	(void)state;
	assert_int_equal(sim_number_read("0", 0, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(sim_number_read("042", 42, &number), 0);
	assert_int_equal(number, 42);
	assert_int_equal(sim_number_read("18446744073709551615", UINT64_MAX, &number), 0);
	assert_true(number == UINT64_MAX);
}

static void test_refuses(void **state)
{
	static const char *const bad[] = { "", " 1", "+1", "-1", "1 ", "0x1", "1.0", "one" };
	uint64_t number = 7;

	(void)state;
	for (size_t i = 0; i < SIM_ELEMENTS(bad); i++)
		assert_int_equal(sim_number_read(bad[i], UINT64_MAX, &number), -EINVAL);
	assert_int_equal(sim_number_read("43", 42, &number), -ERANGE);
	assert_int_equal(sim_number_read("18446744073709551616", UINT64_MAX, &number), -ERANGE);
	assert_int_equal(number, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
