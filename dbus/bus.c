/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects are there before the name is, so that whoever finds the name finds everything.
 *
 * A link that changes is found by its address in a tree, since numbers change with every message
 * and there may be a thousand links.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/rate.h"
#include "dbus/bus.h"
#include "dbus/call.h"
#include "dbus/caller.h"
#include "dbus/identity.h"
#include "dbus/link-object.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/subscription.h"

struct sb_bus {
	struct sb_bus_parts parts;
	sd_bus *connection;
	sd_bus_slot *disconnected;
	sd_bus_slot *object_manager;
	bool listening;
	struct sb_bus_calls calls;
	struct sb_callers callers;
	struct sb_identities identities;
	struct sb_subscriptions subscriptions;
	struct sb_manager manager;
	void *links; /* struct sb_link_object by struct sb_link, tsearch(3) */
};

SB_DEFINE_CLEANUP(struct sb_bus *, sb_bus_free)
SB_DEFINE_CLEANUP(sd_bus *, sd_bus_unref)
SB_DEFINE_CLEANUP(struct sb_link_object *, sb_link_object_free)

/* ---- links ----------------------------------------------------------------------------------- */

static int compare_links(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)((const struct sb_link_object *)a)->link;
	uintptr_t right = (uintptr_t)((const struct sb_link_object *)b)->link;

	return (left > right) - (left < right);
}

static struct sb_link_object *find_object(const struct sb_bus *bus, struct sb_link *link)
{
	struct sb_link_object key = { .link = link };
	struct sb_link_object *const *found = tfind(&key, &bus->links, compare_links);

	return found ? *found : NULL;
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
	(void)sd_bus_emit_object_added(bus->connection, find_object(bus, link)->path);
	sb_manager_links_changed(&bus->manager);
}

static void bus_on_link_removed(void *userdata, struct sb_link *link)
{
	struct sb_bus *bus = userdata;
	struct sb_link_object *object = find_object(bus, link);

	if (!object)
		return;

	(void)sd_bus_emit_object_removed(bus->connection, object->path);
	remove_object(bus, object);
	sb_manager_links_changed(&bus->manager);
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
	r = sb_link_object_tell_settled(bus->connection, settled);
	if (r < 0)
		sb_log_link(settled->link, LOG_DEBUG, "%s could not be told of a ticket: %s",
			    settled->sender, strerror(-r));
}

static const struct sb_gateway_listener listener = {
	.link_added = bus_on_link_added,
	.link_removed = bus_on_link_removed,
	.link_changed = bus_on_link_changed,
	.settled = bus_on_settled,
};

/* ---- the connection -------------------------------------------------------------------------- */

static const char *bus_word(const struct sb_bus_options *options)
{
	if (options->address)
		return "given";

	return options->session ? "session" : "system";
}

static int open_address(const char *address, sd_bus **ret)
{
	SB_CLEANUP(sd_bus_unref) sd_bus *connection = NULL;
	int r;

	r = sd_bus_new(&connection);
	if (r < 0)
		return r;
	r = sd_bus_set_address(connection, address);
	if (r < 0)
		return r;
	r = sd_bus_set_bus_client(connection, true);
	if (r < 0)
		return r;
	r = sd_bus_start(connection);
	if (r < 0)
		return r;

	*ret = SB_STEAL(connection);

	return 0;
}

static int open_connection(const struct sb_bus_options *options, sd_bus **ret)
{
	if (options->address)
		return open_address(options->address, ret);

	return options->session ? sd_bus_open_user(ret) : sd_bus_open_system(ret);
}

static int bus_on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct sb_bus *bus = userdata;

	(void)message;
	(void)error;
	sb_log(LOG_ERR,
	       "the message bus closed the connection, so no app can reach the daemon any "
	       "more and it stops; what was accepted is on disk. The bus daemon's log says why");
	sb_loop_exit(sb_gateway_loop(bus->parts.gateway), EXIT_FAILURE);

	return 0;
}

