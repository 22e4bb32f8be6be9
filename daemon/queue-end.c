/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a message ends once. What waits in memory is removed from its lane when it ends. What waits on disk
 * unread ends by its record, which a search has brought (sb_queue_end_record()). The record may be out of
 * date: since the search ran the message may have been read, taken and settled. But all of that happens
 * here, on the loop; so when the search completes it is enough to look where the message is now:
 *
 *	in flight		it is left alone
 *	ended			its end is not on disk yet: settled after the search, it completes after it
 *	in the lane's window	it is removed
 *	on its way elsewhere	it ends here, and never arrives there (daemon/queue-move.c)
 *	none of these		it is unread, on disk: the lane counts one less, and whatever a fetch brings is
 *				dropped if its end is not on disk yet (queue_on_fetched())
 */
#include <errno.h>

#include "daemon/queue.h"

/**
 * sb_queue_forget() - the end of a message is on disk, or nothing of it ever will be
 * @queue: the queue
 * @subject: the message
 */
void sb_queue_forget(struct sb_queue *queue, const struct sb_subject *subject)
{
	queue->stats.queued -= queue->stats.queued > 0;
	queue->stats.queued_bytes -= subject->size < queue->stats.queued_bytes
					     ? subject->size
					     : queue->stats.queued_bytes;
	sb_tally_subtract(subject->in_memory ? &queue->in_memory : &queue->ending, subject->size);
	sb_accounts_subtract(&queue->outbox->accounts, subject->owner, subject->size);
}

static void count_end(struct sb_queue *queue, enum sb_cause cause)
{
	queue->stats.ended[sb_cause_outcome(cause)]++;
	queue->stats.causes[cause]++;
}

static int end_subject(struct sb_queue *queue, const struct sb_subject *subject,
		       const struct sb_end *end, const struct sb_recall *recall)
{
	int r;

	r = sb_endings_add(queue, subject, end, recall);
	if (r < 0)
		return r;
	count_end(queue, end->cause);
	if (subject->in_memory)
		sb_queue_forget(queue, subject);
	else
		sb_tally_add(&queue->ending, subject->size);

	return 0;
}

static void discard(struct sb_message *message)
{
	if (message->in_memory)
		sb_outbox_delist(message);
	(void)sb_message_free(message);
}

/**
 * sb_queue_finish() - end a message that is in no lane, and neither in flight
 * @queue: the queue
 * @message: freed
 * @end: how
 */
void sb_queue_finish(struct sb_queue *queue, struct sb_message *message, const struct sb_end *end)
{
	const struct sb_subject subject = sb_subject_of_message(message);

	if (end_subject(queue, &subject, end, NULL) < 0) {
		count_end(queue, end->cause);
		if (subject.in_memory)
			sb_queue_forget(queue, &subject);
		sb_endings_add_unkept(queue, &subject, end);
	}
	discard(message);
}

/**
 * sb_queue_end() - end a message that waits in memory
 * @queue: the queue
 * @message: in its lane, or on disk as well; freed
 * @end: how
 * @recall: who is told as well; NULL for nobody
 *
 * Return: 0; or -ENOMEM, and it waits still.
 */
int sb_queue_end(struct sb_queue *queue, struct sb_message *message, const struct sb_end *end,
		 const struct sb_recall *recall)
{
	const struct sb_subject subject = sb_subject_of_message(message);
	int r;

	r = end_subject(queue, &subject, end, recall);
	if (r < 0)
		return r;
	sb_lane_remove(&queue->lanes[message->priority], message);
	discard(message);

	return 0;
}

/**
 * sb_queue_end_record() - end a message that a search has found waiting on disk, if it waits still
 * @queue: of the record's link
 * @record: what the search has brought
 * @end: how
 * @recall: who is told as well; NULL for nobody
 *
 * Return: 0; -EALREADY: it is in flight, or has ended; -ENOMEM.
 */
int sb_queue_end_record(struct sb_queue *queue, const struct sb_record *record,
			const struct sb_end *end, const struct sb_recall *recall)
{
	const struct sb_subject subject = sb_subject_of_record(record);
	struct sb_lane *lane = &queue->lanes[record->priority];
	struct sb_move *move = sb_moves_find(queue->outbox, record->ticket);
	struct sb_message *message;
	int r;

	if (sb_queue_find_in_flight(queue, record->ticket) ||
	    sb_endings_find(&queue->outbox->endings, record->ticket))
		return -EALREADY;
	message = sb_lane_find(lane, record->ticket);
	if (message)
		return sb_queue_end(queue, message, end, recall);

	r = end_subject(queue, &subject, end, recall);
	if (r < 0)
		return r;
	if (move)
		sb_move_overtaken(move);
	else
		sb_lane_skip(lane, record->ticket);

	return 0;
}
