/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/window.h"

#define SEC UINT64_C(1000000)
#define ROUND_TRIP (SEC / 5)
#define LATE (3 * SEC)

/* Answers at the first try, one after the other; returns when the last came. */
static uint64_t answer(struct sb_window *window, uint64_t now, unsigned int times)
{
	while (times-- > 0) {
		now += ROUND_TRIP;
		sb_window_on_answer(window, now - ROUND_TRIP, now);
	}

	return now;
}

/* At its most; returns when it got there. */
static uint64_t grown(struct sb_window *window, unsigned int most)
{
	uint64_t now;

	sb_window_init(window, most);
	now = answer(window, SEC, most * most);
	assert_int_equal(window->size, most);

	return now;
}

static void it_begins_at_one(void **state)
{
	struct sb_window window;

	(void)state;
	sb_window_init(&window, 8);
	assert_int_equal(window.size, 1);
}

static void it_grows_by_one_for_each_window_of_answers(void **state)
{
	struct sb_window window;
	uint64_t now = SEC;

	(void)state;
	sb_window_init(&window, 8);
	now = answer(&window, now, 1);
	assert_int_equal(window.size, 2);
	now = answer(&window, now, 1);
	assert_int_equal(window.size, 2);
	now = answer(&window, now, 1);
	assert_int_equal(window.size, 3);
	now = answer(&window, now, 2);
	assert_int_equal(window.size, 3);
	(void)answer(&window, now, 1);
	assert_int_equal(window.size, 4);
}

static void it_stays_within_its_most(void **state)
{
	struct sb_window window;

	(void)state;
	(void)answer(&window, grown(&window, 3), 1000);
	assert_int_equal(window.size, 3);
	(void)answer(&window, grown(&window, 1), 1000);
	assert_int_equal(window.size, 1);
}

static void a_loss_leaves_seven_tenths(void **state)
{
	static const unsigned int left[] = { 1, 1, 2, 3, 4, 4, 5, 6, 6, 7 };
	struct sb_window window;

	(void)state;
	for (unsigned int i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		uint64_t now = grown(&window, i + 1);

		sb_window_on_loss(&window, now - 1, now);
		assert_int_equal(window.size, left[i]);
	}
}

/* The first retransmission goes out after 2 s at the earliest. */
static void an_answer_that_may_have_needed_a_retransmission_is_a_loss(void **state)
{
	struct sb_window window;
	uint64_t now = grown(&window, 8);

	(void)state;
	sb_window_on_answer(&window, now - 2 * SEC, now);
	assert_int_equal(window.size, 8);
	sb_window_on_answer(&window, now - 2 * SEC - 1, now);
	assert_int_equal(window.size, 6);
}

static void losses_of_one_flight_count_once(void **state)
{
	struct sb_window window;
	uint64_t now = grown(&window, 8), sent = now - ROUND_TRIP;

	(void)state;
	sb_window_on_answer(&window, sent, sent + LATE);
	assert_int_equal(window.size, 6);
	sb_window_on_answer(&window, sent + 1, sent + 2 * LATE);
	sb_window_on_loss(&window, sent + 2, sent + 3 * LATE);
	assert_int_equal(window.size, 6);
}

static void a_loss_of_what_was_sent_after_it_shrank_counts(void **state)
{
	struct sb_window window;
	uint64_t now = grown(&window, 8), shrunk;

	(void)state;
	shrunk = now + LATE;
	sb_window_on_answer(&window, now - 1, shrunk);
	assert_int_equal(window.size, 6);
	now = answer(&window, shrunk, 1);
	sb_window_on_answer(&window, shrunk, now + LATE);
	assert_int_equal(window.size, 4);
}

static void answers_from_before_it_shrank_do_not_let_it_grow(void **state)
{
	struct sb_window window;
	uint64_t now = grown(&window, 8), shrunk;

	(void)state;
	now = answer(&window, now, 7);
	shrunk = now + 1;
	sb_window_on_answer(&window, now - LATE, shrunk);
	assert_int_equal(window.size, 6);
	for (unsigned int i = 0; i < 8; i++)
		sb_window_on_answer(&window, shrunk - 1, shrunk + ROUND_TRIP);
	assert_int_equal(window.size, 6);
	now = answer(&window, shrunk, 5);
	assert_int_equal(window.size, 6);
	(void)answer(&window, now, 1);
	assert_int_equal(window.size, 7);
}

/* Also when it has shrunk since: that was for one loss, and now nothing gets through. */
static void silence_since_it_was_sent_leaves_one(void **state)
{
	struct sb_window window;
	uint64_t now = grown(&window, 8);

	(void)state;
	sb_window_on_loss(&window, now, now + LATE);
	assert_int_equal(window.size, 1);

	now = grown(&window, 8);
	sb_window_on_answer(&window, now - 1, now + LATE);
	assert_int_equal(window.size, 6);
	sb_window_on_answer(&window, now, now + 2 * LATE);
	assert_int_equal(window.size, 1);
	(void)answer(&window, now + 2 * LATE, 1);
	assert_int_equal(window.size, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_at_one),
		cmocka_unit_test(it_grows_by_one_for_each_window_of_answers),
		cmocka_unit_test(it_stays_within_its_most),
		cmocka_unit_test(a_loss_leaves_seven_tenths),
		cmocka_unit_test(an_answer_that_may_have_needed_a_retransmission_is_a_loss),
		cmocka_unit_test(losses_of_one_flight_count_once),
		cmocka_unit_test(a_loss_of_what_was_sent_after_it_shrank_counts),
		cmocka_unit_test(answers_from_before_it_shrank_do_not_let_it_grow),
		cmocka_unit_test(silence_since_it_was_sent_leaves_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
