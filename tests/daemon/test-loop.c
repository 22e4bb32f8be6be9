/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/loop.h"

#define MANY 5000
#define LOG_MAX 16

/* A timer that knows its fixture. */
struct probe {
	struct sb_timer timer;
	struct fixture *fixture;
	unsigned int fired;
	uint64_t fired_at;
	struct probe *disarms; /* when it fires */
	uint64_t arms_again; /* likewise, with this delay; 0: not */
};

struct errand {
	struct sb_task task;
	struct fixture *fixture;
	char name;
	struct errand *schedules;
	struct errand *cancels;
};

struct fixture {
	struct sb_loop *loop;
	struct sb_watch *watch;
	int fd;
	unsigned int woken;
	bool free_watch;
	unsigned int n_fired;
	uint64_t last_fired_at;
	char log[LOG_MAX]; /* names of the errands that ran */
	size_t n_log;
	struct probe probes[4];
	struct errand errands[4];
	struct probe *many;
};

static void probe_on_fire(struct sb_timer *timer)
{
	struct probe *probe = sb_container_of(timer, struct probe, timer);
	struct fixture *f = probe->fixture;

	assert_false(sb_timer_armed(timer));
	probe->fired++;
	probe->fired_at = sb_loop_now(f->loop);
	assert_true(f->last_fired_at <= probe->fired_at);
	f->last_fired_at = probe->fired_at;
	f->n_fired++;
	if (probe->disarms)
		sb_timer_disarm(&probe->disarms->timer);
	if (probe->arms_again)
		sb_timer_arm(timer, probe->arms_again);
}

static void errand_on_run(struct sb_task *task)
{
	struct errand *errand = sb_container_of(task, struct errand, task);
	struct fixture *f = errand->fixture;

	assert_true(f->n_log < LOG_MAX - 1);
	f->log[f->n_log++] = errand->name;
	if (errand->schedules)
		sb_task_schedule(&errand->schedules->task);
	if (errand->cancels)
		sb_task_cancel(&errand->cancels->task);
}

static void fixture_init(struct fixture *f)
{
	for (size_t i = 0; i < SB_ELEMENTS(f->probes); i++) {
		f->probes[i].fixture = f;
		sb_timer_init(&f->probes[i].timer, f->loop, probe_on_fire);
	}
	for (size_t i = 0; i < SB_ELEMENTS(f->errands); i++) {
		f->errands[i].fixture = f;
		f->errands[i].name = (char)('a' + i);
		sb_task_init(&f->errands[i].task, f->loop, errand_on_run);
	}
	f->many = calloc(MANY, sizeof(*f->many));
	assert_non_null(f->many);
	for (size_t i = 0; i < MANY; i++) {
		f->many[i].fixture = f;
		sb_timer_init(&f->many[i].timer, f->loop, probe_on_fire);
	}
	f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(f->fd >= 0);
}

static int setup_virtual(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);
	fixture_init(f);
	*state = f;

	return 0;
}

static int setup_real(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(sb_loop_new(&f->loop), 0);
	fixture_init(f);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < SB_ELEMENTS(f->probes); i++)
		sb_timer_disarm(&f->probes[i].timer);
	for (size_t i = 0; i < SB_ELEMENTS(f->errands); i++)
		sb_task_cancel(&f->errands[i].task);
	for (size_t i = 0; i < MANY; i++)
		sb_timer_disarm(&f->many[i].timer);
	(void)sb_watch_free(f->watch);
	(void)close(f->fd);
	(void)sb_loop_free(f->loop);
	free(f->many);
	free(f);

	return 0;
}

/* ---- virtual time ---- */

static void the_virtual_clock_stands_still(void **state)
{
	struct fixture *f = *state;
	uint64_t begin = sb_loop_now(f->loop);

	assert_true(begin > 0);
	(void)sb_loop_turn(f->loop, 0);
	assert_int_equal(sb_loop_now(f->loop), begin);
	sb_loop_advance(f->loop, 1234);
	assert_int_equal(sb_loop_now(f->loop), begin + 1234);
}

