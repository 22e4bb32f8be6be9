/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The loader: plugins are shared objects in one directory, <name>.so, loaded when a link asks for
 * them, until they are sealed, and never unloaded. A plugin that fails any check is remembered with the
 * reason, as is one that has crashed the daemon too often (daemon/quarantine.h).
 */
#include <stdbool.h>
#include <stddef.h>

#include "skybus/plugin.h"

struct sb_error;
struct sb_plugins;
struct sb_quarantine;

/**
 * struct sb_plugin - one plugin file
 * @name: without directory and ".so"
 * @descriptor: NULL if it could not be loaded
 * @why: a sentence that says why it could not; NULL if it could
 * @quarantined: it was not even tried, for it has crashed the daemon; sb_plugins_lift() does
 * @isolated: the same as @descriptor, in processes of its own
 * @file: what was loaded, for those processes; -1 if it could not
 */
struct sb_plugin {
	char *name;
	const struct skybus_plugin *descriptor;
	char *why;
	bool quarantined;
	struct skybus_plugin isolated;
	int file;
};

int sb_plugins_new(const char *directory, struct sb_plugins **ret);
struct sb_plugins *sb_plugins_free(struct sb_plugins *plugins);
void sb_plugins_guard(struct sb_plugins *plugins, struct sb_quarantine *quarantine);

const struct sb_plugin *sb_plugins_load(struct sb_plugins *plugins, const char *name);
void sb_plugins_load_all(struct sb_plugins *plugins);
void sb_plugins_seal(struct sb_plugins *plugins);
int sb_plugins_lift(struct sb_plugins *plugins, const char *name, struct sb_error *ret_error);
size_t sb_plugins_count(const struct sb_plugins *plugins);
const struct sb_plugin *sb_plugins_at(const struct sb_plugins *plugins, size_t index);
const char *sb_plugins_directory(const struct sb_plugins *plugins);
const char *sb_plugins_nearest(struct sb_plugins *plugins, const char *name);
