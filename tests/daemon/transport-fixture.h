/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A transport with a loop in virtual time and descriptors in real, and somebody to talk to. Include
 * <cmocka.h> before.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/transport.h"
#include "tests/daemon/peer.h"
#include "tests/daemon/scratch.h"

#define TRANSPORT_REPLIES_MAX 64
#define TRANSPORT_LONG_TIME (600 * SB_USEC_PER_SEC) /* what requests wait for their answers */

/** struct transport_fixture - what is used, and what happened */
struct transport_fixture {
	struct scratch scratch;
	struct sb_loop *loop;
	struct sb_transport *transport;
	struct sb_session *session;
	struct sb_session *others[20];
	struct peer peer;
	struct peer_message message; /* the last that the peer took */
	struct server server;

	unsigned int told; /* of the session */
	int outcome;
	char detail[160];
	bool free_when_told;

	unsigned int replies;
	struct skybus_reply reply; /* the last; what it points to is gone, but see below */
	char payload[64]; /* its beginning */
	uint64_t notes[TRANSPORT_REPLIES_MAX];
	uint8_t *whole; /* all of its payload */
	size_t n_options;
	uint32_t last_option;
	bool free_when_answered;
	bool send_when_answered;
};

int transport_setup(void **state);
int transport_teardown(void **state);
void transport_turn(struct transport_fixture *f);
void transport_run_until_told(struct transport_fixture *f, unsigned int times);
void transport_run_until_replies(struct transport_fixture *f, unsigned int times);
void transport_run_a_while(struct transport_fixture *f);
void transport_run_until_received(struct transport_fixture *f);
void transport_guess_tokens(struct transport_fixture *f);
void transport_on_session(void *userdata, int outcome, const char *detail);
struct sb_peer transport_peer_at(uint16_t port);
void transport_open_plain(struct transport_fixture *f, uint16_t port);
int transport_send_with(struct transport_fixture *f, uint32_t method, const char *path,
			const void *payload, size_t payload_len, bool impatient);
void transport_send_text(struct transport_fixture *f, const char *payload);
void transport_on_reply(void *userdata, const struct skybus_reply *reply);
void transport_expect_reply(const struct transport_fixture *f, uint32_t code, const char *payload);
struct sb_traffic transport_traffic_of(const struct transport_fixture *f);
uint16_t transport_closed_port(struct transport_fixture *f);
void transport_start_server(struct transport_fixture *f, const char *program,
			    const char *const *arguments);
