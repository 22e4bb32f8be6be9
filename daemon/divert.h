/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages that were routed and may wait at the wrong link by now: they are looked for, and go where they
 * are directed to. For the outbox.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/loop.h"
#include "daemon/outbox.h"

/**
 * struct sb_detour - what is to be done for a queue; embedded in it
 * @routed: messages may wait there that were routed
 * @due: they are to be looked at, those above @after
 * @held: not before the timer has fired
 */
struct sb_detour {
	bool routed;
	bool due;
	bool held;
	uint64_t after;
};

/**
 * struct sb_divert - embedded in the outbox
 * @direct: says where a message should go; NULL: all stay
 * @next: goes on
 * @again: what was held up is tried again
 * @from: the queue that is being looked at; NULL for none
 * @n_moving: messages on their way
 * @searching: a search is under way
 */
struct sb_divert {
	struct sb_outbox *outbox;
	sb_direct_fn *direct;
	void *userdata;
	struct sb_task next;
	struct sb_timer again;
	struct sb_queue *from;
	size_t n_moving;
	bool searching;
};

void sb_divert_init(struct sb_divert *divert, struct sb_outbox *outbox);
void sb_divert_done(struct sb_divert *divert);
