/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All tests share one scratch directory, which stays until the last has run: the dynamic linker
 * knows files by their inodes, and those of removed ones come back for others. Each has a directory
 * of its own in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/plugins.h"
#include "tests/daemon/scratch.h"

#define NOBODY 65534

struct fixture {
	struct scratch scratch;
	struct sb_plugins *plugins;
	char directory[16];
	unsigned int n_tests;
};

static int group_setup(void **state)
{
	static struct fixture fixture;

	*state = &fixture;
	scratch_init(&fixture.scratch);

	return 0;
}

static int group_teardown(void **state)
{
	struct fixture *fixture = *state;

	scratch_done(&fixture->scratch);

	return 0;
}

static int setup(void **state)
{
	struct fixture *fixture = *state;

	(void)snprintf(fixture->directory, sizeof(fixture->directory), "%u", fixture->n_tests++);
	scratch_mkdir(&fixture->scratch, fixture->directory);

	return sb_plugins_new(fixture->scratch.joined, &fixture->plugins);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	fixture->plugins = sb_plugins_free(fixture->plugins);

	return 0;
}

/* Of a file in the test's own directory; valid until the next call. */
static const char *path_of(struct fixture *fixture, const char *file)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%s/%s", fixture->directory, file);

	return scratch_path(&fixture->scratch, name);
}

/* Copies the built plugin @from to the test's directory, as @to. */
static void install(struct fixture *fixture, const char *from, const char *to)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%s/%s", fixture->directory, to);
	scratch_plugin(&fixture->scratch, from, name);
}

static void assert_refused(struct fixture *fixture, const char *name, const char *words)
{
	const struct sb_plugin *plugin = sb_plugins_load(fixture->plugins, name);

	assert_non_null(plugin);
	assert_string_equal(plugin->name, name);
	if (plugin->descriptor)
		fail_msg("%s was loaded", name);
	assert_non_null(plugin->why);
	if (!strstr(plugin->why, words))
		fail_msg("\"%s\" does not say \"%s\"", plugin->why, words);
}

static void assert_loaded(struct fixture *fixture, const char *name)
{
	const struct sb_plugin *plugin = sb_plugins_load(fixture->plugins, name);

	assert_non_null(plugin);
	if (!plugin->descriptor)
		fail_msg("%s", plugin->why);
	assert_null(plugin->why);
	assert_string_equal(plugin->name, name);
	assert_string_equal(plugin->descriptor->name, name);
}

static void a_good_plugin_is_loaded(void **state)
{
	struct fixture *fixture = *state;
	const struct sb_plugin *plugin;

	install(fixture, "good.so", "good.so");
	assert_loaded(fixture, "good");
	plugin = sb_plugins_load(fixture->plugins, "good");
	assert_int_equal(plugin->descriptor->n_settings, 11);
	assert_string_equal(plugin->descriptor->settings[0].key, "host");
}

static void optional_calls_may_be_missing(void **state)
{
	struct fixture *fixture = *state;
	const struct sb_plugin *plugin;

	install(fixture, "plain.so", "plain.so");
	assert_loaded(fixture, "plain");
	plugin = sb_plugins_load(fixture->plugins, "plain");
	assert_true(SKYBUS_HAS(plugin->descriptor, decide));
	assert_false(SKYBUS_HAS(plugin->descriptor, accept));
}

static void a_name_is_tried_once(void **state)
{
	struct fixture *fixture = *state;
	const struct sb_plugin *missing, *good;

	missing = sb_plugins_load(fixture->plugins, "good");
	assert_null(missing->descriptor);
	install(fixture, "good.so", "good.so");
	install(fixture, "plain.so", "plain.so");
	assert_ptr_equal(sb_plugins_load(fixture->plugins, "good"), missing);

	good = sb_plugins_load(fixture->plugins, "plain");
	assert_ptr_equal(sb_plugins_load(fixture->plugins, "plain"), good);
	assert_int_equal(sb_plugins_count(fixture->plugins), 2);
	assert_ptr_equal(sb_plugins_at(fixture->plugins, 0), missing);
	assert_ptr_equal(sb_plugins_at(fixture->plugins, 1), good);
}

