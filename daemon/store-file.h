/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file of the store: where it is, whose it is, which version its tables have, and what to do
 * when it is damaged.
 */
#include <sqlite3.h>

#include "daemon/store.h"

/** The file grows, and gets its room on disk, by so many bytes. */
#define SB_STORE_FILE_CHUNK (256 * 1024)

int sb_store_file_open(const char *directory, enum sb_sync sync, sqlite3 **ret);
int sb_store_file_move_aside(const char *directory);
int sb_store_file_error(sqlite3 *handle, int code);
