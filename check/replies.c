/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "check/replies.h"
#include "daemon/cleanup.h"

#define OUTCOMES 4
#define CUTS 256
#define CHANGES 96
#define LARGE (64 * 1024)

#define CONTENT SKYBUS_CODE(2, 5)

/* What is made; one reply at a time. */
static uint8_t made[LARGE];
static struct skybus_option options[64];

static const struct {
	uint32_t outcome;
	const char *name;
} outcomes[OUTCOMES] = {
	{ SKYBUS_TIMEOUT, "timed out" },
	{ SKYBUS_RESET, "was a Reset" },
	{ SKYBUS_UNREACHABLE, "was that nobody is there" },
	{ SKYBUS_ABANDONED, "never came, since the session failed" },
};

/* Texts end where they end; bytes with a zero among them have their length. */
static const struct body {
	const char *text;
	size_t len;
} bodies[] = {
	{ "null", 0 },
	{ "true", 0 },
	{ "0", 0 },
	{ "\"\"", 0 },
	{ "[]", 0 },
	{ "{}", 0 },
	{ "[[]]", 0 },
	{ "{\"code\":null}", 0 },
	{ "{\"code\":\"200\",\"data\":[]}", 0 },
	{ "{\"code\":200,\"data\":\"\"}", 0 },
	{ "{\"code\":200,\"data\":{}}", 0 },
	{ "{\"code\":1e309}", 0 },
	{ "{\"code\":99999999999999999999}", 0 },
	{ "{\"code\":-1,\"id\":-9223372036854775808}", 0 },
	{ "{\"code\":200,\"code\":500}", 0 },
	{ "{\"id\":\"\\u0000\",\"params\":null}", 0 },
	{ "<html><body>It works</body></html>", 0 },
	{ "\xff\xfe\xfd", 0 },
	{ "\xc3\x28", 0 },
	{ "\xf0\x9f\x98", 0 },
	{ "\0", 1 },
	{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32 },
	{ "%s%n%s%n", 0 },
	/* CBOR, RFC 8949: an empty map, an endless map, lengths that nothing can have, a break, a float */
	{ "\xa0", 1 },
	{ "\xbf", 1 },
	{ "\xbf\xff", 2 },
	{ "\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9 },
	{ "\x7b\x7f\xff\xff\xff\xff\xff\xff\xff", 9 },
	{ "\x9b\0\0\0\1\0\0\0\0", 9 },
	{ "\xbb\0\0\0\1\0\0\0\0", 9 },
	{ "\xff", 1 },
	{ "\xfb\x7f\xf8\0\0\0\0\0\0", 9 },
	{ "\xd8\x18\x41\0", 4 },
};

/* Long ones: a byte that is repeated, or a pair. */
static const struct {
	const char *unit;
	size_t n;
	const char *name;
} long_bodies[] = {
	{ "a", LARGE, "64 KiB of \"a\"" },
	{ "[", LARGE, "64 KiB of \"[\"" },
	{ "{\"a\":", LARGE / 5, "13107 maps, one in the other" },
	{ "9", LARGE, "64 KiB of \"9\"" },
	{ "\x81", LARGE, "64 KiB of 0x81, CBOR arrays" },
	{ "\xa1\x61\x61", LARGE / 3, "21845 CBOR maps, one in the other" },
	{ "\xff", LARGE, "64 KiB of 0xff" },
};

static size_t body_len(const struct body *body)
{
	return body->len > 0 ? body->len : strlen(body->text);
}

/* ---- each kind: makes the @i-th reply out of the good one, or there is none ---- */

static bool make_outcome(size_t i, struct skybus_reply *ret, char *ret_name, size_t size)
{
	*ret = scripted_reply(0, NULL, 0);
	ret->outcome = outcomes[i].outcome;
	(void)snprintf(ret_name, size, "%s", outcomes[i].name);

	return true;
}

/* RFC 7252 section 12.1.2 and later ones, and some that nobody has. */
static const uint32_t codes[] = {
	SKYBUS_CODE(2, 0),  SKYBUS_CODE(2, 1),	SKYBUS_CODE(2, 2),  SKYBUS_CODE(2, 3),
	SKYBUS_CODE(2, 4),  SKYBUS_CODE(2, 5),	SKYBUS_CODE(2, 31), SKYBUS_CODE(4, 0),
	SKYBUS_CODE(4, 1),  SKYBUS_CODE(4, 2),	SKYBUS_CODE(4, 3),  SKYBUS_CODE(4, 4),
	SKYBUS_CODE(4, 5),  SKYBUS_CODE(4, 6),	SKYBUS_CODE(4, 8),  SKYBUS_CODE(4, 9),
	SKYBUS_CODE(4, 12), SKYBUS_CODE(4, 13), SKYBUS_CODE(4, 15), SKYBUS_CODE(4, 22),
	SKYBUS_CODE(4, 29), SKYBUS_CODE(4, 31), SKYBUS_CODE(5, 0),  SKYBUS_CODE(5, 1),
	SKYBUS_CODE(5, 2),  SKYBUS_CODE(5, 3),	SKYBUS_CODE(5, 4),  SKYBUS_CODE(5, 5),
	SKYBUS_CODE(5, 8),  SKYBUS_CODE(5, 31),
};

static bool make_empty(size_t i, struct skybus_reply *ret, char *ret_name, size_t size)
{
	ret->code = codes[i];
	ret->payload = NULL;
	ret->payload_len = 0;
	(void)snprintf(ret_name, size, "was %u.%02u without payload", SKYBUS_CODE_CLASS(ret->code),
		       ret->code & 31);

	return true;
}

static bool make_code(size_t i, struct skybus_reply *ret, char *ret_name, size_t size)
{
	ret->code = codes[i];
	(void)snprintf(ret_name, size, "was %u.%02u", SKYBUS_CODE_CLASS(ret->code), ret->code & 31);

	return true;
}

static bool make_body(size_t i, struct skybus_reply *ret, char *ret_name, size_t size)
{
	const struct body *body = &bodies[i];

	ret->payload = (const uint8_t *)body->text;
	ret->payload_len = (uint32_t)body_len(body);
	(void)snprintf(ret_name, size, "had other payload (%zu in the checker's list)", i + 1);
	if (body->len == 0 && (unsigned char)body->text[0] < 0x80)
		(void)snprintf(ret_name, size, "had the payload %s", body->text);

	return true;
}

static bool make_long(size_t i, struct skybus_reply *ret, char *ret_name, size_t size)
{
	size_t len = strlen(long_bodies[i].unit);

	for (size_t n = 0; n < long_bodies[i].n; n++)
		memcpy(made + n * len, long_bodies[i].unit, len);
	ret->payload = made;
	ret->payload_len = (uint32_t)(long_bodies[i].n * len);
	(void)snprintf(ret_name, size, "had a payload of %s", long_bodies[i].name);

	return true;
}

static bool make_cut(size_t i, struct skybus_reply *ret, char *ret_name, size_t size)
{
	if (i >= ret->payload_len)
		return false;
	ret->payload_len = (uint32_t)i;
	(void)snprintf(ret_name, size, "was cut off after %zu bytes", i);

	return true;
}

/* Always the same, so that a finding can be repeated. */
static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;

	return *seed >> 8;
}

