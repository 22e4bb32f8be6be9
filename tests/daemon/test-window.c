/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/window.h"

static void answer(struct sb_window *window, unsigned int times)
{
	while (times-- > 0)
		sb_window_on_answer(window);
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

	(void)state;
	sb_window_init(&window, 8);
	answer(&window, 1);
	assert_int_equal(window.size, 2);
	answer(&window, 1);
	assert_int_equal(window.size, 2);
	answer(&window, 1);
	assert_int_equal(window.size, 3);
	answer(&window, 2);
	assert_int_equal(window.size, 3);
	answer(&window, 1);
	assert_int_equal(window.size, 4);
}

static void it_stays_within_its_most(void **state)
{
	struct sb_window window;

	(void)state;
	sb_window_init(&window, 3);
	answer(&window, 1000);
	assert_int_equal(window.size, 3);
	sb_window_init(&window, 1);
	answer(&window, 1000);
	assert_int_equal(window.size, 1);
}

static void a_loss_halves_it(void **state)
{
	struct sb_window window;

	(void)state;
	sb_window_init(&window, 8);
	answer(&window, 1000);
	assert_int_equal(window.size, 8);
	sb_window_on_loss(&window);
	assert_int_equal(window.size, 4);
	sb_window_on_loss(&window);
	sb_window_on_loss(&window);
	sb_window_on_loss(&window);
	assert_int_equal(window.size, 1);
}

static void a_loss_makes_the_answers_before_it_count_no_more(void **state)
{
	struct sb_window window;

	(void)state;
	sb_window_init(&window, 8);
	answer(&window, 6); /* 1 + 2 + 3 answers: 4 */
	answer(&window, 3);
	sb_window_on_loss(&window);
	assert_int_equal(window.size, 2);
	answer(&window, 1);
	assert_int_equal(window.size, 2);
	answer(&window, 1);
	assert_int_equal(window.size, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_at_one),
		cmocka_unit_test(it_grows_by_one_for_each_window_of_answers),
		cmocka_unit_test(it_stays_within_its_most),
		cmocka_unit_test(a_loss_halves_it),
		cmocka_unit_test(a_loss_makes_the_answers_before_it_count_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
