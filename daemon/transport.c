/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcoap contexts.
 *
 * libcoap walks all sessions of a context at each pass, so a request costs more the more sessions share
 * one; but a context costs memory and two descriptors below 1024. A shard is a context with a few sessions.
 * What libcoap's GnuTLS part keeps of certificates in the context is the same for all of our sessions that
 * have them, but for keys it would be wrong, so these are in other shards: daemon/transport-dtls.c. A shard's
 * epoll descriptor sits in the loop; its timers ride on a timerfd behind the same descriptor, see
 * daemon/transport-timer.c.
 *
 * Our callbacks run inside libcoap, also within coap_send(), and what they call may free a session
 * there. libcoap does not survive that, so a freed session is cut off at once and released in a task,
 * outside of it. That a session is open or broke is told in a task too, and that a request got nowhere
 * by its timer; only an answer is told at once, since none comes while something is being sent.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "daemon/transport-private.h"

/* Measured with 4.3.1: 10 µs a request with one session in a context, 23 µs with a thousand. */
#define SESSIONS_PER_SHARD 16

/* Then others get their turn. */
#define ROUNDS_MAX 16

/* Of libcoap 4.3.2 and later: no Request-Tag in requests that go without blocks. */
#ifndef COAP_BLOCK_NO_PREEMPTIVE_RTAG
#define COAP_BLOCK_NO_PREEMPTIVE_RTAG 0
#endif

static struct sb_shard *shard_free(struct sb_shard *shard);

SB_DEFINE_CLEANUP(struct sb_shard *, shard_free)

/**
 * sb_transport_error() - why libcoap has made nothing
 * @otherwise: what it most likely was, unless descriptors have run out; negative
 *
 * It says no more than NULL, but the last call that failed is the one that mattered. So errno is to be 0
 * before libcoap is called.
 *
 * Return: -EMFILE, or @otherwise.
 */
int sb_transport_error(int otherwise)
{
	return errno == EMFILE || errno == ENFILE ? -EMFILE : otherwise;
}

/* ---- shards ---- */

static void shard_check(struct sb_shard *shard)
{
	struct sb_session *session;

	TAILQ_FOREACH(session, &shard->sessions, entry)
		sb_session_check(session);
}

static size_t count_exchanges(const struct sb_shard *shard)
{
	const struct sb_session *session;
	size_t n = 0;

	TAILQ_FOREACH(session, &shard->sessions, entry)
		n += session->exchanges.n;

	return n;
}

/* libcoap takes one datagram of each session at a time. Return: whether there was anything for it. */
static bool shard_take_in(struct sb_shard *shard)
{
	struct epoll_event ready[COAP_MAX_EPOLL_EVENTS];
	int n = epoll_wait(coap_context_get_coap_fd(shard->context), ready, SB_ELEMENTS(ready), 0);

	if (n <= 0)
		return false;
	coap_io_do_epoll(shard->context, ready, (size_t)n);

	return true;
}

/*
 * Not coap_io_process(), which sets its timer twice and goes back to the loop for the next datagram. Answers
 * come together; as many may be there as requests are under way now, and it is not worth asking for more.
 */
static void shard_on_ready(void *userdata, uint32_t events)
{
	struct sb_shard *shard = userdata;
	size_t most = count_exchanges(shard);

	(void)events;
	if (most > ROUNDS_MAX)
		most = ROUNDS_MAX;
	for (size_t n = 0; shard_take_in(shard) && ++n < most;)
		;
	shard_check(shard);
}

static void shard_on_task(struct sb_task *task)
{
	struct sb_shard *shard = sb_container_of(task, struct sb_shard, process);

	(void)coap_io_process(shard->context, COAP_IO_NO_WAIT);
	shard_check(shard);
}

static int shard_new(struct sb_transport *transport, struct sb_shard **ret)
{
	SB_CLEANUP(shard_free) struct sb_shard *shard = calloc(1, sizeof(*shard));
	int r;

	if (!shard)
		return -ENOMEM;
	shard->transport = transport;
	TAILQ_INIT(&shard->sessions);
	sb_task_init(&shard->process, transport->loop, shard_on_task);
	errno = 0;
	shard->context = coap_new_context(NULL);
	if (!shard->context)
		return sb_transport_error(-ENOMEM);
	coap_register_event_handler(shard->context, sb_session_on_event);
	coap_register_response_handler(shard->context, sb_session_on_response);
	coap_register_nack_handler(shard->context, sb_session_on_nack);
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
static struct sb_shard *shard_free(struct sb_shard *shard)
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

static struct sb_shard *find_room(const struct sb_transport *transport, bool certificates)
{
	struct sb_shard *shard;

	TAILQ_FOREACH(shard, &transport->shards, entry) {
		if (shard->certificates == certificates && shard->n_sessions < SESSIONS_PER_SHARD)
			return shard;
	}

	return NULL;
}

/**
 * sb_shard_join() - room for one session more
 * @transport: the transport
 * @certificates: the peer shows one
 * @ret: a shard that counts the session already, until sb_shard_leave()
 *
 * Return: 0; -EMFILE without descriptors; another negative errno.
 */
int sb_shard_join(struct sb_transport *transport, bool certificates, struct sb_shard **ret)
{
	struct sb_shard *shard = find_room(transport, certificates);
	int r;

	if (!shard) {
		r = shard_new(transport, &shard);
		if (r < 0)
			return r;
		shard->certificates = certificates;
	}
	shard->n_sessions++;
	*ret = shard;

	return 0;
}

/**
 * sb_shard_leave() - one session less; the last one takes the shard with it
 * @shard: of which the session is no part any more
 */
void sb_shard_leave(struct sb_shard *shard)
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
		struct sb_shard *shard = session->shard;

		TAILQ_REMOVE(&transport->graves, session, entry);
		/* Else it lives on as long as libcoap repeats what was under way. */
		coap_session_disconnected(session->coap, COAP_NACK_NOT_DELIVERABLE);
		sb_dtls_wipe(session->coap);
		coap_session_release(session->coap);
		sb_dtls_done(&session->dtls);
		free(session);
		sb_shard_leave(shard);
	}
}

static void transport_on_bury(struct sb_task *task)
{
	transport_bury(sb_container_of(task, struct sb_transport, bury));
}

/* libcoap's lines tell of every lost datagram; they are for those who debug it. */
static void on_coap_log(coap_log_t level, const char *line)
{
	int error = errno;

	(void)level;
	sb_log(LOG_DEBUG, "libcoap: %.*s", (int)strcspn(line, "\n"), line);
	errno = error; /* for sb_transport_error() */
}

static int coap_on_random(void *ret, size_t len)
{
	return sb_random(ret, len) == 0;
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
	coap_set_prng(coap_on_random);
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
