/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every path and method goes to one handler: libcoap's "unknown resource" catches them. libcoap hands
 * over a repeated message as if it were a new one; to know it again is ours.
 *
 * A request that was answered is remembered for its repetitions, a bounded number of them, the oldest
 * forgotten first. One that is not answered is its owner's: when the listener goes it stays, and leads
 * nowhere.
 *
 * The handler runs inside libcoap, and who is told there may free the listener. Then it is cut off at
 * once, and goes when libcoap has returned.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon/cleanup.h"
#include "daemon/transport-bind.h"
#include "daemon/transport-incoming.h"
#include "daemon/transport-private.h"

#define REMEMBERED_MAX 256 /* at one a second, those of EXCHANGE_LIFETIME, RFC 7252 section 4.8.2 */
#define UNANSWERED_MAX 16

/*
 * libcoap keeps an answer of its own until it is acknowledged, at most MAX_TRANSMIT_WAIT (RFC 7252 section
 * 4.8.2), and cannot be asked to forget it. Beyond so many in that time they go unconfirmed, so that who
 * does not acknowledge does not fill the memory.
 */
#define CONFIRMED_MAX 64
#define CONFIRMING_USEC (93 * SB_USEC_PER_SEC)

#define SENDERS_MAX 64 /* libcoap's sessions that are idle; their requests are remembered without */
#define SENDER_TIMEOUT_S 300

/**
 * struct sb_listener - a port
 * @context: libcoap's, of its own
 * @requests: oldest first; @n_requests of them, @n_unanswered not answered
 * @n_confirmed: answers of their own that asked for an acknowledgement since @confirmed_since
 * @current: the one that is being told; its answer goes into @prompt
 * @processing: libcoap is on the stack
 * @doomed: freed by its owner meanwhile
 */
struct sb_listener {
	struct sb_loop *loop;
	coap_context_t *context;
	struct sb_watch *watch;
	sb_incoming_fn *incoming;
	void *userdata;
	TAILQ_HEAD(, sb_incoming) requests;
	size_t n_requests;
	size_t n_unanswered;
	size_t n_confirmed;
	uint64_t confirmed_since;
	struct sb_incoming *current;
	coap_pdu_t *prompt;
	bool processing;
	bool doomed;
};

SB_DEFINE_CLEANUP(struct sb_listener *, sb_listener_free)

/* ---- requests ---- */

static void forget(struct sb_listener *listener, struct sb_incoming *incoming)
{
	TAILQ_REMOVE(&listener->requests, incoming, entry);
	listener->n_requests--;
	(void)sb_incoming_free(incoming);
}

/* There is one: fewer may be unanswered than remembered. */
static void forget_oldest(struct sb_listener *listener)
{
	struct sb_incoming *oldest;

	TAILQ_FOREACH(oldest, &listener->requests, entry) {
		if (oldest->answered)
			break;
	}
	assert(oldest);
	forget(listener, oldest);
}

static void remember(struct sb_listener *listener, struct sb_incoming *incoming,
		     coap_session_t *session)
{
	if (listener->n_requests == REMEMBERED_MAX)
		forget_oldest(listener);
	incoming->listener = listener;
	incoming->session = coap_session_reference(session);
	/* Answers are as many at a time as requests may be. */
	coap_session_set_nstart(session, UNANSWERED_MAX);
	TAILQ_INSERT_TAIL(&listener->requests, incoming, entry);
	listener->n_requests++;
	listener->n_unanswered++;
}

static void let_session_go(struct sb_incoming *incoming)
{
	coap_session_release(incoming->session);
	incoming->session = NULL;
}

static struct sb_incoming *find_earlier(struct sb_listener *listener,
					const struct sb_incoming *incoming)
{
	struct sb_incoming *earlier;

	TAILQ_FOREACH(earlier, &listener->requests, entry) {
		if (sb_incoming_repeats(incoming, earlier))
			return earlier;
	}

	return NULL;
}

/*
 * A response without a code is an empty acknowledgement, or nothing at all. RFC 7252 section 5.2.2: what
 * was acknowledged like that once is never answered with an acknowledgement.
 */
static void answer_again(struct sb_incoming *earlier, const struct sb_incoming *incoming,
			 coap_pdu_t *response)
{
	if (incoming->mid != earlier->mid) {
		earlier->mid = incoming->mid;
		earlier->mid_at = incoming->mid_at;
		earlier->confirmable = incoming->confirmable;
		earlier->acknowledged = false;
	}
	if (!earlier->answered)
		earlier->acknowledged = true;
	else if (!earlier->acknowledged)
		sb_incoming_write(earlier, response);
}

