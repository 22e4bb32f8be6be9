/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one queue to another, under the same ticket.
 *
 * What is held in memory moves at once. What is on disk moves there first. From the moment when that is handed to
 * the store until it completes, the message is in no lane: it is on its way, counts at the queue that it leaves,
 * and has its room at the other. Then it waits on disk, at the one or at the other (sb_lane_join()), to be read
 * when its turn comes; so nothing of a long backlog has to fit into memory.
 *
 * It may end meanwhile, by what a search has found at the queue that it leaves. The end is written for the
 * ticket, wherever the row is by then, and counts where the message was; when the move completes, nothing is left
 * to arrive. A search that was handed over after the move finds it at the other queue, and completes after the
 * move, too. A fetch that was handed over before the move brings it to the queue that it leaves, which drops it.
 *
 * If the daemon dies, the message is where the disk has it.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"

/** struct sb_move - a stored message on its way */
struct sb_move {
	uint64_t ticket; /* the key, at the beginning */
	struct sb_queue *from;
	struct sb_queue *to;
	enum sb_priority priority;
	uint32_t owner;
	size_t size_before;
	size_t size_after;
	char *topic; /* its topic at @to */
	bool replaces;
	bool overtaken;
	sb_moved_fn *done;
	void *userdata;
};

static int compare_moves(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static struct sb_move *move_free(struct sb_move *move)
{
	if (!move)
		return NULL;

	free(move->topic);
	free(move);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_move *, move_free)

/**
 * sb_moves_find() - is a stored message on its way to another queue
 * @outbox: the outbox
 * @ticket: of the message
 *
 * Return: the move, lent until it completes; NULL if not.
 */
struct sb_move *sb_moves_find(const struct sb_outbox *outbox, uint64_t ticket)
{
	void *found = tfind(&ticket, &outbox->moves, compare_moves);

	return found ? *(struct sb_move **)found : NULL;
}

/**
 * sb_move_overtaken() - a message has ended on its way: it does not arrive any more
 * @move: of the message
 */
void sb_move_overtaken(struct sb_move *move)
{
	move->overtaken = true;
}

/* The message counts at the other queue from now on. A user's account has it, so it cannot fail to be there. */
static void count_over(struct sb_queue *from, size_t size_before, struct sb_queue *to,
		       size_t size_after, uint32_t owner)
{
	struct sb_accounts *accounts = &from->outbox->accounts;

	(void)sb_accounts_add(accounts, owner, 1, size_after);
	sb_accounts_subtract(accounts, owner, size_before);
	from->stats.queued -= from->stats.queued > 0;
	from->stats.queued_bytes -=
		size_before < from->stats.queued_bytes ? size_before : from->stats.queued_bytes;
	to->stats.queued++;
	to->stats.queued_bytes += size_after;
}

static void arrive(const struct sb_move *move)
{
	struct sb_queue *to = move->to;

	count_over(move->from, move->size_before, to, move->size_after, move->owner);
	sb_lane_join(&to->lanes[move->priority], move->ticket);
	if (move->replaces)
		sb_queue_replace_older(to, move->topic, false);
	sb_queue_prefetch(to);
}

static void stay(const struct sb_move *move)
{
	sb_lane_join(&move->from->lanes[move->priority], move->ticket);
	sb_queue_prefetch(move->from);
}

static void move_on_written(void *userdata, int error)
{
	SB_CLEANUP(move_free) struct sb_move *move = userdata;
	struct sb_outbox *outbox = move->from->outbox;

	(void)tdelete(move, &outbox->moves, compare_moves);
	sb_tally_subtract(&move->to->storing, move->size_after);
	if (outbox->closing)
		return;
	if (error < 0)
		sb_outbox_store_failed(outbox, error);
	else
		sb_outbox_store_works(outbox);
	if (!move->overtaken && error == 0)
		arrive(move);
	else if (!move->overtaken)
		stay(move);
	sb_queue_tell_changed(move->from);
	sb_queue_tell_changed(move->to);
	move->done(move->userdata, move->from, error);
}

static struct sb_move *move_new(struct sb_queue *from, const struct sb_record *record,
				const struct sb_direction *where)
{
	SB_CLEANUP(move_free) struct sb_move *move = calloc(1, sizeof(*move));

	if (!move)
		return NULL;
	*move = (struct sb_move){
		.ticket = record->ticket,
		.from = from,
		.to = where->queue,
		.priority = record->priority,
		.owner = record->owner,
		.size_before = strlen(record->topic) + record->payload_len,
		.size_after = strlen(where->topic) + record->payload_len,
		.topic = strdup(where->topic),
		.replaces = record->replaces,
	};

	return move->topic ? SB_STEAL(move) : NULL;
}

static int hand_over(struct sb_move *move)
{
	struct sb_outbox *outbox = move->from->outbox;
	const struct sb_share where = {
		.ticket = move->ticket,
		.link = move->to->link,
		.topic = move->topic,
	};
	int r;

	if (!tsearch(move, &outbox->moves, compare_moves))
		return -ENOMEM;
	r = sb_store_move(outbox->store, &where, move_on_written, move);
	if (r < 0)
		(void)tdelete(move, &outbox->moves, compare_moves);

	return r;
}

/* It leaves its lane, where it is in memory or was not read yet. */
static void leave(struct sb_queue *from, const struct sb_record *record)
{
	struct sb_lane *lane = &from->lanes[record->priority];
	struct sb_message *message = sb_lane_find(lane, record->ticket);

	if (message) {
		sb_lane_remove(lane, message);
		(void)sb_message_free(message);
	} else {
		sb_lane_skip(lane, record->ticket);
	}
	sb_queue_prefetch(from);
}

/**
 * sb_queue_move_record() - let a message that a search has found waiting on disk go to another queue
 * @from: of the record's link
 * @record: what the search has brought
 * @where: the other queue, within whose bounds it must be, and its topic there
 * @done: called when it is there, or if the disk refuses; never before this returns, and not after
 *	sb_outbox_free()
 * @userdata: for @done
 *
 * Return: 0; -EALREADY: it is in flight, on its way, or has ended; -ENOBUFS: the other queue is full; -ENOMEM.
 */
int sb_queue_move_record(struct sb_queue *from, const struct sb_record *record,
			 const struct sb_direction *where, sb_moved_fn *done, void *userdata)
{
	SB_CLEANUP(move_free) struct sb_move *move = NULL;
	struct sb_outbox *outbox = from->outbox;
	int r;

	if (sb_queue_find_in_flight(from, record->ticket) ||
	    sb_endings_find(&outbox->endings, record->ticket) ||
	    sb_moves_find(outbox, record->ticket))
		return -EALREADY;
	move = move_new(from, record, where);
	if (!move)
		return -ENOMEM;
	move->done = done;
	move->userdata = userdata;
	if (!sb_room_has(where->queue, move->size_after, false))
		return -ENOBUFS;
	r = hand_over(move);
	if (r < 0)
		return r;
	sb_tally_add(&where->queue->storing, move->size_after);
	leave(from, record);
	(void)SB_STEAL(move);

	return 0;
}

/**
 * sb_queue_move_message() - let a message that is held in memory go to another queue
 * @from: where it waits
 * @message: waits there; it may end, where a newer one replaces it
 * @where: the other queue, within whose bounds it must be, and its topic there
 *
 * Return: 0; -ENOBUFS: the other queue is full; -ENOMEM.
 */
int sb_queue_move_message(struct sb_queue *from, struct sb_message *message,
			  const struct sb_direction *where)
{
	SB_CLEANUP(sb_free) char *topic = strdup(where->topic);
	size_t before = sb_message_size(message);
	size_t after = strlen(where->topic) + message->payload_len;
	struct sb_queue *to = where->queue;
	bool replaces = message->replaces;

	if (!topic)
		return -ENOMEM;
	if (!sb_room_has(to, after, true))
		return -ENOBUFS;

	sb_lane_remove(&from->lanes[message->priority], message);
	sb_outbox_delist(message);
	sb_tally_subtract(&from->in_memory, before);
	count_over(from, before, to, after, message->owner);
	free(message->topic);
	message->topic = SB_STEAL(topic);
	sb_tally_add(&to->in_memory, after);
	sb_outbox_enlist(to, message);
	sb_lane_enter(&to->lanes[message->priority], message);
	if (replaces)
		sb_queue_replace_older(to, where->topic, true);
	sb_queue_tell_changed(from);
	sb_queue_tell_changed(to);

	return 0;
}
