/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the outbox and its queues know of each other. Everybody else includes daemon/outbox.h.
 *
 * A queue lives as long as the outbox: sb_queue_free() only takes its owner away. Thus jobs that the
 * store has in hand never outlive their queue, and a link that comes back under the same name, with
 * another configuration, finds its queue as it was.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/loop.h"
#include "daemon/outbox.h"

struct sb_ending;

/**
 * struct sb_outbox - see daemon/outbox.c
 * @last_ticket: the last one that was given to a message
 * @unwritten: endings that the disk refused; they wait for @retry
 * @troubled: the disk failed, and that has been logged
 * @closing: completions only clean up
 */
struct sb_outbox {
	struct sb_store *store;
	uint64_t last_ticket;
	sb_settled_fn *settled;
	void *userdata;
	TAILQ_HEAD(, sb_queue) queues;
	TAILQ_HEAD(, sb_ending) unwritten;
	struct sb_timer retry;
	bool troubled;
	bool closing;
};

void sb_outbox_settle(struct sb_outbox *outbox, struct sb_queue *queue, struct sb_message *message,
		      const struct sb_settlement *settlement);
void sb_outbox_store_failed(struct sb_outbox *outbox, int error);
void sb_outbox_store_works(struct sb_outbox *outbox);

/**
 * struct sb_queue - see daemon/queue.c
 * @changed: the owner's; NULL while there is no owner
 * @waiting: the part in memory, in the order of tickets
 * @seen: every message up to this ticket is in @waiting, in flight or settled
 * @unread: how many wait on disk beyond @seen
 * @storing: on their way to disk
 * @in_flight: their tickets
 */
struct sb_queue {
	struct sb_outbox *outbox;
	TAILQ_ENTRY(sb_queue) entry;
	char *link;
	bool owned;
	sb_queue_changed_fn *changed;
	void *userdata;
	struct sb_queue_limits limits;
	struct sb_queue_stats stats;
	struct sb_backlog storing;

	struct sb_message_list waiting;
	size_t n_waiting;
	size_t waiting_bytes;
	uint64_t seen;
	uint64_t unread;
	bool fetching;

	uint64_t *in_flight;
	size_t in_flight_room;
};

struct sb_queue *sb_queue_destroy(struct sb_queue *queue);
void sb_queue_prefetch(struct sb_queue *queue);
bool sb_queue_is_in_flight(const struct sb_queue *queue, uint64_t ticket);
void sb_queue_settled(struct sb_queue *queue, size_t size);
