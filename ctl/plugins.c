/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins: which there are, and their settings.
 */
#include <stdio.h>

#include "ctl/list.h"
#include "ctl/run.h"
#include "ctl/settings.h"
#include "ctl/text.h"

static const struct ctl_list plugins = {
	.member = "ListPlugins",
	.columns = {
		{ "name", "PLUGIN", CTL_TEXT, false },
		{ "version", "VERSION", CTL_TEXT, false },
		{ "summary", "WHAT IT IS", CTL_TEXT, true },
	},
	.nothing = "There are no plugins; the package skybus-plugins has some.",
};

static const struct ctl_list settings = {
	.member = "ListSettings",
	.columns = {
		{ "key", NULL, CTL_TEXT, false },
		{ "kind", NULL, CTL_TEXT, false },
		{ "values", NULL, CTL_TEXT, false },
		{ "default", NULL, CTL_TEXT, false },
		{ "required", NULL, CTL_YES, false },
		{ "help", NULL, CTL_TEXT, false },
	},
};

/**
 * ctl_settings() - the settings of a plugin
 * @plugin: its name; "" for those that every link has
 * @ret: on success an array of objects, a new reference
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_settings(struct ctl *ctl, const char *plugin, json_t **ret)
{
	return ctl_list_get(ctl, &settings, plugin, ret);
}

/**
 * ctl_plugins() - the plugins that are loaded
 * @ret: on success an array of objects with name, version and summary, a new reference
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_plugins(struct ctl *ctl, json_t **ret)
{
	return ctl_list_get(ctl, &plugins, NULL, ret);
}

static void add_path(json_t *plugin, const char *directory)
{
	(void)json_object_set_new(plugin, "path",
				  json_sprintf("%s/%s.so", directory,
					       json_string_value(json_object_get(plugin, "name"))));
}

/* "FailedPlugins" as objects. */
static json_t *failed_of(const json_t *manager)
{
	json_t *rows = json_array();
	const json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(manager, "FailedPlugins"), i, pair)
		(void)json_array_append_new(rows,
					    json_pack("{s:O, s:O}", "name", json_array_get(pair, 0),
						      "reason", json_array_get(pair, 1)));

	return rows;
}

/**
 * ctl_print_failed_plugins() - which were left out, and why
 * @failed: the property FailedPlugins
 */
void ctl_print_failed_plugins(const struct ctl *ctl, const json_t *failed)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(failed, i, pair) {
		(void)printf("\n%sThe plugin %s was left out:%s ", ctl_colour(ctl, CTL_BAD),
			     json_string_value(json_array_get(pair, 0)),
			     ctl_colour(ctl, CTL_PLAIN));
		ctl_print_line(json_string_value(json_array_get(pair, 1)));
	}
}

static enum ctl_exit print(struct ctl *ctl, const char *directory, json_t *loaded,
			   const json_t *failed)
{
	enum ctl_exit status;

	status = ctl_list_print(ctl, &plugins, loaded);
	if (status != CTL_EXIT_OK)
		return status;
	if (directory)
		(void)printf("\n%sThey are in %s%s\n", ctl_colour(ctl, CTL_FAINT), directory,
			     ctl_colour(ctl, CTL_PLAIN));
	ctl_print_failed_plugins(ctl, failed);

	return CTL_EXIT_OK;
}

/** ctl_run_plugins() - "plugins" */
enum ctl_exit ctl_run_plugins(struct ctl *ctl)
{
	CTL_CLEANUP(json_decref) json_t *manager = NULL, *loaded = NULL, *failed = NULL;
	CTL_CLEANUP(json_decref) json_t *all = NULL;
	const char *directory;
	enum ctl_exit status;
	json_t *plugin;
	size_t i;

	status = ctl_properties(ctl, CTL_ROOT, CTL_MANAGER, &manager);
	if (status == CTL_EXIT_OK)
		status = ctl_plugins(ctl, &loaded);
	if (status != CTL_EXIT_OK)
		return status;
	directory = json_string_value(json_object_get(manager, "PluginDirectory"));
	json_array_foreach(loaded, i, plugin)
		add_path(plugin, directory);
	failed = failed_of(manager);
	json_array_foreach(failed, i, plugin)
		add_path(plugin, directory);
	if (!ctl->json)
		return print(ctl, directory, loaded, json_object_get(manager, "FailedPlugins"));
	all = json_pack("{s:s, s:O, s:O}", "directory", directory, "plugins", loaded, "failed",
			failed);

	return all ? ctl_print_json(all, true) : ctl_no_memory();
}

/* Sentences are too long for a table: "lifetime: duration, 30s to 1d; 1h unless set", and below it what it says. */
static void print_setting(const struct ctl *ctl, const json_t *row)
{
	const char *values = ctl_text_at(row, "values"), *fallback = ctl_text_at(row, "default");

	(void)printf("%s%s%s: %s%s%s%s%s", ctl_colour(ctl, CTL_BOLD), ctl_text_at(row, "key"),
		     ctl_colour(ctl, CTL_PLAIN), ctl_text_at(row, "kind"), *values ? ", " : "",
		     values, *fallback ? "; " : "", fallback);
	(void)puts(json_is_true(json_object_get(row, "required")) ? "; needed"
		   : *fallback					  ? " unless set"
								  : "");
	(void)fputs("    ", stdout);
	ctl_print_line(ctl_text_at(row, "help"));
}

/** ctl_run_plugins_show() - "plugins show PLUGIN" */
enum ctl_exit ctl_run_plugins_show(struct ctl *ctl)
{
	CTL_CLEANUP(json_decref) json_t *rows = NULL;
	enum ctl_exit status = ctl_settings(ctl, ctl_word(ctl, 0), &rows);
	const json_t *row;
	size_t i;

	if (status != CTL_EXIT_OK)
		return status;
	if (ctl->json)
		return ctl_print_json(rows, true);
	ctl_output_pager(ctl);
	if (json_array_size(rows) == 0)
		(void)puts("It has no settings of its own.");
	json_array_foreach(rows, i, row)
		print_setting(ctl, row);

	return CTL_EXIT_OK;
}

/** ctl_run_plugins_lift() - "plugins lift PLUGIN" */
enum ctl_exit ctl_run_plugins_lift(struct ctl *ctl)
{
	return ctl_manager(ctl, "LiftQuarantine", NULL, "s", ctl_word(ctl, 0));
}
