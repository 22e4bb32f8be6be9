/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One queue at a time, and of it one search at a time: the next batch is looked for when the moves of the
 * one before it have come to an end, so no more than a batch is on its way. What one queue has waits at the
 * other in the order of its tickets; so when one message is held up, for want of room or because the disk has
 * refused, those behind it in its queue wait with it, and the other queues have their turn.
 *
 * What waits is as the loop knows it when the search completes (daemon/queue-end.c), and where it should go is
 * asked then and not before: links come and go meanwhile.
 */
#include <errno.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/queue.h"

#define BATCH 256

/* When to try again: soon, for the other queue is being emptied; the disk, when the outbox asks it, too. */
#define FULL_USEC (1 * SB_USEC_PER_SEC)
#define TROUBLE_USEC (10 * SB_USEC_PER_SEC)

static bool is_over(const struct sb_divert *divert)
{
	return divert->outbox->closing || divert->outbox->stopped || !divert->direct;
}

/* The queue is looked at again from here on, in a while. */
static void hold(struct sb_divert *divert, struct sb_queue *queue, uint64_t after, int error)
{
	struct sb_detour *detour = &queue->detour;

	if (!detour->due || detour->after > after)
		detour->after = after;
	detour->routed = true;
	detour->due = true;
	detour->held = true;
	if (divert->from == queue)
		divert->from = NULL;
	if (!sb_timer_armed(&divert->again))
		sb_timer_arm(&divert->again, error == -ENOBUFS ? FULL_USEC : TROUBLE_USEC);
}

/* ---- In memory ---- */

static struct sb_record record_of_message(const struct sb_message *message)
{
	return (struct sb_record){
		.ticket = message->ticket,
		.topic = message->topic,
		.payload = message->payload,
		.payload_len = message->payload_len,
		.content_format = message->content_format,
		.priority = message->priority,
		.owner = message->owner,
		.taken = message->taken,
		.route = message->route,
	};
}

/* Return: 0, also when it stays; or why it is held up. */
static int divert_message(struct sb_divert *divert, struct sb_queue *from,
			  struct sb_message *message)
{
	const struct sb_record record = record_of_message(message);
	struct sb_direction where;
	int r;

	if (!message->route)
		return 0;
	from->detour.routed = true;
	if (!divert->direct(divert->userdata, from->link, &record, &where))
		return 0;
	r = sb_queue_move_message(from, message, &where);
	if (r == 0)
		where.queue->detour.routed = true;

	return r;
}

/* What is in flight may come back, and no search finds it if it is not on disk. */
static void remember_in_flight(struct sb_queue *from)
{
	for (size_t i = 0; i < from->stats.in_flight; i++)
		from->detour.routed |= from->in_flight[i].message->route != NULL;
}

/* What is held in memory is bounded, and moves at once. */
static void divert_in_memory(struct sb_divert *divert, struct sb_queue *from)
{
	remember_in_flight(from);
	for (size_t i = 0; i < SB_N_PRIORITIES; i++) {
		struct sb_message *message = TAILQ_FIRST(&from->lanes[i].in_memory);

		while (message) {
			struct sb_message *next = TAILQ_NEXT(message, entry);
			int r = divert_message(divert, from, message);

			if (r < 0) {
				hold(divert, from, 0, r);
				return;
			}
			message = next;
		}
	}
}

/* ---- On disk ---- */

static void divert_on_moved(void *userdata, struct sb_queue *from, int error)
{
	struct sb_divert *divert = userdata;

	divert->n_moving--;
	if (is_over(divert))
		return;
	if (error < 0)
		hold(divert, from, 0, error);
	if (divert->n_moving == 0)
		sb_task_schedule(&divert->next);
}

/* Return: 0, also when it stays; or why it is held up. */
static int divert_record(struct sb_divert *divert, struct sb_queue *from,
			 const struct sb_record *record)
{
	struct sb_direction where;
	int r;

	from->detour.routed = true;
	if (!record->route || !divert->direct(divert->userdata, from->link, record, &where))
		return 0;
	r = sb_queue_move_record(from, record, &where, divert_on_moved, divert);
	if (r == 0) {
		/* From now on: should it have to go on, it is looked for when it is there. */
		where.queue->detour.routed = true;
		divert->n_moving++;
	}

	/* What is in flight comes back with its link's end, which is looked at then. */
	return r == -EALREADY ? 0 : r;
}

static void divert_batch(struct sb_divert *divert, struct sb_queue *from,
			 const struct sb_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = divert_record(divert, from, &records[i]);

		if (r < 0) {
			hold(divert, from, records[i].ticket - 1, r);
			return;
		}
		from->detour.after = records[i].ticket;
	}
}

