/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/hourly.h"

#define SEC UINT64_C(1000000)

static void so_often_within_an_hour(void **state)
{
	struct sb_hourly hourly = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		assert_true(sb_hourly_take(&hourly, 100 * SEC * i, 3));
	for (unsigned int i = 0; i < 100; i++)
		assert_false(sb_hourly_take(&hourly, 3599 * SEC, 3));
}

static void another_hour_begins_with_the_next_time(void **state)
{
	struct sb_hourly hourly = { 0 };

	(void)state;
	assert_true(sb_hourly_take(&hourly, 0, 1));
	assert_false(sb_hourly_take(&hourly, SB_HOUR_USEC - 1, 1));
	assert_true(sb_hourly_take(&hourly, SB_HOUR_USEC, 1));
	assert_true(sb_hourly_take(&hourly, 7 * SB_HOUR_USEC, 1));
	assert_false(sb_hourly_take(&hourly, 8 * SB_HOUR_USEC - 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_often_within_an_hour),
		cmocka_unit_test(another_hour_begins_with_the_next_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
