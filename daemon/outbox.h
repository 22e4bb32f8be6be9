/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The outbox: tickets, and one queue for each link.
 *
 * publish → (stored on disk) → the publisher has its ticket → take → settle, or give back. A queue
 * keeps a bounded part of itself in memory and the rest on disk, whatever its length. What is in
 * flight when the daemon dies is on disk still, and is taken again.
 */
#include <stdint.h>

#include "daemon/error.h"
#include "daemon/message.h"
#include "daemon/store.h"

struct sb_outbox;
struct sb_queue;

/** struct sb_settled - what a listener is told when a message has ended; that is on disk, if it can be */
struct sb_settled {
	const char *link;
	const char *sender; /* unique bus name of the publisher, or NULL */
	struct sb_settlement settlement;
};

/** struct sb_queue_limits - a queue's bounds; what is in flight counts */
struct sb_queue_limits {
	uint64_t messages;
	uint64_t bytes; /* topics and payloads */
};

/** struct sb_queue_stats - a queue in numbers */
struct sb_queue_stats {
	uint64_t queued; /* stored and not settled, what is in flight included */
	uint64_t queued_bytes;
	uint64_t in_flight;
	uint64_t ended[SB_N_OUTCOMES]; /* since the daemon started */
};

/** A message is on disk and has its ticket; or it could not be stored, and @error says why. */
typedef void sb_published_fn(void *userdata, uint64_t ticket, const struct sb_error *error);

/** There is something to take, or the numbers have changed. */
typedef void sb_queue_changed_fn(void *userdata);

typedef void sb_settled_fn(void *userdata, const struct sb_settled *settled);

int sb_outbox_new(struct sb_store *store, struct sb_outbox **ret);
struct sb_outbox *sb_outbox_free(struct sb_outbox *outbox);
void sb_outbox_listen(struct sb_outbox *outbox, sb_settled_fn *settled, void *userdata);
int sb_outbox_lookup(struct sb_outbox *outbox, uint64_t ticket, sb_store_lookup_fn *done,
		     void *userdata);

int sb_queue_new(struct sb_outbox *outbox, const char *link, const struct sb_queue_limits *limits,
		 sb_queue_changed_fn *changed, void *userdata, struct sb_queue **ret);
struct sb_queue *sb_queue_free(struct sb_queue *queue);

int sb_queue_publish(struct sb_queue *queue, struct sb_message *message, sb_published_fn *done,
		     void *userdata, struct sb_error *ret_error);
struct sb_message *sb_queue_take(struct sb_queue *queue);
void sb_queue_give_back(struct sb_queue *queue, struct sb_message *message);
void sb_queue_settle(struct sb_queue *queue, struct sb_message *message, enum sb_outcome outcome,
		     const char *code, const char *reason);
void sb_queue_stats(const struct sb_queue *queue, struct sb_queue_stats *ret);
