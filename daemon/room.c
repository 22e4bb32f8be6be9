/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounds of a queue.
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
#include <inttypes.h>

#include "daemon/queue.h"

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

/* @size: of the message, bytes */
static void bounds_of(const struct sb_queue *queue, size_t size, bool in_memory,
		      struct bound ret[N_BOUNDS])
{
	const struct sb_queue_limits *limits = &queue->limits;
	uint64_t messages = queue->stats.queued + queue->storing.messages;
	uint64_t bytes = queue->stats.queued_bytes + queue->storing.bytes;

	if (limits->drop_oldest) {
		messages -= messages < queue->ending.messages ? messages : queue->ending.messages;
		bytes -= bytes < queue->ending.bytes ? bytes : queue->ending.bytes;
	}
	ret[0] = (struct bound){
		"queue_messages", "messages", limits->messages, messages, 1, false
	};
	ret[1] = (struct bound){ "queue_bytes", "bytes", limits->bytes, bytes, size, false };
	ret[2] = (struct bound){ "memory_messages",
				 "messages in memory",
				 limits->memory_messages,
				 queue->in_memory.messages,
				 in_memory,
				 true };
	ret[3] = (struct bound){ "memory_bytes",	 "bytes in memory",    limits->memory_bytes,
				 queue->in_memory.bytes, in_memory ? size : 0, true };
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

/**
 * sb_room_check() - is there room for a message, or enough that may be dropped for it
 * @queue: the queue
 * @message: that would come
 * @ret_error: why not, if so
 *
 * Return: 0, or -ENOBUFS.
 */
int sb_room_check(const struct sb_queue *queue, const struct sb_message *message,
		  struct sb_error *ret_error)
{
	struct bound bounds[N_BOUNDS];
	const struct bound *passed;

	bounds_of(queue, sb_message_size(message), message->in_memory, bounds);
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

/**
 * sb_room_is_ample() - is at most half of the queue, and of what a user may have waiting, in use
 * @queue: the queue
 * @owner: the user
 *
 * Then nobody misses, for a while, the room that messages hold whose ends are not on disk yet.
 *
 * Return: whether that is so.
 */
bool sb_room_is_ample(const struct sb_queue *queue, uint32_t owner)
{
	const struct sb_queue_limits *limits = &queue->limits;

	return queue->stats.queued <= limits->messages / 2 &&
	       queue->stats.queued_bytes <= limits->bytes / 2 &&
	       sb_accounts_ample(&queue->outbox->accounts, owner);
}

/**
 * sb_room_has() - would a message from another queue be within the bounds, with nothing dropped for it
 * @queue: the queue
 * @size: of the message, bytes
 * @in_memory: it is held in memory
 *
 * Return: whether it would.
 */
bool sb_room_has(const struct sb_queue *queue, size_t size, bool in_memory)
{
	struct bound bounds[N_BOUNDS];

	bounds_of(queue, size, in_memory, bounds);

	return !first_passed(bounds);
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

/**
 * sb_room_make() - drop what must go for a message
 * @queue: the queue
 * @message: for which sb_room_check() has said yes
 */
void sb_room_make(struct sb_queue *queue, const struct sb_message *message)
{
	const struct sb_end end = {
		.cause = SB_CAUSE_EVICTED,
		.reason = "the queue was full, and when_full is drop_oldest",
	};
	struct bound bounds[N_BOUNDS];
	const struct bound *passed;

	for (;;) {
		struct sb_message *victim;

		bounds_of(queue, sb_message_size(message), message->in_memory, bounds);
		passed = first_passed(bounds);
		victim = passed ? find_victim(queue, passed->in_memory) : NULL;
		if (!victim || sb_queue_end(queue, victim, &end, NULL) < 0)
			return;
	}
}
