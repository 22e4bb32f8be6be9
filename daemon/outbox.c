/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbox: what its queues share. Where to read on:
 *
 *	daemon/admission.c	publishing; daemon/room.c the bounds
 *	daemon/queue.c		taking, giving back, settling; daemon/lane.c the order
 *	daemon/queue-end.c	how a message ends, wherever it is; daemon/ending.c how that is told
 *	daemon/overdue.c	whose time is over
 *	daemon/replace.c	what a message replaces
 *	daemon/divert.c		what goes to another queue; daemon/queue-move.c how
 *	daemon/question.c	what became of a ticket; calling one back
 *
 * Nothing here waits for the disk. Callbacks come from the store's completions, or from one task that
 * tells what needed no disk; never from within a call.
 */
#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/queue.h"

/* How long to wait before asking the disk again. */
#define RETRY_USEC (10 * SB_USEC_PER_SEC)

/* In the log within an hour. */
#define OUT_OF_MEMORY_MAX 4

/** struct restoring - what the store tells of what waits on disk, on its way into the queues */
struct restoring {
	struct sb_outbox *outbox;
	int error;
};

SB_DEFINE_CLEANUP(struct sb_outbox *, sb_outbox_free)

static void outbox_on_retry(struct sb_timer *timer)
{
	struct sb_outbox *outbox = sb_container_of(timer, struct sb_outbox, retry);
	struct sb_queue *queue;

	sb_endings_write(&outbox->endings, SB_REWRITING_MAX);
	sb_ledger_write(&outbox->ledger);
	TAILQ_FOREACH(queue, &outbox->queues, entry) {
		sb_queue_prefetch(queue);
		sb_queue_tell_changed(queue);
	}
}

/* The publisher has the ticket before it is told of its end. */
static void outbox_on_news(struct sb_task *task)
{
	struct sb_outbox *outbox = sb_container_of(task, struct sb_outbox, news);

	sb_arrivals_tell(outbox);
	sb_endings_tell(&outbox->endings);
	sb_questions_answer(outbox);
	if (!outbox->troubled)
		sb_ledger_write(&outbox->ledger);
}

/**
 * sb_outbox_now() - the present
 * @outbox: the outbox
 *
 * Return: steady time, ms; see daemon/clock.h.
 */
int64_t sb_outbox_now(const struct sb_outbox *outbox)
{
	return sb_clock_steady_ms(outbox->clock, sb_clock_now(outbox->clock));
}

/**
 * sb_outbox_out_of_memory() - there was none left for something that nobody can be refused for
 * @outbox: the outbox
 * @link: of the message; NULL for any
 * @format: what follows from that, as for printf; in the log a few times within an hour
 */
void sb_outbox_out_of_memory(struct sb_outbox *outbox, const char *link, const char *format, ...)
{
	const struct sb_fields fields = { .link = link };
	uint64_t now = sb_loop_now(sb_store_loop(outbox->store));
	char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (sb_hourly_take(&outbox->out_of_memory, now, OUT_OF_MEMORY_MAX))
		sb_log_event(SB_EVENT_OUT_OF_MEMORY, &fields, "out of memory: %s", text);
	else
		sb_log_link(link, LOG_DEBUG, "out of memory: %s", text);
}

/**
 * sb_outbox_store_failed() - ask the disk again in a while, for ends to write and messages to read
 * @outbox: the outbox
 * @error: what it said, negative
 */
void sb_outbox_store_failed(struct sb_outbox *outbox, int error)
{
	if (error == -ENOMEM)
		sb_outbox_out_of_memory(outbox, NULL, "messages wait until there is some");
	outbox->troubled = true;
	sb_outbox_retry(outbox);
}

/**
 * sb_outbox_retry() - ask the disk again in a while
 * @outbox: the outbox
 */
void sb_outbox_retry(struct sb_outbox *outbox)
{
	if (!sb_timer_armed(&outbox->retry))
		sb_timer_arm(&outbox->retry, RETRY_USEC);
}

/**
 * sb_outbox_store_works() - the disk did what it was asked
 * @outbox: the outbox
 *
 * A disk that can be read may refuse what is written: it works when nothing that it refused is left.
 */
void sb_outbox_store_works(struct sb_outbox *outbox)
{
	if (!TAILQ_EMPTY(&outbox->endings.unwritten) || !TAILQ_EMPTY(&outbox->ledger.counts))
		return;
	outbox->troubled = false;
}

