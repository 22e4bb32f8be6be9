/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/random.h"
#include "daemon/transport-bind.h"
#include "daemon/transport-private.h"

/* The in-flight window is ours (RFC 7252 section 4.7 asks for one); libcoap's only must not be smaller. */
#define NSTART_MAX 256

#define HANDSHAKE_TIMEOUT_USEC (30 * SB_USEC_PER_SEC)

/* libcoap's GnuTLS backend calls select() on these descriptors: a higher one aborts the process. */
#define DTLS_FD_LIMIT 1024

/* ---- what happens to a session ---- */

/**
 * sb_session_broke() - a session is only good for being freed
 * @session: the session; the first word counts
 * @error: why, negative
 * @detail: for sb_session_fn
 */
void sb_session_broke(struct sb_session *session, int error, const char *detail)
{
	if (session->error < 0)
		return;

	session->error = error;
	session->open = false;
	(void)snprintf(session->detail, sizeof(session->detail), "%s", detail);
	sb_timer_disarm(&session->handshake);
	sb_task_schedule(&session->report);
}

static void session_on_report(struct sb_task *task)
{
	struct sb_session *session = sb_container_of(task, struct sb_session, report);

	if (session->error < 0) {
		sb_exchanges_done(&session->exchanges);
	} else if (session->open) {
		session->changed(session->userdata, SB_SESSION_DOUBTED, "");
		return;
	} else {
		session->open = true;
		sb_timer_disarm(&session->handshake);
	}
	session->changed(session->userdata, session->error, session->detail);
}

static void session_on_handshake_timeout(struct sb_timer *timer)
{
	sb_session_broke(sb_container_of(timer, struct sb_session, handshake), -ETIMEDOUT, "");
}

/* What the peer said when it refused; libcoap 4.3.1 has torn its session down by now, and knows no more. */
static const char *received_alert(const coap_session_t *coap)
{
	gnutls_session_t tls = sb_dtls_gnutls(coap);
	gnutls_alert_description_t alert = tls ? gnutls_alert_get(tls) : GNUTLS_A_CLOSE_NOTIFY;
	const char *name;

	name = alert != GNUTLS_A_CLOSE_NOTIFY ? gnutls_alert_get_name(alert) : NULL;

	return name ? name : "";
}

/*
 * libcoap closes a session on an alert and on an ICMP error alike. Who had answered before has refused us;
 * where nobody ever did, nobody listens.
 */
static void session_closed(struct sb_session *session, const char *alert)
{
	if (*alert)
		session->alert = alert;
	if (session->open)
		sb_session_broke(session, session->exchanges.refused ? -ECONNREFUSED : -ECONNRESET,
				 alert);
	else if (session->last_in != SB_NO_HANDSHAKE_MESSAGE || *alert)
		sb_session_broke(session, -EKEYREJECTED, alert);
	else
		sb_session_broke(session, -ECONNREFUSED, "");
}

/* The handshake, or a record after it, is not as it should be. */
static void session_failed(struct sb_session *session, const char *alert)
{
	if (*alert)
		session->alert = alert;
	sb_session_broke(session, session->open ? -ECONNRESET : -EKEYREJECTED, alert);
}

/**
 * sb_session_on_event() - libcoap's handler of events
 * @coap: libcoap's session; one that its owner has freed is ignored
 * @event: what happened
 *
 * Return: 0.
 */
int sb_session_on_event(coap_session_t *coap, coap_event_t event)
{
	struct sb_session *session = coap_session_get_app_data(coap);

	if (!session)
		return 0;
	if (event == COAP_EVENT_DTLS_CLOSED)
		session_closed(session, received_alert(coap));
	else if (event == COAP_EVENT_DTLS_ERROR)
		session_failed(session, received_alert(coap));

	return 0;
}

/**
 * sb_session_on_response() - libcoap's handler of responses
 * @coap: libcoap's session; one that its owner has freed is ignored
 * @sent: the request, if libcoap knows
 * @received: the response
 * @mid: its message id; unused, tokens tell
 *
 * Return: COAP_RESPONSE_FAIL for what answers no request of ours, and libcoap sends a Reset.
 */
