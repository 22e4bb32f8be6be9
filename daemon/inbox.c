/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the consumer gets.
 *
 *	number ──▶
 *	      sent, not acknowledged    to be sent       on disk, unread
 *	     ├─────────────────────────┼────────────────┼────────────────┤
 *	     └──────────── the window, in memory ───────┘ last
 *
 * The window begins empty with each consumer, and is read from disk. When all that waits is in it, what
 * comes in joins it without being read again: the completions of the store come in the order of its jobs,
 * so a message that is written after the last reading began comes in after that has ended.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/inbox-private.h"

/** struct sb_inbox_ack - an acknowledgement on its way to disk */
struct sb_inbox_ack {
	TAILQ_ENTRY(sb_inbox_ack) entry;
	struct sb_inbox *inbox;
	uint64_t message;
	sb_store_done_fn *done;
	void *userdata;
};

/** struct reading - messages on their way from disk */
struct reading {
	struct sb_inbox *inbox;
	unsigned int generation;
};

static void read_more(struct sb_inbox *inbox);

/* ---- the window ---- */

static struct sb_inbox_message *window_find(const struct sb_inbox_window *window, uint64_t number)
{
	struct sb_inbox_message *message;

	TAILQ_FOREACH(message, &window->messages, entry)
		if (message->number == number)
			return message;

	return NULL;
}

static void window_remove(struct sb_inbox_window *window, struct sb_inbox_message *message)
{
	TAILQ_REMOVE(&window->messages, message, entry);
	window->n--;
	window->bytes -= sb_inbox_message_size(message);
	(void)sb_inbox_message_free(message);
}

static struct sb_inbox_ack *find_ack(const struct sb_inbox *inbox, uint64_t number)
{
	struct sb_inbox_ack *ack;

	TAILQ_FOREACH(ack, &inbox->acks, entry)
		if (ack->message == number)
			return ack;

	return NULL;
}

static void window_append(struct sb_inbox *inbox, struct sb_inbox_message *message)
{
	struct sb_inbox_window *window = &inbox->window;

	message->acknowledging = find_ack(inbox, message->number);
	TAILQ_INSERT_TAIL(&window->messages, message, entry);
	window->n++;
	window->bytes += sb_inbox_message_size(message);
	window->last = message->number;
}

static void window_clear(struct sb_inbox *inbox)
{
	struct sb_inbox_window *window = &inbox->window;

	sb_timer_disarm(&window->due);
	sb_inbox_message_list_clear(&window->messages);
	window->n = 0;
	window->bytes = 0;
	window->last = 0;
	window->more = false;
	window->reading = false;
	window->paused = false;
	inbox->generation++;
}

/* ---- sending ---- */

static struct sb_inbox_message *next_to_send(const struct sb_inbox_window *window)
{
	struct sb_inbox_message *message;

	TAILQ_FOREACH(message, &window->messages, entry)
		if (!message->sent && !message->acknowledging)
			return message;

	return NULL;
}

static void send_message(struct sb_inbox *inbox, struct sb_inbox_message *message)
{
	uint64_t number = message->number;
	bool answerable = message->answer_by_ms > sb_wall_clock_ms();
	const struct sb_delivery delivery = {
		.message = number,
		.origin = message->origin,
		.link = inbox->link,
		.topic = message->topic,
		.payload = message->payload,
		.payload_len = message->payload_len,
		.content_format = message->content_format,
		.answer_by_ms = answerable ? message->answer_by_ms : 0,
	};
	unsigned int generation = inbox->generation;
	int r;

	message->sent = true;
	message->due_at = sb_loop_now(inbox->all->loop) + inbox->all->limits.ack_timeout_usec;
	r = inbox->consumer->deliver(inbox->userdata, &delivery, number <= inbox->sent_up_to);
	if (r == 0 && inbox->sent_up_to < number)
		inbox->sent_up_to = number;
	if (r == 0 || generation != inbox->generation)
		return;
	inbox->window.paused = true;
	message = window_find(&inbox->window, number);
	if (message)
		message->sent = false;
}

static void arm_due(struct sb_inbox *inbox)
{
	struct sb_inbox_window *window = &inbox->window;
	uint64_t now = sb_loop_now(inbox->all->loop);
	uint64_t at = now + inbox->all->limits.ack_timeout_usec;
	const struct sb_inbox_message *message;

	TAILQ_FOREACH(message, &window->messages, entry)
		if (message->sent && message->due_at < at)
			at = message->due_at;
	if (window->n > 0)
		sb_timer_arm(&window->due, at > now ? at - now : 0);
}

static void pump(struct sb_inbox *inbox)
{
	struct sb_inbox_message *message;

	while (inbox->consumer && !inbox->window.paused && (message = next_to_send(&inbox->window)))
		send_message(inbox, message);
	if (!inbox->consumer)
		return;
	arm_due(inbox);
	read_more(inbox);
}

