/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * --help, out of the table of commands.
 */
#include "ctl/command.h"

void ctl_help_all(void);
void ctl_help_command(const struct ctl_command *command);
