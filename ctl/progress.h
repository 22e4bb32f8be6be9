/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A bar on standard error, if that is a terminal, for what takes a while.
 */
#include <stdbool.h>
#include <stdint.h>

/** struct ctl_progress - embedded in its owner; zeroed it shows nothing */
struct ctl_progress {
	bool shown; /* standard error is a terminal */
	bool drawn; /* there is a bar on the line */
	uint64_t last_usec; /* when it was drawn */
};

void ctl_progress_init(struct ctl_progress *progress);
void ctl_progress_draw(struct ctl_progress *progress, uint64_t done, uint64_t all,
		       const char *text);
void ctl_progress_clear(struct ctl_progress *progress);
