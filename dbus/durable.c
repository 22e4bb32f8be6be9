/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/hub.h"
#include "daemon/inbox.h"
#include "daemon/log.h"
#include "dbus/call.h"
#include "dbus/caller.h"
#include "dbus/durable.h"
#include "dbus/message-signal.h"
#include "dbus/outflow.h"
#include "dbus/parts.h"
#include "dbus/reply.h"
#include "dbus/subscription-ended.h"
#include "dbus/subscription.h"

/**
 * struct durable - a connection that is attached to an inbox
 * @id: 0 until it is in the tree
 * @path: the link's, where Message comes from
 * @inbox: NULL before it is attached, and once that has ended
 */
struct durable {
	uint32_t id;
	struct sb_durables *all;
	char *link;
	char *name;
	char *path;
	struct sb_held held;
	struct sb_inbox *inbox;
	LIST_ENTRY(durable) entry;
};

/**
 * struct acknowledging - a message that is acknowledged in each inbox that the caller has
 * @pending: so many have not answered
 * @good: in so many it has waited
 * @error: what the disk said; 0
 */
struct acknowledging {
	struct sb_bus_call *call;
	uint64_t message;
	unsigned int pending;
	unsigned int good;
	int error;
};

static struct durable *durable_free(struct durable *durable);

SB_DEFINE_CLEANUP(struct durable *, durable_free)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

static int compare_ids(const void *a, const void *b)
{
	const struct durable *left = a;
	const struct durable *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static struct durable *durable_find(struct sb_durables *all, uint32_t id)
{
	struct durable key = { .id = id };
	struct durable *const *found = tfind(&key, &all->by_id, compare_ids);

	return found ? *found : NULL;
}

static struct durable *durable_free(struct durable *durable)
{
	if (!durable)
		return NULL;

	if (durable->id != 0) {
		(void)tdelete(durable, &durable->all->by_id, compare_ids);
		LIST_REMOVE(durable, entry);
	}
	if (durable->inbox)
		sb_inbox_detach(durable->inbox);
	sb_caller_release(&durable->held);
	free(durable->link);
	free(durable->name);
	free(durable->path);
	free(durable);

	return NULL;
}

static void durable_on_gone(struct sb_held *held)
{
	(void)durable_free(sb_container_of(held, struct durable, held));
}

/* The next one that a caller has, after @held; the first one after NULL. */
static const struct durable *next_of_caller(const struct sb_caller *caller,
					    const struct sb_held *held)
{
	held = held ? TAILQ_NEXT(held, entry) : TAILQ_FIRST(&caller->held);
	while (held && held->kind != SB_HELD_DURABLE)
		held = TAILQ_NEXT(held, entry);

	return held ? sb_container_of(held, struct durable, held) : NULL;
}

/* ---- what it gets ---- */

static int durable_deliver(void *userdata, const struct sb_delivery *delivery, bool redelivered)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *signal = NULL;
	const struct durable *durable = userdata;
	const struct sb_caller *caller = durable->held.caller;
	sd_bus *connection = durable->all->parts->connection;
	const struct sb_message_waited waited = { durable->name, redelivered };
	bool answers =
		sb_inbox_answers(durable->inbox) || sb_subscriptions_will_answer(caller, delivery);
	int r;

	r = sb_message_signal_new_waited(connection, durable->path, delivery, answers, &waited,
					 &signal);
	if (r >= 0)
		r = sb_outflow_send(durable->all->parts->outflow, caller->name, signal,
				    strlen(delivery->topic) + delivery->payload_len);
	if (r < 0)
		sb_log_link(durable->link, LOG_DEBUG,
			    "message %" PRIu64 " of the inbox %s could not be sent to %s: %s",
			    delivery->message, durable->name, caller->name, strerror(-r));

	return r < 0 ? r : 0;
}

static void tell_end(const struct durable *durable, const char *reason)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *signal = NULL;
	const struct sb_caller *caller = durable->held.caller;
	const struct sb_bus_parts *parts = durable->all->parts;
	int r;

	r = sb_subscription_ended_new(parts->connection, durable->path, durable->id, reason,
				      &signal);
	if (r >= 0)
		r = sb_outflow_send(parts->outflow, caller->name, signal, strlen(reason));
	if (r < 0)
		sb_log_link(durable->link, LOG_DEBUG, "%s could not be told of an end: %s",
			    caller->name, strerror(-r));
}

