/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A private directory for a test, with the modes that the test says whatever the umask is. Include
 * <cmocka.h> before.
 */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** struct scratch - the directory; embedded in the test's fixture */
struct scratch {
	char path[64];
	char joined[PATH_MAX]; /* of the last scratch_path() */
};

static inline void scratch_init(struct scratch *scratch)
{
	strcpy(scratch->path, "/tmp/skybus-test-XXXXXX");
	assert_non_null(mkdtemp(scratch->path));
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int type,
				     struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;

	return remove(path);
}

static inline void scratch_done(struct scratch *scratch)
{
	(void)nftw(scratch->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Valid until the next call. */
static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
	(void)snprintf(scratch->joined, sizeof(scratch->joined), "%s/%s", scratch->path, name);

	return scratch->joined;
}

static inline void scratch_mkdir(struct scratch *scratch, const char *name)
{
	assert_int_equal(mkdir(scratch_path(scratch, name), 0755), 0);
	assert_int_equal(chmod(scratch->joined, 0755), 0);
}

static inline void scratch_write(struct scratch *scratch, const char *name, const void *data,
				 size_t len, mode_t mode)
{
	int fd = open(scratch_path(scratch, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static inline void scratch_text(struct scratch *scratch, const char *name, const char *text)
{
	scratch_write(scratch, name, text, strlen(text), 0644);
}

/* Copies the plugin @from of the built test plugins to @to. */
static inline void scratch_plugin(struct scratch *scratch, const char *from, const char *to)
{
	const char *built = getenv("SKYBUS_TEST_PLUGINS");
	static char data[1024 * 1024];
	char path[PATH_MAX];
	size_t len;
	FILE *file;

	if (!built)
		fail_msg("SKYBUS_TEST_PLUGINS must name the directory of the built test plugins");
	(void)snprintf(path, sizeof(path), "%s/%s", built, from);
	file = fopen(path, "re");
	if (!file)
		fail_msg("cannot open %s", path);
	len = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	assert_in_range(len, 1, sizeof(data) - 1);
	scratch_write(scratch, to, data, len, 0644);
}
