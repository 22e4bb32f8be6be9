/* SPDX-License-Identifier: Apache-2.0 */
/* The timers are the kernel's, and it is asked what they are set to. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static int timer = -1;

static int setup(void **state)
{
	(void)state;
	timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	return timer < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)close(timer);

	return 0;
}

/* As libcoap does; 0 is never. */
static void set(time_t seconds)
{
	const struct itimerspec value = { .it_value = { .tv_sec = seconds } };

	assert_int_equal(timerfd_settime(timer, 0, &value, NULL), 0);
}

/* What the kernel has, rounded up; 0 is never. */
static time_t left(void)
{
	struct itimerspec value;

	assert_int_equal(timerfd_gettime(timer, &value), 0);

	return value.it_value.tv_sec + (value.it_value.tv_nsec > 0);
}

static void fire(void)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
	struct pollfd fds = { .fd = timer, .events = POLLIN };

	assert_int_equal(timerfd_settime(timer, 0, &soon, NULL), 0);
	assert_int_equal(poll(&fds, 1, 10000), 1);
}

static void test_is_set_earlier_only(void **state)
{
	(void)state;
	set(1000);
	assert_in_range(left(), 990, 1000);
	set(2000);
	assert_in_range(left(), 990, 1000);
	set(0);
	assert_in_range(left(), 990, 1000);
	set(500);
	assert_in_range(left(), 490, 500);
}

static void test_when_it_has_fired_it_is_set_to_anything(void **state)
{
	(void)state;
	fire();
	set(1000);
	assert_in_range(left(), 990, 1000);
	fire();
	set(0);
	assert_int_equal(left(), 0);
	set(1000);
	assert_in_range(left(), 990, 1000);
}

/* A context has gone, and another one's timer has its number. */
static void test_a_new_one_is_not_the_old_one(void **state)
{
	int before = timer;

	(void)state;
	set(100);
	(void)close(timer);
	timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	assert_int_equal(timer, before);
	set(1000);
	assert_in_range(left(), 990, 1000);
}

/* Those of the loop, and of whoever looks at what there was. */
static void test_others_are_set_as_they_say(void **state)
{
	struct itimerspec value = { .it_value = { .tv_sec = 2000 },
				    .it_interval = { .tv_sec = 1 } };
	struct itimerspec old;

	(void)state;
	set(1000);
	assert_int_equal(timerfd_settime(timer, 0, &value, NULL), 0);
	assert_in_range(left(), 1990, 2000);
	value = (struct itimerspec){ .it_value = { .tv_sec = 3000 } };
	assert_int_equal(timerfd_settime(timer, 0, &value, &old), 0);
	assert_in_range(left(), 2990, 3000);
	assert_in_range(old.it_value.tv_sec, 1990, 2000);
	value = (struct itimerspec){ .it_value = { .tv_sec = INT32_MAX } };
	assert_int_equal(timerfd_settime(timer, TFD_TIMER_ABSTIME, &value, NULL), 0);
	assert_in_range(left(), 3001, INT32_MAX);
	set(1000);
	assert_in_range(left(), 990, 1000);
	assert_int_equal(timerfd_settime(timer, TFD_TIMER_ABSTIME, &value, NULL), 0);
	set(0);
	assert_int_equal(left(), 0);
}

static void test_what_is_no_timer_stays_an_error(void **state)
{
	const struct itimerspec value = { .it_value = { .tv_sec = 1 } };

	(void)state;
	assert_int_equal(timerfd_settime(-1, 0, &value, NULL), -1);
	assert_int_equal(timerfd_settime(STDIN_FILENO, 0, &value, NULL), -1);
}

static void test_what_was_refused_is_not_set(void **state)
{
	const struct itimerspec wrong = { .it_value = { .tv_nsec = 2000000000 } };

	(void)state;
	assert_int_equal(timerfd_settime(timer, 0, &wrong, NULL), -1);
	set(1000);
	assert_in_range(left(), 990, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_is_set_earlier_only),
		TEST(test_when_it_has_fired_it_is_set_to_anything),
		TEST(test_a_new_one_is_not_the_old_one),
		TEST(test_others_are_set_as_they_say),
		TEST(test_what_is_no_timer_stays_an_error),
		TEST(test_what_was_refused_is_not_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
