/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table for each struct, and both ways are made of it. A struct that has grown, and whose table has not, does
 * not compile where pointers have eight bytes: there the structs have no holes.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/isolation-codec.h"

/* So many options are in no packet. */
#define OPTIONS_MAX 1024

/* X(kind, member, member with its length in bytes); size is in none: it is the first in all of them. */
#define MESSAGE(X)                     \
	X(BYTES, payload, payload_len) \
	X(U64, ticket, )               \
	X(TEXT, topic, )               \
	X(U64, time_ms, )              \
	X(U32, content_format, )       \
	X(U32, flags, )

/* And the options. */
#define REPLY(X)                       \
	X(U32, outcome, )              \
	X(U32, code, )                 \
	X(U32, content_format, )       \
	X(U32, max_age, )              \
	X(BYTES, payload, payload_len) \
	X(U64, note, )                 \
	X(U32, observed, )

#define VERDICT(X)               \
	X(U32, kind, )           \
	X(U32, retry_after_ms, ) \
	X(U32, reserved, )       \
	X(ARRAY, reason, )

#define SESSION(X)                       \
	X(U32, security, )               \
	X(TEXT, host, )                  \
	X(U32, port, )                   \
	X(BYTES, identity, identity_len) \
	X(BYTES, key, key_len)           \
	X(BYTES, trust, trust_len)       \
	X(TEXT, server_name, )

#define TERMS(X)              \
	X(U32, expires_s, )   \
	X(U32, keepalive_s, ) \
	X(U32, window, )      \
	X(U32, batch_s, )

#define COMMAND(X)                     \
	X(BYTES, payload, payload_len) \
	X(TEXT, topic, )               \
	X(U32, content_format, )       \
	X(U32, flags, )                \
	X(BYTES, context, context_len) \
	X(U32, answer_s, )             \
	X(TEXT, otherwise, )

#define INCOMING(X)                    \
	X(U32, method, )               \
	X(TEXT, path, )                \
	X(TEXT, query, )               \
	X(TEXT, from, )                \
	X(BYTES, payload, payload_len) \
	X(U32, content_format, )

#define ANSWER(X)                      \
	X(BYTES, payload, payload_len) \
	X(TEXT, topic, )               \
	X(TEXT, code, )                \
	X(BYTES, context, context_len) \
	X(U32, served, )

#define LISTEN(X)      \
	X(U32, port, ) \
	X(TEXT, from, )

#define FETCH(X)                   \
	X(U32, timeout_ms, )       \
	X(TEXT, url, )             \
	X(TEXT, accept, )          \
	X(TEXT, range, )           \
	X(BYTES, trust, trust_len) \
	X(U32, max_len, )

#define FETCHED(X)               \
	X(U32, status, )         \
	X(TEXT, content_type, )  \
	X(TEXT, content_range, ) \
	X(ENDED, body, body_len) \
	X(TEXT, reason, )        \
	X(U32, reserved, )

/* ---- the kinds of members ---- */

#define PACK_U32(member, length) sb_pack_u32(out, own.member);
#define PACK_U64(member, length) sb_pack_u64(out, (uint64_t)own.member);
#define PACK_TEXT(member, length) sb_pack_text(out, own.member);
#define PACK_BYTES(member, length) sb_pack_bytes(out, own.member, own.member ? own.length : 0);
/* Bytes that a zero follows. */
#define PACK_ENDED(member, length) sb_pack_bytes(out, own.member, own.member ? own.length + 1 : 0);
#define PACK_ARRAY(member, length) pack_array(out, own.member, sizeof(own.member));
#define PACK(kind, member, length) PACK_##kind(member, length)

#define UNPACK_U32(member, length) ret->member = sb_unpack_u32(in);
#define UNPACK_U64(member, length) ret->member = (__typeof__(ret->member))sb_unpack_u64(in);
#define UNPACK_TEXT(member, length) ret->member = sb_unpack_text(in);
#define UNPACK_BYTES(member, length) ret->member = sb_unpack_bytes(in, &ret->length);
#define UNPACK_ENDED(member, length) ret->member = unpack_ended(in, &ret->length);
#define UNPACK_ARRAY(member, length) unpack_array(in, ret->member, sizeof(ret->member));
#define UNPACK(kind, member, length) UNPACK_##kind(member, length)

#define SIZE_U32(member, length) +sizeof(own.member)
#define SIZE_U64(member, length) +sizeof(own.member)
#define SIZE_TEXT(member, length) +sizeof(own.member)
#define SIZE_ARRAY(member, length) +sizeof(own.member)
#define SIZE_BYTES(member, length) +sizeof(own.member) + sizeof(own.length)
#define SIZE_ENDED(member, length) SIZE_BYTES(member, length)
#define SIZE(kind, member, length) SIZE_##kind(member, length)

/* More is what is carried otherwise. */
#define ASSERT_WHOLE(MEMBERS, more)                                                   \
	_Static_assert(sizeof(void *) != 8 ||                                         \
			       sizeof(own) == sizeof(own.size) + (more)MEMBERS(SIZE), \
		       "a member is not carried")

