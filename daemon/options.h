/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command line of skybusd.
 */
#include <stdbool.h>

/** struct sb_options - what it says; text is lent */
struct sb_options {
	const char *config;
	const char *state_dir;
	const char *plugin_dir;
	const char *address; /* of a bus; NULL for a well-known one */
	bool session; /* that is the session bus */
	bool check_config;
	bool list_plugins;
};

int sb_options_parse(int argc, char **argv, struct sb_options *options, int *ret_exit);