static void wrong_descriptors_are_refused(void **state)
{
	static const struct {
		const char *name;
		const char *words;
	} wrong[] = {
		{ "small", "says a size of" },
		{ "huge", "says a size of 65537 bytes" },
		{ "nocall", "lacks login()" },
		{ "wrongname", "says that its name is \"rightname\": name the file rightname.so" },
		{ "noname", "does not say its name, version or summary" },
		{ "v2", "it exports skybus_plugin_v2, not skybus_plugin_v1" },
		{ "nosymbol", "is no plugin: it does not export skybus_plugin_v1" },
		{ "undefined", "undefined symbol: skybus_no_such_function" },
		{ "badtable", "setting 1 (lifetime): its default is not a value it allows" },
		{ "manysettings", "says that it has 257 settings" },
		{ "notable", "says that it has 1 settings" },
		{ "reserved", "has a setting \"window\", as every link has" },
	};
	struct fixture *fixture = *state;
	char file[64];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(file, sizeof(file), "%s.so", wrong[i].name);
		install(fixture, file, file);
		assert_refused(fixture, wrong[i].name, wrong[i].words);
		assert_refused(fixture, wrong[i].name, file);
	}
}

static void what_is_no_library_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char name[128];

	(void)snprintf(name, sizeof(name), "%s/text.so", fixture->directory);
	scratch_text(&fixture->scratch, name, "This is no ELF file.");
	assert_refused(fixture, "text", "cannot load a plugin: ");
}

static void a_file_that_others_can_write_is_refused(void **state)
{
	struct fixture *fixture = *state;

	install(fixture, "good.so", "good.so");
	assert_int_equal(chmod(path_of(fixture, "good.so"), 0664), 0);
	assert_refused(fixture, "good", "(mode 0664): run chmod go-w");

	install(fixture, "plain.so", "plain.so");
	assert_int_equal(chmod(path_of(fixture, "plain.so"), 0646), 0);
	assert_refused(fixture, "plain", "(mode 0646): run chmod go-w");
}

static void a_file_of_somebody_else_is_refused(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	install(fixture, "good.so", "good.so");
	assert_int_equal(chown(path_of(fixture, "good.so"), NOBODY, NOBODY), 0);
	assert_refused(fixture, "good", "it belongs to user 65534");
}

static void a_symbolic_link_is_refused(void **state)
{
	struct fixture *fixture = *state;

	install(fixture, "good.so", "elsewhere");
	assert_int_equal(symlink("elsewhere", path_of(fixture, "good.so")), 0);
	assert_refused(fixture, "good", "it is a symbolic link");
}

static void what_is_no_file_is_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkdir(path_of(fixture, "folder.so"), 0755), 0);
	assert_refused(fixture, "folder", "is not a regular file");
	assert_int_equal(mkfifo(path_of(fixture, "fifo.so"), 0644), 0);
	assert_refused(fixture, "fifo", "is not a regular file");
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
	struct fixture *fixture = *state;

	install(fixture, "good.so", "good.so");
	assert_int_equal(chmod(path_of(fixture, "."), 0775), 0);
	assert_refused(fixture, "good", "(mode 0775): run chmod go-w");
}

static void a_directory_of_somebody_else_is_refused(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	install(fixture, "good.so", "good.so");
	assert_int_equal(chown(path_of(fixture, "."), NOBODY, NOBODY), 0);
	assert_refused(fixture, "good", "it belongs to user 65534");
}

static void a_directory_that_is_not_there(void **state)
{
	struct fixture *fixture = *state;

	fixture->plugins = sb_plugins_free(fixture->plugins);
	assert_int_equal(sb_plugins_new(path_of(fixture, "none"), &fixture->plugins), 0);
	sb_plugins_load_all(fixture->plugins);
	assert_int_equal(sb_plugins_count(fixture->plugins), 0);
	assert_null(sb_plugins_nearest(fixture->plugins, "good"));
	assert_refused(fixture, "good", "none: No such file or directory");
}