static void a_timer_fires_once_at_its_time(void **state)
{
	struct fixture *f = *state;
	struct probe *probe = &f->probes[0];
	uint64_t begin = sb_loop_now(f->loop);

	sb_timer_arm(&probe->timer, 100);
	assert_true(sb_timer_armed(&probe->timer));
	sb_loop_advance(f->loop, 99);
	assert_int_equal(probe->fired, 0);
	sb_loop_advance(f->loop, 1000);
	assert_int_equal(probe->fired, 1);
	assert_int_equal(probe->fired_at, begin + 100);
	sb_loop_advance(f->loop, 1000);
	assert_int_equal(probe->fired, 1);
}

static void arming_anew_moves_a_timer(void **state)
{
	struct fixture *f = *state;
	struct probe *probe = &f->probes[0];
	uint64_t begin = sb_loop_now(f->loop);

	sb_timer_arm(&probe->timer, 100);
	sb_timer_arm(&probe->timer, 500);
	sb_loop_advance(f->loop, 499);
	assert_int_equal(probe->fired, 0);
	sb_timer_arm(&probe->timer, 10);
	sb_loop_advance(f->loop, 10);
	assert_int_equal(probe->fired_at, begin + 509);
}

static void a_disarmed_timer_does_not_fire(void **state)
{
	struct fixture *f = *state;

	sb_timer_arm(&f->probes[0].timer, 100);
	sb_timer_disarm(&f->probes[0].timer);
	sb_timer_disarm(&f->probes[0].timer);
	assert_false(sb_timer_armed(&f->probes[0].timer));
	sb_loop_advance(f->loop, 1000);
	assert_int_equal(f->n_fired, 0);
}

static void a_timer_may_disarm_another_that_is_due_too(void **state)
{
	struct fixture *f = *state;

	sb_timer_arm(&f->probes[0].timer, 100);
	sb_timer_arm(&f->probes[1].timer, 100);
	f->probes[0].disarms = &f->probes[1];
	f->probes[1].disarms = &f->probes[0];
	sb_loop_advance(f->loop, 100);
	assert_int_equal(f->n_fired, 1);
}

static void a_timer_that_arms_itself_does_not_hold_the_loop(void **state)
{
	struct fixture *f = *state;
	struct probe *probe = &f->probes[0];

	probe->arms_again = 10;
	sb_timer_arm(&probe->timer, 10);
	sb_loop_advance(f->loop, 100);
	assert_int_equal(probe->fired, 10);
	/* No delay is one microsecond. */
	sb_timer_arm(&f->probes[1].timer, 0);
	sb_loop_advance(f->loop, 0);
	assert_int_equal(f->probes[1].fired, 0);
	sb_loop_advance(f->loop, 1);
	assert_int_equal(f->probes[1].fired, 1);
}

/* A small generator of our own, so that a failure can be had again. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;

	return *seed >> 8;
}

/* probe_on_fire() checks the order. */
static void many_timers_fire_in_order(void **state)
{
	struct fixture *f = *state;
	uint32_t seed = 1;
	unsigned int expected = 0;

	for (size_t i = 0; i < MANY; i++)
		sb_timer_arm(&f->many[i].timer, 1 + next_random(&seed) % 100000);
	for (size_t i = 0; i < MANY; i++) {
		uint32_t what = next_random(&seed) % 4;

		if (what == 0)
			sb_timer_disarm(&f->many[i].timer);
		else if (what == 1)
			sb_timer_arm(&f->many[i].timer, 1 + next_random(&seed) % 100000);
		if (i % 7 == 0) /* timers are removed from the middle of fired heaps too */
			sb_loop_advance(f->loop, 3);
	}
	for (size_t i = 0; i < MANY; i++) {
		if (!sb_timer_armed(&f->many[i].timer))
			continue;
		expected++;
		f->many[i].fired = 0;
	}
	f->n_fired = 0;
	for (size_t i = 0; i < 100; i++)
		sb_loop_advance(f->loop, 1500);
	assert_int_equal(f->n_fired, expected);
	for (size_t i = 0; i < MANY; i++) {
		assert_false(sb_timer_armed(&f->many[i].timer));
		if (f->many[i].fired > 0)
			assert_int_equal(f->many[i].fired_at, f->many[i].timer.at);
	}
}

