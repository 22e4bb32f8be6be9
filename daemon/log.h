/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The log: the journal with fields when stderr is connected to it, plain lines on stderr elsewhere. What a
 * person may care about is an event (daemon/event.h), and its level is in its row; the rest is free text.
 *
 *	LOG_CRIT	what was promised may be lost: the store is damaged
 *	LOG_ERR		something does not work, and does not get right by itself: a person is needed
 *	LOG_WARNING	something is not as it should be; skybusd goes on, or tries again by itself
 *	LOG_NOTICE	something has changed that one wants to know of: up, down, back, reloaded
 *	LOG_INFO	what was done for that in detail; this is as far as it goes unless asked for more
 *	LOG_DEBUG	each message, each attempt, each mistake of a caller; for those who look for a fault
 *
 * Nothing above LOG_DEBUG comes once a message, once a call, or without bound in an hour (daemon/hourly.h).
 * No secret at any level.
 */
#include <syslog.h>

#include "daemon/event.h"

void sb_log_set_level(int level);
int sb_log_level(void);
void sb_log_event(enum sb_event event, const struct sb_fields *fields, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void sb_log_link(const char *link, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** One line that concerns no link in particular. */
#define sb_log(level, ...) sb_log_link(NULL, (level), __VA_ARGS__)
