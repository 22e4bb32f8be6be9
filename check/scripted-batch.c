/* SPDX-License-Identifier: Apache-2.0 */
/* Several messages in one request. */
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

/* Each in blocks of just its size, so that reading beyond shows. */
static struct skybus_message *lend(const struct skybus_link *link,
				   const struct scripted_message *messages, uint32_t n)
{
	struct skybus_message *lent = scripted_need(calloc(n, sizeof(*lent)));

	for (uint32_t i = 0; i < n; i++) {
		size_t len = strlen(messages[i].payload);

		lent[i] = (struct skybus_message){
			.size = sizeof(lent[i]),
			.payload_len = (uint32_t)len,
			.ticket = i + 1,
			.topic = scripted_text(messages[i].topic),
			.payload = scripted_bytes(messages[i].payload, len),
			.time_ms = link->time_ms ? link->time_ms + 1000 * (int64_t)i : 0,
			.content_format = SKYBUS_NO_FORMAT,
		};
	}

	return lent;
}

static void take_back(struct skybus_message *lent, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		free((char *)lent[i].topic);
		free((uint8_t *)lent[i].payload);
	}
	free(lent);
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
	struct skybus_message *lent = lend(link, messages, n);
	uint32_t together = link->plugin->gather(link->state, lent, n);

	if (together > n)
		scripted_fault(link, "gather() returned %u of %u", together, n);
	take_back(lent, n);

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
	struct skybus_message *lent = lend(link, messages, n);

	request->result =
		link->plugin->encode_batch(link->state, lent, n, request, &request->verdict);
	if (request->result < 0 && request->verdict.kind != SKYBUS_REJECTED)
		scripted_check_verdict(link, "encode_batch", &request->verdict);
	request->message = lent[0];
	request->message.topic = scripted_text(lent[0].topic);
	request->message.payload = scripted_bytes(lent[0].payload, lent[0].payload_len);
	take_back(lent, n);
	scripted_filled(request, "encode_batch");

	return request;
}