static void tasks_run_in_order_and_once(void **state)
{
	struct fixture *f = *state;

	sb_task_schedule(&f->errands[1].task);
	sb_task_schedule(&f->errands[0].task);
	sb_task_schedule(&f->errands[1].task);
	assert_string_equal(f->log, "");
	sb_loop_advance(f->loop, 0);
	assert_string_equal(f->log, "ba");
	sb_loop_advance(f->loop, 0);
	assert_string_equal(f->log, "ba");
}

static void a_cancelled_task_does_not_run(void **state)
{
	struct fixture *f = *state;

	sb_task_schedule(&f->errands[0].task);
	sb_task_schedule(&f->errands[1].task);
	f->errands[0].cancels = &f->errands[1];
	sb_task_cancel(&f->errands[2].task);
	sb_loop_advance(f->loop, 0);
	assert_string_equal(f->log, "a");
}

static void what_a_task_schedules_waits_for_the_next_turn(void **state)
{
	struct fixture *f = *state;

	f->errands[0].schedules = &f->errands[0];
	sb_task_schedule(&f->errands[0].task);
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_string_equal(f->log, "a");
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_string_equal(f->log, "aa");
	f->errands[0].schedules = NULL;
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_string_equal(f->log, "aaa");
	assert_int_equal(sb_loop_turn(f->loop, 0), 0);
}

static void tasks_run_as_the_clock_passes(void **state)
{
	struct fixture *f = *state;

	sb_task_schedule(&f->errands[0].task);
	f->errands[0].schedules = &f->errands[1];
	sb_timer_arm(&f->probes[0].timer, 10);
	sb_loop_advance(f->loop, 20);
	assert_string_equal(f->log, "ab");
}

/* ---- descriptors ---- */

static void watch_on_ready(void *userdata, uint32_t events)
{
	struct fixture *f = userdata;
	eventfd_t count;

	assert_true(events & EPOLLIN);
	(void)eventfd_read(f->fd, &count);
	f->woken += (unsigned int)count;
	if (f->free_watch)
		f->watch = sb_watch_free(f->watch);
}

static void a_watch_tells_that_its_descriptor_is_ready(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sb_watch_new(f->loop, f->fd, EPOLLIN, watch_on_ready, f, &f->watch), 0);
	assert_int_equal(sb_loop_turn(f->loop, 0), 0);
	(void)eventfd_write(f->fd, 3);
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_int_equal(f->woken, 3);
	f->watch = sb_watch_free(f->watch);
	(void)eventfd_write(f->fd, 1);
	assert_int_equal(sb_loop_turn(f->loop, 0), 0);
	assert_int_equal(f->woken, 3);
}

static void a_watch_may_be_freed_when_it_tells(void **state)
{
	struct fixture *f = *state;

	f->free_watch = true;
	assert_int_equal(sb_watch_new(f->loop, f->fd, EPOLLIN, watch_on_ready, f, &f->watch), 0);
	(void)eventfd_write(f->fd, 1);
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_null(f->watch);
	assert_int_equal(f->woken, 1);
}

/* An eventfd can always be written to, so nothing that is not waited for may tell. */
static void a_watch_can_wait_for_something_else(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sb_watch_new(f->loop, f->fd, EPOLLIN, watch_on_ready, f, &f->watch), 0);
	(void)eventfd_write(f->fd, 1);
	assert_true(sb_watch_change(f->watch, 0) >= 0);
	assert_true(sb_watch_change(f->watch, 0) >= 0);
	assert_int_equal(sb_loop_turn(f->loop, 0), 0);
	assert_true(sb_watch_change(f->watch, EPOLLIN | EPOLLOUT) >= 0);
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_int_equal(f->woken, 1);
	assert_true(sb_watch_change(f->watch, EPOLLIN) >= 0);
	assert_int_equal(sb_loop_turn(f->loop, 0), 0);
}

