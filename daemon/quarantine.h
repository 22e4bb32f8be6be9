/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Plugins that have crashed the daemon, over restarts: what the last run died of is counted at the start, and a plugin
 * that has done it too often (daemon/crashes.h) is not loaded any more. The account is a file in the state directory.
 */
#include "daemon/crashes.h"

#define SB_QUARANTINE_FILE_NAME "plugin-crashes"

struct sb_quarantine;

int sb_quarantine_new(const char *state_directory, const char *plugin_directory,
		      struct sb_quarantine **ret);
struct sb_quarantine *sb_quarantine_free(struct sb_quarantine *quarantine);

int sb_quarantine_why(struct sb_quarantine *quarantine, const char *plugin, char **ret);
int sb_quarantine_lift(struct sb_quarantine *quarantine, const char *plugin);
