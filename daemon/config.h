/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration: skybus.yaml, then conf.d/<*>.yaml beside it in the order of their names.
 *
 * Reading finds every problem, not the first. A link that is wrong is kept, with its problem, so that
 * the others can start and people can see on the bus which one is not right and why.
 */
#include <stdbool.h>

#include "daemon/plugins.h"
#include "daemon/problems.h"
#include "daemon/route.h"
#include "daemon/rule.h"
#include "daemon/settings.h"

/**
 * struct sb_link_config - one entry below "links:"
 * @name: the key, [a-z0-9][a-z0-9_-]{0,62}
 * @plugin: the name in its "plugin:" key; NULL if there was none
 * @loaded: the plugin; NULL if it is not there, or failed to load
 * @common: what every link has (sb_link_table); never NULL
 * @own: what its plugin has; NULL without plugin
 * @wrong: the first thing that is wrong with it, with its place; NULL if the link can start
 * @quarantined: that is no error of the configuration: the plugin has crashed the daemon too often
 */
struct sb_link_config {
	char *name;
	char *plugin;
	const struct sb_plugin *loaded;
	struct sb_settings *common;
	struct sb_settings *own;
	char *wrong;
	bool quarantined;
};

/**
 * struct sb_config - what was read
 * @access: the section "access:", or what holds without one; never NULL
 * @callers: the section "callers:" (sb_caller_table); never NULL
 * @store: the section "store:" (sb_store_table); never NULL
 * @inboxes: the section "inboxes:" (sb_inboxes_table); never NULL
 * @links: in the order of the files
 * @routes: likewise; never NULL
 */
struct sb_config {
	struct sb_rules *access;
	struct sb_settings *callers;
	struct sb_settings *store;
	struct sb_settings *inboxes;
	struct sb_link_config **links;
	size_t n_links;
	struct sb_routes *routes;
};

/** The rows of "callers:". */
extern const struct skybus_setting sb_caller_table[];
extern const size_t sb_caller_table_rows;

/** The rows of "store:". */
extern const struct skybus_setting sb_store_table[];
extern const size_t sb_store_table_rows;

/** The rows of "inboxes:". */
extern const struct skybus_setting sb_inboxes_table[];
extern const size_t sb_inboxes_table_rows;

/** The rows that every link has beside its plugin's. */
extern const struct skybus_setting sb_link_table[];
extern const size_t sb_link_table_rows;

/** The rows of each of "routes:", and of each link in its "to:". */
extern const struct skybus_setting sb_route_table[];
extern const size_t sb_route_table_rows;
extern const struct skybus_setting sb_route_target_table[];
extern const size_t sb_route_target_table_rows;

int sb_config_read(const char *path, struct sb_plugins *plugins, struct sb_problems *problems,
		   struct sb_config **ret);
struct sb_config *sb_config_free(struct sb_config *config);
struct sb_link_config *sb_link_config_free(struct sb_link_config *config);
bool sb_link_config_equal(const struct sb_link_config *config, const struct sb_link_config *other);
