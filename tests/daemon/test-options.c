/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/options.h"

#define WORDS_MAX 8

/* Takes a command line that ends with NULL. */
static int parse(const char *const *words, struct sb_options *options, int *ret_exit)
{
	char *argv[WORDS_MAX + 1] = { NULL };
	int argc = 0;

	for (; words[argc]; argc++) {
		assert_true(argc < WORDS_MAX);
		argv[argc] = (char *)(uintptr_t)words[argc];
	}
	optind = 0; /* getopt(3) begins anew */

	return sb_options_parse(argc, argv, options, ret_exit);
}

static void without_options_the_defaults_stay(void **state)
{
	static const char *const words[] = { "skybusd", NULL };
	struct sb_options options = { .config = "/etc/a.yaml", .state_dir = "/var/a" };
	int status = 0;

	(void)state;
	assert_int_equal(parse(words, &options, &status), 0);
	assert_string_equal(options.config, "/etc/a.yaml");
	assert_string_equal(options.state_dir, "/var/a");
	assert_null(options.plugin_dir);
	assert_null(options.address);
	assert_false(options.session);
	assert_false(options.check_config);
	assert_false(options.list_plugins);
}

static void each_option_is_taken(void **state)
{
	static const char *const places[] = { "skybusd",	"--config=c",  "--state-dir", "s",
					      "--plugin-dir=p", "--address=a", NULL };
	static const char *const flags[] = { "skybusd", "--session", "--check-config",
					     "--list-plugins", NULL };
	struct sb_options options = { 0 };
	int status = 0;

	(void)state;
	assert_int_equal(parse(places, &options, &status), 0);
	assert_string_equal(options.config, "c");
	assert_string_equal(options.state_dir, "s");
	assert_string_equal(options.plugin_dir, "p");
	assert_string_equal(options.address, "a");
	assert_false(options.session);

	assert_int_equal(parse(flags, &options, &status), 0);
	assert_true(options.session);
	assert_true(options.check_config);
	assert_true(options.list_plugins);
}

static void the_level_of_the_log_is_set(void **state)
{
	static const char *const words[] = { "skybusd", "--log-level", "debug", NULL };
	struct sb_options options = { 0 };
	int before = sb_log_level();
	int level;
	int status = 0;

	(void)state;
	assert_int_equal(parse(words, &options, &status), 0);
	level = sb_log_level();
	sb_log_set_level(before);
	assert_int_equal(level, LOG_DEBUG);
}

static void what_is_wrong_ends_the_process(void **state)
{
	static const char *const wrong[][4] = {
		{ "skybusd", "--colour", NULL },
		{ "skybusd", "--config", NULL },
		{ "skybusd", "--log-level", "loud", NULL },
		{ "skybusd", "start", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(wrong); i++) {
		struct sb_options options = { 0 };
		int status = 0;

		assert_int_equal(parse(wrong[i], &options, &status), -EINVAL);
		assert_int_equal(status, EX_USAGE);
	}
}

static void a_question_is_answered_and_that_is_all(void **state)
{
	static const char *const questions[][3] = {
		{ "skybusd", "--help", NULL },
		{ "skybusd", "--version", NULL },
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(questions); i++) {
		struct sb_options options = { 0 };
		int status = EX_USAGE;

		assert_int_equal(parse(questions[i], &options, &status), -ECANCELED);
		assert_int_equal(status, EXIT_SUCCESS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_options_the_defaults_stay),
		cmocka_unit_test(each_option_is_taken),
		cmocka_unit_test(the_level_of_the_log_is_set),
		cmocka_unit_test(what_is_wrong_ends_the_process),
		cmocka_unit_test(a_question_is_answered_and_that_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
