/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define UNAUTHORIZED SKYBUS_CODE(4, 1)

#define MINUTE (60 * SB_USEC_PER_SEC)

/* A link that is online, and logs in again over the session that it has. */
static int setup(void **state)
{
	(void)link_fixture_setup(state);
	script.login = SCRIPT_REUSES;
	link_make(*state, NULL);
	link_bring_up(*state);

	return 0;
}

static void silence_brings_one_ping_and_then_goes_on(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 3);
	link_publish_many(f, 1, 5);
	link_expect_sent("m1 m2 m3 ");
	fake_end(link_find_request("m1"), SKYBUS_TIMEOUT);
	fake_end(link_find_request("m2"), SKYBUS_TIMEOUT);
	link_run(f);
	link_expect_sent("ping ");
	link_expect_state(f, SB_LINK_ONLINE);
	/* Meanwhile nothing more goes out. */
	link_publish(f, "m6");
	link_expect_sent("");
	assert_true(fake_request_at(1)->ping);
	fake_answer(fake_request_at(1), 0);
	link_run(f);
	/* m3 is under way still. */
	link_answer_all(f, OK);
	link_expect_sent("m1 m2 m4 m5 m6 ");
	assert_int_equal(script.logins, 1);
}

/* On a bad line the ping is lost as well: any other answer shows that the cloud is there. */
static void any_answer_is_a_sign_of_life(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 3);
	link_publish_many(f, 1, 4);
	link_expect_sent("m1 m2 m3 ");
	fake_end(link_find_request("m1"), SKYBUS_TIMEOUT);
	link_expect_sent("ping ");
	link_pass(f, SB_USEC_PER_SEC);
	link_answer(f, "m2", OK);
	link_answer(f, "m3", OK);
	/* The ping is under way still. */
	link_expect_sent("m1 ");
	fake_end(link_find_request(""), SKYBUS_TIMEOUT);
	link_expect_sent("");
	link_expect_state(f, SB_LINK_ONLINE);
	link_answer_all(f, OK);
	assert_int_equal(link_status(f)->queue.queued, 0);
	assert_int_equal(script.logins, 1);
}

static void a_ping_tells_of_the_silence_before_it_only(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 3);
	link_publish_many(f, 1, 3);
	fake_end(link_find_request("m1"), SKYBUS_TIMEOUT);
	link_pass(f, SB_USEC_PER_SEC);
	link_answer(f, "m2", OK);
	link_pass(f, SB_USEC_PER_SEC);
	fake_end(link_find_request("m3"), SKYBUS_TIMEOUT);
	fake_network.sent[0] = '\0';
	fake_end(link_find_request(""), SKYBUS_TIMEOUT);
	link_expect_sent("ping ");
	link_expect_state(f, SB_LINK_ONLINE);
	fake_end(link_find_request(""), SKYBUS_TIMEOUT);
	link_expect_state(f, SB_LINK_BACKOFF);
}

static void no_login_goes_over_a_session_that_may_be_dead(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 2);
	link_publish_many(f, 1, 2);
	link_answer(f, "m1", UNAUTHORIZED);
	fake_end(link_find_request("m2"), SKYBUS_TIMEOUT);
	link_run(f);
	link_expect_sent("m1 m2 ping ");
	assert_int_equal(script.logins, 1);
	link_answer_first(f, 0);
	link_expect_sent("/login ");
	link_answer(f, "/login", OK);
	link_answer_all(f, OK);
	link_expect_sent("m1 m2 ");
	assert_int_equal(script.logins, 2);
}

static void a_stop_begins_no_login(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	assert_true(sb_link_stop(f->link));
	link_answer(f, "m1", UNAUTHORIZED);
	link_pass(f, MINUTE);
	assert_int_equal(script.logins, 1);
	assert_int_equal(link_status(f)->queue.queued, 1);
}

static void silence_to_the_ping_too_means_down(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	fake_end(link_find_request("m1"), SKYBUS_TIMEOUT);
	link_pass(f, 10 * SB_USEC_PER_SEC);
	fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_run(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "silence 2 for 10 s");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_expect_sent("m1 ping /login m1 ");
}

static void after_an_outage_all_goes_out_in_order_after_one_login(void **state)
{
	struct link_fixture *f = *state;
	char expected[2048] = "m1 m2 m3 m4 ping /login ";

	link_widen(f, 4);
	link_publish_many(f, 1, 100);
	for (unsigned int i = 0; i < 4; i++)
		fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_run(f);
	fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_publish_many(f, 101, 150);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_answer_all(f, OK);
	for (unsigned int i = 1; i <= 150; i++)
		(void)snprintf(expected + strlen(expected), 16, "m%u ", i);
	link_expect_sent(expected);
	assert_int_equal(link_status(f)->queue.queued, 0);
	assert_int_equal(script.logins, 2);
}

