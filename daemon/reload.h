/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading the configuration again while the daemon runs: all of it comes into force, or, if anything is
 * wrong, nothing.
 *
 * The files are read on the loop, which waits for them. They are small and local, and somebody has asked
 * for it.
 */
#include "daemon/config.h"
#include "daemon/error.h"

struct sb_access;
struct sb_changes;
struct sb_gateway;
struct sb_rates;
struct sb_reload;
struct sb_service;

/** struct sb_reload_parts - what a configuration is applied to; all of it outlives the reload */
struct sb_reload_parts {
	struct sb_gateway *gateway;
	struct sb_access *access;
	struct sb_rates *rates;
	struct sb_service *service; /* is told of each reload */
};

/** The configuration was read again (@error NULL), or nothing has changed, and @error says why. */
typedef void sb_reloaded_fn(void *userdata, const struct sb_error *error);

int sb_reload_new(const char *path, const struct sb_reload_parts *parts, struct sb_config *config,
		  struct sb_reload **ret);
struct sb_reload *sb_reload_free(struct sb_reload *reload);
int sb_reload_request(struct sb_reload *reload, sb_reloaded_fn *done, void *userdata);
const char *sb_reload_path(const struct sb_reload *reload);
int sb_reload_preview(struct sb_reload *reload, struct sb_changes *changes,
		      struct sb_error *ret_error);
int sb_reload_print(const struct sb_reload *reload, char **ret);
