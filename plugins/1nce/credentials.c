/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/1nce/credentials.h"

/* ITU-T E.118: the digits of an ICCID, which begin with 89, and their check digit. */
#define ICCID_MIN 18
#define ICCID_MAX 20

#define FIELDS_MAX 3

/** struct span - some bytes of a text that is somebody else's */
struct span {
	const char *text;
	size_t len;
};

/* ---- the two of them ---- */

static bool is_iccid(struct span field)
{
	if (field.len < ICCID_MIN || field.len > ICCID_MAX || memcmp(field.text, "89", 2) != 0)
		return false;
	for (size_t i = 0; i < field.len; i++) {
		if (field.text[i] < '0' || field.text[i] > '9')
			return false;
	}

	return true;
}

static bool is_printable(struct span field)
{
	for (size_t i = 0; i < field.len; i++) {
		if ((unsigned char)field.text[i] < ' ' || field.text[i] == 0x7f)
			return false;
	}

	return true;
}

static bool fits(struct span field, size_t max)
{
	return field.len > 0 && field.len <= max && is_printable(field);
}

static int fill(struct span identity, struct span key, struct span endpoint,
		struct nce_credentials *ret)
{
	if (!fits(identity, NCE_IDENTITY_MAX) || !fits(key, NCE_KEY_MAX) ||
	    (endpoint.len > 0 && !fits(endpoint, NCE_ENDPOINT_MAX)))
		return -EBADMSG;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->identity, identity.text, identity.len);
	memcpy(ret->key, key.text, key.len);
	ret->key_len = (uint32_t)key.len;
	if (endpoint.len > 0)
		memcpy(ret->endpoint, endpoint.text, endpoint.len);

	return 0;
}

/* ---- JSON ---- */

static struct span member(const json_t *root, const char *name)
{
	const json_t *value = json_object_get(root, name);

	return (struct span){ json_string_value(value), json_string_length(value) };
}

/**
 * nce_credentials_from_json() - read {"clientIdentity": …, "preSharedKey": …}
 * @text: need not end with a zero
 * @len: bytes
 * @ret: the credentials, the caller's to wipe
 *
 * Return: 0; -EBADMSG when it is not that.
 */
int nce_credentials_from_json(const char *text, size_t len, struct nce_credentials *ret)
{
	json_t *root = json_loadb(text, len, 0, NULL);
	struct span identity = member(root, "clientIdentity");
	struct span key = member(root, "preSharedKey");
	int r = fill(identity, key, (struct span){ NULL, 0 }, ret);

	/* jansson frees without wiping; the string's memory is the tree's, and the tree is ours. */
	if (key.len > 0)
		explicit_bzero((char *)(uintptr_t)key.text, key.len);
	json_decref(root);

	return r;
}

/* ---- CSV ---- */

static bool is_padding(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '"';
}

static struct span trim(struct span field)
{
	while (field.len > 0 && is_padding(field.text[0])) {
		field.text++;
		field.len--;
	}
	while (field.len > 0 && is_padding(field.text[field.len - 1]))
		field.len--;

	return field;
}

/* Cuts the text up to @separator off the front of @rest, and the separator with it. */
static struct span cut(struct span *rest, char separator)
{
	const char *end = rest->len > 0 ? memchr(rest->text, separator, rest->len) : NULL;
	struct span front = { rest->text, end ? (size_t)(end - rest->text) : rest->len };

	rest->text += front.len + (end ? 1 : 0);
	rest->len -= front.len + (end ? 1 : 0);

	return trim(front);
}

static bool equals(struct span field, const char *text)
{
	return field.len == strlen(text) && strncasecmp(field.text, text, field.len) == 0;
}

static bool is_header(struct span line)
{
	struct span field = cut(&line, ',');

	return equals(field, "clientIdentity") || equals(field, "preSharedKey");
}

/* The one line with values; a header may stand before it. */
static int find_line(struct span text, struct span *ret)
{
	struct span line, found = { NULL, 0 };

	while (text.len > 0) {
		line = cut(&text, '\n');
		if (line.len == 0 || (!found.text && is_header(line)))
			continue;
		if (found.text)
			return -EBADMSG;
		found = line;
	}
	if (!found.text)
		return -EBADMSG;
	*ret = found;

	return 0;
}

/**
 * nce_credentials_from_csv() - read two fields and perhaps an endpoint behind them
 * @text: need not end with a zero; with or without header, quotes and ends of lines
 * @len: bytes
 * @ret: the credentials, the caller's to wipe
 *
 * 1NCE documents the two in both orders. The identity is the one that looks like an ICCID.
 *
 * Return: 0; -EBADMSG when it is not that; -ENOKEY when it cannot be told which is the key.
 */