static void doubt_brings_a_ping_and_what_is_under_way_stays(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	link_expect_sent("m1 ");
	fake_doubt();
	fake_doubt();
	link_publish(f, "m2");
	link_expect_sent("ping ");
	fake_answer(fake_request_at(1), 0);
	link_run(f);
	link_expect_sent("");
	link_answer(f, "m1", OK);
	link_expect_sent("m2 ");
	assert_int_equal(script.logins, 1);
}

static void doubt_and_silence_mean_down(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	link_run(f);
	fake_doubt();
	fake_end(fake_request_at(1), SKYBUS_UNREACHABLE);
	link_run(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "silence 4");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_expect_sent("m1 ping /login m1 ");
}

static void a_cloud_that_answers_pings_only_means_down(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	for (unsigned int i = 0; i < 3; i++) {
		link_expect_state(f, SB_LINK_ONLINE);
		link_expect_sent("m1 ");
		fake_end(link_find_request("m1"), SKYBUS_TIMEOUT);
		link_run(f);
		link_expect_sent("ping ");
		link_answer_first(f, 0);
	}
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "answers pings, but not what it is sent");
	assert_int_equal(link_status(f)->queue.queued, 1);
}

static void many_silent_at_once_are_one_round(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 4);
	link_publish_many(f, 1, 4);
	assert_int_equal(fake_requests(), 4);
	for (unsigned int i = 0; i < 4; i++)
		fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_run(f);
	link_answer_first(f, 0);
	link_expect_state(f, SB_LINK_ONLINE);
	link_answer_all(f, OK);
	assert_int_equal(script.logins, 1);
}

static void a_ping_that_cannot_be_sent_means_down(void **state)
{
	struct link_fixture *f = *state;

	fake_network.ping_error = -ENOTCONN;
	link_publish(f, "m1");
	fake_end(link_find_request("m1"), SKYBUS_ABANDONED);
	link_run(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(link_status(f)->queue.queued, 1);
}

/* An empty acknowledgement came, and the response never did: the transport's deadline is for that. */
static void a_response_that_never_comes_has_a_deadline(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	assert_int_equal(link_find_request("m1")->timeout_usec, 120 * SB_USEC_PER_SEC);
}

static void a_reset_means_a_login(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	fake_end(link_find_request("m1"), SKYBUS_RESET);
	link_run(f);
	link_expect_sent("m1 /login ");
	link_answer(f, "/login", OK);
	link_expect_sent("m1 ");
	assert_int_equal(link_status(f)->queue.queued, 1);
}

/* The box has another address, for example: what is bound to the old one never sends again. */
static void a_session_that_takes_nothing_is_replaced(void **state)
{
	struct link_fixture *f = *state;

	fake_network.send_error = -ENOTCONN;
	fake_network.ping_error = -ENOTCONN;
	link_publish(f, "m1");
	link_pass(f, 29 * SB_USEC_PER_SEC);
	link_expect_state(f, SB_LINK_ONLINE);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "the session cannot send any more");
	fake_network.send_error = 0;
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_expect_sent("/login m1 ");
}

static void a_session_that_takes_nothing_for_a_moment_is_not(void **state)
{
	struct link_fixture *f = *state;

	for (unsigned int i = 0; i < 10; i++) {
		link_publish(f, "m1");
		fake_network.send_error = -ENOTCONN;
		link_answer_all(f, OK);
		link_publish(f, "m2");
		link_pass(f, 10 * SB_USEC_PER_SEC);
		fake_network.send_error = 0;
		link_pass(f, 20 * SB_USEC_PER_SEC);
		link_answer_all(f, OK);
	}
	assert_int_equal(link_status(f)->queue.queued, 0);
	assert_int_equal(script.logins, 1);
	assert_null(strstr(fake_network.sent, "ping"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(silence_brings_one_ping_and_then_goes_on),
		TEST(any_answer_is_a_sign_of_life),
		TEST(a_ping_tells_of_the_silence_before_it_only),
		TEST(no_login_goes_over_a_session_that_may_be_dead),
		TEST(a_stop_begins_no_login),
		TEST(silence_to_the_ping_too_means_down),
		TEST(after_an_outage_all_goes_out_in_order_after_one_login),
		TEST(doubt_brings_a_ping_and_what_is_under_way_stays),
		TEST(doubt_and_silence_mean_down),
		TEST(a_cloud_that_answers_pings_only_means_down),
		TEST(many_silent_at_once_are_one_round),
		TEST(a_ping_that_cannot_be_sent_means_down),
		TEST(a_response_that_never_comes_has_a_deadline),
		TEST(a_reset_means_a_login),
		TEST(a_session_that_takes_nothing_is_replaced),
		TEST(a_session_that_takes_nothing_for_a_moment_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
