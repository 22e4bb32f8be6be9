/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the daemon's tables of settings and those of its plugins say, for docs/configuration.py: a line for
 * each kind, section, plugin and setting, with tabs between the fields.
 *
 * Usage: settings PLUGIN-DIRECTORY
 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/config.h"
#include "daemon/kind.h"
#include "daemon/plugins.h"

SB_DEFINE_CLEANUP(struct sb_plugins *, sb_plugins_free)

static const struct section {
	const char *name;
	const struct skybus_setting *rows;
	const size_t *n;
} sections[] = {
	{ "links", sb_link_table, &sb_link_table_rows },
	{ "routes", sb_route_table, &sb_route_table_rows },
	{ "to", sb_route_target_table, &sb_route_target_table_rows },
	{ "store", sb_store_table, &sb_store_table_rows },
	{ "inboxes", sb_inboxes_table, &sb_inboxes_table_rows },
	{ "callers", sb_caller_table, &sb_caller_table_rows },
};

static void print_kinds(void)
{
	struct skybus_setting row = { .kind = SKYBUS_TEXT };
	const struct sb_kind *kind;

	for (; (kind = sb_kind_of(&row)); row.kind++)
		(void)printf("kind\t%s\t%s\t%s\n", kind->word, kind->form,
			     kind->example ? kind->example : "");
}

static void print_rows(const struct skybus_setting *rows, size_t n)
{
	char range[512];

	for (size_t i = 0; i < n; i++) {
		sb_kind_range(&rows[i], range, sizeof(range));
		(void)printf("setting\t%s\t%s\t%s\t%s\t%s\t%s\n", rows[i].key,
			     sb_kind_of(&rows[i])->word, range,
			     rows[i].fallback ? rows[i].fallback : "",
			     (rows[i].flags & SKYBUS_REQUIRED) ? "required" : "", rows[i].help);
	}
}

/* Returns how many of them could not be loaded. */
static int print_plugins(const struct sb_plugins *plugins)
{
	int failed = 0;

	for (size_t i = 0; i < sb_plugins_count(plugins); i++) {
		const struct sb_plugin *plugin = sb_plugins_at(plugins, i);

		if (!plugin->descriptor) {
			(void)fprintf(stderr, "%s: %s\n", plugin->name, plugin->why);
			failed++;
			continue;
		}
		(void)printf("plugin\t%s\t%s\n", plugin->name, plugin->descriptor->summary);
		print_rows(plugin->descriptor->settings, plugin->descriptor->n_settings);
	}

	return failed;
}

int main(int argc, char **argv)
{
	SB_CLEANUP(sb_plugins_free) struct sb_plugins *plugins = NULL;

	if (argc != 2 || sb_plugins_new(argv[1], &plugins) < 0) {
		(void)fprintf(stderr, "usage: settings PLUGIN-DIRECTORY\n");
		return EXIT_FAILURE;
	}
	sb_plugins_load_all(plugins);
	print_kinds();
	for (size_t i = 0; i < SB_ELEMENTS(sections); i++) {
		(void)printf("section\t%s\n", sections[i].name);
		print_rows(sections[i].rows, *sections[i].n);
	}
	if (print_plugins(plugins) > 0 || sb_plugins_count(plugins) == 0)
		return EXIT_FAILURE;

	return EXIT_SUCCESS;
}
