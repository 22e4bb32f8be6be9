/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is patient waits for the commit of something else. That something has not happened cannot be waited
 * for: the thread is given many chances to do it.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/daemon/store-fixture.h"

#define INTERVAL_S 10
#define CHANCES 2000
#define BATCH 1024

/* The same store with an interval, by a clock that the test moves. */
static int setup_patient(void **state)
{
	struct fixture *f;

	(void)setup(state);
	f = *state;
	f->store = sb_store_close(f->store);
	f->loop = sb_loop_free(f->loop);
	f->options.commit_interval_s = INTERVAL_S;
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);
	assert_int_equal(sb_store_open(f->loop, f->directory, &f->options, &f->store), 0);

	return 0;
}

/* Messages from 1 on, stored. */
static void insert_many(struct fixture *f, uint64_t n)
{
	for (uint64_t ticket = 1; ticket <= n; ticket++)
		insert(f, "plant", ticket);
	sb_store_drain(f->store);
}

static void end(struct fixture *f, uint64_t ticket, bool patient, int *n)
{
	const struct sb_settlement settlement = {
		ticket, SB_DELIVERED, SB_CAUSE_DELIVERED, "2.04", "", 1000,
	};

	assert_int_equal(sb_store_settle(f->store, &settlement, patient, count_done, n), 0);
}

/* @wanted jobs of those that count are done, and no more, however often the thread could do them. */
static void expect_waiting(struct fixture *f, const int *n, int wanted)
{
	for (int i = 0; i < CHANCES; i++) {
		(void)sched_yield();
		assert_true(sb_loop_turn(f->loop, 0) >= 0);
	}
	assert_int_equal(*n, wanted);
}

static void turn_until(struct fixture *f, const int *n, int wanted)
{
	while (*n < wanted)
		assert_true(sb_loop_turn(f->loop, 10 * SB_USEC_PER_SEC) > 0);
	assert_int_equal(*n, wanted);
}

static void test_end_goes_with_the_next_message(void **state)
{
	struct fixture *f = *state;
	uint64_t before;
	int n = 0;

	insert_many(f, 1);
	before = sb_store_commits(f->store);
	end(f, 1, true, &n);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	expect_waiting(f, &n, 0);
	insert_as(f, "plant", 2, "{}", count_done, &n);
	turn_until(f, &n, 2);
	assert_int_equal(sb_store_commits(f->store), before + 1);
	/* The interval that had begun is over with it. */
	end(f, 2, true, &n);
	sb_loop_advance(f->loop, (INTERVAL_S - 1) * SB_USEC_PER_SEC);
	expect_waiting(f, &n, 2);
}

static void test_first_end_waits_for_the_interval(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	insert_many(f, 2);
	end(f, 1, true, &n);
	sb_loop_advance(f->loop, INTERVAL_S * SB_USEC_PER_SEC - 1000);
	end(f, 2, true, &n);
	expect_waiting(f, &n, 0);
	sb_loop_advance(f->loop, 1000);
	turn_until(f, &n, 2);
}

static void test_full_batch_does_not_wait(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	insert_many(f, BATCH);
	for (uint64_t ticket = 1; ticket < BATCH; ticket++)
		end(f, ticket, true, &n);
	expect_waiting(f, &n, 0);
	end(f, BATCH, true, &n);
	turn_until(f, &n, BATCH);
}

static void test_who_needs_it_at_once_waits_for_nothing(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	insert_many(f, 3);
	end(f, 1, true, &n);
	end(f, 2, false, &n);
	turn_until(f, &n, 2);
	/* Whoever reads sees all that was handed over before. */
	end(f, 3, true, &n);
	assert_int_equal(lookup(f, 3).outcome, SB_DELIVERED);
	assert_int_equal(n, 3);
}

/* The watchdog asks for one several times a minute, and what waits may wait for an hour. */
static void test_sign_of_life_does_not_wait_and_takes_nothing_along(void **state)
{
	struct fixture *f = *state;
	uint64_t before;
	int n = 0;

	insert_many(f, 1);
	end(f, 1, true, &n);
	before = sb_store_jobs_done(f->store);
	assert_int_equal(sb_store_ping(f->store), 0);
	while (sb_store_jobs_done(f->store) == before) {
		assert_true(sb_loop_turn(f->loop, 0) >= 0);
		(void)sched_yield();
	}
	expect_waiting(f, &n, 0);
	sb_loop_advance(f->loop, INTERVAL_S * SB_USEC_PER_SEC);
	turn_until(f, &n, 1);
}

static void test_losses_wait_and_are_read(void **state)
{
	const struct sb_loss loss = { "plant", 1000, SB_CAUSE_STOPPED, 3 };
	struct fixture *f = *state;
	int n = 0;

	assert_int_equal(sb_store_count_loss(f->store, &loss, count_done, &n), 0);
	expect_waiting(f, &n, 0);
	f->store = sb_store_close(f->store);
	assert_int_equal(n, 0);
	expect_query(f, "SELECT n FROM loss", "3");
}

static void test_drain_and_close_do_not_wait(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	insert_many(f, 2);
	end(f, 1, true, &n);
	sb_store_drain(f->store);
	assert_int_equal(n, 1);
	end(f, 2, true, &n);
	f->store = sb_store_close(f->store);
	assert_int_equal(n, 1);
	expect_query(f, "SELECT count(*) FROM message WHERE outcome <> 0", "2");
}

static void test_without_interval_nothing_waits(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	insert_many(f, 1);
	end(f, 1, true, &n);
	turn_until(f, &n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_patient, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_end_goes_with_the_next_message),
		TEST(test_first_end_waits_for_the_interval),
		TEST(test_full_batch_does_not_wait),
		TEST(test_who_needs_it_at_once_waits_for_nothing),
		TEST(test_sign_of_life_does_not_wait_and_takes_nothing_along),
		TEST(test_losses_wait_and_are_read),
		TEST(test_drain_and_close_do_not_wait),
		cmocka_unit_test_setup_teardown(test_without_interval_nothing_waits, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