static void a_relative_directory_is_made_absolute(void **state)
{
	struct fixture *fixture = *state;

	install(fixture, "good.so", "good.so");
	fixture->plugins = sb_plugins_free(fixture->plugins);
	assert_int_equal(chdir(fixture->scratch.path), 0);
	assert_int_equal(sb_plugins_new(fixture->directory, &fixture->plugins), 0);
	assert_int_equal(chdir("/"), 0);
	assert_loaded(fixture, "good");
}

static void impossible_names_are_refused(void **state)
{
	static const char *const names[] = {
		"",	   "-a",
		"A",	   "a.b",
		"../good", "/good",
		"good.so", "a b",
		"a_b",	   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct fixture *fixture = *state;

	install(fixture, "good.so", "good.so");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_refused(fixture, names[i], "cannot be the name of a plugin");
}

static void a_missing_plugin_is_explained(void **state)
{
	struct fixture *fixture = *state;
	char words[PATH_MAX + 128];

	assert_refused(fixture, "none", "nor any other: install it");

	install(fixture, "good.so", "good.so");
	install(fixture, "plain.so", "plain.so");
	(void)snprintf(words, sizeof(words),
		       "there is no plugin \"godo\" in %s/%s: did you mean \"good\"?",
		       fixture->scratch.path, fixture->directory);
	assert_refused(fixture, "godo", words);
	assert_refused(fixture, "something", "write one of good, plain");
	assert_string_equal(sb_plugins_nearest(fixture->plugins, "plian"), "plain");
	assert_null(sb_plugins_nearest(fixture->plugins, "something"));
}

static void all_are_loaded_in_the_order_of_their_names(void **state)
{
	static const char *const names[] = { "Wrong", "good", "plain", "small" };
	struct fixture *fixture = *state;

	install(fixture, "small.so", "small.so");
	install(fixture, "plain.so", "plain.so");
	install(fixture, "good.so", "good.so");
	install(fixture, "good.so", "good.so.dpkg-new");
	install(fixture, "good.so", ".hidden.so");
	install(fixture, "good.so", "Wrong.so");

	sb_plugins_load_all(fixture->plugins);
	sb_plugins_load_all(fixture->plugins);
	assert_int_equal(sb_plugins_count(fixture->plugins), 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(sb_plugins_at(fixture->plugins, i)->name, names[i]);
	assert_loaded(fixture, "good");
	assert_loaded(fixture, "plain");
	assert_refused(fixture, "small", "says a size");
	assert_refused(fixture, "Wrong", "cannot be the name");
}

static void none_is_loaded_once_they_are_sealed(void **state)
{
	struct fixture *fixture = *state;
	const struct sb_plugin *plugin;

	install(fixture, "good.so", "good.so");
	assert_loaded(fixture, "good");
	sb_plugins_seal(fixture->plugins);
	assert_loaded(fixture, "good");
	install(fixture, "plain.so", "plain.so");
	assert_refused(fixture, "plain", "restart skybusd");
	assert_refused(fixture, "plane", "did you mean \"plain\"");
	assert_int_equal(sb_plugins_count(fixture->plugins), 1);
	plugin = sb_plugins_at(fixture->plugins, 0);
	assert_string_equal(plugin->name, "good");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_good_plugin_is_loaded),
		TEST(optional_calls_may_be_missing),
		TEST(a_name_is_tried_once),
		TEST(wrong_descriptors_are_refused),
		TEST(what_is_no_library_is_refused),
		TEST(a_file_that_others_can_write_is_refused),
		TEST(a_file_of_somebody_else_is_refused),
		TEST(a_symbolic_link_is_refused),
		TEST(what_is_no_file_is_refused),
		TEST(a_directory_that_others_can_write_is_refused),
		TEST(a_directory_of_somebody_else_is_refused),
		TEST(a_directory_that_is_not_there),
		TEST(a_relative_directory_is_made_absolute),
		TEST(impossible_names_are_refused),
		TEST(a_missing_plugin_is_explained),
		TEST(all_are_loaded_in_the_order_of_their_names),
		TEST(none_is_loaded_once_they_are_sealed),
	};
#undef TEST

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
