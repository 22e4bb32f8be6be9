/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to look. What is held in memory is known, and so is the time of what was published since the
 * daemon started. What else is on disk, and when its time is over, only the disk knows. So a look at
 * the disk is a row of searches, each handed over when the one before it has been dealt with:
 *
 *	what is over now?		it ends; again, as long as there is more
 *	what is over in a minute?	if anything, look again in a second
 *	what is over at all some day?	if anything, look again in a minute; if nothing, not at all
 *
 * A minute is the longest sleep: time may jump ahead at any moment, when it becomes known how long the box
 * was off (daemon/clock.h). A search under way never holds up what is held in memory.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/cleanup.h"
#include "daemon/clock.h"
#include "daemon/queue.h"

#define BATCH 256
#define BATCH_MAX (64 * BATCH)
#define NEVER_MS INT64_MAX
#define APART_MS 1000
#define LONGEST_MS (60 * 1000)
#define AFTER_TROUBLE_MS (10 * 1000)

static int64_t min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t due_at(const struct sb_outbox *outbox, const struct sb_message *message)
{
	int64_t due;

	/* A damaged row may have been taken at any time. */
	if (__builtin_add_overflow(sb_clock_steady_ms(outbox->clock, message->taken),
				   INT64_C(1000) * (int64_t)message->ttl_s, &due))
		return NEVER_MS;

	return due;
}

/**
 * sb_overdue_is() - is the time of a message over
 * @outbox: the outbox; once it was stopped, no time is ever over
 * @message: the message
 *
 * Return: whether it is.
 */
bool sb_overdue_is(const struct sb_outbox *outbox, const struct sb_message *message)
{
	return !outbox->stopped && message->ttl_s > 0 &&
	       due_at(outbox, message) <= sb_outbox_now(outbox);
}

static void arm(struct sb_overdue *overdue)
{
	uint64_t since_usec = sb_loop_now(overdue->timer.loop) - overdue->looked;
	int64_t since = (int64_t)(since_usec / SB_USEC_PER_MSEC);
	int64_t now = sb_outbox_now(overdue->outbox);
	int64_t due = overdue->memory_ms;
	int64_t delay;

	if (!overdue->searching)
		due = min_ms(due, overdue->disk_ms);
	if (due == NEVER_MS || overdue->outbox->stopped) {
		sb_timer_disarm(&overdue->timer);
		return;
	}
	delay = due > now ? min_ms(due - now, LONGEST_MS) : 0;
	if (since + delay < APART_MS)
		delay = APART_MS - since;
	sb_timer_arm(&overdue->timer, (uint64_t)delay * SB_USEC_PER_MSEC);
}

/* ---- In memory ---- */

/* Return: when the time of the first of the others is over. */
static int64_t end_in_lane(struct sb_queue *queue, struct sb_lane *lane)
{
	struct sb_message *message = TAILQ_FIRST(&lane->in_memory);
	int64_t first = NEVER_MS;

	while (message) {
		struct sb_message *next = TAILQ_NEXT(message, entry);
		struct sb_end end;
		char reason[64];

		sb_late_end(message->ttl_s, reason, sizeof(reason), &end);
		if (message->ttl_s > 0 && (!sb_overdue_is(queue->outbox, message) ||
					   sb_queue_end(queue, message, &end, NULL) < 0))
			first = min_ms(first, due_at(queue->outbox, message));
		message = next;
	}

	return first;
}

static void look_in_memory(struct sb_overdue *overdue)
{
	struct sb_queue *queue;

	overdue->memory_ms = NEVER_MS;
	TAILQ_FOREACH(queue, &overdue->outbox->queues, entry)
		for (size_t i = 0; i < SB_N_PRIORITIES; i++)
			overdue->memory_ms =
				min_ms(overdue->memory_ms, end_in_lane(queue, &queue->lanes[i]));
}

/* ---- On disk ---- */

static void search(struct sb_overdue *overdue, int64_t ahead_ms);

static size_t end_records(struct sb_outbox *outbox, const struct sb_record *records, size_t n)
{
	size_t n_ended = 0;

	for (size_t i = 0; i < n; i++) {
		struct sb_queue *queue;
		struct sb_end end;
		char reason[64];

		sb_late_end(records[i].ttl_s, reason, sizeof(reason), &end);
		if (sb_queue_find(outbox, records[i].link, &queue) == 0 &&
		    sb_queue_end_record(queue, &records[i], &end, NULL) == 0)
			n_ended++;
	}

	return n_ended;
}

/*
 * A full batch is followed by the next: by then the ends of this one are on disk. What it holds and did not
 * end is in flight, or the disk has refused its end, and the next one would hold that, too; if that is
 * much, the next one is larger.
 *
 * Return: whether there is a next one.
 */
