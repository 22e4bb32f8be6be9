/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemon/loop.h"
#include "daemon/message.h"

/**
 * sb_message_new() - a message as an app gave it, stamped with the present time
 * @topic: copied
 * @payload: @payload_len bytes, copied; may be NULL when there are none
 * @payload_len: bytes
 * @sender: unique bus name of the publisher, copied; NULL for nobody
 *
 * Return: the message, the caller's; NULL without memory.
 */
struct sb_message *sb_message_new(const char *topic, const void *payload, size_t payload_len,
				  const char *sender)
{
	struct sb_message *message = calloc(1, sizeof(*message));

	if (!message)
		return NULL;

	message->time_ms = sb_wall_clock_ms();
	message->content_format = SKYBUS_NO_FORMAT;
	message->topic = strdup(topic);
	message->payload = payload_len > 0 ? malloc(payload_len) : NULL;
	message->sender = sender ? strdup(sender) : NULL;
	if (!message->topic || (payload_len > 0 && !message->payload) ||
	    (sender && !message->sender))
		return sb_message_free(message);

	if (payload_len > 0)
		memcpy(message->payload, payload, payload_len);
	message->payload_len = payload_len;

	return message;
}

/**
 * sb_message_free() - free a message
 * @message: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_message *sb_message_free(struct sb_message *message)
{
	if (!message)
		return NULL;

	free(message->topic);
	free(message->payload);
	free(message->sender);
	free(message);

	return NULL;
}

/**
 * sb_message_list_clear() - free every message of a list
 * @list: empty afterwards
 */
void sb_message_list_clear(struct sb_message_list *list)
{
	struct sb_message *message;

	while ((message = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, message, entry);
		(void)sb_message_free(message);
	}
}

/**
 * sb_message_size() - what a message counts against a bound
 * @message: the message
 *
 * Return: bytes of topic and payload.
 */
size_t sb_message_size(const struct sb_message *message)
{
	return strlen(message->topic) + message->payload_len;
}

/**
 * sb_message_view() - a message as plugins see it
 * @message: lends its text to the view
 *
 * Return: the view.
 */
struct skybus_message sb_message_view(const struct sb_message *message)
{
	return (struct skybus_message){
		.size = sizeof(struct skybus_message),
		.payload_len = (uint32_t)message->payload_len,
		.ticket = message->ticket,
		.topic = message->topic,
		.payload = message->payload,
		.time_ms = message->time_ms,
		.content_format = message->content_format,
	};
}

/**
 * sb_outcome_word() - an outcome as people and the bus read it
 * @outcome: below SB_N_OUTCOMES
 *
 * Return: a constant string, "delivered".
 */
const char *sb_outcome_word(enum sb_outcome outcome)
{
	static const char *const words[] = {
#define OUTCOME_WORD(constant, word) [constant] = (word),
		SB_OUTCOMES(OUTCOME_WORD)
#undef OUTCOME_WORD
	};

	return words[outcome];
}
