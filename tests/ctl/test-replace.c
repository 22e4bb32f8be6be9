/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
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

#include "ctl/cleanup.h"
#include "ctl/replace.h"

/** struct world - a folder, and two names in it */
struct world {
	char folder[64];
	char path[96];
	char other[96];
};

static int setup(void **state)
{
	static struct world world;

	world = (struct world){ .folder = "/tmp/test-replace-XXXXXX" };
	if (!mkdtemp(world.folder))
		return -1;
	(void)snprintf(world.path, sizeof(world.path), "%s/file", world.folder);
	(void)snprintf(world.other, sizeof(world.other), "%s/other", world.folder);
	*state = &world;

	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	(void)unlink(world->path);
	(void)unlink(world->other);

	/* Nothing else was left there. */
	return rmdir(world->folder);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void assert_has(const char *path, const char *expected)
{
	FILE *file = fopen(path, "re");
	char text[64] = "";

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, expected);
}

static void replace(const char *path, const char *text, bool whole, enum ctl_exit expected)
{
	CTL_CLEANUP(free) char *beside = NULL;
	int fd;

	assert_int_equal(ctl_replace_begin(path, &beside, &fd), CTL_EXIT_OK);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	errno = ENOSPC;
	assert_int_equal(ctl_replace_end(path, beside, whole), expected);
}

static void test_as_a_whole_or_not_at_all(void **state)
{
	struct world *world = *state;
	struct stat status;

	put(world->path, "old");
	assert_int_equal(chmod(world->path, 0644), 0);
	replace(world->path, "half", false, CTL_EXIT_FAILED);
	assert_has(world->path, "old");
	replace(world->path, "new", true, CTL_EXIT_OK);
	assert_has(world->path, "new");
	assert_int_equal(stat(world->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_only_a_file_is_replaced(void **state)
{
	struct world *world = *state;
	char *beside;
	int fd;

	put(world->other, "somebody else's");
	assert_int_equal(symlink(world->other, world->path), 0);
	assert_int_equal(ctl_replace_begin(world->path, &beside, &fd), CTL_EXIT_FAILED);
	assert_has(world->other, "somebody else's");
	assert_int_equal(ctl_replace_begin(world->folder, &beside, &fd), CTL_EXIT_FAILED);
	assert_int_equal(ctl_replace_begin("/dev/null", &beside, &fd), CTL_EXIT_FAILED);
	assert_int_equal(ctl_replace_begin("/nonexistent/file", &beside, &fd), CTL_EXIT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_a_whole_or_not_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_a_file_is_replaced, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
