/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why nothing is taken twice and nothing is left out. The store does its jobs in order and completes them
 * in order, and there is one fetch at a time, which asks for what lies beyond @seen. So it finds the
 * messages that were handed over for storing before it, all of which are known to be stored when it
 * completes, and none that came after.
 *
 * A message that was just stored enters the window only if nothing is unread and no fetch is under way;
 * then nothing that waits lies between @seen and its ticket, and @seen moves there. Otherwise it counts as
 * unread, and a fetch brings it: the one under way, if it was stored before that was handed over, or a
 * later one. It is not enough that nothing is unread, for the last one unread may have ended while the
 * fetch was under way that brings the new one.
 *
 * A message that ends unread is subtracted from @unread at once (sb_lane_skip()), and never again: a fetch
 * that brings it nevertheless moves @seen past it and drops it (sb_lane_read() with NULL). Which those are,
 * the queue knows: a message is among the ends on their way to disk from the moment when it ends until
 * that is on disk, and a fetch that still finds it on disk completes before that.
 *
 * What is given back lies at or below @seen and is in memory again.
 *
 * A message that comes from another lane (sb_lane_join()) is on disk, and its ticket may be any. Where it lies
 * below @seen, the window goes back to just before it: what it held beyond is let go, and is read again in
 * its order. Two things follow. A fetch under way was asked for what lies beyond the old @seen, so nothing of
 * it counts. And what is in flight may lie beyond @seen: a fetch that brings it meanwhile drops it, which the
 * queue sees to; and if it is given back before, it counts as unread, since a fetch will bring it.
 */
#include "daemon/lane.h"

/*
 * The window: filled up to the first pair, refilled when both fall to the second. As long as all lanes together hold
 * little, one takes more messages, up to the same bytes.
 */
#define WINDOW_MESSAGES 64
#define WINDOW_BYTES (256 * 1024)
#define LOW_MESSAGES 16
#define LOW_BYTES (64 * 1024)

/**
 * sb_tally_add() - one more
 * @tally: what is counted
 * @size: of the message, bytes
 */
void sb_tally_add(struct sb_tally *tally, size_t size)
{
	tally->messages++;
	tally->bytes += size;
}

/**
 * sb_tally_subtract() - one less
 * @tally: what is counted; stays at 0, should the disk have told of fewer than there were
 * @size: of the message, bytes
 */
void sb_tally_subtract(struct sb_tally *tally, size_t size)
{
	tally->messages -= tally->messages > 0;
	tally->bytes -= size < tally->bytes ? size : tally->bytes;
}

/* In the order of tickets; new messages come at the end, and what is given back is among the first. */
static void insert(struct sb_message_list *list, struct sb_message *message)
{
	struct sb_message *last = TAILQ_LAST(list, sb_message_list);
	struct sb_message *next;

	if (!last || last->ticket < message->ticket) {
		TAILQ_INSERT_TAIL(list, message, entry);
		return;
	}
	TAILQ_FOREACH(next, list, entry)
		if (next->ticket > message->ticket)
			break;
	TAILQ_INSERT_BEFORE(next, message, entry);
}

static bool window_has_room(const struct sb_lane *lane, size_t size)
{
	if (lane->n_stored.messages == 0)
		return true;

	return lane->n_stored.bytes + size <= WINDOW_BYTES &&
	       (lane->n_stored.messages < WINDOW_MESSAGES ||
		lane->all->messages < SB_LANES_MESSAGES);
}

static void hold(struct sb_lane *lane, size_t size)
{
	sb_tally_add(&lane->n_stored, size);
	sb_tally_add(lane->all, size);
}

static void let_go(struct sb_lane *lane, size_t size)
{
	sb_tally_subtract(&lane->n_stored, size);
	sb_tally_subtract(lane->all, size);
}

/**
 * sb_lane_init() - an empty lane
 * @lane: to be undone with sb_lane_done()
 * @all: what all lanes hold together; zeroed at first, outlives them
 */
void sb_lane_init(struct sb_lane *lane, struct sb_tally *all)
{
	*lane = (struct sb_lane){ .all = all };
	TAILQ_INIT(&lane->stored);
	TAILQ_INIT(&lane->in_memory);
}

/**
 * sb_lane_done() - free what is in memory
 * @lane: empty afterwards
 */
void sb_lane_done(struct sb_lane *lane)
{
	struct sb_message *message;

	while ((message = TAILQ_FIRST(&lane->stored))) {
		sb_lane_remove(lane, message);
		(void)sb_message_free(message);
	}
	sb_message_list_clear(&lane->in_memory);
}

/**
 * sb_lane_enter() - a message was stored, or is held in memory, and waits now
 * @lane: the lane
 * @message: the lane's from now on; of one that is on disk the copy in memory may go at once
 */
void sb_lane_enter(struct sb_lane *lane, struct sb_message *message)
{
	size_t size = sb_message_size(message);

	if (message->in_memory) {
		sb_lane_return(lane, message);
		return;
	}
	if (lane->unread > 0 || lane->fetching || !window_has_room(lane, size)) {
		lane->unread++;
		(void)sb_message_free(message);
		return;
	}
	lane->seen = message->ticket;
	sb_lane_return(lane, message);
}

/**
 * sb_lane_return() - a message that was removed waits again, in its place
 * @lane: the lane
 * @message: the lane's from now on; of one that is on disk the copy in memory may go at once
 */
