/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file of the store: where it is, whose it is, and which version its tables have.
 */
#include <sqlite3.h>

#include "daemon/store.h"

#define SB_STORE_FILE_NAME "skybus.db"

/** The file grows, and gets its room on disk, by so many bytes. */
#define SB_STORE_FILE_CHUNK (256 * 1024)

int sb_store_file_open(const char *directory, const struct sb_store_options *options,
		       sqlite3 **ret);
int sb_store_file_error(sqlite3 *handle, int code);
