/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/filter.h"
#include "daemon/gateway.h"
#include "daemon/hub.h"
#include "daemon/log.h"
#include "dbus/caller.h"
#include "dbus/durable.h"
#include "dbus/message-signal.h"
#include "dbus/outflow.h"
#include "dbus/parts.h"
#include "dbus/subscription-ended.h"
#include "dbus/subscription.h"

struct subscription {
	struct sb_subscriptions *all;
	uint32_t id; /* 0 until it is in the tree */
	char *link;
	char *filter;
	char *path; /* the link's, where Message comes from */
	struct sb_held held;
	struct sb_subscription *at_hub;
	LIST_ENTRY(subscription) entry;
};

static struct subscription *subscription_free(struct subscription *subscription);

SB_DEFINE_CLEANUP(struct subscription *, subscription_free)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

static int compare_ids(const void *a, const void *b)
{
	const struct subscription *left = a;
	const struct subscription *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

static struct subscription *subscription_find(struct sb_subscriptions *all, uint32_t id)
{
	struct subscription key = { .id = id };
	struct subscription *const *found = tfind(&key, &all->by_id, compare_ids);

	return found ? *found : NULL;
}

static struct subscription *subscription_free(struct subscription *subscription)
{
	if (!subscription)
		return NULL;

	if (subscription->id != 0) {
		(void)tdelete(subscription, &subscription->all->by_id, compare_ids);
		LIST_REMOVE(subscription, entry);
	}
	(void)sb_subscription_free(subscription->at_hub);
	sb_caller_release(&subscription->held);
	free(subscription->link);
	free(subscription->filter);
	free(subscription->path);
	free(subscription);

	return NULL;
}

static void subscription_on_gone(struct sb_held *held)
{
	(void)subscription_free(sb_container_of(held, struct subscription, held));
}

/* The next subscription that a caller holds, after @held; the first one after NULL. */
static const struct subscription *next_of_caller(const struct sb_caller *caller,
						 const struct sb_held *held)
{
	held = held ? TAILQ_NEXT(held, entry) : TAILQ_FIRST(&caller->held);
	while (held && held->kind != SB_HELD_SUBSCRIPTION)
		held = TAILQ_NEXT(held, entry);

	return held ? sb_container_of(held, struct subscription, held) : NULL;
}

static bool answers_on(const struct subscription *subscription, const char *link)
{
	return sb_subscription_answers(subscription->at_hub) &&
	       strcmp(subscription->link, link) == 0;
}

/**
 * sb_subscriptions_will_answer() - may a caller answer a message
 * @caller: a connection
 * @delivery: the message
 *
 * Return: whether one of the caller's subscriptions that match is there to answer, whichever comes first.
 */
bool sb_subscriptions_will_answer(const struct sb_caller *caller,
				  const struct sb_delivery *delivery)
{
	const struct subscription *subscription = next_of_caller(caller, NULL);

	for (; subscription; subscription = next_of_caller(caller, &subscription->held))
		if (answers_on(subscription, delivery->link) &&
		    sb_filter_matches(subscription->filter, delivery->topic))
			return true;

	return false;
}

static int send_message(const struct subscription *subscription, const struct sb_delivery *delivery)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *signal = NULL;
	const struct sb_caller *caller = subscription->held.caller;
	sd_bus *connection = subscription->all->parts->connection;
	int r;

	r = sb_message_signal_new(connection, subscription->path, delivery,
				  sb_subscriptions_will_answer(caller, delivery), &signal);
	if (r < 0)
		return r;

	return sb_outflow_send(subscription->all->parts->outflow, caller->name, signal,
			       strlen(delivery->topic) + delivery->payload_len);
}

/*
 * A caller gets a message once, however many of its filters match it; and from an inbox if it has one that
 * takes it, for there it waits to be acknowledged.
 */
static void subscription_on_delivery(void *userdata, struct sb_subscription *at_hub,
				     const struct sb_delivery *delivery)
{
	struct subscription *subscription = userdata;
	struct sb_caller *caller = subscription->held.caller;
	int r;

	(void)at_hub;
	if (caller->last_message == delivery->message || sb_durables_take(caller, delivery))
		return;

	r = send_message(subscription, delivery);
	if (r < 0) {
		sb_log_link(delivery->link, LOG_DEBUG,
			    "message %" PRIu64 " could not be sent to %s: %s", delivery->message,
			    caller->name, strerror(-r));
		return;
	}
	caller->last_message = delivery->message;
}

/* Numbers are not used again while their owner may still name them. */
static uint32_t next_id(struct sb_subscriptions *all)
{
	do
		all->last_id = (all->last_id + 1) & ~SB_DURABLE_ID;
	while (all->last_id == 0 || subscription_find(all, all->last_id));

	return all->last_id;
}

static int subscription_register(struct subscription *subscription)
{
	subscription->id = next_id(subscription->all);
	if (!tsearch(subscription, &subscription->all->by_id, compare_ids)) {
		subscription->id = 0;
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&subscription->all->list, subscription, entry);

	return 0;
}

