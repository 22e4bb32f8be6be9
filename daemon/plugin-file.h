/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a file to a plugin: what a file, and then the descriptor in it, must be to be trusted.
 */
#include "daemon/plugins.h"

int sb_plugin_file_load(const char *directory, struct sb_plugin *plugin);
