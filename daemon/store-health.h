/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether the store works, for whoever runs the box: what each job of it came to is noted here, and the log gets a
 * line when that changes. Those whose jobs they are have their own ways to go on.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/event.h"
#include "daemon/hourly.h"

/** struct sb_store_health - embedded in its owner */
struct sb_store_health {
	const char *directory; /* the state directory; lent */
	bool failing; /* and that is in the log */
	enum sb_event event; /* how */
	uint64_t said_at;
	uint64_t failed_at; /* the last time */
	struct sb_hourly said;
};

void sb_store_health_init(struct sb_store_health *health, const char *directory);
void sb_store_health_note(struct sb_store_health *health, uint64_t now, bool wrote, int error);
