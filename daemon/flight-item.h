/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One thing in a flight: a message from the queue, or several in one request, a request that an app waits for,
 * or a keepalive. All three go the same way; they differ in how they end, which is here. Between the parts of a
 * link.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/flight.h"

enum sb_item_kind {
	SB_ITEM_MESSAGE, /* out of the queue */
	SB_ITEM_REQUEST, /* an app waits for the answer */
	SB_ITEM_KEEPALIVE,
};

/** struct sb_flight_item - one item; in at most one of its flight's lists */
struct sb_flight_item {
	TAILQ_ENTRY(sb_flight_item) entry;
	struct sb_flight *flight;
	enum sb_item_kind kind;
	struct sb_message *message; /* NULL for a keepalive */
	struct sb_message_list others; /* out of the queue, too, and in the same request */
	size_t n_others;
	uint64_t sent_at;
	bool waits; /* a request, for room: in the flight's list of such */
	sb_requested_fn *requested; /* NULL once told */
	void *userdata;
	struct sb_timer deadline; /* the app's patience */
};

/** What an app is told when nobody answered its request. */
extern const char sb_item_unanswered[];

struct sb_flight_item *sb_item_new(struct sb_flight *flight, enum sb_item_kind kind,
				   struct sb_message *message);
struct sb_flight_item *sb_item_new_of(struct sb_flight *flight, struct sb_message_list *messages,
				      size_t n);
struct sb_flight_item *sb_item_free(struct sb_flight_item *item);

void sb_item_wait(struct sb_flight_item *item, bool first);
void sb_item_stop_waiting(struct sb_flight_item *item);
void sb_item_land(struct sb_flight_item *item);

void sb_item_tell_error(struct sb_flight_item *item, enum sb_error_code code, const char *text);
void sb_item_part(struct sb_flight_item *item);
void sb_item_settle(struct sb_flight_item *item, const struct sb_end *end);
void sb_item_return(struct sb_flight_item *item);
void sb_item_refuse(struct sb_flight_item *item, const struct skybus_verdict *verdict);
void sb_item_answered(struct sb_flight_item *item, const struct skybus_reply *reply,
		      const struct skybus_verdict *verdict);

/* ---- flight-silence.c ---- */

void sb_flight_on_silence(struct sb_flight_item *item, uint32_t outcome);
bool sb_flight_on_unsent(struct sb_flight *flight);
