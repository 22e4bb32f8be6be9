/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/inbox-message.h"

SB_DEFINE_CLEANUP(struct sb_inbox_message *, sb_inbox_message_free)

/**
 * sb_inbox_message_new() - keep a message
 * @delivery: copied
 *
 * Return: the message, the caller's; NULL without memory.
 */
struct sb_inbox_message *sb_inbox_message_new(const struct sb_delivery *delivery)
{
	SB_CLEANUP(sb_inbox_message_free)
	struct sb_inbox_message *message = calloc(1, sizeof(*message));

	if (!message)
		return NULL;
	message->number = delivery->message;
	message->origin = delivery->origin;
	message->content_format = delivery->content_format;
	message->answer_by_ms = delivery->answer_by_ms;
	message->topic = strdup(delivery->topic);
	if (!message->topic)
		return NULL;
	if (delivery->payload_len > 0) {
		message->payload = malloc(delivery->payload_len);
		if (!message->payload)
			return NULL;
		memcpy(message->payload, delivery->payload, delivery->payload_len);
		message->payload_len = delivery->payload_len;
	}

	return SB_STEAL(message);
}

/**
 * sb_inbox_message_free() - free a message
 * @message: in no list; may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_inbox_message *sb_inbox_message_free(struct sb_inbox_message *message)
{
	if (!message)
		return NULL;

	free(message->topic);
	free(message->payload);
	free(message);

	return NULL;
}

/**
 * sb_inbox_message_list_clear() - free all messages in a list
 * @list: empty afterwards
 */
void sb_inbox_message_list_clear(struct sb_inbox_message_list *list)
{
	struct sb_inbox_message *message;

	while ((message = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, message, entry);
		(void)sb_inbox_message_free(message);
	}
}

/**
 * sb_inbox_message_size() - what a message counts as against bounds
 * @message: the message
 *
 * Return: the bytes of its topic and payload.
 */
size_t sb_inbox_message_size(const struct sb_inbox_message *message)
{
	return strlen(message->topic) + message->payload_len;
}
