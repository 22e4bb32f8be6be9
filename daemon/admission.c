/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of a queue: what is published is admitted within the bounds, or refused.
 *
 * Messages that have ended count against the bounds until that is on disk: that is what bounds the ends
 * on their way there. A queue that drops its oldest cannot count like that, for each new message would push
 * out one more as long as the disk is slow. There the ends count by themselves, and no more may be on
 * their way than messages may wait; then such a queue, too, refuses.
 *
 * Only what is in memory can be dropped at once. It is the oldest of its lane, or, while the disk is slow,
 * what is there instead. But nothing is dropped while what is of lower priority waits on disk unread: then
 * such a queue refuses until that was read.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"

/** struct sb_arrival - a message that was admitted, and whose publisher is not told yet */
struct sb_arrival {
	struct sb_queue *queue;
	TAILQ_ENTRY(sb_arrival) entry;
	struct sb_message *message; /* on its way to disk; NULL when it waits already */
	uint64_t ticket;
	sb_published_fn *done;
	void *userdata;
};

static struct sb_arrival *arrival_free(struct sb_arrival *arrival)
{
	if (!arrival)
		return NULL;

	(void)sb_message_free(arrival->message);
	free(arrival);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_arrival *, arrival_free)

/* ---- Room ---- */

/** struct bound - one of a queue's bounds, and how a message stands to it */
struct bound {
	const char *setting;
	const char *what;
	uint64_t limit;
	uint64_t used;
	uint64_t more;
	bool in_memory; /* only such messages count */
};

#define N_BOUNDS 4

static void bounds_of(const struct sb_queue *queue, const struct sb_message *message,
		      struct bound ret[N_BOUNDS])
{
	const struct sb_queue_limits *limits = &queue->limits;
	uint64_t messages = queue->stats.queued + queue->storing.messages;
	uint64_t bytes = queue->stats.queued_bytes + queue->storing.bytes;
	size_t size = sb_message_size(message);

	if (limits->drop_oldest) {
		messages -= messages < queue->ending.messages ? messages : queue->ending.messages;
		bytes -= bytes < queue->ending.bytes ? bytes : queue->ending.bytes;
	}
	ret[0] = (struct bound){
		"queue_messages", "messages", limits->messages, messages, 1, false
	};
	ret[1] = (struct bound){ "queue_bytes", "bytes", limits->bytes, bytes, size, false };
	ret[2] = (struct bound){ "memory_messages",	  "messages in memory",
				 limits->memory_messages, queue->in_memory.messages,
				 message->in_memory,	  true };
	ret[3] = (struct bound){ "memory_bytes",
				 "bytes in memory",
				 limits->memory_bytes,
				 queue->in_memory.bytes,
				 message->in_memory ? size : 0,
				 true };
}

/* By how much the bound would be passed. */
static uint64_t excess(const struct bound *bound)
{
	if (bound->more == 0 || bound->used + bound->more <= bound->limit)
		return 0;

	return bound->used + bound->more - bound->limit;
}

static const struct bound *first_passed(const struct bound bounds[N_BOUNDS])
{
	for (size_t i = 0; i < N_BOUNDS; i++)
		if (excess(&bounds[i]) > 0)
			return &bounds[i];

	return NULL;
}

/* Would it be enough to drop all that may go for a message of this priority? */
static bool can_make_room(const struct sb_queue *queue, enum sb_priority priority,
			  const struct bound bounds[N_BOUNDS])
{
	uint64_t room[N_BOUNDS] = { 0 };
	bool unread = false;

	if (!queue->limits.drop_oldest || queue->outbox->stopped ||
	    queue->ending.messages >= queue->limits.messages)
		return false;
	for (size_t i = 0; i <= (size_t)priority; i++) {
		const struct sb_lane *lane = &queue->lanes[i];

		if (!unread) {
			room[0] += lane->n_stored.messages + lane->n_in_memory.messages;
			room[1] += lane->n_stored.bytes + lane->n_in_memory.bytes;
		}
		room[2] += lane->n_in_memory.messages;
		room[3] += lane->n_in_memory.bytes;
		unread = unread || lane->unread > 0;
	}
	for (size_t i = 0; i < N_BOUNDS; i++)
		if (excess(&bounds[i]) > room[i])
			return false;

	return true;
}

