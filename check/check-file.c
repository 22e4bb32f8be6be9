/* SPDX-License-Identifier: Apache-2.0 */
/* The file: does the daemon's loader take it, and what does it show to the dynamic linker. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/checks.h"
#include "check/trial.h"
#include "daemon/cleanup.h"
#include "daemon/plugin-file.h"

/* Where the loader looks, and for what. */
struct place {
	char path[PATH_MAX];
	char *directory;
	char name[NAME_MAX + 1];
};

static int find_place(const char *path, struct place *ret)
{
	const char *base = strrchr(path, '/');
	size_t len;

	/* The loader names the file itself, so links are followed up to its directory only. */
	(void)snprintf(ret->name, sizeof(ret->name), "%s", base ? base + 1 : path);
	(void)snprintf(ret->path, sizeof(ret->path), "%s", path);
	ret->directory = realpath(base ? dirname(ret->path) : ".", NULL);
	len = strlen(ret->name);
	if (!ret->directory || len < 4 || strcmp(ret->name + len - 3, ".so") != 0)
		return -EINVAL;
	ret->name[len - 3] = '\0';

	return 0;
}

/* In the child: its code runs when it is loaded, and may do anything. */
static void load(void *arg, size_t i)
{
	struct place *place = arg;
	struct sb_plugin plugin = { .name = place->name, .file = -1 };
	int r = sb_plugin_file_load(place->directory, &plugin);

	(void)i;
	if (plugin.why)
		check_fault("", "%s", plugin.why);
	else if (r < 0)
		check_fault("", "cannot be loaded: %s", strerror(-r));
}

static int keep(struct check_plugin *plugin, struct place *place)
{
	struct sb_plugin loaded = { .name = place->name, .file = -1 };
	size_t size;
	int r;

	r = sb_plugin_file_load(place->directory, &loaded);
	free(loaded.why);
	if (loaded.file >= 0)
		(void)close(loaded.file);
	if (r < 0)
		return r;
	/* What an older plugin does not have is NULL. */
	size = loaded.descriptor->size;
	memcpy(&plugin->copy, loaded.descriptor,
	       size < sizeof(plugin->copy) ? size : sizeof(plugin->copy));
	plugin->descriptor = &plugin->copy;

	return check_image_find(&plugin->image, plugin->path, loaded.descriptor);
}

/**
 * check_file() - would the daemon load it
 * @plugin: gets its descriptor
 * @outcome: of this check
 */
void check_file(struct check_plugin *plugin, struct check_outcome *outcome)
{
	struct place place = { .directory = NULL };

	if (find_place(plugin->path, &place) < 0) {
		(void)snprintf(outcome->text, sizeof(outcome->text),
			       "the file of a plugin is named <name>.so");
		outcome->result = CHECK_FAILED;
		return;
	}
	check_run_loading(plugin, &outcome->findings, load, &place);
	if (outcome->findings.n == 0 && keep(plugin, &place) < 0)
		outcome->result = CHECK_FAILED;
	free(place.directory);
	if (plugin->descriptor)
		(void)snprintf(outcome->text, sizeof(outcome->text),
			       "%s %s: the daemon would load it, with %u settings",
			       plugin->descriptor->name, plugin->descriptor->version,
			       plugin->descriptor->n_settings);
}

/* ---- symbols ---- */

/* The linker's own, of older ones. */
static bool is_the_linkers(const char *name)
{
	static const char *const names[] = { "_init", "_fini", "_edata", "_end", "__bss_start" };

	for (size_t i = 0; i < SB_ELEMENTS(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;

	return false;
}

static bool is_a_clock(const char *name)
{
	static const char *const names[] = { "time", "clock_gettime", "gettimeofday",
					     "timespec_get", "ftime" };

	for (size_t i = 0; i < SB_ELEMENTS(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;

	return false;
}

static void look(void *arg, const char *name, bool defined)
{
	struct check_finding warning = { .n = 0 };

	if (defined && strcmp(name, "skybus_plugin_v1") != 0 && !is_the_linkers(name))
		(void)snprintf(warning.text, sizeof(warning.text),
			       "exports %s beside skybus_plugin_v1: build with -fvisibility=hidden",
			       name);
	else if (!defined && is_a_clock(name))
		(void)snprintf(warning.text, sizeof(warning.text),
			       "calls %s(), and a plugin reads no clock: take message->time_ms or "
			       "host->timer_start()",
			       name);
	if (warning.text[0])
		check_findings_add(arg, &warning);
}

/**
 * check_symbols() - what it shows to the dynamic linker, and wants from it
 * @plugin: loaded
 * @outcome: of this check; never failed
 */
void check_symbols(struct check_plugin *plugin, struct check_outcome *outcome)
{
	check_image_each(&plugin->image, look, &outcome->warnings);
	(void)snprintf(outcome->text, sizeof(outcome->text), "%s",
		       outcome->warnings.n == 0 ? "one is exported, and no clock is read"
						: "the plugin works all the same");
}
