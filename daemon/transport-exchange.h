/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Exchanges: each request on its way, matched with what comes back by its token. Between the parts of
 * the transport; nobody else includes this.
 */
#include <coap3/coap.h>

#include "daemon/transport-observe.h"
#include "daemon/transport-pdu.h"
#include "daemon/transport.h"

TAILQ_HEAD(sb_exchange_list, sb_exchange);

/**
 * struct sb_exchange - one
 * @size: of the request, bytes, without what goes in further blocks
 * @ping: an empty message; its Reset is the answer, RFC 7252 section 4.3
 * @outcome: once it is known that no answer comes: for the deadline to tell; else 0
 * @done: NULL when nobody wants to know any more
 */
struct sb_exchange {
	TAILQ_ENTRY(sb_exchange) entry;
	struct sb_exchanges *owner;
	struct sb_timer deadline;
	uint8_t token[SB_TOKEN_LEN];
	coap_mid_t mid;
	size_t size;
	bool ping;
	bool impatient;
	uint32_t outcome;
	uint64_t note;
	sb_reply_fn *done;
	void *userdata;
	struct sb_observation observation;
};

/** struct sb_exchanges - what is on its way in one session; embedded in it */
struct sb_exchanges {
	struct sb_loop *loop;
	coap_session_t *session; /* lent */
	struct sb_exchange_list all;
	size_t n; /* of them */
	struct sb_traffic traffic;
	bool heard; /* a response or a Reset has come */
	bool refused; /* the network has said that nobody is there, and nothing came since */
};

void sb_exchanges_init(struct sb_exchanges *exchanges, struct sb_loop *loop,
		       coap_session_t *session);
void sb_exchanges_done(struct sb_exchanges *exchanges);
int sb_exchanges_send(struct sb_exchanges *exchanges, const struct sb_request *request,
		      uint64_t timeout_usec, sb_reply_fn *done, void *userdata);
int sb_exchanges_ping(struct sb_exchanges *exchanges, uint64_t timeout_usec, sb_reply_fn *done,
		      void *userdata);
struct sb_exchange *sb_exchange_free(struct sb_exchange *exchange);
void sb_exchange_end_soon(struct sb_exchange *exchange, uint32_t outcome);
int sb_exchange_transmit(struct sb_exchange *exchange, const struct sb_request *request);
bool sb_exchanges_on_response(struct sb_exchanges *exchanges, const coap_pdu_t *sent,
			      const coap_pdu_t *received);
void sb_exchanges_on_nack(struct sb_exchanges *exchanges, const coap_pdu_t *sent,
			  coap_nack_reason_t reason, coap_mid_t mid);
