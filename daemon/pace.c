/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pace.h"
#include "daemon/cleanup.h"

static struct sb_turn *next_turn(struct sb_pace *pace)
{
	struct sb_turn *turn = TAILQ_FIRST(&pace->first);

	return turn ? turn : TAILQ_FIRST(&pace->others);
}

static void await_next(struct sb_pace *pace)
{
	uint64_t now = sb_loop_now(pace->next.loop);

	sb_timer_arm(&pace->next, pace->free_at > now ? pace->free_at - now : 0);
}

static void pace_on_next(struct sb_timer *timer)
{
	struct sb_pace *pace = sb_container_of(timer, struct sb_pace, next);
	struct sb_turn *turn = next_turn(pace);

	if (!turn)
		return; /* whoever waited has left */

	sb_turn_leave(turn);
	pace->free_at = sb_loop_now(timer->loop) + SB_PACE_USEC;
	if (next_turn(pace))
		await_next(pace);
	turn->begin(turn);
}

/**
 * sb_pace_init() - nobody waits, and the first may begin at once
 * @pace: embedded in its owner
 * @loop: outlives it
 */
void sb_pace_init(struct sb_pace *pace, struct sb_loop *loop)
{
	*pace = (struct sb_pace){ 0 };
	TAILQ_INIT(&pace->first);
	TAILQ_INIT(&pace->others);
	sb_timer_init(&pace->next, loop, pace_on_next);
}

/**
 * sb_pace_done() - the pace is needed no more
 * @pace: initialised, with nobody waiting; or zeroed
 */
void sb_pace_done(struct sb_pace *pace)
{
	sb_timer_disarm(&pace->next);
}

/**
 * sb_turn_init() - somebody who may want to begin
 * @turn: embedded in its owner
 * @pace: outlives it
 * @begin: called when it is its turn
 */
void sb_turn_init(struct sb_turn *turn, struct sb_pace *pace, sb_turn_fn *begin)
{
	*turn = (struct sb_turn){ .pace = pace, .begin = begin };
}

/**
 * sb_turn_await() - wait until it is one's turn, which is never within this call
 * @turn: one that waits already keeps its place
 * @first: before all others but those who wait first, too
 */
void sb_turn_await(struct sb_turn *turn, bool first)
{
	struct sb_pace *pace = turn->pace;

	if (turn->waits_in)
		return;

	turn->waits_in = first ? &pace->first : &pace->others;
	TAILQ_INSERT_TAIL(turn->waits_in, turn, entry);
	if (!sb_timer_armed(&pace->next))
		await_next(pace);
}

/**
 * sb_turn_leave() - wait no more; the turn goes to the next
 * @turn: one that does not wait is left alone
 */
void sb_turn_leave(struct sb_turn *turn)
{
	if (!turn->waits_in)
		return;

	TAILQ_REMOVE(turn->waits_in, turn, entry);
	turn->waits_in = NULL;
}
