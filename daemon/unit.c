/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The number of a process that has ended is given to others, so what is read by number may be another's.
 * A pidfd stays with its process: while that is alive it has its number, and what was read in between is
 * its own. libsystemd 252 reads by number only.
 *
 * Between the moment when a connection was made and the moment when a pidfd is opened by number, the
 * number may have changed hands, too. A process of another user is noticed. One of the same user is not,
 * and need not be: a user's processes can take each other over anyway (ptrace(2)).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <systemd/sd-login.h>

#include "daemon/cleanup.h"
#include "daemon/message.h"
#include "daemon/unit.h"

/* What /proc tells in one file is far shorter, up to the lines that matter here. */
#define PROC_SIZE 1024

/* The rest of the line that begins with @key; proc(5). */
static int read_proc(const char *path, const char *key, char *ret, size_t size)
{
	SB_CLEANUP(sb_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[PROC_SIZE];
	const char *line;
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, strlen(key)) == 0) {
			(void)snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"),
				       line + strlen(key));
			return 0;
		}
	}

	return -ENODATA;
}

/* Nobody's number is 0 (it is in a namespace that is not below ours) or -1 (it was waited for). */
static int read_pid(int process, pid_t *ret)
{
	char path[64];
	char text[32];
	int pid;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", process);
	r = read_proc(path, "Pid:", text, sizeof(text));
	if (r < 0)
		return r;
	if (sscanf(text, "%d", &pid) != 1)
		return -EBADMSG;
	if (pid <= 0)
		return -ESRCH;
	*ret = pid;

	return 0;
}

/* A process that has two users at a time is more than its user. */
static int check_owner(pid_t pid, uint32_t uid)
{
	uint32_t effective;
	uint32_t real;
	char path[64];
	char text[64];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	r = read_proc(path, "Uid:", text, sizeof(text));
	if (r < 0)
		return r;
	if (sscanf(text, "%" SCNu32 "%" SCNu32, &real, &effective) != 2)
		return -EBADMSG;

	return real == uid && effective == uid ? 0 : -EPERM;
}

static bool has_ended(int process)
{
	struct pollfd ended = { .fd = process, .events = POLLIN };

	return poll(&ended, 1, 0) != 0;
}

/**
 * sb_unit_of_process() - the unit of a process that cannot be taken for another
 * @process: a pidfd, pidfd_open(2); lent
 * @uid: the user that the process must have; SB_NO_OWNER for whichever
 * @ret: the unit's name, "app.service", the caller's
 *
 * Return: 0; -ESRCH when it has ended; -EPERM when it has another user, or two; another negative errno
 * when it has no unit, or that cannot be read.
 */
int sb_unit_of_process(int process, uint32_t uid, char **ret)
{
	SB_CLEANUP(sb_free) char *unit = NULL;
	pid_t pid;
	int r;

	r = read_pid(process, &pid);
	if (r < 0)
		return r;
	if (uid != SB_NO_OWNER) {
		r = check_owner(pid, uid);
		if (r < 0)
			return r;
	}
	r = sd_pid_get_unit(pid, &unit);
	if (r < 0)
		return r;
	if (has_ended(process))
		return -ESRCH;
	*ret = SB_STEAL(unit);

	return 0;
}

/**
 * sb_unit_of_pid() - the unit of a process that has a number now
 * @pid: the number
 * @uid: the user that the process must have
 * @ret: the unit's name, the caller's
 *
 * Return: as sb_unit_of_process().
 */
int sb_unit_of_pid(pid_t pid, uint32_t uid, char **ret)
{
	SB_CLEANUP(sb_close) int process = pidfd_open(pid, 0);

	return process < 0 ? -errno : sb_unit_of_process(process, uid, ret);
}
