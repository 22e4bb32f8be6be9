/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap retransmits (RFC 7252 section 4.2) and tells when it gave up. It does not tell when an empty
 * acknowledgement came and the separate response never did, and it cannot be asked to forget a
 * request; so each exchange has a deadline of its own, and an answer to a forgotten one is ignored.
 *
 * Tokens are four random bytes. An attacker beside the path has to guess them and our port, while we wait:
 * the message id does not help, for a response may come in a message of its own. libcoap's own tokens are
 * longer, and begin where transport-session.c says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/random.h"
#include "daemon/transport-exchange.h"

#define OPTIONS_ON_STACK 16

/**
 * sb_exchange_free() - forget an exchange
 * @exchange: the exchange; nobody is told
 *
 * Return: NULL.
 */
struct sb_exchange *sb_exchange_free(struct sb_exchange *exchange)
{
	sb_timer_disarm(&exchange->deadline);
	TAILQ_REMOVE(&exchange->owner->all, exchange, entry);
	exchange->owner->n--;
	free(exchange);

	return NULL;
}

/* The exchange is gone before its owner hears, so that he may do anything. */
static void exchange_end(struct sb_exchange *exchange, struct skybus_reply *reply)
{
	sb_reply_fn *done = exchange->done;
	void *userdata = exchange->userdata;

	reply->note = exchange->note;
	(void)sb_exchange_free(exchange);
	if (done)
		done(userdata, reply);
}

/* It goes on; but who hears may end it. */
static void exchange_tell(struct sb_exchange *exchange, struct skybus_reply *reply)
{
	reply->note = exchange->note;
	exchange->done(exchange->userdata, reply);
}

static void exchange_on_deadline(struct sb_timer *timer)
{
	struct sb_exchange *exchange = sb_container_of(timer, struct sb_exchange, deadline);
	struct skybus_reply reply = {
		.size = sizeof(reply),
		.outcome = exchange->owner->refused ? SKYBUS_UNREACHABLE : SKYBUS_TIMEOUT,
		.content_format = SKYBUS_NO_FORMAT,
		.max_age = UINT32_MAX,
	};

	if (sb_observation_on_deadline(exchange))
		return;
	if (exchange->outcome)
		reply.outcome = exchange->outcome;
	exchange_end(exchange, &reply);
}

/**
 * sb_exchange_end_soon() - no answer comes
 * @exchange: the exchange
 * @outcome: that is told
 *
 * libcoap may say so while something else is being sent: too early to tell anybody.
 */
void sb_exchange_end_soon(struct sb_exchange *exchange, uint32_t outcome)
{
	exchange->outcome = outcome;
	sb_timer_arm(&exchange->deadline, 0);
}

static struct sb_exchange *find_token(struct sb_exchanges *exchanges, coap_bin_const_t token)
{
	struct sb_exchange *exchange;

	if (token.length != SB_TOKEN_LEN)
		return NULL;
	TAILQ_FOREACH(exchange, &exchanges->all, entry) {
		if (!exchange->ping && memcmp(exchange->token, token.s, SB_TOKEN_LEN) == 0)
			return exchange;
	}

	return NULL;
}

static struct sb_exchange *exchange_new(struct sb_exchanges *exchanges, sb_reply_fn *done,
					void *userdata)
{
	struct sb_exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	exchange->owner = exchanges;
	exchange->mid = COAP_INVALID_MID;
	exchange->done = done;
	exchange->userdata = userdata;
	sb_timer_init(&exchange->deadline, exchanges->loop, exchange_on_deadline);
	TAILQ_INSERT_TAIL(&exchanges->all, exchange, entry);
	exchanges->n++;

	return exchange;
}

static int new_token(struct sb_exchange *exchange)
{
	uint8_t token[SB_TOKEN_LEN];

	do {
		if (sb_random(token, sizeof(token)) < 0)
			return -EIO;
	} while (find_token(exchange->owner, (coap_bin_const_t){ sizeof(token), token }));
	memcpy(exchange->token, token, sizeof(token));

	return 0;
}

/**
 * sb_exchange_transmit() - send the request of an exchange
 * @exchange: with its token
 * @request: lent
 *
 * Return: 0; -EMSGSIZE, -ENOMEM, -ENOTCONN.
 */
