/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/descriptor.h"
#include "daemon/process.h"

/* What proc(5) tells of a descriptor is far shorter, up to the line that matters here. */
#define FDINFO_SIZE 1024

/* The daemon may read this of itself also where it sees no processes of other users (ProtectProc=). */
static int read_number(int fd, uint32_t *ret)
{
	char text[FDINFO_SIZE];
	char path[64];
	SB_CLEANUP(sb_close) int file = -1;
	const char *line;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	len = read(file, text, sizeof(text) - 1);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	line = strstr(text, "\nPid:");

	return line && sscanf(line, " Pid: %" SCNu32, ret) == 1 ? 0 : -EBADF;
}

static int open_process(const struct sb_process *told)
{
	int fd = told->fd < 0 ? pidfd_open((pid_t)told->pid, 0)
			      : fcntl(told->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/**
 * sb_process_hold() - make sure of a process
 * @told: lent; without a pidfd, whoever has the number now is taken
 * @ret: with a pidfd; to be ended with sb_process_done()
 *
 * Return: 0; -ESRCH when it has ended, or does not have that number here (but in another namespace, if
 * anywhere); another negative errno.
 */
int sb_process_hold(const struct sb_process *told, struct sb_process *ret)
{
	SB_CLEANUP(sb_close) int fd = -1;
	uint32_t number;
	int r;

	if (told->pid == 0 || told->pid > INT32_MAX)
		return -ESRCH;
	fd = open_process(told);
	if (fd < 0)
		return fd;
	fd = sb_descriptor_move_up(fd);
	r = read_number(fd, &number);
	if (r < 0)
		return r;
	if (number != told->pid)
		return -ESRCH;
	*ret = (struct sb_process){ .pid = number, .fd = fd };
	fd = -1;

	return 0;
}

/**
 * sb_process_done() - let it go
 * @process: held; has no pidfd afterwards
 */
void sb_process_done(struct sb_process *process)
{
	if (process->fd >= 0)
		(void)close(process->fd);
	process->fd = -1;
}

/**
 * sb_process_has_ended() - may its number be another's by now?
 * @process: held
 *
 * Return: whether it has ended, or that cannot be told.
 */
bool sb_process_has_ended(const struct sb_process *process)
{
	struct pollfd ended = { .fd = process->fd, .events = POLLIN };

	return poll(&ended, 1, 0) != 0;
}
