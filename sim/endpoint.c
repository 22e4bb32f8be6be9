/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The server. Of the simulator, this file and incoming.c alone know libcoap.
 *
 * Every path goes to one handler, whatever its method: libcoap's "unknown resource" catches them.
 * The library's own server leaves two things to its user. It hands over a repeated confirmable
 * message as if it were a new one, and its block-wise transfer would hide repetitions of single
 * blocks; so both are ours, in peer.c.
 *
 * A libcoap session is one sender's address. The library ends it after SESSION_TIMEOUT of silence,
 * and with it goes its peer. What a cloud knows of a device is not tied to it.
 */
#include <arpa/inet.h>
#include <coap3/coap.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "sim/cleanup.h"
#include "sim/endpoint.h"
#include "sim/incoming.h"
#include "sim/peer.h"
#include "sim/record.h"

/** In seconds; longer than EXCHANGE_LIFETIME, 247 s, for which replies must be remembered. */
#define SESSION_TIMEOUT 300

/** Senders that are remembered at once; beyond it the one silent for longest is forgotten. */
#define MAX_SENDERS 8192

/** struct sender - a peer, and its place among the endpoint's */
struct sender {
	struct sim_peer *peer;
	LIST_ENTRY(sender) entry;
};

/**
 * struct sim_endpoint - a port
 * @cloud: who answers there
 * @context: libcoap's, one an endpoint, as its critical options and its handler are the cloud's own
 * @reply: the one that is being made
 * @senders: all that libcoap has a session for
 * @url: "coap://127.0.0.1:40000"
 */
struct sim_endpoint {
	struct sim_cloud *cloud;
	coap_context_t *context;
	struct sim_reply *reply;
	LIST_HEAD(, sender) senders;
	char *url;
};

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);

	return (uint64_t)now.tv_sec * SIM_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

/* ---- Senders --------------------------------------------------------------------------------- */

static void sender_free(struct sender *sender)
{
	LIST_REMOVE(sender, entry);
	(void)sim_peer_free(sender->peer);
	free(sender);
}

static struct sender *sender_new(struct sim_endpoint *endpoint, coap_session_t *session)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	unsigned char name[INET6_ADDRSTRLEN + 8] = "";

	if (!sender)
		return NULL;

	(void)coap_print_addr(coap_session_get_addr_remote(session), name, sizeof(name));
	sender->peer = sim_peer_new((const char *)name);
	if (!sender->peer) {
		free(sender);
		return NULL;
	}
	LIST_INSERT_HEAD(&endpoint->senders, sender, entry);
	coap_session_set_app_data(session, sender);

	return sender;
}

static struct sim_peer *peer_of(struct sim_endpoint *endpoint, coap_session_t *session)
{
	struct sender *sender = coap_session_get_app_data(session);

	if (!sender)
		sender = sender_new(endpoint, session);

	return sender ? sender->peer : NULL;
}

static int session_on_event(coap_session_t *session, const coap_event_t event)
{
	struct sender *sender;

	if (event != COAP_EVENT_SERVER_SESSION_DEL)
		return 0;

	sender = coap_session_get_app_data(session);
	coap_session_set_app_data(session, NULL);
	if (sender)
		sender_free(sender);

	return 0;
}

/* ---- Answering ------------------------------------------------------------------------------- */

static void refuse(struct sim_endpoint *endpoint, const struct sim_request *request, uint8_t code,
		   const char *reason)
{
	const struct sim_cloud *cloud = endpoint->cloud;
	char text[8];
	const struct sim_event event = {
		.event = "refused",
		.cloud = cloud->type->name,
		.peer = request->peer,
		.topic = request->path,
		.code = text,
		.reason = reason,
	};

	(void)snprintf(text, sizeof(text), "%u.%02u", SIM_CODE_CLASS(code), SIM_CODE_DETAIL(code));
	sim_record_write(cloud->record, &event);
	endpoint->reply->code = code;
}

static void serve_whole(struct sim_endpoint *endpoint, const struct sim_request *request)
{
	endpoint->cloud->type->serve(endpoint->cloud, request, endpoint->reply);
	if (endpoint->reply->code == 0)
		refuse(endpoint, request, SIM_CODE(5, 0), "the cloud has no answer");
}

/* Every block is answered with the Block1 option that it came with, RFC 7959 section 2.3. */
static void echo_block(struct sim_reply *reply, const struct sim_request *request)
{
	const struct sim_option *block = sim_request_option(request, COAP_OPTION_BLOCK1);

	if (block && SIM_CODE_CLASS(reply->code) == 2)
		(void)sim_reply_add(reply, block->number, block->value, block->len);
}

