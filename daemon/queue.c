/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue is a window that moves over the tickets of one link, upwards:
 *
 *	settled, in flight │ waiting in memory │ unread, on disk │ being stored
 *	                                     @seen
 *
 * Why nothing is taken twice and nothing is left out. A fetch asks for what lies beyond @seen, one
 * fetch at a time. The store does its jobs in order: it finds the messages that were handed over for
 * storing before the fetch, all of them counted in @unread when the fetch completes, and none that
 * came after. A message that was just stored enters the memory directly only if nothing is unread,
 * hence no fetch under way, and moves @seen to its ticket. What is given back lies at or below @seen and
 * is in memory again; what is being settled lies there too and is not asked for any more.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"

/* The part in memory: filled up to the first pair, refilled when both fall to the second. */
#define MEMORY_MESSAGES 64
#define MEMORY_BYTES (256 * 1024)
#define LOW_MESSAGES 16
#define LOW_BYTES (64 * 1024)

/** struct publication - a message on its way to disk */
struct publication {
	struct sb_queue *queue;
	struct sb_message *message;
	sb_published_fn *done;
	void *userdata;
};

static struct publication *publication_free(struct publication *publication)
{
	if (!publication)
		return NULL;

	(void)sb_message_free(publication->message);
	free(publication);

	return NULL;
}

SB_DEFINE_CLEANUP(struct publication *, publication_free)
SB_DEFINE_CLEANUP(struct sb_queue *, sb_queue_destroy)

static void tell_changed(struct sb_queue *queue)
{
	if (queue->changed)
		queue->changed(queue->userdata);
}

/* In ticket order; new messages come at the end, and what is given back is among the first. */
static void waiting_add(struct sb_queue *queue, struct sb_message *message)
{
	struct sb_message *last = TAILQ_LAST(&queue->waiting, sb_message_list);
	struct sb_message *next;

	queue->n_waiting++;
	queue->waiting_bytes += sb_message_size(message);
	if (!last || last->ticket < message->ticket) {
		TAILQ_INSERT_TAIL(&queue->waiting, message, entry);
		return;
	}
	TAILQ_FOREACH(next, &queue->waiting, entry)
		if (next->ticket > message->ticket)
			break;
	TAILQ_INSERT_BEFORE(next, message, entry);
}

static struct sb_message *waiting_take(struct sb_queue *queue)
{
	struct sb_message *message = TAILQ_FIRST(&queue->waiting);

	TAILQ_REMOVE(&queue->waiting, message, entry);
	queue->n_waiting--;
	queue->waiting_bytes -= sb_message_size(message);

	return message;
}

static bool memory_has_room(const struct sb_queue *queue, size_t size)
{
	return queue->n_waiting == 0 ||
	       (queue->n_waiting < MEMORY_MESSAGES && queue->waiting_bytes + size <= MEMORY_BYTES);
}

