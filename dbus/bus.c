/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link that changes is found by its name in a tree, since numbers change with every message and there may be a
 * thousand links.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/hub.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/rate.h"
#include "dbus/bus.h"
#include "dbus/call.h"
#include "dbus/caller.h"
#include "dbus/durable.h"
#include "dbus/identity.h"
#include "dbus/link-object.h"
#include "dbus/manager.h"
#include "dbus/outflow.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/subscription.h"

/* All but the first two belong to one connection. */
struct sb_bus {
	struct sb_connection *connection;
	struct sb_bus_parts parts;
	sd_bus_slot *object_manager;
	struct sb_gateway_listener listener;
	bool listening;
	struct sb_bus_calls calls;
	struct sb_callers callers;
	struct sb_identities identities;
	struct sb_outflow outflow;
	struct sb_subscriptions subscriptions;
	struct sb_durables durables;
	struct sb_manager manager;
	void *links; /* struct sb_link_object by name, tsearch(3) */
};

SB_DEFINE_CLEANUP(struct sb_bus *, sb_bus_free)
SB_DEFINE_CLEANUP(struct sb_link_object *, sb_link_object_free)

/* ---- links ----------------------------------------------------------------------------------- */

static int compare_links(const void *a, const void *b)
{
	const struct sb_link_object *left = a;
	const struct sb_link_object *right = b;

	return strcmp(sb_link_name(left->link), sb_link_name(right->link));
}

static struct sb_link_object *find_object(const struct sb_bus *bus, struct sb_link *link)
{
	struct sb_link_object key = { .link = link };
	struct sb_link_object *const *found = tfind(&key, &bus->links, compare_links);

	return found ? *found : NULL;
}

static int compare_name(const void *name, const void *object)
{
	return strcmp(name, sb_link_name(((const struct sb_link_object *)object)->link));
}

/* Without making one: this is asked for each message that ends. NULL if there is no such link any more. */
static const char *find_path(const struct sb_bus *bus, const char *link)
{
	struct sb_link_object *const *found = tfind(link, &bus->links, compare_name);

	return found ? (*found)->path : NULL;
}

static int add_object(struct sb_bus *bus, struct sb_link *link)
{
	SB_CLEANUP(sb_link_object_free) struct sb_link_object *object = NULL;
	int r;

	r = sb_link_object_new(&bus->parts, link, &object);
	if (r < 0)
		return r;
	if (!tsearch(object, &bus->links, compare_links))
		return -ENOMEM;
	(void)SB_STEAL(object);

	return 0;
}

static void remove_object(struct sb_bus *bus, struct sb_link_object *object)
{
	(void)tdelete(object, &bus->links, compare_links);
	(void)sb_link_object_free(object);
}

static void bus_on_link_added(void *userdata, struct sb_link *link)
{
	struct sb_bus *bus = userdata;
	int r;

	r = add_object(bus, link);
	if (r < 0) {
		sb_log_link(sb_link_name(link), LOG_ERR,
			    "the link cannot be shown on the message bus: %s", strerror(-r));
		return;
	}
	(void)sd_bus_emit_object_added(bus->parts.connection, find_object(bus, link)->path);
	sb_manager_links_changed(&bus->manager);
}

static void bus_on_link_removed(void *userdata, struct sb_link *link)
{
	struct sb_bus *bus = userdata;
	struct sb_link_object *object = find_object(bus, link);

	if (!object)
		return;

	(void)sd_bus_emit_object_removed(bus->parts.connection, object->path);
	remove_object(bus, object);
	sb_manager_links_changed(&bus->manager);
}

/* The object stays, and so do calls to it that were put aside. */
static void bus_on_link_replaced(void *userdata, struct sb_link *old, struct sb_link *link)
{
	struct sb_bus *bus = userdata;
	struct sb_link_object *object = find_object(bus, old);

	if (!object)
		return;

	object->link = link;
	sb_link_object_changed(object, SB_LINK_CHANGED_ALL);
}

static void bus_on_link_changed(void *userdata, struct sb_link *link, uint32_t what)
{
	const struct sb_bus *bus = userdata;
	struct sb_link_object *object = find_object(bus, link);

	if (object)
		sb_link_object_changed(object, what);
}

static void bus_on_settled(void *userdata, const struct sb_settled *settled)
{
	struct sb_bus *bus = userdata;
	int r;

	sb_waiters_settled(&bus->manager.waiters, &settled->settlement);
	r = sb_link_object_tell_settled(&bus->parts, settled, find_path(bus, settled->link));
	if (r < 0)
		sb_log_link(settled->link, LOG_DEBUG, "%s could not be told of a ticket: %s",
			    settled->sender, strerror(-r));
}

static const struct sb_gateway_listener listens = {
	.link_added = bus_on_link_added,
	.link_removed = bus_on_link_removed,
	.link_replaced = bus_on_link_replaced,
	.link_changed = bus_on_link_changed,
	.settled = bus_on_settled,
};

static bool is_of_another(void *userdata, const char *caller, const char *link, const char *filter)
{
	(void)link;
	(void)filter;

	return strcmp(userdata, caller) != 0;
}

static void bus_on_stuck(void *userdata, const char *name, const char *reason)
{
	struct sb_bus *bus = userdata;

	sb_subscriptions_end_unless(&bus->subscriptions, is_of_another, (void *)name, reason);
	sb_durables_end_unless(&bus->durables, is_of_another, (void *)name, reason);
}

/* Whose identity was forgotten can ask again, and is known then. */
static bool is_permitted(void *userdata, const char *caller, const char *link, const char *filter)
{
	const struct sb_bus *bus = userdata;
	const struct sb_identity *identity = sb_identities_find(&bus->identities, caller);

	return identity && sb_permit_subscribe(&bus->parts, identity, link, filter, NULL) == 0;
}

