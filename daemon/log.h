/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The log: the journal with fields when stderr is connected to it, plain lines on stderr elsewhere.
 * Levels are syslog's (LOG_ERR …, <syslog.h>). Nothing that happens once a message goes above
 * LOG_DEBUG; no secret at any level.
 */
#include <syslog.h>

void sb_log_set_level(int level);
int sb_log_level(void);
void sb_log_link(const char *link, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** One line that concerns no link in particular. */
#define sb_log(level, ...) sb_log_link(NULL, (level), __VA_ARGS__)
