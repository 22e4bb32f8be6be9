/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log has of a link: what happens, and not more of it than a person reads.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/hourly.h"
#include "tests/daemon/fake-log.h"
#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define UNAUTHORIZED SKYBUS_CODE(4, 1)
#define BUSY SKYBUS_CODE(5, 3)
#define TOO_MANY SKYBUS_CODE(4, 29)

#define MINUTE (60 * SB_USEC_PER_SEC)

/* So many changes may be in the log within an hour. */
#define CHANGES_MAX 8

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	fake_log_reset();
	link_make(*state, NULL);

	return 0;
}

static void expect_last(enum sb_event event, const char *text)
{
	const struct fake_line *line = fake_log_last();

	assert_string_equal(line->text, text);
	assert_int_equal(line->event, event);
	assert_string_equal(line->link, "plant");
	assert_string_equal(line->plugin, "script");
}

/* ---- what there is ---- */

static void online_and_lost(void **state)
{
	struct link_fixture *f = *state;
	const struct fake_line *line;

	link_bring_up(f);
	expect_last(SB_EVENT_LINK_ONLINE, "plant: online");
	assert_string_equal(fake_log_last()->state, "online");
	assert_int_equal(fake_log_count(LOG_INFO), 1);

	fake_break(-ECONNRESET, "the cable is out");
	link_run(f);
	line = fake_log_last();
	assert_int_equal(line->event, SB_EVENT_LINK_LOST);
	assert_string_equal(line->state, "backoff");
	assert_string_equal(line->code, "");
	assert_non_null(strstr(line->text, "plant: the cable is out (next attempt in "));
	assert_int_equal(fake_log_count(LOG_INFO), 2);
}

/* It counts as up, so that it is online again is nothing new. */
static void another_way(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_change_way(f, "10.0.1.2", "wwan1");
	assert_int_equal(fake_log_last()->event, SB_EVENT_LINK_REROUTED);
	assert_int_equal(fake_log_last()->level, LOG_NOTICE);
	assert_non_null(
		strstr(fake_log_last()->text, "not from 10.0.0.2 by eth0; connecting anew"));
	link_come_up(f);
	assert_int_equal(fake_log_count(LOG_INFO), 2);

	/* Soon after that the network has to wait. */
	link_change_way(f, "10.0.0.2", "eth0");
	assert_int_equal(fake_log_last()->event, SB_EVENT_LINK_LOST);
	assert_string_equal(fake_log_last()->state, "backoff");
}

static void no_way(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_lose_way(f, -ENETUNREACH);
	assert_int_equal(fake_log_last()->event, SB_EVENT_LINK_LOST);
	assert_non_null(strstr(fake_log_last()->text, "waiting for the network"));
	assert_int_equal(fake_log_count(LOG_INFO), 2);
}

static void refused_and_failed(void **state)
{
	struct link_fixture *f = *state;

	script.fail_kind = SKYBUS_CREDENTIALS;
	script.fail_reason = "who are you?";
	sb_link_start(f->link);
	for (unsigned int i = 1; i <= 3; i++) {
		link_pass(f, MINUTE);
		fake_connecting();
		fake_open();
		link_answer(f, "/login", UNAUTHORIZED);
		assert_string_equal(fake_log_last()->code, "4.01");
	}
	assert_int_equal(fake_log_count_events(SB_EVENT_LINK_REFUSED), 1);
	expect_last(SB_EVENT_LINK_FAILED, "plant: who are you?");
	assert_string_equal(fake_log_last()->state, "failed");
	assert_int_equal(fake_log_last()->level, LOG_ERR);
}

/* The answer to something else is not why the login did not come to an end. */
static void a_code_is_of_the_answer_that_it_is_about(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_connecting();
	fake_open();
	assert_int_equal(script_send("/greeting"), 0);
	link_answer(f, "/greeting", SKYBUS_CODE(4, 4));
	link_pass(f, 2 * MINUTE);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(fake_log_last()->event, SB_EVENT_LINK_LOST);
	assert_string_equal(fake_log_last()->code, "");
}

static void wrong_and_disabled(void **state)
{
	static const char *const settings[] = { "enabled", "no", NULL };
	struct link_fixture *f = *state;
	struct sb_link_config *config = link_config("plant", NULL);

	link_unmake(f);
	config->wrong = strdup("plant.yaml:3:9: port \"many\" is not a port");
	link_make_of(f, config);
	sb_link_start(f->link);
	expect_last(SB_EVENT_LINK_FAILED, "plant: plant.yaml:3:9: port \"many\" is not a port");

	link_unmake(f);
	link_make(f, settings);
	sb_link_start(f->link);
	expect_last(
		SB_EVENT_LINK_DISABLED,
		"plant: disabled: the configuration says enabled: no; Connect starts it all the "
		"same");
}

