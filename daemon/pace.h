/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pace at which links log in: one after the other, so that a thousand of them do not shake hands in
 * one second, whatever brought them up at the same moment. Nobody waits for an answer that another link
 * does not get: only the beginnings are kept apart.
 *
 * There are two queues. Who is online, has not failed or is sent by a person begins before all who try once
 * more: a thousand links whose cloud is away hold nobody up whose cloud is there.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/loop.h"

#define SB_PACE_USEC UINT64_C(20000)

struct sb_turn;

typedef void sb_turn_fn(struct sb_turn *turn);

TAILQ_HEAD(sb_turns, sb_turn);

/** struct sb_pace - embedded in its owner */
struct sb_pace {
	struct sb_turns first;
	struct sb_turns others;
	uint64_t free_at; /* CLOCK_BOOTTIME, µs: when the next may begin */
	struct sb_timer next; /* armed while somebody waits */
};

/** struct sb_turn - a place in the queue; embedded in its owner */
struct sb_turn {
	struct sb_pace *pace;
	sb_turn_fn *begin;
	struct sb_turns *waits_in; /* NULL when it does not wait */
	TAILQ_ENTRY(sb_turn) entry;
};

void sb_pace_init(struct sb_pace *pace, struct sb_loop *loop);
void sb_pace_done(struct sb_pace *pace);

void sb_turn_init(struct sb_turn *turn, struct sb_pace *pace, sb_turn_fn *begin);
void sb_turn_await(struct sb_turn *turn, bool first);
void sb_turn_leave(struct sb_turn *turn);
