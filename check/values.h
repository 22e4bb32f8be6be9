/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Values for a plugin's settings: from a file, read as the daemon reads a link in skybus.yaml, or made up
 * from the plugin's table.
 */
#include <stdbool.h>

#include "check/scripted-host.h"
#include "daemon/problems.h"

/**
 * struct check_values - one value for each setting that has one
 * @list: up to a NULL key, for scripted_new()
 * @given: they were read from a file
 */
struct check_values {
	struct scripted_setting *list;
	bool given;
};

int check_values_read(const struct skybus_plugin *plugin, const char *file,
		      struct sb_problems *problems, struct check_values **ret);
int check_values_make(const struct skybus_plugin *plugin, struct check_values **ret);
struct check_values *check_values_free(struct check_values *values);

struct check_values *check_values_other(const struct check_values *values,
					const struct skybus_setting *row);
