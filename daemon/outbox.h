/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The outbox: tickets, and one queue for each link.
 *
 * publish → (stored on disk) → the publisher has its ticket → take → settle, or give back. A queue
 * keeps a bounded part of itself in memory and the rest on disk, whatever its length. What is in
 * flight when the daemon dies is on disk still, and is taken again.
 *
 * A message can also end while it waits: its time is over, a newer one replaces it, its publisher calls it
 * back, or the queue is full and drops its oldest. What is in flight is left alone, and ends then if it
 * comes back. And it can go to another queue while it waits, if it was routed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/accounts.h"
#include "daemon/clock.h"
#include "daemon/error.h"
#include "daemon/message.h"
#include "daemon/store.h"

struct sb_outbox;
struct sb_queue;

/** The most messages that are published together. */
#define SB_PARCELS_MAX 16

/** struct sb_parcel - a message and the queue that it is for */
struct sb_parcel {
	struct sb_queue *queue;
	struct sb_message *message;
};

/** struct sb_direction - where a message is to go */
struct sb_direction {
	struct sb_queue *queue;
	char topic[SB_TOPIC_MAX + 1]; /* its topic there */
};

/** struct sb_settled - what a listener is told when a message has ended; that is on disk, if it can be */
struct sb_settled {
	const char *link;
	const char *sender; /* the publisher, as in struct sb_message; or NULL */
	struct sb_settlement settlement;
};

/** struct sb_queue_limits - a queue's bounds; what is in flight counts */
struct sb_queue_limits {
	uint64_t messages;
	uint64_t bytes; /* topics and payloads */
	uint64_t memory_messages; /* of those, the ones that are held in memory only */
	uint64_t memory_bytes;
	bool drop_oldest; /* when full, the oldest of the lowest priority goes; else the new one is refused */
};

/** struct sb_queue_stats - a queue in numbers */
struct sb_queue_stats {
	uint64_t queued; /* taken and not settled, what is in flight included */
	uint64_t queued_bytes;
	uint64_t in_flight;
	uint64_t ended[SB_N_OUTCOMES]; /* since the daemon started */
	uint64_t causes[SB_N_CAUSES]; /* the same by cause */
};

/** struct sb_end - how a message ends; text is lent */
struct sb_end {
	enum sb_cause cause;
	const char *code; /* the cloud's CoAP code, "2.04"; "" or NULL if there is none */
	const char *reason; /* a sentence; "" or NULL when delivered */
};

/** A message is on disk and has its ticket; or it could not be stored, and @error says why. */
typedef void sb_published_fn(void *userdata, uint64_t ticket, const struct sb_error *error);

/** So many messages are on disk and have their tickets; or none is, and @error says why. */
typedef void sb_published_all_fn(void *userdata, const uint64_t *tickets, size_t n,
				 const struct sb_error *error);

/** A message waits for @link and was routed: should it go elsewhere? @record has its payload and route. */
typedef bool sb_direct_fn(void *userdata, const char *link, const struct sb_record *record,
			  struct sb_direction *ret);

/** A message was called back (@error NULL), or it is too late, and @error says why. */
typedef void sb_cancelled_fn(void *userdata, const struct sb_error *error);

/** A ticket was looked up: -ENOENT when it is unknown. @settlement is lent. */
typedef void sb_lookup_fn(void *userdata, int error, const struct sb_settlement *settlement);

/** There is something to take, or the numbers have changed. */
typedef void sb_queue_changed_fn(void *userdata);

typedef void sb_settled_fn(void *userdata, const struct sb_settled *settled);

int sb_outbox_new(struct sb_store *store, struct sb_clock *clock,
		  const struct sb_account_limits *limits, struct sb_outbox **ret);
struct sb_outbox *sb_outbox_free(struct sb_outbox *outbox);
bool sb_outbox_closing(const struct sb_outbox *outbox);
void sb_outbox_listen(struct sb_outbox *outbox, sb_settled_fn *settled, void *userdata);
void sb_outbox_limit(struct sb_outbox *outbox, const struct sb_account_limits *limits);
void sb_outbox_stop(struct sb_outbox *outbox);
void sb_outbox_direct(struct sb_outbox *outbox, sb_direct_fn *direct, void *userdata);
void sb_outbox_divert(struct sb_outbox *outbox, const char *link);
int sb_outbox_publish(struct sb_outbox *outbox, const struct sb_parcel *parcels, size_t n,
		      sb_published_all_fn *done, void *userdata, struct sb_error *ret_error);
int sb_outbox_lookup(struct sb_outbox *outbox, uint64_t ticket, sb_lookup_fn *done, void *userdata);
int sb_outbox_cancel(struct sb_outbox *outbox, uint64_t ticket, const uint32_t *owner,
		     sb_cancelled_fn *done, void *userdata);

int sb_queue_new(struct sb_outbox *outbox, const char *link, const struct sb_queue_limits *limits,
		 sb_queue_changed_fn *changed, void *userdata, struct sb_queue **ret);
struct sb_queue *sb_queue_free(struct sb_queue *queue);
const char *sb_queue_link(const struct sb_queue *queue);

int sb_queue_publish(struct sb_queue *queue, struct sb_message *message, sb_published_fn *done,
		     void *userdata, struct sb_error *ret_error);
size_t sb_queue_peek(struct sb_queue *queue, struct sb_message **ret, size_t max);
int sb_queue_take_this(struct sb_queue *queue, struct sb_message *message);
struct sb_message *sb_queue_take(struct sb_queue *queue);
bool sb_queue_has(const struct sb_queue *queue, enum sb_priority priority);
void sb_queue_give_back(struct sb_queue *queue, struct sb_message *message);
void sb_queue_settle(struct sb_queue *queue, struct sb_message *message, const struct sb_end *end);
void sb_queue_stats(const struct sb_queue *queue, struct sb_queue_stats *ret);
