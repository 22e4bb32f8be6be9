/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/filter-tree.h"
#include "daemon/filter.h"
#include "daemon/hub.h"

struct sb_subscription {
	struct sb_hub *hub;
	struct sb_filter_leaf leaf;
	unsigned int origins;
	bool answers;
	sb_delivery_fn *deliver;
	void *userdata;
};

/**
 * struct sb_hub - see daemon/hub.h
 * @matches: room for each subscription: those that match what is being delivered; NULL for one that
 *	has ended meanwhile
 */
struct sb_hub {
	struct sb_filter_tree tree;
	size_t n_subscriptions;
	struct sb_subscription **matches;
	size_t n_matches;
	size_t matches_room;
	enum sb_origin origin; /* of what is being delivered */
	uint64_t last_message;
	sb_hub_pressed_fn *pressed;
	void *pressed_userdata;
};

SB_DEFINE_CLEANUP(struct sb_subscription *, sb_subscription_free)

/**
 * sb_hub_new() - a hub without subscriptions
 * @ret: the hub, the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_hub_new(struct sb_hub **ret)
{
	struct sb_hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return -ENOMEM;
	*ret = hub;

	return 0;
}

/**
 * sb_hub_free() - free a hub
 * @hub: may be NULL; all its subscriptions have been freed
 *
 * Return: NULL.
 */
struct sb_hub *sb_hub_free(struct sb_hub *hub)
{
	if (!hub)
		return NULL;

	assert(hub->n_subscriptions == 0);
	free(hub->matches);
	free(hub);

	return NULL;
}

/**
 * sb_hub_count_from() - number messages from there on
 * @hub: the hub
 * @message: the highest number that has been used
 */
void sb_hub_count_from(struct sb_hub *hub, uint64_t message)
{
	if (hub->last_message < message)
		hub->last_message = message;
}

