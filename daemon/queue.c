/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue is a lane for each priority (daemon/lane.c), and bounds and numbers for all of them together.
 *
 * A message is in one place at a time: being stored, waiting in its lane, in flight, or ended. It counts
 * against the bounds from the moment when it is handed over for storing until its end is on disk. One that
 * is held in memory is in its lane at once, and its end is over at once.
 */
#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"

/** struct fetch - what the store was asked for */
struct fetch {
	struct sb_queue *queue;
	struct sb_lane *lane;
};

SB_DEFINE_CLEANUP(struct sb_queue *, sb_queue_destroy)

/**
 * sb_queue_tell_changed() - tell the owner that there is something to take, or that numbers have changed
 * @queue: the queue
 */
void sb_queue_tell_changed(struct sb_queue *queue)
{
	if (queue->changed)
		queue->changed(queue->userdata);
}

/* ---- Life ---- */

static int compare_queues(const void *a, const void *b)
{
	const struct sb_queue *left = a;
	const struct sb_queue *right = b;

	return strcmp(left->link, right->link);
}

static int create(struct sb_outbox *outbox, const char *link, struct sb_queue **ret)
{
	SB_CLEANUP(sb_queue_destroy) struct sb_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	queue->outbox = outbox;
	for (size_t i = 0; i < SB_N_PRIORITIES; i++)
		sb_lane_init(&queue->lanes[i], &outbox->in_lanes);
	queue->link = strdup(link);
	if (!queue->link || !tsearch(queue, &outbox->by_link, compare_queues))
		return -ENOMEM;

	TAILQ_INSERT_TAIL(&outbox->queues, queue, entry);
	*ret = SB_STEAL(queue);

	return 0;
}

/**
 * sb_queue_find() - the queue of a link, whether or not it has an owner; made if there is none
 * @outbox: the outbox
 * @link: the link's name
 * @ret: the outbox's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_queue_find(struct sb_outbox *outbox, const char *link, struct sb_queue **ret)
{
	const struct sb_queue key = { .link = (char *)link };
	void *found = tfind(&key, &outbox->by_link, compare_queues);

	if (!found)
		return create(outbox, link, ret);
	*ret = *(struct sb_queue **)found;

	return 0;
}

/**
 * sb_queue_destroy() - free a queue that the outbox has no use for any more
 * @queue: not in the outbox's list; may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_queue *sb_queue_destroy(struct sb_queue *queue)
{
	if (!queue)
		return NULL;

	for (size_t i = 0; i < SB_N_PRIORITIES; i++)
		sb_lane_done(&queue->lanes[i]);
	free(queue->in_flight);
	free(queue->link);
	free(queue);

	return NULL;
}

/**
 * sb_queue_new() - the queue of a link, with what it had on disk
 * @outbox: outlives the queue
 * @link: the link's name, copied
 * @limits: copied; what waits already may be beyond them
 * @changed: called when there is something to take, or the numbers have changed, and never before
 *	the call that brought that about has returned; may be NULL
 * @userdata: for @changed
 * @ret: the queue, the caller's
 *
 * Return: 0; -EEXIST when the link has a queue already; or -ENOMEM.
 */
int sb_queue_new(struct sb_outbox *outbox, const char *link, const struct sb_queue_limits *limits,
		 sb_queue_changed_fn *changed, void *userdata, struct sb_queue **ret)
{
	struct sb_queue *queue;
	int r;

	r = sb_queue_find(outbox, link, &queue);
	if (r < 0)
		return r;
	if (queue->owned)
		return -EEXIST;

	queue->owned = true;
	queue->limits = *limits;
	queue->changed = changed;
	queue->userdata = userdata;
	sb_queue_prefetch(queue);
	*ret = queue;

	return 0;
}

/**
 * sb_queue_free() - the link goes
 * @queue: may be NULL; what was taken from it has been given back or settled
 *
 * Its messages stay for the next link of the same name. Whoever has just published is still told the
 * ticket, as long as the outbox is there.
 *
 * Return: NULL.
 */
struct sb_queue *sb_queue_free(struct sb_queue *queue)
{
	if (!queue)
		return NULL;

	assert(queue->stats.in_flight == 0);
	queue->owned = false;
	queue->changed = NULL;
	queue->userdata = NULL;

	return NULL;
}

/**
 * sb_queue_link() - whose queue it is
 * @queue: the queue
 *
 * Return: the link's name, lent.
 */
const char *sb_queue_link(const struct sb_queue *queue)
{
	return queue->link;
}

/* ---- What is in flight ---- */

