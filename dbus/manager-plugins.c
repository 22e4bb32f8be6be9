/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/config.h"
#include "daemon/gateway.h"
#include "daemon/kind.h"
#include "dbus/identity.h"
#include "dbus/manager-config.h"
#include "dbus/manager-plugins.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
SB_DEFINE_CLEANUP(struct sb_settings *, sb_settings_free)

/** struct table - rows of settings; lent */
struct table {
	const struct skybus_setting *rows;
	size_t n;
};

static const struct sb_plugins *plugins_of(const struct sb_manager *manager)
{
	return sb_gateway_plugins(manager->parts->gateway);
}

/* A struct of texts, which may come from a plugin. */
static int append_texts(sd_bus_message *reply, const char *types, const char *const *texts)
{
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, types);
	for (size_t i = 0; types[i] && r >= 0; i++)
		r = sb_bus_append_text(reply, texts[i]);

	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* ---- which there are ------------------------------------------------------------------------- */

static int append_name(sd_bus_message *reply, const struct sb_plugin *plugin)
{
	return plugin->descriptor ? sb_bus_append_text(reply, plugin->name) : 0;
}

static int append_failure(sd_bus_message *reply, const struct sb_plugin *plugin)
{
	const char *const texts[] = { plugin->name, plugin->why };

	return plugin->descriptor ? 0 : append_texts(reply, "ss", texts);
}

static int append_summary(sd_bus_message *reply, const struct sb_plugin *plugin)
{
	if (!plugin->descriptor)
		return 0;

	return append_texts(reply, "sss",
			    (const char *const[]){ plugin->name, plugin->descriptor->version,
						   plugin->descriptor->summary });
}

