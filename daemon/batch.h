/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which messages go in the next request: the first that waits, or, where a link's plugin can put several into
 * one (gather() and encode_batch() of the ABI), as many as fit. Each stays a message of its own, with its own
 * ticket and end. For the flight.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/loop.h"
#include "daemon/message.h"

struct sb_flight;
struct sb_flight_item;

/** The most messages of one request. */
#define SB_BATCH_MAX 64

/** struct sb_strikes - requests with several that came to nothing in a row; @at: when the last of them had */
struct sb_strikes {
	unsigned int n;
	uint64_t at;
};

/**
 * struct sb_batch - embedded in its flight
 * @hold_ms: a message may wait so long for others; 0: each goes alone
 * @refused: those that were refused since the login, with nobody to blame
 * @unheard: those that were put off, or not answered
 * @timer: the first of those that wait has waited long enough
 */
struct sb_batch {
	struct sb_flight *flight;
	int64_t hold_ms;
	struct sb_strikes refused;
	struct sb_strikes unheard;
	struct sb_timer timer;
};

void sb_batch_init(struct sb_batch *batch, struct sb_flight *flight);
void sb_batch_done(struct sb_batch *batch);
void sb_batch_begin(struct sb_batch *batch, uint32_t hold_s);

size_t sb_batch_take(struct sb_batch *batch, struct sb_message_list *ret);
int sb_batch_encode(const struct sb_flight_item *item, struct skybus_request *request,
		    struct skybus_verdict *verdict);
void sb_batch_on_verdict(struct sb_batch *batch, struct sb_flight_item *item,
			 const struct skybus_verdict *verdict);
void sb_batch_on_silence(struct sb_batch *batch, struct sb_flight_item *item);