static void bus_on_rules(void *userdata)
{
	static const char reason[] = "the section access has changed, and grants this no more: "
				     "subscribe to what it grants";
	struct sb_bus *bus = userdata;

	sb_subscriptions_end_unless(&bus->subscriptions, is_permitted, bus, reason);
	sb_durables_end_unless(&bus->durables, is_permitted, bus, reason);
}

static bool bus_is_pressed(void *userdata)
{
	struct sb_bus *bus = userdata;

	return sb_outflow_is_pressed(&bus->outflow);
}

/* ---- the connection -------------------------------------------------------------------------- */

static int put_objects(struct sb_bus *bus)
{
	struct sb_gateway *gateway = bus->parts.gateway;
	sd_bus *connection = bus->parts.connection;
	size_t i;
	int r;

	r = sb_identities_init(&bus->identities, connection, sb_gateway_loop(gateway),
			       bus->parts.access, SB_IDENTITIES_MAX);
	if (r < 0)
		return r;
	r = sd_bus_add_object_manager(connection, &bus->object_manager, SB_BUS_ROOT);
	if (r < 0)
		return r;
	r = sb_manager_init(&bus->manager, &bus->parts);
	if (r < 0)
		return r;
	for (i = 0; i < sb_gateway_n_links(gateway); i++) {
		r = add_object(bus, sb_gateway_link(gateway, i));
		if (r < 0)
			return r;
	}
	bus->listener = listens;
	bus->listener.userdata = bus;
	sb_gateway_listen(gateway, &bus->listener);
	sb_hub_watch_pressure(sb_gateway_hub(gateway), bus_is_pressed, bus);
	sb_access_listen(bus->parts.access, bus_on_rules, bus);
	bus->listening = true;

	return 0;
}

/* Whoever waits is let go of; it was on this connection. */
static void let_go(struct sb_bus *bus)
{
	if (bus->listening) {
		sb_gateway_unlisten(bus->parts.gateway, &bus->listener);
		sb_hub_watch_pressure(sb_gateway_hub(bus->parts.gateway), NULL, NULL);
		sb_access_listen(bus->parts.access, NULL, NULL);
	}
	bus->listening = false;
	sb_identities_done(&bus->identities);
	while (bus->links) {
		/* The root of the tree; a node begins with its key, tsearch(3). */
		struct sb_link_object *const *root = bus->links;

		remove_object(bus, *root);
	}
	sb_manager_done(&bus->manager);
	sb_subscriptions_done(&bus->subscriptions);
	sb_durables_done(&bus->durables);
	sb_callers_done(&bus->callers);
	sb_outflow_done(&bus->outflow);
	sb_bus_calls_done(&bus->calls);
	bus->object_manager = sd_bus_slot_unref(bus->object_manager);
	bus->parts.connection = NULL;
}

static int bus_on_up(void *userdata, sd_bus *connection)
{
	struct sb_bus *bus = userdata;
	int r;

	bus->parts.connection = connection;
	bus->parts.epoch++;
	sb_bus_calls_init(&bus->calls);
	sb_callers_init(&bus->callers, connection, sb_gateway_loop(bus->parts.gateway),
			&bus->parts.rates->limits);
	sb_outflow_init(&bus->outflow, connection, sb_gateway_loop(bus->parts.gateway),
			bus_on_stuck, bus);
	sb_subscriptions_init(&bus->subscriptions, &bus->parts);
	sb_durables_init(&bus->durables, &bus->parts);
	r = put_objects(bus);
	if (r < 0)
		let_go(bus);

	return r;
}

static void bus_on_down(void *userdata)
{
	let_go(userdata);
}

static const struct sb_connection_events events = {
	.up = bus_on_up,
	.down = bus_on_down,
};

/**
 * sb_bus_new() - put the daemon on the bus
 * @options: which bus
 * @host: copied
 * @ret: the bus, the caller's
 *
 * Waits for the bus daemon's answers, so it is for the time before the loop runs. When the bus closes
 * the connection later, nothing waits for it, and it comes back by itself.
 *
 * Return: 0, or a negative errno after a sentence in the log.
 */
int sb_bus_new(const struct sb_bus_options *options, const struct sb_bus_host *host,
	       struct sb_bus **ret)
{
	SB_CLEANUP(sb_bus_free) struct sb_bus *bus = calloc(1, sizeof(*bus));
	int r;

	if (!bus) {
		sb_log_event(SB_EVENT_CANNOT_START, NULL, "no memory for the message bus");
		return -ENOMEM;
	}
	bus->parts = (struct sb_bus_parts){
		.gateway = host->gateway,
		.access = host->access,
		.rates = host->rates,
		.reload = host->reload,
		.calls = &bus->calls,
		.callers = &bus->callers,
		.identities = &bus->identities,
		.outflow = &bus->outflow,
		.subscriptions = &bus->subscriptions,
		.durables = &bus->durables,
	};
	r = sb_connection_new(options, sb_gateway_loop(host->gateway), &events, bus,
			      &bus->connection);
	if (r < 0)
		return r;

	*ret = SB_STEAL(bus);

	return 0;
}

/**
 * sb_bus_free() - take the daemon off the bus, when what was said has been sent
 * @bus: may be NULL or half-built
 *
 * Publishers that have no ticket yet get none: drain the store first. Completions may still come
 * afterwards, or never.
 *
 * Return: NULL.
 */
struct sb_bus *sb_bus_free(struct sb_bus *bus)
{
	if (!bus)
		return NULL;

	let_go(bus);
	(void)sb_connection_free(bus->connection);
	free(bus);

	return NULL;
}
