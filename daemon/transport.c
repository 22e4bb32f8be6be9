/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap contexts, and the sessions in them.
 *
 * libcoap walks all sessions of a context at each pass, so a request costs more the more sessions share
 * one; but a context costs memory and three descriptors. A shard is a context with a few sessions.
 * Its epoll descriptor sits in the loop; its timers ride on a timerfd behind the same descriptor.
 *
 * Our callbacks run inside libcoap, also within coap_send(), and what they call may free a session
 * there. libcoap does not survive that, so a freed session is cut off at once and released in a task,
 * outside of it. That a session is open or broke is told in a task too, and that a request got nowhere
 * by its timer; only an answer is told at once, since none comes while something is being sent.
 */
#include <assert.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/transport-exchange.h"
#include "daemon/transport.h"

/* Measured with 4.3.1: 10 µs a request with one session in a context, 23 µs with a thousand. */
#define SESSIONS_PER_SHARD 16

/* The in-flight window is ours (RFC 7252 section 4.7 asks for one); libcoap's only must not be smaller. */
#define NSTART_MAX 256

#define HANDSHAKE_TIMEOUT_USEC (30 * SB_USEC_PER_SEC)

/* libcoap's GnuTLS backend calls select() on these descriptors: a higher one aborts the process. */
#define DTLS_FD_LIMIT 1024

/* Of libcoap 4.3.2 and later: no Request-Tag in requests that go without blocks. */
#ifndef COAP_BLOCK_NO_PREEMPTIVE_RTAG
#define COAP_BLOCK_NO_PREEMPTIVE_RTAG 0
#endif

/* What gnutls_handshake_get_last_in() says before there was one. */
#define NO_HANDSHAKE_MESSAGE UINT_MAX

struct shard {
	TAILQ_ENTRY(shard) entry;
	struct sb_transport *transport;
	coap_context_t *context;
	struct sb_watch *watch;
	struct sb_task process; /* arms libcoap's timer after a handshake was begun */
	TAILQ_HEAD(, sb_session) sessions;
	size_t n_sessions;
};

struct sb_session {
	TAILQ_ENTRY(sb_session) entry;
	struct shard *shard;
	coap_session_t *coap;
	struct sb_exchanges exchanges;
	struct sb_task report; /* tells that the session is open, is doubted, or broke */
	struct sb_timer handshake;
	bool dtls;
	bool answered; /* the peer has taken part in the handshake */
	bool open;
	int error; /* why it broke */
	char detail[64];
	sb_session_fn *changed;
	void *userdata;
};

struct sb_transport {
	struct sb_loop *loop;
	TAILQ_HEAD(, shard) shards;
	struct sb_task bury;
	TAILQ_HEAD(, sb_session) graves; /* freed by their owners, not yet released */
};

static struct shard *shard_free(struct shard *shard);

SB_DEFINE_CLEANUP(struct shard *, shard_free)

/* ---- sessions: what happens to them ---- */

static void session_broke(struct sb_session *session, int error, const char *detail)
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
	session_broke(sb_container_of(timer, struct sb_session, handshake), -ETIMEDOUT, "");
}

static gnutls_session_t gnutls_of(const coap_session_t *coap)
{
	coap_tls_library_t library;
	void *tls = coap_session_get_tls(coap, &library);

	return tls && library == COAP_TLS_LIBRARY_GNUTLS ? tls : NULL;
}

/* What the peer said when it refused; libcoap 4.3.1 has torn its session down by now, and knows no more. */
static const char *received_alert(const coap_session_t *coap)
{
	gnutls_session_t tls = gnutls_of(coap);
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
	if (session->open)
		session_broke(session, session->exchanges.refused ? -ECONNREFUSED : -ECONNRESET,
			      alert);
	else if (session->answered || *alert)
		session_broke(session, -EKEYREJECTED, alert);
	else
		session_broke(session, -ECONNREFUSED, "");
}

static int on_event(coap_session_t *coap, coap_event_t event)
{
	struct sb_session *session = coap_session_get_app_data(coap);

	if (!session)
		return 0;
	if (event == COAP_EVENT_DTLS_CLOSED)
		session_closed(session, received_alert(coap));
	else if (event == COAP_EVENT_DTLS_ERROR)
		session_broke(session, session->open ? -ECONNRESET : -EKEYREJECTED,
			      received_alert(coap));

	return 0;
}

static coap_response_t on_response(coap_session_t *coap, const coap_pdu_t *sent,
				   const coap_pdu_t *received, const coap_mid_t mid)
{
	struct sb_session *session = coap_session_get_app_data(coap);

	(void)sent;
	(void)mid;
	if (!session || !sb_exchanges_on_response(&session->exchanges, received))
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
	if (session->dtls)
		session_closed(session, "");
	else if (session->open)
		sb_task_schedule(&session->report);
}

