/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of a queue: what is published is admitted within the bounds (daemon/room.c), or refused. What is
 * published together is admitted together or not at all: it is one job of the store, with one answer.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"

/** struct landing - a message that was admitted */
struct landing {
	struct sb_queue *queue;
	struct sb_message *message; /* on its way to disk; NULL when it waits already */
	uint64_t ticket;
};

/**
 * struct sb_arrival - what was published together, and whose publisher is not told yet
 * @done: of one message; otherwise @all_done
 */
struct sb_arrival {
	struct sb_outbox *outbox;
	TAILQ_ENTRY(sb_arrival) entry;
	sb_published_fn *done;
	sb_published_all_fn *all_done;
	void *userdata;
	size_t n;
	struct landing landings[];
};

static struct sb_arrival *arrival_free(struct sb_arrival *arrival)
{
	if (!arrival)
		return NULL;

	for (size_t i = 0; i < arrival->n; i++)
		(void)sb_message_free(arrival->landings[i].message);
	free(arrival);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_arrival *, arrival_free)

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

/* @error: NULL when all of them are there. */
static void arrival_tell(const struct sb_arrival *arrival, const struct sb_error *error)
{
	uint64_t tickets[SB_PARCELS_MAX];

	for (size_t i = 0; i < arrival->n; i++)
		tickets[i] = arrival->landings[i].ticket;
	if (arrival->done)
		arrival->done(arrival->userdata, error ? 0 : tickets[0], error);
	else
		arrival->all_done(arrival->userdata, tickets, error ? 0 : arrival->n, error);
}

static void tell_queues(const struct sb_arrival *arrival)
{
	for (size_t i = 0; i < arrival->n; i++)
		sb_queue_tell_changed(arrival->landings[i].queue);
}

/* The messages of the first @n are not in their users' accounts any more. */
static void leave_accounts(const struct sb_arrival *arrival, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct sb_message *message = arrival->landings[i].message;

		sb_accounts_subtract(&arrival->outbox->accounts, message->owner,
				     sb_message_size(message));
	}
}

static void arrival_on_stored(void *userdata, int error)
{
	SB_CLEANUP(arrival_free) struct sb_arrival *arrival = userdata;
	struct sb_error why;

	if (arrival->outbox->closing)
		return;
	for (size_t i = 0; i < arrival->n; i++)
		sb_tally_subtract(&arrival->landings[i].queue->storing,
				  sb_message_size(arrival->landings[i].message));
	if (error < 0) {
		leave_accounts(arrival, arrival->n);
		explain(error, &why);
		arrival_tell(arrival, &why);
		return;
	}

	for (size_t i = 0; i < arrival->n; i++)
		admit(arrival->landings[i].queue, SB_STEAL(arrival->landings[i].message));
	arrival_tell(arrival, NULL);
	tell_queues(arrival);
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
		arrival_tell(arrival, NULL);
		tell_queues(arrival);
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

/* Each of the messages counts before the next one is looked at: they may be one user's. */
static int enter_accounts(const struct sb_arrival *arrival, struct sb_error *ret_error)
{
	struct sb_accounts *accounts = &arrival->outbox->accounts;

	for (size_t i = 0; i < arrival->n; i++) {
		const struct sb_message *message = arrival->landings[i].message;
		size_t size = sb_message_size(message);
		int r = sb_accounts_check(accounts, message->owner, size, ret_error);

		if (r == 0 && sb_accounts_add(accounts, message->owner, 1, size) < 0)
			r = refuse_for_memory(ret_error);
		if (r < 0) {
			leave_accounts(arrival, i);
			return r;
		}
	}

	return 0;
}

static int hand_over(struct sb_arrival *arrival)
{
	const struct landing *landings = arrival->landings;
	struct sb_store *disk = arrival->outbox->store;
	struct sb_share shares[SB_PARCELS_MAX];

	if (arrival->n == 1)
		return sb_store_insert(disk, landings->queue->link, landings->message,
				       arrival_on_stored, arrival);
	for (size_t i = 0; i < arrival->n; i++)
		shares[i] = (struct sb_share){
			.ticket = landings[i].ticket,
			.link = landings[i].queue->link,
			.topic = landings[i].message->topic,
		};

	return sb_store_insert_shared(disk, landings->message, shares, arrival->n,
				      arrival_on_stored, arrival);
}

static int store(struct sb_arrival *arrival, struct sb_error *ret_error)
{
	for (size_t i = 0; i < arrival->n; i++) {
		struct landing *landing = &arrival->landings[i];

		landing->ticket = sb_tickets_next(&arrival->outbox->tickets);
		landing->message->ticket = landing->ticket;
	}
	if (hand_over(arrival) < 0) {
		for (size_t i = 0; i < arrival->n; i++)
			arrival->landings[i].message->ticket = 0;
		return refuse_for_memory(ret_error);
	}
	for (size_t i = 0; i < arrival->n; i++) {
		struct sb_queue *queue = arrival->landings[i].queue;
		const struct sb_message *message = arrival->landings[i].message;

		sb_room_make(queue, message);
		sb_tally_add(&queue->storing, sb_message_size(message));
	}

	return 0;
}

static int hold(struct sb_arrival *arrival, struct sb_error *ret_error)
{
	struct sb_outbox *outbox = arrival->outbox;

	if (outbox->stopped)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "skybusd is ending and would lose a message that is held in "
				    "memory: publish again when it has been started again");
	for (size_t i = 0; i < arrival->n; i++) {
		struct landing *landing = &arrival->landings[i];
		struct sb_message *message = SB_STEAL(landing->message);

		landing->ticket = sb_tickets_next_in_memory(&outbox->tickets);
		message->ticket = landing->ticket;
		sb_room_make(landing->queue, message);
		admit(landing->queue, message);
	}
	TAILQ_INSERT_TAIL(&outbox->arrivals, arrival, entry);
	sb_task_schedule(&outbox->news);

	return 0;
}

