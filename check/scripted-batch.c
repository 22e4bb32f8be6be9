/* SPDX-License-Identifier: Apache-2.0 */
/* Several messages in one request. */
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

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
	uint32_t together =
		link->plugin->gather(link->state, scripted_lend_messages(link, made, n), n);

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
	scripted_filled(request);
	scripted_leave(link, outer);
	free(made);

	return request;
}
