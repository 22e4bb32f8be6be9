/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/flight-item.h"
#include "daemon/link-private.h"

const char sb_item_unanswered[] =
	"the cloud did not answer in time; whether it has taken the request is unknown";

static void item_on_deadline(struct sb_timer *timer);

/**
 * sb_item_new() - an item in no list
 * @flight: outlives it
 * @kind: what it is
 * @message: the item's from now on, on success; NULL for a keepalive
 *
 * Return: the item, the caller's; NULL without memory.
 */
struct sb_flight_item *sb_item_new(struct sb_flight *flight, enum sb_item_kind kind,
				   struct sb_message *message)
{
	struct sb_flight_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->flight = flight;
	item->kind = kind;
	item->message = message;
	TAILQ_INIT(&item->others);
	sb_timer_init(&item->deadline, flight->link->parts.loop, item_on_deadline);

	return item;
}

/**
 * sb_item_new_of() - an item of messages from the queue, in no list
 * @flight: outlives it
 * @messages: the item's from now on, on success, and the list is empty
 * @n: how many, 1 or more
 *
 * Return: the item, the caller's; NULL without memory.
 */
struct sb_flight_item *sb_item_new_of(struct sb_flight *flight, struct sb_message_list *messages,
				      size_t n)
{
	struct sb_message *first = TAILQ_FIRST(messages);
	struct sb_flight_item *item = sb_item_new(flight, SB_ITEM_MESSAGE, first);

	if (!item)
		return NULL;
	TAILQ_REMOVE(messages, first, entry);
	TAILQ_CONCAT(&item->others, messages, entry);
	item->n_others = n - 1;

	return item;
}

/**
 * sb_item_free() - free an item
 * @item: in no list
 *
 * Return: NULL.
 */
struct sb_flight_item *sb_item_free(struct sb_flight_item *item)
{
	sb_timer_disarm(&item->deadline);
	(void)sb_message_free(item->message);
	sb_message_list_clear(&item->others);
	free(item);

	return NULL;
}

/**
 * sb_item_land() - an item is not under way any more
 * @item: under way; in no list afterwards
 */
void sb_item_land(struct sb_flight_item *item)
{
	TAILQ_REMOVE(&item->flight->under_way, item, entry);
	item->flight->n_under_way--;
}

/**
 * sb_item_tell_error() - tell the app that waits, if one does and has not been told
 * @item: any
 * @code: what
 * @text: a sentence
 */
void sb_item_tell_error(struct sb_flight_item *item, enum sb_error_code code, const char *text)
{
	sb_requested_fn *requested = SB_STEAL(item->requested);
	struct sb_error error;

	if (!requested)
		return;
	(void)sb_error_set(&error, code, "%s", text);
	requested(item->userdata, NULL, &error);
}

/**
 * sb_item_wait() - let a request wait for room
 * @item: a request, in no list
 * @first: before the others
 */
void sb_item_wait(struct sb_flight_item *item, bool first)
{
	struct sb_flight *flight = item->flight;

	item->waits = true;
	flight->n_asked++;
	if (first)
		TAILQ_INSERT_HEAD(&flight->asked, item, entry);
	else
		TAILQ_INSERT_TAIL(&flight->asked, item, entry);
}

/**
 * sb_item_stop_waiting() - a request's turn has come, or it is given up
 * @item: waiting; in no list afterwards
 */
void sb_item_stop_waiting(struct sb_flight_item *item)
{
	item->waits = false;
	item->flight->n_asked--;
	TAILQ_REMOVE(&item->flight->asked, item, entry);
}

static void item_on_deadline(struct sb_timer *timer)
{
	struct sb_flight_item *item = sb_container_of(timer, struct sb_flight_item, deadline);

	if (!item->waits) {
		/* It stays under way: libcoap cannot call a request back. */
		sb_item_tell_error(item, SB_ERROR_TIMEOUT, sb_item_unanswered);
		return;
	}
	sb_item_stop_waiting(item);
	sb_item_tell_error(
		item, SB_ERROR_TIMEOUT,
		"the link had no room for the request in time: the cloud has not taken it");
	(void)sb_item_free(item);
}

/* The next of the item's messages, which is whoever's asks; NULL when it has no more. */
static struct sb_message *next_message(struct sb_flight_item *item)
{
	struct sb_message *message = TAILQ_FIRST(&item->others);

	if (!message)
		return SB_STEAL(item->message);
	TAILQ_REMOVE(&item->others, message, entry);

