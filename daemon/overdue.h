/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages whose time is over, looked for on disk and in memory. For the outbox.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/loop.h"
#include "daemon/message.h"

struct sb_end;
struct sb_outbox;

/**
 * struct sb_overdue - embedded in the outbox
 * @looked: CLOCK_BOOTTIME, µs: when the timer fired last
 * @disk_ms: steady time: before it no time on disk is over
 * @memory_ms: the same for messages that are held in memory
 * @ahead_ms: the search under way is for what is over at this time from now
 * @most: so many of what is over are asked for at a time
 * @searching: a search is under way
 */
struct sb_overdue {
	struct sb_outbox *outbox;
	struct sb_timer timer;
	uint64_t looked;
	int64_t disk_ms;
	int64_t memory_ms;
	int64_t ahead_ms;
	size_t most;
	bool searching;
};

void sb_overdue_init(struct sb_overdue *overdue, struct sb_outbox *outbox);
void sb_overdue_done(struct sb_overdue *overdue);
void sb_overdue_look(struct sb_overdue *overdue);
void sb_overdue_expect(struct sb_overdue *overdue, const struct sb_message *message);
bool sb_overdue_is(const struct sb_outbox *outbox, const struct sb_message *message);
void sb_late_end(uint32_t ttl_s, char *reason, size_t size, struct sb_end *ret);
