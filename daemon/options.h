/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command line of skybusd.
 */
#include <stdbool.h>

/* Of the name of an instance: with the rest it fits into a name on the bus, and into a path. */
#define SB_INSTANCE_MAX 64
#define SB_OPTION_TEXT_MAX 256

/**
 * struct sb_options - what it says, or what holds without it; text is lent, or in here
 * @instance_config: where @config points at if it is that of an instance
 * @instance_state: likewise, @state_dir
 */
struct sb_options {
	const char *instance; /* NULL for the one that has no name */
	const char *config;
	const char *state_dir;
	const char *plugin_dir;
	const char *plugin_host;
	const char *address; /* of a bus; NULL for a well-known one */
	bool session; /* that is the session bus */
	bool check_config;
	bool list_plugins;
	char instance_config[SB_OPTION_TEXT_MAX];
	char instance_state[SB_OPTION_TEXT_MAX];
};

int sb_options_parse(int argc, char **argv, struct sb_options *ret, int *ret_exit);
