/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/manager.h"
#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/store.h"
#include "dbus/call.h"
#include "dbus/manager-config.h"
#include "dbus/manager-inboxes.h"
#include "dbus/manager-letters.h"
#include "dbus/manager-metrics.h"
#include "dbus/manager-plugins.h"
#include "dbus/manager-publish.h"
#include "dbus/manager-store.h"
#include "dbus/manager-tickets.h"
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

/* ---- methods --------------------------------------------------------------------------------- */

static int append_loss(sd_bus_message *reply, const struct sb_loss *loss)
{
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, "susst");
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, loss->link);
	if (r < 0)
		return r;
	r = sd_bus_message_append(reply, "usst", loss->owner,
				  sb_outcome_word(sb_cause_outcome(loss->cause)),
				  sb_cause_word(loss->cause), loss->messages);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}

static int reply_losses(sd_bus_message *call, const struct sb_loss *losses, size_t n)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	size_t i;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(susst)");
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		r = append_loss(reply, &losses[i]);
		if (r < 0)
			return r;
	}
	r = sd_bus_message_close_container(reply);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

static void losses_on_read(void *userdata, int outcome, const struct sb_loss *losses, size_t n)
{
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, NULL);

	if (!call)
		return;

	if (outcome < 0)
		(void)sb_bus_reply_failed(call, outcome);
	else
		(void)reply_losses(call, losses, n);
}

static int method_list_losses(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	const struct sb_manager *manager = userdata;
	int r;

	(void)error;
	r = sb_bus_call_new(manager->parts->calls, message, NULL, &call);
	if (r < 0)
		return r;
	r = sb_store_losses(sb_gateway_store(manager->parts->gateway), losses_on_read, call);
	if (r < 0)
		return sb_bus_reply_failed(message, r);
	(void)SB_STEAL(call);

	return 1;
}

/* ---- the interface --------------------------------------------------------------------------- */

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Links", "ao", get_links, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Plugins", "as", sb_manager_plugins_get, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("FailedPlugins", "a(ss)", sb_manager_plugins_get_failed, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("ConfigurationFile", "s", sb_manager_config_get_file, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("PluginDirectory", "s", sb_manager_plugins_get_directory, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Store", "a{ss}", sb_manager_store_get, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("ListPlugins", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sss)", plugins),
				sb_manager_plugins_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("LiftQuarantine", SD_BUS_ARGS("s", plugin), SD_BUS_NO_RESULT,
				sb_manager_plugins_lift, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListSettings", SD_BUS_ARGS("s", plugin),
				SD_BUS_RESULT("a(ssssbs)", settings), sb_manager_plugins_settings,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("CheckSetting", SD_BUS_ARGS("s", plugin, "s", key, "s", value),
				SD_BUS_NO_RESULT, sb_manager_plugins_check,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Publish", SD_BUS_ARGS("s", topic, "s", text),
				SD_BUS_RESULT("at", tickets), sb_manager_publish,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("PublishBytes", SD_BUS_ARGS("s", topic, "ay", payload),
				SD_BUS_RESULT("at", tickets), sb_manager_publish,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("PublishWith", SD_BUS_ARGS("s", topic, "s", text, "a{ss}", options),
				SD_BUS_RESULT("at", tickets), sb_manager_publish,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS(
		"PublishBytesWith", SD_BUS_ARGS("s", topic, "ay", payload, "a{ss}", options),
		SD_BUS_RESULT("at", tickets), sb_manager_publish, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Ticket", SD_BUS_ARGS("t", ticket),
				SD_BUS_RESULT("s", outcome, "s", code, "s", reason),
				sb_manager_tickets_look_up, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("WaitTicket", SD_BUS_ARGS("t", ticket, "u", timeout_s),
				SD_BUS_RESULT("s", outcome, "s", code, "s", reason),
				sb_manager_tickets_wait, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("CancelTicket", SD_BUS_ARGS("t", ticket), SD_BUS_NO_RESULT,
				sb_manager_tickets_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListDeadLetters", SD_BUS_ARGS("s", link, "t", after),
				SD_BUS_RESULT("a(tssttss)", letters), sb_manager_letters_list,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("DeadLetter", SD_BUS_ARGS("t", ticket),
				SD_BUS_RESULT("s", link, "s", topic, "ay", payload, "t", taken, "s",
					      code, "s", reason),
				sb_manager_letters_read, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Requeue", SD_BUS_ARGS("t", ticket), SD_BUS_RESULT("t", new_ticket),
				sb_manager_letters_requeue, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Discard", SD_BUS_ARGS("t", ticket), SD_BUS_NO_RESULT,
				sb_manager_letters_discard, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListLosses", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(susst)", losses),
				method_list_losses, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListInboxes", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(susstttb)", inboxes), sb_manager_inboxes_list,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
				sb_manager_config_reload, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("PreviewReload", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssss)", changes),
				sb_manager_config_preview, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Configuration", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", yaml),
				sb_manager_config_print, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListMetrics", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(sssa(sa{ss}d))", metrics), sb_manager_metrics_list,
				SD_BUS_VTABLE_UNPRIVILEGED),
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
