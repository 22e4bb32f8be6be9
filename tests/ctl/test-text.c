/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ctl/cleanup.h"
#include "ctl/text.h"

static void assert_text(char *text, const char *expected)
{
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_spans(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "0 s" },	       { 59, "59 s" },		 { 60, "1 min" },
		{ 61, "1 min 1 s" },   { 3599, "59 min 59 s" },	 { 3600, "1 h" },
		{ 3660, "1 h 1 min" }, { 86399, "23 h 59 min" }, { 86400, "1 d" },
		{ 90000, "1 d 1 h" },  { 8640000, "100 d" },
	};

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(rows); i++)
		assert_text(ctl_text_span(rows[i].seconds * 1000000 + 999999), rows[i].text);
}

static void test_bytes(void **state)
{
	(void)state;
	assert_text(ctl_text_bytes(0), "0 B");
	assert_text(ctl_text_bytes(999), "999 B");
	assert_text(ctl_text_bytes(1000), "1.0 kB");
	assert_text(ctl_text_bytes(999949), "999.9 kB");
	assert_text(ctl_text_bytes(999950), "1.0 MB");
	assert_text(ctl_text_bytes(UINT64_MAX), "18.4 EB");
}

static void test_what_comes_from_outside(void **state)
{
	(void)state;
	assert_text(ctl_text_safe("a\033[31m\n\x7f"
				  "é"),
		    "a?[31m??é");
	assert_text(ctl_text_safe_lines("a\nb\r\tc\n"), "a\nb??c\n");
	/* Behind ASCII: CSI as one character; what turns the order of others round; no UTF-8; too long a form. */
	assert_text(ctl_text_safe("\xc2\x9b"
				  "31m\u00a0\u202e\u2066\u2028\u2027"),
		    "?31m\u00a0???\u2027");
	assert_text(ctl_text_safe("\x9b\xff\xe2\x82"), "????");
	assert_text(ctl_text_safe("\xc0\x8a\xf0\x9f\x98\x80"), "??\xf0\x9f\x98\x80");
}

static void test_values(void **state)
{
	CTL_CLEANUP(json_decref)
	json_t *values = json_pack("[s, s, b, I, {s:s}, n, [i]]", "text", "", 1, (json_int_t)1500,
				   "base64", "AP8=", 1);

	(void)state;
	assert_text(ctl_text_of(json_array_get(values, 0), CTL_TEXT, 0), "text");
	assert_text(ctl_text_of(json_array_get(values, 1), CTL_TEXT, 0), "-");
	assert_text(ctl_text_of(json_array_get(values, 2), CTL_YES, 0), "yes");
	assert_text(ctl_text_of(json_array_get(values, 3), CTL_NUMBER, 0), "1500");
	assert_text(ctl_text_of(json_array_get(values, 3), CTL_BYTES, 0), "1.5 kB");
	assert_text(ctl_text_of(json_array_get(values, 3), CTL_AGO, 2001500), "2 s");
	assert_text(ctl_text_of(json_array_get(values, 3), CTL_AGO, 0), "0 s");
	assert_text(ctl_text_of(json_array_get(values, 4), CTL_TEXT, 0), "base64:AP8=");
	assert_text(ctl_text_of(json_array_get(values, 5), CTL_TEXT, 0), "-");
	assert_text(ctl_text_of(json_array_get(values, 6), CTL_TEXT, 0), "[1]");
	assert_text(ctl_text_of(NULL, CTL_TEXT, 0), "-");
}

static void test_times_and_users(void **state)
{
	CTL_CLEANUP(json_decref) json_t *none = json_integer(0);
	CTL_CLEANUP(json_decref) json_t *nobody = json_integer(UINT32_MAX);
	CTL_CLEANUP(json_decref) json_t *late = json_integer(1700000000000000);

	(void)state;
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	assert_text(ctl_text_of(late, CTL_DATE, 0), "2023-11-14 22:13:20");
	assert_text(ctl_text_of(none, CTL_DATE, 0), "-");
	assert_text(ctl_text_of(none, CTL_AGO, 5), "-");
	assert_text(ctl_text_of(none, CTL_USER, 0), "root");
	assert_text(ctl_text_of(nobody, CTL_USER, 0), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_what_comes_from_outside),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_times_and_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
