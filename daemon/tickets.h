/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tickets: numbers that are given out once, whatever happens. The row of a stored message is the proof
 * that its number is gone. A message that is held in memory leaves no row, so numbers are reserved for such
 * on disk, ahead of time and by the thousand: publishing them never waits for the disk. Should the disk
 * fail for so long that these are used up, such messages get numbers far above all others, from a place
 * that is drawn by lot: nobody meets them again but by a chance of one in a thousand millions.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/store.h"

/** struct sb_tickets - embedded in the outbox */
struct sb_tickets {
	struct sb_store *store;
	uint64_t last; /* given out */
	uint64_t reserved; /* up to this one, on disk */
	uint64_t asked; /* up to this one, on its way to disk */
	bool reserving;
	uint64_t spare; /* the last one above all others; 0 while none was needed */
};

void sb_tickets_init(struct sb_tickets *tickets, struct sb_store *store);
void sb_tickets_done(struct sb_tickets *tickets);
uint64_t sb_tickets_next(struct sb_tickets *tickets);
uint64_t sb_tickets_next_in_memory(struct sb_tickets *tickets);