static void serve(struct sim_endpoint *endpoint, struct sim_peer *peer, uint64_t now,
		  const coap_pdu_t *pdu)
{
	struct sim_incoming incoming;
	struct sim_request *request = &incoming.request;
	uint8_t code;

	sim_reply_reset(endpoint->reply);
	if (sim_incoming_read(&incoming, sim_peer_name(peer), now, pdu) < 0) {
		refuse(endpoint, request, SIM_CODE(4, 0),
		       "a path too long or not split into segments, or too many options");
		return;
	}

	code = sim_peer_join(peer, request);
	if (code == 0)
		serve_whole(endpoint, request);
	else if (SIM_CODE_CLASS(code) == 2)
		endpoint->reply->code = code;
	else
		refuse(endpoint, request, code, "a payload too long, or a block out of its order");
	echo_block(endpoint->reply, request);
}

static void write_reply(coap_pdu_t *response, const struct sim_reply *reply)
{
	const uint8_t *payload;
	size_t payload_len;

	coap_pdu_set_code(response, (coap_pdu_code_t)reply->code);
	for (size_t i = 0; i < reply->n_parts; i++) {
		const struct sim_reply_part *part = &reply->parts[i];

		if (part->number != SIM_REPLY_PAYLOAD)
			(void)coap_add_option(response, part->number, part->len,
					      reply->bytes + part->offset);
	}
	payload = sim_reply_find(reply, SIM_REPLY_PAYLOAD, &payload_len);
	if (payload && payload_len > 0)
		(void)coap_add_data(response, payload_len, payload);
}

static void endpoint_on_request(coap_resource_t *resource, coap_session_t *session,
				const coap_pdu_t *pdu, const coap_string_t *query,
				coap_pdu_t *response)
{
	struct sim_endpoint *endpoint = coap_resource_get_userdata(resource);
	struct sim_peer *peer = peer_of(endpoint, session);
	struct sim_message_id id = sim_incoming_id(pdu);
	const struct sim_reply *reply;
	uint64_t now = now_usec();

	(void)query;
	if (!peer) {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
		return;
	}

	reply = sim_peer_reply(peer, &id, now);
	if (!reply) {
		serve(endpoint, peer, now, pdu);
		sim_peer_keep(peer, &id, endpoint->reply, now);
		reply = endpoint->reply;
	}
	write_reply(response, reply);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/*
 * libcoap writes most of its log to stdout, which here is for the endpoints' lines alone; and a
 * warning is about what a sender did wrong, which is no business of whoever started the simulator.
 */
static void library_on_log(coap_log_t level, const char *message)
{
	if ((int)level <= LOG_ERR)
		(void)fprintf(stderr, "skybus-sim: libcoap: %s", message);
}

/**
 * sim_address_parse() - read a numeric address
 * @text: "127.0.0.1", "::1"
 * @ret: the address
 *
 * Return: 0; -EINVAL when @text is no such thing.
 */
int sim_address_parse(const char *text, struct sim_address *ret)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found = NULL;
	int result = -EINVAL;

	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return -EINVAL;

	if (found->ai_family == AF_INET || found->ai_family == AF_INET6) {
		memcpy(&ret->any, found->ai_addr, found->ai_addrlen);
		ret->len = found->ai_addrlen;
		result = 0;
	}
	freeaddrinfo(found);

	return result;
}

static coap_resource_t *catch_all(struct sim_endpoint *endpoint, coap_resource_t *resource)
{
	if (!resource)
		return NULL;

	for (int method = COAP_REQUEST_GET; method <= COAP_REQUEST_IPATCH; method++)
		coap_register_request_handler(resource, (coap_request_t)method,
					      endpoint_on_request);
	coap_resource_set_userdata(resource, endpoint);
	coap_add_resource(endpoint->context, resource);

	return resource;
}

/* These clouds have no resource discovery; libcoap has one unless the path has a resource. */
static bool add_handlers(struct sim_endpoint *endpoint)
{
	coap_str_const_t *discovery = coap_make_str_const(".well-known/core");
	coap_resource_t *unknown = coap_resource_unknown_init(endpoint_on_request);

	return catch_all(endpoint, unknown) &&
	       catch_all(endpoint, coap_resource_init(discovery, 0));
}

static void set_port(struct sim_address *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET)
		address->in.sin_port = htons(port);
	else
		address->in6.sin6_port = htons(port);
}

/*
 * Makes sure that the port is nobody else's, and finds one if it is 0. libcoap binds with
 * SO_REUSEADDR, which on UDP lets two servers have one port, and one of them starve. A socket
 * without it is refused where anybody listens; once bound, it takes the option on so that libcoap's
 * comes in beside it.
 */
