/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dbus/echo.h"
#include "tests/dbus/fixture.h"

static struct sb_echo echo;

static int setup(void **state)
{
	struct fixture *f = *state;

	if (fixture_setup(state) < 0)
		return -1;
	sb_echo_init(&echo, f->app->bus);

	return 0;
}

static int teardown(void **state)
{
	sb_echo_done(&echo);

	return fixture_teardown(state);
}

static void test_it_comes_when_the_loop_turns(void **state)
{
	struct fixture *f = *state;
	uint64_t round = sb_echo_ask(&echo);

	assert_false(sb_echo_has_come(&echo, round));
	client_settle_down(f->app);
	assert_true(sb_echo_has_come(&echo, round));
	round = sb_echo_ask(&echo);
	assert_false(sb_echo_has_come(&echo, round));
}

/* The first question may have been answered before the second mark was wanted. */
static void test_another_round_for_those_who_come_later(void **state)
{
	struct fixture *f = *state;
	uint64_t first = sb_echo_ask(&echo);
	uint64_t second = sb_echo_ask(&echo);

	assert_true(second > first);
	assert_int_equal(sb_echo_ask(&echo), second);
	client_settle_down(f->app);
	assert_true(sb_echo_has_come(&echo, first));
	client_settle_down(f->app);
	assert_true(sb_echo_has_come(&echo, second));
}

static void test_a_bus_that_does_not_answer_yet(void **state)
{
	struct fixture *f = *state;
	uint64_t round;

	fixture_hold_bus(f);
	round = sb_echo_ask(&echo);
	loop_settle_down(f->loop);
	assert_false(sb_echo_has_come(&echo, round));
	private_bus_resume(f->private_bus);
	/* What is answered after it. */
	client_settle_down(f->app);
	assert_true(sb_echo_has_come(&echo, round));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_it_comes_when_the_loop_turns),
		TEST(test_another_round_for_those_who_come_later),
		TEST(test_a_bus_that_does_not_answer_yet),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
