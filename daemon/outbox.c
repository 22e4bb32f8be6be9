/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets, and the ends of messages.
 *
 * An end that the disk refuses is kept and written again and again, and its message counts against
 * its queue's bounds until that succeeds; so no more ends pile up than messages may wait. The
 * listener is told at the first refusal: the message has ended, whatever the disk says. Should the
 * daemon stop before the end is written, the message is sent once more: at least once is the promise.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/queue.h"

/* How long to wait before asking the disk again. */
#define RETRY_USEC (10 * SB_USEC_PER_SEC)

/** struct sb_ending - how a message ended, on its way to disk */
struct sb_ending {
	struct sb_outbox *outbox;
	struct sb_queue *queue;
	TAILQ_ENTRY(sb_ending) entry;
	size_t size; /* what the message counts */
	char *sender;
	struct sb_settlement settlement; /* its text is owned */
	bool told;
	bool kept; /* in the list of what the disk has refused, until it is written */
	bool handed_over; /* the store has it */
};

/** struct inquiry - a look-up under way */
struct inquiry {
	struct sb_outbox *outbox;
	uint64_t ticket;
	sb_store_lookup_fn *done;
	void *userdata;
};

static struct sb_ending *ending_free(struct sb_ending *ending)
{
	if (!ending)
		return NULL;

	free((char *)ending->settlement.code);
	free((char *)ending->settlement.reason);
	free(ending->sender);
	free(ending);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_ending *, ending_free)

static struct sb_ending *ending_new(struct sb_queue *queue, struct sb_message *message,
				    const struct sb_settlement *settlement)
{
	SB_CLEANUP(ending_free) struct sb_ending *ending = calloc(1, sizeof(*ending));

	if (!ending)
		return NULL;
	ending->outbox = queue->outbox;
	ending->queue = queue;
	ending->size = sb_message_size(message);
	ending->settlement = *settlement;
	ending->settlement.code = strdup(settlement->code);
	ending->settlement.reason = strdup(settlement->reason);
	if (!ending->settlement.code || !ending->settlement.reason)
		return NULL;
	ending->sender = SB_STEAL(message->sender);

	return SB_STEAL(ending);
}

static void tell_settled(struct sb_outbox *outbox, const char *link, const char *sender,
			 const struct sb_settlement *settlement)
{
	const struct sb_settled settled = {
		.link = link,
		.sender = sender,
		.settlement = *settlement,
	};

	if (outbox->settled)
		outbox->settled(outbox->userdata, &settled);
}

static void keep(struct sb_outbox *outbox, struct sb_ending *ending, int error)
{
	if (!ending->kept)
		TAILQ_INSERT_TAIL(&outbox->unwritten, ending, entry);
	ending->kept = true;
	sb_outbox_store_failed(outbox, error);
}

static void ending_on_written(void *userdata, int error)
{
	SB_CLEANUP(ending_free) struct sb_ending *ending = userdata;
	struct sb_outbox *outbox = ending->outbox;

	ending->handed_over = false;
	if (outbox->closing) {
		if (ending->kept)
			(void)SB_STEAL(ending);
		return;
	}
	if (!ending->told)
		tell_settled(outbox, ending->queue->link, ending->sender, &ending->settlement);
	ending->told = true;

	/* -ENOENT: the row is gone, by another hand than ours; there is nothing left to write. */
	if (error < 0 && error != -ENOENT) {
		keep(outbox, SB_STEAL(ending), error);
		return;
	}
	if (ending->kept)
		TAILQ_REMOVE(&outbox->unwritten, ending, entry);
	sb_outbox_store_works(outbox);
	sb_queue_settled(ending->queue, ending->size);
}

static void write_ending(struct sb_outbox *outbox, struct sb_ending *ending)
{
	int r = sb_store_settle(outbox->store, &ending->settlement, ending_on_written, ending);

	ending->handed_over = r == 0;
	if (r < 0)
		keep(outbox, ending, r);
}

static void outbox_on_retry(struct sb_timer *timer)
{
	struct sb_outbox *outbox = sb_container_of(timer, struct sb_outbox, retry);
	struct sb_ending *ending;
	struct sb_queue *queue;

	/* They stay in the list until they are written, so that whoever asks finds them. */
	TAILQ_FOREACH(ending, &outbox->unwritten, entry) {
		if (!ending->handed_over)
			write_ending(outbox, ending);
	}
	TAILQ_FOREACH(queue, &outbox->queues, entry)
		sb_queue_prefetch(queue);
}

/**
 * sb_outbox_store_failed() - ask the disk again in a while, for ends to write and messages to read
 * @outbox: the outbox
 * @error: what it said, negative
 */
void sb_outbox_store_failed(struct sb_outbox *outbox, int error)
{
	if (!outbox->troubled)
		sb_log(LOG_ERR,
		       "the store fails: %s; trying again every %u s. Should skybusd stop before "
		       "that"
		       " works, some messages that have ended are sent once more",
		       strerror(-error), (unsigned int)(RETRY_USEC / SB_USEC_PER_SEC));
	outbox->troubled = true;
	if (!sb_timer_armed(&outbox->retry))
		sb_timer_arm(&outbox->retry, RETRY_USEC);
}

/**
 * sb_outbox_store_works() - the disk did what it was asked
 * @outbox: the outbox
 */
void sb_outbox_store_works(struct sb_outbox *outbox)
{
	if (outbox->troubled)
		sb_log(LOG_NOTICE, "the store works again");
	outbox->troubled = false;
}