/* So that a delivery needs no memory. */
static int reserve_match(struct sb_hub *hub)
{
	size_t room = hub->matches_room > 0 ? 2 * hub->matches_room : 16;
	struct sb_subscription **grown;

	if (hub->n_subscriptions < hub->matches_room)
		return 0;
	grown = reallocarray(hub->matches, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	hub->matches = grown;
	hub->matches_room = room;

	return 0;
}

static int enter(struct sb_hub *hub, struct sb_subscription *subscription,
		 const struct sb_interest *interest)
{
	int r = reserve_match(hub);

	if (r == 0)
		r = sb_filter_tree_add(&hub->tree, interest->link, interest->filter,
				       &subscription->leaf);
	if (r < 0)
		return r;
	subscription->hub = hub;
	hub->n_subscriptions++;

	return 0;
}

/**
 * sb_hub_subscribe() - tell somebody of messages
 * @hub: outlives the subscription
 * @interest: copied
 * @deliver: called for each message that matches
 * @userdata: for @deliver
 * @ret: the subscription, the caller's
 * @ret_error: why not, on failure
 *
 * Return: 0; -EINVAL for a filter that breaks the rules, -ENOMEM.
 */
int sb_hub_subscribe(struct sb_hub *hub, const struct sb_interest *interest,
		     sb_delivery_fn *deliver, void *userdata, struct sb_subscription **ret,
		     struct sb_error *ret_error)
{
	SB_CLEANUP(sb_subscription_free) struct sb_subscription *subscription = NULL;
	int r;

	r = sb_filter_check(interest->filter, ret_error);
	if (r < 0)
		return r;

	subscription = calloc(1, sizeof(*subscription));
	if (!subscription || enter(hub, subscription, interest) < 0) {
		(void)sb_error_set(ret_error, SB_ERROR_FAILED, "no memory left for a subscription");
		return -ENOMEM;
	}
	subscription->origins = interest->origins;
	subscription->answers = interest->answers;
	subscription->deliver = deliver;
	subscription->userdata = userdata;
	*ret = SB_STEAL(subscription);

	return 0;
}

/**
 * sb_subscription_free() - end a subscription
 * @subscription: may be NULL or half-built; not from within its own delivery
 *
 * Return: NULL.
 */
struct sb_subscription *sb_subscription_free(struct sb_subscription *subscription)
{
	struct sb_hub *hub;

	if (!subscription)
		return NULL;

	hub = subscription->hub;
	if (hub) {
		for (size_t i = 0; i < hub->n_matches; i++)
			if (hub->matches[i] == subscription)
				hub->matches[i] = NULL;
		sb_filter_tree_remove(&hub->tree, &subscription->leaf);
		hub->n_subscriptions--;
	}
	free(subscription);

	return NULL;
}

/**
 * sb_subscription_answers() - does the subscriber want to answer
 * @subscription: the subscription
 *
 * Return: as its interest said.
 */
bool sb_subscription_answers(const struct sb_subscription *subscription)
{
	return subscription->answers;
}

static void hub_on_match(void *userdata, struct sb_filter_leaf *leaf)
{
	struct sb_subscription *subscription = sb_container_of(leaf, struct sb_subscription, leaf);
	struct sb_hub *hub = userdata;

	if (subscription->origins & (1u << hub->origin))
		hub->matches[hub->n_matches++] = subscription;
}

static void find_matches(struct sb_hub *hub, const char *link, const char *topic,
			 enum sb_origin origin)
{
	assert(hub->n_matches == 0);
	hub->origin = origin;
	sb_filter_tree_match(&hub->tree, link, topic, hub_on_match, hub);
}

/**
 * sb_hub_count() - how many subscribe
 * @hub: the hub
 *
 * Return: how many subscriptions there are.
 */
size_t sb_hub_count(const struct sb_hub *hub)
{
	return hub->n_subscriptions;
}

/**
 * sb_hub_wants() - would anybody get such a message
 * @hub: the hub
 * @link: that it came by, or that it was published to
 * @topic: its topic
 * @origin: where it came from
 *
 * Return: whether a subscription matches.
 */
bool sb_hub_wants(struct sb_hub *hub, const char *link, const char *topic, enum sb_origin origin)
{
	bool wanted;

	find_matches(hub, link, topic, origin);
	wanted = hub->n_matches > 0;
	hub->n_matches = 0;

	return wanted;
}

/**
 * sb_hub_watch_pressure() - who knows how far the subscribers are behind
 * @hub: the hub
 * @pressed: asked before an app may publish what somebody has subscribed to; NULL: nobody knows
 * @userdata: for @pressed
 */
void sb_hub_watch_pressure(struct sb_hub *hub, sb_hub_pressed_fn *pressed, void *userdata)
{
	hub->pressed = pressed;
	hub->pressed_userdata = userdata;
}

/**
 * sb_hub_is_pressed() - should apps wait until the subscribers have caught up?
 * @hub: the hub
 *
 * Return: whether they are far behind.
 */
bool sb_hub_is_pressed(const struct sb_hub *hub)
{
	return hub->pressed && hub->pressed(hub->pressed_userdata);
}

/**
 * sb_hub_deliver() - tell whoever has subscribed to it of a message
 * @hub: the hub; not from within another delivery
 * @delivery: gets its number
 *
 * Subscriptions may end meanwhile, but for the one that is being told.
 *
 * Return: whom it reached.
 */
struct sb_reach sb_hub_deliver(struct sb_hub *hub, struct sb_delivery *delivery)
{
	struct sb_reach reach = { 0 };

	delivery->message = ++hub->last_message;
	find_matches(hub, delivery->link, delivery->topic, delivery->origin);
	for (size_t i = 0; i < hub->n_matches; i++) {
		struct sb_subscription *subscription = hub->matches[i];

		if (!subscription)
			continue;
		reach.matched++;
		reach.answering += subscription->answers;
		subscription->deliver(subscription->userdata, subscription, delivery);
	}
	hub->n_matches = 0;

	return reach;
}

/**
 * sb_origin_word() - an origin as the bus has it
 * @origin: which
 *
 * Return: a constant string, "cloud".
 */
const char *sb_origin_word(enum sb_origin origin)
{
	static const char *const words[] = {
#define ORIGIN_WORD(constant, word) [constant] = (word),
		SB_ORIGINS(ORIGIN_WORD)
#undef ORIGIN_WORD
	};

	return words[origin];
}
