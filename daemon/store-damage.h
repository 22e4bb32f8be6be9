/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What to do about a damaged database: the mark that it is to be checked when it is opened again, an empty
 * file beside it; and moving it aside, when nobody may have it open.
 */
#include <stdbool.h>

bool sb_store_damage_marked(const char *directory);
int sb_store_damage_mark(const char *directory);
void sb_store_damage_unmark(const char *directory);
int sb_store_damage_check_disk(const char *directory);
int sb_store_damage_move_aside(const char *directory);
