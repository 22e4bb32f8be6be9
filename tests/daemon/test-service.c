/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/gateway.h"
#include "daemon/log.h"
#include "daemon/service.h"
#include "daemon/store-job.h"
#include "daemon/store-private.h"
#include "tests/daemon/fake-log.h"
#include "tests/daemon/link-fixture.h"
#include "tests/daemon/notices.h"

#define SETTLED (250 * SB_USEC_PER_MSEC)

/* Between two signs of life of a service with WatchdogSec=20. */
#define BEAT (5 * SB_USEC_PER_SEC)

struct fixture {
	struct link_fixture *parts;
	struct sb_gateway *gateway;
	struct sb_config config;
	struct sb_service service;
	struct notices notices;
	bool hangs; /* the disk */
};

static sem_t disk; /* answers when the test says so */

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	assert_int_equal(sem_init(&disk, 0, 0), 0);
	(void)link_fixture_setup((void **)&f.parts);
	assert_int_equal(sb_gateway_new(&f.parts->parts, NULL, &f.gateway), 0);
	notices_init(&f.notices, &f.parts->scratch);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	notices_done(&f->notices);
	if (f->hangs)
		(void)sem_post(&disk);
	sb_service_done(&f->service);
	(void)sb_gateway_free(f->gateway);
	free(f->config.links);
	(void)link_fixture_teardown((void **)&f->parts);
	(void)sem_destroy(&disk);

	return unsetenv("WATCHDOG_USEC");
}

/* With so many links, a, b, c …, none of which gets far. */
static void start(struct fixture *f, size_t n)
{
	char name[2] = "a";

	script.login = SCRIPT_HANGS;
	f->config.links = calloc(n > 0 ? n : 1, sizeof(*f->config.links));
	assert_non_null(f->config.links);
	for (size_t i = 0; i < n; i++, name[0]++)
		f->config.links[i] = link_config(name, NULL);
	f->config.n_links = n;
	sb_service_init(&f->service, f->gateway);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
}

static void wait_for_line(struct fixture *f)
{
	sb_loop_advance(f->parts->parts.loop, SETTLED);
}

static void disable(struct fixture *f, const char *name)
{
	struct sb_error error;

	assert_int_equal(sb_link_disconnect(sb_gateway_find(f->gateway, name), &error), 0);
}

/* ---- the line for people ---- */

static void nothing_is_told_before_it_is_ready(void **state)
{
	struct fixture *f = *state;

	start(f, 2);
	wait_for_line(f);
	notices_expect(&f->notices, "");
	sb_service_ready(&f->service);
	notices_expect(&f->notices,
		       "READY=1\nSTATUS=0 of 2 links online | a is starting | b is starting");
}

static void without_links_it_says_so(void **state)
{
	struct fixture *f = *state;

	start(f, 0);
	sb_service_ready(&f->service);
	notices_expect(&f->notices, "READY=1\nSTATUS=no link is configured");
}

static void changes_of_a_moment_are_told_in_one_line(void **state)
{
	struct fixture *f = *state;

	start(f, 3);
	sb_service_ready(&f->service);
	(void)notices_next(&f->notices);
	disable(f, "a");
	disable(f, "b");
	notices_expect(&f->notices, "");
	wait_for_line(f);
	notices_expect_begin(&f->notices,
			     "STATUS=0 of 3 links online | a: disconnected by request");
	assert_non_null(strstr(f->notices.text, " | b: disconnected by request"));
	assert_non_null(strstr(f->notices.text, " | c is starting"));
	notices_expect(&f->notices, "");
	wait_for_line(f);
	notices_expect(&f->notices, "");
}

static void a_link_that_is_online_is_counted(void **state)
{
	struct fixture *f = *state;

	start(f, 1);
	sb_service_ready(&f->service);
	(void)notices_next(&f->notices);
	disable(f, "a");
	wait_for_line(f);
	(void)notices_next(&f->notices);
	script.login = SCRIPT_OPENS;
	assert_int_equal(sb_link_connect(sb_gateway_link(f->gateway, 0), NULL), 0);
	wait_for_line(f);
	notices_expect(&f->notices, "STATUS=0 of 1 links online | a is resolving");
	fake_connecting();
	fake_open();
	link_answer(f->parts, "/login", SKYBUS_CODE(2, 4));
	wait_for_line(f);
	notices_expect(&f->notices, "STATUS=1 of 1 links online");
}

static void many_links_fit_into_the_line(void **state)
{
	struct fixture *f = *state;

	start(f, 26);
	for (char name[2] = "a"; *name <= 'z'; (*name)++)
		disable(f, name);
	sb_service_ready(&f->service);
	notices_expect_begin(&f->notices, "READY=1\nSTATUS=0 of 26 links online | a: ");
	assert_in_range(strlen(f->notices.text), 100, 600);
	assert_non_null(strstr(f->notices.text, " | and "));
	assert_string_equal(strrchr(f->notices.text, ' '), " more");
}

static void words_of_clouds_make_no_assignment(void **state)
{
	struct fixture *f = *state;

	script.fail_reason = "see\nMAINPID=1";
	start(f, 1);
	sb_service_ready(&f->service);
	(void)notices_next(&f->notices);
	disable(f, "a");
	script.login = SCRIPT_FAILS;
	script.fail_kind = SKYBUS_TRANSIENT;
	assert_int_equal(sb_link_connect(sb_gateway_link(f->gateway, 0), NULL), 0);
	wait_for_line(f);
	notices_expect_begin(&f->notices, "STATUS=0 of 1 links online | a: ");
	assert_non_null(strstr(f->notices.text, "see?MAINPID=1"));
}

