/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "sim/number.h"

/**
 * sim_number_read() - read a number
 * @text: its digits
 * @max: the largest that will do
 * @ret: the number
 *
 * Return: 0; -EINVAL when @text is no number, -ERANGE when it is too large.
 */
int sim_number_read(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	/* strtoull() would take a sign and blanks before it, too. */
	if (*end || *text < '0' || *text > '9')
		return -EINVAL;
	if (errno != 0 || number > max)
		return -ERANGE;
	*ret = number;

	return 0;
}
