/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Strangers on loopback: a UDP socket that speaks CoAP by hand, for what no decent server does; and the
 * servers of libcoap's own package. Include <cmocka.h> before.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Message types, RFC 7252 section 3. */
enum peer_type {
	PEER_CON,
	PEER_NON,
	PEER_ACK,
	PEER_RST
};

/** struct peer - a socket bound to a port of the kernel's choice */
struct peer {
	int fd;
	uint16_t port;
	struct sockaddr_in from; /* who sent the last message */
};

/** struct peer_message - what came */
struct peer_message {
	enum peer_type type;
	uint8_t code;
	uint16_t mid;
	uint8_t token[16];
	size_t token_len;
	uint8_t bytes[4096];
	size_t len;
};

void peer_init(struct peer *peer);
void peer_done(struct peer *peer);
bool peer_receive(struct peer *peer, struct peer_message *ret);
void peer_send(const struct peer *peer, enum peer_type type, uint8_t code,
	       const struct peer_message *answered, const char *rest);
void peer_send_bytes(const struct peer *peer, const void *bytes, size_t len);

/** struct server - a server of another program; libcoap's have DTLS at the next port */
struct server {
	pid_t pid; /* 0: does not run */
	uint16_t port;
	int input; /* the end that is never written; some end when their input does */
};

uint16_t server_choose_port(struct server *server);
bool server_run(struct server *server, const char *const *argv);
bool server_start(struct server *server, const char *program, const char *const *arguments);
void server_stop(struct server *server);
