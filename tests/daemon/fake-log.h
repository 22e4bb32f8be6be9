/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A log that keeps what is said, linked in the place of daemon/log.c. An event must have the fields of its row, or
 * the test fails.
 */
#include <stdbool.h>
#include <stddef.h>

#include "daemon/log.h"

/** struct fake_line - one line of the log */
struct fake_line {
	int event; /* enum sb_event; -1 for none */
	int level;
	char text[512]; /* with the link's name in front */
	char link[64]; /* fields; "" for none */
	char plugin[64];
	char state[32];
	char code[8];
	char path[256];
};

#define FAKE_LINES_MAX 4096

/** struct fake_log - what was said since fake_log_reset() */
struct fake_log {
	struct fake_line lines[FAKE_LINES_MAX];
	size_t n;
};

extern struct fake_log fake_log;

void fake_log_reset(void);
size_t fake_log_count(int most);
size_t fake_log_count_events(enum sb_event event);
const struct fake_line *fake_log_last(void);