static void window_on_due(struct sb_timer *timer)
{
	struct sb_inbox *inbox = sb_container_of(timer, struct sb_inbox, window.due);
	uint64_t now = sb_loop_now(inbox->all->loop);
	struct sb_inbox_message *message;

	inbox->window.paused = false;
	TAILQ_FOREACH(message, &inbox->window.messages, entry)
		if (message->due_at <= now)
			message->sent = false;
	pump(inbox);
}

/* ---- reading ---- */

static void inbox_on_fetched(void *userdata, int error, struct sb_inbox_message_list *messages,
			     bool more)
{
	SB_CLEANUP(sb_free) struct reading *reading = userdata;
	struct sb_inbox *inbox = reading->inbox;
	struct sb_inbox_window *window = &inbox->window;
	struct sb_inbox_message *message;

	if (reading->generation == inbox->generation) {
		window->reading = false;
		window->more = error < 0 || more;
		while ((message = TAILQ_FIRST(messages))) {
			TAILQ_REMOVE(messages, message, entry);
			window_append(inbox, message);
		}
		if (error == 0)
			pump(inbox);
		else if (!sb_timer_armed(&window->due))
			sb_timer_arm(&window->due, SB_INBOX_RETRY_USEC);
	}
	sb_inbox_job_done(inbox);
}

/* When half of what may be ahead is free, so that the disk is not asked after each acknowledgement. */
static bool wants_more(const struct sb_inbox *inbox)
{
	const struct sb_inbox_window *window = &inbox->window;

	return inbox->consumer && window->more && !window->reading && !inbox->all->closing &&
	       window->n <= SB_INBOX_AHEAD_MESSAGES / 2 &&
	       window->bytes <= SB_INBOX_AHEAD_BYTES / 2;
}

static void read_more(struct sb_inbox *inbox)
{
	struct sb_inbox_window *window = &inbox->window;
	const struct sb_inbox_fetch fetch = {
		.inbox = inbox->id,
		.after = window->last,
		.max_messages = SB_INBOX_AHEAD_MESSAGES - window->n,
		.max_bytes = SB_INBOX_AHEAD_BYTES - window->bytes,
	};
	struct reading *reading;

	if (!wants_more(inbox))
		return;
	reading = malloc(sizeof(*reading));
	if (reading)
		*reading = (struct reading){ inbox, inbox->generation };
	if (!reading ||
	    sb_store_inbox_fetch(inbox->all->store, &fetch, inbox_on_fetched, reading) < 0) {
		free(reading);
		if (!sb_timer_armed(&window->due))
			sb_timer_arm(&window->due, SB_INBOX_RETRY_USEC);
		return;
	}
	window->reading = true;
	inbox->jobs++;
}

static bool has_room(const struct sb_inbox_window *window, size_t size)
{
	return window->n == 0 || (window->n < SB_INBOX_AHEAD_MESSAGES &&
				  window->bytes + size <= SB_INBOX_AHEAD_BYTES);
}

/**
 * sb_inbox_arrived() - a message is on disk
 * @inbox: the inbox
 * @message: taken if the consumer may have it at once; otherwise it is read when that is so
 */
void sb_inbox_arrived(struct sb_inbox *inbox, struct sb_inbox_message **message)
{
	struct sb_inbox_window *window = &inbox->window;

	if (!inbox->consumer || window->reading || window->more)
		return;
	if (!has_room(window, sb_inbox_message_size(*message))) {
		window->more = true;
		return;
	}
	window_append(inbox, SB_STEAL(*message));
	pump(inbox);
}

/**
 * sb_inbox_dropped() - messages had to go for newer ones
 * @inbox: the inbox
 * @dropped: which; they may have been read before
 */
void sb_inbox_dropped(struct sb_inbox *inbox, const struct sb_inbox_drop *dropped)
{
	struct sb_inbox_message *message = TAILQ_FIRST(&inbox->window.messages);

	while (message) {
		struct sb_inbox_message *next = TAILQ_NEXT(message, entry);

		if (message->number > dropped->above && message->number <= dropped->last)
			window_remove(&inbox->window, message);
		message = next;
	}
}

/* ---- acknowledging ---- */

static void ack_on_taken(void *userdata, int error, const struct sb_inbox_content *content)
{
	SB_CLEANUP(sb_free) struct sb_inbox_ack *ack = userdata;
	struct sb_inbox *inbox = ack->inbox;
	struct sb_inbox_message *message = window_find(&inbox->window, ack->message);

	TAILQ_REMOVE(&inbox->acks, ack, entry);
	inbox->n_acks--;
	if (error == 0) {
		inbox->content.messages -= content->messages;
		inbox->content.bytes -= content->bytes;
	}
	if (message && (error == 0 || error == -ENOENT))
		window_remove(&inbox->window, message);
	else if (message)
		message->acknowledging = false;
	ack->done(ack->userdata, error);
	pump(inbox);
	sb_inbox_job_done(inbox);
}