static int reserve(struct sim_address *address)
{
	const int yes = 1;
	int error, fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;

	if (bind(fd, &address->any, address->len) < 0 ||
	    getsockname(fd, &address->any, &address->len) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0) {
		error = -errno;
		(void)close(fd);
		return error;
	}

	return fd;
}

/* libcoap shows an endpoint as "127.0.0.1:40000 UDP". */
static int set_url(struct sim_endpoint *endpoint, coap_endpoint_t *listener)
{
	const char *name = coap_endpoint_str(listener);
	int len;

	len = asprintf(&endpoint->url, "%s://%.*s", endpoint->cloud->type->scheme,
		       (int)strcspn(name, " "), name);
	if (len < 0)
		endpoint->url = NULL;

	return len < 0 ? -ENOMEM : 0;
}

static int listen_at(struct sim_endpoint *endpoint, struct sim_address address, uint16_t port)
{
	coap_address_t bound;
	coap_endpoint_t *listener;
	int fd;

	set_port(&address, port);
	fd = reserve(&address);
	if (fd < 0)
		return fd;

	coap_address_init(&bound);
	memcpy(&bound.addr.sa, &address.any, address.len);
	bound.size = address.len;
	listener = coap_new_endpoint(endpoint->context, &bound, COAP_PROTO_UDP);
	(void)close(fd);

	return listener ? set_url(endpoint, listener) : -EADDRNOTAVAIL;
}

static int start_context(struct sim_endpoint *endpoint)
{
	const uint16_t *critical = endpoint->cloud->type->critical;

	coap_startup();
	coap_set_log_handler(library_on_log);
	endpoint->context = coap_new_context(NULL);
	if (!endpoint->context)
		return -ENOMEM;

	coap_context_set_session_timeout(endpoint->context, SESSION_TIMEOUT);
	coap_context_set_max_idle_sessions(endpoint->context, MAX_SENDERS);
	coap_register_event_handler(endpoint->context, session_on_event);
	for (size_t i = 0; critical[i] != 0; i++)
		coap_register_option(endpoint->context, critical[i]);

	return add_handlers(endpoint) ? 0 : -ENOMEM;
}

/**
 * sim_endpoint_new() - listen for a cloud
 * @cloud: who answers; outlives the endpoint
 * @address: where
 * @port: 0 for one of the kernel's choice
 * @ret: the endpoint
 *
 * Return: 0; -ENOMEM; -EADDRINUSE when the port is another's, or what else bind() says.
 */
int sim_endpoint_new(struct sim_cloud *cloud, const struct sim_address *address, uint16_t port,
		     struct sim_endpoint **ret)
{
	struct sim_endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int error = 0;

	if (!endpoint)
		return -ENOMEM;

	LIST_INIT(&endpoint->senders);
	endpoint->cloud = cloud;
	endpoint->reply = sim_reply_new();
	if (!endpoint->reply)
		error = -ENOMEM;
	if (error == 0)
		error = start_context(endpoint);
	if (error == 0)
		error = listen_at(endpoint, *address, port);
	if (error < 0) {
		(void)sim_endpoint_free(endpoint);
		return error;
	}
	*ret = endpoint;

	return 0;
}

/**
 * sim_endpoint_free() - stop listening
 * @endpoint: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sim_endpoint *sim_endpoint_free(struct sim_endpoint *endpoint)
{
	struct sender *sender;

	if (!endpoint)
		return NULL;

	/* libcoap tells of sessions that end by themselves, not of those that end with it. */
	if (endpoint->context)
		coap_register_event_handler(endpoint->context, NULL);
	coap_free_context(endpoint->context);
	while ((sender = LIST_FIRST(&endpoint->senders)))
		sender_free(sender);
	(void)sim_reply_free(endpoint->reply);
	free(endpoint->url);
	free(endpoint);

	return NULL;
}

/**
 * sim_endpoint_url() - where the endpoint listens
 * @endpoint: the endpoint
 *
 * Return: "coap://127.0.0.1:40000", lent with the endpoint.
 */
const char *sim_endpoint_url(const struct sim_endpoint *endpoint)
{
	return endpoint->url;
}

/**
 * sim_endpoint_fd() - what to wait for
 * @endpoint: the endpoint
 *
 * Return: a descriptor that is readable when sim_endpoint_process() has something to do; the
 * endpoint's. -1 with a libcoap that was built without epoll.
 */
int sim_endpoint_fd(const struct sim_endpoint *endpoint)
{
	return coap_context_get_coap_fd(endpoint->context);
}

/**
 * sim_endpoint_process() - answer what has come
 * @endpoint: the endpoint
 */
void sim_endpoint_process(struct sim_endpoint *endpoint)
{
	(void)coap_io_process(endpoint->context, COAP_IO_NO_WAIT);
}
