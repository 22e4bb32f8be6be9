/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/manager-config.h"
#include "daemon/changes.h"
#include "daemon/cleanup.h"
#include "daemon/reload.h"
#include "dbus/call.h"
#include "dbus/identity.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)

int sb_manager_config_get_file(sd_bus *bus, const char *path, const char *interface,
			       const char *property, sd_bus_message *reply, void *userdata,
			       sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;

	return sb_bus_append_text(reply, sb_reload_path(manager->parts->reload));
}

/* ---- Reload ---------------------------------------------------------------------------------- */

/**
 * sb_manager_config_begin_reload() - have the configuration reloaded, and reply when it is in force
 * @manager: the manager
 * @message: the call, whose sender may do that
 *
 * Return: for a handler to return.
 */
int sb_manager_config_begin_reload(const struct sb_manager *manager, sd_bus_message *message)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	int r;

	r = sb_bus_call_new(manager->parts->calls, message, NULL, &call);
	if (r < 0)
		return r;
	r = sb_reload_request(manager->parts->reload, sb_bus_reply_done, call);
	if (r < 0)
		return r;
	(void)SB_STEAL(call);

	return 1;
}

static int reload(sd_bus_message *message, void *userdata, const struct sb_identity *sender)
{
	const struct sb_manager *manager = userdata;
	struct sb_error why = { 0 };
	int r;

	r = sb_permit_administer(manager->parts, sender, message, &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);

	return sb_manager_config_begin_reload(manager, message);
}

int sb_manager_config_reload(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, reload, userdata);
}

/* ---- PreviewReload --------------------------------------------------------------------------- */

static int append_change(sd_bus_message *reply, const struct sb_change *change)
{
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, "ssss");
	if (r < 0)
		return r;
	r = sd_bus_message_append_basic(reply, SD_BUS_TYPE_STRING, change->what);
	if (r >= 0)
		r = sb_bus_append_text(reply, change->name);
	if (r >= 0)
		r = sd_bus_message_append_basic(reply, SD_BUS_TYPE_STRING, change->word);
	if (r >= 0)
		r = sb_bus_append_text(reply, change->sentence);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}

static int reply_changes(sd_bus_message *call, const struct sb_changes *changes)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(ssss)");
	for (size_t i = 0; i < changes->n && r >= 0; i++)
		r = append_change(reply, &changes->all[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

static int preview(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	const struct sb_manager *manager = userdata;
	struct sb_changes changes = { 0 };
	struct sb_error why = { 0 };
	int r;

	r = sb_permit_administer(manager->parts, sender, call, &why);
	if (r >= 0)
		r = sb_reload_preview(manager->parts->reload, &changes, &why);
	if (r < 0)
		r = sb_bus_reply_error(call, &why);
	else
		r = reply_changes(call, &changes);
	sb_changes_done(&changes);

	return r;
}

int sb_manager_config_preview(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, preview, userdata);
}

/* ---- Configuration --------------------------------------------------------------------------- */

static int print(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	SB_CLEANUP(sb_free) char *yaml = NULL;
	const struct sb_manager *manager = userdata;
	struct sb_error why = { 0 };
	int r;

	r = sb_permit_administer(manager->parts, sender, call, &why);
	if (r < 0)
		return sb_bus_reply_error(call, &why);
	r = sb_reload_print(manager->parts->reload, &yaml);
	if (r < 0)
		return sb_bus_reply_failed(call, r);
	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sb_bus_append_text(reply, yaml);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

int sb_manager_config_print(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, print, userdata);
}