static int append_plugins(const struct sb_manager *manager, sd_bus_message *reply,
			  const char *element,
			  int (*append)(sd_bus_message *reply, const struct sb_plugin *plugin))
{
	const struct sb_plugins *plugins = plugins_of(manager);
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

int sb_manager_plugins_get(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;

	return append_plugins(userdata, reply, "s", append_name);
}

int sb_manager_plugins_get_failed(sd_bus *bus, const char *path, const char *interface,
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

int sb_manager_plugins_get_directory(sd_bus *bus, const char *path, const char *interface,
				     const char *property, sd_bus_message *reply, void *userdata,
				     sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;

	return sb_bus_append_text(reply, sb_plugins_directory(plugins_of(userdata)));
}

int sb_manager_plugins_list(sd_bus_message *call, void *userdata, sd_bus_error *error)
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

/* ---- those in quarantine --------------------------------------------------------------------- */

/* The reload gives those links their plugin that have waited for it. */
static int lift(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	struct sb_manager *manager = userdata;
	struct sb_error why = { 0 };
	const char *name;
	int r;

	r = sd_bus_message_read(call, "s", &name);
	if (r < 0)
		return r;
	r = sb_permit_administer(manager->parts, sender, call, &why);
	if (r >= 0)
		r = sb_plugins_lift(sb_gateway_plugins(manager->parts->gateway), name, &why);
	if (r < 0)
		return sb_bus_reply_error(call, &why);
	sb_manager_links_changed(manager);

	return sb_manager_config_begin_reload(manager, call);
}

int sb_manager_plugins_lift(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, lift, userdata);
}

/* ---- their settings -------------------------------------------------------------------------- */

static int no_plugin(const struct sb_plugins *plugins, const char *name, struct sb_error *ret_error)
{
	const char *nearest = NULL;

	/* Two at a time: the search takes words. */
	for (size_t i = 0; i < sb_plugins_count(plugins); i++)
		nearest = sb_nearest_word(
			name, (const char *const[]){ nearest, sb_plugins_at(plugins, i)->name }, 2);
	if (nearest)
		return sb_error_set(ret_error, SB_ERROR_NO_SUCH_PLUGIN,
				    "there is no plugin \"%.64s\": did you mean \"%s\"?", name,
				    nearest);

	return sb_error_set(ret_error, SB_ERROR_NO_SUCH_PLUGIN,
			    "there is no plugin \"%.64s\": ListPlugins names all", name);
}

static int find_table(const struct sb_plugins *plugins, const char *name, struct table *ret,
		      struct sb_error *ret_error)
{
	if (!*name) {
		*ret = (struct table){ sb_link_table, sb_link_table_rows };
		return 0;
	}
	for (size_t i = 0; i < sb_plugins_count(plugins); i++) {
		const struct sb_plugin *plugin = sb_plugins_at(plugins, i);

		if (strcmp(plugin->name, name) != 0)
			continue;
		if (!plugin->descriptor)
			return sb_error_set(ret_error, SB_ERROR_NO_SUCH_PLUGIN,
					    "the plugin %s cannot be used: %s", plugin->name,
					    plugin->why);
		*ret = (struct table){ plugin->descriptor->settings,
				       plugin->descriptor->n_settings };
		return 0;
	}

	return no_plugin(plugins, name, ret_error);
}

static int append_setting(sd_bus_message *reply, const struct skybus_setting *row)
{
	char range[512];
	int r;

	sb_kind_range(row, range, sizeof(range));
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, "ssssbs");
	if (r >= 0)
		r = sd_bus_message_append(reply, "ss", row->key, sb_kind_of(row)->word);
	if (r >= 0)
		r = sb_bus_append_text(reply, range);
	if (r >= 0)
		r = sb_bus_append_text(reply, row->fallback ? row->fallback : "");
	if (r >= 0)
		r = sd_bus_message_append(reply, "b", (row->flags & SKYBUS_REQUIRED) != 0);
	if (r >= 0)
		r = sb_bus_append_text(reply, row->help);

	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int sb_manager_plugins_settings(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	struct sb_error why = { 0 };
	struct table table;
	const char *name;
	int r;

	(void)error;
	r = sd_bus_message_read(call, "s", &name);
	if (r < 0)
		return r;
	if (find_table(plugins_of(userdata), name, &table, &why) < 0)
		return sb_bus_reply_error(call, &why);

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(ssssbs)");
	for (size_t i = 0; i < table.n && r >= 0; i++)
		r = append_setting(reply, &table.rows[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

/* The sentence is the one that the configuration would get. */
static int check_value(struct sb_settings *settings, const char *key, const char *value,
		       struct sb_error *ret_error)
{
	const struct skybus_setting *row = sb_settings_row(settings, key);
	struct sb_problems problems = { 0 };
	int r;

	if (row && sb_kind_of(row)->is_bytes)
		return sb_error_set(ret_error, SB_ERROR_UNSUPPORTED,
				    "%s is %s: Reload and PreviewReload check it, where it is", key,
				    sb_kind_of(row)->noun);
	r = sb_settings_set(settings, key, value, NULL, &problems);
	if (r < 0)
		(void)sb_error_set(ret_error, SB_ERROR_INVALID_CONFIGURATION, "%s",
				   problems.n > 0 ? problems.all[0].text : "no memory left");
	sb_problems_done(&problems);

	return r;
}

int sb_manager_plugins_check(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	SB_CLEANUP(sb_settings_free) struct sb_settings *settings = NULL;
	const char *plugin, *key, *value;
	struct sb_error why = { 0 };
	struct table table;
	int r;

	(void)error;
	r = sd_bus_message_read(call, "sss", &plugin, &key, &value);
	if (r < 0)
		return r;
	if (find_table(plugins_of(userdata), plugin, &table, &why) < 0)
		return sb_bus_reply_error(call, &why);
	r = sb_settings_new(table.rows, table.n, &settings);
	if (r < 0)
		return sb_bus_reply_failed(call, r);
	if (check_value(settings, key, value, &why) < 0)
		return sb_bus_reply_error(call, &why);

	return sd_bus_reply_method_return(call, NULL);
}
