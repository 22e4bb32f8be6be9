/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <unistd.h>

#include "daemon/descriptor.h"

#define FD_MIN 1024

/**
 * sb_descriptor_move_up() - leave the low numbers to DTLS
 * @fd: not to be used any more
 *
 * Return: the same thing under a higher number, close-on-exec; @fd where none can be had: what calls this is
 * bounded, and DTLS has the rest.
 */
int sb_descriptor_move_up(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);

	if (high < 0)
		return fd;
	(void)close(fd);

	return high;
}
