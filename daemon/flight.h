/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of a link is on its way: messages out of its queue, and requests that an app waits for. It fills
 * the window, and carries out the plugin's verdicts over the replies.
 */
#include "daemon/backoff.h"
#include "daemon/batch.h"
#include "daemon/link.h"
#include "daemon/window.h"

struct sb_flight_item;

TAILQ_HEAD(sb_flight_items, sb_flight_item);

/** struct sb_flight - embedded in its link */
struct sb_flight {
	struct sb_link *link;
	struct sb_window window;
	struct sb_batch batch;
	struct sb_flight_items asked; /* requests that wait for room */
	struct sb_flight_items under_way;
	unsigned int n_asked;
	unsigned int n_under_way;
	struct sb_backoff backoff; /* of a cloud that says "later" */
	struct sb_timer pause;
	struct sb_task pump;
	bool suspected; /* is the cloud still there? Nothing goes out until it has answered something */
	bool pinging; /* a ping is under way */
	uint64_t pinged_at;
	uint64_t unsent_since; /* the session takes nothing any more; 0 when it does */
	bool stopping; /* the daemon is about to end */
	unsigned int silences; /* rounds in a row that brought no answer */
	bool login_needed; /* nothing goes out; log in again once nothing is under way, in turn */
};

void sb_flight_init(struct sb_flight *flight, struct sb_link *link);
void sb_flight_done(struct sb_flight *flight);
void sb_flight_begin(struct sb_flight *flight, unsigned int window, uint32_t hold_s);
void sb_flight_pump(struct sb_flight *flight);
void sb_flight_on_turn(struct sb_flight *flight);
void sb_flight_keepalive(struct sb_flight *flight);
void sb_flight_suspect(struct sb_flight *flight);
void sb_flight_on_answer(struct sb_flight *flight);
void sb_flight_recall(struct sb_flight *flight);
bool sb_flight_stop(struct sb_flight *flight);
void sb_flight_refuse(struct sb_flight *flight, enum sb_error_code code, const char *reason);
int sb_flight_ask(struct sb_flight *flight, struct sb_message *message, uint64_t timeout_usec,
		  sb_requested_fn *done, void *userdata, struct sb_error *ret_error);
