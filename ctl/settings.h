/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Plugins, and the settings that a link can have, as the daemon lists them.
 */
#include "ctl/bus.h"

enum ctl_exit ctl_settings(struct ctl *ctl, const char *plugin, json_t **ret);
enum ctl_exit ctl_plugins(struct ctl *ctl, json_t **ret);
void ctl_print_failed_plugins(const struct ctl *ctl, const json_t *failed);
