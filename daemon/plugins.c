/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/error.h"
#include "daemon/isolation.h"
#include "daemon/log.h"
#include "daemon/plugin-file.h"
#include "daemon/plugins.h"
#include "daemon/quarantine.h"
#include "daemon/running.h"
#include "daemon/settings.h"

/* The names of the files in the directory, without ".so", sorted. */
struct listing {
	char **names;
	size_t n;
};

struct sb_plugins {
	char *directory;
	struct sb_plugin **all; /* each in its own memory: links point to them */
	size_t n;
	struct listing last; /* nearest() lends from it */
	struct sb_quarantine *quarantine; /* NULL where nobody counts crashes */
	bool sealed;
	struct sb_plugin absent; /* what was asked for last, and came too late */
};

SB_DEFINE_CLEANUP(struct sb_plugins *, sb_plugins_free)

static struct sb_plugin *plugin_free(struct sb_plugin *plugin)
{
	if (!plugin)
		return NULL;

	if (plugin->file >= 0)
		(void)close(plugin->file);
	free(plugin->name);
	free(plugin->why);
	free(plugin);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_plugin *, plugin_free)

/* ---- the directory ---- */

static void listing_done(struct listing *listing)
{
	for (size_t i = 0; i < listing->n; i++)
		free(listing->names[i]);
	free(listing->names);
	*listing = (struct listing){ 0 };
}

