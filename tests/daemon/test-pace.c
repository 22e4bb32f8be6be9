/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/pace.h"

#define MANY 100

#define TICKS MANY /* µs: each timer of the loop may be one late */

/** struct runner - one that wants to begin */
struct runner {
	struct sb_turn turn;
	struct fixture *fixture;
	unsigned int began;
	uint64_t at; /* µs since the test began */
	unsigned int again; /* so often does it ask anew when it begins */
};

struct fixture {
	struct sb_loop *loop;
	struct sb_pace pace;
	uint64_t begun_at;
	struct runner runners[MANY];
};

static void runner_begin(struct sb_turn *turn)
{
	struct runner *runner = sb_container_of(turn, struct runner, turn);

	runner->began++;
	runner->at = sb_loop_now(runner->fixture->loop) - runner->fixture->begun_at;
	if (runner->again > 0) {
		runner->again--;
		sb_turn_await(turn, true);
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);
	f->begun_at = sb_loop_now(f->loop);
	sb_pace_init(&f->pace, f->loop);
	for (unsigned int i = 0; i < MANY; i++) {
		f->runners[i].fixture = f;
		sb_turn_init(&f->runners[i].turn, &f->pace, runner_begin);
	}
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sb_pace_done(&f->pace);
	(void)sb_loop_free(f->loop);
	free(f);

	return 0;
}

static void await(struct fixture *f, unsigned int i, bool first)
{
	sb_turn_await(&f->runners[i].turn, first);
}

/* That it has begun once, so many places after the test did. */
static void expect_began(struct fixture *f, unsigned int i, unsigned int place)
{
	assert_int_equal(f->runners[i].began, 1);
	assert_in_range(f->runners[i].at, place * SB_PACE_USEC, place * SB_PACE_USEC + TICKS);
}

static void one_begins_at_once_but_not_within_the_call(void **state)
{
	struct fixture *f = *state;

	await(f, 0, false);
	assert_int_equal(f->runners[0].began, 0);
	sb_loop_advance(f->loop, TICKS);
	expect_began(f, 0, 0);
}

static void those_of_one_moment_begin_one_after_the_other(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < MANY; i++)
		await(f, i, false);
	sb_loop_advance(f->loop, MANY * SB_PACE_USEC);
	for (unsigned int i = 0; i < MANY; i++)
		expect_began(f, i, i);
}

static void only_what_is_left_of_the_distance_is_waited(void **state)
{
	struct fixture *f = *state;

	await(f, 0, false);
	sb_loop_advance(f->loop, SB_PACE_USEC / 4);
	await(f, 1, false);
	sb_loop_advance(f->loop, SB_PACE_USEC);
	expect_began(f, 1, 1);
}

static void time_that_nobody_used_is_not_saved_up(void **state)
{
	struct fixture *f = *state;

	sb_loop_advance(f->loop, 10 * SB_PACE_USEC);
	await(f, 0, false);
	await(f, 1, false);
	sb_loop_advance(f->loop, SB_PACE_USEC + TICKS);
	expect_began(f, 0, 10);
	expect_began(f, 1, 11);
}

static void the_first_come_before_all_others(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < MANY - 2; i++)
		await(f, i, false);
	sb_loop_advance(f->loop, SB_PACE_USEC + TICKS);
	await(f, MANY - 2, true);
	await(f, MANY - 1, true);
	sb_loop_advance(f->loop, MANY * SB_PACE_USEC);
	expect_began(f, 1, 1);
	expect_began(f, MANY - 2, 2);
	expect_began(f, MANY - 1, 3);
	expect_began(f, 2, 4);
	expect_began(f, MANY - 3, MANY - 1);
}

static void who_waits_already_keeps_its_place(void **state)
{
	struct fixture *f = *state;

	await(f, 0, false);
	await(f, 1, false);
	await(f, 0, false);
	await(f, 1, true);
	sb_loop_advance(f->loop, MANY * SB_PACE_USEC);
	expect_began(f, 0, 0);
	expect_began(f, 1, 1);
}

static void the_turn_of_one_that_left_is_the_next_ones(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 4; i++)
		await(f, i, false);
	sb_turn_leave(&f->runners[0].turn);
	sb_turn_leave(&f->runners[2].turn);
	sb_turn_leave(&f->runners[2].turn);
	sb_loop_advance(f->loop, MANY * SB_PACE_USEC);
	assert_int_equal(f->runners[0].began, 0);
	expect_began(f, 1, 0);
	assert_int_equal(f->runners[2].began, 0);
	expect_began(f, 3, 1);
}

static void all_may_leave(void **state)
{
	struct fixture *f = *state;

	await(f, 0, false);
	sb_turn_leave(&f->runners[0].turn);
	sb_loop_advance(f->loop, MANY * SB_PACE_USEC);
	assert_int_equal(f->runners[0].began, 0);
}

static void who_begins_may_ask_again(void **state)
{
	struct fixture *f = *state;

	f->runners[0].again = 2;
	await(f, 0, true);
	sb_loop_advance(f->loop, MANY * SB_PACE_USEC);
	assert_int_equal(f->runners[0].began, 3);
	assert_in_range(f->runners[0].at, 2 * SB_PACE_USEC, 2 * SB_PACE_USEC + TICKS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_begins_at_once_but_not_within_the_call),
		TEST(those_of_one_moment_begin_one_after_the_other),
		TEST(only_what_is_left_of_the_distance_is_waited),
		TEST(time_that_nobody_used_is_not_saved_up),
		TEST(the_first_come_before_all_others),
		TEST(who_waits_already_keeps_its_place),
		TEST(the_turn_of_one_that_left_is_the_next_ones),
		TEST(all_may_leave),
		TEST(who_begins_may_ask_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