/**
 * sb_outbox_settle() - write down how a message ended, then tell the listener
 * @outbox: the outbox
 * @queue: the message's
 * @message: freed
 * @settlement: copied
 */
void sb_outbox_settle(struct sb_outbox *outbox, struct sb_queue *queue, struct sb_message *message,
		      const struct sb_settlement *settlement)
{
	struct sb_ending *ending = ending_new(queue, message, settlement);

	if (ending) {
		write_ending(outbox, ending);
	} else {
		sb_log_link(queue->link, LOG_ERR,
			    "out of memory: message %" PRIu64
			    " has ended and is sent once more after a restart",
			    message->ticket);
		tell_settled(outbox, queue->link, message->sender, settlement);
	}
	(void)sb_message_free(message);
}

/**
 * sb_outbox_new() - an outbox without queues
 * @store: outlives the outbox; nobody else inserts and settles messages in it
 * @ret: the outbox, the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_outbox_new(struct sb_store *store, struct sb_outbox **ret)
{
	struct sb_outbox *outbox = calloc(1, sizeof(*outbox));

	if (!outbox)
		return -ENOMEM;
	outbox->store = store;
	outbox->last_ticket = sb_store_last_ticket(store);
	TAILQ_INIT(&outbox->queues);
	TAILQ_INIT(&outbox->unwritten);
	sb_timer_init(&outbox->retry, sb_store_loop(store), outbox_on_retry);
	*ret = outbox;

	return 0;
}

/**
 * sb_outbox_free() - free an outbox
 * @outbox: may be NULL; its queues have been freed
 *
 * This waits until what was handed to the store is on disk. Publishers, the listener and those who
 * look something up are not told any more: call sb_store_drain() before if they still wait.
 *
 * Return: NULL.
 */
struct sb_outbox *sb_outbox_free(struct sb_outbox *outbox)
{
	struct sb_ending *ending;
	struct sb_queue *queue;

	if (!outbox)
		return NULL;

	outbox->closing = true;
	sb_timer_disarm(&outbox->retry);
	sb_store_drain(outbox->store);
	while ((ending = TAILQ_FIRST(&outbox->unwritten))) {
		TAILQ_REMOVE(&outbox->unwritten, ending, entry);
		(void)ending_free(ending);
	}
	while ((queue = TAILQ_FIRST(&outbox->queues))) {
		assert(!queue->owned);
		TAILQ_REMOVE(&outbox->queues, queue, entry);
		(void)sb_queue_destroy(queue);
	}
	free(outbox);

	return NULL;
}

/**
 * sb_outbox_listen() - who is told of the ends of messages
 * @outbox: the outbox
 * @settled: called once for each message that has ended, when that is on disk, or when the disk has
 *	refused it; what it is given is lent; NULL for nobody
 * @userdata: for @settled
 */
void sb_outbox_listen(struct sb_outbox *outbox, sb_settled_fn *settled, void *userdata)
{
	outbox->settled = settled;
	outbox->userdata = userdata;
}

static const struct sb_ending *find_unwritten(const struct sb_outbox *outbox, uint64_t ticket)
{
	const struct sb_ending *ending;

	TAILQ_FOREACH(ending, &outbox->unwritten, entry)
		if (ending->settlement.ticket == ticket)
			return ending;

	return NULL;
}

static bool is_in_flight(const struct sb_outbox *outbox, uint64_t ticket)
{
	const struct sb_queue *queue;

	TAILQ_FOREACH(queue, &outbox->queues, entry)
		if (sb_queue_is_in_flight(queue, ticket))
			return true;

	return false;
}

/* The disk knows what waits and what has ended; what is in flight, and the latest ends, we know. */
static void inquiry_on_found(void *userdata, int error, const struct sb_settlement *settlement)
{
	SB_CLEANUP(sb_free) struct inquiry *inquiry = userdata;
	const struct sb_outbox *outbox = inquiry->outbox;
	const struct sb_ending *unwritten;
	struct sb_settlement known;

	if (outbox->closing)
		return;
	if (error < 0) {
		inquiry->done(inquiry->userdata, error, NULL);
		return;
	}

	known = *settlement;
	unwritten = find_unwritten(outbox, inquiry->ticket);
	if (unwritten)
		known = unwritten->settlement;
	else if (known.outcome == SB_STORED && is_in_flight(outbox, inquiry->ticket))
		known.outcome = SB_IN_FLIGHT;
	inquiry->done(inquiry->userdata, 0, &known);
}

/**
 * sb_outbox_lookup() - what became of a message
 * @outbox: the outbox
 * @ticket: of the message
 * @done: called with what is known: SB_STORED, SB_IN_FLIGHT, or how it ended; or with -ENOENT when
 *	the ticket is unknown or was forgotten; never before this returns, and not after
 *	sb_outbox_free()
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_outbox_lookup(struct sb_outbox *outbox, uint64_t ticket, sb_store_lookup_fn *done,
		     void *userdata)
{
	SB_CLEANUP(sb_free) struct inquiry *inquiry = calloc(1, sizeof(*inquiry));
	int r;

	if (!inquiry)
		return -ENOMEM;
	inquiry->outbox = outbox;
	inquiry->ticket = ticket;
	inquiry->done = done;
	inquiry->userdata = userdata;
	r = sb_store_lookup(outbox->store, ticket, inquiry_on_found, inquiry);
	if (r < 0)
		return r;
	(void)SB_STEAL(inquiry);

	return 0;
}