static void a_closed_descriptor_cannot_be_watched(void **state)
{
	struct fixture *f = *state;

	assert_true(sb_watch_new(f->loop, -1, EPOLLIN, watch_on_ready, f, &f->watch) < 0);
	assert_null(f->watch);
}

/* ---- the box's clock ---- */

static void exit_on_fire(struct sb_timer *timer)
{
	sb_loop_exit(timer->loop, 42);
}

static void a_real_loop_fires_in_order_and_ends(void **state)
{
	struct fixture *f = *state;
	struct sb_timer end;
	uint64_t begin;

	sb_timer_init(&end, f->loop, exit_on_fire);
	begin = sb_loop_now(f->loop);
	assert_true(begin > 0);
	sb_timer_arm(&end, 12 * SB_USEC_PER_MSEC);
	sb_timer_arm(&f->probes[2].timer, 9 * SB_USEC_PER_MSEC);
	sb_timer_arm(&f->probes[1].timer, 5 * SB_USEC_PER_MSEC);
	sb_timer_arm(&f->probes[0].timer, 1 * SB_USEC_PER_MSEC);
	/* The earliest goes: the kernel's timer is in vain then, and the others still come. */
	sb_timer_disarm(&f->probes[0].timer);
	sb_task_schedule(&f->errands[0].task);
	assert_int_equal(sb_loop_run(f->loop), 42);
	assert_string_equal(f->log, "a");
	assert_int_equal(f->n_fired, 2);
	assert_true(f->probes[1].fired_at >= begin + 5 * SB_USEC_PER_MSEC);
	assert_true(f->probes[2].fired_at >= begin + 9 * SB_USEC_PER_MSEC);
	assert_false(sb_timer_armed(&end));
}

static void a_real_timer_that_arms_itself_lets_others_in(void **state)
{
	struct fixture *f = *state;

	f->probes[0].arms_again = 1;
	sb_timer_arm(&f->probes[0].timer, 1);
	assert_int_equal(sb_watch_new(f->loop, f->fd, EPOLLIN, watch_on_ready, f, &f->watch), 0);
	(void)eventfd_write(f->fd, 1);
	for (unsigned int i = 0; i < 100 && f->woken == 0; i++)
		assert_true(sb_loop_turn(f->loop, SB_USEC_PER_SEC) > 0);
	assert_int_equal(f->woken, 1);
}

#define VIRTUAL(name) cmocka_unit_test_setup_teardown(name, setup_virtual, teardown)
#define REAL(name) cmocka_unit_test_setup_teardown(name, setup_real, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VIRTUAL(the_virtual_clock_stands_still),
		VIRTUAL(a_timer_fires_once_at_its_time),
		VIRTUAL(arming_anew_moves_a_timer),
		VIRTUAL(a_disarmed_timer_does_not_fire),
		VIRTUAL(a_timer_may_disarm_another_that_is_due_too),
		VIRTUAL(a_timer_that_arms_itself_does_not_hold_the_loop),
		VIRTUAL(many_timers_fire_in_order),
		VIRTUAL(tasks_run_in_order_and_once),
		VIRTUAL(a_cancelled_task_does_not_run),
		VIRTUAL(what_a_task_schedules_waits_for_the_next_turn),
		VIRTUAL(tasks_run_as_the_clock_passes),
		VIRTUAL(a_watch_tells_that_its_descriptor_is_ready),
		VIRTUAL(a_watch_may_be_freed_when_it_tells),
		VIRTUAL(a_watch_can_wait_for_something_else),
		VIRTUAL(a_closed_descriptor_cannot_be_watched),
		REAL(a_real_loop_fires_in_order_and_ends),
		REAL(a_real_timer_that_arms_itself_lets_others_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
