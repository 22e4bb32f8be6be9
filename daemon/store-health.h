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

/**
 * struct sb_store_speed - how fast the disk is, µs; embedded in its owner
 * @busy_since: when the transaction that is under way began; 0: none is
 * @last: how long the last one took
 * @longest: how long the longest of the last ten minutes or so took
 * @longest_at: when that ended
 */
struct sb_store_speed {
	uint64_t busy_since;
	uint64_t last;
	uint64_t longest;
	uint64_t longest_at;
};

/** struct sb_store_report - how the store is, for people */
struct sb_store_report {
	const char *directory; /* lent */
	int error; /* what it has failed with; 0 if it works, as far as is known */
	uint64_t
		busy; /* how long the transaction that is under way has taken so far, µs; 0: none is */
	uint64_t last; /* as in struct sb_store_speed */
	uint64_t longest;
};

/** struct sb_store_health - embedded in its owner */
struct sb_store_health {
	const char *directory; /* the state directory; lent */
	bool failing; /* and that is in the log */
	enum sb_event event; /* how */
	uint64_t said_at;
	uint64_t failed_at; /* the last time */
	int error; /* of then, negative; 0: never */
	struct sb_hourly said;
};

void sb_store_health_init(struct sb_store_health *health, const char *directory);
void sb_store_speed_begin(struct sb_store_speed *speed, uint64_t now);
void sb_store_speed_end(struct sb_store_speed *speed, uint64_t now);
void sb_store_speed_report(const struct sb_store_speed *speed, uint64_t now,
			   struct sb_store_report *ret);
void sb_store_health_report(const struct sb_store_health *health, uint64_t now,
			    struct sb_store_report *ret);
void sb_store_health_note(struct sb_store_health *health, uint64_t now, bool wrote, int error);
