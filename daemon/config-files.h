/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which files make up the configuration.
 */
#include <stddef.h>

#include "daemon/problems.h"

/** struct sb_config_files - paths in their order; embedded in its owner, zeroed is empty */
struct sb_config_files {
	char **paths;
	size_t n;
};

int sb_config_files_list(struct sb_config_files *files, const char *path,
			 struct sb_problems *problems);
void sb_config_files_done(struct sb_config_files *files);