static void pack_array(struct sb_packer *out, const char *text, size_t size)
{
	size_t len = strnlen(text, size - 1);

	sb_pack_bytes(out, text, len);
}

static void unpack_array(struct sb_unpacker *in, char *ret, size_t size)
{
	uint32_t len;
	const uint8_t *data = sb_unpack_bytes(in, &len);

	memset(ret, 0, size);
	if (data)
		memcpy(ret, data, len < size ? len : size - 1);
}

static const uint8_t *unpack_ended(struct sb_unpacker *in, uint32_t *ret_len)
{
	uint32_t size;
	const uint8_t *data = sb_unpack_bytes(in, &size);

	*ret_len = data ? size - 1 : 0;

	return data;
}

static uint32_t size_within(uint32_t size, size_t known)
{
	return size < known ? size : (uint32_t)known;
}

/* What the other side's struct does not reach stays 0. */
static void take_own(void *own, size_t known, const void *given)
{
	uint32_t size;

	memcpy(&size, given, sizeof(size));
	size = size_within(size, known);
	memset(own, 0, known);
	memcpy(own, given, size);
	memcpy(own, &size, sizeof(size));
}

#define PACKS(name, type, MEMBERS)                                          \
	void sb_pack_##name(struct sb_packer *out, const struct type *name) \
	{                                                                   \
		struct type own;                                            \
		ASSERT_WHOLE(MEMBERS, 0);                                   \
                                                                            \
		take_own(&own, sizeof(own), name);                          \
		sb_pack_u32(out, own.size);                                 \
		MEMBERS(PACK)                                               \
	}                                                                   \
	void sb_unpack_##name(struct sb_unpacker *in, struct type *ret)     \
	{                                                                   \
		memset(ret, 0, sizeof(*ret));                               \
		ret->size = size_within(sb_unpack_u32(in), sizeof(*ret));   \
		MEMBERS(UNPACK)                                             \
	}

PACKS(message, skybus_message, MESSAGE)
PACKS(verdict, skybus_verdict, VERDICT)
PACKS(session, skybus_session, SESSION)
PACKS(terms, skybus_terms, TERMS)
PACKS(command, skybus_command, COMMAND)
PACKS(incoming, skybus_incoming, INCOMING)
PACKS(answer, skybus_answer, ANSWER)
PACKS(listen, skybus_listen, LISTEN)
PACKS(fetch, skybus_fetch, FETCH)
PACKS(fetched, skybus_fetched, FETCHED)

/**
 * sb_pack_reply() - a reply with its options
 * @out: the packet
 * @reply: the reply
 */
void sb_pack_reply(struct sb_packer *out, const struct skybus_reply *reply)
{
	struct skybus_reply own;
	ASSERT_WHOLE(REPLY, sizeof(own.options) + sizeof(own.n_options));

	take_own(&own, sizeof(own), reply);
	sb_pack_u32(out, own.size);
	REPLY(PACK)
	sb_pack_u32(out, own.n_options);
	for (uint32_t i = 0; i < own.n_options; i++) {
		sb_pack_u32(out, own.options[i].number);
		sb_pack_bytes(out, own.options[i].value, own.options[i].len);
	}
}

/**
 * sb_reply_within() - a reply as a process is told of it
 * @reply: what came
 * @room: for another
 *
 * Blocks make bodies that no packet holds.
 *
 * Return: @reply; or, where it is too long, @room, which says that the request was abandoned.
 */
const struct skybus_reply *sb_reply_within(const struct skybus_reply *reply,
					   struct skybus_reply *room)
{
	if (reply->payload_len <= SB_PACKET_BODY_MAX)
		return reply;
	*room = (struct skybus_reply){
		.size = sizeof(*room),
		.outcome = SKYBUS_ABANDONED,
		.content_format = SKYBUS_NO_FORMAT,
		.max_age = UINT32_MAX,
		.note = reply->note,
		.observed = reply->observed,
	};

	return room;
}

/**
 * sb_unpack_reply() - a reply with its options
 * @in: the packet
 * @ret: the reply; its options are what this returns
 *
 * Return: to be freed when the reply is done with; NULL without options, or memory for them.
 */
struct skybus_option *sb_unpack_reply(struct sb_unpacker *in, struct skybus_reply *ret)
{
	struct skybus_option *options;
	uint32_t n;

	memset(ret, 0, sizeof(*ret));
	ret->size = size_within(sb_unpack_u32(in), sizeof(*ret));
	REPLY(UNPACK)
	n = sb_unpack_u32(in);
	if (n == 0)
		return NULL;
	options = n <= OPTIONS_MAX ? calloc(n, sizeof(*options)) : NULL;
	if (!options) {
		in->bad = true;
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++) {
		options[i].number = sb_unpack_u32(in);
		options[i].value = sb_unpack_bytes(in, &options[i].len);
	}
	ret->options = options;
	ret->n_options = n;

	return options;
}
