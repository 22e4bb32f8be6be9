/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/filter.h"
#include "daemon/message.h"

static void filters_let_through_what_mqtt_says(void **state)
{
	static const struct {
		const char *filter;
		const char *topic;
		bool matches;
	} cases[] = {
		{ "a", "a", true },	    { "a", "b", false },
		{ "a", "ab", false },	    { "ab", "a", false },
		{ "a/b", "a/b", true },	    { "a/b", "a", false },
		{ "a", "a/b", false },	    { "a", "a/", false },
		{ "a/", "a/", true },	    { "a/", "a", false },
		{ "/a", "/a", true },	    { "/a", "a", false },
		{ "a", "/a", false },	    { "A", "a", false },
		{ "+", "a", true },	    { "+", "a/b", false },
		{ "+", "/a", false },	    { "+/+", "/a", true },
		{ "/+", "/a", true },	    { "/+", "a", false },
		{ "a/+", "a/b", true },	    { "a/+", "a/", true },
		{ "a/+", "a", false },	    { "a/+", "a/b/c", false },
		{ "a/+/c", "a/b/c", true }, { "a/+/c", "a//c", true },
		{ "a/+/c", "a/c", false },  { "a/+/c", "a/b/d", false },
		{ "+/b/+", "a/b/c", true }, { "#", "a", true },
		{ "#", "a/b/c", true },	    { "#", "/", true },
		{ "a/#", "a", true },	    { "a/#", "a/", true },
		{ "a/#", "a/b/c", true },   { "a/#", "ab", false },
		{ "a/#", "b", false },	    { "+/#", "a", true },
		{ "+/#", "a/b", true },	    { "a/+/#", "a", false },
		{ "a/+/#", "a/b", true },   { "#", "$SYS", false },
		{ "#", "$SYS/a", false },   { "+", "$SYS", false },
		{ "+/a", "$SYS/a", false }, { "$SYS/#", "$SYS/a", true },
		{ "$SYS/#", "$SYS", true }, { "$SYS/+", "$SYS/a", true },
		{ "a/+", "a/$b", true },    { "/#", "/sys/x", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (sb_filter_matches(cases[i].filter, cases[i].topic) != cases[i].matches)
			fail_msg("\"%s\" and \"%s\"", cases[i].filter, cases[i].topic);
	}
}

static void expect_refused(const char *filter, const char *sentence)
{
	struct sb_error error;

	assert_int_equal(sb_filter_check(filter, &error), -EINVAL);
	assert_int_equal(error.code, SB_ERROR_INVALID_TOPIC);
	assert_string_equal(error.text, sentence);
}

static void malformed_filters_are_refused_with_a_sentence(void **state)
{
	(void)state;
	expect_refused("",
		       "a filter has 1 to 512 bytes, this one 0: write a topic, or one with the "
		       "wildcards + and #");
	expect_refused("a/#/b",
		       "in the filter \"a/#/b\" something follows #: it matches all the rest, so "
		       "write it last");
	expect_refused("#/",
		       "in the filter \"#/\" something follows #: it matches all the rest, so "
		       "write it last");
	expect_refused("a#",
		       "in the filter \"a#\" a wildcard shares its level with other characters: "
		       "write /+/ or /#");
	expect_refused("a/b+/c", "in the filter \"a/b+/c\" a wildcard shares its level with other "
				 "characters: write /+/ or /#");
	expect_refused("++",
		       "in the filter \"++\" a wildcard shares its level with other characters: "
		       "write /+/ or /#");
	expect_refused("+#",
		       "in the filter \"+#\" a wildcard shares its level with other characters: "
		       "write /+/ or /#");
	expect_refused("##",
		       "in the filter \"##\" a wildcard shares its level with other characters: "
		       "write /+/ or /#");
}

static void a_filter_may_be_as_long_as_a_topic(void **state)
{
	char filter[SB_TOPIC_MAX + 2] = "";
	struct sb_error error;

	(void)state;
	memset(filter, 'x', SB_TOPIC_MAX);
	assert_int_equal(sb_filter_check(filter, &error), 0);
	filter[SB_TOPIC_MAX] = 'x';
	assert_int_equal(sb_filter_check(filter, &error), -EINVAL);
	assert_non_null(strstr(error.text, "this one 513"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_let_through_what_mqtt_says),
		cmocka_unit_test(malformed_filters_are_refused_with_a_sentence),
		cmocka_unit_test(a_filter_may_be_as_long_as_a_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
