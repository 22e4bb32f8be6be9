/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The gateway: the set of links, and one place to listen for what happens in any of them. It knows
 * nothing of D-Bus; dbus/ listens and calls.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "daemon/config.h"
#include "daemon/link.h"
#include "daemon/route.h"
#include "daemon/streams.h"

struct sb_changes;
struct sb_gateway;
struct sb_gateway_plan;

/**
 * struct sb_gateway_listener - told on the loop's thread; any function may be NULL
 *
 * Embedded in who listens. It may end its own listening from within, and nobody else's.
 */
struct sb_gateway_listener {
	void (*link_added)(void *userdata, struct sb_link *link);
	void (*link_removed)(void *userdata, struct sb_link *link);
	/* @old is about to go, @link is at rest: one name, another configuration. */
	void (*link_replaced)(void *userdata, struct sb_link *old, struct sb_link *link);
	sb_link_changed_fn *link_changed;
	sb_settled_fn *settled;
	void *userdata; /* for all of them */
	TAILQ_ENTRY(sb_gateway_listener) entry; /* the gateway's */
};

int sb_gateway_new(const struct sb_link_parts *parts, struct sb_plugins *plugins,
		   struct sb_gateway **ret);
struct sb_gateway *sb_gateway_free(struct sb_gateway *gateway);
void sb_gateway_listen(struct sb_gateway *gateway, struct sb_gateway_listener *listener);
void sb_gateway_unlisten(struct sb_gateway *gateway, struct sb_gateway_listener *listener);
int sb_gateway_apply(struct sb_gateway *gateway, struct sb_config *config);
void sb_gateway_set_routes(struct sb_gateway *gateway, struct sb_routes *routes);
int sb_gateway_publish(struct sb_gateway *gateway, struct sb_message *message,
		       const struct sb_route_guard *guard, sb_published_all_fn *done,
		       void *userdata, struct sb_error *ret_error);

int sb_gateway_plan(struct sb_gateway *gateway, struct sb_config *config,
		    struct sb_problems *problems, struct sb_gateway_plan **ret);
int sb_gateway_plan_changes(const struct sb_gateway_plan *plan, struct sb_changes *changes);
void sb_gateway_carry_out(struct sb_gateway *gateway, struct sb_gateway_plan *plan);
struct sb_gateway_plan *sb_gateway_plan_free(struct sb_gateway_plan *plan);

bool sb_gateway_stopping(const struct sb_gateway *gateway);
void sb_gateway_stop(struct sb_gateway *gateway, uint64_t patience_usec);

size_t sb_gateway_n_links(const struct sb_gateway *gateway);
struct sb_link *sb_gateway_link(const struct sb_gateway *gateway, size_t index);
struct sb_link *sb_gateway_find(const struct sb_gateway *gateway, const char *name);
const struct sb_routes *sb_gateway_routes(const struct sb_gateway *gateway);
struct sb_plugins *sb_gateway_plugins(const struct sb_gateway *gateway);
struct sb_loop *sb_gateway_loop(const struct sb_gateway *gateway);
struct sb_store *sb_gateway_store(const struct sb_gateway *gateway);
const struct sb_clock *sb_gateway_clock(const struct sb_gateway *gateway);
struct sb_outbox *sb_gateway_outbox(const struct sb_gateway *gateway);
struct sb_hub *sb_gateway_hub(const struct sb_gateway *gateway);
struct sb_inboxes *sb_gateway_inboxes(const struct sb_gateway *gateway);
struct sb_streams *sb_gateway_streams(struct sb_gateway *gateway);
