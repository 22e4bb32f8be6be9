/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/args.h"
#include "ctl/cleanup.h"

#define WORDS_MAX 16

static const struct ctl_option options[] = {
	{ .name = "force", .letter = 'f', .help = "a switch" },
	{ .name = "level", .value = "LEVEL", .choices = "low|lower|high", .help = "a choice" },
	{ .name = "wait",
	  .letter = 'w',
	  .value = "TIME",
	  .may_stand_alone = true,
	  .help = "may stand alone" },
	{ .name = NULL },
};

static const struct ctl_word one_and_more[] = {
	{ .name = "LINK" },
	{ .name = "REST", .optional = true, .repeated = true },
	{ .name = NULL },
};

static const struct ctl_command table[] = {
	{ .name = "thing", .summary = "", .options = options },
	{ .name = "thing do", .summary = "", .words = one_and_more, .options = options },
	{ .name = "group show", .summary = "" },
	{ .name = NULL },
};

static char *argv[WORDS_MAX];

/* The words of a command line, split at spaces; "''" stands for an empty one. */
static enum ctl_exit parse(const char *line, struct ctl_args *ret)
{
	static char copy[256];
	int argc = 0;

	(void)snprintf(copy, sizeof(copy), "skybusctl %s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		assert_true(argc < WORDS_MAX - 1);
		argv[argc++] = strcmp(word, "''") == 0 ? (char *)"" : word;
	}
	argv[argc] = NULL;

	return ctl_args_parse(argc, argv, table, ret);
}

static void test_command_and_words(void **state)
{
	struct ctl_args args;

	(void)state;
	assert_int_equal(parse("thing do plant a b", &args), CTL_EXIT_OK);
	assert_string_equal(args.command->name, "thing do");
	assert_int_equal(args.n_words, 3);
	assert_string_equal(args.words[0], "plant");
	assert_string_equal(args.words[2], "b");

	/* The longest name wins, and a shorter one is still there. */
	assert_int_equal(parse("thing", &args), CTL_EXIT_OK);
	assert_string_equal(args.command->name, "thing");
	assert_int_equal(args.n_words, 0);
}

static void test_options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"--json thing do --level low plant -f --wait=5 x",
		"thing do plant x --json -w5 --level=low --force",
		"thing do -fw5 plant --level low --json x",
	};
	struct ctl_args args;

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(lines); i++) {
		assert_int_equal(parse(lines[i], &args), CTL_EXIT_OK);
		assert_non_null(ctl_args_option(&args, "json"));
		assert_string_equal(ctl_args_option(&args, "level"), "low");
		assert_string_equal(ctl_args_option(&args, "force"), "");
		assert_string_equal(ctl_args_option(&args, "wait"), "5");
		assert_null(ctl_args_option(&args, "session"));
		assert_null(ctl_args_option(&args, "nonsense"));
		assert_int_equal(args.n_words, 2);
		assert_string_equal(args.words[1], "x");
	}
}

static void test_what_may_stand_alone(void **state)
{
	struct ctl_args args;

	(void)state;
	assert_int_equal(parse("thing do --wait plant", &args), CTL_EXIT_OK);
	assert_string_equal(ctl_args_option(&args, "wait"), "");
	assert_int_equal(args.n_words, 1);
}

static void test_two_hyphens_end_options(void **state)
{
	struct ctl_args args;

	(void)state;
	assert_int_equal(parse("thing do -- --json -f", &args), CTL_EXIT_OK);
	assert_null(ctl_args_option(&args, "json"));
	assert_int_equal(args.n_words, 2);
	assert_string_equal(args.words[0], "--json");
}

static void test_help_needs_no_words(void **state)
{
	struct ctl_args args;

	(void)state;
	assert_int_equal(parse("--help", &args), CTL_EXIT_OK);
	assert_null(args.command);
	assert_int_equal(parse("thing do --help", &args), CTL_EXIT_OK);
	assert_non_null(ctl_args_option(&args, "help"));
}

static void test_what_is_wrong(void **state)
{
	static const char *const lines[] = {
		"nonsense",
		"group",
		"thi",
		"thing do", /* LINK is missing */
		"thing x", /* too much */
		"group show x",
		"thing --level", /* its value is missing */
		"thing --level hig", /* part of a choice */
		"thing --level low|lower",
		"thing --level ''",
		"thing --purple",
		"thing -p",
		"group show --force", /* another command's */
	};
	struct ctl_args args = { .n_words = 77 };

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(lines); i++)
		assert_int_equal(parse(lines[i], &args), CTL_EXIT_USAGE);
	assert_int_equal(args.n_words, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_and_words),
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_what_may_stand_alone),
		cmocka_unit_test(test_two_hyphens_end_options),
		cmocka_unit_test(test_help_needs_no_words),
		cmocka_unit_test(test_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
