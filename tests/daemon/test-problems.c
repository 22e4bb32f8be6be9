/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "daemon/problems.h"

static struct sb_problems problems;

static int setup(void **state)
{
	(void)state;
	problems = (struct sb_problems){ 0 };

	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sb_problems_done(&problems);

	return 0;
}

static void counts_errors_apart_from_warnings(void **state)
{
	(void)state;
	sb_problems_warning(&problems, SB_EVENT_SECRET_INLINE, NULL, "one");
	sb_problems_error(&problems, NULL, "two");
	sb_problems_warning(&problems, SB_EVENT_CONFIG_RESTART, NULL, "three");

	assert_int_equal(problems.n, 3);
	assert_int_equal(problems.n_errors, 1);
	assert_int_equal(problems.all[0].event, SB_EVENT_SECRET_INLINE);
	assert_int_equal(problems.all[1].event, SB_EVENT_CONFIG_WRONG);
	assert_int_equal(problems.all[2].event, SB_EVENT_CONFIG_RESTART);
	assert_string_equal(problems.all[2].text, "three");
}

static void begins_with_the_place_as_far_as_it_is_known(void **state)
{
	(void)state;
	sb_problems_error(&problems, &(struct sb_place){ "a.yaml", 7, 15 }, "no %s", "good");
	sb_problems_error(&problems, &(struct sb_place){ .file = "a.yaml" }, "no good");
	sb_problems_error(&problems, &(struct sb_place){ 0 }, "no good");

	assert_string_equal(problems.all[0].text, "a.yaml:7:15: no good");
	assert_string_equal(problems.all[1].text, "a.yaml: no good");
	assert_string_equal(problems.all[2].text, "no good");
}

static void is_one_printable_line(void **state)
{
	(void)state;
	sb_problems_error(&problems, NULL, "a\nb\033[1m\177c");
	sb_problems_error(&problems, NULL, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x80");
	sb_problems_error(&problems, NULL, "cut \xe2\x82, alone \x82, long \xff.");
	sb_problems_error(&problems, NULL, "%.5s", "\xe2\x82\xac\xe2\x82\xac");

	assert_string_equal(problems.all[0].text, "a?b?[1m?c");
	assert_string_equal(problems.all[1].text,
			    "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\x80");
	assert_string_equal(problems.all[2].text, "cut ??, alone ?, long ?.");
	assert_string_equal(problems.all[3].text, "\xe2\x82\xac??");
}

static void is_cut_where_it_is_endless(void **state)
{
	static char word[100000];

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	sb_problems_error(&problems, &(struct sb_place){ word, 1, 1 }, "%s", word);

	assert_in_range(strlen(problems.all[0].text), 1000, 5000);
}

static void can_be_used_again(void **state)
{
	(void)state;
	sb_problems_error(&problems, NULL, "one");
	sb_problems_done(&problems);
	assert_int_equal(problems.n, 0);
	assert_int_equal(problems.n_errors, 0);
	sb_problems_error(&problems, NULL, "two");
	assert_string_equal(problems.all[0].text, "two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_errors_apart_from_warnings, setup, teardown),
		cmocka_unit_test_setup_teardown(begins_with_the_place_as_far_as_it_is_known, setup,
						teardown),
		cmocka_unit_test_setup_teardown(is_one_printable_line, setup, teardown),
		cmocka_unit_test_setup_teardown(is_cut_where_it_is_endless, setup, teardown),
		cmocka_unit_test_setup_teardown(can_be_used_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