static int check_room(const struct sb_queue *queue, const struct sb_message *message,
		      struct sb_error *ret_error)
{
	struct bound bounds[N_BOUNDS];
	const struct bound *passed;

	bounds_of(queue, message, bounds);
	passed = first_passed(bounds);
	if (!passed || can_make_room(queue, message->priority, bounds))
		return 0;

	return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
			    "the queue of the link %s is full: %" PRIu64
			    " %s wait, the message has %" PRIu64 ", and %s is %" PRIu64
			    ": publish again when the link has caught up, or raise %s",
			    queue->link, passed->used, passed->what, passed->more, passed->setting,
			    passed->limit, passed->setting);
}

/* The oldest of the lowest priority; NULL when that was not read yet. */
static struct sb_message *find_victim(const struct sb_queue *queue, bool in_memory)
{
	for (size_t i = 0; i < SB_N_PRIORITIES; i++) {
		const struct sb_lane *lane = &queue->lanes[i];
		struct sb_message *victim =
			in_memory ? TAILQ_FIRST(&lane->in_memory) : sb_lane_first(lane);

		if (victim || (!in_memory && lane->unread > 0))
			return victim;
	}

	return NULL;
}

/* There was room, or enough to drop: see check_room(). */
static void make_room(struct sb_queue *queue, const struct sb_message *message)
{
	const struct sb_end end = {
		.cause = SB_CAUSE_EVICTED,
		.reason = "the queue was full, and when_full is drop_oldest",
	};
	struct bound bounds[N_BOUNDS];
	const struct bound *passed;

	for (;;) {
		struct sb_message *victim;

		bounds_of(queue, message, bounds);
		passed = first_passed(bounds);
		victim = passed ? find_victim(queue, passed->in_memory) : NULL;
		if (!victim || sb_queue_end(queue, victim, &end, NULL) < 0)
			return;
	}
}

/* ---- Arrival ---- */