int sb_exchange_transmit(struct sb_exchange *exchange, const struct sb_request *request)
{
	coap_session_t *session = exchange->owner->session;
	coap_pdu_t *pdu;
	int r;

	pdu = coap_pdu_init(COAP_MESSAGE_CON, (coap_pdu_code_t)request->method,
			    coap_new_message_id(session), coap_session_max_pdu_size(session));
	if (!pdu)
		return -ENOMEM;
	r = sb_pdu_fill(pdu, session, exchange->token, request, &exchange->size);
	if (r < 0) {
		coap_delete_pdu(pdu);
		return r;
	}
	exchange->owner->traffic.sent += exchange->size;
	/* coap_send() owns the PDU from here, whatever happens. */
	exchange->mid = coap_send(session, pdu);

	return exchange->mid == COAP_INVALID_MID ? -ENOTCONN : 0;
}

/**
 * sb_exchanges_init() - prepare the exchanges of a session
 * @exchanges: embedded in its owner
 * @loop: outlives it
 * @session: lent; outlives it
 */
void sb_exchanges_init(struct sb_exchanges *exchanges, struct sb_loop *loop,
		       coap_session_t *session)
{
	*exchanges = (struct sb_exchanges){ .loop = loop, .session = session };
	TAILQ_INIT(&exchanges->all);
}

/**
 * sb_exchanges_done() - forget all exchanges; nobody is told
 * @exchanges: initialised
 */
void sb_exchanges_done(struct sb_exchanges *exchanges)
{
	struct sb_exchange *exchange;

	while ((exchange = TAILQ_FIRST(&exchanges->all)))
		(void)sb_exchange_free(exchange);
}

/**
 * sb_exchanges_send() - send a request
 * @exchanges: of an open session
 * @request: lent
 * @timeout_usec: when to stop waiting for the answer, µs from now
 * @done: called once, never from within this call
 * @userdata: for @done
 *
 * Return: 0; -EMSGSIZE, -ENOMEM, -ENOTCONN, and @done is not called then.
 */
int sb_exchanges_send(struct sb_exchanges *exchanges, const struct sb_request *request,
		      uint64_t timeout_usec, sb_reply_fn *done, void *userdata)
{
	struct sb_exchange *exchange = exchange_new(exchanges, done, userdata);
	int r;

	if (!exchange)
		return -ENOMEM;
	exchange->note = request->note;
	exchange->impatient = request->impatient;
	r = new_token(exchange);
	if (r == 0)
		r = sb_exchange_transmit(exchange, request);
	if (r < 0) {
		(void)sb_exchange_free(exchange);
		return r;
	}
	sb_timer_arm(&exchange->deadline, timeout_usec);

	return 0;
}

/* Not coap_session_send_ping(): from 4.3.2 on that refuses while anything is under way. */
static coap_mid_t send_empty(coap_session_t *session)
{
	coap_pdu_t *pdu =
		coap_pdu_init(COAP_MESSAGE_CON, COAP_EMPTY_CODE, coap_new_message_id(session), 0);

	return pdu ? coap_send(session, pdu) : COAP_INVALID_MID;
}

/**
 * sb_exchanges_ping() - ask for a sign of life, RFC 7252 section 4.3
 * @exchanges: of an open session
 * @timeout_usec: when to stop waiting, µs from now
 * @done: called once, never from within this call; SKYBUS_ANSWERED without code is the sign
 * @userdata: for @done
 *
 * Return: 0; -ENOMEM, -ENOTCONN, and @done is not called then.
 */
int sb_exchanges_ping(struct sb_exchanges *exchanges, uint64_t timeout_usec, sb_reply_fn *done,
		      void *userdata)
{
	struct sb_exchange *exchange = exchange_new(exchanges, done, userdata);

	if (!exchange)
		return -ENOMEM;
	exchange->ping = true;
	exchange->impatient = true;
	exchange->mid = send_empty(exchanges->session);
	if (exchange->mid == COAP_INVALID_MID) {
		(void)sb_exchange_free(exchange);
		return -ENOTCONN;
	}
	exchanges->traffic.sent += SB_PDU_HEADER_LEN;
	sb_timer_arm(&exchange->deadline, timeout_usec);

	return 0;
}

/* A server that was away, and may have been another one meanwhile, may not know what we observe. */
static void exchanges_heard(struct sb_exchanges *exchanges)
{
	exchanges->heard = true;
	if (exchanges->refused)
		sb_exchanges_renew(exchanges, false);
	exchanges->refused = false;
}

/* Tokens of libcoap's own have other lengths; what it asks by itself is part of something larger. */
static bool is_libcoaps(const coap_pdu_t *sent, const coap_pdu_t *received)
{
	return sent && coap_pdu_get_token(received).length != SB_TOKEN_LEN;
}