/* The callee may answer at once, and free the listener. */
static void tell(struct sb_listener *listener, struct sb_incoming *incoming, coap_pdu_t *response)
{
	listener->current = incoming;
	listener->prompt = response;
	listener->incoming(listener->userdata, incoming);
	if (listener->current && !incoming->answered)
		incoming->acknowledged = true;
	listener->current = NULL;
	listener->prompt = NULL;
}

/* Of a payload or an answer in blocks, RFC 7959, there is none but the first. */
static uint32_t refuse_blocks(const coap_pdu_t *pdu)
{
	coap_block_t block;

	if (coap_get_block(pdu, COAP_OPTION_BLOCK1, &block) && (block.num > 0 || block.m))
		return SKYBUS_CODE(4, 13);
	if (coap_get_block(pdu, COAP_OPTION_BLOCK2, &block) && block.num > 0)
		return SKYBUS_CODE(4, 0);

	return 0;
}

/* The code of a refusal; 0 when the request was told, or had been. */
static uint32_t take(struct sb_listener *listener, coap_session_t *session, const coap_pdu_t *pdu,
		     coap_pdu_t *response)
{
	SB_CLEANUP(sb_incoming_free) struct sb_incoming *incoming = NULL;
	struct sb_incoming *earlier;
	uint32_t refusal = listener->doomed ? SKYBUS_CODE(5, 3) : refuse_blocks(pdu);
	int r;

	if (refusal != 0)
		return refusal;
	r = sb_incoming_read(session, pdu, sb_loop_now(listener->loop), &incoming);
	if (r < 0)
		return r == -EBADMSG ? SKYBUS_CODE(4, 0) : SKYBUS_CODE(5, 0);
	earlier = find_earlier(listener, incoming);
	if (earlier) {
		answer_again(earlier, incoming, response);
		return 0;
	}
	if (listener->n_unanswered == UNANSWERED_MAX)
		return SKYBUS_CODE(5, 3);
	remember(listener, incoming, session);
	tell(listener, SB_STEAL(incoming), response);

	return 0;
}

static void listener_on_request(coap_resource_t *resource, coap_session_t *session,
				const coap_pdu_t *pdu, const coap_string_t *query,
				coap_pdu_t *response)
{
	uint32_t refusal = take(coap_resource_get_userdata(resource), session, pdu, response);

	(void)query;
	if (refusal != 0)
		coap_pdu_set_code(response, (coap_pdu_code_t)refusal);
}

/**
 * sb_incoming_view() - what a request says
 * @incoming: not answered yet
 *
 * Return: lent until it is.
 */
const struct skybus_incoming *sb_incoming_view(const struct sb_incoming *incoming)
{
	return &incoming->view;
}

static bool may_confirm(struct sb_listener *listener)
{
	uint64_t now = sb_loop_now(listener->loop);

	if (now - listener->confirmed_since >= CONFIRMING_USEC) {
		listener->confirmed_since = now;
		listener->n_confirmed = 0;
	}
	if (listener->n_confirmed == CONFIRMED_MAX)
		return false;
	listener->n_confirmed++;

	return true;
}

/**
 * sb_incoming_answer() - answer a request
 * @incoming: the caller's no more; nothing is sent if its listener is gone
 * @response: lent; one that failed, or does not fit into a datagram, becomes 5.00
 */
void sb_incoming_answer(struct sb_incoming *incoming, const struct sb_response *response)
{
	struct sb_listener *listener = incoming->listener;

	assert(!incoming->answered);
	if (!listener) {
		(void)sb_incoming_free(incoming);
		return;
	}

	sb_incoming_settle(incoming, response);
	listener->n_unanswered--;
	if (listener->current == incoming)
		sb_incoming_write(incoming, listener->prompt);
	else
		sb_incoming_send(incoming, incoming->confirmable && may_confirm(listener));
	let_session_go(incoming);
}

/**
 * sb_incoming_drop() - a request gets no answer of its own: 5.00
 * @incoming: may be NULL; the caller's no more
 */
void sb_incoming_drop(struct sb_incoming *incoming)
{
	const struct sb_response failure = {
		.code = SKYBUS_CODE(5, 0),
		.content_format = SKYBUS_NO_FORMAT,
	};

	if (incoming)
		sb_incoming_answer(incoming, &failure);
}

/* ---- the port ---- */

static struct sb_listener *listener_destroy(struct sb_listener *listener)
{
	(void)sb_watch_free(listener->watch);
	if (listener->context)
		coap_free_context(listener->context);
	free(listener);

	return NULL;
}

