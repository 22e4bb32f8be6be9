/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whoever sends to an endpoint: a peer, and libcoap's session with it.
 *
 * A session is one sender's address. With DTLS, a sender begins when its key is asked for, and
 * stands when its handshake has succeeded.
 */
#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "sim/peer.h"

/** The longest PSK identity, with its terminating zero: four times what any cloud here has. */
#define SIM_IDENTITY_SIZE 1024

/**
 * struct sim_sender - one of them
 * @peer: its address, and what it said
 * @identity: of its handshake; NULL without
 * @session: libcoap's
 * @stands: whether the handshake has succeeded, or there was none to make
 */
struct sim_sender {
	struct sim_peer *peer;
	char *identity;
	coap_session_t *session;
	bool stands;
	LIST_ENTRY(sim_sender) entry;
};

/**
 * struct sim_senders - all that libcoap has a session for
 * @all: every one
 * @n_shaking: how many of them are in a handshake, and have said who they are
 */
struct sim_senders {
	LIST_HEAD(, sim_sender) all;
	size_t n_shaking;
};

void sim_senders_init(struct sim_senders *senders);
void sim_senders_done(struct sim_senders *senders);
void sim_senders_look(struct sim_senders *senders);

struct sim_sender *sim_sender_of(struct sim_senders *senders, coap_session_t *session);
struct sim_sender *sim_sender_free(struct sim_senders *senders, struct sim_sender *sender);
int sim_sender_identify(struct sim_senders *senders, struct sim_sender *sender,
			const coap_bin_const_t *identity);
void sim_sender_stand(struct sim_senders *senders, struct sim_sender *sender);
