/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/changes.h"
#include "daemon/cleanup.h"
#include "daemon/config-print.h"
#include "daemon/config.h"

/* Bytes for the names of keys that differ; what does not fit is left out. */
#define KEYS_MAX 1024

/**
 * sb_changes_done() - forget them
 * @changes: none afterwards
 */
void sb_changes_done(struct sb_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		free(changes->all[i].name);
		free(changes->all[i].sentence);
	}
	free(changes->all);
	*changes = (struct sb_changes){ 0 };
}

/* One more; its sentence is what was printed. */
__attribute__((format(printf, 5, 6))) static int add(struct sb_changes *changes, const char *what,
						     const char *name, const char *word,
						     const char *format, ...)
{
	struct sb_change *all = reallocarray(changes->all, changes->n + 1, sizeof(*all));
	struct sb_change change = { .what = what, .word = word };
	va_list args;
	int r;

	if (!all)
		return -ENOMEM;
	changes->all = all;
	change.name = strdup(name);
	va_start(args, format);
	r = vasprintf(&change.sentence, format, args);
	va_end(args);
	if (!change.name || r < 0) {
		free(change.name);
		if (r >= 0)
			free(change.sentence);
		return -ENOMEM;
	}
	all[changes->n++] = change;

	return 0;
}

/* ---- links ---- */

/* "host, port", behind what is there already. */
static void append_keys(const struct sb_settings *old, const struct sb_settings *new,
			char keys[KEYS_MAX])
{
	const struct skybus_setting *rows;
	size_t n;

	rows = sb_settings_rows(new, &n);
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(keys);

		if (!sb_settings_same(old, new, rows[i].key))
			(void)snprintf(keys + used, KEYS_MAX - used, "%s%s", used > 0 ? ", " : "",
				       rows[i].key);
	}
}

static bool connects(const struct sb_link_config *link)
{
	return sb_settings_integer(link->common, "enabled") != 0;
}

/**
 * sb_changes_link_added() - a link would be new
 * @changes: get a sentence
 * @link: nothing is wrong with it
 *
 * Return: 0, or -ENOMEM.
 */
int sb_changes_link_added(struct sb_changes *changes, const struct sb_link_config *link)
{
	return add(changes, "link", link->name, "added", "new, with the plugin %s: it %s",
		   link->plugin, connects(link) ? "connects" : "does not connect (enabled: no)");
}

/**
 * sb_changes_link_changed() - a link would get other settings
 * @changes: get a sentence
 * @old: as it is
 * @link: as it would be; nothing is wrong with it
 *
 * Return: 0, or -ENOMEM.
 */
int sb_changes_link_changed(struct sb_changes *changes, const struct sb_link_config *old,
			    const struct sb_link_config *link)
{
	const char *then = connects(link) ? "logs in anew" : "does not connect (enabled: no)";
	char keys[KEYS_MAX] = "";

	append_keys(old->common, link->common, keys);
	if (old->own && link->own && old->loaded == link->loaded)
		append_keys(old->own, link->own, keys);
	if (old->wrong)
		return add(changes, "link", link->name, "changed",
			   "what was wrong with it is mended: it %s", then);

	return add(changes, "link", link->name, "changed", "other %s: it %s", keys, then);
}

/**
 * sb_changes_link_removed() - a link would go
 * @changes: get a sentence
 * @name: its name
 * @waiting: messages that wait for it
 *
 * Return: 0, or -ENOMEM.
 */
int sb_changes_link_removed(struct sb_changes *changes, const char *name, uint64_t waiting)
{
	if (waiting == 0)
		return add(changes, "link", name, "removed", "gone, and no message waits for it");

	return add(changes, "link", name, "removed",
		   "gone, and %" PRIu64 " message%s for it stay%s on disk for a link of this name",
		   waiting, waiting == 1 ? "" : "s", waiting == 1 ? "s" : "");
}

/* ---- sections ---- */

static int compare(struct sb_changes *changes, const char *name, const struct sb_settings *old,
		   const struct sb_settings *new)
{
	char keys[KEYS_MAX] = "";

	append_keys(old, new, keys);

	return keys[0] ? add(changes, "section", name, "changed", "other %s", keys) : 0;
}

static int compare_store(struct sb_changes *changes, const struct sb_settings *old,
			 const struct sb_settings *new)
{
	char keys[KEYS_MAX] = "";

	append_keys(old, new, keys);

	return keys[0] ? add(changes, "section", "store", "restart",
			     "other %s: it takes effect at the next start", keys)
		       : 0;
}

/**
 * sb_changes_sections() - what would change beside the links
 * @changes: get a sentence for each section
 * @old: in force
 * @new: the other; nothing is wrong with it
 *
 * Return: 0, or -ENOMEM.
 */
int sb_changes_sections(struct sb_changes *changes, const struct sb_config_view *old,
			const struct sb_config_view *new)
{
	int r = 0;

	if (!sb_rules_equal(old->access, new->access))
		r = add(changes, "section", "access", "changed",
			new->access->built_in
				? "no rules any more: members of the group " SB_BUILT_IN_GROUP
				  " may do everything"
				: "other rules for who may do what");
	if (r == 0)
		r = compare(changes, "callers", old->callers, new->callers);
	if (r == 0)
		r = compare_store(changes, old->store, new->store);
	if (r == 0)
		r = compare(changes, "inboxes", old->inboxes, new->inboxes);
	if (r == 0 && !sb_routes_equal(old->routes, new->routes))
		r = add(changes, "section", "routes", "changed", "other ways from topics to links");

	return r;
}
