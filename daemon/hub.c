/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/cleanup.h"
#include "daemon/hub.h"
#include "daemon/message.h"

struct sb_subscription {
	TAILQ_ENTRY(sb_subscription) entry;
	struct sb_hub *hub;
	char *link; /* only messages of this link */
	char *filter;
	bool answers;
	sb_delivery_fn *deliver;
	void *userdata;
};

struct sb_hub {
	TAILQ_HEAD(, sb_subscription) subscriptions;
	uint64_t last_message;
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
	TAILQ_INIT(&hub->subscriptions);
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

	assert(TAILQ_EMPTY(&hub->subscriptions));
	free(hub);

	return NULL;
}

/* MQTT 5 section 4.7.1: a wildcard stands alone in its level, "#" only in the last. */
static int check_filter(const char *filter, struct sb_error *ret_error)
{
	size_t len = strlen(filter);

	if (len == 0 || len > SB_TOPIC_MAX)
		return sb_error_set(
			ret_error, SB_ERROR_INVALID_TOPIC,
			"a filter has 1 to %d bytes, this one %zu: write a topic, or one "
			"with the wildcards + and #",
			SB_TOPIC_MAX, len);

	for (const char *c = filter; *c; c++) {
		bool begins = c == filter || c[-1] == '/';
		bool ends = c[1] == '\0' || c[1] == '/';

		if ((*c == '+' || *c == '#') && (!begins || !ends))
			return sb_error_set(ret_error, SB_ERROR_INVALID_TOPIC,
					    "in the filter \"%s\" a wildcard shares its level with "
					    "other characters: write /+/ or /#",
					    filter);
		if (*c == '#' && c[1] != '\0')
			return sb_error_set(
				ret_error, SB_ERROR_INVALID_TOPIC,
				"in the filter \"%s\" something follows #: it matches all "
				"the rest, so write it last",
				filter);
	}

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

	r = check_filter(interest->filter, ret_error);
	if (r < 0)
		return r;

	subscription = calloc(1, sizeof(*subscription));
	if (subscription) {
		subscription->link = strdup(interest->link);
		subscription->filter = strdup(interest->filter);
	}
	if (!subscription || !subscription->link || !subscription->filter) {
		(void)sb_error_set(ret_error, SB_ERROR_FAILED, "no memory left for a subscription");
		return -ENOMEM;
	}
	subscription->answers = interest->answers;
	subscription->deliver = deliver;
	subscription->userdata = userdata;
	subscription->hub = hub;
	TAILQ_INSERT_TAIL(&hub->subscriptions, subscription, entry);
	*ret = SB_STEAL(subscription);

	return 0;
}

/**
 * sb_subscription_free() - end a subscription
 * @subscription: may be NULL; not from within its own delivery
 *
 * Return: NULL.
 */
struct sb_subscription *sb_subscription_free(struct sb_subscription *subscription)
{
	if (!subscription)
		return NULL;

	if (subscription->hub)
		TAILQ_REMOVE(&subscription->hub->subscriptions, subscription, entry);
	free(subscription->link);
	free(subscription->filter);
	free(subscription);

	return NULL;
}

/**
 * sb_subscription_answers() - does the subscriber want to answer what can be answered?
 * @subscription: the subscription
 *
 * Return: whether it does.
 */
bool sb_subscription_answers(const struct sb_subscription *subscription)
{
	return subscription->answers;
}

/**
 * sb_hub_deliver() - give a message to whoever asked for such
 * @hub: the hub
 * @delivery: the message; its number is filled in
 *
 * Return: how many subscriptions matched, and how many of these wait to answer.
 */
struct sb_reach sb_hub_deliver(struct sb_hub *hub, struct sb_delivery *delivery)
{
	struct sb_subscription *subscription;
	struct sb_reach reach = { 0 };

	delivery->message = ++hub->last_message;
	TAILQ_FOREACH(subscription, &hub->subscriptions, entry) {
		if (strcmp(subscription->link, delivery->link) != 0 ||
		    !sb_filter_matches(subscription->filter, delivery->topic))
			continue;
		reach.matched++;
		reach.answering += subscription->answers;
		subscription->deliver(subscription->userdata, subscription, delivery);
	}

	return reach;
}

/**
 * sb_filter_matches() - does a filter let a topic through, MQTT 5 section 4.7
 * @filter: a filter that keeps the rules
 * @topic: a topic
 *
 * Return: whether it does. "a/#" matches "a" too; a wildcard in the first level does not match a topic
 * that begins with "$".
 */
bool sb_filter_matches(const char *filter, const char *topic)
{
	if (topic[0] == '$' && filter[0] != '$')
		return false;

	for (;;) {
		size_t filter_len = strcspn(filter, "/");
		size_t topic_len = strcspn(topic, "/");

		if (filter[0] == '#')
			return true;
		if (filter[0] != '+' &&
		    (filter_len != topic_len || memcmp(filter, topic, topic_len) != 0))
			return false;
		filter += filter_len;
		topic += topic_len;
		if (!*topic)
			return !*filter || strcmp(filter, "/#") == 0;
		if (!*filter)
			return false;
		filter++;
		topic++;
	}
}