/* Why the disk did not take a message, and what to do about it. */
static void explain(int error, struct sb_error *ret)
{
	static const struct {
		int error;
		const char *text;
	} known[] = {
		{ -ENOSPC, "the disk is full; free some space in the state directory, or raise "
			   "max_bytes of the store if the database has reached it" },
		{ -EROFS, "the disk is read-only; mount the state directory writable" },
		{ -EIO, "the disk failed; the kernel's log says why" },
		{ -EBADMSG, "the database is damaged; skybusd ends, and begins a new one when it is"
			    " started again; publish it then" },
	};

	if (error == -ENOENT) {
		(void)sb_error_set(
			ret, SB_ERROR_NO_SUCH_TICKET,
			"the message was not stored: the dead letter that it is again was "
			"discarded or sent again meanwhile");
		return;
	}
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

/* A message waits: look what it replaces, and mind its time. The queue may free it. */
static void admit(struct sb_queue *queue, struct sb_message *message)
{
	sb_overdue_expect(&queue->outbox->overdue, message);
	sb_queue_replace(queue, message);
	sb_queue_enter(queue, message);
}

static void arrival_on_stored(void *userdata, int error)
{
	SB_CLEANUP(arrival_free) struct sb_arrival *arrival = userdata;
	const struct sb_message *message = arrival->message;
	struct sb_queue *queue = arrival->queue;
	struct sb_error why;

	if (queue->outbox->closing)
		return;
	sb_tally_subtract(&queue->storing, sb_message_size(message));
	if (error < 0) {
		sb_accounts_subtract(&queue->outbox->accounts, message->owner,
				     sb_message_size(message));
		explain(error, &why);
		arrival->done(arrival->userdata, 0, &why);
		return;
	}

	admit(queue, SB_STEAL(arrival->message));
	arrival->done(arrival->userdata, arrival->ticket, NULL);
	sb_queue_tell_changed(queue);
}

/**
 * sb_arrivals_tell() - tell the publishers of messages that are held in memory
 * @outbox: the outbox; what arrives meanwhile waits for the next time
 */
void sb_arrivals_tell(struct sb_outbox *outbox)
{
	struct sb_arrival_list list = TAILQ_HEAD_INITIALIZER(list);
	struct sb_arrival *arrival;

	TAILQ_CONCAT(&list, &outbox->arrivals, entry);
	while ((arrival = TAILQ_FIRST(&list))) {
		TAILQ_REMOVE(&list, arrival, entry);
		arrival->done(arrival->userdata, arrival->ticket, NULL);
		sb_queue_tell_changed(arrival->queue);
		(void)arrival_free(arrival);
	}
}

/**
 * sb_arrivals_clear() - tell nobody any more
 * @outbox: closing
 */
void sb_arrivals_clear(struct sb_outbox *outbox)
{
	struct sb_arrival *arrival;

	while ((arrival = TAILQ_FIRST(&outbox->arrivals))) {
		TAILQ_REMOVE(&outbox->arrivals, arrival, entry);
		(void)arrival_free(arrival);
	}
}

/* ---- Publishing ---- */

static int refuse_for_memory(struct sb_error *ret_error)
{
	return sb_error_set(ret_error, SB_ERROR_FAILED, "out of memory: publish again in a while");
}

static int store(struct sb_arrival *arrival, struct sb_message *message, struct sb_error *ret_error)
{
	struct sb_queue *queue = arrival->queue;
	struct sb_outbox *outbox = queue->outbox;
	int r;

	message->ticket = arrival->ticket = sb_tickets_next(&outbox->tickets);
	r = sb_store_insert(outbox->store, queue->link, message, arrival_on_stored, arrival);
	if (r < 0) {
		message->ticket = 0;
		return refuse_for_memory(ret_error);
	}
	make_room(queue, message);
	sb_tally_add(&queue->storing, sb_message_size(message));
	arrival->message = message;

	return 0;
}

static int hold(struct sb_arrival *arrival, struct sb_message *message, struct sb_error *ret_error)
{
	struct sb_queue *queue = arrival->queue;
	struct sb_outbox *outbox = queue->outbox;

	if (outbox->stopped)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "skybusd is ending and would lose a message that is held in "
				    "memory: publish again when it has been started again");
	arrival->ticket = sb_tickets_next_in_memory(&outbox->tickets);
	message->ticket = arrival->ticket;
	make_room(queue, message);
	admit(queue, message);
	TAILQ_INSERT_TAIL(&outbox->arrivals, arrival, entry);
	sb_task_schedule(&outbox->news);

	return 0;
}

/**
 * sb_queue_publish() - number a message and store it, or hold it in memory
 * @queue: the queue
 * @message: the queue's if this succeeds; with the moment when it was taken
 * @done: called with the ticket when the message is on disk, or soon if it is held in memory; or with the
 *	reason why it is not on disk; never before this returns, and not after sb_outbox_free()
 * @userdata: for @done
 * @ret_error: the reason, if this fails
 *
 * When the queue is full and drops its oldest, that ends here.
 *
 * Return: 0; -ENOBUFS when the queue is full, or its owner's account is; or another negative errno. Then the
 * message stays the caller's and @done is not called.
 */
int sb_queue_publish(struct sb_queue *queue, struct sb_message *message, sb_published_fn *done,
		     void *userdata, struct sb_error *ret_error)
{
	SB_CLEANUP(arrival_free) struct sb_arrival *arrival = NULL;
	struct sb_accounts *accounts = &queue->outbox->accounts;
	size_t size = sb_message_size(message);
	int r;

	r = sb_accounts_check(accounts, message->owner, size, ret_error);
	if (r < 0)
		return r;
	r = check_room(queue, message, ret_error);
	if (r < 0)
		return r;

	arrival = calloc(1, sizeof(*arrival));
	if (!arrival || sb_accounts_add(accounts, message->owner, 1, size) < 0)
		return refuse_for_memory(ret_error);
	arrival->queue = queue;
	arrival->done = done;
	arrival->userdata = userdata;
	r = message->in_memory ? hold(arrival, message, ret_error)
			       : store(arrival, message, ret_error);
	if (r < 0) {
		sb_accounts_subtract(accounts, message->owner, size);
		return r;
	}
	(void)SB_STEAL(arrival);

	return 0;
}
