/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is remembered of one sender between its datagrams: the replies it got, so that a repeated
 * request is not served twice (RFC 7252 section 4.2), and the payload that it is sending in blocks
 * (RFC 7959).
 */
#include <stddef.h>
#include <stdint.h>

#include "sim/cloud.h"

struct sim_peer;

/**
 * struct sim_message_id - what a repeated message has in common with the first
 * @mid: the message id
 * @token_len: bytes
 * @token: not part of the id in the RFC; it keeps a client that was restarted at the same port,
 *	where message ids begin anew, from being taken for its predecessor
 */
struct sim_message_id {
	uint16_t mid;
	uint8_t token_len;
	uint8_t token[8];
};

struct sim_peer *sim_peer_new(const char *name);
struct sim_peer *sim_peer_free(struct sim_peer *peer);
const char *sim_peer_name(const struct sim_peer *peer);

const struct sim_reply *sim_peer_reply(const struct sim_peer *peer, const struct sim_message_id *id,
				       uint64_t now);
void sim_peer_keep(struct sim_peer *peer, const struct sim_message_id *id,
		   const struct sim_reply *reply, uint64_t now);
uint8_t sim_peer_join(struct sim_peer *peer, struct sim_request *request);
