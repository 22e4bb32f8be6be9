/* SPDX-License-Identifier: Apache-2.0 */
/* With a commit interval: which ends wait, and which do not. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/loop.h"
#include "tests/daemon/outbox-fixture.h"

#define INTERVAL_S 10
#define CHANCES 2000
#define FEW 4
#define SIZE 10 /* of a message that publish() makes */

static void open_patient(struct outbox_fixture *f)
{
	outbox_fixture_close(f);
	f->commit_interval_s = INTERVAL_S;
	outbox_fixture_open(f);
}

/* So many have been told, and no more, however often the disk's thread could have done it. */
static void expect_settled(struct outbox_fixture *f, unsigned int wanted)
{
	while (f->n_settled < wanted)
		assert_true(sb_loop_turn(f->loop, 10 * SB_USEC_PER_SEC) > 0);
	for (int i = 0; i < CHANCES; i++) {
		(void)sched_yield();
		assert_true(sb_loop_turn(f->loop, 0) >= 0);
	}
	assert_int_equal(f->n_settled, wanted);
}

static void test_end_waits(void **state)
{
	struct outbox_fixture *f = *state;

	open_patient(f);
	publish(f, 3);
	outbox_fixture_settle(f);
	deliver(f, take(f, 1));
	reject(f, take(f, 2));
	expect_settled(f, 0);
	sb_loop_advance(f->loop, INTERVAL_S * SB_USEC_PER_SEC);
	expect_settled(f, 2);
}

/* FEW wait, which is all that may: the ends of the first do not, until half has gone. */
static void expect_room_first(struct outbox_fixture *f)
{
	publish(f, FEW);
	outbox_fixture_settle(f);
	deliver(f, take(f, 1));
	deliver(f, take(f, 2));
	expect_settled(f, 2);
	deliver(f, take(f, 3));
	expect_settled(f, 2);
}

static void test_end_makes_room_in_its_queue(void **state)
{
	const struct sb_queue_limits few = { .messages = FEW, .bytes = 1000 };
	struct outbox_fixture *f = *state;

	open_patient(f);
	outbox_fixture_limit(f, &few);
	expect_room_first(f);
}

static void test_end_makes_room_for_bytes(void **state)
{
	const struct sb_queue_limits small = { .messages = 1000, .bytes = FEW * SIZE };
	struct outbox_fixture *f = *state;

	open_patient(f);
	outbox_fixture_limit(f, &small);
	expect_room_first(f);
}

static void test_end_makes_room_for_its_user(void **state)
{
	struct outbox_fixture *f = *state;

	f->accounts = (struct sb_account_limits){ .messages = FEW, .bytes = 1000 };
	open_patient(f);
	expect_room_first(f);
}

static void test_end_makes_room_for_bytes_of_its_user(void **state)
{
	struct outbox_fixture *f = *state;

	f->accounts = (struct sb_account_limits){ .messages = 1000, .bytes = FEW * SIZE };
	open_patient(f);
	expect_room_first(f);
}

static void test_who_calls_back_does_not_wait(void **state)
{
	struct outbox_fixture *f = *state;

	open_patient(f);
	publish(f, 2);
	outbox_fixture_settle(f);
	cancel(f, 2);
	expect_settled(f, 1);
	assert_true(f->cancelled);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		OUTBOX_TEST(test_end_waits),
		OUTBOX_TEST(test_end_makes_room_in_its_queue),
		OUTBOX_TEST(test_end_makes_room_for_bytes),
		OUTBOX_TEST(test_end_makes_room_for_its_user),
		OUTBOX_TEST(test_end_makes_room_for_bytes_of_its_user),
		OUTBOX_TEST(test_who_calls_back_does_not_wait),
	};

	return cmocka_run_group_tests_name("ending", tests, NULL, NULL);
}