static bool end_batch(struct sb_overdue *overdue, const struct sb_record *records, size_t n)
{
	size_t n_ended = end_records(overdue->outbox, records, n);

	if (n < overdue->most)
		return false;
	if (n_ended < n / 2 && overdue->most < BATCH_MAX)
		overdue->most *= 2;
	else if (n_ended == 0)
		return false;

	return true;
}

static void overdue_on_found(void *userdata, int error, const struct sb_record *records, size_t n)
{
	struct sb_overdue *overdue = userdata;
	struct sb_outbox *outbox = overdue->outbox;
	int64_t now;

	overdue->searching = false;
	if (outbox->closing || outbox->stopped)
		return;
	now = sb_outbox_now(outbox);
	if (error < 0) {
		sb_outbox_store_failed(outbox, error);
		overdue->disk_ms = now + AFTER_TROUBLE_MS;
	} else if (overdue->ahead_ms == 0) {
		search(overdue, end_batch(overdue, records, n) ? 0 : LONGEST_MS);
	} else if (n > 0) {
		overdue->disk_ms =
			min_ms(overdue->disk_ms,
			       now + (overdue->ahead_ms == LONGEST_MS ? APART_MS : LONGEST_MS));
	} else if (overdue->ahead_ms == LONGEST_MS) {
		search(overdue, NEVER_MS);
	}
	arm(overdue);
}

/* @ahead_ms: from now; what is over now has ended if it is not 0. NEVER_MS for whatever has a time. */
static void search(struct sb_overdue *overdue, int64_t ahead_ms)
{
	int64_t now = sb_outbox_now(overdue->outbox);
	const struct sb_search search = {
		.kind = SB_SEARCH_OVERDUE,
		.now_ms = ahead_ms == NEVER_MS ? NEVER_MS : now + ahead_ms,
		.most = ahead_ms == 0 ? overdue->most : 1,
	};
	int r;

	overdue->ahead_ms = ahead_ms;
	r = sb_store_search(overdue->outbox->store, &search, overdue_on_found, overdue);
	overdue->searching = r == 0;
	if (r < 0)
		overdue->disk_ms = now + AFTER_TROUBLE_MS;
}

static void overdue_on_time(struct sb_timer *timer)
{
	struct sb_overdue *overdue = sb_container_of(timer, struct sb_overdue, timer);

	overdue->looked = sb_loop_now(timer->loop);
	look_in_memory(overdue);
	if (!overdue->searching && overdue->disk_ms <= sb_outbox_now(overdue->outbox)) {
		overdue->disk_ms = NEVER_MS;
		overdue->most = BATCH;
		search(overdue, 0);
	}
	arm(overdue);
}

/**
 * sb_overdue_init() - nothing is known to have a time
 * @overdue: to be undone with sb_overdue_done()
 * @outbox: the outbox that it is embedded in, with its store
 */
void sb_overdue_init(struct sb_overdue *overdue, struct sb_outbox *outbox)
{
	*overdue = (struct sb_overdue){
		.outbox = outbox,
		.disk_ms = NEVER_MS,
		.memory_ms = NEVER_MS,
	};
	sb_timer_init(&overdue->timer, sb_store_loop(outbox->store), overdue_on_time);
	overdue->looked = sb_loop_now(overdue->timer.loop);
}

/**
 * sb_overdue_done() - look no more
 * @overdue: the store has no search of it in hand, or the outbox is closing
 */
void sb_overdue_done(struct sb_overdue *overdue)
{
	sb_timer_disarm(&overdue->timer);
}

/**
 * sb_overdue_look() - something waits on disk whose time is not known: look soon
 * @overdue: where
 */
void sb_overdue_look(struct sb_overdue *overdue)
{
	overdue->disk_ms = sb_outbox_now(overdue->outbox);
	arm(overdue);
}

/**
 * sb_overdue_expect() - a message waits from now on
 * @overdue: where
 * @message: stored, or held in memory
 */
void sb_overdue_expect(struct sb_overdue *overdue, const struct sb_message *message)
{
	int64_t *first = message->in_memory ? &overdue->memory_ms : &overdue->disk_ms;
	int64_t due;

	if (message->ttl_s == 0)
		return;
	due = due_at(overdue->outbox, message);
	if (due >= *first)
		return;
	*first = due;
	arm(overdue);
}

/**
 * sb_late_end() - the end of a message whose time is over
 * @ttl_s: its time
 * @reason: where the sentence goes
 * @size: of @reason
 * @ret: the end, which lends @reason
 */
void sb_late_end(uint32_t ttl_s, char *reason, size_t size, struct sb_end *ret)
{
	(void)snprintf(reason, size, "not delivered within its %" PRIu32 " s", ttl_s);
	*ret = (struct sb_end){ .cause = SB_CAUSE_TTL, .reason = reason };
}
