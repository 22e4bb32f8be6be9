/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/error.h"
#include "daemon/plugins.h"
#include "daemon/quarantine.h"
#include "tests/daemon/dying.h"
#include "tests/daemon/scratch.h"

struct fixture {
	struct scratch scratch;
	char state[PATH_MAX];
	char plugins[PATH_MAX];
	struct sb_quarantine *quarantine;
};

static int setup(void **state)
{
	static struct fixture fixture;

	*state = &fixture;
	scratch_init(&fixture.scratch);
	scratch_mkdir(&fixture.scratch, "state");
	(void)strcpy(fixture.state, fixture.scratch.joined);
	scratch_mkdir(&fixture.scratch, "plugins");
	(void)strcpy(fixture.plugins, fixture.scratch.joined);
	scratch_plugin(&fixture.scratch, "good.so", "plugins/good.so");

	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	fixture->quarantine = sb_quarantine_free(fixture->quarantine);
	scratch_done(&fixture->scratch);

	return 0;
}

static void start(struct fixture *fixture)
{
	assert_int_equal(sb_quarantine_new(fixture->state, fixture->plugins, &fixture->quarantine),
			 0);
}

static void stop(struct fixture *fixture)
{
	fixture->quarantine = sb_quarantine_free(fixture->quarantine);
}

/* A run that dies of the plugin "good", and the next one, which counts it. */
static void crash(struct fixture *fixture, unsigned int times)
{
	while (times-- > 0) {
		(void)die_in(fixture->state, "good", SB_RUNNING_LOGIN, die_of_signal);
		start(fixture);
		stop(fixture);
	}
}

static bool is_held(struct fixture *fixture, const char *plugin)
{
	char *why;
	bool held;

	assert_int_equal(sb_quarantine_why(fixture->quarantine, plugin, &why), 0);
	held = why != NULL;
	free(why);

	return held;
}

static void assert_held(struct fixture *fixture, bool held)
{
	start(fixture);
	assert_int_equal(is_held(fixture, "good"), held);
	stop(fixture);
}

/* As an upgrade does it. */
static void replace_plugin(struct fixture *fixture)
{
	char from[PATH_MAX];

	scratch_plugin(&fixture->scratch, "good.so", "plugins/new");
	(void)strcpy(from, scratch_path(&fixture->scratch, "plugins/new"));
	assert_int_equal(rename(from, scratch_path(&fixture->scratch, "plugins/good.so")), 0);
}

static void the_third_crash_is_one_too_many(void **state)
{
	struct fixture *fixture = *state;

	crash(fixture, 2);
	assert_held(fixture, false);
	crash(fixture, 1);
	assert_held(fixture, true);
	/* For as long as nobody does anything about it. */
	assert_held(fixture, true);
	start(fixture);
	assert_false(is_held(fixture, "plain"));
}

static void ends_in_between_do_not_count(void **state)
{
	struct fixture *fixture = *state;

	crash(fixture, 1);
	for (int i = 0; i < 5; i++)
		assert_held(fixture, false);
}

static void it_can_be_lifted(void **state)
{
	struct fixture *fixture = *state;

	crash(fixture, 3);
	start(fixture);
	assert_int_equal(sb_quarantine_lift(fixture->quarantine, "plain"), -ENOENT);
	assert_int_equal(sb_quarantine_lift(fixture->quarantine, "good"), 0);
	assert_int_equal(sb_quarantine_lift(fixture->quarantine, "good"), -ENOENT);
	assert_false(is_held(fixture, "good"));
	stop(fixture);
	assert_held(fixture, false);
	crash(fixture, 2);
	assert_held(fixture, false);
	crash(fixture, 1);
	assert_held(fixture, true);
}

static void it_stays_when_that_cannot_be_written(void **state)
{
	struct fixture *fixture = *state;

	crash(fixture, 3);
	start(fixture);
	scratch_mkdir(&fixture->scratch, "state/" SB_QUARANTINE_FILE_NAME ".new");
	assert_true(sb_quarantine_lift(fixture->quarantine, "good") < 0);
	assert_true(is_held(fixture, "good"));
	stop(fixture);
	assert_held(fixture, true);
}

static void another_file_is_tried(void **state)
{
	struct fixture *fixture = *state;

	crash(fixture, 2);
	replace_plugin(fixture);
	/* This one is of the new file, or of the old one just before: it is not the third in any case. */
	crash(fixture, 1);
	assert_held(fixture, false);
	crash(fixture, 3);
	assert_held(fixture, true);
	replace_plugin(fixture);
	assert_held(fixture, false);
}

static void one_whose_file_is_away_stays(void **state)
{
	struct fixture *fixture = *state;
	char away[PATH_MAX];

	crash(fixture, 3);
	(void)strcpy(away, scratch_path(&fixture->scratch, "plugins/away"));
	assert_int_equal(rename(scratch_path(&fixture->scratch, "plugins/good.so"), away), 0);
	assert_held(fixture, true);
	assert_int_equal(rename(away, scratch_path(&fixture->scratch, "plugins/good.so")), 0);
	assert_held(fixture, true);
}

static void what_is_no_account_is_begun_anew(void **state)
{
	struct fixture *fixture = *state;
	static char large[128 * 1024];

	crash(fixture, 2);
	memset(large, 'x', sizeof(large));
	scratch_write(&fixture->scratch, "state/" SB_QUARANTINE_FILE_NAME, large, sizeof(large),
		      0600);
	assert_held(fixture, false);
	crash(fixture, 2);
	assert_held(fixture, false);
	crash(fixture, 1);
	assert_held(fixture, true);
	scratch_write(&fixture->scratch, "state/" SB_CRASH_NOTE_FILE_NAME, large, 100, 0600);
	assert_held(fixture, true);
}

static void the_loader_asks(void **state)
{
	struct fixture *fixture = *state;
	const struct sb_plugin *plugin;
	struct sb_plugins *plugins;
	struct sb_error error;

	crash(fixture, 3);
	start(fixture);
	assert_int_equal(sb_plugins_new(fixture->plugins, &plugins), 0);
	sb_plugins_guard(plugins, fixture->quarantine);
	plugin = sb_plugins_load(plugins, "good");
	assert_true(plugin->quarantined);
	assert_null(plugin->descriptor);
	assert_non_null(strstr(plugin->why, "in login() for the link plant: SIGSEGV"));
	assert_non_null(strstr(plugin->why, "skybusctl plugins lift good"));
	sb_plugins_seal(plugins);
	assert_int_equal(sb_plugins_lift(plugins, "none", &error), -EOPNOTSUPP);
	assert_int_equal(sb_plugins_lift(plugins, "good", &error), 0);
	assert_ptr_equal(sb_plugins_load(plugins, "good"), plugin);
	assert_false(plugin->quarantined);
	assert_null(plugin->why);
	assert_string_equal(plugin->descriptor->name, "good");
	assert_int_equal(sb_plugins_lift(plugins, "good", &error), -EOPNOTSUPP);
	(void)sb_plugins_free(plugins);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
		TEST(the_third_crash_is_one_too_many),
		TEST(ends_in_between_do_not_count),
		TEST(it_can_be_lifted),
		TEST(it_stays_when_that_cannot_be_written),
		TEST(another_file_is_tried),
		TEST(one_whose_file_is_away_stays),
		TEST(what_is_no_account_is_begun_anew),
		TEST(the_loader_asks),
#undef TEST
	};

	return cmocka_run_group_tests_name("quarantine", tests, NULL, NULL);
}
