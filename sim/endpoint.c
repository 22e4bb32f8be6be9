/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The server. It knows libcoap, as do sender.c, incoming.c, outgoing.c and call.c, and nothing else
 * of the simulator does.
 *
 * Every path goes to one handler, whatever its method: libcoap's "unknown resource" catches them.
 * The library's own server leaves two things to its user. It hands over a repeated confirmable
 * message as if it were a new one, and its block-wise transfer would hide repetitions of single
 * blocks; so both are ours, in peer.c.
 *
 * A reply that does not ride on the acknowledgment of its request goes on its way once that has, in
 * a message of its own, which the library repeats until it is acknowledged in turn. To a request
 * that comes again meanwhile, or after, there is the empty acknowledgment again (RFC 7252 section
 * 4.2).
 *
 * A libcoap session is one sender's address. The library ends it after SESSION_TIMEOUT of silence,
 * and with it goes its peer. What a cloud knows of a device is not tied to it.
 *
 * With DTLS, a sender begins when its key is asked for. A handshake that does not succeed after
 * that was one with another key, or with none; this is seen when the library gives it up, at once
 * or, if the sender falls silent, in time. The library takes no second handshake from the same
 * address while the first one's session stands, unless that was closed: a client that is killed
 * and comes back must come from another port.
 */
#include <coap3/coap.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "sim/clock.h"
#include "sim/endpoint.h"
#include "sim/incoming.h"
#include "sim/observers.h"
#include "sim/outgoing.h"
#include "sim/peer.h"
#include "sim/sender.h"

/** In seconds; longer than EXCHANGE_LIFETIME, 247 s, for which replies must be remembered. */
#define SESSION_TIMEOUT 300

/** Senders that are remembered at once; beyond it the one silent for longest is forgotten. */
#define MAX_SENDERS 8192

/**
 * struct sim_endpoint - a port
 * @house: who answers there
 * @door: which of the cloud's
 * @context: libcoap's, one an endpoint, as its critical options and its handler are the cloud's own
 * @reply: the one that is being made
 * @outgoing: replies that are not on the acknowledgments of their requests
 * @observers: who is told of changes
 * @senders: all that libcoap has a session for
 * @key: what was last asked for; libcoap takes a copy
 * @key_bytes: the memory of @key
 */
struct sim_endpoint {
	struct sim_house *house;
	size_t door;
	coap_context_t *context;
	struct sim_reply *reply;
	struct sim_outgoing outgoing;
	struct sim_observers observers;
	struct sim_senders senders;
	coap_bin_const_t key;
	uint8_t key_bytes[SIM_PSK_MAX];
};

/* ---- Sessions -------------------------------------------------------------------------------- */