	return message;
}

/**
 * sb_item_settle() - a message has ended, and those with it
 * @item: a message, in no list; freed
 * @end: how, and why
 */
void sb_item_settle(struct sb_flight_item *item, const struct sb_end *end)
{
	struct sb_queue *queue = item->flight->link->queue;
	struct sb_message *first = SB_STEAL(item->message);
	struct sb_message *message;

	/* In their order, as they are told. */
	sb_queue_settle(queue, first, end);
	while ((message = next_message(item)))
		sb_queue_settle(queue, message, end);
	(void)sb_item_free(item);
}

/**
 * sb_item_return() - back to where it came from, to be sent again
 * @item: in no list; what nobody waits for any more is freed, and a message whose time is over ends
 */
void sb_item_return(struct sb_flight_item *item)
{
	struct sb_flight *flight = item->flight;
	struct sb_message *message;

	switch (item->kind) {
	case SB_ITEM_MESSAGE:
		while ((message = next_message(item)))
			sb_queue_give_back(flight->link->queue, message);
		break;
	case SB_ITEM_REQUEST:
		if (!item->requested)
			break;
		sb_item_wait(item, true);
		return;
	case SB_ITEM_KEEPALIVE:
		break;
	}
	(void)sb_item_free(item);
}

/**
 * sb_item_part() - when its messages go again, each goes alone
 * @item: of several messages
 */
void sb_item_part(struct sb_flight_item *item)
{
	struct sb_message *message;

	item->message->alone = true;
	TAILQ_FOREACH(message, &item->others, entry)
		message->alone = true;
}

/* No message is refused for another one's sake: one of several is not wanted, and nobody knows which. */
static void message_refused(struct sb_flight_item *item, const struct sb_end *end)
{
	if (item->n_others == 0) {
		sb_item_settle(item, end);
		return;
	}
	sb_item_part(item);
	sb_item_return(item);
}

/**
 * sb_item_refuse() - the plugin will not send it
 * @item: in no list; freed, or of several messages, which are back in the queue
 * @verdict: says why
 */
void sb_item_refuse(struct sb_flight_item *item, const struct skybus_verdict *verdict)
{
	const struct sb_end end = { .cause = SB_CAUSE_PLUGIN, .reason = verdict->reason };

	switch (item->kind) {
	case SB_ITEM_MESSAGE:
		message_refused(item, &end);
		return;
	case SB_ITEM_REQUEST:
		sb_item_tell_error(item, SB_ERROR_CLOUD_REJECTED, verdict->reason);
		break;
	case SB_ITEM_KEEPALIVE:
		break;
	}
	(void)sb_item_free(item);
}

/* A request tells its app whatever came; only a login in between may save it from a refusal. */
static void request_answered(struct sb_flight_item *item, const struct skybus_reply *reply,
			     const struct skybus_verdict *verdict)
{
	sb_requested_fn *requested;

	if (verdict->kind == SKYBUS_RELOGIN && item->requested) {
		sb_item_return(item);
		return;
	}
	requested = SB_STEAL(item->requested);
	if (requested)
		requested(item->userdata, reply, NULL);
	(void)sb_item_free(item);
}

static void message_answered(struct sb_flight_item *item, const struct skybus_reply *reply,
			     const struct skybus_verdict *verdict)
{
	char code[8];
	struct sb_end end = { .cause = SB_CAUSE_DELIVERED,
			      .code = sb_code_text(reply->code, code) };

	switch (verdict->kind) {
	case SKYBUS_DELIVERED:
		sb_item_settle(item, &end);
		break;
	case SKYBUS_REJECTED:
		end.cause = SB_CAUSE_CLOUD;
		end.reason = verdict->reason;
		message_refused(item, &end);
		break;
	default:
		sb_item_return(item);
		break;
	}
}

/**
 * sb_item_answered() - the cloud has answered; what it means for the link is the caller's
 * @item: in no list; freed, or back where it came from
 * @reply: lent
 * @verdict: the plugin's
 */
void sb_item_answered(struct sb_flight_item *item, const struct skybus_reply *reply,
		      const struct skybus_verdict *verdict)
{
	switch (item->kind) {
	case SB_ITEM_MESSAGE:
		message_answered(item, reply, verdict);
		break;
	case SB_ITEM_REQUEST:
		request_answered(item, reply, verdict);
		break;
	case SB_ITEM_KEEPALIVE:
		(void)sb_item_free(item);
		break;
	}
}
