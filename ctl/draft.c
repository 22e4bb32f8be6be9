/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/cleanup.h"
#include "ctl/draft.h"
#include "ctl/yaml-json.h"

/* Where lines of comments end. */
#define WIDTH 100

static void close_ctl_cleanup(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static enum ctl_exit cannot_write(const char *path)
{
	int error = errno;
	const char *sudo = error == EACCES || error == EPERM || error == EROFS
				   ? "; you have to be root for that (sudo)"
				   : "";

	return ctl_fail(error == EACCES || error == EPERM ? CTL_EXIT_NOT_PERMITTED
							  : CTL_EXIT_FAILED,
			"%s cannot be written: %s%s.", path, strerror(error), sudo);
}

/* ---- life ---- */

static enum ctl_exit make_directory(struct ctl_draft *draft, const char *directory)
{
	char path[PATH_MAX];

	if (mkdir(directory, 0755) == 0) {
		draft->made_directory = true;
		(void)chmod(directory, 0755); /* whatever the umask: skybusd reads it */
	} else if (errno != EEXIST) {
		return cannot_write(directory);
	}

	if (!realpath(directory, path) || access(path, W_OK) < 0)
		return cannot_write(directory);
	draft->directory = strdup(path);

	return draft->directory ? CTL_EXIT_OK : ctl_no_memory();
}

/**
 * ctl_draft_begin() - begin with a link that has no settings
 * @draft: zeroed
 * @directory: conf.d; made if only that is missing
 * @name: of the link; a good one
 *
 * Return: CTL_EXIT_OK, or what to end with when it was said that its file is there, or cannot be.
 */
enum ctl_exit ctl_draft_begin(struct ctl_draft *draft, const char *directory, const char *name)
{
	enum ctl_exit status;

	draft->owner = geteuid();
	draft->name = strdup(name);
	draft->settings = open_memstream(&draft->text, &draft->len);
	if (!draft->name || !draft->settings)
		return ctl_no_memory();
	status = make_directory(draft, directory);
	if (status != CTL_EXIT_OK)
		return status;
	if (asprintf(&draft->file, "%s/%s.yaml", draft->directory, name) < 0) {
		draft->file = NULL;
		return ctl_no_memory();
	}
	if (access(draft->file, F_OK) == 0)
		return ctl_fail(CTL_EXIT_FAILED,
				"%s is there already: give the link another name, or change that "
				"file with an editor.",
				draft->file);

	return CTL_EXIT_OK;
}

/** ctl_draft_keep() - what was written stays */
void ctl_draft_keep(struct ctl_draft *draft)
{
	while (draft->n_written > 0)
		free(draft->written[--draft->n_written]);
	draft->made_directory = false;
}

/** ctl_draft_done() - forget it; what was written and not kept is removed */
void ctl_draft_done(struct ctl_draft *draft)
{
	for (size_t i = 0; i < draft->n_written; i++)
		if (unlink(draft->written[i]) < 0)
			(void)ctl_fail(CTL_EXIT_FAILED, "%s cannot be removed: %s.",
				       draft->written[i], strerror(errno));
	if (draft->made_directory)
		(void)rmdir(draft->directory);
	ctl_draft_keep(draft);
	free(draft->written);
	free(draft->directory);
	free(draft->name);
	free(draft->file);
	if (draft->settings)
		(void)fclose(draft->settings);
	free(draft->text);
	*draft = (struct ctl_draft){ .directory = NULL };
}

/* ---- settings ---- */

/* As comments of WIDTH columns at most, unless one word is longer. */
static void put_help(FILE *settings, const char *help)
{
	static const char margin[] = "    #";
	size_t column = strlen(margin);

	(void)fputs(ftell(settings) > 0 ? "\n" : "", settings);
	(void)fputs(margin, settings);
	for (size_t len; *help; help += len, help += strspn(help, " ")) {
		len = strcspn(help, " ");
		if (column + 1 + len > WIDTH && column > strlen(margin)) {
			(void)fprintf(settings, "\n%s", margin);
			column = strlen(margin);
		}
		(void)fprintf(settings, " %.*s", (int)len, help);
		column += 1 + len;
	}
	(void)fputs("\n", settings);
}

/**
 * ctl_draft_set() - a setting
 * @help: what it says, for a comment
 * @key: the setting
 * @value: as one writes it
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_draft_set(struct ctl_draft *draft, const char *help, const char *key,
			    const char *value)
{
	put_help(draft->settings, help);
	(void)fprintf(draft->settings, "    %s: %s\n", key, value);

	return fflush(draft->settings) == 0 && !ferror(draft->settings) ? CTL_EXIT_OK
									: ctl_no_memory();
}

/* ---- files ---- */

/* It is removed unless it is kept. */
static enum ctl_exit remember(struct ctl_draft *draft, const char *path)
{
	char **written = reallocarray(draft->written, draft->n_written + 1, sizeof(*written));

	if (!written)
		return ctl_no_memory();
	draft->written = written;
	written[draft->n_written] = strdup(path);
	if (!written[draft->n_written])
		return ctl_no_memory();
	draft->n_written++;

	return CTL_EXIT_OK;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}

	return fsync(fd);
}

