/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "daemon/error.h"

static const struct {
	const char *name;
	int number;
} errors[] = {
#define ERROR_ROW(constant, error_name, error_number) \
	[constant] = { .name = (error_name), .number = (error_number) },
	SB_ERRORS(ERROR_ROW)
#undef ERROR_ROW
};

/**
 * sb_error_name() - the last part of the error's name on the bus
 * @code: which error
 *
 * Return: a constant string, "QueueFull".
 */
const char *sb_error_name(enum sb_error_code code)
{
	return errors[code].name;
}

/**
 * sb_error_set() - write an error down
 * @error: where; NULL if nobody wants to know
 * @code: which error
 * @format: the sentence, as for printf; cut where it does not fit
 *
 * Return: the negative errno of @code, so that a caller can return it at once.
 */
int sb_error_set(struct sb_error *error, enum sb_error_code code, const char *format, ...)
{
	va_list args;

	if (error) {
		error->code = code;
		va_start(args, format);
		(void)vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}

	return -errors[code].number;
}