static void the_end_is_told_and_then_nothing(void **state)
{
	struct fixture *f = *state;

	start(f, 1);
	sb_service_ready(&f->service);
	(void)notices_next(&f->notices);
	sb_service_stopping(&f->service);
	notices_expect_begin(&f->notices, "STOPPING=1\nSTATUS=ending");
	sb_gateway_stop(f->gateway, SB_USEC_PER_SEC);
	disable(f, "a");
	wait_for_line(f);
	notices_expect(&f->notices, "");
}

static void no_manager_is_no_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	start(f, 1);
	sb_service_ready(&f->service);
	sb_service_reloading(&f->service);
	sb_service_ready(&f->service);
	sb_service_stopping(&f->service);
	sb_service_done(&f->service);
	sb_service_done(&f->service);
}

/* ---- alive ---- */

static int run_hang(struct sb_db *db, struct sb_job *job)
{
	(void)db;
	(void)job;

	return sem_wait(&disk);
}

static void complete_nothing(struct sb_job *job)
{
	(void)job;
}

static const struct sb_job_kind hang = { false, run_hang, complete_nothing, NULL };

static void let_disk_hang(struct fixture *f)
{
	f->hangs = true;
	assert_int_equal(
		sb_store_submit(f->parts->parts.store, sb_store_job_new(&hang, NULL, NULL)), 0);
}

static void let_disk_answer(struct fixture *f)
{
	assert_int_equal(sem_post(&disk), 0);
	f->hangs = false;
	sb_store_drain(f->parts->parts.store);
}

static void beat(struct fixture *f)
{
	sb_loop_advance(f->parts->parts.loop, BEAT);
}

static void start_watched(struct fixture *f)
{
	assert_int_equal(setenv("WATCHDOG_USEC", "20000000", 1), 0);
	start(f, 0);
	sb_service_ready(&f->service);
	(void)notices_next(&f->notices);
	sb_store_drain(f->parts->parts.store);
}

static void it_is_alive_while_nothing_happens(void **state)
{
	struct fixture *f = *state;

	start_watched(f);
	notices_expect(&f->notices, "");
	for (unsigned int i = 0; i < 10; i++) {
		beat(f);
		notices_expect(&f->notices, "WATCHDOG=1");
		notices_expect(&f->notices, "");
		sb_store_drain(f->parts->parts.store);
	}
}

static void a_disk_that_hangs_is_no_life(void **state)
{
	struct fixture *f = *state;

	start_watched(f);
	let_disk_hang(f);
	beat(f);
	notices_expect(&f->notices, "WATCHDOG=1"); /* what was asked before was done */
	for (unsigned int i = 0; i < 3; i++) {
		beat(f);
		if (i == 0)
			notices_expect(&f->notices,
				       "STATUS=the disk does not answer | no link is configured");
		notices_expect(&f->notices, "");
	}
	let_disk_answer(f);
	beat(f);
	notices_expect(&f->notices, "STATUS=no link is configured");
	notices_expect(&f->notices, "WATCHDOG=1");
	sb_store_drain(f->parts->parts.store);
	beat(f);
	notices_expect(&f->notices, "WATCHDOG=1");
}

/* A card at its end does that for days. */
static void a_disk_that_hangs_often_does_not_fill_the_log(void **state)
{
	struct fixture *f = *state;

	start_watched(f);
	fake_log_reset();
	for (unsigned int i = 1; i <= 10; i++) {
		let_disk_hang(f);
		beat(f);
		beat(f);
		/* Somebody has to take them. */
		while (*notices_next(&f->notices))
			;
		assert_int_equal(fake_log_count_events(SB_EVENT_STORE_STALLS), i < 4 ? i : 4);
		let_disk_answer(f);
		beat(f);
		assert_int_equal(fake_log_count_events(SB_EVENT_STORE_ANSWERS), i < 4 ? i : 4);
		sb_store_drain(f->parts->parts.store);
	}
	assert_int_equal(fake_log_count(LOG_INFO), 8);
}

static void nobody_asks_and_nothing_beats(void **state)
{
	struct fixture *f = *state;

	start(f, 0);
	sb_service_ready(&f->service);
	(void)notices_next(&f->notices);
	let_disk_hang(f);
	for (unsigned int i = 0; i < 100; i++)
		beat(f);
	notices_expect(&f->notices, "");
	let_disk_answer(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_told_before_it_is_ready),
		TEST(without_links_it_says_so),
		TEST(changes_of_a_moment_are_told_in_one_line),
		TEST(a_link_that_is_online_is_counted),
		TEST(many_links_fit_into_the_line),
		TEST(words_of_clouds_make_no_assignment),
		TEST(the_end_is_told_and_then_nothing),
		TEST(no_manager_is_no_error),
		TEST(it_is_alive_while_nothing_happens),
		TEST(a_disk_that_hangs_is_no_life),
		TEST(a_disk_that_hangs_often_does_not_fill_the_log),
		TEST(nobody_asks_and_nothing_beats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