/* A new file, which nobody had before. */
static enum ctl_exit write_new(struct ctl_draft *draft, const char *path, mode_t mode,
			       const char *text)
{
	CTL_CLEANUP(close) int fd = -1;
	enum ctl_exit status;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cannot_write(path);
	status = remember(draft, path);
	if (status != CTL_EXIT_OK) {
		(void)unlink(path);
		return status;
	}
	if (fchmod(fd, mode) < 0 || write_all(fd, text) < 0)
		return cannot_write(path);
	if (mode == 0600 && draft->owner != geteuid() && fchown(fd, draft->owner, (gid_t)-1) < 0)
		return cannot_write(path);

	return CTL_EXIT_OK;
}

/**
 * ctl_draft_secret() - a setting whose value is in a file of its own, that only skybusd and root can read
 * @help, @key: as of ctl_draft_set()
 * @secret: written at once, so that nobody has to keep it
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_draft_secret(struct ctl_draft *draft, const char *help, const char *key,
			       const char *secret)
{
	CTL_CLEANUP(free) char *path = NULL, *scalar = NULL, *value = NULL;
	enum ctl_exit status;

	if (asprintf(&path, "%s/%s.%s", draft->directory, draft->name, key) < 0) {
		path = NULL;
		return ctl_no_memory();
	}
	status = write_new(draft, path, 0600, secret);
	if (status != CTL_EXIT_OK)
		return status;
	scalar = ctl_yaml_scalar(path, true);
	if (!scalar || asprintf(&value, "{file: %s}", scalar) < 0) {
		value = NULL;
		return ctl_no_memory();
	}

	return ctl_draft_set(draft, help, key, value);
}

/* Takes its name when it is whole, and only if nobody has that. */
static enum ctl_exit put_in_place(struct ctl_draft *draft, const char *temporary)
{
	enum ctl_exit status;

	if (link(temporary, draft->file) < 0)
		return cannot_write(draft->file);
	status = remember(draft, draft->file);
	if (status != CTL_EXIT_OK)
		(void)unlink(draft->file);

	return status;
}

/* What is in a directory is on disk when that is. */
static void sync_directory(const char *path)
{
	CTL_CLEANUP(close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsync(fd);
}

/**
 * ctl_draft_write() - write the file of the link
 *
 * It is there as a whole, or not at all; no file is overwritten.
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_draft_write(struct ctl_draft *draft)
{
	CTL_CLEANUP(free) char *temporary = NULL, *text = NULL;
	size_t before = draft->n_written;
	enum ctl_exit status;

	if (asprintf(&temporary, "%s/.%s.new", draft->directory, draft->name) < 0)
		temporary = NULL;
	if (asprintf(&text,
		     "# Written by \"skybusctl config init\". skybus.yaml(5) has all settings.\n"
		     "links:\n"
		     "  %s:\n"
		     "%s",
		     draft->name, draft->text) < 0)
		text = NULL;
	if (!temporary || !text)
		return ctl_no_memory();
	status = write_new(draft, temporary, 0644, text);
	if (status == CTL_EXIT_OK)
		status = put_in_place(draft, temporary);
	if (draft->n_written > before) {
		/* The first of them is the temporary one. */
		(void)unlink(temporary);
		free(draft->written[before]);
		draft->n_written--;
		for (size_t i = before; i < draft->n_written; i++)
			draft->written[i] = draft->written[i + 1];
	}
	sync_directory(draft->directory);

	return status;
}