/**
 * sb_outbox_bucket() - what may be replaced by a message that is held in memory
 * @queue: of the message
 * @topic: of the message
 *
 * Return: the outbox's; there may be messages of other queues and topics in it.
 */
struct sb_bucket *sb_outbox_bucket(struct sb_queue *queue, const char *topic)
{
	uint64_t hash = (uintptr_t)queue / sizeof(*queue);

	/* FNV-1a */
	for (; *topic; topic++)
		hash = (hash ^ (uint8_t)*topic) * UINT64_C(0x100000001b3);

	return &queue->outbox->by_topic[hash % SB_OUTBOX_BUCKETS];
}

/**
 * sb_outbox_enlist() - a message can be found by its ticket
 * @queue: where it is
 * @message: in flight, or held in memory
 */
void sb_outbox_enlist(struct sb_queue *queue, struct sb_message *message)
{
	message->queue = queue;
	LIST_INSERT_HEAD(&queue->outbox->by_ticket[message->ticket % SB_OUTBOX_BUCKETS], message,
			 same_ticket);
	if (message->in_memory && message->replaces)
		LIST_INSERT_HEAD(sb_outbox_bucket(queue, message->topic), message, same_topic);
}

/**
 * sb_outbox_delist() - a message cannot be found any more
 * @message: enlisted
 */
void sb_outbox_delist(struct sb_message *message)
{
	LIST_REMOVE(message, same_ticket);
	if (message->in_memory && message->replaces)
		LIST_REMOVE(message, same_topic);
	message->queue = NULL;
}

/**
 * sb_outbox_find() - a message by its ticket
 * @outbox: the outbox
 * @ticket: of the message
 *
 * Return: the message, in flight, or waiting in memory only; NULL when it is not one of these.
 */
struct sb_message *sb_outbox_find(const struct sb_outbox *outbox, uint64_t ticket)
{
	struct sb_message *message;

	LIST_FOREACH(message, &outbox->by_ticket[ticket % SB_OUTBOX_BUCKETS], same_ticket)
	if (message->ticket == ticket)
		break;

	return message;
}

static int restore(struct sb_outbox *outbox, const struct sb_backlog *backlog)
{
	struct sb_queue *queue;
	int r;

	r = sb_queue_find(outbox, backlog->link, &queue);
	if (r < 0)
		return r;
	r = sb_accounts_add(&outbox->accounts, backlog->owner, backlog->messages, backlog->bytes);
	if (r < 0)
		return r;
	queue->stats.queued += backlog->messages;
	queue->stats.queued_bytes += backlog->bytes;
	queue->lanes[backlog->priority].unread += backlog->messages;
	queue->detour.routed = true; /* for all that is known */

	return 0;
}

static void restoring_on_backlog(void *userdata, const struct sb_backlog *backlog)
{
	struct restoring *restoring = userdata;

	if (restoring->error == 0)
		restoring->error = restore(restoring->outbox, backlog);
}

/**
 * sb_outbox_new() - an outbox with what waits on disk
 * @store: outlives the outbox; nobody else inserts and settles messages in it
 * @clock: outlives the outbox
 * @limits: what one user may have waiting; copied
 * @ret: the outbox, the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_outbox_new(struct sb_store *store, struct sb_clock *clock,
		  const struct sb_account_limits *limits, struct sb_outbox **ret)
{
	SB_CLEANUP(sb_outbox_free) struct sb_outbox *outbox = calloc(1, sizeof(*outbox));
	struct restoring restoring = { .outbox = outbox };

	if (!outbox)
		return -ENOMEM;
	outbox->store = store;
	outbox->clock = clock;
	TAILQ_INIT(&outbox->queues);
	TAILQ_INIT(&outbox->arrivals);
	TAILQ_INIT(&outbox->questions);
	sb_accounts_init(&outbox->accounts, limits);
	sb_endings_init(&outbox->endings, outbox);
	sb_ledger_init(&outbox->ledger, outbox);
	sb_overdue_init(&outbox->overdue, outbox);
	sb_divert_init(&outbox->divert, outbox);
	sb_task_init(&outbox->news, sb_store_loop(store), outbox_on_news);
	sb_timer_init(&outbox->retry, sb_store_loop(store), outbox_on_retry);
	/* Whoever publishes into memory is not to wait for the disk, nor to be refused. */
	sb_tickets_init(&outbox->tickets, store);
	sb_store_drain(store);

	sb_store_each_backlog(store, restoring_on_backlog, &restoring);
	if (restoring.error < 0)
		return restoring.error;
	if (!TAILQ_EMPTY(&outbox->queues))
		sb_overdue_look(&outbox->overdue);
	*ret = SB_STEAL(outbox);

	return 0;
}

