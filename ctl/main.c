/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skybusctl: skybusd from the command line. It is a client of the bus as any other, and can do nothing that a
 * program of yours could not.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/bus.h"
#include "ctl/commands.h"
#include "ctl/help.h"
#include "ctl/output.h"

static enum ctl_exit run(struct ctl *ctl)
{
	const struct ctl_command *command = ctl->args.command;

	if (ctl_option(ctl, "version")) {
		(void)puts("skybusctl " SKYBUS_VERSION);
		return CTL_EXIT_OK;
	}
	if (ctl_option(ctl, "help") || !command) {
		ctl_output_pager(ctl);
		if (command)
			ctl_help_command(command);
		else
			ctl_help_all();
		return CTL_EXIT_OK;
	}

	return command->run(ctl);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .bus = NULL };
	enum ctl_exit status, written;

	/* Characters alone: numbers have a point and sentences are English, whoever reads them. */
	(void)setlocale(LC_CTYPE, "");
	status = ctl_args_parse(argc, argv, ctl_commands, &ctl.args);
	if (status != CTL_EXIT_OK)
		return status;

	ctl_output_init(&ctl);
	status = run(&ctl);
	ctl_bus_close(&ctl);
	written = ctl_output_done();

	return status != CTL_EXIT_OK ? status : written;
}
