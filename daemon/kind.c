/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/cleanup.h"
#include "daemon/kind.h"
#include "daemon/networks.h"

struct unit {
	const char *suffix;
	int64_t factor;
};

/* From the largest down, so that printing finds the largest that fits. */
static const struct unit durations[] = {
	{ "d", 86400 },
	{ "h", 3600 },
	{ "m", 60 },
	{ "s", 1 },
};

static const struct unit sizes[] = {
	{ "T", INT64_C(1) << 40 },
	{ "G", INT64_C(1) << 30 },
	{ "M", INT64_C(1) << 20 },
	{ "K", INT64_C(1) << 10 },
	{ "", 1 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads digits, at least one, and moves *text behind them. */
static int read_digits(const char **text, int64_t *ret)
{
	const char *p = *text;
	int64_t value = 0;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *p - '0', &value))
			return -EINVAL;

	*text = p;
	*ret = value;

	return 0;
}

static int parse_text(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	(void)row;
	*ret = (int64_t)strlen(text);

	return 0;
}

static int parse_integer(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	int64_t value;
	int r;

	(void)row;
	text += negative;
	r = read_digits(&text, &value);
	if (r < 0 || *text)
		return -EINVAL;

	*ret = negative ? -value : value;

	return 0;
}

static int parse_boolean(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	static const struct {
		const char *word;
		int64_t value;
	} words[] = {
		{ "yes", 1 }, { "true", 1 }, { "on", 1 }, { "no", 0 }, { "false", 0 }, { "off", 0 },
	};

	(void)row;
	for (size_t i = 0; i < SB_ELEMENTS(words); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*ret = words[i].value;
			return 0;
		}
	}

	return -EINVAL;
}

/* A number alone is in seconds; otherwise each number has its unit, from the largest down. */
static int parse_duration(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	int64_t total = 0;
	int64_t part;
	size_t unit = 0;

	if (parse_integer(row, text, &part) == 0 && part >= 0) {
		*ret = part;
		return 0;
	}

	do {
		if (read_digits(&text, &part) < 0)
			return -EINVAL;
		while (unit < SB_ELEMENTS(durations) && *text != *durations[unit].suffix)
			unit++;
		if (unit == SB_ELEMENTS(durations) ||
		    __builtin_mul_overflow(part, durations[unit].factor, &part) ||
		    __builtin_add_overflow(total, part, &total))
			return -EINVAL;
		unit++;
		text++;
	} while (*text);

	*ret = total;

	return 0;
}

static int parse_size(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	int64_t value;

	(void)row;
	if (read_digits(&text, &value) < 0)
		return -EINVAL;

	for (size_t i = 0; i < SB_ELEMENTS(sizes); i++) {
		size_t len = strlen(sizes[i].suffix);

		if (strncasecmp(text, sizes[i].suffix, len) != 0)
			continue;
		if ((text[len] && strcasecmp(text + len, "B") != 0) ||
		    __builtin_mul_overflow(value, sizes[i].factor, ret))
			return -EINVAL;
		return 0;
	}

	return -EINVAL;
}

static int parse_choice(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	struct sb_choices choices;
	int r;

	r = sb_choices_split(row->choices, &choices);
	if (r < 0)
		return r;

	for (size_t i = 0; i < choices.n; i++) {
		if (strcmp(text, choices.words[i]) == 0) {
			*ret = (int64_t)i;
			return 0;
		}
	}

	return -EINVAL;
}

static bool is_address(const char *text)
{
	char address[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
	struct in6_addr parsed;
	char *scope;

	if (strlen(text) >= sizeof(address))
		return false;
	strcpy(address, text);
	if (inet_pton(AF_INET, address, &parsed) == 1)
		return true;

	/* fe80::1%eth0, RFC 4007 section 11 */
	scope = strchr(address, '%');
	if (scope) {
		*scope = '\0';
		if (scope[1] == '\0')
			return false;
	}

	return inet_pton(AF_INET6, address, &parsed) == 1;
}

/* RFC 1123 section 2.1, and the underscore that some people's own zones have. */
static bool is_name(const char *text)
{
	bool numeric = true;
	size_t label = 0;

	if (strlen(text) > 253)
		return false;

	for (const char *p = text;; p++) {
		if (*p == '.' || *p == '\0') {
			if (label == 0 || label > 63 || p[-1] == '-')
				return false;
			if (*p == '\0')
				return !numeric; /* 10.0.0.300 is no name, but a mistyped address */
			label = 0;
			numeric = true;
			continue;
		}
		if (!is_alnum(*p) && *p != '_' && (*p != '-' || label == 0))
			return false;
		numeric = numeric && is_digit(*p);
		label++;
	}
}

static int parse_host(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	if (!is_address(text) && !is_name(text))
		return -EINVAL;

	return parse_text(row, text, ret);
}

static int parse_networks(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	struct sb_networks networks;

	if (sb_networks_parse(text, &networks) < 0)
		return -EINVAL;

	return parse_text(row, text, ret);
}

static void print_integer(int64_t value, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%" PRId64, value);
}

static void print_length(int64_t value, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%" PRId64 " %s", value, value == 1 ? "byte" : "bytes");
}

static void print_duration(int64_t value, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < SB_ELEMENTS(durations) && used < size; i++) {
		int64_t count = value / durations[i].factor;

		value %= durations[i].factor;
		if (count > 0 || (used == 0 && i + 1 == SB_ELEMENTS(durations)))
			used += (size_t)snprintf(ret + used, size - used, "%" PRId64 "%s", count,
						 durations[i].suffix);
	}
}

