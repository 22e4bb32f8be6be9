/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/replace.h"

static enum ctl_exit cannot_write(const char *path)
{
	return ctl_fail(CTL_EXIT_FAILED, "%s cannot be written: %s.", path, strerror(errno));
}

/**
 * ctl_replace_begin() - begin a file
 * @path: what it will be called; what is there must be a file
 * @ret_beside: what it is called until then, and has the same folder; the caller frees it
 * @ret_fd: the file, which only its owner may read; the caller closes it
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_replace_begin(const char *path, char **ret_beside, int *ret_fd)
{
	struct stat status;
	char *beside;
	int fd;

	if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return ctl_fail(
			CTL_EXIT_FAILED,
			"%s is there and is no file, so it is not replaced: give another name.",
			path);
	if (asprintf(&beside, "%s.XXXXXX", path) < 0)
		return ctl_no_memory();
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0) {
		free(beside);
		return cannot_write(path);
	}
	*ret_beside = beside;
	*ret_fd = fd;

	return CTL_EXIT_OK;
}

/**
 * ctl_replace_end() - give it its name, or remove it
 * @path: as at the beginning
 * @beside: as it was returned
 * @whole: it is; else errno says why not
 *
 * Not synced: for what can be made again.
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_replace_end(const char *path, const char *beside, bool whole)
{
	enum ctl_exit status;

	if (whole && rename(beside, path) == 0)
		return CTL_EXIT_OK;
	status = cannot_write(path);
	(void)unlink(beside);

	return status;
}
