/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is wrong with the configuration: all of it, each with its place, so that one run of an editor
 * mends everything.
 */
#include <stddef.h>

#include "daemon/event.h"

/** struct sb_place - where something was written; lines and columns count from 1, 0 is unknown */
struct sb_place {
	const char *file;
	size_t line;
	size_t column;
};

/**
 * struct sb_problem - one sentence with its place, "skybus.yaml:3:9: …"
 * @event: SB_EVENT_CONFIG_WRONG for an error; with any other the configuration can be used all the same
 */
struct sb_problem {
	enum sb_event event;
	char *text;
};

/** struct sb_problems - embedded in its owner; zeroed is empty */
struct sb_problems {
	struct sb_problem *all;
	size_t n;
	size_t n_errors;
};

void sb_problems_done(struct sb_problems *problems);
void sb_problems_log(const struct sb_problems *problems);
void sb_problems_error(struct sb_problems *problems, const struct sb_place *place,
		       const char *format, ...) __attribute__((format(printf, 3, 4)));
void sb_problems_warning(struct sb_problems *problems, enum sb_event event,
			 const struct sb_place *place, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
