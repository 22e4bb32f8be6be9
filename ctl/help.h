/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * --help, out of the table of commands.
 */
#include "ctl/command.h"

void ctl_help_all(const struct ctl_command *table);
void ctl_help_command(const struct ctl_command *command);
bool ctl_help_group(const struct ctl_command *table, const char *group);
