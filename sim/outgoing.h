/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Replies as libcoap sends them: on the acknowledgment of their request, or behind it, in a
 * confirmable message of their own (RFC 7252 section 5.2.2).
 */
#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "sim/reply.h"

struct sim_separate;

/** The longest token of CoAP, RFC 7252 section 3. */
#define SIM_TOKEN_MAX 8

/** struct sim_token - what tells a reply from those to other requests */
struct sim_token {
	size_t len;
	uint8_t bytes[SIM_TOKEN_MAX];
};

/**
 * SIM_SEPARATE_MAX - how many replies go behind their acknowledgments in SIM_SEPARATE_TIME
 *
 * For so long libcoap may keep one that nobody acknowledges, and it tells nobody when somebody does.
 */
#define SIM_SEPARATE_MAX 4096

/** MAX_TRANSMIT_WAIT, RFC 7252 section 4.8.2, µs. */
#define SIM_SEPARATE_TIME UINT64_C(93000000)

/**
 * struct sim_outgoing - the replies that go behind their acknowledgments
 * @waiting: for their acknowledgments to be sent, the oldest first
 * @n_recent: how many there have been
 * @since: when that count began, CLOCK_BOOTTIME, µs
 */
struct sim_outgoing {
	STAILQ_HEAD(, sim_separate) waiting;
	size_t n_recent;
	uint64_t since;
};

void sim_outgoing_init(struct sim_outgoing *outgoing);
void sim_outgoing_done(struct sim_outgoing *outgoing);

bool sim_token_read(const coap_pdu_t *pdu, struct sim_token *ret);
bool sim_token_same(const struct sim_token *token, const struct sim_token *other);

void sim_outgoing_write(coap_pdu_t *pdu, const struct sim_reply *reply);
int sim_outgoing_add(struct sim_outgoing *outgoing, coap_session_t *session,
		     const coap_pdu_t *request, const struct sim_reply *reply, uint64_t now);
void sim_outgoing_send(struct sim_outgoing *outgoing);
void sim_outgoing_tell(coap_session_t *session, const struct sim_token *token,
		       const struct sim_reply *reply);
