/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/command.h"

/* All commands, in the order of --help; ends with a name of NULL. */
extern const struct ctl_command ctl_commands[];
