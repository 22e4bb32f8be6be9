/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/input.h"

/**
 * fuzz_byte() - the next byte
 * @in: the bytes
 *
 * Return: it; 0 when there are no more.
 */
uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;

	return *in->at++;
}

/**
 * fuzz_number() - the next four bytes
 * @in: the bytes
 *
 * Return: them as a number, little-endian.
 */
uint32_t fuzz_number(struct fuzz_input *in)
{
	uint32_t number = 0;

	for (unsigned int i = 0; i < 4; i++)
		number |= (uint32_t)fuzz_byte(in) << 8 * i;

	return number;
}

/**
 * fuzz_pick() - choose among a few
 * @in: the bytes, of which one is taken
 * @n: how many there are to choose from, 1 to 256
 *
 * Return: below @n.
 */
size_t fuzz_pick(struct fuzz_input *in, size_t n)
{
	return fuzz_byte(in) % n;
}

/**
 * fuzz_text() - the next bytes up to a zero
 * @in: the bytes
 *
 * Return: them; perhaps empty, and perhaps no UTF-8.
 */
char *fuzz_text(struct fuzz_input *in)
{
	char *text = (char *)in->at;
	size_t len = strlen(text);

	in->at += len < in->left ? len + 1 : in->left;
	in->left -= len < in->left ? len + 1 : in->left;

	return text;
}

/**
 * fuzz_bytes() - bytes behind their number, which is two bytes, little-endian
 * @in: the bytes
 * @ret_len: how many there are
 *
 * Return: them; never NULL.
 */
uint8_t *fuzz_bytes(struct fuzz_input *in, size_t *ret_len)
{
	size_t len = fuzz_byte(in);
	uint8_t *bytes;

	len |= (size_t)fuzz_byte(in) << 8;
	if (len > in->left)
		len = in->left;
	bytes = in->at;
	in->at += len;
	in->left -= len;
	*ret_len = len;

	return bytes;
}

/**
 * fuzz_require() - end if something is not as it should be
 * @holds: whether it is
 * @sentence: what is wrong if not
 */
void fuzz_require(int holds, const char *sentence)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz: %s\n", sentence);
	abort();
}

/**
 * fuzz_file() - a file in memory with all the bytes that are left
 * @in: the bytes; left as they are
 * @ret_path: where it can be opened while its descriptor is open; lent until the next call
 *
 * Return: the descriptor, the caller's.
 */
int fuzz_file(const struct fuzz_input *in, const char **ret_path)
{
	static char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	fuzz_require(fd >= 0 && write(fd, in->at, in->left) == (ssize_t)in->left,
		     "there is no file in memory");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*ret_path = path;

	return fd;
}

/**
 * LLVMFuzzerTestOneInput() - libFuzzer's entry
 * @data: @size bytes
 * @size: how many
 *
 * Return: 0.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	struct fuzz_input in = { copy, size };

	fuzz_require(copy != NULL, "there is no memory");
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = 0;
	fuzz_target(&in);
	free(copy);

	return 0;
}
