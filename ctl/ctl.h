/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One run of skybusctl: the parsed command line, and the bus once a command needs it. A command takes what it
 * needs from here, prints by output.h, and returns what skybusctl ends with.
 */
#include <systemd/sd-bus.h>

#include "ctl/args.h"
#include "ctl/command.h"

/** struct ctl - all that commands share */
struct ctl {
	struct ctl_args args;
	sd_bus *bus; /* NULL until ctl_bus_open() */
	char *name; /* the daemon's on the bus; NULL until then */
	bool json;
	bool colour; /* of standard output */
};

/** The value of an option of the command line, NULL if it was not given; see ctl_args_option(). */
static inline const char *ctl_option(const struct ctl *ctl, const char *name)
{
	return ctl_args_option(&ctl->args, name);
}

/** The i-th word behind the command, from 0; NULL if there are fewer. */
static inline const char *ctl_word(const struct ctl *ctl, size_t i)
{
	return i < ctl->args.n_words ? ctl->args.words[i] : NULL;
}

enum ctl_exit ctl_fail(enum ctl_exit status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
enum ctl_exit ctl_no_memory(void);
