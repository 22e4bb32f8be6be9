/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/filter.h"
#include "daemon/route.h"

/**
 * sb_routes_free() - free routes
 * @routes: on the heap; may be NULL
 *
 * Return: NULL.
 */
struct sb_routes *sb_routes_free(struct sb_routes *routes)
{
	if (!routes)
		return NULL;

	for (size_t i = 0; i < routes->n; i++) {
		struct sb_route *route = &routes->items[i];

		for (size_t j = 0; j < route->n_targets; j++) {
			free(route->targets[j].link);
			free(route->targets[j].pattern);
		}
		free(route->targets);
		free(route->match);
	}
	free(routes->items);
	free(routes);

	return NULL;
}

/**
 * sb_routes_add() - one more route, behind the others
 * @routes: where
 * @match: a good filter, copied
 * @first_online: one of its links, not all
 * @ret: the route, without links; lent until the next one is added
 *
 * Return: 0, or -ENOMEM.
 */
int sb_routes_add(struct sb_routes *routes, const char *match, bool first_online,
		  struct sb_route **ret)
{
	struct sb_route *items = reallocarray(routes->items, routes->n + 1, sizeof(*items));
	char *copy;

	if (!items)
		return -ENOMEM;
	routes->items = items;
	copy = strdup(match);
	if (!copy)
		return -ENOMEM;
	*ret = &items[routes->n++];
	**ret = (struct sb_route){ .match = copy, .first_online = first_online };

	return 0;
}

/**
 * sb_route_add_target() - one more link, behind the others
 * @route: has less than SB_ROUTE_TARGETS_MAX
 * @link: its name, copied; not one that the route has
 * @pattern: of the topic there, copied; NULL while the link's settings are wrong
 *
 * Return: 0, or -ENOMEM.
 */
int sb_route_add_target(struct sb_route *route, const char *link, const char *pattern)
{
	struct sb_route_target *targets =
		reallocarray(route->targets, route->n_targets + 1, sizeof(*targets));
	struct sb_route_target target;

	if (!targets)
		return -ENOMEM;
	route->targets = targets;
	target.link = strdup(link);
	target.pattern = pattern ? strdup(pattern) : NULL;
	if (!target.link || (pattern && !target.pattern)) {
		free(target.link);
		free(target.pattern);
		return -ENOMEM;
	}
	targets[route->n_targets++] = target;

	return 0;
}

static bool same_target(const struct sb_route_target *a, const struct sb_route_target *b)
{
	return strcmp(a->link, b->link) == 0 && !a->pattern == !b->pattern &&
	       (!a->pattern || strcmp(a->pattern, b->pattern) == 0);
}

static bool same_route(const struct sb_route *a, const struct sb_route *b)
{
	if (strcmp(a->match, b->match) != 0 || a->first_online != b->first_online ||
	    a->n_targets != b->n_targets)
		return false;
	for (size_t i = 0; i < a->n_targets; i++)
		if (!same_target(&a->targets[i], &b->targets[i]))
			return false;

	return true;
}

/**
 * sb_routes_equal() - are routes the same
 * @routes: may be NULL for none
 * @other: likewise
 *
 * Return: whether there are the same in the same order.
 */
bool sb_routes_equal(const struct sb_routes *routes, const struct sb_routes *other)
{
	size_t n = routes ? routes->n : 0;

	if (n != (other ? other->n : 0))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!same_route(&routes->items[i], &other->items[i]))
			return false;

	return true;
}

/**
 * sb_routes_match() - the route of a topic
 * @routes: may be NULL for none
 * @topic: of an app
 *
 * Return: the first that matches, lent; NULL when none does.
 */
const struct sb_route *sb_routes_match(const struct sb_routes *routes, const char *topic)
{
	for (size_t i = 0; routes && i < routes->n; i++)
		if (sb_filter_matches(routes->items[i].match, topic))
			return &routes->items[i];

	return NULL;
}

/**
 * sb_route_find() - a link among those of a route
 * @route: the route
 * @link: its name
 *
 * Return: lent; NULL when it is none of them.
 */
const struct sb_route_target *sb_route_find(const struct sb_route *route, const char *link)
{
	for (size_t i = 0; i < route->n_targets; i++)
		if (strcmp(route->targets[i].link, link) == 0)
			return &route->targets[i];

	return NULL;
}

/**
 * sb_route_choose() - the one link that a message goes to
 * @route: the route
 * @online: tells which links are online; those without a pattern are not asked for
 * @userdata: for @online
 *
 * Return: the first that is online, else the first of all; lent.
 */
const struct sb_route_target *sb_route_choose(const struct sb_route *route,
					      sb_route_online_fn *online, void *userdata)
{
	for (size_t i = 0; i < route->n_targets; i++)
		if (route->targets[i].pattern && online(userdata, route->targets[i].link))
			return &route->targets[i];

	return route->targets;
}

/**
 * sb_route_expand() - what a topic of an app is called at a link
 * @target: the link
 * @topic: of the app
 * @ret: the topic there
 * @ret_error: why there is none
 *
 * Return: 0; -EOPNOTSUPP: the link's settings are wrong; -EINVAL: the topic there would be too long.
 */
int sb_route_expand(const struct sb_route_target *target, const char *topic,
		    char ret[SB_TOPIC_MAX + 1], struct sb_error *ret_error)
{
	size_t topic_len = strlen(topic);
	size_t n = 0;

	if (!target->pattern)
		return sb_error_set(
			ret_error, SB_ERROR_UNSUPPORTED,
			"the topic \"%s\" has a route to the link %s, whose settings are "
			"wrong: mend them, its StateReason says which",
			topic, target->link);
	for (const char *c = target->pattern; *c; c++) {
		const char *piece = *c == SB_ROUTE_TOPIC ? topic : c;
		size_t len = *c == SB_ROUTE_TOPIC ? topic_len : 1;

		if (len > SB_TOPIC_MAX - n)
			return sb_error_set(
				ret_error, SB_ERROR_INVALID_TOPIC,
				"at the link %s the topic \"%.100s\" would have more than "
				"%d bytes: publish to a shorter one",
				target->link, topic, SB_TOPIC_MAX);
		memcpy(ret + n, piece, len);
		n += len;
	}
	ret[n] = '\0';

	return 0;
}
