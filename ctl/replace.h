/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file that takes the place of another as a whole: who reads meanwhile reads the other one. Nobody's link is
 * followed, and no device or the like is replaced.
 */
#include "ctl/ctl.h"

enum ctl_exit ctl_replace_begin(const char *path, char **ret_beside, int *ret_fd);
enum ctl_exit ctl_replace_end(const char *path, const char *beside, bool whole);
