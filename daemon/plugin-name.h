/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the loader takes as the name of a plugin; skybusctl, which makes new ones, keeps to it.
 */
#include <stdbool.h>
#include <string.h>

/** What a name is, for sentences. */
#define SB_PLUGIN_NAME_FORM "1 to 63 of a-z, 0-9 and -, beginning with a letter or a digit"

/** sb_plugin_name_is_good() - could a plugin be called so? */
static inline bool sb_plugin_name_is_good(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strlen(name);

	return len > 0 && len <= 63 && name[0] != '-' && strspn(name, allowed) == len;
}