int nce_credentials_from_csv(const char *text, size_t len, struct nce_credentials *ret)
{
	struct span fields[FIELDS_MAX] = { 0 };
	struct span line;
	size_t n = 0;

	if (find_line((struct span){ text, len }, &line) < 0)
		return -EBADMSG;
	while (line.len > 0 && n < FIELDS_MAX)
		fields[n++] = cut(&line, ',');
	if (n < 2 || line.len > 0)
		return -EBADMSG;
	if (n == FIELDS_MAX &&
	    (fields[2].len < 8 || strncasecmp(fields[2].text, "coaps://", 8) != 0))
		return -EBADMSG;
	if (is_iccid(fields[0]) == is_iccid(fields[1]))
		return -ENOKEY;

	return is_iccid(fields[0]) ? fill(fields[0], fields[1], fields[2], ret)
				   : fill(fields[1], fields[0], fields[2], ret);
}

/* ---- in the link's memory: source, identity, endpoint, each ended by a zero; then the key ---- */

static void append(uint8_t *record, uint32_t *len, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(record + *len, text, size);
	*len += (uint32_t)size;
}

/**
 * nce_credentials_pack() - as bytes to be stored
 * @credentials: these
 * @source: who handed them out
 * @ret_record: the bytes, the caller's to wipe
 * @ret_len: how many
 *
 * Return: 0; -EMSGSIZE when @source is too long.
 */
int nce_credentials_pack(const struct nce_credentials *credentials, const char *source,
			 uint8_t ret_record[NCE_RECORD_MAX], uint32_t *ret_len)
{
	uint32_t len = 0;

	if (strlen(source) > NCE_SOURCE_MAX)
		return -EMSGSIZE;
	append(ret_record, &len, source);
	append(ret_record, &len, credentials->identity);
	append(ret_record, &len, credentials->endpoint);
	memcpy(ret_record + len, credentials->key, credentials->key_len);
	*ret_len = len + credentials->key_len;

	return 0;
}

static struct span take(struct span *rest)
{
	const char *end = rest->len > 0 ? memchr(rest->text, '\0', rest->len) : NULL;
	struct span field = { rest->text, 0 };

	if (!end)
		return (struct span){ NULL, 0 };
	field.len = (size_t)(end - rest->text);
	rest->text += field.len + 1;
	rest->len -= field.len + 1;

	return field;
}

/**
 * nce_credentials_unpack() - from the bytes that were stored
 * @record: the bytes
 * @len: how many
 * @source: who must have handed them out; a key is worth nothing elsewhere
 * @ret: the credentials, the caller's to wipe
 *
 * Return: 0; -ENOENT when they are from another source; -EBADMSG when they are damaged.
 */
int nce_credentials_unpack(const uint8_t *record, uint32_t len, const char *source,
			   struct nce_credentials *ret)
{
	struct span rest = { (const char *)record, len };
	struct span from = take(&rest);
	struct span identity = take(&rest);
	struct span endpoint = take(&rest);

	if (!from.text || !identity.text || !endpoint.text)
		return -EBADMSG;
	if (strcmp(from.text, source) != 0)
		return -ENOENT;

	return fill(identity, rest, endpoint, ret);
}

/* ---- what is in them ---- */

static int parse_port(const char *text, uint32_t *ret)
{
	size_t len = strspn(text, "0123456789");
	unsigned long port;

	if (len == 0 || len > 5 || (text[len] != '\0' && strcmp(text + len, "/") != 0))
		return -EINVAL;
	port = strtoul(text, NULL, 10);
	if (port < 1 || port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint32_t)port;

	return 0;
}

/**
 * nce_endpoint_parse() - where to take the key
 * @endpoint: "coaps://host:port", "coaps://[::1]/" …, of at most NCE_ENDPOINT_MAX bytes
 * @ret_host: without brackets
 * @ret_port: 5684 unless given
 *
 * Return: 0; -EINVAL when it is not that.
 */
int nce_endpoint_parse(const char *endpoint, char ret_host[NCE_ENDPOINT_MAX + 1],
		       uint32_t *ret_port)
{
	static const char scheme[] = "coaps://";
	bool bracket;
	const char *host, *end;
	uint32_t port = NCE_PORT_DTLS;
	size_t len;

	if (strncasecmp(endpoint, scheme, strlen(scheme)) != 0)
		return -EINVAL;
	host = endpoint + strlen(scheme);
	bracket = *host == '[';
	host += bracket;
	len = strcspn(host, bracket ? "]" : ":/");
	end = host + len;
	if (len == 0 || len > NCE_ENDPOINT_MAX || (bracket && *end++ != ']'))
		return -EINVAL;
	if (*end == ':' ? parse_port(end + 1, &port) < 0 : *end != '\0' && strcmp(end, "/") != 0)
		return -EINVAL;

	memcpy(ret_host, host, len);
	ret_host[len] = '\0';
	*ret_port = port;

	return 0;
}

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (uint8_t)tolower(c);

	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

/**
 * nce_unhex() - the bytes that hex digits stand for
 * @text: the digits
 * @len: how many
 * @ret: the bytes, the caller's to wipe, also on failure
 * @ret_len: how many
 *
 * Return: 0; -EINVAL unless they are hex digits, one pair at least, NCE_KEY_MAX / 2 at most.
 */
int nce_unhex(const uint8_t *text, uint32_t len, uint8_t ret[NCE_KEY_MAX / 2], uint32_t *ret_len)
{
	if (len == 0 || len % 2 != 0 || len > NCE_KEY_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < len / 2; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	*ret_len = len / 2;

	return 0;
}