static void on_nack(coap_session_t *coap, const coap_pdu_t *sent, const coap_nack_reason_t reason,
		    const coap_mid_t mid)
{
	struct sb_session *session = coap_session_get_app_data(coap);

	if (!session)
		return;
	if (reason == COAP_NACK_ICMP_ISSUE)
		session_refused(session);
	sb_exchanges_on_nack(&session->exchanges, sent, reason, mid);
}

/*
 * libcoap has no event for every end of a handshake (4.3.1 has none for a client's success), and after an
 * end it would shake hands again by itself at the next request. A new session is the link's to decide.
 */
static void session_check(struct sb_session *session)
{
	coap_session_state_t state;
	gnutls_session_t tls;

	if (!session->dtls || session->error < 0)
		return;

	state = coap_session_get_state(session->coap);
	tls = gnutls_of(session->coap);
	if (tls && gnutls_handshake_get_last_in(tls) != NO_HANDSHAKE_MESSAGE)
		session->answered = true;
	if (state == COAP_SESSION_STATE_NONE ||
	    (session->open && state != COAP_SESSION_STATE_ESTABLISHED))
		session_closed(session, "");
	else if (!session->open && state == COAP_SESSION_STATE_ESTABLISHED)
		sb_task_schedule(&session->report);
}

static void shard_process(struct shard *shard)
{
	struct sb_session *session;

	(void)coap_io_process(shard->context, COAP_IO_NO_WAIT);
	TAILQ_FOREACH(session, &shard->sessions, entry)
		session_check(session);
}

static void shard_on_ready(void *userdata, uint32_t events)
{
	(void)events;
	shard_process(userdata);
}

static void shard_on_task(struct sb_task *task)
{
	shard_process(sb_container_of(task, struct shard, process));
}

/* ---- shards ---- */

static int shard_new(struct sb_transport *transport, struct shard **ret)
{
	SB_CLEANUP(shard_free) struct shard *shard = calloc(1, sizeof(*shard));
	int r;

	if (!shard)
		return -ENOMEM;
	shard->transport = transport;
	TAILQ_INIT(&shard->sessions);
	sb_task_init(&shard->process, transport->loop, shard_on_task);
	shard->context = coap_new_context(NULL);
	if (!shard->context)
		return -ENOMEM;
	coap_register_event_handler(shard->context, on_event);
	coap_register_response_handler(shard->context, on_response);
	coap_register_nack_handler(shard->context, on_nack);
	coap_context_set_block_mode(shard->context, COAP_BLOCK_USE_LIBCOAP |
							    COAP_BLOCK_SINGLE_BODY |
							    COAP_BLOCK_NO_PREEMPTIVE_RTAG);
	r = sb_watch_new(transport->loop, coap_context_get_coap_fd(shard->context), EPOLLIN,
			 shard_on_ready, shard, &shard->watch);
	if (r < 0)
		return r;

	TAILQ_INSERT_TAIL(&transport->shards, shard, entry);
	*ret = SB_STEAL(shard);

	return 0;
}

/* Not in its transport's list any more, or not yet. */
static struct shard *shard_free(struct shard *shard)
{
	if (!shard)
		return NULL;

	assert(TAILQ_EMPTY(&shard->sessions));
	sb_task_cancel(&shard->process);
	(void)sb_watch_free(shard->watch);
	if (shard->context)
		coap_free_context(shard->context);
	free(shard);

	return NULL;
}

static int shard_with_room(struct sb_transport *transport, struct shard **ret)
{
	struct shard *shard;

	TAILQ_FOREACH(shard, &transport->shards, entry) {
		if (shard->n_sessions < SESSIONS_PER_SHARD) {
			*ret = shard;
			return 0;
		}
	}

	return shard_new(transport, ret);
}

static void shard_leave(struct shard *shard)
{
	if (--shard->n_sessions > 0)
		return;

	TAILQ_REMOVE(&shard->transport->shards, shard, entry);
	(void)shard_free(shard);
}

/* ---- the transport ---- */

static void transport_bury(struct sb_transport *transport)
{
	struct sb_session *session;

	while ((session = TAILQ_FIRST(&transport->graves))) {
		struct shard *shard = session->shard;

		TAILQ_REMOVE(&transport->graves, session, entry);
		coap_session_release(session->coap);
		free(session);
		shard_leave(shard);
	}
}

static void transport_on_bury(struct sb_task *task)
{
	transport_bury(sb_container_of(task, struct sb_transport, bury));
}

/* libcoap's lines tell of every lost datagram; they are for those who debug it. */
static void on_coap_log(coap_log_t level, const char *line)
{
	(void)level;
	sb_log(LOG_DEBUG, "libcoap: %.*s", (int)strcspn(line, "\n"), line);
}