static void a_wait_that_goes_on_after_a_restart(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_FAILS;
	script.fail_wait_s = 300;
	sb_link_start(f->link);
	link_run(f);
	link_restart(f);
	expect_last(SB_EVENT_LINK_LOST,
		    "plant: failing since before the restart: the cloud says no (next attempt in "
		    "300 s)");
	/* The next attempt brings nothing new. */
	link_pass(f, 301 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 2);
	assert_int_equal(fake_log_count(LOG_INFO), 2);
}

static void messages_wait(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_publish(f, "m1");
	link_answer(f, "m1", BUSY);
	expect_last(SB_EVENT_LINK_WAITS, "plant: messages wait: the cloud says later");
	assert_string_equal(fake_log_last()->code, "5.03");
	assert_string_equal(fake_log_last()->state, "online");
}

/* A login is asked for by the cloud, a person or the clock; the link stays up. */
static void another_login_is_nothing_new(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_REUSES;
	link_bring_up(f);
	for (unsigned int i = 0; i < 50; i++) {
		link_publish(f, "m");
		link_answer(f, "m", UNAUTHORIZED);
		link_pass(f, SB_PACE_USEC);
		link_answer(f, "/login", OK);
		link_answer(f, "m", OK);
		link_pass(f, i % 10 ? MINUTE : 61 * MINUTE);
	}
	assert_int_equal(script.logins, 51);
	assert_int_equal(fake_log_count(LOG_INFO), 1);
}

/* ---- not too much of it ---- */

static void down_for_a_day(void **state)
{
	struct link_fixture *f = *state;
	size_t said;

	script.login = SCRIPT_FAILS;
	sb_link_start(f->link);
	for (unsigned int i = 0; i < 24 * 60; i++)
		link_pass(f, MINUTE);
	said = fake_log_count(LOG_INFO);
	/* With the first, and again each hour, at an attempt. */
	assert_in_range(said, 20, 25);
	assert_int_equal(said, fake_log_count_events(SB_EVENT_LINK_LOST));
	assert_true(script.logins > 100);
	print_message("down for a day: %zu lines of %u attempts\n", said, script.logins);
}

static void numbers_make_no_other_reason(void **state)
{
	struct link_fixture *f = *state;
	char reason[64];

	script.login = SCRIPT_FAILS;
	script.fail_reason = reason;
	strcpy(reason, "no answer for 9 s");
	sb_link_start(f->link);
	link_run(f);
	for (unsigned int i = 0; i < 5; i++) {
		(void)snprintf(reason, sizeof(reason), "no answer for %u s", 99 + i);
		assert_int_equal(sb_link_connect(f->link, &f->error), 0);
		link_pass(f, SB_PACE_USEC);
	}
	assert_int_equal(script.logins, 6);
	assert_int_equal(fake_log_count(LOG_INFO), 1);
	strcpy(reason, "no answer for 9 s.");
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_pass(f, SB_PACE_USEC);
	assert_int_equal(fake_log_count(LOG_INFO), 2);
}

static void another_reason_is_said_at_once(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_FAILS;
	script.fail_reason = "the name does not resolve";
	sb_link_start(f->link);
	link_run(f);
	script.fail_reason = "nothing listens";
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_pass(f, SB_PACE_USEC);
	assert_non_null(strstr(fake_log_last()->text, "plant: nothing listens (next attempt in "));
	assert_int_equal(fake_log_count(LOG_INFO), 2);
}

/* Up and down, again and again, each half a minute; then it has just gone down. */
static void flap(struct link_fixture *f, unsigned int times)
{
	while (times-- > 0) {
		link_pass(f, MINUTE / 2);
		assert_int_equal(sb_link_connect(f->link, &f->error), 0);
		link_come_up(f);
		fake_break(-ECONNRESET, "the cable is out");
		f->states[0] = '\0';
		fake_network.sent[0] = '\0';
	}
}

static void flapping_for_a_day(void **state)
{
	struct link_fixture *f = *state;
	size_t said = 0;

	sb_link_start(f->link);
	for (unsigned int hour = 0; hour < 24; hour++) {
		fake_log_reset();
		flap(f, 120);
		/* The hours of the clock are not those of the log. */
		assert_in_range(fake_log_count(LOG_INFO), 1, 2 * CHANGES_MAX);
		said += fake_log_count(LOG_INFO);
	}
	print_message("flapping for a day: %zu lines of %u changes\n", said, 2 * 24 * 120);
	assert_true(said < 24 * (CHANGES_MAX + 1));
}

