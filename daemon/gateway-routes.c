/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that find their links by routes: when they are published, and, of a route of which one link gets
 * the message, again whenever a link comes or goes. Such a message keeps the topic that it was published under,
 * and its route is looked up by that each time; so routes may change while it waits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/announce.h"
#include "daemon/cleanup.h"
#include "daemon/gateway-routes.h"

SB_DEFINE_CLEANUP(struct sb_announcement *, sb_announcement_free)
SB_DEFINE_CLEANUP(struct sb_message *, sb_message_free)

static bool is_up(void *userdata, const char *name)
{
	const struct sb_link *link = sb_gateway_find(userdata, name);

	return link && sb_link_up(link);
}

/* ---- Publishing ---- */

static int refuse_for_memory(struct sb_error *ret_error)
{
	return sb_error_set(ret_error, SB_ERROR_FAILED, "out of memory: publish again in a while");
}

static int set_topic(struct sb_message *message, const char *topic)
{
	char *copy = strdup(topic);

	if (!copy)
		return -ENOMEM;
	free(message->topic);
	message->topic = copy;

	return 0;
}

/*
 * The message as it is to wait for one of the links. @remember: it may go to another link of its route.
 */
static int make_parcel(struct sb_gateway *gateway, const struct sb_message *message,
		       const struct sb_route_target *target, bool remember, struct sb_parcel *ret,
		       struct sb_error *ret_error)
{
	struct sb_link *link = sb_gateway_find(gateway, target->link);
	SB_CLEANUP(sb_message_free) struct sb_message *copy = NULL;
	char topic[SB_TOPIC_MAX + 1];
	int r;

	if (!link)
		return sb_error_set(
			ret_error, SB_ERROR_NO_SUCH_LINK,
			"the topic \"%.100s\" has a route to the link %s, which could not "
			"be made: the daemon's log says why",
			message->topic, target->link);
	r = sb_route_expand(target, message->topic, topic, ret_error);
	if (r < 0)
		return r;
	copy = sb_message_copy(message);
	if (copy && remember)
		copy->route = strdup(message->topic);
	if (!copy || (remember && !copy->route) || set_topic(copy, topic) < 0)
		return refuse_for_memory(ret_error);
	r = sb_link_check(link, copy, ret_error);
	if (r < 0)
		return r;

	*ret = (struct sb_parcel){ .queue = sb_link_queue(link), .message = SB_STEAL(copy) };

	return 0;
}

/* For all links of a route, or for one. */
static int make_parcels(struct sb_gateway *gateway, const struct sb_message *message,
			const struct sb_route *route, struct sb_parcel *parcels, size_t *ret_n,
			struct sb_error *ret_error)
{
	const struct sb_route_target *targets = route->targets;
	size_t n = route->n_targets;
	int r = 0;

	if (route->first_online) {
		targets = sb_route_choose(route, is_up, gateway);
		n = 1;
	}
	for (*ret_n = 0; *ret_n < n && r == 0; *ret_n += r == 0)
		r = make_parcel(gateway, message, &targets[*ret_n], route->first_online,
				&parcels[*ret_n], ret_error);

	return r;
}

/*
 * For every link of the route, also where only one gets the message: it may move to another while it waits.
 * Where the topic is not known, since a link's settings are wrong, nothing goes there.
 */
static int check_permission(const struct sb_route *route, const struct sb_message *message,
			    const struct sb_route_guard *guard, struct sb_error *ret_error)
{
	char topic[SB_TOPIC_MAX + 1];
	int r = 0;

	for (size_t i = 0; i < route->n_targets && r == 0; i++) {
		const struct sb_route_target *target = &route->targets[i];

		if (sb_route_expand(target, message->topic, topic, NULL) == 0)
			r = guard->permit(guard->userdata, target->link, topic, ret_error);
	}

	return r;
}

/* Return: -ENOBUFS, -EIO; or 0, and *@ret is NULL if no app of this box wants to see any of them. */
static int announce(struct sb_gateway *gateway, const struct sb_parcel *parcels, size_t n,
		    const struct sb_publisher *publisher, struct sb_announcement **ret,
		    struct sb_error *ret_error)
{
	SB_CLEANUP(sb_announcement_free) struct sb_announcement *announcement = NULL;
	struct sb_hub *hub = sb_gateway_hub(gateway);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *link = sb_queue_link(parcels[i].queue);

		if (!sb_announcement_wanted(hub, link, parcels[i].message))
			continue;
		if (!announcement)
			r = sb_announcement_new(hub, publisher, n, &announcement, ret_error);
		if (r == 0)
			r = sb_announcement_add(announcement, link, parcels[i].message, ret_error);
	}
	if (r == 0)
		*ret = SB_STEAL(announcement);

	return r;
}

static int publish(struct sb_gateway *gateway, const struct sb_parcel *parcels, size_t n,
		   const struct sb_publisher *publisher, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_announcement_free) struct sb_announcement *announcement = NULL;
	struct sb_outbox *outbox = sb_gateway_outbox(gateway);
	int r;

	r = announce(gateway, parcels, n, publisher, &announcement, ret_error);
	if (r < 0)
		return r;
	if (!announcement)
		return sb_outbox_publish(outbox, parcels, n, publisher->all, publisher->userdata,
					 ret_error);
	r = sb_outbox_publish(outbox, parcels, n, sb_announcement_on_all_published, announcement,
			      ret_error);
	if (r == 0)
		(void)SB_STEAL(announcement);

	return r;
}

