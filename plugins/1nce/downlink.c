/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cloud calls the device: the Device Controller of 1NCE sends a plain CoAP request with a
 * method, a path and a payload that its caller chose. It becomes a command on the topic that is the
 * path, with the query behind it as it stands in a URL: "/valve/open", "/valve?open=1". 2.xx is
 * success to the cloud, all else failure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/1nce/1nce.h"

#define TOPIC_MAX 512
#define PAYLOAD_MAX 1024

/* ---- listening ---- */

/**
 * nce_listen() - be there when the cloud calls
 * @nce: a link that logs in
 *
 * Return: 0, also when no requests are wanted; -ENODEV, and the login goes on; otherwise a negative
 * errno, and the login has failed.
 */
int32_t nce_listen(struct nce *nce)
{
	struct skybus_listen listen = {
		.size = sizeof(listen),
		.port = (uint32_t)nce->host->setting_integer(nce->link, "downlink_port"),
		.from = nce->host->setting_text(nce->link, "downlink_from"),
	};
	int32_t r;

	if (listen.port == 0)
		return 0;
	r = nce->host->listen(nce->link, &listen);
	if (r == -EADDRINUSE)
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "UDP port %u is another program's or link's: write another downlink_port, "
			 "and tell the cloud's side",
			 listen.port);
	else if (r == -EACCES)
		nce_fail(nce, SKYBUS_CONFIGURATION,
			 "the daemon may not listen at UDP port %u: write a downlink_port of 1024 "
			 "or more",
			 listen.port);
	else if (r < 0 && r != -ENODEV)
		nce_fail(nce, r == -EINVAL ? SKYBUS_CONFIGURATION : SKYBUS_TRANSIENT,
			 "no requests can come in at UDP port %u: %s", listen.port, strerror(-r));

	return r;
}

/* ---- requests ---- */

/* What an app could never subscribe to, or would read as something else. */
static bool is_topic(const char *topic)
{
	for (; *topic; topic++) {
		if ((unsigned char)*topic < ' ' || *topic == 0x7f || *topic == '#' || *topic == '+')
			return false;
	}

	return true;
}

static int make_topic(const struct skybus_incoming *incoming, char ret_topic[TOPIC_MAX + 1])
{
	int len = snprintf(ret_topic, TOPIC_MAX + 1, "%s%s%s", incoming->path,
			   incoming->query[0] ? "?" : "", incoming->query);

	return len > 0 && len <= TOPIC_MAX && is_topic(ret_topic) ? 0 : -EINVAL;
}

static int32_t deliver(struct nce *nce, const struct skybus_incoming *incoming, const char *topic)
{
	struct skybus_command command = {
		.size = sizeof(command),
		.payload_len = incoming->payload_len,
		.topic = topic,
		.payload = incoming->payload,
		.content_format = incoming->content_format,
		.flags = SKYBUS_ANSWERABLE,
		.context = (const uint8_t *)&incoming->method,
		.context_len = sizeof(incoming->method),
		.answer_s = (uint32_t)nce->host->setting_integer(nce->link, "downlink_timeout"),
	};

	return nce->host->deliver(nce->link, &command);
}

/** nce_serve() - the cloud calls, see struct skybus_plugin */
void nce_serve(void *state, const struct skybus_incoming *incoming,
	       struct skybus_response *response)
{
	struct nce *nce = state;
	char topic[TOPIC_MAX + 1];
	uint32_t code = SKYBUS_CODE(2, 4);
	int32_t n;

	if (incoming->payload_len > PAYLOAD_MAX) {
		code = SKYBUS_CODE(4, 13);
	} else if (make_topic(incoming, topic) < 0) {
		code = SKYBUS_CODE(4, 0);
	} else {
		n = deliver(nce, incoming, topic);
		if (n <= 0)
			code = n == 0 ? SKYBUS_CODE(4, 4) : SKYBUS_CODE(5, 3);
	}
	nce->host->response_code(response, code);
}

/* ---- answers ---- */

/* "4.04", and nothing looser. 2.31 is for block-wise transfer alone, RFC 7959 section 2.9. */
static int parse_code(const char *text, uint32_t *ret)
{
	uint32_t class, detail;

	if (strlen(text) != 4 || strspn(text, "0123456789.") != 4 || text[1] != '.' ||
	    strchr(text + 2, '.'))
		return -EINVAL;
	class = (uint32_t)(text[0] - '0');
	detail = (uint32_t)((text[2] - '0') * 10 + (text[3] - '0'));
	if ((class != 2 && class != 4 && class != 5) || detail > 31 || (class == 2 && detail == 31))
		return -EINVAL;
	*ret = SKYBUS_CODE(class, detail);

	return 0;
}

/* RFC 7252 section 5.9.1: a GET is answered with content, everything else with a change. */
static uint32_t success(const struct skybus_answer *answer)
{
	uint32_t method = 0;

	if (answer->context_len == sizeof(method))
		memcpy(&method, answer->context, sizeof(method));

	return method == SKYBUS_GET && answer->payload_len > 0 ? SKYBUS_CODE(2, 5)
							       : SKYBUS_CODE(2, 4);
}

/** nce_answer() - an app answers what the cloud asked, see struct skybus_plugin */
int32_t nce_answer(void *state, const struct skybus_answer *answer,
		   struct skybus_response *response, struct skybus_verdict *why)
{
	const struct nce *nce = state;
	uint32_t code = success(answer);

	if (!answer->served) {
		(void)snprintf(why->reason, sizeof(why->reason),
			       "1NCE has not asked this, so there is nobody to answer");
		return -EINVAL;
	}
	if (answer->code[0] && parse_code(answer->code, &code) < 0) {
		(void)snprintf(
			why->reason, sizeof(why->reason),
			"the code is no CoAP response: write \"\" for success, or a code like "
			"4.04");
		return -EINVAL;
	}
	if (answer->payload_len > PAYLOAD_MAX) {
		(void)snprintf(why->reason, sizeof(why->reason),
			       "the answer has %u bytes and 1NCE takes %d: shorten it",
			       answer->payload_len, PAYLOAD_MAX);
		return -EMSGSIZE;
	}
	nce->host->response_code(response, code);
	if (answer->payload_len > 0)
		nce->host->response_payload(response, SKYBUS_FORMAT_TEXT, answer->payload,
					    answer->payload_len);

	return 0;
}
