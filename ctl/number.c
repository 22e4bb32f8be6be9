/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/cleanup.h"
#include "ctl/number.h"

/* A year; what is longer is a mistake. */
#define SPAN_MAX (366 * UINT64_C(86400) * CTL_USEC_PER_SEC)

/* 0 and where the digits end, or -1. */
static int digits(const char *text, uint64_t *ret, const char **ret_end)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	*ret_end = end;

	return errno == 0 ? 0 : -1;
}

/**
 * ctl_number() - a number of the command line
 * @text: NULL and what is no number are told to the user
 * @what: as what
 * @ret: set on success
 *
 * Return: CTL_EXIT_OK or CTL_EXIT_USAGE.
 */
enum ctl_exit ctl_number(const char *text, const char *what, uint64_t *ret)
{
	const char *end;
	uint64_t number;

	if (!text || digits(text, &number, &end) < 0 || *end != '\0')
		return ctl_fail(CTL_EXIT_USAGE, "%s: \"%s\" is no number.", what, text ? text : "");
	*ret = number;

	return CTL_EXIT_OK;
}

static int add_unit(const char *unit, size_t len, uint64_t number, uint64_t *usec)
{
	static const struct {
		const char *name;
		uint64_t usec;
	} units[] = {
		{ "ms", 1000 },
		{ "s", CTL_USEC_PER_SEC },
		{ "m", 60 * CTL_USEC_PER_SEC },
		{ "min", 60 * CTL_USEC_PER_SEC },
		{ "h", 3600 * CTL_USEC_PER_SEC },
		{ "d", 86400 * CTL_USEC_PER_SEC },
		{ "", CTL_USEC_PER_SEC },
	};

	for (size_t i = 0; i < CTL_ELEMENTS(units); i++) {
		if (strlen(units[i].name) != len || strncmp(units[i].name, unit, len) != 0)
			continue;
		if (number > (SPAN_MAX - *usec) / units[i].usec)
			return -1;
		*usec += number * units[i].usec;
		return 0;
	}

	return -1;
}

/**
 * ctl_span() - a span of time of the command line: "90", "15m", "1h30m", "500ms"
 * @text: seconds where it has no unit
 * @what: as what it is told to the user
 * @ret_usec: set on success, in microseconds
 *
 * Return: CTL_EXIT_OK or CTL_EXIT_USAGE.
 */
enum ctl_exit ctl_span(const char *text, const char *what, uint64_t *ret_usec)
{
	const char *at = text;
	uint64_t number, usec = 0;

	do {
		size_t len;

		if (digits(at, &number, &at) < 0)
			break;
		len = strcspn(at, "0123456789");
		if (add_unit(at, len, number, &usec) < 0)
			break;
		at += len;
		if (*at == '\0') {
			*ret_usec = usec;
			return CTL_EXIT_OK;
		}
	} while (true);

	return ctl_fail(
		CTL_EXIT_USAGE,
		"%s: \"%s\" is no span of time; write seconds, or a unit: 500ms, 90, 15m, 1h30m, 7d.",
		what, text);
}

/**
 * ctl_span_option() - the span of time that an option has
 * @name: of the option
 * @usec: set if it was given with a value; else left as it is
 *
 * Return: CTL_EXIT_OK or CTL_EXIT_USAGE.
 */
enum ctl_exit ctl_span_option(const struct ctl *ctl, const char *name, uint64_t *usec)
{
	const char *text = ctl_option(ctl, name);

	return text && *text ? ctl_span(text, name, usec) : CTL_EXIT_OK;
}

/** ctl_clock() - a clock that nobody sets, in microseconds */
uint64_t ctl_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);

	return (uint64_t)now.tv_sec * CTL_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}
