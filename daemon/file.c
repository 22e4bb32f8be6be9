/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/file.h"

/*
 * Fills @buffer; returns the bytes until the end of the file, at most @size, or a negative errno.
 */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(fd, buffer + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}

	return (ssize_t)n;
}

/**
 * sb_file_read() - read what is left of a file
 * @fd: open for reading
 * @max: the most bytes that make sense
 * @ret: the bytes and a zero byte behind them, the caller's
 * @ret_len: how many, without that zero byte
 *
 * A failure leaves nothing of the content in memory: it may have been a secret.
 *
 * Return: 0; -EFBIG: more than @max bytes; -ENOMEM; or what read() says.
 */
int sb_file_read(int fd, size_t max, char **ret, size_t *ret_len)
{
	char *buffer = malloc(max + 1);
	ssize_t n;

	if (!buffer)
		return -ENOMEM;

	n = read_all(fd, buffer, max + 1);
	if (n < 0 || (size_t)n > max) {
		explicit_bzero(buffer, max + 1);
		free(buffer);
		return n < 0 ? (int)n : -EFBIG;
	}

	buffer[n] = '\0';
	*ret = buffer;
	*ret_len = (size_t)n;

	return 0;
}
