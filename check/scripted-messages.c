/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: could the cloud take one, how it becomes a request, several in one; keepalives. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

/* ---- one message ---- */

/**
 * scripted_lend_messages() - lend messages, each with its topic and payload, to the call that is under way
 * @link: to whom
 * @messages: @n of them
 * @n: how many
 *
 * Return: the first; until the call returns.
 */
const struct skybus_message *scripted_lend_messages(struct skybus_link *link,
						    const struct skybus_message *messages,
						    uint32_t n)
{
	size_t len = n * sizeof(*messages);
	struct skybus_message *copies = scripted_need(malloc(len));
	const struct skybus_message *lent;

	memcpy(copies, messages, len);
	for (uint32_t i = 0; i < n; i++) {
		copies[i].topic =
			scripted_lend_text(link, "the message's topic", messages[i].topic);
		copies[i].payload = scripted_lend(link, SCRIPTED_TO_READ, "the message's payload",
						  messages[i].payload, messages[i].payload_len);
	}
	lent = scripted_lend(link, SCRIPTED_TO_READ, "the message", copies, len);
	free(copies);

	return lent;
}

/* The plugin has filled a request, or has not. */
static void filled(struct skybus_request *request)
{
	struct skybus_link *link = request->link;

	if (request->result > 0)
		scripted_fault(link, "%s returned %d: return 0 or a negative errno", link->call,
			       request->result);
	if (request->result != 0 || request->error != 0)
		return;
	TAILQ_REMOVE(&link->filling, request, entry);
	TAILQ_INSERT_TAIL(&link->sent, request, entry);
}

/**
 * scripted_encode() - have a message encoded
 * @link: attached
 * @topic: as an app gave it
 * @payload: @payload_len bytes
 * @payload_len: bytes
 *
 * Return: the request, the link's; in link->sent when it was filled well, with result < 0 and a
 * verdict or with an error otherwise.
 */
struct skybus_request *scripted_encode(struct skybus_link *link, const char *topic,
				       const void *payload, uint32_t payload_len)
{
	struct skybus_request *request = scripted_request_new(link, SCRIPTED_MESSAGE);
	struct skybus_verdict *verdict;
	const char *outer;

	request->payload = scripted_bytes(payload, payload_len);
	request->payload_len = payload_len;
	request->message = (struct skybus_message){
		.size = sizeof(request->message),
		.payload_len = payload_len,
		.ticket = 1,
		.topic = scripted_text(topic),
		.payload = scripted_bytes(payload, payload_len),
		.time_ms = link->time_ms,
		.content_format = SKYBUS_NO_FORMAT,
	};
	outer = scripted_enter(link, "encode()");
	verdict = scripted_lend_verdict(link, SKYBUS_REJECTED);
	request->result = link->plugin->encode(
		link->state, scripted_lend_messages(link, &request->message, 1), request, verdict);
	if (request->result < 0)
		scripted_check_verdict(link, verdict);
	request->verdict = *verdict;
	filled(request);
	scripted_leave(link, outer);

	return request;
}

/**
 * scripted_keepalive() - have a keepalive filled
 * @link: attached, of a plugin that has one
 *
 * Return: as scripted_encode().
 */
struct skybus_request *scripted_keepalive(struct skybus_link *link)
{
	struct skybus_request *request = scripted_request_new(link, SCRIPTED_KEEPALIVE);
	const char *outer = scripted_enter(link, "keepalive()");

	request->result = link->plugin->keepalive(link->state, request);
	filled(request);
	scripted_leave(link, outer);

	return request;
}

/**
 * scripted_accept_payload() - could the cloud ever take a message
 * @link: attached, of a plugin that has accept()
 * @topic: of the message
 * @payload: @payload_len bytes
 * @payload_len: bytes
 * @ret_why: what the plugin said
 *
 * Return: what accept() returned.
 */
int32_t scripted_accept_payload(struct skybus_link *link, const char *topic, const void *payload,
				uint32_t payload_len, struct skybus_verdict *ret_why)
{
	const char *outer = scripted_enter(link, "accept()");
	struct skybus_verdict *why = scripted_lend_verdict(link, SKYBUS_REJECTED);
	const struct skybus_message message = {
		.size = sizeof(message),
		.payload_len = payload_len,
		.topic = topic,
		.payload = payload,
		.content_format = SKYBUS_NO_FORMAT,
	};
	int32_t r;

	link->only_asked = true;
	r = link->plugin->accept(link->state, scripted_lend_messages(link, &message, 1), why);
	link->only_asked = false;
	if (r != 0 && r != -EINVAL && r != -EMSGSIZE)
		scripted_fault(link,
			       "accept() returned %d: return 0, -EINVAL (the topic) or -EMSGSIZE "
			       "(the payload)",
			       r);
	if (r != 0)
		scripted_check_verdict(link, why);
	*ret_why = *why;
	scripted_leave(link, outer);

	return r;
}