coap_response_t sb_session_on_response(coap_session_t *coap, const coap_pdu_t *sent,
				       const coap_pdu_t *received, const coap_mid_t mid)
{
	struct sb_session *session = coap_session_get_app_data(coap);

	(void)mid;
	if (!session || !sb_exchanges_on_response(&session->exchanges, sent, received))
		return COAP_RESPONSE_FAIL;

	return COAP_RESPONSE_OK;
}

/*
 * An ICMP error: the peer's host says that nobody listens. Anybody may forge that, and who restarts his
 * server causes it, so a plain session only comes into doubt. A DTLS session does not survive it:
 * libcoap 4.3.1 tears it down, later versions do not, and all are treated alike.
 */
static void session_refused(struct sb_session *session)
{
	session->exchanges.refused = true;
	if (session->secure)
		session_closed(session, "");
	else if (session->open)
		sb_task_schedule(&session->report);
}

/**
 * sb_session_on_nack() - libcoap's handler of requests that got nowhere
 * @coap: libcoap's session; one that its owner has freed is ignored
 * @sent: the request; NULL if libcoap cannot tell which
 * @reason: why
 * @mid: its message id
 */
void sb_session_on_nack(coap_session_t *coap, const coap_pdu_t *sent,
			const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct sb_session *session = coap_session_get_app_data(coap);

	if (!session)
		return;
	if (reason == COAP_NACK_ICMP_ISSUE)
		session_refused(session);
	sb_exchanges_on_nack(&session->exchanges, sent, reason, mid);
}

/**
 * sb_session_check() - see what libcoap has made of a session
 * @session: the session
 *
 * libcoap has no event for every end of a handshake (4.3.1 has none for a client's success), and after an
 * end it would shake hands again by itself at the next request. A new session is the link's to decide.
 */
void sb_session_check(struct sb_session *session)
{
	coap_session_state_t state;
	gnutls_session_t tls;

	if (!session->secure || session->error < 0)
		return;

	state = coap_session_get_state(session->coap);
	tls = sb_dtls_gnutls(session->coap);
	if (tls && gnutls_handshake_get_last_in(tls) != SB_NO_HANDSHAKE_MESSAGE)
		session->last_in = gnutls_handshake_get_last_in(tls);
	if (state == COAP_SESSION_STATE_NONE ||
	    (session->open && state != COAP_SESSION_STATE_ESTABLISHED))
		session_closed(session, "");
	else if (!session->open && state == COAP_SESSION_STATE_ESTABLISHED)
		sb_task_schedule(&session->report);
}

/* ---- coming and going ---- */

static coap_session_t *connect_to(struct sb_session *session, const coap_address_t *address,
				  const struct sb_peer *peer)
{
	coap_context_t *context = session->shard->context;

	return session->secure ? sb_dtls_connect(&session->dtls, context, address, peer)
			       : coap_new_client_session(context, NULL, address, COAP_PROTO_UDP);
}

/*
 * libcoap has tokens of its own for blocks and observations, beside ours, and counts them from 0 unless told
 * otherwise: who knows where they begin would need nothing but the port to make up an answer.
 */
static int begin_tokens(coap_session_t *coap)
{
	uint8_t before[sizeof(uint64_t)];

	if (sb_random(before, sizeof(before)) < 0)
		return -EIO;
	coap_session_init_token(coap, sizeof(before), before);

	return 0;
}