static struct subscription *subscription_new(struct sb_subscriptions *all,
					     const struct sb_interest *interest)
{
	SB_CLEANUP(subscription_free)
	struct subscription *subscription = calloc(1, sizeof(*subscription));

	if (!subscription)
		return NULL;
	subscription->all = all;
	subscription->link = strdup(interest->link);
	subscription->filter = strdup(interest->filter);
	if (!subscription->link || !subscription->filter ||
	    sd_bus_path_encode(SB_BUS_LINKS, interest->link, &subscription->path) < 0 ||
	    subscription_register(subscription) < 0)
		return NULL;

	return SB_STEAL(subscription);
}

/**
 * sb_subscriptions_init() - no subscriptions
 * @all: to be set up
 * @parts: outlive it
 */
void sb_subscriptions_init(struct sb_subscriptions *all, const struct sb_bus_parts *parts)
{
	*all = (struct sb_subscriptions){ .parts = parts };
}

/**
 * sb_subscriptions_done() - end all subscriptions
 * @all: all of them
 */
void sb_subscriptions_done(struct sb_subscriptions *all)
{
	while (all->by_id) {
		/* The root of the tree; a node begins with its key, tsearch(3). */
		struct subscription *const *root = all->by_id;

		(void)subscription_free(*root);
	}
}

/**
 * sb_subscriptions_add() - send a caller the messages of a link that match a filter
 * @all: all subscriptions
 * @caller: unique name
 * @interest: copied; the filter is from the caller
 * @ret_id: the subscription's number, never 0
 * @ret_error: why it could not be
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_subscriptions_add(struct sb_subscriptions *all, const char *caller,
			 const struct sb_interest *interest, uint32_t *ret_id,
			 struct sb_error *ret_error)
{
	SB_CLEANUP(subscription_free)
	struct subscription *subscription = subscription_new(all, interest);
	int r;

	if (!subscription)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "no memory for a subscription");
	r = sb_caller_hold(all->parts->callers, caller, SB_HELD_SUBSCRIPTION, subscription_on_gone,
			   &subscription->held, ret_error);
	if (r < 0)
		return r;
	r = sb_hub_subscribe(sb_gateway_hub(all->parts->gateway), interest,
			     subscription_on_delivery, subscription, &subscription->at_hub,
			     ret_error);
	if (r < 0)
		return r;

	*ret_id = SB_STEAL(subscription)->id;

	return 0;
}

/**
 * sb_subscriptions_end() - end one subscription
 * @all: all subscriptions
 * @caller: unique name of whoever asks; must be the subscriber
 * @link: name of the link that was asked; must be the subscription's
 * @id: from the caller
 * @ret_error: why it could not be
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_subscriptions_end(struct sb_subscriptions *all, const char *caller, const char *link,
			 uint32_t id, struct sb_error *ret_error)
{
	struct subscription *subscription = subscription_find(all, id);

	/* One answer for all cases, so that nobody learns what others hold. */
	if (!subscription || strcmp(subscription->held.caller->name, caller) != 0 ||
	    strcmp(subscription->link, link) != 0)
		return sb_error_set(ret_error, SB_ERROR_NO_SUCH_SUBSCRIPTION,
				    "this connection has no subscription %" PRIu32 " on link %s: "
				    "give the number that Subscribe or SubscribeWith answered",
				    id, link);
	(void)subscription_free(subscription);

	return 0;
}

/**
 * sb_subscriptions_end_unless() - end subscriptions, and tell their subscribers
 * @all: all subscriptions
 * @keep: asked for each
 * @userdata: for @keep
 * @reason: a sentence for the subscribers
 */
void sb_subscriptions_end_unless(struct sb_subscriptions *all, sb_subscription_keep_fn *keep,
				 void *userdata, const char *reason)
{
	struct subscription *subscription = LIST_FIRST(&all->list);

	while (subscription) {
		struct subscription *next = LIST_NEXT(subscription, entry);
		const char *caller = subscription->held.caller->name;

		if (!keep(userdata, caller, subscription->link, subscription->filter)) {
			sb_subscription_ended_tell(all->parts->connection, subscription->path,
						   caller, subscription->id, reason);
			(void)subscription_free(subscription);
		}
		subscription = next;
	}
}

/**
 * sb_subscriptions_may_answer() - may this connection answer the commands of a link?
 * @all: all subscriptions
 * @caller: unique name
 * @link: name of the link
 * @ret_error: why not
 *
 * Return: 0 if it has subscribed there in order to answer, or a negative errno with @ret_error.
 */
int sb_subscriptions_may_answer(struct sb_subscriptions *all, const char *caller, const char *link,
				struct sb_error *ret_error)
{
	const struct sb_caller *known = sb_caller_find(all->parts->callers, caller);
	const struct subscription *subscription = known ? next_of_caller(known, NULL) : NULL;

	for (; subscription; subscription = next_of_caller(known, &subscription->held))
		if (answers_on(subscription, link))
			return 0;
	if (known && sb_durables_answer(known, link))
		return 0;

	return sb_error_set(
		ret_error, SB_ERROR_NO_SUCH_MESSAGE,
		"no command of link %s waits for an answer of this connection: call "
		"SubscribeWith or SubscribeDurableWith and its option answer=yes first, and answer from the same "
		"connection",
		link);
}