/**
 * scripted_accept() - could the cloud ever take a message of so many zero bytes
 * @link: as scripted_accept_payload()
 * @topic: of the message
 * @payload_len: of the message
 * @ret_why: what the plugin said
 *
 * Return: what accept() returned.
 */
int32_t scripted_accept(struct skybus_link *link, const char *topic, uint32_t payload_len,
			struct skybus_verdict *ret_why)
{
	uint8_t *payload = scripted_need(calloc(1, (size_t)payload_len + 1));
	int32_t r = scripted_accept_payload(link, topic, payload, payload_len, ret_why);

	free(payload);

	return r;
}

/**
 * scripted_device() - which device the link is
 * @link: attached, of a plugin that has device()
 *
 * Return: what the plugin said; its own.
 */
const char *scripted_device(struct skybus_link *link)
{
	const char *outer = scripted_enter(link, "device()");
	const char *device;

	link->only_asked = true;
	device = link->plugin->device(link->state);
	link->only_asked = false;
	if (device)
		scripted_check_text(link, "the device's name", device);
	scripted_leave(link, outer);

	return device;
}

/* ---- several messages in one request ---- */

static struct skybus_message *make(const struct skybus_link *link,
				   const struct scripted_message *messages, uint32_t n)
{
	struct skybus_message *made = scripted_need(calloc(n, sizeof(*made)));

	for (uint32_t i = 0; i < n; i++) {
		made[i] = (struct skybus_message){
			.size = sizeof(made[i]),
			.payload_len = (uint32_t)strlen(messages[i].payload),
			.ticket = i + 1,
			.topic = messages[i].topic,
			.payload = (const uint8_t *)messages[i].payload,
			.time_ms = link->time_ms ? link->time_ms + 1000 * (int64_t)i : 0,
			.content_format = SKYBUS_NO_FORMAT,
		};
	}

	return made;
}

/**
 * scripted_gather() - how many could go in one request
 * @link: attached
 * @messages: that wait
 * @n: how many
 *
 * Return: what the plugin said.
 */
uint32_t scripted_gather(struct skybus_link *link, const struct scripted_message *messages,
			 uint32_t n)
{
	struct skybus_message *made = make(link, messages, n);
	const char *outer = scripted_enter(link, "gather()");
	uint32_t together;

	link->only_asked = true;
	together = link->plugin->gather(link->state, scripted_lend_messages(link, made, n), n);
	link->only_asked = false;
	if (together > n)
		scripted_fault(link,
			       "gather() returned %u of %u: return at most as many as it was "
			       "asked about",
			       together, n);
	scripted_leave(link, outer);
	free(made);

	return together;
}

/**
 * scripted_encode_batch() - have several messages encoded
 * @link: attached
 * @messages: that scripted_gather() has found to fit
 * @n: how many
 *
 * Return: as scripted_encode(); decide() is then given the first.
 */
struct skybus_request *scripted_encode_batch(struct skybus_link *link,
					     const struct scripted_message *messages, uint32_t n)
{
	struct skybus_request *request = scripted_request_new(link, SCRIPTED_MESSAGE);
	struct skybus_message *made = make(link, messages, n);
	const char *outer = scripted_enter(link, "encode_batch()");
	struct skybus_verdict *verdict = scripted_lend_verdict(link, SKYBUS_REJECTED);

	request->result = link->plugin->encode_batch(
		link->state, scripted_lend_messages(link, made, n), n, request, verdict);
	if (request->result < 0 && verdict->kind != SKYBUS_REJECTED)
		scripted_check_verdict(link, verdict);
	request->verdict = *verdict;
	request->message = made[0];
	request->message.topic = scripted_text(made[0].topic);
	request->message.payload = scripted_bytes(made[0].payload, made[0].payload_len);
	filled(request);
	scripted_leave(link, outer);
	free(made);

	return request;
}
