/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/peer.h"

/** EXCHANGE_LIFETIME, RFC 7252 section 4.8.2: after it a message id may mean another message. */
#define EXCHANGE_LIFETIME (247 * SIM_USEC_PER_SEC)

/**
 * How many replies are kept, the latest: a request may be repeated for EXCHANGE_LIFETIME, while
 * others go on.
 */
#define KEPT 4096

/** RFC 7959 section 2.1 */
#define OPTION_BLOCK1 27

struct kept {
	struct sim_message_id id;
	uint64_t at;
	struct sim_reply *reply;
};

/**
 * struct sim_peer - one sender
 * @name: its address as text
 * @kept: replies, by message id, which clients count up
 * @path: where the blocks of @body go
 * @body_len: how much of @body has come
 * @body: a payload on its way in blocks
 */
struct sim_peer {
	char *name;
	struct kept kept[KEPT];
	char path[SIM_PATH_MAX];
	size_t body_len;
	uint8_t body[SIM_PAYLOAD_MAX];
};

/**
 * sim_peer_new() - a sender of whom nothing is known yet
 * @name: its address, copied
 *
 * Return: the peer, the caller's; NULL without memory.
 */
struct sim_peer *sim_peer_new(const char *name)
{
	struct sim_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;

	peer->name = strdup(name);
	if (!peer->name)
		return sim_peer_free(peer);

	return peer;
}

/**
 * sim_peer_free() - forget a sender
 * @peer: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sim_peer *sim_peer_free(struct sim_peer *peer)
{
	if (!peer)
		return NULL;

	for (size_t i = 0; i < KEPT; i++)
		(void)sim_reply_free(peer->kept[i].reply);
	free(peer->name);
	free(peer);

	return NULL;
}

/**
 * sim_peer_name() - the sender's address
 * @peer: the peer
 *
 * Return: the text, lent with the peer.
 */
const char *sim_peer_name(const struct sim_peer *peer)
{
	return peer->name;
}

static bool same(const struct sim_message_id *a, const struct sim_message_id *b)
{
	return a->mid == b->mid && a->token_len == b->token_len &&
	       memcmp(a->token, b->token, a->token_len) == 0;
}

/**
 * sim_peer_reply() - the reply that a message has had already
 * @peer: its sender
 * @id: the message's
 * @now: µs
 *
 * Return: the reply, lent until the next sim_peer_keep(); NULL when the message is new.
 */
const struct sim_reply *sim_peer_reply(const struct sim_peer *peer, const struct sim_message_id *id,
				       uint64_t now)
{
	const struct kept *kept = &peer->kept[id->mid % KEPT];

	return kept->reply && same(&kept->id, id) && now - kept->at < EXCHANGE_LIFETIME
		       ? kept->reply
		       : NULL;
}

/**
 * sim_peer_keep() - remember a reply, and forget an old one
 * @peer: who got it
 * @id: of the message that it answers
 * @reply: copied; without memory it is not kept, and a repeated message would be served again
 * @now: µs
 */
void sim_peer_keep(struct sim_peer *peer, const struct sim_message_id *id,
		   const struct sim_reply *reply, uint64_t now)
{
	struct kept *kept = &peer->kept[id->mid % KEPT];

	(void)sim_reply_free(kept->reply);
	kept->id = *id;
	kept->at = now;
	kept->reply = sim_reply_copy(reply);
}

/* An option's value as a number, RFC 7252 section 3.2. */
static uint32_t option_number(const struct sim_option *option)
{
	uint32_t number = 0;

	for (size_t i = 0; i < option->len; i++)
		number = number << 8 | option->value[i];

	return number;
}

/* Whether the block at @offset carries on what has come before. Block 0 always begins anew. */
static bool carries_on(struct sim_peer *peer, const struct sim_request *request, size_t offset)
{
	if (offset == 0) {
		(void)stpncpy(peer->path, request->path, sizeof(peer->path) - 1);
		peer->body_len = 0;
	}

	return offset == peer->body_len && strcmp(peer->path, request->path) == 0;
}

/**
 * sim_peer_join() - take a payload that may be one block of a larger one
 * @peer: the sender; one block-wise payload at a time
 * @request: its payload becomes the whole when this was the last block
 *
 * Return: 0 when the payload is whole, else the code to answer with: 2.31 asks for the next block,
 * 4.00 is for a block that cannot be, 4.08 for one that does not fit, 4.13 for too long a payload
 * (RFC 7959 section 2.9).
 */
uint8_t sim_peer_join(struct sim_peer *peer, struct sim_request *request)
{
	const struct sim_option *option = sim_request_option(request, OPTION_BLOCK1);
	uint32_t block = option && option->len <= 3 ? option_number(option) : 0;
	bool more = block & 8;
	size_t size = (size_t)16 << (block & 7);
	size_t offset = (size_t)(block >> 4) * size;

	if (!option)
		return request->payload_len > SIM_PAYLOAD_MAX ? SIM_CODE(4, 13) : 0;
	if (option->len > 3 || size > SIM_PAYLOAD_MAX || request->payload_len > size ||
	    (more && request->payload_len < size))
		return SIM_CODE(4, 0);
	if (!carries_on(peer, request, offset))
		return SIM_CODE(4, 8);
	if (request->payload_len > SIM_PAYLOAD_MAX - peer->body_len)
		return SIM_CODE(4, 13);

	memcpy(peer->body + peer->body_len, request->payload, request->payload_len);
	peer->body_len += request->payload_len;
	if (more)
		return SIM_CODE(2, 31);

	request->payload = peer->body;
	request->payload_len = peer->body_len;
	peer->body_len = 0;

	return 0;
}
