/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A request as libcoap parsed it, made into what a cloud is given.
 */
#include <coap3/coap.h>
#include <stdint.h>

#include "sim/cloud.h"
#include "sim/peer.h"

/** How many options a request may have beside its path. */
#define SIM_INCOMING_OPTIONS 32

/** struct sim_incoming - a request, and the memory of what it lends */
struct sim_incoming {
	struct sim_request request;
	struct sim_option options[SIM_INCOMING_OPTIONS];
	char path[SIM_PATH_MAX];
};

int sim_incoming_read(struct sim_incoming *incoming, const char *peer, uint64_t now,
		      const coap_pdu_t *pdu);
struct sim_message_id sim_incoming_id(const coap_pdu_t *pdu);
