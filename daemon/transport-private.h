/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of the transport, shared by its parts: transport.c (contexts), transport-session.c,
 * transport-dtls.c (keys and certificates) and transport-exchange.c (requests and replies). Nobody else
 * includes this.
 */
#include <coap3/coap.h>
#include <limits.h>

#include "daemon/transport-dtls.h"
#include "daemon/transport-exchange.h"
#include "daemon/transport.h"

#define SB_DETAIL_MAX 128

/** struct sb_shard - a libcoap context with a few sessions, all with certificates or all without */
struct sb_shard {
	TAILQ_ENTRY(sb_shard) entry;
	struct sb_transport *transport;
	coap_context_t *context;
	struct sb_watch *watch;
	struct sb_task process; /* arms libcoap's timer after a handshake was begun */
	TAILQ_HEAD(, sb_session) sessions;
	size_t n_sessions;
	bool certificates;
};

struct sb_session {
	TAILQ_ENTRY(sb_session) entry;
	struct sb_shard *shard;
	coap_session_t *coap;
	struct sb_exchanges exchanges;
	struct sb_task report; /* tells that the session is open, is doubted, or broke */
	struct sb_timer handshake;
	struct sb_dtls dtls;
	bool secure;
	unsigned int
		last_in; /* the handshake message of the peer that came last, as GnuTLS has it */
	const char *alert; /* that the peer sent; NULL for none */
	bool open;
	int error; /* why it broke */
	char detail[SB_DETAIL_MAX];
	sb_session_fn *changed;
	void *userdata;
};

struct sb_transport {
	struct sb_loop *loop;
	TAILQ_HEAD(, sb_shard) shards;
	struct sb_task bury;
	TAILQ_HEAD(, sb_session) graves; /* freed by their owners, not yet released */
};

int sb_transport_error(int otherwise);
int sb_shard_join(struct sb_transport *transport, bool certificates, struct sb_shard **ret);
void sb_shard_leave(struct sb_shard *shard);

/* What gnutls_handshake_get_last_in() says before there was one. */
#define SB_NO_HANDSHAKE_MESSAGE UINT_MAX

void sb_session_broke(struct sb_session *session, int error, const char *detail);
void sb_session_check(struct sb_session *session);
int sb_session_on_event(coap_session_t *coap, coap_event_t event);
coap_response_t sb_session_on_response(coap_session_t *coap, const coap_pdu_t *sent,
				       const coap_pdu_t *received, const coap_mid_t mid);
void sb_session_on_nack(coap_session_t *coap, const coap_pdu_t *sent,
			const coap_nack_reason_t reason, const coap_mid_t mid);
