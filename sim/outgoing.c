/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/outgoing.h"

/**
 * struct sim_separate - a reply that goes behind its acknowledgment
 * @session: to whom; referenced
 * @token: of the request
 * @reply: owned
 * @entry: among those that wait
 */
struct sim_separate {
	coap_session_t *session;
	struct sim_token token;
	struct sim_reply *reply;
	STAILQ_ENTRY(sim_separate) entry;
};

/**
 * sim_token_read() - the token of a message
 * @pdu: the message
 * @ret: its token
 *
 * Return: false if it is longer than a token can be.
 */
bool sim_token_read(const coap_pdu_t *pdu, struct sim_token *ret)
{
	coap_bin_const_t token = coap_pdu_get_token(pdu);

	if (token.length > sizeof(ret->bytes))
		return false;
	ret->len = token.length;
	if (token.length > 0)
		memcpy(ret->bytes, token.s, token.length);

	return true;
}

/** sim_token_same() - whether two tokens are the same */
bool sim_token_same(const struct sim_token *token, const struct sim_token *other)
{
	return token->len == other->len && memcmp(token->bytes, other->bytes, token->len) == 0;
}

/* Takes the oldest from those that wait. */
static void drop_first(struct sim_outgoing *outgoing)
{
	struct sim_separate *separate = STAILQ_FIRST(&outgoing->waiting);

	STAILQ_REMOVE_HEAD(&outgoing->waiting, entry);
	coap_session_release(separate->session);
	(void)sim_reply_free(separate->reply);
	free(separate);
}

/**
 * sim_outgoing_init() - nothing waits
 * @outgoing: where
 */
void sim_outgoing_init(struct sim_outgoing *outgoing)
{
	*outgoing = (struct sim_outgoing){ 0 };
	STAILQ_INIT(&outgoing->waiting);
}

/**
 * sim_outgoing_done() - send nothing more
 * @outgoing: their sessions still exist
 */
void sim_outgoing_done(struct sim_outgoing *outgoing)
{
	while (!STAILQ_EMPTY(&outgoing->waiting))
		drop_first(outgoing);
}

/**
 * sim_outgoing_write() - make a message of a reply
 * @pdu: of the right kind, with its token
 * @reply: the reply
 */
void sim_outgoing_write(coap_pdu_t *pdu, const struct sim_reply *reply)
{
	const uint8_t *payload;
	size_t payload_len;

	coap_pdu_set_code(pdu, (coap_pdu_code_t)reply->code);
	for (size_t i = 0; i < reply->n_parts; i++) {
		const struct sim_reply_part *part = &reply->parts[i];

		if (part->number != SIM_REPLY_PAYLOAD)
			(void)coap_add_option(pdu, part->number, part->len,
					      reply->bytes + part->offset);
	}
	payload = sim_reply_find(reply, SIM_REPLY_PAYLOAD, &payload_len);
	if (payload && payload_len > 0)
		(void)coap_add_data(pdu, payload_len, payload);
}

/**
 * sim_outgoing_add() - have a reply go behind its acknowledgment
 * @outgoing: where it waits
 * @session: to whom
 * @request: which it answers
 * @reply: copied
 * @now: CLOCK_BOOTTIME, µs
 *
 * Return: 0; -ENOBUFS when there have been too many; -ENOMEM.
 */
int sim_outgoing_add(struct sim_outgoing *outgoing, coap_session_t *session,
		     const coap_pdu_t *request, const struct sim_reply *reply, uint64_t now)
{
	struct sim_separate *separate;
	struct sim_token token;

	if (now - outgoing->since >= SIM_SEPARATE_TIME) {
		outgoing->since = now;
		outgoing->n_recent = 0;
	}
	if (outgoing->n_recent == SIM_SEPARATE_MAX || !sim_token_read(request, &token))
		return -ENOBUFS;

	separate = calloc(1, sizeof(*separate));
	if (!separate)
		return -ENOMEM;
	separate->reply = sim_reply_copy(reply);
	if (!separate->reply) {
		free(separate);
		return -ENOMEM;
	}

	separate->session = coap_session_reference(session);
	separate->token = token;
	STAILQ_INSERT_TAIL(&outgoing->waiting, separate, entry);
	outgoing->n_recent++;

	return 0;
}

/**
 * sim_outgoing_tell() - send a reply in a confirmable message of its own
 * @session: to whom
 * @token: of the request
 * @reply: the reply
 *
 * libcoap repeats it until it is acknowledged. What cannot be sent is lost, as on every network.
 */
void sim_outgoing_tell(coap_session_t *session, const struct sim_token *token,
		       const struct sim_reply *reply)
{
	coap_pdu_t *pdu;

	/* To a session that has ended libcoap would begin a handshake. */
	if (coap_session_get_state(session) != COAP_SESSION_STATE_ESTABLISHED)
		return;
	pdu = coap_pdu_init(COAP_MESSAGE_CON, (coap_pdu_code_t)reply->code,
			    coap_new_message_id(session), coap_session_max_pdu_size(session));
	if (!pdu)
		return;
	if (!coap_add_token(pdu, token->len, token->bytes)) {
		coap_delete_pdu(pdu);
		return;
	}

	sim_outgoing_write(pdu, reply);
	/* None waits for another: who does not acknowledge one must not hold up the rest for ever. */
	coap_session_set_nstart(session, UINT16_MAX);
	(void)coap_send(session, pdu);
}

/**
 * sim_outgoing_send() - send all that wait
 * @outgoing: their acknowledgments have been sent
 */
void sim_outgoing_send(struct sim_outgoing *outgoing)
{
	while (!STAILQ_EMPTY(&outgoing->waiting)) {
		const struct sim_separate *separate = STAILQ_FIRST(&outgoing->waiting);

		sim_outgoing_tell(separate->session, &separate->token, separate->reply);
		drop_first(outgoing);
	}
}
