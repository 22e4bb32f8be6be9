/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/cleanup.h"
#include "ctl/text.h"

#define USEC_PER_SEC UINT64_C(1000000)

/** ctl_text_now() - the wall clock, in microseconds since 1970 */
uint64_t ctl_text_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);

	return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

static char *format(const char *pattern, ...)
{
	va_list arguments;
	char *text;
	int r;

	va_start(arguments, pattern);
	r = vasprintf(&text, pattern, arguments);
	va_end(arguments);

	return r < 0 ? NULL : text;
}

static const struct {
	const char *name;
	uint64_t seconds;
} units[] = {
	{ "d", 86400 },
	{ "h", 3600 },
	{ "min", 60 },
	{ "s", 1 },
};

/**
 * ctl_text_span() - a span of time, in its two largest units: "3 h 20 min", "12 s"
 * @usec: in microseconds
 *
 * Return: text, which the caller frees; NULL without memory.
 */
char *ctl_text_span(uint64_t usec)
{
	uint64_t seconds = usec / USEC_PER_SEC;
	size_t i = 0;

	while (i < CTL_ELEMENTS(units) - 1 && seconds < units[i].seconds)
		i++;
	if (i == CTL_ELEMENTS(units) - 1 || seconds % units[i].seconds < units[i + 1].seconds)
		return format("%" PRIu64 " %s", seconds / units[i].seconds, units[i].name);

	return format("%" PRIu64 " %s %" PRIu64 " %s", seconds / units[i].seconds, units[i].name,
		      seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].name);
}

/** ctl_text_bytes() - "512 B", "1.5 kB", in powers of 1000. Return: as ctl_text_span(). */
char *ctl_text_bytes(uint64_t bytes)
{
	static const char *const names[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t i;

	if (bytes < 1000)
		return format("%" PRIu64 " B", bytes);
	value /= 1000;
	/* 999.95 would be shown as 1000.0. */
	for (i = 0; i < CTL_ELEMENTS(names) - 1 && value >= 999.95; i++)
		value /= 1000;

	return format("%.1f %s", value, names[i]);
}

/* The character that begins here, and its length; 0 if it is no UTF-8. */
static size_t decode(const unsigned char *c, uint32_t *ret)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *c < 0x80	 ? 1
		     : *c < 0xc0 ? 0
		     : *c < 0xe0 ? 2
		     : *c < 0xf0 ? 3
		     : *c < 0xf8 ? 4
				 : 0;
	uint32_t code = len == 1 ? *c : *c & (0x7fU >> len);

	for (size_t i = 1; i < len; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (c[i] & 0x3f);
	}
	*ret = code;

	return code >= smallest[len] ? len : 0;
}

/* What a terminal acts on instead of showing it: also the controls behind ASCII, and what turns the order round. */
static bool is_control(uint32_t code)
{
	return code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static char *make_safe(const char *text, char kept)
{
	char *copy = malloc(strlen(text) + 1), *to = copy;
	size_t len;

	if (!copy)
		return NULL;
	for (const char *c = text; *c; c += len) {
		uint32_t code;

		len = decode((const unsigned char *)c, &code);
		if (len > 0 && (*c == kept || !is_control(code))) {
			(void)memcpy(to, c, len);
			to += len;
		} else {
			*to++ = '?';
			len = len > 0 ? len : 1;
		}
	}
	*to = '\0';

	return copy;
}

/**
 * ctl_text_safe() - a copy without control characters and without what is no UTF-8, each as a question mark
 * @text: from anywhere
 *
 * Return: as ctl_text_span().
 */
char *ctl_text_safe(const char *text)
{
	return make_safe(text, '\0');
}

/** ctl_text_safe_lines() - likewise, but the ends of lines stay. Return: as ctl_text_span(). */
char *ctl_text_safe_lines(const char *text)
{
	return make_safe(text, '\n');
}

static char *text_of_date(uint64_t usec)
{
	time_t seconds = (time_t)(usec / USEC_PER_SEC);
	struct tm local;
	char text[64];

	if (usec == 0 || !localtime_r(&seconds, &local) ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local) == 0)
		return strdup("-");

	return strdup(text);
}

static char *text_of_user(uint64_t number)
{
	const struct passwd *user;

	if (number == UINT32_MAX)
		return strdup("-");
	user = getpwuid((uid_t)number);

	return user ? strdup(user->pw_name) : format("%" PRIu64, number);
}

static char *text_of_number(uint64_t number, enum ctl_form form, uint64_t now_usec)
{
	switch ((unsigned int)form) {
	case CTL_BYTES:
		return ctl_text_bytes(number);
	case CTL_AGO:
		if (number == 0)
			return strdup("-");
		return ctl_text_span(now_usec > number ? now_usec - number : 0);
	case CTL_DATE:
		return text_of_date(number);
	case CTL_USER:
		return text_of_user(number);
	default:
		return format("%" PRIu64, number);
	}
}

/* The base64 of a payload, or of any other value JSON itself. */
static char *text_of_other(const json_t *value)
{
	const char *base64 = json_string_value(json_object_get(value, "base64"));
	CTL_CLEANUP(free) char *json = NULL;

	if (base64)
		return format("base64:%s", base64);
	json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	return json ? ctl_text_safe(json) : NULL;
}

/**
 * ctl_text_of() - a JSON value as people read it
 * @value: NULL for one that is not there
 * @form: how
 * @now_usec: for CTL_AGO, in microseconds since 1970
 *
 * Return: text without control characters, which the caller frees; NULL without memory.
 */
char *ctl_text_of(const json_t *value, enum ctl_form form, uint64_t now_usec)
{
	if (!value || json_is_null(value))
		return strdup("-");
	if (json_is_string(value))
		return json_string_length(value) == 0 ? strdup("-")
						      : ctl_text_safe(json_string_value(value));
	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "yes" : "no");
	if (json_is_real(value))
		return format("%g", json_real_value(value));
	if (json_is_integer(value))
		return text_of_number((uint64_t)json_integer_value(value), form, now_usec);

	return text_of_other(value);
}

/** ctl_text_at() - a member of an object that is text. @object: may be NULL. Return: lent; "" if there is none. */
const char *ctl_text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}
