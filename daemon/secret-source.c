/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cleanup.h"
#include "daemon/file.h"
#include "daemon/secret-source.h"

/* Where a sentence goes: the place of the setting, and the list. */
struct complaint {
	const struct sb_place *place;
	struct sb_problems *problems;
};

#define refuse(complaint, ...) \
	(sb_problems_error((complaint)->problems, (complaint)->place, __VA_ARGS__), -EINVAL)

static int refuse_open(const struct complaint *complaint, const char *path, int error)
{
	if (error == ELOOP)
		return refuse(complaint, "%s is a symbolic link: name the file that it leads to",
			      path);

	return refuse(complaint,
		      "cannot open %s: %s: check that it is there and that skybusd may "
		      "read it",
		      path, strerror(error));
}

/* A secret that others could have read, or written, is none. */
static int check_private(const struct complaint *complaint, const char *path,
			 const struct stat *status)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return refuse(complaint,
			      "%s belongs to user %u: give it to root or to the user of skybusd",
			      path, status->st_uid);
	if (status->st_mode & 077)
		return refuse(complaint, "%s is open to others (mode %04o): run chmod 600 on it",
			      path, status->st_mode & 07777);

	return 0;
}

/* The content without the newline that an editor, or echo, puts at its end. */
static int read_content(struct sb_secret *secret, int fd, const char *path,
			const struct complaint *complaint)
{
	int r;

	r = sb_file_read(fd, SB_SECRET_MAX, &secret->data, &secret->len);
	if (r == -ENOMEM)
		return r;
	if (r == -EFBIG)
		return refuse(complaint, "%s has more than %d bytes: is it the right file?", path,
			      SB_SECRET_MAX);
	if (r < 0)
		return refuse(complaint, "cannot read %s: %s", path, strerror(-r));

	if (secret->len > 0 && secret->data[secret->len - 1] == '\n')
		secret->data[--secret->len] = '\0';
	if (secret->len == 0)
		return refuse(complaint, "%s is empty: write the secret into it", path);

	return 0;
}

/*
 * O_NONBLOCK: whoever puts a FIFO there shall not stop the daemon. It changes nothing for a file.
 */
static int read_source(struct sb_secret *secret, const char *path, bool private,
		       const struct complaint *complaint)
{
	SB_CLEANUP(sb_close) int fd = -1;
	struct stat status;
	int r;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return refuse_open(complaint, path, errno);
	if (!S_ISREG(status.st_mode))
		return refuse(complaint, "%s is not a regular file: name one that is", path);

	r = private ? check_private(complaint, path, &status) : 0;
	if (r < 0)
		return r;

	return read_content(secret, fd, path, complaint);
}

/**
 * sb_secret_from_credential() - read a credential that systemd lends
 * @secret: empty; the caller calls sb_secret_done(), also after a failure
 * @name: of the credential
 * @place: where @name was written
 * @problems: gets a sentence if it cannot be had
 *
 * Its mode is systemd's business: with an ACL on it, it looks open to a group. One newline at its
 * end is left out. No sentence quotes @name: who mistook this for the place of the secret itself has written it
 * here.
 *
 * Return: 0; -EINVAL: @problems says why; -ENOMEM.
 */
int sb_secret_from_credential(struct sb_secret *secret, const char *name,
			      const struct sb_place *place, struct sb_problems *problems)
{
	const struct complaint complaint = { .place = place, .problems = problems };
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];
	int n;

	if (*name == '\0' || *name == '.' || strchr(name, '/') || strlen(name) > NAME_MAX)
		return refuse(&complaint, "this is not the name of a credential: write it as in "
					  "LoadCredential=, without a path");
	if (!directory || *directory != '/')
		return refuse(&complaint,
			      "this credential cannot be had: CREDENTIALS_DIRECTORY is not set: "
			      "skybusd must run under systemd, with LoadCredential=NAME:/PATH in "
			      "its unit");

	n = snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return refuse(&complaint, "the path of this credential is too long");
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return refuse(&complaint,
			      "there is no credential of this name: add LoadCredential=NAME:/PATH "
			      "to the unit of skybusd, and restart it");

	return read_source(secret, path, false, &complaint);
}

/**
 * sb_secret_from_file() - read a secret from a file of its own
 * @secret: empty; the caller calls sb_secret_done(), also after a failure
 * @path: absolute; root's or the daemon's own, with no access for anybody else
 * @place: where @path was written
 * @problems: gets a sentence if it cannot be had
 *
 * One newline at its end is left out.
 *
 * Return: 0; -EINVAL: @problems says why; -ENOMEM.
 */
int sb_secret_from_file(struct sb_secret *secret, const char *path, const struct sb_place *place,
			struct sb_problems *problems)
{
	const struct complaint complaint = { .place = place, .problems = problems };

	/* Not quoted: who mistook this for the place of the secret itself has written it here. */
	if (*path != '/')
		return refuse(&complaint, "the file of a secret must be named with its whole path, "
					  "from / on");

	return read_source(secret, path, true, &complaint);
}

/**
 * sb_secret_done() - wipe and free a secret
 * @secret: is empty afterwards
 */
void sb_secret_done(struct sb_secret *secret)
{
	if (secret->data)
		explicit_bzero(secret->data, secret->len);
	free(secret->data);
	*secret = (struct sb_secret){ 0 };
}