static int submit_ack(struct sb_inbox *inbox, struct sb_inbox_ack *ack)
{
	struct sb_inbox_message *message = window_find(&inbox->window, ack->message);
	int r = sb_store_inbox_take(inbox->all->store, inbox->id, ack->message, ack_on_taken, ack);

	if (r < 0)
		return r;
	inbox->jobs++;
	inbox->n_acks++;
	TAILQ_INSERT_TAIL(&inbox->acks, ack, entry);
	if (message)
		message->acknowledging = true;

	return 0;
}

/**
 * sb_inbox_acknowledge() - the consumer is done with a message
 * @inbox: the inbox
 * @message: its number; also of one that a consumer before this one was sent
 * @done: called with 0 when it is gone from disk; -ENOENT when it does not wait here, -ENOSPC, …: then it
 *	waits still
 * @userdata: for @done
 * @ret_error: why not, on failure
 *
 * Return: 0; -ENOMSG (it is being acknowledged already), -ENOBUFS (too many are), -EIO (no memory), and
 * @done is not called.
 */
int sb_inbox_acknowledge(struct sb_inbox *inbox, uint64_t message, sb_store_done_fn *done,
			 void *userdata, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_free) struct sb_inbox_ack *ack = NULL;

	if (find_ack(inbox, message))
		return sb_error_set(ret_error, SB_ERROR_NO_SUCH_MESSAGE,
				    "message %llu is being acknowledged already",
				    (unsigned long long)message);
	if (inbox->n_acks >= SB_INBOX_ACKNOWLEDGING_MAX)
		return sb_error_set(
			ret_error, SB_ERROR_QUEUE_FULL,
			"%d acknowledgements of the inbox %s wait for the disk, the most "
			"that may: wait for the answers to some of them",
			SB_INBOX_ACKNOWLEDGING_MAX, inbox->name);
	ack = malloc(sizeof(*ack));
	if (ack)
		*ack = (struct sb_inbox_ack){
			.inbox = inbox, .message = message, .done = done, .userdata = userdata
		};
	if (!ack || submit_ack(inbox, ack) < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: acknowledge again in a while");
	(void)SB_STEAL(ack);

	return 0;
}

/* ---- attaching ---- */

/**
 * sb_inbox_window_init() - nobody is attached
 * @inbox: in the set
 */
void sb_inbox_window_init(struct sb_inbox *inbox)
{
	TAILQ_INIT(&inbox->acks);
	TAILQ_INIT(&inbox->window.messages);
	sb_timer_init(&inbox->window.due, inbox->all->loop, window_on_due);
}

/**
 * sb_inbox_end() - the consumer, if there is one, gets nothing any more, and is told so
 * @inbox: the inbox
 * @why: what it is told
 */
void sb_inbox_end(struct sb_inbox *inbox, enum sb_inbox_end why)
{
	const struct sb_inbox_consumer *consumer = inbox->consumer;
	void *userdata = inbox->userdata;

	sb_inbox_detach(inbox);
	if (consumer)
		consumer->ended(userdata, why);
}

/**
 * sb_inbox_attach() - get what waits, and what comes in
 * @inbox: whoever was attached is told that it is over
 * @consumer: outlives the attachment; gets nothing from within this call
 * @userdata: for @consumer
 */
void sb_inbox_attach(struct sb_inbox *inbox, const struct sb_inbox_consumer *consumer,
		     void *userdata)
{
	sb_inbox_end(inbox, SB_INBOX_TAKEN_OVER);
	inbox->consumer = consumer;
	inbox->userdata = userdata;
	inbox->window.more = true;
	read_more(inbox);
}

/**
 * sb_inbox_detach() - get nothing any more; the inbox goes on gathering
 * @inbox: may have nobody attached
 */
void sb_inbox_detach(struct sb_inbox *inbox)
{
	inbox->consumer = NULL;
	inbox->userdata = NULL;
	window_clear(inbox);
}

/* ---- asking ---- */

/**
 * sb_inbox_status() - an inbox as people see it
 * @inbox: the inbox
 * @ret: lent until the loop runs again
 */
void sb_inbox_status(const struct sb_inbox *inbox, struct sb_inbox_status *ret)
{
	*ret = (struct sb_inbox_status){
		.link = inbox->link,
		.owner = inbox->owner,
		.name = inbox->name,
		.filter = inbox->filter,
		.messages = inbox->content.messages,
		.bytes = inbox->content.bytes,
		.lost = inbox->lost,
		.attached = inbox->consumer != NULL,
	};
}

/**
 * sb_inbox_answers() - does its consumer want to answer commands
 * @inbox: the inbox
 *
 * Return: as the wish said.
 */
bool sb_inbox_answers(const struct sb_inbox *inbox)
{
	return inbox->answers;
}
