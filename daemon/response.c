/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/message.h"
#include "daemon/response.h"
#include "skybus/plugin.h"

static void fail(struct sb_response *response, int error)
{
	if (response->error == 0)
		response->error = error;
}

/**
 * sb_response_new() - a response without payload
 * @code: SKYBUS_CODE()
 *
 * Return: the response, the caller's; NULL without memory.
 */
struct sb_response *sb_response_new(uint32_t code)
{
	struct sb_response *response = calloc(1, sizeof(*response));

	if (!response)
		return NULL;
	response->code = code;
	response->content_format = SKYBUS_NO_FORMAT;

	return response;
}

/**
 * sb_response_free() - free a response
 * @response: may be NULL
 *
 * Return: NULL.
 */
struct sb_response *sb_response_free(struct sb_response *response)
{
	if (!response)
		return NULL;

	free(response->topic);
	free(response->payload);
	free(response);

	return NULL;
}

/**
 * sb_response_code() - set the code
 * @response: the response; -EINVAL is remembered for what is no code of a response
 * @code: 2.xx, 4.xx or 5.xx as SKYBUS_CODE(), RFC 7252 section 5.9
 */
void sb_response_code(struct sb_response *response, uint32_t code)
{
	uint32_t class = SKYBUS_CODE_CLASS(code);

	if (class != 2 && class != 4 && class != 5)
		return fail(response, -EINVAL);
	response->code = code;
}

/**
 * sb_response_payload() - set the payload
 * @response: the response; -EMSGSIZE or -ENOMEM is remembered
 * @content_format: of the payload, or SKYBUS_NO_FORMAT
 * @data: @len bytes, copied; may be NULL when there are none
 * @len: bytes, at most SB_PAYLOAD_MAX
 */
void sb_response_payload(struct sb_response *response, uint32_t content_format, const void *data,
			 size_t len)
{
	uint8_t *copy = NULL;

	if (len > SB_PAYLOAD_MAX)
		return fail(response, -EMSGSIZE);
	if (len > 0) {
		copy = malloc(len);
		if (!copy)
			return fail(response, -ENOMEM);
		memcpy(copy, data, len);
	}
	free(response->payload);
	response->payload = copy;
	response->payload_len = len;
	response->content_format = content_format;
}

/**
 * sb_response_topic() - set the topic of the message that answers a command
 * @response: the response; -ENOMEM is remembered
 * @topic: copied; whether it is a good one is checked when the message is published
 */
void sb_response_topic(struct sb_response *response, const char *topic)
{
	char *copy = strdup(topic);

	if (!copy)
		return fail(response, -ENOMEM);
	free(response->topic);
	response->topic = copy;
}
