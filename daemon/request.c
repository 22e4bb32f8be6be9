/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/message.h"
#include "daemon/request.h"
#include "skybus/plugin.h"

/* RFC 7252 section 5.10: a peer drops a message with a longer path segment or query as malformed. */
#define URI_OPTION_LEN_MAX 255

/* Likewise: no option that we know is longer; libcoap's own bound is higher. */
#define OPTION_LEN_MAX 1034

static void fail(struct sb_request *request, int error)
{
	if (request->error == 0)
		request->error = error;
}

static size_t option_len_max(uint32_t number)
{
	return number == SB_OPTION_URI_PATH || number == SB_OPTION_URI_QUERY ? URI_OPTION_LEN_MAX
									     : OPTION_LEN_MAX;
}

static struct sb_option *option_new(struct sb_request *request, size_t len)
{
	const size_t unit = _Alignof(struct sb_option);
	size_t size = (sizeof(struct sb_option) + len + unit - 1) / unit * unit;
	uint8_t *place = request->room + request->room_used;

	if (size > sizeof(request->room) - request->room_used)
		return malloc(size);
	request->room_used += size;

	return (struct sb_option *)place;
}

static void option_free(const struct sb_request *request, struct sb_option *option)
{
	if ((uintptr_t)option - (uintptr_t)request->room >= sizeof(request->room))
		free(option);
}

static void remove_options(struct sb_request *request, uint16_t number)
{
	struct sb_option *option = TAILQ_FIRST(&request->options);

	while (option) {
		struct sb_option *next = TAILQ_NEXT(option, entry);

		if (option->number == number) {
			TAILQ_REMOVE(&request->options, option, entry);
			option_free(request, option);
		}
		option = next;
	}
}

/**
 * sb_request_new() - a POST without options and payload
 *
 * Return: the request, the caller's; NULL without memory.
 */
struct sb_request *sb_request_new(void)
{
	struct sb_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->method = SKYBUS_POST;
	TAILQ_INIT(&request->options);

	return request;
}

/**
 * sb_request_free() - free a request
 * @request: may be NULL
 *
 * Return: NULL.
 */
struct sb_request *sb_request_free(struct sb_request *request)
{
	struct sb_option *option;

	if (!request)
		return NULL;

	while ((option = TAILQ_FIRST(&request->options))) {
		TAILQ_REMOVE(&request->options, option, entry);
		option_free(request, option);
	}
	free(request->payload);
	free(request);

	return NULL;
}

/**
 * sb_request_path() - set the path
 * @request: the request; -EMSGSIZE is remembered when a segment is too long
 * @path: "/a/b" becomes the options a and b; empty segments are left out, nothing is unescaped
 */
void sb_request_path(struct sb_request *request, const char *path)
{
	remove_options(request, SB_OPTION_URI_PATH);
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len > 0)
			sb_request_option(request, SB_OPTION_URI_PATH, path, len);
		path += len + (path[len] == '/');
	}
}

/**
 * sb_request_query() - add a query
 * @request: the request; -EMSGSIZE is remembered when it is too long
 * @query: "key=value"
 */
void sb_request_query(struct sb_request *request, const char *query)
{
	sb_request_option(request, SB_OPTION_URI_QUERY, query, strlen(query));
}

/**
 * sb_request_option() - add an option
 * @request: the request; -EINVAL, -EMSGSIZE or -ENOMEM is remembered
 * @number: 1 to 65535
 * @value: @len bytes, copied; may be NULL when there are none
 * @len: bytes
 */
void sb_request_option(struct sb_request *request, uint32_t number, const void *value, size_t len)
{
	struct sb_option *before;
	struct sb_option *option;

	if (number == 0 || number > UINT16_MAX)
		return fail(request, -EINVAL);
	if (len > option_len_max(number))
		return fail(request, -EMSGSIZE);

	option = option_new(request, len);
	if (!option)
		return fail(request, -ENOMEM);
	option->number = (uint16_t)number;
	option->len = (uint16_t)len;
	if (len > 0)
		memcpy(option->value, value, len);

	TAILQ_FOREACH_REVERSE(before, &request->options, sb_option_list, entry)
	{
		if (before->number <= number) {
			TAILQ_INSERT_AFTER(&request->options, before, option, entry);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&request->options, option, entry);
}

/**
 * sb_request_uint() - set an option that holds an unsigned integer
 * @request: the request; as sb_request_option()
 * @number: 1 to 65535; an earlier one of this number is replaced
 * @value: in as few bytes as it needs, RFC 7252 section 3.2
 */
void sb_request_uint(struct sb_request *request, uint32_t number, uint32_t value)
{
	uint8_t bytes[4] = { value >> 24, value >> 16 & 0xff, value >> 8 & 0xff, value & 0xff };
	size_t skip = 0;

	while (skip < sizeof(bytes) && bytes[skip] == 0)
		skip++;
	if (number <= UINT16_MAX)
		remove_options(request, (uint16_t)number);
	sb_request_option(request, number, bytes + skip, sizeof(bytes) - skip);
}

/**
 * sb_request_payload() - set the payload
 * @request: the request; -EMSGSIZE or -ENOMEM is remembered
 * @data: @len bytes, copied; may be NULL when there are none
 * @len: bytes, at most SB_PAYLOAD_MAX
 */
void sb_request_payload(struct sb_request *request, const void *data, size_t len)
{
	uint8_t *copy = NULL;

	if (len > SB_PAYLOAD_MAX)
		return fail(request, -EMSGSIZE);
	if (len > 0) {
		copy = malloc(len);
		if (!copy)
			return fail(request, -ENOMEM);
		memcpy(copy, data, len);
	}
	free(request->payload);
	request->payload = copy;
	request->payload_len = len;
}

/**
 * sb_code_text() - a CoAP code as people write it
 * @code: SKYBUS_CODE()
 * @ret_text: "4.01"
 *
 * Return: @ret_text.
 */
const char *sb_code_text(uint32_t code, char ret_text[8])
{
	/* RFC 7252 section 3: three bits of class, five of detail. */
	uint32_t detail = code & 31;

	ret_text[0] = (char)('0' + (SKYBUS_CODE_CLASS(code) & 7));
	ret_text[1] = '.';
	ret_text[2] = (char)('0' + detail / 10);
	ret_text[3] = (char)('0' + detail % 10);
	ret_text[4] = '\0';

	return ret_text;
}