static int session_begin(struct sb_session *session, const struct sb_peer *peer)
{
	struct sb_bind bind = {
		.interface = peer->interface,
		.wire = peer->wire,
		.secure = peer->security != SKYBUS_PLAIN,
		.fd_limit = peer->security != SKYBUS_PLAIN ? DTLS_FD_LIMIT : 0,
	};
	coap_address_t address;
	int r;

	coap_address_init(&address);
	if (peer->address_len > sizeof(address.addr))
		return -EINVAL;
	memcpy(&address.addr, &peer->address, peer->address_len);
	address.size = peer->address_len;

	session->secure = peer->security != SKYBUS_PLAIN;
	r = session->secure ? sb_dtls_init(&session->dtls, peer) : 0;
	if (r < 0)
		return r;
	errno = 0;
	sb_bind_begin(&bind);
	session->coap = connect_to(session, &address, peer);
	sb_bind_end();
	if (!session->coap) {
		r = bind.error < 0 ? bind.error : sb_transport_error(-EHOSTUNREACH);
		sb_dtls_done(&session->dtls);
		return r;
	}
	r = begin_tokens(session->coap);
	if (r < 0) {
		coap_session_release(session->coap);
		sb_dtls_done(&session->dtls);
		return r;
	}
	coap_session_set_app_data(session->coap, session);
	coap_session_set_nstart(session->coap, NSTART_MAX);
	/* Not when it is freed: where DTLS is gone by then, libcoap would shake hands again. */
	coap_session_set_no_observe_cancel(session->coap);

	return 0;
}

/**
 * sb_session_new() - open a session
 * @transport: outlives the session
 * @peer: whom to talk to; copied
 * @changed: called when the session is open or cannot be opened, never from within this call; later
 *	whenever it comes into doubt, and once more if it breaks
 * @userdata: for @changed
 * @ret: the session, the caller's
 *
 * Return: 0; -EHOSTUNREACH without a route, -ENODEV when there is no such interface, -EPERM when it may
 * not be chosen (Linux before 5.7 wants CAP_NET_RAW), -EMFILE when no session more is possible, -ENOMEM,
 * -EINVAL, -EIO without random numbers. @changed is not called then.
 */
int sb_session_new(struct sb_transport *transport, const struct sb_peer *peer,
		   sb_session_fn *changed, void *userdata, struct sb_session **ret)
{
	struct sb_session *session;
	struct sb_shard *shard;
	int r;

	r = sb_shard_join(transport, peer->security == SKYBUS_CERTIFICATE, &shard);
	if (r < 0)
		return r;
	session = calloc(1, sizeof(*session));
	if (session) {
		session->shard = shard;
		session->last_in = SB_NO_HANDSHAKE_MESSAGE;
		r = session_begin(session, peer);
	} else {
		r = -ENOMEM;
	}
	if (r < 0) {
		free(session);
		sb_shard_leave(shard);
		return r;
	}

	session->changed = changed;
	session->userdata = userdata;
	sb_exchanges_init(&session->exchanges, transport->loop, session->coap);
	sb_task_init(&session->report, transport->loop, session_on_report);
	sb_timer_init(&session->handshake, transport->loop, session_on_handshake_timeout);
	TAILQ_INSERT_TAIL(&shard->sessions, session, entry);
	if (session->secure) {
		sb_timer_arm(&session->handshake, HANDSHAKE_TIMEOUT_USEC);
		sb_task_schedule(&shard->process);
	} else {
		sb_task_schedule(&session->report);
	}
	*ret = session;

	return 0;
}

/**
 * sb_session_free() - close a session
 * @session: may be NULL; no completion of its requests comes any more, and none is repeated
 *
 * Return: NULL.
 */
struct sb_session *sb_session_free(struct sb_session *session)
{
	struct sb_transport *transport;

	if (!session)
		return NULL;

	transport = session->shard->transport;
	sb_timer_disarm(&session->handshake);
	sb_task_cancel(&session->report);
	sb_exchanges_done(&session->exchanges);
	coap_session_set_app_data(session->coap, NULL);
	TAILQ_REMOVE(&session->shard->sessions, session, entry);
	TAILQ_INSERT_TAIL(&transport->graves, session, entry);
	sb_task_schedule(&transport->bury);

	return NULL;
}

/**
 * sb_session_local() - from which address a session sends, as long as it lives
 * @session: the session
 * @ret: the address, with the port
 */