static int in_flight_reserve(struct sb_queue *queue)
{
	size_t room = queue->in_flight_room > 0 ? 2 * queue->in_flight_room : 8;
	uint64_t *grown;

	if (queue->stats.in_flight < queue->in_flight_room)
		return 0;
	grown = reallocarray(queue->in_flight, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	queue->in_flight = grown;
	queue->in_flight_room = room;

	return 0;
}

static void in_flight_remove(struct sb_queue *queue, uint64_t ticket)
{
	uint64_t *end = queue->in_flight + queue->stats.in_flight;
	uint64_t *place = queue->in_flight;

	while (place < end && *place != ticket)
		place++;
	assert(place < end);
	*place = end[-1];
	queue->stats.in_flight--;
}

static void queue_on_fetched(void *userdata, int error, struct sb_message_list *messages)
{
	struct sb_queue *queue = userdata;
	struct sb_message *message;

	queue->fetching = false;
	if (queue->outbox->closing)
		return;
	if (error < 0) {
		sb_outbox_store_failed(queue->outbox, error);
		return;
	}
	sb_outbox_store_works(queue->outbox);

	/* Somebody else has deleted rows: do not ask for them for ever. */
	if (TAILQ_EMPTY(messages))
		queue->unread = 0;
	while ((message = TAILQ_FIRST(messages))) {
		TAILQ_REMOVE(messages, message, entry);
		queue->seen = message->ticket;
		queue->unread -= queue->unread > 0;
		waiting_add(queue, message);
	}
	tell_changed(queue);
}

/**
 * sb_queue_prefetch() - read ahead from disk, if the memory runs low and there is more
 * @queue: the queue
 */
void sb_queue_prefetch(struct sb_queue *queue)
{
	int r;

	if (queue->fetching || queue->unread == 0 || !queue->owned)
		return;
	if (queue->n_waiting > LOW_MESSAGES || queue->waiting_bytes > LOW_BYTES)
		return;

	r = sb_store_fetch(queue->outbox->store, queue->link, queue->seen,
			   MEMORY_MESSAGES - queue->n_waiting, MEMORY_BYTES - queue->waiting_bytes,
			   queue_on_fetched, queue);
	if (r < 0)
		sb_outbox_store_failed(queue->outbox, r);
	queue->fetching = r == 0;
}

static struct sb_queue *find(struct sb_outbox *outbox, const char *link)
{
	struct sb_queue *queue;

	TAILQ_FOREACH(queue, &outbox->queues, entry)
		if (strcmp(queue->link, link) == 0)
			return queue;

	return NULL;
}

static int create(struct sb_outbox *outbox, const char *link, struct sb_queue **ret)
{
	SB_CLEANUP(sb_queue_destroy) struct sb_queue *queue = calloc(1, sizeof(*queue));
	struct sb_backlog backlog;
	int r;

	if (!queue)
		return -ENOMEM;
	queue->outbox = outbox;
	TAILQ_INIT(&queue->waiting);
	queue->link = strdup(link);
	if (!queue->link)
		return -ENOMEM;
	r = sb_store_backlog(outbox->store, link, &backlog);
	if (r < 0)
		return r;
	queue->stats.queued = backlog.messages;
	queue->stats.queued_bytes = backlog.bytes;
	queue->unread = backlog.messages;

	TAILQ_INSERT_TAIL(&outbox->queues, queue, entry);
	*ret = SB_STEAL(queue);

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

	sb_message_list_clear(&queue->waiting);
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
 * Return: 0; -EEXIST when the link has a queue already; or another negative errno.
 */
int sb_queue_new(struct sb_outbox *outbox, const char *link, const struct sb_queue_limits *limits,
		 sb_queue_changed_fn *changed, void *userdata, struct sb_queue **ret)
{
	struct sb_queue *queue = find(outbox, link);
	int r;

	if (queue && queue->owned)
		return -EEXIST;
	if (!queue) {
		r = create(outbox, link, &queue);
		if (r < 0)
			return r;
	}

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

static int check_limits(const struct sb_queue *queue, size_t size, struct sb_error *ret_error)
{
	uint64_t messages = queue->stats.queued + queue->storing.messages;
	uint64_t bytes = queue->stats.queued_bytes + queue->storing.bytes;

	if (messages >= queue->limits.messages)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
				    "the queue of the link %s is full: %" PRIu64
				    " messages wait, and queue_messages is %" PRIu64
				    ": publish again when the link has caught up, or raise"
				    " queue_messages",
				    queue->link, messages, queue->limits.messages);
	if (size > queue->limits.bytes || bytes > queue->limits.bytes - size)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
				    "the queue of the link %s is full: %" PRIu64
				    " bytes wait, the message has %zu, and queue_bytes is %" PRIu64
				    ": publish again when the link has caught up, or raise"
				    " queue_bytes",
				    queue->link, bytes, size, queue->limits.bytes);

	return 0;
}

/* Why the disk did not take a message, and what to do about it. */
static void explain(int error, struct sb_error *ret)
{
	static const struct {
		int error;
		const char *text;
	} known[] = {
		{ -ENOSPC, "the disk is full; free some space in the state directory" },
		{ -EROFS, "the disk is read-only; mount the state directory writable" },
		{ -EIO, "the disk failed; the kernel's log says why" },
		{ -EBADMSG, "the database is damaged; stop skybusd, move skybus.db out of the state"
			    " directory and start it again" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(known); i++) {
		if (known[i].error == error) {
			(void)sb_error_set(ret, SB_ERROR_FAILED, "the message was not stored: %s",
					   known[i].text);
			return;
		}
	}
	(void)sb_error_set(ret, SB_ERROR_FAILED, "the message was not stored: %s; publish it again",
			   strerror(-error));
}

static void enter(struct sb_queue *queue, struct sb_message *message)
{
	size_t size = sb_message_size(message);

	queue->stats.queued++;
	queue->stats.queued_bytes += size;
	if (queue->unread > 0 || !memory_has_room(queue, size)) {
		queue->unread++;
		(void)sb_message_free(message);
		sb_queue_prefetch(queue);
		return;
	}
	queue->seen = message->ticket;
	waiting_add(queue, message);
}

static void publication_on_stored(void *userdata, int error)
{
	SB_CLEANUP(publication_free) struct publication *publication = userdata;
	struct sb_queue *queue = publication->queue;
	uint64_t ticket = publication->message->ticket;
	struct sb_error why;

	if (queue->outbox->closing)
		return;
	queue->storing.messages--;
	queue->storing.bytes -= sb_message_size(publication->message);
	if (error < 0) {
		explain(error, &why);
		publication->done(publication->userdata, 0, &why);
		return;
	}

	enter(queue, SB_STEAL(publication->message));
	publication->done(publication->userdata, ticket, NULL);
	tell_changed(queue);
}

/**
 * sb_queue_publish() - store a message and number it
 * @queue: the queue
 * @message: the queue's if this succeeds
 * @done: called with the ticket when the message is on disk, or with the reason why it is not; never
 *	before this returns, and not after sb_outbox_free()
 * @userdata: for @done
 * @ret_error: the reason, if this fails
 *
 * Return: 0; -ENOBUFS when the queue is full; or another negative errno. Then the message stays the
 * caller's and @done is not called.
 */
int sb_queue_publish(struct sb_queue *queue, struct sb_message *message, sb_published_fn *done,
		     void *userdata, struct sb_error *ret_error)
{
	SB_CLEANUP(publication_free) struct publication *publication = NULL;
	struct sb_outbox *outbox = queue->outbox;
	size_t size = sb_message_size(message);
	int r;

	r = check_limits(queue, size, ret_error);
	if (r < 0)
		return r;
	publication = calloc(1, sizeof(*publication));
	if (!publication)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: publish again in a while");
	publication->queue = queue;
	publication->done = done;
	publication->userdata = userdata;

	message->ticket = outbox->last_ticket + 1;
	r = sb_store_insert(outbox->store, queue->link, message, publication_on_stored,
			    publication);
	if (r < 0) {
		message->ticket = 0;
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: publish again in a while");
	}
	outbox->last_ticket++;
	queue->storing.messages++;
	queue->storing.bytes += size;
	publication->message = message;
	(void)SB_STEAL(publication);

	return 0;
}

/**
 * sb_queue_take() - the oldest message that waits
 * @queue: the queue
 *
 * Return: the message, the caller's until it is settled or given back; NULL when nothing waits in
 * memory, and if there is more on disk the queue's owner is told when it was read.
 */
struct sb_message *sb_queue_take(struct sb_queue *queue)
{
	struct sb_message *message = NULL;

	if (queue->n_waiting > 0 && in_flight_reserve(queue) == 0) {
		message = waiting_take(queue);
		queue->in_flight[queue->stats.in_flight++] = message->ticket;
	}
	sb_queue_prefetch(queue);

	return message;
}

/**
 * sb_queue_give_back() - a taken message was not sent, or is to be sent again
 * @queue: the queue
 * @message: returns to its place
 */
void sb_queue_give_back(struct sb_queue *queue, struct sb_message *message)
{
	in_flight_remove(queue, message->ticket);
	waiting_add(queue, message);
}

/**
 * sb_queue_settle() - a taken message has ended
 * @queue: the queue
 * @message: the outbox's now
 * @outcome: beyond SB_IN_FLIGHT
 * @code: the cloud's CoAP code, "2.04", copied; "" or NULL if there is none
 * @reason: a sentence, copied; "" or NULL when delivered
 *
 * The outbox's listener is told when that is on disk. The message counts against the bounds until
 * then.
 */
void sb_queue_settle(struct sb_queue *queue, struct sb_message *message, enum sb_outcome outcome,
		     const char *code, const char *reason)
{
	const struct sb_settlement settlement = {
		.ticket = message->ticket,
		.outcome = outcome,
		.code = code ? code : "",
		.reason = reason ? reason : "",
	};

	assert(outcome > SB_IN_FLIGHT && outcome < SB_N_OUTCOMES);
	in_flight_remove(queue, message->ticket);
	queue->stats.ended[outcome]++;
	sb_outbox_settle(queue->outbox, queue, message, &settlement);
}

/**
 * sb_queue_settled() - the end of a message is on disk
 * @queue: the queue
 * @size: what the message counted
 */
void sb_queue_settled(struct sb_queue *queue, size_t size)
{
	queue->stats.queued -= queue->stats.queued > 0;
	queue->stats.queued_bytes -=
		size < queue->stats.queued_bytes ? size : queue->stats.queued_bytes;
	tell_changed(queue);
}

/**
 * sb_queue_is_in_flight() - was it taken, and neither settled nor given back
 * @queue: the queue
 * @ticket: of the message
 *
 * Return: whether it was.
 */
bool sb_queue_is_in_flight(const struct sb_queue *queue, uint64_t ticket)
{
	for (size_t i = 0; i < queue->stats.in_flight; i++)
		if (queue->in_flight[i] == ticket)
			return true;

	return false;
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
