/* SPDX-License-Identifier: Apache-2.0 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/draft.h"

struct fixture {
	char folder[64];
	char conf_d[96];
	struct ctl_draft draft;
};

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *where)
{
	(void)status;
	(void)flag;
	(void)where;

	return remove(path);
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .folder = "/tmp/skybus-draft-XXXXXX" };
	assert_non_null(mkdtemp(f.folder));
	(void)snprintf(f.conf_d, sizeof(f.conf_d), "%s/conf.d", f.folder);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ctl_draft_done(&f->draft);

	return nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const struct fixture *f, const char *name)
{
	static char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", f->conf_d, name);

	return path;
}

static void assert_file(const struct fixture *f, const char *name, mode_t mode,
			const char *expected)
{
	char text[1024] = "";
	struct stat status;
	FILE *file = fopen(path_of(f, name), "r");

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &status), 0);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0 || feof(file));
	(void)fclose(file);
	assert_int_equal(status.st_mode & 07777, mode);
	assert_string_equal(text, expected);
}

static bool is_there(const struct fixture *f, const char *name)
{
	return access(path_of(f, name), F_OK) == 0;
}

static void begin(struct fixture *f)
{
	assert_int_equal(ctl_draft_begin(&f->draft, f->conf_d, "plant"), CTL_EXIT_OK);
	assert_int_equal(ctl_draft_set(&f->draft, "What it is.", "plugin", "enos"), CTL_EXIT_OK);
}

/* ---- */

static void test_files(void **state)
{
	struct fixture *f = *state;
	struct stat status;
	char expected[512];

	(void)umask(077);
	begin(f);
	assert_int_equal(stat(f->conf_d, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0755);
	assert_int_equal(ctl_draft_secret(&f->draft, "Hush.", "key", "secret"), CTL_EXIT_OK);
	assert_int_equal(
		ctl_draft_set(&f->draft,
			      "A sentence of so many words that it is longer than a line of a "
			      "file should be, and goes on below.",
			      "port", "5683"),
		CTL_EXIT_OK);
	assert_false(is_there(f, "plant.yaml"));
	assert_int_equal(ctl_draft_write(&f->draft), CTL_EXIT_OK);
	(void)snprintf(
		expected, sizeof(expected),
		"# Written by \"skybusctl config init\". skybus.yaml(5) has all settings.\n"
		"links:\n"
		"  plant:\n"
		"    # What it is.\n"
		"    plugin: enos\n\n"
		"    # Hush.\n"
		"    key: {file: %s/plant.key}\n\n"
		"    # A sentence of so many words that it is longer than a line of a file should be, and goes on\n"
		"    # below.\n"
		"    port: 5683\n",
		f->conf_d);
	assert_file(f, "plant.yaml", 0644, expected);
	assert_file(f, "plant.key", 0600, "secret");
	assert_false(is_there(f, ".plant.new"));
	ctl_draft_keep(&f->draft);
	ctl_draft_done(&f->draft);
	assert_true(is_there(f, "plant.yaml"));
	assert_true(is_there(f, "plant.key"));
}

static void test_nothing_stays_behind(void **state)
{
	struct fixture *f = *state;

	begin(f);
	assert_int_equal(ctl_draft_secret(&f->draft, "Hush.", "key", "secret"), CTL_EXIT_OK);
	assert_int_equal(ctl_draft_write(&f->draft), CTL_EXIT_OK);
	ctl_draft_done(&f->draft);
	assert_int_equal(access(f->conf_d, F_OK), -1);
}

static void test_what_was_there_stays(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	assert_int_equal(mkdir(f->conf_d, 0755), 0);
	begin(f);
	/* Somebody is quicker. */
	file = fopen(path_of(f, "plant.yaml"), "w");
	assert_non_null(file);
	(void)fputs("theirs", file);
	(void)fclose(file);
	assert_int_equal(chmod(path_of(f, "plant.yaml"), 0600), 0);
	assert_int_equal(ctl_draft_write(&f->draft), CTL_EXIT_FAILED);
	assert_false(is_there(f, ".plant.new"));
	ctl_draft_done(&f->draft);
	assert_file(f, "plant.yaml", 0600, "theirs");
	assert_int_equal(ctl_draft_begin(&f->draft, f->conf_d, "plant"), CTL_EXIT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_files),
		TEST(test_nothing_stays_behind),
		TEST(test_what_was_there_stays),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
