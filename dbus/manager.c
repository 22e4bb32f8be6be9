/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/log.h"
#include "dbus/call.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)

/* ---- properties ------------------------------------------------------------------------------ */

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)userdata;
	(void)error;

	return sd_bus_message_append_basic(reply, SD_BUS_TYPE_STRING, SKYBUS_VERSION);
}

static int append_link_path(sd_bus_message *reply, const struct sb_link *link)
{
	SB_CLEANUP(sb_free) char *path = NULL;
	int r;

	r = sd_bus_path_encode(SB_BUS_LINKS, sb_link_name(link), &path);
	if (r < 0)
		return r;

	return sd_bus_message_append_basic(reply, SD_BUS_TYPE_OBJECT_PATH, path);
}

static int get_links(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;
	const struct sb_gateway *gateway = manager->parts->gateway;
	size_t i;
	int r;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "o");
	if (r < 0)
		return r;
	for (i = 0; i < sb_gateway_n_links(gateway); i++) {
		r = append_link_path(reply, sb_gateway_link(gateway, i));
		if (r < 0)
			return r;
	}

	return sd_bus_message_close_container(reply);
}

static int append_name(sd_bus_message *reply, const struct sb_plugin *plugin)
{
	return plugin->descriptor ? sb_bus_append_text(reply, plugin->name) : 0;
}

static int append_failure(sd_bus_message *reply, const struct sb_plugin *plugin)
{
	int r;

	if (plugin->descriptor)
		return 0;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, "ss");
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, plugin->name);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, plugin->why);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}

static int append_summary(sd_bus_message *reply, const struct sb_plugin *plugin)
{
	int r;

	if (!plugin->descriptor)
		return 0;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, "sss");
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, plugin->name);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, plugin->descriptor->version);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, plugin->descriptor->summary);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}

static int append_plugins(const struct sb_manager *manager, sd_bus_message *reply,
			  const char *element,
			  int (*append)(sd_bus_message *reply, const struct sb_plugin *plugin))
{
	const struct sb_plugins *plugins = sb_gateway_plugins(manager->parts->gateway);
	size_t i;
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, element);
	if (r < 0)
		return r;
	for (i = 0; i < sb_plugins_count(plugins); i++) {
		r = append(reply, sb_plugins_at(plugins, i));
		if (r < 0)
			return r;
	}

	return sd_bus_message_close_container(reply);
}

static int get_plugins(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;

	return append_plugins(userdata, reply, "s", append_name);
}

static int get_failed_plugins(sd_bus *bus, const char *path, const char *interface,
			      const char *property, sd_bus_message *reply, void *userdata,
			      sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;

	return append_plugins(userdata, reply, "(ss)", append_failure);
}

/* ---- methods --------------------------------------------------------------------------------- */

static int method_list_plugins(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	int r;

	(void)error;
	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = append_plugins(userdata, reply, "(sss)", append_summary);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

static int reply_lookup_failed(sd_bus_message *call, uint64_t ticket, int r)
{
	struct sb_error error;

	if (r == -ENOENT)
		(void)sb_error_set(&error, SB_ERROR_NO_SUCH_TICKET,
				   "ticket %" PRIu64
				   " is not known: it was never given, or settled "
				   "so long ago that it is forgotten",
				   ticket);
	else
		(void)sb_error_set(&error, SB_ERROR_FAILED,
				   "ticket %" PRIu64
				   " could not be looked up (%s): see the journal",
				   ticket, strerror(-r));

	return sb_bus_reply_error(call, &error);
}

/* Read again what the handler has read once: the call carries its own parameters while it waits. */
static int read_ticket(sd_bus_message *call, uint64_t *ret_ticket)
{
	int r;

	r = sd_bus_message_rewind(call, true);
	if (r < 0)
		return r;

	return sd_bus_message_read_basic(call, SD_BUS_TYPE_UINT64, ret_ticket);
}

static void ticket_on_lookup(void *userdata, int outcome, const struct sb_settlement *settlement)
{
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, NULL);
	uint64_t ticket;

	if (!call || read_ticket(call, &ticket) < 0)
		return;

	if (outcome < 0)
		(void)reply_lookup_failed(call, ticket, outcome);
	else
		(void)sb_bus_reply_settlement(call, settlement);
}