static int find_route(const struct sb_gateway *gateway, const char *topic,
		      const struct sb_route **ret, struct sb_error *ret_error)
{
	int r = sb_link_check_topic(topic, ret_error);

	if (r < 0)
		return r;
	*ret = sb_routes_match(sb_gateway_routes(gateway), topic);
	if (*ret)
		return 0;

	return sb_error_set(ret_error, SB_ERROR_NO_ROUTE,
			    "no route matches the topic \"%.100s\": add one to \"routes:\" in the "
			    "configuration, or publish to one of the links",
			    topic);
}

/**
 * sb_gateway_publish() - publish to the links that the routes have for a topic; tell apps of this box of it
 * @gateway: the gateway
 * @message: with the topic as apps know it; the callee's from now on, when this returns 0
 * @guard: asked for every link of the route, before anything is done
 * @done: called once with a ticket for each link, in the order of the route, when all of them are on disk; or
 *	with the reason why none is; never from within this call
 * @userdata: for @done
 * @ret_error: why not, on failure
 *
 * All the links of the route take it, or none does.
 *
 * Return: 0; what @guard says; -EHOSTUNREACH (no route), -ENODEV, -EOPNOTSUPP (a link could not be made, or its settings are
 * wrong), -EINVAL (topic), -EMSGSIZE (payload), -ENOBUFS (a queue is full), -ENOMEM.
 */
int sb_gateway_publish(struct sb_gateway *gateway, struct sb_message *message,
		       const struct sb_route_guard *guard, sb_published_all_fn *done,
		       void *userdata, struct sb_error *ret_error)
{
	const struct sb_publisher publisher = { .all = done, .userdata = userdata };
	struct sb_parcel parcels[SB_ROUTE_TARGETS_MAX];
	const struct sb_route *route;
	size_t n = 0;
	int r;

	r = find_route(gateway, message->topic, &route, ret_error);
	if (r == 0)
		r = check_permission(route, message, guard, ret_error);
	if (r < 0)
		return r;
	message->taken = sb_clock_now(sb_gateway_clock(gateway));
	r = make_parcels(gateway, message, route, parcels, &n, ret_error);
	if (r == 0)
		r = publish(gateway, parcels, n, &publisher, ret_error);
	if (r == 0) {
		(void)sb_message_free(message);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		(void)sb_message_free(parcels[i].message);

	return r;
}

/* ---- What waits ---- */

/* Would the other link take it? Everything is lent for that. */
static bool would_take(struct sb_link *link, const struct sb_record *record, char *topic)
{
	struct sb_message message = {
		.ticket = record->ticket,
		.topic = topic,
		.payload = (uint8_t *)record->payload,
		.payload_len = record->payload_len,
		.content_format = record->content_format,
		.taken = record->taken,
	};

	return sb_link_check(link, &message, NULL) == 0;
}

/**
 * sb_gateway_routes_direct() - where should a message go that was routed; an sb_direct_fn
 * @userdata: the gateway
 * @link: where it waits
 * @record: the message
 * @ret: where it should go
 *
 * It stays where its link is up, or no other one is, as long as its route has that link. It stays, too, where
 * no route of that kind matches it any more, or the other link does not take it.
 *
 * Return: whether it should go.
 */
bool sb_gateway_routes_direct(void *userdata, const char *link, const struct sb_record *record,
			      struct sb_direction *ret)
{
	struct sb_gateway *gateway = userdata;
	const struct sb_route *route = sb_routes_match(sb_gateway_routes(gateway), record->route);
	const struct sb_route_target *target;
	struct sb_link *other;

	if (!route || !route->first_online)
		return false;
	if (sb_route_find(route, link) && is_up(gateway, link))
		return false;
	target = sb_route_choose(route, is_up, gateway);
	if (strcmp(target->link, link) == 0 ||
	    (sb_route_find(route, link) && !is_up(gateway, target->link)))
		return false;
	other = sb_gateway_find(gateway, target->link);
	if (!other || sb_route_expand(target, record->route, ret->topic, NULL) < 0 ||
	    !would_take(other, record, ret->topic))
		return false;
	ret->queue = sb_link_queue(other);

	return true;
}

/* What waits at the other links of a route may come here. */
static void call_others(struct sb_gateway *gateway, const struct sb_route *route, const char *link)
{
	for (size_t i = 0; i < route->n_targets; i++) {
		const char *other = route->targets[i].link;

		if (strcmp(other, link) != 0 && !is_up(gateway, other))
			sb_outbox_divert(sb_gateway_outbox(gateway), other);
	}
}

/**
 * sb_gateway_routes_on_link() - a link came online, or has gone down: what waits may have another place to go
 * @gateway: the gateway
 * @link: the link
 */
void sb_gateway_routes_on_link(struct sb_gateway *gateway, struct sb_link *link)
{
	const struct sb_routes *routes = sb_gateway_routes(gateway);
	const char *name = sb_link_name(link);

	for (size_t i = 0; routes && i < routes->n; i++) {
		const struct sb_route *route = &routes->items[i];

		if (!route->first_online || !sb_route_find(route, name))
			continue;
		if (sb_link_up(link))
			call_others(gateway, route, name);
		else if (is_up(gateway, sb_route_choose(route, is_up, gateway)->link))
			sb_outbox_divert(sb_gateway_outbox(gateway), name);
	}
}
