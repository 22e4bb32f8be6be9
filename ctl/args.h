/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The command line: options that all commands have, the command, its own options, its words. Options may stand
 * anywhere behind their command; "--" ends them.
 */
#include "ctl/command.h"

/** struct ctl_args - the values are those of argv, or literals */
struct ctl_args {
	const struct ctl_command *command; /* NULL if there is none, as with --help alone */
	const char *values[CTL_OPTIONS_MAX]; /* of the command's options, by their place */
	const char *general[CTL_OPTIONS_MAX]; /* of ctl_general_options */
	char **words;
	size_t n_words;
};

/* What every command has; ends with a name of NULL. */
extern const struct ctl_option ctl_general_options[];

enum ctl_exit ctl_args_parse(int argc, char **argv, const struct ctl_command *table,
			     struct ctl_args *ret);
const char *ctl_args_option(const struct ctl_args *args, const char *name);
const struct ctl_command *ctl_args_find(const struct ctl_command *table, char **words,
					size_t n_words, size_t *ret_taken);
