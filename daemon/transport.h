/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CoAP over UDP and DTLS: sessions, requests, replies. The daemon/transport*.c files are the only ones
 * that know libcoap (4.3.1 and later), which is not thread-safe: everything here runs on the loop's
 * thread. Nothing here blocks; names are resolved elsewhere (daemon/resolver).
 *
 * A session is one UDP socket to one peer. It reports once that it is open or that it could not be, and
 * at most once later that it broke. Every request sent on it ends in exactly one reply, unless the
 * session breaks or is freed first: then none comes. An observation has more replies, up to one that
 * is not observed. A broken session is only good for being freed.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "daemon/loop.h"
#include "daemon/request.h"
#include "daemon/wire.h"
#include "skybus/plugin.h"

struct sb_transport;
struct sb_session;
struct sb_exchange; /* a request that is on its way, or what is being observed */

/**
 * struct sb_peer - whom to talk to, and how; everything is copied
 * @security: SKYBUS_PLAIN, SKYBUS_PSK, SKYBUS_CERTIFICATE
 * @interface: name of the network interface to go through; NULL for the routing table's choice
 * @host: for SNI, and the name that a certificate must hold; NULL or numeric: no SNI is sent
 * @identity, @key: with SKYBUS_PSK
 * @wire: counts what the session carries; NULL for nobody; gets a reference
 * @trust: with SKYBUS_CERTIFICATE, PEM, roots beside the system's; may be NULL
 */
struct sb_peer {
	struct sockaddr_storage address;
	socklen_t address_len;
	uint32_t security;
	const char *interface;
	const char *host;
	struct sb_wire *wire;
	const uint8_t *identity;
	size_t identity_len;
	const uint8_t *key;
	size_t key_len;
	const uint8_t *trust;
	size_t trust_len;
};

/** The outcome of a session that stands, although the peer's host says that nobody listens. */
#define SB_SESSION_DOUBTED 1

/**
 * A session is open (@outcome 0), has come into doubt (SB_SESSION_DOUBTED: a ping would tell), could
 * not be opened, or broke after it was open.
 * -ETIMEDOUT: no answer to the handshake. -ECONNREFUSED: the peer's host says that nobody listens.
 * -EKEYREJECTED: the handshake was refused; @detail says how, if the peer told.
 * -EBADMSG: the peer's certificate is not to be trusted; @detail says why, as in "has expired".
 */
typedef void sb_session_fn(void *userdata, int outcome, const char *detail);

/** A request ended, or while @reply is observed: something newer came of it; @reply is lent. */
typedef void sb_reply_fn(void *userdata, const struct skybus_reply *reply);

/** struct sb_traffic - bytes of CoAP messages handed to and taken from libcoap */
struct sb_traffic {
	uint64_t sent;
	uint64_t received;
};

/** struct sb_session_facts - what is known of the other side of a session; text is static */
struct sb_session_facts {
	bool answered; /* anything has come from there */
	const char *handshake; /* the last handshake message that came; NULL for none */
	const char *alert; /* the alert that came and ended it; NULL for none */
};

int sb_transport_new(struct sb_loop *loop, struct sb_transport **ret);
struct sb_transport *sb_transport_free(struct sb_transport *transport);

int sb_session_new(struct sb_transport *transport, const struct sb_peer *peer,
		   sb_session_fn *changed, void *userdata, struct sb_session **ret);
struct sb_session *sb_session_free(struct sb_session *session);
void sb_session_local(const struct sb_session *session, struct sockaddr_storage *ret);
void sb_session_facts(const struct sb_session *session, struct sb_session_facts *ret);
void sb_session_traffic(const struct sb_session *session, struct sb_traffic *ret);
int sb_session_send(struct sb_session *session, const struct sb_request *request,
		    uint64_t timeout_usec, sb_reply_fn *done, void *userdata);
int sb_session_observe(struct sb_session *session, const struct sb_request *request,
		       uint64_t timeout_usec, sb_reply_fn *notified, void *userdata,
		       struct sb_exchange **ret);
void sb_session_observe_stop(struct sb_session *session, struct sb_exchange *exchange);
int sb_session_ping(struct sb_session *session, uint64_t timeout_usec, sb_reply_fn *done,
		    void *userdata);