static void divert_on_found(void *userdata, int error, const struct sb_record *records, size_t n)
{
	struct sb_divert *divert = userdata;
	struct sb_queue *from = divert->from;

	divert->searching = false;
	if (is_over(divert))
		return;
	if (error < 0) {
		sb_outbox_store_failed(divert->outbox, error);
		hold(divert, from, from->detour.after, error);
	} else if (n == 0 || from->detour.due) {
		/* That was all; or it is to be looked at anew. */
		divert->from = NULL;
	} else {
		divert_batch(divert, from, records, n);
	}
	if (divert->n_moving == 0)
		sb_task_schedule(&divert->next);
}

static void search(struct sb_divert *divert)
{
	const struct sb_search search = {
		.kind = SB_SEARCH_ROUTED,
		.ticket = divert->from->detour.after,
		.link = divert->from->link,
		.most = BATCH,
	};
	int r = sb_store_search(divert->outbox->store, &search, divert_on_found, divert);

	divert->searching = r == 0;
	if (r < 0)
		hold(divert, divert->from, divert->from->detour.after, r);
}

static struct sb_queue *next_queue(const struct sb_divert *divert)
{
	struct sb_queue *queue;

	TAILQ_FOREACH(queue, &divert->outbox->queues, entry)
		if (queue->detour.due && !queue->detour.held)
			break;

	return queue;
}

static void go_on(struct sb_divert *divert)
{
	while (!divert->searching && divert->n_moving == 0) {
		if (!divert->from) {
			divert->from = next_queue(divert);
			if (!divert->from)
				return;
			divert->from->detour.due = false;
			divert->from->detour.routed = divert->from->detour.after > 0;
			divert_in_memory(divert, divert->from);
		}
		if (divert->from)
			search(divert);
	}
}

static void divert_on_next(struct sb_task *task)
{
	struct sb_divert *divert = sb_container_of(task, struct sb_divert, next);

	if (!is_over(divert))
		go_on(divert);
}

static void divert_on_time(struct sb_timer *timer)
{
	struct sb_divert *divert = sb_container_of(timer, struct sb_divert, again);
	struct sb_queue *queue;

	TAILQ_FOREACH(queue, &divert->outbox->queues, entry)
		queue->detour.held = false;
	sb_task_schedule(&divert->next);
}

/**
 * sb_divert_init() - nothing is to be looked at
 * @divert: to be undone with sb_divert_done()
 * @outbox: the outbox that it is embedded in, with its store
 */
void sb_divert_init(struct sb_divert *divert, struct sb_outbox *outbox)
{
	struct sb_loop *loop = sb_store_loop(outbox->store);

	*divert = (struct sb_divert){ .outbox = outbox };
	sb_task_init(&divert->next, loop, divert_on_next);
	sb_timer_init(&divert->again, loop, divert_on_time);
}

/**
 * sb_divert_done() - look no more; what is on its way arrives
 * @divert: of an outbox that is stopped, or closing
 */
void sb_divert_done(struct sb_divert *divert)
{
	sb_task_cancel(&divert->next);
	sb_timer_disarm(&divert->again);
}

/**
 * sb_outbox_direct() - who says where messages go that were routed
 * @outbox: the outbox
 * @direct: asked for each of them that is looked at; NULL: all stay where they are
 * @userdata: for @direct
 */
void sb_outbox_direct(struct sb_outbox *outbox, sb_direct_fn *direct, void *userdata)
{
	outbox->divert.direct = direct;
	outbox->divert.userdata = userdata;
}

static void mark(struct sb_divert *divert, struct sb_queue *queue)
{
	struct sb_detour *detour = &queue->detour;

	if (!detour->routed && divert->from != queue)
		return;
	detour->due = true;
	detour->held = false;
	detour->after = 0;
	if (divert->from == queue && !divert->searching)
		divert->from = NULL;
}

/**
 * sb_outbox_divert() - messages that wait may have another place to go: look at them, soon
 * @outbox: the outbox
 * @link: those that wait for this link; NULL for all
 */
void sb_outbox_divert(struct sb_outbox *outbox, const char *link)
{
	struct sb_divert *divert = &outbox->divert;
	struct sb_queue *queue;

	if (is_over(divert))
		return;
	if (!link)
		TAILQ_FOREACH(queue, &outbox->queues, entry)
			mark(divert, queue);
	else if (sb_queue_find(outbox, link, &queue) == 0)
		mark(divert, queue);
	sb_task_schedule(&divert->next);
}