/**
 * sb_exchanges_on_response() - a response came
 * @exchanges: of the session on which it came
 * @sent: the request, if libcoap knows
 * @received: the response; block-wise ones come whole
 *
 * Return: whether it answers one of our requests.
 */
bool sb_exchanges_on_response(struct sb_exchanges *exchanges, const coap_pdu_t *sent,
			      const coap_pdu_t *received)
{
	struct sb_exchange *exchange = find_token(exchanges, coap_pdu_get_token(received));
	struct skybus_option on_stack[OPTIONS_ON_STACK];
	SB_CLEANUP(sb_free) struct skybus_option *on_heap = NULL;
	struct skybus_reply reply = {
		.size = sizeof(reply),
		.outcome = SKYBUS_ANSWERED,
		.code = coap_pdu_get_code(received),
		.content_format = SKYBUS_NO_FORMAT,
		.max_age = UINT32_MAX,
	};
	size_t n = sb_pdu_count_options(received);
	size_t options_size;
	size_t payload_len = 0;
	size_t offset;
	size_t total;

	if (!exchange && is_libcoaps(sent, received)) {
		sb_exchanges_renew(exchanges, true);
		return true;
	}
	if (!exchange)
		return false;
	if (n > OPTIONS_ON_STACK) {
		on_heap = calloc(n, sizeof(*on_heap));
		if (!on_heap)
			return false;
	}
	options_size = sb_pdu_read_options(received, on_heap ? on_heap : on_stack, &reply);
	if (!coap_get_data_large(received, &payload_len, &reply.payload, &offset, &total))
		payload_len = 0;
	reply.payload_len = (uint32_t)payload_len;
	exchanges->traffic.received += sb_pdu_size(options_size, payload_len);
	exchanges_heard(exchanges);
	if (exchange->observation.on && !sb_observation_takes(exchange, received, &reply))
		return true;
	if (reply.observed)
		exchange_tell(exchange, &reply);
	else
		exchange_end(exchange, &reply);

	return true;
}

static struct sb_exchange *find_sent(struct sb_exchanges *exchanges, const coap_pdu_t *sent,
				     coap_mid_t mid)
{
	struct sb_exchange *exchange;

	TAILQ_FOREACH(exchange, &exchanges->all, entry) {
		if (exchange->ping && exchange->mid == mid)
			return exchange;
	}

	return sent ? find_token(exchanges, coap_pdu_get_token(sent)) : NULL;
}

/*
 * An ICMP error is the session's. libcoap 4.3.1 names each request that is under way, one after the other;
 * 4.3.4 only the one that it would repeat first, and not even that if the error comes with a repetition.
 */
static void exchanges_refused(struct sb_exchanges *exchanges)
{
	struct sb_exchange *exchange;

	TAILQ_FOREACH(exchange, &exchanges->all, entry) {
		if (exchange->observation.on && !sb_observation_awaits(exchange))
			continue;
		if (exchange->impatient && !exchange->outcome)
			sb_exchange_end_soon(exchange, SKYBUS_UNREACHABLE);
	}
}

/**
 * sb_exchanges_on_nack() - libcoap says that a request of ours got nowhere
 * @exchanges: of the session
 * @sent: the request; may be NULL
 * @reason: why
 * @mid: its message id
 */
void sb_exchanges_on_nack(struct sb_exchanges *exchanges, const coap_pdu_t *sent,
			  coap_nack_reason_t reason, coap_mid_t mid)
{
	struct sb_exchange *exchange = find_sent(exchanges, sent, mid);

	if (reason == COAP_NACK_ICMP_ISSUE) {
		exchanges_refused(exchanges);
		return;
	}
	/* A block; a request of ours that is forgotten is none. */
	if (!exchange && is_libcoaps(sent, sent))
		sb_exchanges_renew(exchanges, true);
	if (!exchange)
		return;

	/* As a number: each version of the library has more reasons than the one before. */
	switch ((int)reason) {
	case COAP_NACK_RST:
		exchanges_heard(exchanges);
		sb_exchange_end_soon(exchange, exchange->ping ? SKYBUS_ANSWERED : SKYBUS_RESET);
		break;
	case COAP_NACK_TOO_MANY_RETRIES:
		sb_exchange_end_soon(exchange,
				     exchanges->refused ? SKYBUS_UNREACHABLE : SKYBUS_TIMEOUT);
		break;
	default:
		sb_exchange_end_soon(exchange, SKYBUS_ABANDONED);
		break;
	}
}
