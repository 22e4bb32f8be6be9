/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/utf8.h"

static void test_good(void **state)
{
	static const char *const texts[] = {
		"",
		"plain",
		"\x01\x7f",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"a\xc3\xa4\xe2\x82\xac\xf0\x9f\x9a\x8c.",
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(texts); i++)
		assert_int_equal(sb_utf8_good(texts[i], strlen(texts[i])), strlen(texts[i]));
	assert_int_equal(sb_utf8_good("a\0b", 3), 3);
}

static void test_bad(void **state)
{
	static const char *const texts[] = {
		"ab\x80", /* nothing before it */
		"ab\xc0\x80", /* longer than need be */
		"ab\xc1\xbf",
		"ab\xe0\x9f\xbf",
		"ab\xf0\x8f\xbf\xbf",
		"ab\xed\xa0\x80", /* a surrogate */
		"ab\xf4\x90\x80\x80", /* beyond the last */
		"ab\xf5\x80\x80\x80",
		"ab\xff",
		"ab\xc3", /* cut */
		"ab\xe2\x82",
		"ab\xf0\x9f\x9a",
		"ab\xe2\x82z", /* broken off */
		"ab\xf0\x9f\x9az",
		"ab\xc3z",
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(texts); i++)
		assert_int_equal(sb_utf8_good(texts[i], strlen(texts[i])), 2);
}

static void test_printable(void **state)
{
	static const struct {
		const char *text;
		const char *printable;
	} texts[] = {
		{ "", "" },
		{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x80",
		  "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x80" },
		{ "a\nb\tc\033[1m\177", "a?b?c?[1m?" },
		{ "\xc2\x85\xc2\x9f\xc2\xa0", "????\xc2\xa0" }, /* U+0085, U+009f; not U+00a0 */
		{ "\xc0\xaf\xed\xa0\x80", "?????" }, /* too long a form; half of a pair */
		{ "cut \xe2\x82", "cut ??" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(texts); i++) {
		strcpy(text, texts[i].text);
		sb_utf8_make_printable(text);
		assert_string_equal(text, texts[i].printable);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
