/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A command of skybusctl, as one row of a table (commands.c) describes it. The command line is parsed by the
 * row, and --help, the completion of shells and the check of the man page come out of it.
 */
#include <stdbool.h>
#include <stddef.h>

#include "ctl/exit.h"

struct ctl;

/* No command has more options than this; its test and parsing check it. */
#define CTL_OPTIONS_MAX 24

/** enum ctl_what - what a value is, for completion */
enum ctl_what {
	CTL_WHAT_ANY,
	CTL_WHAT_LINK,
	CTL_WHAT_PLUGIN,
	CTL_WHAT_LEFT_OUT, /* a plugin that is not loaded */
	CTL_WHAT_DEAD_LETTER,
	CTL_WHAT_COMMAND,
	CTL_WHAT_FILE,
	CTL_WHAT_DIRECTORY,
};

/** struct ctl_option - --NAME, --NAME VALUE, or with @may_stand_alone --NAME and --NAME=VALUE */
struct ctl_option {
	const char *name;
	const char *value; /* what it is called in the help; NULL for a switch */
	const char *help; /* a line */
	const char *choices; /* "one|another"; NULL if any will do */
	enum ctl_what what;
	bool may_stand_alone; /* the value may be left out, and is "" then */
	char letter; /* -L; 0 for none */
};

/** struct ctl_word - what stands behind the command */
struct ctl_word {
	const char *name; /* LINK */
	const char *choices;
	enum ctl_what what;
	bool optional;
	bool repeated; /* the last one only */
};

/** struct ctl_command - rows end with a name of NULL, and so do their options and words */
struct ctl_command {
	const char *name; /* "link show" */
	const char *summary; /* a line; NULL for a command that --help does not show */
	const struct ctl_word *words; /* NULL for none */
	const struct ctl_option *options; /* its own; NULL for none */
	const char *details; /* what else its --help says, NULL for nothing; ends with a newline */

	/** @run: does it. Return: what skybusctl ends with; what went wrong it has said on standard error. */
	enum ctl_exit (*run)(struct ctl *ctl);
};
