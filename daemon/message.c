/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/message.h"

/*
 * Payload and sender never change, and stand behind the struct, in the same piece of memory; a topic may be replaced by
 * another.
 */
static struct sb_message *message_alloc(const void *payload, size_t payload_len, const char *sender)
{
	size_t sender_size = sender ? strlen(sender) + 1 : 0;
	struct sb_message *message = malloc(sizeof(*message) + payload_len + sender_size);
	uint8_t *behind;

	if (!message)
		return NULL;
	memset(message, 0, sizeof(*message));
	behind = (uint8_t *)(message + 1);
	if (payload_len > 0)
		message->payload = memcpy(behind, payload, payload_len);
	if (sender)
		message->sender = memcpy(behind + payload_len, sender, sender_size);
	message->payload_len = payload_len;

	return message;
}

/**
 * sb_message_new() - a message as an app gave it: normal, of nobody, not yet taken
 * @topic: copied
 * @payload: @payload_len bytes, copied; may be NULL when there are none
 * @payload_len: bytes
 * @sender: who is told of its end, copied; NULL for nobody
 *
 * Return: the message, the caller's; NULL without memory.
 */
struct sb_message *sb_message_new(const char *topic, const void *payload, size_t payload_len,
				  const char *sender)
{
	struct sb_message *message = message_alloc(payload, payload_len, sender);

	if (!message)
		return NULL;

	message->content_format = SKYBUS_NO_FORMAT;
	message->priority = SB_NORMAL;
	message->owner = SB_NO_OWNER;
	message->topic = strdup(topic);
	if (!message->topic)
		return sb_message_free(message);

	return message;
}

/**
 * sb_message_copy() - the same message once more
 * @message: in whatever list
 *
 * Return: the copy, the caller's, in no list; NULL without memory.
 */
struct sb_message *sb_message_copy(const struct sb_message *message)
{
	struct sb_message *copy = sb_message_new(message->topic, message->payload,
						 message->payload_len, message->sender);

	if (!copy)
		return NULL;
	copy->ticket = message->ticket;
	copy->content_format = message->content_format;
	copy->priority = message->priority;
	copy->in_memory = message->in_memory;
	copy->replaces = message->replaces;
	copy->ttl_s = message->ttl_s;
	copy->requeues = message->requeues;
	copy->taken = message->taken;
	copy->owner = message->owner;
	copy->route = message->route ? strdup(message->route) : NULL;
	if (message->route && !copy->route)
		return sb_message_free(copy);

	return copy;
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
	free(message->route);
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
 * @time_ms: when it was taken, by the wall clock, see sb_clock_wall_ms(); 0 when that is not known
 *
 * Return: the view.
 */
struct skybus_message sb_message_view(const struct sb_message *message, int64_t time_ms)
{
	return (struct skybus_message){
		.size = sizeof(struct skybus_message),
		.payload_len = (uint32_t)message->payload_len,
		.ticket = message->ticket,
		.topic = message->topic,
		.payload = message->payload,
		.time_ms = time_ms,
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

/**
 * sb_cause_word() - a cause as people and the bus read it
 * @cause: below SB_N_CAUSES
 *
 * Return: a constant string, "ttl".
 */
const char *sb_cause_word(enum sb_cause cause)
{
	static const char *const words[] = {
#define CAUSE_WORD(constant, word, outcome) [constant] = (word),
		SB_CAUSES(CAUSE_WORD)
#undef CAUSE_WORD
	};

	return words[cause];
}

/**
 * sb_cause_outcome() - how a message ends for a cause
 * @cause: below SB_N_CAUSES
 *
 * Return: the outcome.
 */
enum sb_outcome sb_cause_outcome(enum sb_cause cause)
{
	static const enum sb_outcome outcomes[] = {
#define CAUSE_OUTCOME(constant, word, outcome) [constant] = (outcome),
		SB_CAUSES(CAUSE_OUTCOME)
#undef CAUSE_OUTCOME
	};

	return outcomes[cause];
}