static int connect_bus(struct sb_bus *bus, const struct sb_bus_options *options)
{
	struct sb_loop *loop = sb_gateway_loop(bus->parts.gateway);
	int r;

	r = open_connection(options, &bus->connection);
	if (r < 0)
		return r;
	/* Publishers get their tickets until sb_bus_free(), which is after the loop has ended. */
	r = sd_bus_set_close_on_exit(bus->connection, false);
	if (r < 0)
		return r;
	r = sd_bus_attach_event(bus->connection, sb_loop_event(loop), SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		return r;

	return sd_bus_match_signal(bus->connection, &bus->disconnected,
				   "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
				   "org.freedesktop.DBus.Local", "Disconnected",
				   bus_on_disconnected, bus);
}

static int add_objects(struct sb_bus *bus)
{
	struct sb_gateway *gateway = bus->parts.gateway;
	size_t i;
	int r;

	r = sb_identities_init(&bus->identities, bus->connection, bus->parts.access,
			       SB_IDENTITIES_MAX);
	if (r < 0)
		return r;
	r = sd_bus_add_object_manager(bus->connection, &bus->object_manager, SB_BUS_ROOT);
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
	sb_gateway_listen(gateway, &listener, bus);
	bus->listening = true;

	return 0;
}

static int request_name(struct sb_bus *bus, const struct sb_bus_options *options)
{
	const char *word = bus_word(options);
	int r;

	r = sd_bus_request_name(bus->connection, SB_BUS_NAME, 0);
	if (r >= 0)
		return 0;

	if (r == -EEXIST)
		sb_log(LOG_ERR,
		       "another process has the name " SB_BUS_NAME " on the %s bus: stop the other "
		       "skybusd first (systemctl stop skybusd)",
		       word);
	else if (r == -EACCES || r == -EPERM)
		sb_log(LOG_ERR,
		       "the %s bus does not let this user have the name " SB_BUS_NAME ": install "
		       "the policy " SB_BUS_NAME
		       ".conf below dbus-1/system.d, and start the daemon "
		       "as root or skybus",
		       word);
	else
		sb_log(LOG_ERR, "the %s bus does not give us the name " SB_BUS_NAME ": %s", word,
		       strerror(-r));

	return r;
}

/**
 * sb_bus_new() - put the daemon on the bus
 * @options: which bus, and who may do what
 * @gateway: outlives the bus; the bus listens to it
 * @ret: the bus, the caller's
 *
 * Waits for the bus daemon's answers, so it is for the time before the loop runs. When the bus
 * closes the connection later, that is logged and the loop exits with EXIT_FAILURE.
 *
 * Return: 0, or a negative errno after a sentence in the log.
 */
int sb_bus_new(const struct sb_bus_options *options, struct sb_gateway *gateway,
	       struct sb_bus **ret)
{
	SB_CLEANUP(sb_bus_free) struct sb_bus *bus = calloc(1, sizeof(*bus));
	int r;

	if (!bus) {
		sb_log(LOG_ERR, "no memory for the message bus");
		return -ENOMEM;
	}
	sb_bus_calls_init(&bus->calls);
	bus->parts = (struct sb_bus_parts){
		.gateway = gateway,
		.access = options->access,
		.rates = options->rates,
		.calls = &bus->calls,
		.callers = &bus->callers,
		.identities = &bus->identities,
		.subscriptions = &bus->subscriptions,
	};
	r = connect_bus(bus, options);
	if (r < 0) {
		sb_log(LOG_ERR, "cannot connect to the %s bus (%s): is dbus-daemon running there?",
		       bus_word(options), strerror(-r));
		return r;
	}
	bus->parts.connection = bus->connection;
	sb_callers_init(&bus->callers, bus->connection, &options->rates->limits);
	sb_subscriptions_init(&bus->subscriptions, &bus->parts);
	r = add_objects(bus);
	if (r < 0) {
		sb_log(LOG_ERR, "cannot show the links on the message bus: %s", strerror(-r));
		return r;
	}
	r = request_name(bus, options);
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

	if (bus->listening)
		sb_gateway_listen(bus->parts.gateway, NULL, NULL);
	sb_identities_done(&bus->identities);
	while (bus->links) {
		/* The root of the tree; a node begins with its key, tsearch(3). */
		struct sb_link_object *const *root = bus->links;

		remove_object(bus, *root);
	}
	sb_manager_done(&bus->manager);
	sb_subscriptions_done(&bus->subscriptions);
	sb_callers_done(&bus->callers);
	sb_bus_calls_done(&bus->calls);
	(void)sd_bus_slot_unref(bus->disconnected);
	(void)sd_bus_slot_unref(bus->object_manager);
	(void)sd_bus_flush_close_unref(bus->connection);
	free(bus);

	return NULL;
}
