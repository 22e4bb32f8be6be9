/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/cleanup.h"
#include "ctl/number.h"

static void test_numbers(void **state)
{
	static const char *const bad[] = {
		"", " 1", "+1", "-1", "1 ", "0x1", "18446744073709551616", NULL
	};
	uint64_t number = 7;

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(bad); i++)
		assert_int_equal(ctl_number(bad[i], "N", &number), CTL_EXIT_USAGE);
	assert_int_equal(number, 7);
	assert_int_equal(ctl_number("18446744073709551615", "N", &number), CTL_EXIT_OK);
	assert_true(number == UINT64_MAX);
}

static void test_spans(void **state)
{
	static const struct {
		const char *text;
		uint64_t usec;
	} good[] = {
		{ "0", 0 },
		{ "90", 90000000 },
		{ "500ms", 500000 },
		{ "15m", 900000000 },
		{ "15min", 900000000 },
		{ "1h30m", 5400000000 },
		{ "7d", 604800000000 },
		{ "1m30", 90000000 },
		{ "366d", 31622400000000 },
	};
	uint64_t usec;

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(good); i++) {
		assert_int_equal(ctl_span(good[i].text, "T", &usec), CTL_EXIT_OK);
		assert_int_equal(usec, good[i].usec);
	}
}

static void test_what_is_no_span(void **state)
{
	static const char *const bad[] = {
		"",    "s", "1x", "1 s", "-1", "1.5h", "367d", "366d1ms", "99999999999999999999",
		"1hm",
	};
	uint64_t usec = 7;

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(bad); i++)
		assert_int_equal(ctl_span(bad[i], "T", &usec), CTL_EXIT_USAGE);
	assert_int_equal(usec, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_what_is_no_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
