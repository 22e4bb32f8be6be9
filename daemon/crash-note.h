/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon leaves behind when it dies of a plugin: one small file in the state directory, which is opened at the
 * start and written in the signal handler. See daemon/crash-note.c.
 */
#include "daemon/crashes.h"

#define SB_CRASH_NOTE_FILE_NAME "crash-note"

int sb_crash_note_open(const char *directory, struct sb_crash *ret_last);
int sb_crash_note_clear(void);
void sb_crash_note_close(void);
