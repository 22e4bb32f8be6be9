/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/1nce/body.h"

#define HTTP_OK 200

/* Nine digits always fit; whatever is longer is no part of an answer that we would take. */
#define DIGITS_MAX 9

static int number(const char **text, char end, uint32_t *ret)
{
	size_t len = strspn(*text, "0123456789");

	if (len == 0 || len > DIGITS_MAX || (*text)[len] != end)
		return -EBADMSG;
	*ret = (uint32_t)strtoul(*text, NULL, 10);
	*text += len + (end != '\0');

	return 0;
}

/* "bytes 0-99/120" */
static int parse_range(const char *text, uint32_t *ret_first, uint32_t *ret_last,
		       uint32_t *ret_total)
{
	static const char unit[] = "bytes ";

	if (strncmp(text, unit, strlen(unit)) != 0)
		return -EBADMSG;
	text += strlen(unit);
	if (number(&text, '-', ret_first) < 0 || number(&text, '/', ret_last) < 0)
		return -EBADMSG;

	return number(&text, '\0', ret_total);
}

/* A server may ignore that a piece was asked for. */
static int take_whole(struct nce_body *body, const struct skybus_fetched *fetched)
{
	if (fetched->body_len > NCE_BODY_MAX)
		return -EMSGSIZE;
	if (fetched->body_len > 0)
		memcpy(body->bytes, fetched->body, fetched->body_len);
	body->len = fetched->body_len;
	body->total = fetched->body_len;

	return 1;
}

/**
 * nce_body_add() - take what has come
 * @body: so far
 * @fetched: a 200 or a 206
 *
 * Return: 1 when the body is whole, 0 when the piece that begins at @body->len is missing,
 * -EMSGSIZE when it is longer than NCE_BODY_MAX, -EBADMSG when a 206 is not the missing piece.
 */
int nce_body_add(struct nce_body *body, const struct skybus_fetched *fetched)
{
	uint32_t first, last, total;

	if (fetched->status == HTTP_OK)
		return take_whole(body, fetched);
	if (parse_range(fetched->content_range, &first, &last, &total) < 0)
		return -EBADMSG;
	if (first != body->len || last < first || last >= total ||
	    fetched->body_len != last - first + 1 || (body->total > 0 && body->total != total))
		return -EBADMSG;
	if (total > NCE_BODY_MAX)
		return -EMSGSIZE;

	memcpy(body->bytes + first, fetched->body, fetched->body_len);
	body->len = last + 1;
	body->total = total;

	return body->len == total;
}
