/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * --exec: a shell's command for each message, one after the other. Standard input is the payload; the
 * environment has SKYBUS_LINK, SKYBUS_TOPIC, SKYBUS_ORIGIN and SKYBUS_MESSAGE. What it prints is passed on, or is the
 * answer to a command of the cloud.
 */
#include "ctl/arrival.h"

/** struct ctl_runner - embedded in its owner; one command at a time */
struct ctl_runner {
	sd_event *event; /* not its own */
	const char *command;
	sd_event_source *child; /* while one runs */
	int output; /* of the one that runs: a file without a name; -1 if its output is passed on */

	/**
	 * @on_end: the command has ended.
	 * @output: what it printed, NULL if that was passed on; valid during the call
	 */
	void (*on_end)(void *userdata, bool well, const void *output, size_t size);
	void *userdata;
};

int ctl_runner_run(struct ctl_runner *runner, const struct ctl_arrival *arrival, bool keep_output);
void ctl_runner_done(struct ctl_runner *runner);