static void print_size(int64_t value, char *ret, size_t size)
{
	size_t i = 0;

	while (i + 1 < SB_ELEMENTS(sizes) && (value == 0 || value % sizes[i].factor != 0))
		i++;
	(void)snprintf(ret, size, "%" PRId64 "%s", value / sizes[i].factor, sizes[i].suffix);
}

_Static_assert(SB_NETWORKS_MAX == 16, "as the words below say");

static const struct sb_kind kinds[] = {
	[SKYBUS_TEXT] = {
		.word = "text",
		.noun = "a text",
		.form = "a text",
		.most = INT64_MAX,
		.is_text = true,
		.is_length = true,
		.parse = parse_text,
		.print = print_length,
	},
	[SKYBUS_INTEGER] = {
		.word = "integer",
		.noun = "an integer",
		.form = "a whole number",
		.example = "10",
		.least = INT64_MIN,
		.most = INT64_MAX,
		.parse = parse_integer,
		.print = print_integer,
	},
	[SKYBUS_BOOLEAN] = {
		.word = "boolean",
		.noun = "a boolean",
		.form = "yes or no",
		.most = 1,
		.parse = parse_boolean,
		.print = print_integer,
	},
	[SKYBUS_SECRET] = {
		.word = "secret",
		.noun = "a secret",
		.form = "a secret as {credential: NAME} or {file: /PATH}",
		.least = 1,
		.most = INT64_MAX,
		.is_bytes = true,
		.is_length = true,
		.parse = parse_text,
		.print = print_length,
	},
	[SKYBUS_DURATION] = {
		.word = "duration",
		.noun = "a duration",
		.form = "a duration",
		.example = "1h",
		.most = INT64_MAX,
		.parse = parse_duration,
		.print = print_duration,
	},
	[SKYBUS_SIZE] = {
		.word = "size",
		.noun = "a size",
		.form = "a size in bytes",
		.example = "64K",
		.most = INT64_MAX,
		.parse = parse_size,
		.print = print_size,
	},
	[SKYBUS_CHOICE] = {
		.word = "choice",
		.noun = "a choice",
		.form = "one of",
		.most = INT64_MAX,
		.is_text = true,
		.parse = parse_choice,
		.print = print_integer,
	},
	[SKYBUS_PORT] = {
		.word = "port",
		.noun = "a port",
		.form = "a port",
		.example = "5683",
		.least = 1,
		.most = 65535,
		.parse = parse_integer,
		.print = print_integer,
	},
	[SKYBUS_HOST] = {
		.word = "host",
		.noun = "a host",
		.form = "a host name or an address",
		.example = "coap.example.com",
		.least = 1,
		.most = INT64_MAX,
		.is_text = true,
		.is_length = true,
		.parse = parse_host,
		.print = print_length,
	},
	[SKYBUS_FILE] = {
		.word = "file",
		.noun = "a file",
		.form = "the whole path of a file",
		.least = 1,
		.most = INT64_MAX,
		.is_bytes = true,
		.is_length = true,
		.parse = parse_text,
		.print = print_length,
	},
	[SKYBUS_NETWORKS] = {
		.word = "networks",
		.noun = "a list of networks",
		.form = "at most 16 networks with blanks between them",
		.example = "10.0.0.0/8 fd00::/8",
		.least = 1,
		.most = INT64_MAX,
		.is_text = true,
		.is_length = true,
		.parse = parse_networks,
		.print = print_length,
	},
};

/**
 * sb_kind_of() - the kind of a setting
 * @row: the setting
 *
 * Return: a constant; NULL if the row's kind is none that is known.
 */
const struct sb_kind *sb_kind_of(const struct skybus_setting *row)
{
	return row->kind >= SKYBUS_TEXT && row->kind < SB_ELEMENTS(kinds) ? &kinds[row->kind]
									  : NULL;
}

/**
 * sb_kind_bounds() - the bounds of a setting: its own within its kind's
 * @row: of a known kind
 * @ret_least, @ret_most: both are allowed values; in the kind's unit, or bytes of a text
 */
void sb_kind_bounds(const struct skybus_setting *row, int64_t *ret_least, int64_t *ret_most)
{
	const struct sb_kind *kind = sb_kind_of(row);
	bool bounded = row->min != 0 || row->max != 0;

	*ret_least = bounded && row->min > kind->least ? row->min : kind->least;
	*ret_most = bounded && row->max < kind->most ? row->max : kind->most;

	/* A text that must be there, but may be empty, would be a riddle. */
	if (row->kind == SKYBUS_TEXT && (row->flags & SKYBUS_REQUIRED) && *ret_least < 1)
		*ret_least = 1;
}

/**
 * sb_kind_parse() - the value of a text
 * @row: of a known kind
 * @text: what was written
 * @ret: the value; for texts and secrets their length, for a choice its index. Set with -ERANGE
 *	too, so that the caller can say on which side it lies.
 *
 * Return: 0; -EINVAL: not of this kind; -ERANGE: outside its bounds.
 */
int sb_kind_parse(const struct skybus_setting *row, const char *text, int64_t *ret)
{
	int64_t least, most;
	int r;

	r = sb_kind_of(row)->parse(row, text, ret);
	if (r < 0)
		return r;

	sb_kind_bounds(row, &least, &most);

	return *ret < least || *ret > most ? -ERANGE : 0;
}
