/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An end that the disk refuses is kept and written again and again, and its message counts against
 * its queue's bounds until that succeeds; so no more ends pile up than messages may wait, or twice as many
 * in a queue that drops its oldest (daemon/admission.c). The listener is told at the first refusal: the
 * message has ended, whatever the disk says. Should the daemon stop before the end is written, the message
 * is sent once more: at least once is the promise.
 *
 * The end of a message that was held in memory has no place on disk but in the count of losses. It is over
 * at once, and is told when the stack is empty.
 */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/ending.h"
#include "daemon/queue.h"

/** struct sb_ending - how a message ended, on its way to disk or to the listener */
struct sb_ending {
	uint64_t ticket; /* the key, at the beginning */
	struct sb_queue *queue;
	TAILQ_ENTRY(sb_ending) entry;
	struct sb_subject subject; /* its sender is owned */
	struct sb_settlement settlement; /* its text is owned */
	struct sb_recall recall;
	bool told;
	bool kept; /* in the list of what the disk has refused, until it is written */
	bool handed_over; /* the store has it */
};

static int compare_endings(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static struct sb_ending *ending_free(struct sb_ending *ending)
{
	if (!ending)
		return NULL;

	free((char *)ending->settlement.code);
	free((char *)ending->settlement.reason);
	free((char *)ending->subject.sender);
	free(ending);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_ending *, ending_free)

static struct sb_settlement settlement_of(const struct sb_queue *queue,
					  const struct sb_subject *subject,
					  const struct sb_end *end)
{
	return (struct sb_settlement){
		.ticket = subject->ticket,
		.outcome = sb_cause_outcome(end->cause),
		.cause = end->cause,
		.code = end->code ? end->code : "",
		.reason = end->reason ? end->reason : "",
		.at_ms = sb_outbox_now(queue->outbox),
	};
}

static struct sb_ending *ending_new(struct sb_queue *queue, const struct sb_subject *subject,
				    const struct sb_end *end, const struct sb_recall *recall)
{
	SB_CLEANUP(ending_free) struct sb_ending *ending = calloc(1, sizeof(*ending));

	if (!ending)
		return NULL;
	ending->ticket = subject->ticket;
	ending->queue = queue;
	ending->subject = *subject;
	ending->subject.sender = subject->sender ? strdup(subject->sender) : NULL;
	ending->settlement = settlement_of(queue, subject, end);
	ending->settlement.code = strdup(ending->settlement.code);
	ending->settlement.reason = strdup(ending->settlement.reason);
	if (recall)
		ending->recall = *recall;
	if (!ending->settlement.code || !ending->settlement.reason ||
	    (subject->sender && !ending->subject.sender))
		return NULL;

	return SB_STEAL(ending);
}

static void tell(const struct sb_queue *queue, const char *sender,
		 const struct sb_settlement *settlement)
{
	const struct sb_outbox *outbox = queue->outbox;
	const struct sb_settled settled = {
		.link = queue->link,
		.sender = sender,
		.settlement = *settlement,
	};

	if (outbox->settled)
		outbox->settled(outbox->userdata, &settled);
}

static void tell_once(struct sb_ending *ending)
{
	if (ending->told)
		return;

	ending->told = true;
	tell(ending->queue, ending->subject.sender, &ending->settlement);
	if (ending->recall.done)
		ending->recall.done(ending->recall.userdata, NULL);
}

static void keep(struct sb_ending *ending, int error)
{
	struct sb_outbox *outbox = ending->queue->outbox;

	if (!ending->kept)
		TAILQ_INSERT_TAIL(&outbox->endings.unwritten, ending, entry);
	ending->kept = true;
	sb_outbox_store_failed(outbox, error);
}

static void ending_on_written(void *userdata, int error)
{
	struct sb_ending *ending = userdata;
	struct sb_queue *queue = ending->queue;
	struct sb_endings *endings = &queue->outbox->endings;
	bool again = ending->kept;

	ending->handed_over = false;
	endings->n_rewriting -= again;
	if (queue->outbox->closing)
		return;

	/* -ENOENT: the row is gone, by another hand than ours; there is nothing left to write. */
	if (error < 0 && error != -ENOENT) {
		keep(ending, error);
		tell_once(ending);
		return;
	}
	if (again)
		TAILQ_REMOVE(&endings->unwritten, ending, entry);
	(void)tdelete(ending, &endings->by_ticket, compare_endings);
	sb_outbox_store_works(queue->outbox);
	tell_once(ending);
	sb_queue_forget(queue, &ending->subject);
	sb_queue_tell_changed(queue);
	(void)ending_free(ending);
	if (again)
		sb_endings_write(endings, SB_REWRITING_MAX);
}

/* Whoever has called a message back waits for its end, and where there is little room, ends make some. */
static bool may_wait(const struct sb_ending *ending)
{
	return !ending->recall.done && !ending->kept &&
	       sb_room_is_ample(ending->queue, ending->subject.owner);
}

static void write_ending(struct sb_ending *ending)
{
	int r = sb_store_settle(ending->queue->outbox->store, &ending->settlement, may_wait(ending),
				ending_on_written, ending);

	ending->handed_over = r == 0;
	if (r < 0)
		keep(ending, r);
}

/* What is not delivered is counted, also where no row tells of it. */
static void count_loss(struct sb_queue *queue, const struct sb_subject *subject,
		       enum sb_cause cause)
{
	if (cause != SB_CAUSE_DELIVERED)
		sb_ledger_add(&queue->outbox->ledger, queue, subject->owner, cause);
}

/**
 * sb_endings_init() - nothing has ended
 * @endings: to be undone with sb_endings_done()
 * @outbox: the outbox that they are embedded in
 */
void sb_endings_init(struct sb_endings *endings, struct sb_outbox *outbox)
{
	*endings = (struct sb_endings){ .outbox = outbox };
	TAILQ_INIT(&endings->unwritten);
	TAILQ_INIT(&endings->untold);
}

static void ending_free_node(void *node)
{
	(void)ending_free(node);
}

/**
 * sb_endings_done() - forget all ends; nobody is told any more
 * @endings: the store has none of them in hand
 */
void sb_endings_done(struct sb_endings *endings)
{
	struct sb_ending *ending;

	while ((ending = TAILQ_FIRST(&endings->untold))) {
		TAILQ_REMOVE(&endings->untold, ending, entry);
		(void)ending_free(ending);
	}
	tdestroy(endings->by_ticket, ending_free_node);
	endings->by_ticket = NULL;
	TAILQ_INIT(&endings->unwritten);
	sb_recent_done(&endings->recent);
}

/**
 * sb_endings_add() - a message has ended: write that down, then tell the listener
 * @queue: the message's
 * @subject: the message; in no lane any more, or about to be removed
 * @end: how; copied
 * @recall: who is told as well, with no error; copied; NULL for nobody
 *
 * Return: 0; or -ENOMEM: nothing has changed.
 */
int sb_endings_add(struct sb_queue *queue, const struct sb_subject *subject,
		   const struct sb_end *end, const struct sb_recall *recall)
{
	SB_CLEANUP(ending_free)
	struct sb_ending *ending = ending_new(queue, subject, end, recall);
	struct sb_endings *endings = &queue->outbox->endings;

	if (!ending)
		return -ENOMEM;
	if (!subject->in_memory) {
		if (!tsearch(ending, &endings->by_ticket, compare_endings))
			return -ENOMEM;
		write_ending(SB_STEAL(ending));
		return 0;
	}

	if (sb_recent_add(&endings->recent, &ending->settlement) < 0)
		return -ENOMEM;
	count_loss(queue, subject, end->cause);
	TAILQ_INSERT_TAIL(&endings->untold, ending, entry);
	(void)SB_STEAL(ending);
	sb_task_schedule(&queue->outbox->news);

	return 0;
}

/**
 * sb_endings_add_unkept() - a message has ended, and there is no memory to keep that
 * @queue: the message's
 * @subject: the message
 * @end: how
 *
 * The listener is told at once: better from within a call than never.
 */
void sb_endings_add_unkept(struct sb_queue *queue, const struct sb_subject *subject,
			   const struct sb_end *end)
{
	const struct sb_settlement settlement = settlement_of(queue, subject, end);

	sb_outbox_out_of_memory(queue->outbox, queue->link, "message %" PRIu64 " has ended%s",
				subject->ticket,
				subject->in_memory ? "" : " and is sent once more after a restart");
	if (subject->in_memory)
		count_loss(queue, subject, end->cause);
	tell(queue, subject->sender, &settlement);
}

static const struct sb_ending *find(const struct sb_endings *endings, uint64_t ticket)
{
	void *found = tfind(&ticket, &endings->by_ticket, compare_endings);

	return found ? *(struct sb_ending **)found : NULL;
}

/**
 * sb_endings_find() - has a message ended in a way that a search of the disk may not know
 * @endings: the ends
 * @ticket: of the message
 *
 * Return: how it ended, lent; NULL when only the disk can know.
 */
const struct sb_settlement *sb_endings_find(const struct sb_endings *endings, uint64_t ticket)
{
	const struct sb_ending *ending = find(endings, ticket);

	return ending ? &ending->settlement : sb_recent_find(&endings->recent, ticket);
}

/**
 * sb_endings_told() - the same for what may be told: what is on its way to disk may never get there
 * @endings: the ends
 * @ticket: of the message
 *
 * Return: how it ended, lent; NULL when the disk must be asked.
 */
const struct sb_settlement *sb_endings_told(const struct sb_endings *endings, uint64_t ticket)
{
	const struct sb_ending *ending = find(endings, ticket);

	if (ending)
		return ending->told ? &ending->settlement : NULL;

	return sb_recent_find(&endings->recent, ticket);
}

/**
 * sb_endings_write() - ask the disk again for what it has refused
 * @endings: the ends; they stay in the list until they are written
 * @most: so many at a time; each that is written makes way for others
 */
void sb_endings_write(struct sb_endings *endings, size_t most)
{
	struct sb_ending *ending;

	while (endings->n_rewriting < most && (ending = TAILQ_FIRST(&endings->unwritten)) &&
	       !ending->handed_over) {
		TAILQ_REMOVE(&endings->unwritten, ending, entry);
		TAILQ_INSERT_TAIL(&endings->unwritten, ending, entry);
		write_ending(ending);
		if (!ending->handed_over)
			return;
		endings->n_rewriting++;
	}
}

/**
 * sb_endings_tell() - tell the ends of messages that were held in memory
 * @endings: what ends meanwhile waits for the next time
 */
void sb_endings_tell(struct sb_endings *endings)
{
	struct sb_ending_list list = TAILQ_HEAD_INITIALIZER(list);
	struct sb_ending *ending;

	TAILQ_CONCAT(&list, &endings->untold, entry);
	while ((ending = TAILQ_FIRST(&list))) {
		TAILQ_REMOVE(&list, ending, entry);
		tell_once(ending);
		sb_queue_tell_changed(ending->queue);
		(void)ending_free(ending);
	}
}

/**
 * sb_subject_of_message() - a message that ends
 * @message: lends its text
 *
 * Return: the subject.
 */
struct sb_subject sb_subject_of_message(const struct sb_message *message)
{
	return (struct sb_subject){
		.ticket = message->ticket,
		.size = sb_message_size(message),
		.owner = message->owner,
		.sender = message->sender,
		.in_memory = message->in_memory,
	};
}

/**
 * sb_subject_of_record() - a message that ends without having been read
 * @record: lends its text
 *
 * Return: the subject.
 */
struct sb_subject sb_subject_of_record(const struct sb_record *record)
{
	return (struct sb_subject){
		.ticket = record->ticket,
		.size = strlen(record->topic) + record->payload_len,
		.owner = record->owner,
		.sender = record->sender,
	};
}