static bool is_settled(const struct sb_settlement *settlement)
{
	return settlement->outcome != SB_STORED && settlement->outcome != SB_IN_FLIGHT;
}

/*
 * Jobs of the store complete in the order in which they were handed over. A ticket that the lookup
 * found unsettled is thus settled after this, and the waiter will be told.
 */
static void wait_on_lookup(void *userdata, int outcome, const struct sb_settlement *settlement)
{
	void *owner = NULL;
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, &owner);
	struct sb_manager *manager = owner;
	struct sb_error error;
	uint64_t ticket;
	uint32_t timeout_s;

	if (!call || read_ticket(call, &ticket) < 0 ||
	    sd_bus_message_read_basic(call, SD_BUS_TYPE_UINT32, &timeout_s) < 0)
		return;

	if (outcome < 0)
		(void)reply_lookup_failed(call, ticket, outcome);
	else if (is_settled(settlement))
		(void)sb_bus_reply_settlement(call, settlement);
	else if (sb_waiters_add(&manager->waiters, call, ticket, timeout_s, &error) < 0)
		(void)sb_bus_reply_error(call, &error);
}

static int look_up(struct sb_manager *manager, sd_bus_message *message, sb_store_lookup_fn *done)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	uint64_t ticket;
	int r;

	r = sd_bus_message_read_basic(message, SD_BUS_TYPE_UINT64, &ticket);
	if (r < 0)
		return r;
	r = sb_bus_call_new(manager->parts->calls, message, manager, &call);
	if (r < 0)
		return r;
	r = sb_outbox_lookup(sb_gateway_outbox(manager->parts->gateway), ticket, done, call);
	if (r < 0)
		return reply_lookup_failed(message, ticket, r);
	(void)SB_STEAL(call);

	return 1;
}

static int method_ticket(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return look_up(userdata, call, ticket_on_lookup);
}

static int method_wait_ticket(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return look_up(userdata, call, wait_on_lookup);
}

/* ---- the interface --------------------------------------------------------------------------- */

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Links", "ao", get_links, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Plugins", "as", get_plugins, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("FailedPlugins", "a(ss)", get_failed_plugins, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_METHOD_WITH_ARGS("ListPlugins", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sss)", plugins),
				method_list_plugins, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Ticket", SD_BUS_ARGS("t", ticket),
				SD_BUS_RESULT("s", outcome, "s", code, "s", reason), method_ticket,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("WaitTicket", SD_BUS_ARGS("t", ticket, "u", timeout_s),
				SD_BUS_RESULT("s", outcome, "s", code, "s", reason),
				method_wait_ticket, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void tell_on_due(struct sb_task *task)
{
	struct sb_manager *manager = sb_container_of(task, struct sb_manager, tell);

	(void)sd_bus_emit_properties_changed(manager->parts->connection, SB_BUS_ROOT,
					     SB_BUS_MANAGER_INTERFACE, "Links", "Plugins",
					     "FailedPlugins", NULL);
}

/**
 * sb_manager_init() - put the object on the bus
 * @manager: to be set up; zeroed
 * @parts: outlive it
 *
 * Return: 0, or a negative errno; sb_manager_done() is for the caller in any case.
 */
int sb_manager_init(struct sb_manager *manager, const struct sb_bus_parts *parts)
{
	struct sb_loop *loop = sb_gateway_loop(parts->gateway);
	int r;

	manager->parts = parts;
	sb_task_init(&manager->tell, loop, tell_on_due);
	sb_waiters_init(&manager->waiters, loop, parts->callers);
	r = sd_bus_add_object_vtable(parts->connection, &manager->vtable, SB_BUS_ROOT,
				     SB_BUS_MANAGER_INTERFACE, manager_vtable, manager);

	return r < 0 ? r : 0;
}

/**
 * sb_manager_done() - take the object off the bus
 * @manager: set up, or zeroed
 */
void sb_manager_done(struct sb_manager *manager)
{
	sb_waiters_done(&manager->waiters);
	sb_task_cancel(&manager->tell);
	manager->vtable = sd_bus_slot_unref(manager->vtable);
}

/**
 * sb_manager_links_changed() - a link has come or gone
 * @manager: the object
 */
void sb_manager_links_changed(struct sb_manager *manager)
{
	sb_task_schedule(&manager->tell);
}