static void listener_on_ready(void *userdata, uint32_t events)
{
	struct sb_listener *listener = userdata;

	(void)events;
	listener->processing = true;
	(void)coap_io_process(listener->context, COAP_IO_NO_WAIT);
	listener->processing = false;
	if (listener->doomed)
		(void)listener_destroy(listener);
}

static bool catch_all(struct sb_listener *listener, coap_resource_t *resource)
{
	if (!resource)
		return false;

	for (int method = COAP_REQUEST_GET; method <= COAP_REQUEST_IPATCH; method++)
		coap_register_request_handler(resource, (coap_request_t)method,
					      listener_on_request);
	coap_resource_set_userdata(resource, listener);
	coap_add_resource(listener->context, resource);

	return true;
}

static int open_context(struct sb_listener *listener)
{
	coap_str_const_t *discovery = coap_make_str_const(".well-known/core");

	errno = 0;
	listener->context = coap_new_context(NULL);
	if (!listener->context)
		return sb_transport_error(-ENOMEM);
	coap_context_set_max_idle_sessions(listener->context, SENDERS_MAX);
	coap_context_set_session_timeout(listener->context, SENDER_TIMEOUT_S);
	/* libcoap would answer discovery itself if the path had no resource. */
	if (!catch_all(listener, coap_resource_unknown_init(listener_on_request)) ||
	    !catch_all(listener, coap_resource_init(discovery, 0)))
		return -ENOMEM;

	return sb_watch_new(listener->loop, coap_context_get_coap_fd(listener->context), EPOLLIN,
			    listener_on_ready, listener, &listener->watch);
}

static int listen_at(struct sb_listener *listener, const struct sb_listener_plan *plan,
		     sa_family_t family)
{
	struct sb_bind bind = {
		.interface = plan->interface,
		.from = plan->from,
		.wire = plan->wire,
	};
	coap_address_t address;
	const coap_endpoint_t *endpoint;

	coap_address_init(&address);
	address.addr.sa.sa_family = family;
	coap_address_set_port(&address, plan->port);
	address.size = family == AF_INET ? sizeof(address.addr.sin) : sizeof(address.addr.sin6);
	errno = 0;
	sb_bind_begin(&bind);
	endpoint = coap_new_endpoint(listener->context, &address, COAP_PROTO_UDP);
	sb_bind_end();
	if (endpoint)
		return 0;

	return bind.error < 0 ? bind.error : sb_transport_error(-EAFNOSUPPORT);
}

/**
 * sb_listener_new() - hear requests at a port, over IPv6 and IPv4
 * @transport: outlives the listener
 * @plan: where, and from whom; others are not answered, and cost nothing
 * @incoming: called for each request, once; it may answer at once, and may free the listener
 * @userdata: for @incoming
 * @ret: the listener, the caller's
 *
 * Return: 0; -EADDRINUSE when the port is another's, -ENODEV when there is no such interface, -EACCES
 * when the port is below 1024 and not for us, -EPERM when the interface may not be chosen, -EMFILE without
 * descriptors, -ENOMEM, or what else the kernel says.
 */
int sb_listener_new(struct sb_transport *transport, const struct sb_listener_plan *plan,
		    sb_incoming_fn *incoming, void *userdata, struct sb_listener **ret)
{
	SB_CLEANUP(sb_listener_free) struct sb_listener *listener = calloc(1, sizeof(*listener));
	int r;

	if (!listener)
		return -ENOMEM;
	TAILQ_INIT(&listener->requests);
	listener->loop = transport->loop;
	listener->incoming = incoming;
	listener->userdata = userdata;
	r = open_context(listener);
	if (r < 0)
		return r;
	r = listen_at(listener, plan, AF_INET6);
	if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
		r = listen_at(listener, plan, AF_INET);
	if (r < 0)
		return r;
	*ret = SB_STEAL(listener);

	return 0;
}

/**
 * sb_listener_free() - stop listening
 * @listener: may be NULL; requests that were not answered stay their owners', who may still answer them
 *
 * Return: NULL.
 */
struct sb_listener *sb_listener_free(struct sb_listener *listener)
{
	struct sb_incoming *incoming;

	if (!listener)
		return NULL;

	if (listener->current && !listener->current->answered)
		coap_pdu_set_code(listener->prompt, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE);
	listener->current = NULL;
	while ((incoming = TAILQ_FIRST(&listener->requests))) {
		if (incoming->answered) {
			forget(listener, incoming);
			continue;
		}
		TAILQ_REMOVE(&listener->requests, incoming, entry);
		listener->n_requests--;
		incoming->listener = NULL;
		let_session_go(incoming);
	}
	if (listener->processing)
		listener->doomed = true;
	else
		(void)listener_destroy(listener);

	return NULL;
}