void sb_lane_return(struct sb_lane *lane, struct sb_message *message)
{
	if (!message->in_memory && message->ticket > lane->seen) {
		lane->unread++;
		(void)sb_message_free(message);
		return;
	}
	if (message->in_memory) {
		insert(&lane->in_memory, message);
		sb_tally_add(&lane->n_in_memory, sb_message_size(message));
	} else {
		insert(&lane->stored, message);
		hold(lane, sb_message_size(message));
	}
}

/**
 * sb_lane_walk_begin() - look along a lane
 * @lane: the lane
 * @ret: before the first
 */
void sb_lane_walk_begin(const struct sb_lane *lane, struct sb_lane_walk *ret)
{
	*ret = (struct sb_lane_walk){
		.stored = TAILQ_FIRST(&lane->stored),
		.in_memory = TAILQ_FIRST(&lane->in_memory),
	};
}

/**
 * sb_lane_walk_next() - the next that goes
 * @walk: goes on by one; what it has returned may be removed
 *
 * While nothing more of what is on disk is in memory, what is held in memory does not wait for it: the disk
 * may be slow, or stall.
 *
 * Return: the lane's; NULL when nothing more waits in memory.
 */
struct sb_message *sb_lane_walk_next(struct sb_lane_walk *walk)
{
	struct sb_message *stored = walk->stored;
	struct sb_message *in_memory = walk->in_memory;

	if (stored && (!in_memory || stored->ticket < in_memory->ticket)) {
		walk->stored = TAILQ_NEXT(stored, entry);
		return stored;
	}
	if (in_memory)
		walk->in_memory = TAILQ_NEXT(in_memory, entry);

	return in_memory;
}

/**
 * sb_lane_first() - which message goes next
 * @lane: the lane
 *
 * Return: the lane's; NULL when nothing waits in memory.
 */
struct sb_message *sb_lane_first(const struct sb_lane *lane)
{
	struct sb_lane_walk walk;

	sb_lane_walk_begin(lane, &walk);

	return sb_lane_walk_next(&walk);
}

/**
 * sb_lane_find() - a stored message by its ticket
 * @lane: the lane
 * @ticket: of the message
 *
 * Return: the lane's; NULL when it does not wait here, or is on disk only.
 */
struct sb_message *sb_lane_find(const struct sb_lane *lane, uint64_t ticket)
{
	struct sb_message *message;

	TAILQ_FOREACH(message, &lane->stored, entry)
		if (message->ticket == ticket)
			break;

	return message;
}

/**
 * sb_lane_remove() - a message waits no more: it was taken, or it has ended
 * @lane: the lane
 * @message: in memory here; the caller's from now on
 */
void sb_lane_remove(struct sb_lane *lane, struct sb_message *message)
{
	if (message->in_memory) {
		TAILQ_REMOVE(&lane->in_memory, message, entry);
		sb_tally_subtract(&lane->n_in_memory, sb_message_size(message));
	} else {
		TAILQ_REMOVE(&lane->stored, message, entry);
		let_go(lane, sb_message_size(message));
	}
}

/**
 * sb_lane_skip() - a message that waits on disk has ended
 * @lane: the lane
 * @ticket: of the message; not in memory here, and never skipped before
 */
void sb_lane_skip(struct sb_lane *lane, uint64_t ticket)
{
	if (ticket > lane->seen)
		lane->unread -= lane->unread > 0;
}

/**
 * sb_lane_join() - a message waits on disk that was in another lane, or was about to leave this one
 * @lane: the lane
 * @ticket: of the message
 */
void sb_lane_join(struct sb_lane *lane, uint64_t ticket)
{
	struct sb_message *last;

	lane->unread++;
	if (ticket > lane->seen)
		return;
	while ((last = TAILQ_LAST(&lane->stored, sb_message_list)) && last->ticket > ticket) {
		sb_lane_remove(lane, last);
		(void)sb_message_free(last);
		lane->unread++;
	}
	lane->seen = ticket - 1;
	lane->stale = lane->fetching;
}

/**
 * sb_lane_wants() - is it time to read from disk
 * @lane: the lane
 * @ret_messages: how many, if so
 * @ret_bytes: and how many bytes, if so
 *
 * Return: whether it is; the caller sets @fetching when it has asked the store.
 */
bool sb_lane_wants(const struct sb_lane *lane, size_t *ret_messages, size_t *ret_bytes)
{
	if (lane->fetching || lane->unread == 0 || lane->n_stored.messages > LOW_MESSAGES ||
	    lane->n_stored.bytes > LOW_BYTES)
		return false;

	*ret_messages = WINDOW_MESSAGES - lane->n_stored.messages;
	*ret_bytes = WINDOW_BYTES - lane->n_stored.bytes;

	return true;
}

/**
 * sb_lane_read() - the fetch has brought a message
 * @lane: fetching
 * @ticket: of the message; they come in order
 * @message: the lane's from now on; NULL when it has ended meanwhile
 */
void sb_lane_read(struct sb_lane *lane, uint64_t ticket, struct sb_message *message)
{
	lane->seen = ticket;
	if (!message)
		return;
	lane->unread -= lane->unread > 0;
	sb_lane_return(lane, message);
}

/**
 * sb_lane_read_all() - the fetch has found nothing
 * @lane: fetching
 *
 * Then nothing is unread. If messages were counted, another hand than ours has deleted their rows; they
 * must not be asked for for ever.
 */
void sb_lane_read_all(struct sb_lane *lane)
{
	lane->unread = 0;
}