static void what_was_left_out_is_summed_up_within_the_hour(void **state)
{
	struct link_fixture *f = *state;
	size_t said;

	sb_link_start(f->link);
	flap(f, 10);
	said = fake_log_count(LOG_INFO);
	assert_int_equal(said, CHANGES_MAX);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
	assert_int_equal(fake_log_count(LOG_INFO), said);

	link_pass(f, 60 * MINUTE);
	assert_int_equal(fake_log_count(LOG_INFO), said + 1);
	expect_last(SB_EVENT_LINK_ONLINE,
		    "plant: online (12 changes before that are not in the log: "
		    "they were too many)");
	/* It has calmed down, and so does the log. */
	link_pass(f, 300 * MINUTE);
	assert_int_equal(fake_log_count(LOG_INFO), said + 1);
	fake_break(-ECONNRESET, "the cable is out");
	link_run(f);
	assert_int_equal(fake_log_count(LOG_INFO), said + 2);
	assert_null(strstr(fake_log_last()->text, "not in the log"));
}

static void a_person_is_called_at_once(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	flap(f, 10);
	script.login = SCRIPT_FAILS;
	script.fail_kind = SKYBUS_CONFIGURATION;
	script.fail_reason = "no such device";
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_pass(f, SB_PACE_USEC);
	assert_int_equal(fake_log_count(LOG_INFO), CHANGES_MAX + 1);
	expect_last(SB_EVENT_LINK_FAILED,
		    "plant: no such device (12 changes before that are not in "
		    "the log: they were too many)");
	/* But the same is not said for each Connect. */
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(sb_link_connect(f->link, &f->error), 0);
		link_pass(f, SB_PACE_USEC);
	}
	assert_int_equal(script.logins, 31);
	assert_int_equal(fake_log_count(LOG_INFO), CHANGES_MAX + 1);
}

static void a_cloud_that_is_busy_all_the_time(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	for (unsigned int i = 0; i < 100; i++) {
		link_publish(f, "m");
		link_answer(f, "m", i % 2 ? BUSY : SKYBUS_CODE(5, 0));
		link_pass(f, 10 * SB_USEC_PER_SEC);
		link_answer(f, "m", OK);
	}
	/* With the one that it is online; the reason is the same, and the code another one. */
	assert_int_equal(fake_log_count(LOG_INFO), CHANGES_MAX);
	assert_int_equal(fake_log_count_events(SB_EVENT_LINK_WAITS), CHANGES_MAX - 1);
}

static void the_same_trouble_is_said_again_another_day(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	for (unsigned int i = 0; i < 4; i++) {
		link_publish(f, "m");
		link_answer(f, "m", BUSY);
		link_pass(f, 2 * MINUTE);
		link_answer(f, "m", OK);
		if (i == 1)
			link_pass(f, 24 * 60 * MINUTE);
	}
	assert_int_equal(fake_log_count_events(SB_EVENT_LINK_WAITS), 2);
}

static void so_many_lines_of_a_plugin(void **state)
{
	struct link_fixture *f = *state;

	for (unsigned int i = 0; i < 50; i++)
		script.host->log(script.link, SKYBUS_LOG_WARNING, "what a day");
	assert_int_equal(fake_log_count(LOG_INFO), 8);
	assert_int_equal(fake_log.n, 50);
	assert_string_equal(fake_log_last()->text, "plant: what a day");
	script.host->log(script.link, SKYBUS_LOG_DEBUG, "and more");
	link_pass(f, 61 * MINUTE);
	script.host->log(script.link, SKYBUS_LOG_NOTICE, "the next day");
	assert_int_equal(fake_log_count(LOG_INFO), 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(online_and_lost),
		TEST(another_way),
		TEST(no_way),
		TEST(refused_and_failed),
		TEST(a_code_is_of_the_answer_that_it_is_about),
		TEST(wrong_and_disabled),
		TEST(a_wait_that_goes_on_after_a_restart),
		TEST(messages_wait),
		TEST(another_login_is_nothing_new),
		TEST(down_for_a_day),
		TEST(numbers_make_no_other_reason),
		TEST(another_reason_is_said_at_once),
		TEST(flapping_for_a_day),
		TEST(what_was_left_out_is_summed_up_within_the_hour),
		TEST(a_person_is_called_at_once),
		TEST(a_cloud_that_is_busy_all_the_time),
		TEST(the_same_trouble_is_said_again_another_day),
		TEST(so_many_lines_of_a_plugin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
