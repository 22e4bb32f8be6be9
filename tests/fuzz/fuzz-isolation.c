/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a plugin's process that has been taken over: each struct is read out of whatever it sent. */
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/isolation-codec.h"
#include "tests/fuzz/input.h"

static volatile uint8_t sink;

/* AddressSanitizer sees whether they are there. */
static void read_bytes(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sink ^= data[i];
}

static void read_text(const char *text)
{
	if (text)
		read_bytes((const uint8_t *)text, strlen(text));
}

static void read_message(struct sb_unpacker *packet)
{
	struct skybus_message message;

	sb_unpack_message(packet, &message);
	read_text(message.topic);
	read_bytes(message.payload, message.payload_len);
}

static void read_reply(struct sb_unpacker *packet)
{
	struct skybus_reply reply;
	struct skybus_option *options = sb_unpack_reply(packet, &reply);

	read_bytes(reply.payload, reply.payload_len);
	for (uint32_t i = 0; i < reply.n_options; i++)
		read_bytes(reply.options[i].value, reply.options[i].len);
	free(options);
}

static void read_verdict(struct sb_unpacker *packet)
{
	struct skybus_verdict verdict;

	sb_unpack_verdict(packet, &verdict);
	fuzz_require(memchr(verdict.reason, '\0', sizeof(verdict.reason)) != NULL,
		     "a verdict's reason has no end");
}

static void read_session(struct sb_unpacker *packet)
{
	struct skybus_session session;

	sb_unpack_session(packet, &session);
	read_text(session.host);
	read_bytes(session.identity, session.identity_len);
	read_bytes(session.key, session.key_len);
	read_text(session.server_name);
	read_bytes(session.trust, session.trust_len);
}

static void read_command(struct sb_unpacker *packet)
{
	struct skybus_command command;

	sb_unpack_command(packet, &command);
	read_text(command.topic);
	read_bytes(command.payload, command.payload_len);
	read_bytes(command.context, command.context_len);
	read_text(command.otherwise);
}

static void read_incoming(struct sb_unpacker *packet)
{
	struct skybus_incoming incoming;

	sb_unpack_incoming(packet, &incoming);
	read_text(incoming.path);
	read_text(incoming.query);
	read_text(incoming.from);
	read_bytes(incoming.payload, incoming.payload_len);
}

static void read_answer(struct sb_unpacker *packet)
{
	struct skybus_answer answer;

	sb_unpack_answer(packet, &answer);
	read_text(answer.topic);
	read_text(answer.code);
	read_bytes(answer.payload, answer.payload_len);
	read_bytes(answer.context, answer.context_len);
}

static void read_fetch(struct sb_unpacker *packet)
{
	struct skybus_fetch fetch;

	sb_unpack_fetch(packet, &fetch);
	read_text(fetch.url);
	read_text(fetch.accept);
	read_text(fetch.range);
	read_bytes(fetch.trust, fetch.trust_len);
}

static void read_fetched(struct sb_unpacker *packet)
{
	struct skybus_fetched fetched;

	sb_unpack_fetched(packet, &fetched);
	read_text(fetched.content_type);
	read_text(fetched.content_range);
	read_text(fetched.reason);
	read_bytes(fetched.body, fetched.body_len);
}

static void read_small(struct sb_unpacker *packet)
{
	struct skybus_terms terms;
	struct skybus_listen listen;

	sb_unpack_terms(packet, &terms);
	sb_unpack_listen(packet, &listen);
	read_text(listen.from);
}

static void (*const readers[])(struct sb_unpacker *) = {
	read_message,  read_reply,  read_verdict, read_session, read_command,
	read_incoming, read_answer, read_fetch,	  read_fetched, read_small,
};

void fuzz_target(struct fuzz_input *in)
{
	size_t which = fuzz_pick(in, SB_ELEMENTS(readers));
	struct sb_unpacker packet = { .data = in->at, .len = in->left };

	readers[which](&packet);
	(void)sb_unpack_ended(&packet);
}
