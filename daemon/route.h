/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Routes: from the topic of an app to links, and to its topic at each of them.
 */
#include <stdbool.h>
#include <stddef.h>

#include "daemon/error.h"
#include "daemon/message.h"
#include "daemon/outbox.h"

/** The most links of one route. */
#define SB_ROUTE_TARGETS_MAX SB_PARCELS_MAX

/** In a pattern: here goes the topic of the app. No topic has such a byte. */
#define SB_ROUTE_TOPIC '\1'

/** struct sb_route_target - one of the links of a route; @pattern: its topic there, see SB_ROUTE_TOPIC */
struct sb_route_target {
	char *link;
	char *pattern; /* NULL: the link's settings are wrong, so it is not known */
};

/** struct sb_route - @match: MQTT's filter of topics of apps; @first_online: one of the links, not all */
struct sb_route {
	char *match;
	bool first_online;
	struct sb_route_target *targets; /* one at least, each of another link */
	size_t n_targets;
};

/** struct sb_routes - in the order of the configuration: the first that matches counts */
struct sb_routes {
	struct sb_route *items;
	size_t n;
};

/** struct sb_route_guard - may the publisher publish this? 0, or a negative errno with @ret_error */
struct sb_route_guard {
	int (*permit)(void *userdata, const char *link, const char *topic,
		      struct sb_error *ret_error);
	void *userdata;
};

/** Is the link of that name online? */
typedef bool sb_route_online_fn(void *userdata, const char *link);

struct sb_routes *sb_routes_free(struct sb_routes *routes);
int sb_routes_add(struct sb_routes *routes, const char *match, bool first_online,
		  struct sb_route **ret);
int sb_route_add_target(struct sb_route *route, const char *link, const char *pattern);
bool sb_routes_equal(const struct sb_routes *routes, const struct sb_routes *other);

const struct sb_route *sb_routes_match(const struct sb_routes *routes, const char *topic);
const struct sb_route_target *sb_route_find(const struct sb_route *route, const char *link);
const struct sb_route_target *sb_route_choose(const struct sb_route *route,
					      sb_route_online_fn *online, void *userdata);
int sb_route_expand(const struct sb_route_target *target, const char *topic,
		    char ret[SB_TOPIC_MAX + 1], struct sb_error *ret_error);