/* All of the messages, or none. */
static int take_in(struct sb_arrival *arrival, struct sb_error *ret_error)
{
	int r = enter_accounts(arrival, ret_error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < arrival->n && r == 0; i++)
		r = sb_room_check(arrival->landings[i].queue, arrival->landings[i].message,
				  ret_error);
	if (r == 0)
		r = arrival->landings[0].message->in_memory ? hold(arrival, ret_error)
							    : store(arrival, ret_error);
	if (r < 0)
		leave_accounts(arrival, arrival->n);

	return r;
}

/* @how: says who is told; copied. */
static int publish(const struct sb_parcel *parcels, size_t n, const struct sb_arrival *how,
		   struct sb_error *ret_error)
{
	struct sb_arrival *arrival = calloc(1, sizeof(*arrival) + n * sizeof(arrival->landings[0]));
	int r;

	if (!arrival)
		return refuse_for_memory(ret_error);
	*arrival = *how;
	arrival->outbox = parcels[0].queue->outbox;
	arrival->n = n;
	for (size_t i = 0; i < n; i++) {
		arrival->landings[i] = (struct landing){ parcels[i].queue, parcels[i].message, 0 };
		/* From now on: it is looked for before it is known to be there. */
		parcels[i].queue->detour.routed |= parcels[i].message->route != NULL;
	}
	r = take_in(arrival, ret_error);
	if (r < 0)
		free(arrival); /* the messages stay the caller's */

	return r;
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
	const struct sb_parcel parcel = { queue, message };
	const struct sb_arrival how = { .done = done, .userdata = userdata };

	return publish(&parcel, 1, &how, ret_error);
}

/**
 * sb_outbox_publish() - the same for several messages with one payload, each for another queue: all or none
 * @outbox: the outbox
 * @parcels: the messages, which differ in their topics alone, with their queues
 * @n: how many; 1 to SB_PARCELS_MAX
 * @done: called with the tickets, in the same order, when all are on disk, or soon if they are held in memory;
 *	or with the reason why none is on disk
 * @userdata: for @done
 * @ret_error: the reason, if this fails
 *
 * Return: as sb_queue_publish().
 */
int sb_outbox_publish(struct sb_outbox *outbox, const struct sb_parcel *parcels, size_t n,
		      sb_published_all_fn *done, void *userdata, struct sb_error *ret_error)
{
	const struct sb_arrival how = { .all_done = done, .userdata = userdata };

	assert(n > 0 && n <= SB_PARCELS_MAX && parcels[0].queue->outbox == outbox);

	return publish(parcels, n, &how, ret_error);
}
