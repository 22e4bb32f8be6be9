/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Links as the bus shows them: an object with a link's properties by their names on the bus, and its path.
 */
#include "ctl/bus.h"

enum ctl_exit ctl_links(struct ctl *ctl, json_t **ret);
enum ctl_exit ctl_link_get(struct ctl *ctl, const char *name, json_t **ret);
enum ctl_exit ctl_link_path(const char *name, char **ret);
enum ctl_exit ctl_link_wait(struct ctl *ctl, const char *path, uint64_t usec);
enum ctl_exit ctl_link_only(struct ctl *ctl, const char *name, char **ret);