static void durable_ended(void *userdata, enum sb_inbox_end why)
{
	SB_CLEANUP(durable_free) struct durable *durable = userdata;
	char reason[256] = "";

	durable->inbox = NULL;
	switch (why) {
	case SB_INBOX_TAKEN_OVER:
		(void)snprintf(
			reason, sizeof(reason),
			"somebody has called SubscribeDurable for the inbox %s after this, and "
			"its messages go there: give each connection an inbox of its own",
			durable->name);
		break;
	case SB_INBOX_FORGOTTEN:
		(void)snprintf(reason, sizeof(reason),
			       "the inbox %s was removed with ForgetDurable: subscribe again for a "
			       "new one",
			       durable->name);
		break;
	}
	tell_end(durable, reason);
}

static const struct sb_inbox_consumer consumer = { durable_deliver, durable_ended };

/* ---- attaching ---- */

/* Numbers are not used again while their owner may still name them. */
static uint32_t next_id(struct sb_durables *all)
{
	do
		all->last_id = (all->last_id + 1) | SB_DURABLE_ID;
	while (durable_find(all, all->last_id));

	return all->last_id;
}

static int durable_register(struct durable *durable)
{
	durable->id = next_id(durable->all);
	if (!tsearch(durable, &durable->all->by_id, compare_ids)) {
		durable->id = 0;
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&durable->all->list, durable, entry);

	return 0;
}

static struct durable *durable_new(struct sb_durables *all, const struct sb_inbox *inbox)
{
	SB_CLEANUP(durable_free) struct durable *durable = calloc(1, sizeof(*durable));
	struct sb_inbox_status status;

	if (!durable)
		return NULL;
	sb_inbox_status(inbox, &status);
	durable->all = all;
	durable->link = strdup(status.link);
	durable->name = strdup(status.name);
	if (!durable->link || !durable->name ||
	    sd_bus_path_encode(SB_BUS_LINKS, status.link, &durable->path) < 0 ||
	    durable_register(durable) < 0)
		return NULL;

	return SB_STEAL(durable);
}

/**
 * sb_durables_init() - none
 * @all: to be set up
 * @parts: outlive it
 */
void sb_durables_init(struct sb_durables *all, const struct sb_bus_parts *parts)
{
	*all = (struct sb_durables){ .parts = parts };
}

/**
 * sb_durables_done() - end all; the inboxes stay
 * @all: all of them
 */
void sb_durables_done(struct sb_durables *all)
{
	while (all->by_id) {
		/* The root of the tree; a node begins with its key, tsearch(3). */
		struct durable *const *root = all->by_id;

		(void)durable_free(*root);
	}
}

/**
 * sb_durables_attach() - send a caller what waits in an inbox, and what comes in
 * @all: all durable subscriptions
 * @caller: unique name
 * @inbox: whoever is attached to it is told that it is over
 * @ret_id: the subscription's number, never 0
 * @ret_error: why it could not be
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_durables_attach(struct sb_durables *all, const char *caller, struct sb_inbox *inbox,
		       uint32_t *ret_id, struct sb_error *ret_error)
{
	SB_CLEANUP(durable_free) struct durable *durable = durable_new(all, inbox);
	int r;

	if (!durable)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "no memory for a subscription");
	r = sb_caller_hold(all->parts->callers, caller, SB_HELD_DURABLE, durable_on_gone,
			   &durable->held, ret_error);
	if (r < 0)
		return r;
	sb_inbox_attach(inbox, &consumer, durable);
	durable->inbox = inbox;
	*ret_id = SB_STEAL(durable)->id;

	return 0;
}

/**
 * sb_durables_end() - end one; the inbox stays
 * @all: all durable subscriptions
 * @caller: unique name of whoever asks; must be the subscriber
 * @link: name of the link that was asked; must be the subscription's
 * @id: from the caller
 * @ret_error: why it could not be
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_durables_end(struct sb_durables *all, const char *caller, const char *link, uint32_t id,
		    struct sb_error *ret_error)
{
	struct durable *durable = durable_find(all, id);

	if (!durable || strcmp(durable->held.caller->name, caller) != 0 ||
	    strcmp(durable->link, link) != 0)
		return sb_error_set(ret_error, SB_ERROR_NO_SUCH_SUBSCRIPTION,
				    "this connection has no durable subscription %" PRIu32
				    " on link %s: give the number that SubscribeDurable answered",
				    id, link);
	(void)durable_free(durable);

	return 0;
}

/**
 * sb_durables_end_unless() - end durable subscriptions, and tell their subscribers; the inboxes stay
 * @all: all durable subscriptions
 * @keep: asked for each
 * @userdata: for @keep
 * @reason: a sentence for the subscribers
 */