/* The list of queues frees them. */
static void keep_queue(void *queue)
{
	(void)queue;
}

/**
 * sb_outbox_free() - free an outbox
 * @outbox: may be NULL; its queues have been freed
 *
 * This waits until what was handed to the store is on disk; ends that the disk has refused are handed to it
 * once more. Publishers, the listener and those who
 * ask something are not told any more: call sb_store_drain() before if they still wait.
 *
 * Return: NULL.
 */
struct sb_outbox *sb_outbox_free(struct sb_outbox *outbox)
{
	struct sb_queue *queue;

	if (!outbox)
		return NULL;

	sb_endings_write(&outbox->endings, SIZE_MAX);
	sb_ledger_write(&outbox->ledger);
	outbox->closing = true;
	sb_timer_disarm(&outbox->retry);
	sb_task_cancel(&outbox->news);
	sb_overdue_done(&outbox->overdue);
	sb_divert_done(&outbox->divert);
	sb_tickets_done(&outbox->tickets);
	sb_store_drain(outbox->store);
	sb_arrivals_clear(outbox);
	sb_questions_clear(outbox);
	sb_endings_done(&outbox->endings);
	sb_ledger_done(&outbox->ledger);
	tdestroy(outbox->by_link, keep_queue);
	while ((queue = TAILQ_FIRST(&outbox->queues))) {
		assert(!queue->owned);
		TAILQ_REMOVE(&outbox->queues, queue, entry);
		(void)sb_queue_destroy(queue);
	}
	sb_accounts_done(&outbox->accounts);
	free(outbox);

	return NULL;
}

/**
 * sb_outbox_closing() - is the outbox being freed
 * @outbox: the outbox
 *
 * Return: whether whoever completes a job of the store should only clean up, since those that it would
 * tell have gone before the outbox.
 */
bool sb_outbox_closing(const struct sb_outbox *outbox)
{
	return outbox->closing;
}

/**
 * sb_outbox_listen() - who is told of the ends of messages
 * @outbox: the outbox
 * @settled: called once for each message that has ended, when that is on disk, or when the disk has
 *	refused it; of a message that is held in memory, soon; what it is given is lent; NULL for nobody
 * @userdata: for @settled
 */
void sb_outbox_listen(struct sb_outbox *outbox, sb_settled_fn *settled, void *userdata)
{
	outbox->settled = settled;
	outbox->userdata = userdata;
}

/**
 * sb_outbox_limit() - what one user may have waiting, from now on
 * @outbox: the outbox
 * @limits: copied; what waits already may be beyond them
 */
void sb_outbox_limit(struct sb_outbox *outbox, const struct sb_account_limits *limits)
{
	outbox->accounts.limits = *limits;
}

static void end_in_memory(struct sb_queue *queue)
{
	const struct sb_end end = { .cause = SB_CAUSE_STOPPED, .reason = SB_STOPPED_REASON };

	for (size_t i = 0; i < SB_N_PRIORITIES; i++) {
		struct sb_message *message;

		while ((message = TAILQ_FIRST(&queue->lanes[i].in_memory)))
			if (sb_queue_end(queue, message, &end, NULL) < 0)
				return;
	}
}

/**
 * sb_outbox_stop() - the daemon is about to end: what is held in memory is lost
 * @outbox: the outbox; it takes no more messages to hold in memory
 *
 * What waits in memory ends, and the listener is told before this returns; what is in flight ends when it
 * is settled or given back. Of what is on disk no time is over any more, and nothing is dropped.
 */
void sb_outbox_stop(struct sb_outbox *outbox)
{
	struct sb_queue *queue;

	outbox->stopped = true;
	sb_overdue_done(&outbox->overdue);
	sb_divert_done(&outbox->divert);
	TAILQ_FOREACH(queue, &outbox->queues, entry)
		end_in_memory(queue);
	sb_task_cancel(&outbox->news);
	outbox_on_news(&outbox->news);
}
