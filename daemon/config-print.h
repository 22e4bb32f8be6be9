/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration that is in force, as YAML: every setting that has a value, with the defaults. Secrets are not
 * in it, only where they come from.
 */
#include <stddef.h>

struct sb_link_config;
struct sb_routes;
struct sb_rules;
struct sb_settings;

/** struct sb_config_view - what is printed; all of it is lent. @routes: may be NULL for none */
struct sb_config_view {
	const struct sb_rules *access;
	const struct sb_settings *callers;
	const struct sb_settings *store;
	const struct sb_settings *inboxes;
	const struct sb_link_config *const *links;
	size_t n_links;
	const struct sb_routes *routes;
};

int sb_config_print(const struct sb_config_view *view, char **ret);