static int is_shared_object(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

/* Not alphasort(), whose order changes with the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Stays empty when the directory cannot be read: loading from it says why. */
static void listing_fill(struct listing *listing, const char *directory)
{
	struct dirent **entries;
	int n;

	listing_done(listing);
	n = scandir(directory, &entries, is_shared_object, by_name);
	if (n < 0)
		return;

	listing->names = calloc((size_t)n + 1, sizeof(*listing->names));
	for (int i = 0; i < n; i++) {
		const char *file = entries[i]->d_name;
		char *name = listing->names ? strndup(file, strlen(file) - 3) : NULL;

		if (name)
			listing->names[listing->n++] = name;
		free(entries[i]);
	}
	free(entries);
}

static char *explain_missing(struct sb_plugins *plugins, const char *name)
{
	const char *nearest = sb_plugins_nearest(plugins, name);
	char names[512] = "";
	char *why = NULL;
	size_t used = 0;
	int n;

	for (size_t i = 0; i < plugins->last.n && used < sizeof(names); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 i > 0 ? ", " : "", plugins->last.names[i]);

	if (nearest)
		n = asprintf(&why, "there is no plugin \"%s\" in %s: did you mean \"%s\"?", name,
			     plugins->directory, nearest);
	else if (plugins->last.n > 0)
		n = asprintf(&why,
			     "there is no plugin \"%s\" in %s: install it, or write one of %s",
			     name, plugins->directory, names);
	else
		n = asprintf(&why, "there is no plugin \"%s\" in %s, nor any other: install it",
			     name, plugins->directory);

	return n < 0 ? NULL : why;
}

/* ---- life ---- */

/**
 * sb_plugins_new() - the plugins of a directory; none is loaded yet
 * @directory: absolute, or from the working directory on; it need not be there
 * @ret: the plugins, the caller's
 *
 * Return: 0; -ENOMEM.
 */
int sb_plugins_new(const char *directory, struct sb_plugins **ret)
{
	SB_CLEANUP(sb_plugins_free) struct sb_plugins *plugins = calloc(1, sizeof(*plugins));

	if (!plugins)
		return -ENOMEM;

	/* What is not there has no real path; loading will say so. */
	plugins->directory = realpath(directory, NULL);
	if (!plugins->directory)
		plugins->directory = strdup(directory);
	if (!plugins->directory)
		return -ENOMEM;

	*ret = SB_STEAL(plugins);

	return 0;
}

/**
 * sb_plugins_free() - forget the plugins; their code stays where it was loaded
 * @plugins: may be NULL
 *
 * Return: NULL.
 */
struct sb_plugins *sb_plugins_free(struct sb_plugins *plugins)
{
	if (!plugins)
		return NULL;

	for (size_t i = 0; i < plugins->n; i++)
		(void)plugin_free(plugins->all[i]);
	free(plugins->all);
	listing_done(&plugins->last);
	free(plugins->absent.name);
	free(plugins->absent.why);
	free(plugins->directory);
	free(plugins);

	return NULL;
}

/**
 * sb_plugins_guard() - do not load those that are in quarantine
 * @plugins: none is loaded yet
 * @quarantine: lent as long as @plugins live
 */
void sb_plugins_guard(struct sb_plugins *plugins, struct sb_quarantine *quarantine)
{
	plugins->quarantine = quarantine;
}

/* ---- loading ---- */

/* Leaves a descriptor or a reason in the plugin; -ENOMEM: neither. */
static int load(struct sb_plugins *plugins, struct sb_plugin *plugin)
{
	struct sb_running_who who = { 0 };
	int r = 0;

	if (plugins->quarantine)
		r = sb_quarantine_why(plugins->quarantine, plugin->name, &plugin->why);
	plugin->quarantined = plugin->why != NULL;
	if (r < 0 || plugin->quarantined)
		return r;

	/* Its constructors run in there. */
	(void)snprintf(who.plugin, sizeof(who.plugin), "%s", plugin->name);
	sb_running_enter(&who, SB_RUNNING_LOAD);
	r = sb_plugin_file_load(plugins->directory, plugin);
	sb_running_leave();
	if (r == 0)
		sb_isolation_proxy(plugin->descriptor, &plugin->isolated);
	if (r == -ENOENT)
		plugin->why = explain_missing(plugins, plugin->name);

	return plugin->descriptor || plugin->why ? 0 : -ENOMEM;
}

static struct sb_plugin *find(struct sb_plugins *plugins, const char *name)
{
	for (size_t i = 0; i < plugins->n; i++)
		if (strcmp(plugins->all[i]->name, name) == 0)
			return plugins->all[i];

	return NULL;
}

static bool is_listed(const struct listing *listing, const char *name)
{
	for (size_t i = 0; i < listing->n; i++)
		if (strcmp(listing->names[i], name) == 0)
			return true;

	return false;
}

/* It is not remembered: whoever reloads again and again would fill the memory with his mistakes. */
static const struct sb_plugin *explain_absent(struct sb_plugins *plugins, const char *name)
{
	struct sb_plugin *absent = &plugins->absent;

	free(absent->name);
	free(absent->why);
	*absent = (struct sb_plugin){ .name = strdup(name), .file = -1 };
	listing_fill(&plugins->last, plugins->directory);
	if (!is_listed(&plugins->last, name))
		absent->why = explain_missing(plugins, name);
	else if (asprintf(&absent->why,
			  "the plugin \"%s\" came to %s after the start, when plugins are loaded: "
			  "restart skybusd to use it",
			  name, plugins->directory) < 0)
		absent->why = NULL;

	return absent->name && absent->why ? absent : NULL;
}

/**
 * sb_plugins_load() - the plugin of a name; loaded when it is asked for first
 * @plugins: the plugins
 * @name: of the plugin, perhaps not even a possible one
 *
 * A name is tried once: what failed keeps its reason. Once they are sealed, none is tried any more.
 *
 * Return: the plugin, lent as long as @plugins live, or the reason why there is none, which is lent
 * until the next call if they are sealed; NULL without memory.
 */
const struct sb_plugin *sb_plugins_load(struct sb_plugins *plugins, const char *name)
{
	SB_CLEANUP(plugin_free) struct sb_plugin *plugin = NULL;
	struct sb_plugin **all;

	plugin = find(plugins, name);
	if (plugin)
		return SB_STEAL(plugin);
	if (plugins->sealed)
		return explain_absent(plugins, name);

	all = reallocarray(plugins->all, plugins->n + 1, sizeof(struct sb_plugin *));
	if (!all)
		return NULL;
	plugins->all = all;

	plugin = calloc(1, sizeof(*plugin));
	if (!plugin)
		return NULL;
	plugin->file = -1;
	plugin->name = strdup(name);
	if (!plugin->name || load(plugins, plugin) < 0)
		return NULL;

	plugins->all[plugins->n++] = SB_STEAL(plugin);

	return plugins->all[plugins->n - 1];
}

/**
 * sb_plugins_load_all() - load every plugin of the directory, in the order of their names
 * @plugins: the plugins; those that fail are among them, with the reason
 */
void sb_plugins_load_all(struct sb_plugins *plugins)
{
	struct listing listing = { 0 };

	listing_fill(&listing, plugins->directory);
	for (size_t i = 0; i < listing.n; i++)
		(void)sb_plugins_load(plugins, listing.names[i]);
	listing_done(&listing);
}

/**
 * sb_plugins_seal() - load none any more: it takes long, and the loop is about to run
 * @plugins: the plugins
 */
void sb_plugins_seal(struct sb_plugins *plugins)
{
	plugins->sealed = true;
}

/**
 * sb_plugins_lift() - take a plugin out of quarantine and load it; waits for the disk
 * @plugins: sealed or not
 * @name: of the plugin
 * @ret_error: why not, on failure
 *
 * Return: 0, and it is loaded, or has another reason why it is not; -EOPNOTSUPP if it is not in quarantine; -EIO.
 */
int sb_plugins_lift(struct sb_plugins *plugins, const char *name, struct sb_error *ret_error)
{
	struct sb_plugin *plugin = find(plugins, name);
	int r;

	if (!plugin || !plugin->quarantined)
		return sb_error_set(ret_error, SB_ERROR_UNSUPPORTED,
				    "no plugin \"%.64s\" is in quarantine: FailedPlugins says what "
				    "is wrong with those that are left out",
				    name);
	r = sb_quarantine_lift(plugins->quarantine, name);
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "the plugin %s stays in quarantine, for the state directory "
				    "cannot be written: %s",
				    name, strerror(-r));
	free(plugin->why);
	plugin->why = NULL;
	sb_log_event(SB_EVENT_PLUGIN_RELEASED, &(struct sb_fields){ .plugin = name },
		     "the quarantine of the plugin %s was lifted: it is tried again", name);
	if (load(plugins, plugin) < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "no memory left to load the plugin %s: restart skybusd", name);

	return 0;
}

