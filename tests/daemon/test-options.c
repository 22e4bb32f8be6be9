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
#include "daemon/isolation.h"
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
	struct sb_options options;
	int status = 0;

	(void)state;
	assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
	assert_int_equal(parse(words, &options, &status), 0);
	assert_null(options.instance);
	assert_string_equal(options.config, SKYBUS_CONFIG_DIR "/skybus.yaml");
	assert_string_equal(options.state_dir, SKYBUS_STATE_DIR);
	assert_string_equal(options.plugin_dir, SKYBUS_PLUGIN_DIR);
	assert_string_equal(options.plugin_host, sb_isolation_program);
	assert_null(options.address);
	assert_false(options.session);
	assert_false(options.check_config);
	assert_false(options.list_plugins);
}

static void an_instance_has_places_of_its_own(void **state)
{
	static const char *const words[] = { "skybusd", "--instance=depot-2", NULL };
	static const char *const more[] = { "skybusd", "--config=c", "--instance=depot",
					    "--state-dir=s", NULL };
	struct sb_options options;
	int status = 0;

	(void)state;
	assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
	assert_int_equal(parse(words, &options, &status), 0);
	assert_string_equal(options.instance, "depot-2");
	assert_string_equal(options.config, SKYBUS_CONFIG_DIR "/instances/depot-2/skybus.yaml");
	assert_string_equal(options.state_dir, SKYBUS_STATE_DIR "-instances/depot-2");
	assert_string_equal(options.plugin_dir, SKYBUS_PLUGIN_DIR);

	assert_int_equal(parse(more, &options, &status), 0);
	assert_string_equal(options.config, "c");
	assert_string_equal(options.state_dir, "s");
}

static void the_service_manager_chooses_the_state_directory(void **state)
{
	static const char *const words[][3] = {
		{ "skybusd", NULL },
		{ "skybusd", "--instance=depot", NULL },
		{ "skybusd", "--state-dir=s", NULL },
	};
	static const char *const expected[] = { "/var/x", "/var/x", "s" };
	struct sb_options options;
	int status = 0;

	(void)state;
	assert_int_equal(setenv("STATE_DIRECTORY", "/var/x", 1), 0);
	for (size_t i = 0; i < SB_ELEMENTS(words); i++) {
		assert_int_equal(parse(words[i], &options, &status), 0);
		assert_string_equal(options.state_dir, expected[i]);
	}
	assert_int_equal(unsetenv("STATE_DIRECTORY"), 0);
}

static void each_option_is_taken(void **state)
{
	static const char *const places[] = { "skybusd",	"--config=c",
					      "--state-dir",	"s",
					      "--plugin-dir=p", "--plugin-host=h",
					      "--address=a",	NULL };
	static const char *const flags[] = { "skybusd", "--session", "--check-config",
					     "--list-plugins", NULL };
	struct sb_options options = { 0 };
	int status = 0;

	(void)state;
	assert_int_equal(parse(places, &options, &status), 0);
	assert_string_equal(options.config, "c");
	assert_string_equal(options.state_dir, "s");
	assert_string_equal(options.plugin_dir, "p");
	assert_string_equal(options.plugin_host, "h");
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
		{ "skybusd", "--instance=", NULL },
		{ "skybusd", "--instance=2nd", NULL },
		{ "skybusd", "--instance=a.b", NULL },
		{ "skybusd", "--instance=../a", NULL },
		{ "skybusd",
		  "--instance=a2345678901234567890123456789012345678901234567890123456789012345",
		  NULL },
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
		cmocka_unit_test(an_instance_has_places_of_its_own),
		cmocka_unit_test(the_service_manager_chooses_the_state_directory),
		cmocka_unit_test(each_option_is_taken),
		cmocka_unit_test(the_level_of_the_log_is_set),
		cmocka_unit_test(what_is_wrong_ends_the_process),
		cmocka_unit_test(a_question_is_answered_and_that_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