void sb_session_local(const struct sb_session *session, struct sockaddr_storage *ret)
{
	const coap_address_t *local = coap_session_get_addr_local(session->coap);

	*ret = (struct sockaddr_storage){ 0 };
	memcpy(ret, &local->addr, local->size < sizeof(*ret) ? local->size : sizeof(*ret));
}

/**
 * sb_session_facts() - what is known of the other side
 * @session: the session
 * @ret: filled
 */
void sb_session_facts(const struct sb_session *session, struct sb_session_facts *ret)
{
	bool greeted = session->last_in != SB_NO_HANDSHAKE_MESSAGE;

	*ret = (struct sb_session_facts){
		.answered = greeted || session->alert || session->exchanges.heard,
		.handshake =
			greeted ? gnutls_handshake_description_get_name(session->last_in) : NULL,
		.alert = session->alert,
	};
}

/**
 * sb_session_traffic() - what a session has carried
 * @session: the session
 * @ret: bytes of CoAP messages since it was opened, without retransmissions and lower layers
 */
void sb_session_traffic(const struct sb_session *session, struct sb_traffic *ret)
{
	*ret = session->exchanges.traffic;
}

/**
 * sb_session_send() - send a confirmable request
 * @session: the session
 * @request: lent
 * @timeout_usec: when to stop waiting for the answer, µs from now
 * @done: called once, never from within this call
 * @userdata: for @done
 *
 * Return: 0; -ENOTCONN while the session is not open, the request's own error, -EMSGSIZE, -ENOMEM.
 * @done is not called then.
 */
int sb_session_send(struct sb_session *session, const struct sb_request *request,
		    uint64_t timeout_usec, sb_reply_fn *done, void *userdata)
{
	int r;

	if (request->error < 0)
		return request->error;
	if (!session->open)
		return -ENOTCONN;

	r = sb_exchanges_send(&session->exchanges, request, timeout_usec, done, userdata);
	sb_session_check(session);

	return r;
}

/**
 * sb_session_observe() - observe a resource, RFC 7641
 * @session: the session
 * @request: with the option Observe; lent until @notified is told what is not observed, or it is stopped
 * @timeout_usec: when to stop waiting for an answer, µs from when it was asked for
 * @notified: called with the first reply and with each newer one while they are observed, never from
 *	within this call; it may stop the observation
 * @userdata: for @notified
 * @ret: for sb_session_observe_stop(); gone with the last reply, and with the session
 *
 * Return: as sb_session_send(); -ENOSPC when too much is on its way.
 */
int sb_session_observe(struct sb_session *session, const struct sb_request *request,
		       uint64_t timeout_usec, sb_reply_fn *notified, void *userdata,
		       struct sb_exchange **ret)
{
	int r;

	if (request->error < 0)
		return request->error;
	if (!session->open)
		return -ENOTCONN;

	r = sb_exchanges_observe(&session->exchanges, request, timeout_usec, notified, userdata,
				 ret);
	sb_session_check(session);

	return r;
}

/**
 * sb_session_observe_stop() - end an observation, and tell the peer
 * @session: the session; of one that has broken, that may not have been told yet
 * @exchange: what sb_session_observe() gave; gone afterwards
 */
void sb_session_observe_stop(struct sb_session *session, struct sb_exchange *exchange)
{
	if (session->error < 0) {
		sb_exchanges_observe_forget(&session->exchanges, exchange);
		return;
	}
	sb_exchange_observe_stop(exchange);
	sb_session_check(session);
}

/**
 * sb_session_ping() - ask the peer for a sign of life
 * @session: the session
 * @timeout_usec: when to stop waiting, µs from now
 * @done: called once, never from within this call; SKYBUS_ANSWERED is the sign
 * @userdata: for @done
 *
 * Return: 0; -ENOTCONN while the session is not open, -ENOMEM.
 */
int sb_session_ping(struct sb_session *session, uint64_t timeout_usec, sb_reply_fn *done,
		    void *userdata)
{
	int r;

	if (!session->open)
		return -ENOTCONN;

	r = sb_exchanges_ping(&session->exchanges, timeout_usec, done, userdata);
	sb_session_check(session);

	return r;
}
