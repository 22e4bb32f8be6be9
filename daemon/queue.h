/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the outbox and its queues know of each other. Everybody else includes daemon/outbox.h.
 *
 * A queue lives as long as the outbox: sb_queue_free() only takes its owner away. Thus jobs that the
 * store has in hand never outlive their queue, and a link that comes back under the same name, with
 * another configuration, finds its queue as it was. Each link that has something on disk has a queue,
 * whether or not it is configured; so nothing waits that is not counted in one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/divert.h"
#include "daemon/ending.h"
#include "daemon/hourly.h"
#include "daemon/lane.h"
#include "daemon/ledger.h"
#include "daemon/loop.h"
#include "daemon/outbox.h"
#include "daemon/overdue.h"
#include "daemon/tickets.h"

/** Why a message ends that is held in memory when the daemon does. */
#define SB_STOPPED_REASON "held in memory only, and skybusd ended"

/** Of messages in memory: a bucket of a thousand links that are all busy holds a few. */
#define SB_OUTBOX_BUCKETS 4096

struct sb_bucket;
struct sb_arrival;
struct sb_question;

/**
 * struct sb_outbox - see daemon/outbox.c
 * @by_link: the queues; tsearch(3)
 * @in_lanes: what waits on disk and is in memory as well, of all queues
 * @by_ticket: what is in flight, and what is held in memory
 * @by_topic: what is held in memory and may be replaced, in flight or not
 * @endings: what has ended and is not on disk yet
 * @ledger: what was lost without ever having been there
 * @arrivals: messages that are held in memory, and whose publishers are to be told; daemon/admission.c
 * @moves: stored messages on their way to another queue; tsearch(3)
 * @questions: that need no disk and are to be answered; daemon/question.c
 * @news: tells arrivals, ends and answers
 * @retry: asks the disk again
 * @troubled: the disk has refused something, which is still to be written or read
 * @stopped: nothing ends any more but what is sent
 * @closing: completions only clean up
 */
struct sb_outbox {
	struct sb_store *store;
	struct sb_clock *clock;
	struct sb_tickets tickets;
	struct sb_accounts accounts;
	struct sb_endings endings;
	struct sb_ledger ledger;
	struct sb_overdue overdue;
	struct sb_divert divert;
	void *moves;
	sb_settled_fn *settled;
	void *userdata;
	TAILQ_HEAD(, sb_queue) queues;
	void *by_link;
	struct sb_tally in_lanes;
	LIST_HEAD(sb_bucket, sb_message) by_ticket[SB_OUTBOX_BUCKETS];
	struct sb_bucket by_topic[SB_OUTBOX_BUCKETS];
	TAILQ_HEAD(sb_arrival_list, sb_arrival) arrivals;
	TAILQ_HEAD(sb_question_list, sb_question) questions;
	struct sb_task news;
	struct sb_timer retry;
	bool troubled;
	struct sb_hourly out_of_memory; /* is in the log */
	bool stopped;
	bool closing;
};

int64_t sb_outbox_now(const struct sb_outbox *outbox);
void sb_outbox_out_of_memory(struct sb_outbox *outbox, const char *link, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void sb_outbox_store_failed(struct sb_outbox *outbox, int error);
void sb_outbox_retry(struct sb_outbox *outbox);
void sb_outbox_store_works(struct sb_outbox *outbox);
void sb_outbox_enlist(struct sb_queue *queue, struct sb_message *message);
void sb_outbox_delist(struct sb_message *message);
struct sb_message *sb_outbox_find(const struct sb_outbox *outbox, uint64_t ticket);
struct sb_bucket *sb_outbox_bucket(struct sb_queue *queue, const char *topic);

void sb_arrivals_tell(struct sb_outbox *outbox);
void sb_arrivals_clear(struct sb_outbox *outbox);
void sb_questions_answer(struct sb_outbox *outbox);
void sb_questions_clear(struct sb_outbox *outbox);

/** struct sb_in_flight - a message that was taken; its owner is whoever took it */
struct sb_in_flight {
	const struct sb_message *message;
	uint64_t replaced_by; /* ends if it comes back; 0 for no */
};

/**
 * struct sb_queue - see daemon/queue.c, queue-end.c, queue-move.c,
 * admission.c, room.c and replace.c
 * @changed: the owner's; NULL while there is no owner
 * @lanes: by priority
 * @storing: on their way to disk, or here from another queue
 * @ending: ended, and counted until that is on disk
 * @in_memory: the messages that are held in memory, what is in flight included
 * @detour: for daemon/divert.c
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
	struct sb_tally storing;
	struct sb_tally ending;
	struct sb_tally in_memory;
	struct sb_lane lanes[SB_N_PRIORITIES];
	struct sb_in_flight *in_flight;
	size_t in_flight_room;
	struct sb_detour detour;
};

int sb_queue_find(struct sb_outbox *outbox, const char *link, struct sb_queue **ret);
struct sb_queue *sb_queue_destroy(struct sb_queue *queue);
void sb_queue_tell_changed(struct sb_queue *queue);
void sb_queue_prefetch(struct sb_queue *queue);
void sb_queue_enter(struct sb_queue *queue, struct sb_message *message);
struct sb_in_flight *sb_queue_find_in_flight(const struct sb_queue *queue, uint64_t ticket);

void sb_queue_finish(struct sb_queue *queue, struct sb_message *message, const struct sb_end *end);
int sb_queue_end(struct sb_queue *queue, struct sb_message *message, const struct sb_end *end,
		 const struct sb_recall *recall);
int sb_queue_end_record(struct sb_queue *queue, const struct sb_record *record,
			const struct sb_end *end, const struct sb_recall *recall);
void sb_queue_forget(struct sb_queue *queue, const struct sb_subject *subject);
void sb_queue_replace(struct sb_queue *queue, const struct sb_message *by);
void sb_queue_replace_older(struct sb_queue *queue, const char *topic, bool in_memory);

int sb_room_check(const struct sb_queue *queue, const struct sb_message *message,
		  struct sb_error *ret_error);
void sb_room_make(struct sb_queue *queue, const struct sb_message *message);
bool sb_room_has(const struct sb_queue *queue, size_t size, bool in_memory);
bool sb_room_is_ample(const struct sb_queue *queue, uint32_t owner);

struct sb_move;

/** A message has moved, and that is on disk; or it is @from's still (@error, a negative errno). */
typedef void sb_moved_fn(void *userdata, struct sb_queue *from, int error);

int sb_queue_move_record(struct sb_queue *from, const struct sb_record *record,
			 const struct sb_direction *where, sb_moved_fn *done, void *userdata);
int sb_queue_move_message(struct sb_queue *from, struct sb_message *message,
			  const struct sb_direction *where);
struct sb_move *sb_moves_find(const struct sb_outbox *outbox, uint64_t ticket);
void sb_move_overtaken(struct sb_move *move);
void sb_replaced_end(uint64_t by, char *reason, size_t size, struct sb_end *ret);