/**
 * sb_plugins_count() - how many plugins were tried
 * @plugins: the plugins
 *
 * Return: the number of those for sb_plugins_at().
 */
size_t sb_plugins_count(const struct sb_plugins *plugins)
{
	return plugins->n;
}

/**
 * sb_plugins_at() - one of the plugins that were tried
 * @plugins: the plugins
 * @index: less than sb_plugins_count()
 *
 * Return: the plugin, lent as long as @plugins live.
 */
const struct sb_plugin *sb_plugins_at(const struct sb_plugins *plugins, size_t index)
{
	return plugins->all[index];
}

/**
 * sb_plugins_directory() - where the plugins are
 * @plugins: the plugins
 *
 * Return: an absolute path, if there is such a directory; lent.
 */
const char *sb_plugins_directory(const struct sb_plugins *plugins)
{
	return plugins->directory;
}

/**
 * sb_plugins_nearest() - the plugin that was probably meant
 * @plugins: the plugins
 * @name: what was written
 *
 * Return: a name in the directory, lent until the next call; NULL if none is near.
 */
const char *sb_plugins_nearest(struct sb_plugins *plugins, const char *name)
{
	listing_fill(&plugins->last, plugins->directory);

	return sb_nearest_word(name, (const char *const *)plugins->last.names, plugins->last.n);
}