static int in_flight_reserve(struct sb_queue *queue)
{
	size_t room = queue->in_flight_room > 0 ? 2 * queue->in_flight_room : 8;
	struct sb_in_flight *grown;

	if (queue->stats.in_flight < queue->in_flight_room)
		return 0;
	grown = reallocarray(queue->in_flight, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	queue->in_flight = grown;
	queue->in_flight_room = room;

	return 0;
}

/**
 * sb_queue_find_in_flight() - was it taken, and neither settled nor given back
 * @queue: the queue
 * @ticket: of the message
 *
 * Return: the queue's, until something is taken, settled or given back; NULL if not.
 */
struct sb_in_flight *sb_queue_find_in_flight(const struct sb_queue *queue, uint64_t ticket)
{
	for (size_t i = 0; i < queue->stats.in_flight; i++)
		if (queue->in_flight[i].message->ticket == ticket)
			return &queue->in_flight[i];

	return NULL;
}

/* Return: what has replaced it meanwhile, or 0. */
static uint64_t in_flight_remove(struct sb_queue *queue, struct sb_message *message)
{
	struct sb_in_flight *place = sb_queue_find_in_flight(queue, message->ticket);
	uint64_t replaced_by;

	assert(place);
	replaced_by = place->replaced_by;
	*place = queue->in_flight[--queue->stats.in_flight];
	if (!message->in_memory)
		sb_outbox_delist(message);

	return replaced_by;
}

/* ---- Reading ahead ---- */

/* A row that waits on disk may be of a message that has ended, moves, or is in flight. */
static bool is_known(const struct sb_queue *queue, uint64_t ticket)
{
	const struct sb_outbox *outbox = queue->outbox;

	return sb_endings_find(&outbox->endings, ticket) || sb_moves_find(outbox, ticket) ||
	       sb_queue_find_in_flight(queue, ticket);
}

static void queue_on_fetched(void *userdata, int error, struct sb_message_list *messages)
{
	SB_CLEANUP(sb_free) struct fetch *fetch = userdata;
	struct sb_outbox *outbox = fetch->queue->outbox;
	struct sb_message *message;

	if (outbox->closing)
		return;
	fetch->lane->fetching = false;
	if (error < 0) {
		fetch->lane->stale = false;
		sb_outbox_store_failed(outbox, error);
		return;
	}
	sb_outbox_store_works(outbox);
	if (fetch->lane->stale) {
		fetch->lane->stale = false;
		sb_queue_prefetch(fetch->queue);
		return;
	}

	if (TAILQ_EMPTY(messages))
		sb_lane_read_all(fetch->lane);
	while ((message = TAILQ_FIRST(messages))) {
		uint64_t ticket = message->ticket;

		TAILQ_REMOVE(messages, message, entry);
		if (is_known(fetch->queue, ticket))
			message = sb_message_free(message);
		sb_lane_read(fetch->lane, ticket, message);
	}
	sb_queue_tell_changed(fetch->queue);
}

static void prefetch(struct sb_queue *queue, enum sb_priority priority)
{
	struct sb_lane *lane = &queue->lanes[priority];
	struct fetch *fetch;
	size_t messages;
	size_t bytes;
	int r = -ENOMEM;

	if (!sb_lane_wants(lane, &messages, &bytes))
		return;
	fetch = calloc(1, sizeof(*fetch));
	if (fetch) {
		*fetch = (struct fetch){ .queue = queue, .lane = lane };
		r = sb_store_fetch(queue->outbox->store, queue->link, priority, lane->seen,
				   messages, bytes, queue_on_fetched, fetch);
	}
	lane->fetching = r == 0;
	if (r < 0) {
		free(fetch);
		sb_outbox_store_failed(queue->outbox, r);
	}
}

/**
 * sb_queue_prefetch() - read ahead from disk, where the memory runs low and there is more
 * @queue: the queue
 */
void sb_queue_prefetch(struct sb_queue *queue)
{
	if (!queue->owned)
		return;

	for (int priority = SB_N_PRIORITIES - 1; priority >= 0; priority--)
		prefetch(queue, (enum sb_priority)priority);
}

/**
 * sb_queue_enter() - a message is stored, or held in memory, and waits
 * @queue: the queue
 * @message: the queue's
 */
void sb_queue_enter(struct sb_queue *queue, struct sb_message *message)
{
	size_t size = sb_message_size(message);

	queue->stats.queued++;
	queue->stats.queued_bytes += size;
	if (message->in_memory) {
		sb_tally_add(&queue->in_memory, size);
		sb_outbox_enlist(queue, message);
	}
	sb_lane_enter(&queue->lanes[message->priority], message);
	sb_queue_prefetch(queue);
}

/* ---- Taking ---- */

/* Whether its time is over, and it has ended; -ENOMEM: it is, and it has not. */
static int end_if_overdue(struct sb_queue *queue, struct sb_message *message)
{
	struct sb_end end;
	char reason[64];

	if (!sb_overdue_is(queue->outbox, message))
		return 0;
	sb_late_end(message->ttl_s, reason, sizeof(reason), &end);
	if (sb_queue_end(queue, message, &end, NULL) < 0)
		return -ENOMEM;

	return 1;
}

/* Of one lane. */
static size_t peek(struct sb_queue *queue, const struct sb_lane *lane, struct sb_message **ret,
		   size_t max)
{
	struct sb_lane_walk walk;
	struct sb_message *message;
	size_t n = 0;

	sb_lane_walk_begin(lane, &walk);
	while (n < max && (message = sb_lane_walk_next(&walk))) {
		int r = end_if_overdue(queue, message);

		if (r < 0) {
			sb_outbox_store_failed(queue->outbox, r);
			break;
		}
		if (r == 0)
			ret[n++] = message;
	}

	return n;
}

/**
 * sb_queue_peek() - the messages that go next, in their order: the oldest of the highest priority first
 * @queue: the queue
 * @ret: the queue's, until something else is done with it
 * @max: so many at most
 *
 * Those whose time is over end instead.
 *
 * Return: how many there are. If there is more on disk, or no memory, the queue's owner is told when that has
 * changed.
 */
size_t sb_queue_peek(struct sb_queue *queue, struct sb_message **ret, size_t max)
{
	size_t n = 0;

	for (int priority = SB_N_PRIORITIES - 1; priority >= 0 && n < max; priority--)
		n += peek(queue, &queue->lanes[priority], ret + n, max - n);
	sb_queue_prefetch(queue);

	return n;
}

/**
 * sb_queue_take_this() - a message goes
 * @queue: the queue
 * @message: of sb_queue_peek(); the caller's until it is settled or given back
 *
 * Return: 0; or -ENOMEM, and it waits still, and the owner is told to try again in a while.
 */
int sb_queue_take_this(struct sb_queue *queue, struct sb_message *message)
{
	if (in_flight_reserve(queue) < 0) {
		sb_outbox_store_failed(queue->outbox, -ENOMEM);
		return -ENOMEM;
	}
	sb_lane_remove(&queue->lanes[message->priority], message);
	queue->in_flight[queue->stats.in_flight++] = (struct sb_in_flight){ .message = message };
	if (!message->in_memory)
		sb_outbox_enlist(queue, message);
	sb_queue_prefetch(queue);

	return 0;
}

/**
 * sb_queue_take() - the message that goes next: the oldest of the highest priority
 * @queue: the queue
 *
 * Those whose time is over end instead.
 *
 * Return: the message, the caller's until it is settled or given back; NULL when nothing waits in
 * memory, and if there is more on disk the queue's owner is told when it was read; or when there is no
 * memory, and the owner is told to try again in a while.
 */
struct sb_message *sb_queue_take(struct sb_queue *queue)
{
	struct sb_message *message;

	if (sb_queue_peek(queue, &message, 1) == 0 || sb_queue_take_this(queue, message) < 0)
		return NULL;

	return message;
}

/**
 * sb_queue_has() - does something of a priority wait
 * @queue: the queue
 * @priority: the priority
 *
 * Return: whether; what is on its way to disk, or in flight, does not count.
 */
bool sb_queue_has(const struct sb_queue *queue, enum sb_priority priority)
{
	const struct sb_lane *lane = &queue->lanes[priority];

	return lane->n_stored.messages + lane->unread + lane->n_in_memory.messages > 0;
}

/**
 * sb_queue_give_back() - a taken message was not sent, or is to be sent again
 * @queue: the queue
 * @message: returns to its place; or ends, if its time is over, if it was replaced while it was away, or
 *	if it is held in memory and the outbox was stopped
 */
void sb_queue_give_back(struct sb_queue *queue, struct sb_message *message)
{
	uint64_t replaced_by = in_flight_remove(queue, message);
	struct sb_end end = { .cause = SB_CAUSE_STOPPED, .reason = SB_STOPPED_REASON };
	char reason[64];

	if (queue->outbox->stopped) {
		if (message->in_memory)
			sb_queue_finish(queue, message, &end);
		else
			sb_lane_return(&queue->lanes[message->priority], message);
		return;
	}

	if (sb_overdue_is(queue->outbox, message)) {
		sb_late_end(message->ttl_s, reason, sizeof(reason), &end);
		sb_queue_finish(queue, message, &end);
	} else if (replaced_by > 0) {
		sb_replaced_end(replaced_by, reason, sizeof(reason), &end);
		sb_queue_finish(queue, message, &end);
	} else {
		sb_lane_return(&queue->lanes[message->priority], message);
	}
}

/**
 * sb_queue_settle() - a taken message has ended
 * @queue: the queue
 * @message: the outbox's now
 * @end: how; copied
 *
 * The outbox's listener is told when that is on disk. The message counts against the bounds until
 * then. If it is held in memory, the listener is told soon.
 */
void sb_queue_settle(struct sb_queue *queue, struct sb_message *message, const struct sb_end *end)
{
	assert(end->cause < SB_N_CAUSES);
	(void)in_flight_remove(queue, message);
	sb_queue_finish(queue, message, end);
}

/**
 * sb_queue_stats() - the queue in numbers
 * @queue: the queue
 * @ret: the numbers
 */
void sb_queue_stats(const struct sb_queue *queue, struct sb_queue_stats *ret)
{
	*ret = queue->stats;
}