void sb_durables_end_unless(struct sb_durables *all, sb_subscription_keep_fn *keep, void *userdata,
			    const char *reason)
{
	struct durable *durable = LIST_FIRST(&all->list);

	while (durable) {
		struct durable *next = LIST_NEXT(durable, entry);
		const char *caller = durable->held.caller->name;
		struct sb_inbox_status status;

		if (durable->inbox)
			sb_inbox_status(durable->inbox, &status);
		if (durable->inbox && !keep(userdata, caller, status.link, status.filter)) {
			sb_subscription_ended_tell(all->parts->connection, durable->path, caller,
						   durable->id, reason);
			(void)durable_free(durable);
		}
		durable = next;
	}
}

/* ---- acknowledging ---- */

static void finish(struct acknowledging *all)
{
	SB_CLEANUP(sb_free) struct acknowledging *acknowledging = all;
	struct sb_error why;

	if (acknowledging->error < 0)
		(void)sb_error_set(&why, SB_ERROR_FAILED,
				   "message %" PRIu64 " waits still, for the disk could not be "
				   "written (%s): acknowledge it again in a while",
				   acknowledging->message, strerror(-acknowledging->error));
	else if (acknowledging->good == 0)
		(void)sb_error_set(&why, SB_ERROR_NO_SUCH_MESSAGE,
				   "message %" PRIu64
				   " waits in no inbox that this connection has: "
				   "it was acknowledged, or never came there",
				   acknowledging->message);
	sb_bus_reply_done(acknowledging->call,
			  acknowledging->error < 0 || acknowledging->good == 0 ? &why : NULL);
}

static void inbox_on_acknowledged(void *userdata, int error)
{
	struct acknowledging *acknowledging = userdata;

	if (error == 0)
		acknowledging->good++;
	else if (error != -ENOENT)
		acknowledging->error = error;
	acknowledging->pending--;
	if (acknowledging->pending == 0)
		finish(acknowledging);
}

static int acknowledge_in_each(const struct sb_caller *caller, const char *link,
			       struct acknowledging *acknowledging, struct sb_error *ret_error)
{
	const struct durable *durable = next_of_caller(caller, NULL);

	for (; durable; durable = next_of_caller(caller, &durable->held))
		if (strcmp(durable->link, link) == 0 &&
		    sb_inbox_acknowledge(durable->inbox, acknowledging->message,
					 inbox_on_acknowledged, acknowledging, ret_error) == 0)
			acknowledging->pending++;

	return acknowledging->pending > 0 ? 0 : -ENOMSG;
}

/**
 * sb_durables_acknowledge() - a caller is done with a message
 * @all: all durable subscriptions
 * @caller: unique name
 * @link: name of the link
 * @message: its number; it leaves every inbox of the link that the caller has
 * @call: is replied to when that is on disk; taken when this returns 0
 * @ret_error: why it could not be
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_durables_acknowledge(struct sb_durables *all, const char *caller, const char *link,
			    uint64_t message, struct sb_bus_call *call, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_free) struct acknowledging *acknowledging = NULL;
	const struct sb_caller *known = sb_caller_find(all->parts->callers, caller);
	int r;

	(void)sb_error_set(
		ret_error, SB_ERROR_NO_SUCH_MESSAGE,
		"this connection has no inbox of link %s: call SubscribeDurable first, and "
		"acknowledge from the same connection",
		link);
	if (!known)
		return -ENOMSG;
	acknowledging = calloc(1, sizeof(*acknowledging));
	if (!acknowledging)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: acknowledge again in a while");
	*acknowledging = (struct acknowledging){ .call = call, .message = message };
	r = acknowledge_in_each(known, link, acknowledging, ret_error);
	if (r < 0)
		return r;
	(void)SB_STEAL(acknowledging);

	return 0;
}

/* ---- asking ---- */

/**
 * sb_durables_take() - does a caller get a message from an inbox
 * @caller: a connection
 * @delivery: the message
 *
 * Return: whether an inbox that it is attached to takes it.
 */
bool sb_durables_take(const struct sb_caller *caller, const struct sb_delivery *delivery)
{
	const struct durable *durable = next_of_caller(caller, NULL);

	for (; durable; durable = next_of_caller(caller, &durable->held))
		if (sb_inbox_takes(durable->inbox, delivery))
			return true;

	return false;
}

/**
 * sb_durables_answer() - is a caller attached to an inbox in order to answer
 * @caller: a connection
 * @link: name of the link
 *
 * Return: whether it may answer the link's commands.
 */
bool sb_durables_answer(const struct sb_caller *caller, const char *link)
{
	const struct durable *durable = next_of_caller(caller, NULL);

	for (; durable; durable = next_of_caller(caller, &durable->held))
		if (sb_inbox_answers(durable->inbox) && strcmp(durable->link, link) == 0)
			return true;

	return false;
}
