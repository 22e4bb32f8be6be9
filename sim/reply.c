/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/reply.h"

/**
 * sim_reply_new() - an empty reply with room for SIM_REPLY_BYTES
 *
 * Return: the reply, the caller's; NULL without memory.
 */
struct sim_reply *sim_reply_new(void)
{
	return calloc(1, sizeof(struct sim_reply) + SIM_REPLY_BYTES);
}

/**
 * sim_reply_copy() - the same reply again, just large enough; nothing can be added to it
 * @reply: the original
 *
 * Return: the copy, the caller's; NULL without memory.
 */
struct sim_reply *sim_reply_copy(const struct sim_reply *reply)
{
	size_t size = sizeof(*reply) + reply->used;
	struct sim_reply *copy = malloc(size);

	if (copy)
		memcpy(copy, reply, size);

	return copy;
}

/**
 * sim_reply_free() - free a reply
 * @reply: may be NULL
 *
 * Return: NULL.
 */
struct sim_reply *sim_reply_free(struct sim_reply *reply)
{
	free(reply);

	return NULL;
}

/**
 * sim_reply_reset() - make a reply empty again
 * @reply: from sim_reply_new()
 */
void sim_reply_reset(struct sim_reply *reply)
{
	reply->code = 0;
	reply->separate = 0;
	reply->silent = 0;
	reply->n_parts = 0;
	reply->used = 0;
}

/**
 * sim_reply_add() - add an option or the payload
 * @reply: from sim_reply_new()
 * @number: the option's, or SIM_REPLY_PAYLOAD
 * @value: copied
 * @len: bytes
 *
 * Return: 0; -ENOBUFS when there is no room.
 */
int sim_reply_add(struct sim_reply *reply, uint16_t number, const void *value, size_t len)
{
	struct sim_reply_part *part = &reply->parts[reply->n_parts];

	if (reply->n_parts == SIM_REPLY_PARTS || len > (size_t)SIM_REPLY_BYTES - reply->used)
		return -ENOBUFS;

	part->number = number;
	part->offset = reply->used;
	part->len = (uint16_t)len;
	if (len > 0)
		memcpy(reply->bytes + reply->used, value, len);
	reply->used = (uint16_t)(reply->used + len);
	reply->n_parts++;

	return 0;
}

/**
 * sim_reply_find() - an option's value, or the payload
 * @reply: the reply
 * @number: the option's, or SIM_REPLY_PAYLOAD
 * @ret_len: its length in bytes
 *
 * Return: the value, lent with the reply; NULL when there is none.
 */
const uint8_t *sim_reply_find(const struct sim_reply *reply, uint16_t number, size_t *ret_len)
{
	for (size_t i = 0; i < reply->n_parts; i++) {
		if (reply->parts[i].number != number)
			continue;
		*ret_len = reply->parts[i].len;
		return reply->bytes + reply->parts[i].offset;
	}

	return NULL;
}

/**
 * sim_code_print() - write a code as people do
 * @code: SIM_CODE(class, detail)
 * @ret_text: "4.01"
 */
void sim_code_print(uint8_t code, char ret_text[SIM_CODE_TEXT])
{
	(void)snprintf(ret_text, SIM_CODE_TEXT, "%u.%02u", (code >> 5) & 7u, code & 31u);
}