/**
 * sb_transport_new() - prepare to talk CoAP
 * @loop: outlives the transport
 * @ret: the transport, the caller's; there may be one at a time, libcoap is global
 *
 * Return: 0, or a negative errno; -ENOTSUP if libcoap was built without DTLS or epoll.
 */
int sb_transport_new(struct sb_loop *loop, struct sb_transport **ret)
{
	struct sb_transport *transport;

	coap_startup();
	coap_set_log_handler(on_coap_log);
	coap_set_log_level(sb_log_level() >= LOG_DEBUG ? LOG_INFO : LOG_ERR);
	if (!coap_dtls_is_supported())
		return -ENOTSUP;

	transport = calloc(1, sizeof(*transport));
	if (!transport)
		return -ENOMEM;
	transport->loop = loop;
	TAILQ_INIT(&transport->shards);
	TAILQ_INIT(&transport->graves);
	sb_task_init(&transport->bury, loop, transport_on_bury);
	*ret = transport;

	return 0;
}

/**
 * sb_transport_free() - free a transport
 * @transport: may be NULL; all its sessions have been freed
 *
 * Return: NULL.
 */
struct sb_transport *sb_transport_free(struct sb_transport *transport)
{
	if (!transport)
		return NULL;

	sb_task_cancel(&transport->bury);
	transport_bury(transport);
	assert(TAILQ_EMPTY(&transport->shards));
	free(transport);
	coap_cleanup();

	return NULL;
}

/* ---- sessions: coming and going ---- */

static coap_session_t *new_dtls(struct shard *shard, const coap_address_t *address,
				const struct sb_peer *peer)
{
	coap_dtls_cpsk_t psk = {
		.version = COAP_DTLS_CPSK_SETUP_VERSION,
		.client_sni = (char *)peer->host,
		.psk_info.identity = { peer->identity_len, peer->identity },
		.psk_info.key = { peer->key_len, peer->key },
	};

	return coap_new_client_session_psk2(shard->context, NULL, address, COAP_PROTO_DTLS, &psk);
}

static int session_begin(struct sb_session *session, const struct sb_peer *peer)
{
	coap_address_t address;

	coap_address_init(&address);
	if (peer->address_len > sizeof(address.addr))
		return -EINVAL;
	memcpy(&address.addr, &peer->address, peer->address_len);
	address.size = peer->address_len;

	session->dtls = peer->security != SKYBUS_PLAIN;
	session->coap = session->dtls ? new_dtls(session->shard, &address, peer)
				      : coap_new_client_session(session->shard->context, NULL,
								&address, COAP_PROTO_UDP);
	if (!session->coap)
		return -EHOSTUNREACH;
	coap_session_set_app_data(session->coap, session);
	coap_session_set_nstart(session->coap, NSTART_MAX);

	return 0;
}

/* Whether the next socket would get a descriptor that libcoap's DTLS survives. */
static bool room_for_dtls(void)
{
	int fd = dup(STDERR_FILENO);

	if (fd < 0)
		return false;
	(void)close(fd);

	return fd < DTLS_FD_LIMIT;
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
 * Return: 0; -EHOSTUNREACH without a route, -EMFILE when no DTLS session more is possible, -ENOMEM,
 * -EINVAL. @changed is not called then.
 */
int sb_session_new(struct sb_transport *transport, const struct sb_peer *peer,
		   sb_session_fn *changed, void *userdata, struct sb_session **ret)
{
	struct sb_session *session;
	struct shard *shard;
	int r;

	r = shard_with_room(transport, &shard);
	if (r < 0)
		return r;
	/* The shard counts it from here, so that an empty one goes when this fails. */
	shard->n_sessions++;
	session = calloc(1, sizeof(*session));
	if (!session)
		r = -ENOMEM;
	else if (peer->security != SKYBUS_PLAIN && !room_for_dtls())
		r = -EMFILE;
	if (r >= 0) {
		session->shard = shard;
		r = session_begin(session, peer);
	}
	if (r < 0) {
		free(session);
		shard_leave(shard);
		return r;
	}

	session->changed = changed;
	session->userdata = userdata;
	sb_exchanges_init(&session->exchanges, transport->loop, session->coap);
	sb_task_init(&session->report, transport->loop, session_on_report);
	sb_timer_init(&session->handshake, transport->loop, session_on_handshake_timeout);
	TAILQ_INSERT_TAIL(&shard->sessions, session, entry);
	if (session->dtls) {
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
 * @session: may be NULL; no completion of its requests comes any more
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
	session_check(session);

	return r;
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
	session_check(session);

	return r;
}