static int session_on_event(coap_session_t *session, const coap_event_t event)
{
	struct sim_endpoint *endpoint = coap_get_app_data(coap_session_get_context(session));
	struct sim_sender *sender = coap_session_get_app_data(session);

	if (!sender || (event != COAP_EVENT_SERVER_SESSION_DEL && event != COAP_EVENT_DTLS_CLOSED &&
			event != COAP_EVENT_DTLS_ERROR))
		return 0;

	if (sender->identity && !sender->stands)
		sim_house_refuse_key(endpoint->house, sim_peer_name(sender->peer), sender->identity,
				     "the handshake failed: another key");
	(void)sim_sender_free(&endpoint->senders, sender);

	return 0;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static const coap_bin_const_t *find_key(struct sim_endpoint *endpoint, const char *identity)
{
	struct sim_cloud *cloud = endpoint->house->cloud;
	size_t len;

	if (cloud->type->key(cloud, endpoint->door, identity, endpoint->key_bytes, &len) < 0)
		return NULL;

	endpoint->key = (coap_bin_const_t){ .s = endpoint->key_bytes, .length = len };

	return &endpoint->key;
}

static const coap_bin_const_t *endpoint_on_identity(coap_bin_const_t *identity,
						    coap_session_t *session, void *userdata)
{
	struct sim_endpoint *endpoint = userdata;
	struct sim_sender *sender = sim_sender_of(&endpoint->senders, session);
	const coap_bin_const_t *key = NULL;

	if (!sender || sender->identity)
		return NULL;

	if (sim_sender_identify(&endpoint->senders, sender, identity) < 0) {
		sim_house_refuse_key(endpoint->house, sim_peer_name(sender->peer), NULL,
				     "an identity that is too long, or no text");
		return NULL;
	}
	key = find_key(endpoint, sender->identity);
	if (!key) {
		/* The cloud has said why, in the record. */
		endpoint->house->n_refused_keys++;
		(void)sim_sender_free(&endpoint->senders, sender);
	}

	return key;
}

/* ---- Answering ------------------------------------------------------------------------------- */

/* Every block is answered with the Block1 option that it came with, RFC 7959 section 2.3. */
static void echo_block(struct sim_reply *reply, const struct sim_request *request)
{
	const struct sim_option *block = sim_request_option(request, COAP_OPTION_BLOCK1);

	if (block && SIM_CODE_CLASS(reply->code) == 2)
		(void)sim_reply_add(reply, block->number, block->value, block->len);
}

static void answer(struct sim_endpoint *endpoint, const struct sim_sender *sender,
		   const struct sim_request *request, const coap_pdu_t *pdu)
{
	sim_house_serve(endpoint->house, request, endpoint->reply);
	sim_observers_note(&endpoint->observers, sender->session, pdu, request->path,
			   endpoint->reply);
}

static void serve(struct sim_endpoint *endpoint, const struct sim_sender *sender, uint64_t now,
		  const coap_pdu_t *pdu)
{
	struct sim_incoming incoming;
	struct sim_request *request = &incoming.request;
	int error = sim_incoming_read(&incoming, sim_peer_name(sender->peer), now, pdu);
	uint8_t code;

	request->door = endpoint->door;
	request->identity = sender->identity;
	sim_reply_reset(endpoint->reply);
	if (error < 0) {
		sim_house_refuse(endpoint->house, request, endpoint->reply, SIM_CODE(4, 0),
				 "a path too long or not split into segments, or too many options");
		return;
	}

	code = sim_peer_join(sender->peer, request);
	if (code == 0)
		answer(endpoint, sender, request, pdu);
	else if (SIM_CODE_CLASS(code) == 2)
		endpoint->reply->code = code;
	else
		sim_house_refuse(endpoint->house, request, endpoint->reply, code,
				 "a payload too long, or a block out of its order");
	echo_block(endpoint->reply, request);
}

/* Whether the reply goes separately is settled here: what has no acknowledgment has none to follow. */
static void separate(struct sim_endpoint *endpoint, coap_session_t *session, uint64_t now,
		     const coap_pdu_t *pdu)
{
	struct sim_reply *reply = endpoint->reply;

	if (reply->separate &&
	    (coap_pdu_get_type(pdu) != COAP_MESSAGE_CON ||
	     sim_outgoing_add(&endpoint->outgoing, session, pdu, reply, now) < 0))
		reply->separate = 0;
}

/* libcoap sends an empty ACK without being told, but nothing empty that is non-confirmable. */
static void drop(coap_pdu_t *response)
{
	coap_pdu_set_code(response, COAP_EMPTY_CODE);
	coap_pdu_set_type(response, COAP_MESSAGE_NON);
}

static void endpoint_on_request(coap_resource_t *resource, coap_session_t *session,
				const coap_pdu_t *pdu, const coap_string_t *query,
				coap_pdu_t *response)
{
	struct sim_endpoint *endpoint = coap_resource_get_userdata(resource);
	struct sim_sender *sender = sim_sender_of(&endpoint->senders, session);
	struct sim_message_id id = sim_incoming_id(pdu);
	const struct sim_reply *reply;
	uint64_t now = sim_clock_now();

	(void)query;
	if (!sender) {
		coap_pdu_set_code(response, COAP_RESPONSE_CODE_INTERNAL_ERROR);
		return;
	}

	sim_sender_stand(&endpoint->senders, sender);
	reply = sim_peer_reply(sender->peer, &id, now);
	if (reply) {
		endpoint->house->n_repeated++;
	} else {
		serve(endpoint, sender, now, pdu);
		reply = endpoint->reply;
		separate(endpoint, session, now, pdu);
		sim_peer_keep(sender->peer, &id, reply, now);
	}
	if (reply->silent)
		drop(response);
	else if (!reply->separate)
		sim_outgoing_write(response, reply);
}

/* A notification that is refused: whoever observed does no more, RFC 7641 section 3.6. */
static void endpoint_on_nack(coap_session_t *session, const coap_pdu_t *sent,
			     const coap_nack_reason_t reason, const coap_mid_t mid)
{
	struct sim_endpoint *endpoint = coap_get_app_data(coap_session_get_context(session));

	(void)reason;
	(void)mid;
	if (sent)
		sim_observers_forget(&endpoint->observers, session, sent);
}

/**
 * sim_endpoint_notify() - tell those who observe a path
 * @endpoint: the endpoint
 * @path: "/a/b"
 * @reply: what it is now, with Observe
 *
 * Return: how many are told.
 */
size_t sim_endpoint_notify(struct sim_endpoint *endpoint, const char *path,
			   const struct sim_reply *reply)
{
	return sim_observers_notify(&endpoint->observers, path, reply);
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

/*
 * libcoap binds with SO_REUSEADDR, which on UDP lets two servers have one port, and one of them
 * starve. So the port is first bound without it, which is refused where anybody listens; once
 * bound, that socket takes the option on so that libcoap's comes in beside it.
 */
static int listen_at(struct sim_endpoint *endpoint, struct sim_address *address, enum sim_lock lock)
{
	const coap_proto_t protocol = lock == SIM_PLAIN ? COAP_PROTO_UDP : COAP_PROTO_DTLS;
	const int yes = 1;
	coap_endpoint_t *listener = NULL;
	coap_address_t bound;
	int fd = sim_address_bind(address);

	if (fd < 0)
		return fd;

	coap_address_init(&bound);
	memcpy(&bound.addr.sa, &address->any, address->len);
	bound.size = address->len;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0)
		listener = coap_new_endpoint(endpoint->context, &bound, protocol);
	(void)close(fd);

	return listener ? 0 : -EADDRNOTAVAIL;
}

/* No identity hint is given: there are clients in the field that crash on one. */
static bool take_keys(struct sim_endpoint *endpoint)
{
	coap_dtls_spsk_t keys = {
		.version = COAP_DTLS_SPSK_SETUP_VERSION,
		.validate_id_call_back = endpoint_on_identity,
		.id_call_back_arg = endpoint,
	};

	return coap_context_set_psk2(endpoint->context, &keys) == 1;
}

static bool show_certificate(struct sim_endpoint *endpoint, const struct sim_endpoint_place *place)
{
	coap_dtls_pki_t certificate = {
		.version = COAP_DTLS_PKI_SETUP_VERSION,
		.pki_key = {
			.key_type = COAP_PKI_KEY_PEM_BUF,
			.key.pem_buf = {
				.public_cert = (const uint8_t *)place->certificate,
				.public_cert_len = strlen(place->certificate) + 1,
				.private_key = (const uint8_t *)place->certificate_key,
				.private_key_len = strlen(place->certificate_key) + 1,
			},
		},
	};

	return coap_context_set_pki(endpoint->context, &certificate) == 1;
}

static bool lock_door(struct sim_endpoint *endpoint, const struct sim_endpoint_place *place,
		      enum sim_lock lock)
{
	if (lock == SIM_PLAIN)
		return true;

	return take_keys(endpoint) &&
	       (lock != SIM_PSK_OR_CERTIFICATE || show_certificate(endpoint, place));
}

static int start_context(struct sim_endpoint *endpoint, const struct sim_endpoint_place *place,
			 enum sim_lock lock)
{
	const uint16_t *critical = endpoint->house->cloud->type->critical;

	coap_startup();
	coap_set_log_handler(library_on_log);
	endpoint->context = coap_new_context(NULL);
	if (!endpoint->context)
		return -ENOMEM;

	coap_set_app_data(endpoint->context, endpoint);
	coap_context_set_session_timeout(endpoint->context, SESSION_TIMEOUT);
	coap_context_set_max_idle_sessions(endpoint->context, MAX_SENDERS);
	coap_register_event_handler(endpoint->context, session_on_event);
	coap_register_nack_handler(endpoint->context, endpoint_on_nack);
	for (size_t i = 0; critical[i] != 0; i++)
		coap_register_option(endpoint->context, critical[i]);

	return add_handlers(endpoint) && lock_door(endpoint, place, lock) ? 0 : -ENOMEM;
}

/**
 * sim_endpoint_new() - listen for a cloud
 * @place: whose endpoint it is
 * @address: where; gets the port that the kernel chose if it has none
 * @ret: the endpoint
 *
 * Return: 0; -ENOMEM; -EADDRINUSE when the port is another's, or what else bind() says.
 */
int sim_endpoint_new(const struct sim_endpoint_place *place, struct sim_address *address,
		     struct sim_endpoint **ret)
{
	enum sim_lock lock = place->house->cloud->type->doors[place->door].lock;
	struct sim_endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int error = 0;

	if (!endpoint)
		return -ENOMEM;

	sim_outgoing_init(&endpoint->outgoing);
	sim_observers_init(&endpoint->observers);
	sim_senders_init(&endpoint->senders);
	endpoint->house = place->house;
	endpoint->door = place->door;
	endpoint->reply = sim_reply_new();
	if (!endpoint->reply)
		error = -ENOMEM;
	if (error == 0)
		error = start_context(endpoint, place, lock);
	if (error == 0)
		error = listen_at(endpoint, address, lock);
	if (error < 0) {
		(void)sim_endpoint_free(endpoint);
		return error;
	}
	*ret = endpoint;

	return 0;
}

/*
 * libcoap would tell every DTLS client that its session has ended. A cloud that breaks down, or
 * that forgets, says nothing; and the library's own instrument for losing packets loses these.
 */
static void free_silently(coap_context_t *context)
{
	(void)coap_debug_set_packet_loss("100%");
	coap_free_context(context);
	(void)coap_debug_set_packet_loss("0%");
}

/**
 * sim_endpoint_free() - stop listening, and forget all senders, who are not told
 * @endpoint: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sim_endpoint *sim_endpoint_free(struct sim_endpoint *endpoint)
{
	if (!endpoint)
		return NULL;

	/* libcoap tells of sessions that end by themselves, not of those that end with it. */
	if (endpoint->context) {
		coap_register_event_handler(endpoint->context, NULL);
		coap_register_nack_handler(endpoint->context, NULL);
	}
	sim_outgoing_done(&endpoint->outgoing);
	sim_observers_done(&endpoint->observers);
	free_silently(endpoint->context);
	sim_senders_done(&endpoint->senders);
	(void)sim_reply_free(endpoint->reply);
	free(endpoint);

	return NULL;
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
	sim_outgoing_send(&endpoint->outgoing);
	sim_senders_look(&endpoint->senders);
}