static bool make_changed(size_t i, struct skybus_reply *ret, char *ret_name, size_t size)
{
	static const uint8_t likely[] = { 0,   0xff, '"', '{', '}', '[',  ']',
					  '0', '9',  '-', ',', ':', 0x80, 'n' };
	uint32_t seed = (uint32_t)i + 1;
	size_t len = ret->payload_len < LARGE ? ret->payload_len : LARGE;

	if (len == 0)
		return false;
	memcpy(made, ret->payload, len);
	for (size_t n = 0; n <= i % 4; n++)
		made[draw(&seed) % len] = likely[draw(&seed) % sizeof(likely)];
	ret->payload = made;
	(void)snprintf(ret_name, size, "had %zu byte(s) changed (variant %zu)", i % 4 + 1, i);

	return true;
}

static bool make_options(size_t i, struct skybus_reply *ret, char *ret_name, size_t size)
{
	static const uint8_t value[300] = { 0xff, 0, 0x80 };
	static const uint32_t lengths[] = { 0, 1, 8, 300 };

	for (size_t n = 0; n < SB_ELEMENTS(options); n++)
		options[n] =
			(struct skybus_option){ .number = (uint32_t)(1 + n * (i < 4 ? 1 : 1024)),
						.len = lengths[i % 4],
						.value = value };
	ret->options = options;
	ret->n_options = SB_ELEMENTS(options);
	ret->content_format = i < 4 ? 65535 : ret->content_format;
	ret->max_age = i < 4 ? 0 : UINT32_MAX - 1;
	(void)snprintf(ret_name, size, "had %zu options of %u bytes", SB_ELEMENTS(options),
		       lengths[i % 4]);

	return true;
}

/* Those that need a payload are last. */
static const struct {
	size_t n;
	bool (*make)(size_t i, struct skybus_reply *ret, char *ret_name, size_t size);
	bool of_payload;
} kinds[] = {
	{ OUTCOMES, make_outcome, false },
	{ SB_ELEMENTS(codes), make_empty, false },
	{ SB_ELEMENTS(bodies), make_body, false },
	{ SB_ELEMENTS(long_bodies), make_long, false },
	{ 8, make_options, false },
	{ SB_ELEMENTS(codes), make_code, true },
	{ CHANGES, make_changed, true },
	{ CUTS, make_cut, true },
};

/**
 * check_replies_count() - how many there are
 * @len: of the payload of the good one, in bytes
 *
 * Return: the first number that has none for sure.
 */
size_t check_replies_count(uint32_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < SB_ELEMENTS(kinds); i++)
		if (kinds[i].make == make_cut)
			n += len < CUTS ? len : CUTS;
		else if (!kinds[i].of_payload || len > 0)
			n += kinds[i].n;

	return n;
}

/**
 * check_replies_make() - make one
 * @i: its number
 * @good: what the cloud should say; lent to @ret
 * @ret: the reply; lent until the next is made
 * @ret_name: what it is, behind "the answer": "was 4.04"
 * @size: of @ret_name
 *
 * Return: whether there is one of that number.
 */
bool check_replies_make(size_t i, const struct skybus_reply *good, struct skybus_reply *ret,
			char *ret_name, size_t size)
{
	size_t kind = 0;

	while (kind < SB_ELEMENTS(kinds) && i >= kinds[kind].n)
		i -= kinds[kind++].n;
	if (kind == SB_ELEMENTS(kinds) || (kinds[kind].of_payload && good->payload_len == 0))
		return false;
	*ret = *good;
	ret->outcome = SKYBUS_ANSWERED;
	if (SKYBUS_CODE_CLASS(ret->code) != 2)
		ret->code = CONTENT;

	return kinds[kind].make(i, ret, ret_name, size);
}

/**
 * check_replies_body() - a payload that means nothing, as text
 * @i: which, below check_replies_bodies()
 *
 * Return: the text.
 */
const char *check_replies_body(size_t i)
{
	return bodies[i].text;
}

/**
 * check_replies_bodies() - how many of them there are
 *
 * Return: the number.
 */
size_t check_replies_bodies(void)
{
	return SB_ELEMENTS(bodies);
}
