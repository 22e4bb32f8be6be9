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
#define FORBIDDEN SKYBUS_CODE(4, 3)
#define BUSY SKYBUS_CODE(5, 3)
#define NONSENSE SKYBUS_CODE(6, 0)

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

/* Answers enough messages for the window to be as large. */
static void widen(struct link_fixture *f, unsigned int window)
{
	unsigned int n = window * (window - 1) / 2;

	link_publish_many(f, 1, n);
	link_answer_all(f, OK);
	assert_int_equal(link_status(f)->queue.queued, 0);
	f->settled[0] = '\0';
	f->published[0] = '\0';
	fake_network.sent[0] = '\0';
}

static void answer_first(struct link_fixture *f, uint32_t code)
{
	fake_answer(fake_request_at(0), code);
	link_run(f);
}

/* ---- messages ---- */

static void a_message_goes_up_and_is_settled(void **state)
{
	struct link_fixture *f = *state;
	const struct fake_request *request;

	link_publish(f, "m1");
	assert_string_equal(f->published, "1 ");
	request = link_find_request("m1");
	assert_int_equal(request->method, SKYBUS_POST);
	assert_string_equal(request->path, "/t");
	assert_int_equal(request->note, 1);
	assert_int_equal(link_status(f)->queue.in_flight, 1);
	assert_string_equal(f->settled, "");
	link_answer(f, "m1", OK);
	assert_string_equal(f->settled, "1:delivered:2.04: ");
	assert_int_equal(link_status(f)->queue.queued, 0);
	assert_int_equal(link_status(f)->queue.ended[SB_DELIVERED], 1);
	assert_true(f->numbers > 0);
}

static void messages_published_while_down_are_sent_in_order(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	link_publish_many(f, 1, 5);
	link_expect_sent("");
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent("/login m1 m2 m3 m4 m5 ");
	assert_int_equal(link_status(f)->queue.ended[SB_DELIVERED], 5);
}

static void a_long_backlog_is_sent_in_order(void **state)
{
	struct link_fixture *f = *state;
	char expected[2048] = "/login ";

	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	link_publish_many(f, 1, 200);
	for (unsigned int i = 1; i <= 200; i++)
		(void)snprintf(expected + strlen(expected), 16, "m%u ", i);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent(expected);
	assert_int_equal(link_status(f)->queue.queued, 0);
}

static void what_was_in_flight_when_the_daemon_ended_is_sent_again(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 3);
	link_publish_many(f, 1, 4);
	link_expect_sent("m1 m2 m3 ");
	link_answer(f, "m2", OK);
	link_expect_sent("m4 ");
	link_restart(f);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent("/login m1 m3 m4 ");
}

static void a_break_loses_nothing_and_keeps_the_order(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 4);
	link_publish_many(f, 1, 6);
	link_expect_sent("m1 m2 m3 m4 ");
	link_answer(f, "m2", OK);
	link_expect_sent("m5 ");
	fake_break(-ECONNRESET, "the session ended");
	assert_int_equal(link_status(f)->queue.in_flight, 0);
	assert_int_equal(link_status(f)->queue.queued, 5);
	link_publish(f, "m7");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent("/login m1 m3 m4 m5 m6 m7 ");
	assert_int_equal(link_status(f)->queue.queued, 0);
}

static void disconnect_gives_back_what_is_under_way(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 2);
	link_publish_many(f, 1, 3);
	link_expect_sent("m1 m2 ");
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	link_pass(f, 60 * MINUTE);
	link_expect_sent("");
	assert_int_equal(link_status(f)->queue.queued, 3);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent("/login m1 m2 m3 ");
	assert_int_equal(link_status(f)->queue.queued, 0);
}

/* ---- verdicts ---- */

static void a_rejected_message_is_settled_and_the_next_goes_on(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_answer(f, "m1", FORBIDDEN);
	assert_string_equal(f->settled, "1:rejected:4.03:the cloud does not want it ");
	link_expect_sent("m1 m2 ");
	link_answer(f, "m2", OK);
	assert_int_equal(link_status(f)->queue.ended[SB_REJECTED], 1);
	assert_int_equal(link_status(f)->queue.ended[SB_DELIVERED], 1);
}

static void later_means_after_the_time_that_the_cloud_gives(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_expect_sent("m1 ");
	fake_answer_later(link_find_request("m1"), BUSY, 30);
	link_pass(f, 29 * SB_USEC_PER_SEC);
	link_expect_sent("");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 m2 ");
	assert_string_equal(f->settled, "");
}

static void later_without_a_time_backs_off(void **state)
{
	struct link_fixture *f = *state;
	uint64_t bound = 1;

	link_publish(f, "m1");
	for (unsigned int i = 0; i < 14; i++) {
		unsigned int seconds = 0;

		link_expect_sent("m1 ");
		answer_first(f, BUSY);
		while (fake_requests() == 0 && seconds < 3600) {
			link_pass(f, 1 * SB_USEC_PER_SEC);
			seconds++;
		}
		assert_in_range(seconds, 1, bound + 1);
		bound = bound * 2 < 900 ? bound * 2 : 900;
	}
	link_expect_state(f, SB_LINK_ONLINE);
	/* A success ends it. */
	link_answer(f, "m1", OK);
	link_publish(f, "m2");
	answer_first(f, BUSY);
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 m2 m2 ");
}

static void many_told_later_together_count_once(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 8);
	link_publish_many(f, 1, 8);
	assert_int_equal(fake_requests(), 8);
	for (unsigned int i = 0; i < 8; i++)
		fake_answer(fake_request_at(0), BUSY);
	link_expect_sent("m1 m2 m3 m4 m5 m6 m7 m8 ");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 m2 m3 m4 m5 m6 m7 m8 ");
}

static void of_many_times_the_longest_holds(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 3);
	link_publish_many(f, 1, 3);
	fake_answer_later(link_find_request("m1"), BUSY, 5);
	fake_answer_later(link_find_request("m2"), BUSY, 60);
	fake_answer_later(link_find_request("m3"), BUSY, 10);
	link_expect_sent("m1 m2 m3 ");
	link_pass(f, 59 * SB_USEC_PER_SEC);
	link_expect_sent("");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 m2 m3 ");
}

static void a_verdict_that_nobody_knows_keeps_the_message(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	answer_first(f, NONSENSE);
	link_expect_sent("m1 ");
	assert_int_equal(link_status(f)->queue.queued, 1);
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 ");
	link_answer(f, "m1", OK);
	assert_string_equal(f->settled, "1:delivered:2.04: ");
}

static void a_login_waits_until_nothing_is_under_way(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 3);
	link_publish_many(f, 1, 5);
	link_expect_sent("m1 m2 m3 ");
	link_answer(f, "m1", UNAUTHORIZED);
	link_expect_state(f, SB_LINK_ONLINE);
	link_answer(f, "m2", OK);
	link_expect_sent("");
	assert_int_equal(script.logins, 1);
	link_answer(f, "m3", UNAUTHORIZED);
	assert_int_equal(script.logins, 2);
	link_expect_sent("/login ");
	assert_int_equal(fake_network.n_channels, 1);
	link_answer(f, "/login", OK);
	link_answer_all(f, OK);
	link_expect_sent("m1 m3 m4 m5 ");
}

static void a_cloud_that_never_stops_asking_for_logins_means_back_off(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	for (unsigned int i = 0; i < 2; i++) {
		link_answer(f, "m1", UNAUTHORIZED);
		link_answer(f, "/login", OK);
	}
	link_expect_state(f, SB_LINK_ONLINE);
	link_answer(f, "m1", UNAUTHORIZED);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "the cloud lets this link in, and then refuses what it sends: the "
			      "login is over");
	assert_int_equal(script.logins, 3);
	assert_int_equal(link_status(f)->queue.queued, 1);
	/* A message that gets through in between ends the count. */
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_come_up(f);
	for (unsigned int i = 0; i < 4; i++) {
		link_answer(f, "m1", UNAUTHORIZED);
		link_answer(f, "/login", OK);
		link_answer(f, "m1", OK);
		link_publish(f, "m1");
	}
	link_expect_state(f, SB_LINK_ONLINE);
}

/* ---- encoding and sending ---- */

static void what_cannot_be_encoded_is_rejected(void **state)
{
	struct link_fixture *f = *state;

	script.encode_error = -EINVAL;
	script.encode_verdict = (struct skybus_verdict){ .kind = SKYBUS_REJECTED,
							 .reason = "no such measure point" };
	link_publish(f, "m1");
	assert_string_equal(f->settled, "1:rejected::no such measure point ");
	script.encode_error = 0;
	link_publish(f, "m2");
	link_expect_sent("m2 ");
}

static void what_cannot_be_encoded_yet_waits(void **state)
{
	struct link_fixture *f = *state;

	script.encode_error = -EAGAIN;
	script.encode_verdict =
		(struct skybus_verdict){ .kind = SKYBUS_RETRY, .retry_after_ms = 5000 };
	link_publish(f, "m1");
	script.encode_error = 0;
	link_pass(f, 4 * SB_USEC_PER_SEC);
	link_expect_sent("");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 ");
	script.encode_error = -EACCES;
	script.encode_verdict = (struct skybus_verdict){ .kind = SKYBUS_RELOGIN };
	link_publish(f, "m2");
	link_answer(f, "m1", OK);
	script.encode_error = 0;
	link_expect_sent("/login ");
	link_answer(f, "/login", OK);
	link_expect_sent("m2 ");
}

static void what_does_not_fit_is_rejected_and_the_next_goes_on(void **state)
{
	struct link_fixture *f = *state;

	fake_network.send_error = -EMSGSIZE;
	link_publish(f, "m1");
	assert_string_equal(f->settled, "1:rejected::the message does not fit into a CoAP request: "
					"shorten its topic or its payload ");
	fake_network.send_error = 0;
	link_publish(f, "m2");
	link_expect_sent("m2 ");
}

static void what_could_not_be_sent_is_sent_later(void **state)
{
	struct link_fixture *f = *state;

	fake_network.send_error = -ENOMEM;
	link_publish_many(f, 1, 2);
	assert_string_equal(f->settled, "");
	fake_network.send_error = 0;
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 ");
	link_answer_all(f, OK);
	link_expect_sent("m2 ");
}

/* ---- the window ---- */

static void the_window_grows_with_answers(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 60);
	assert_int_equal(fake_requests(), 1);
	answer_first(f, OK);
	assert_int_equal(fake_requests(), 2);
	for (unsigned int i = 0; i < 30; i++)
		answer_first(f, OK);
	assert_int_equal(fake_requests(), 8);
}

static void the_window_halves_when_an_answer_is_late(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 8);
	link_publish_many(f, 1, 20);
	assert_int_equal(fake_requests(), 8);
	link_pass(f, 3 * SB_USEC_PER_SEC);
	answer_first(f, OK);
	assert_int_equal(fake_requests(), 7);
	for (unsigned int i = 0; i < 3; i++)
		answer_first(f, OK);
	assert_true(fake_requests() <= 4);
}

static void the_cloud_may_ask_for_a_smaller_window(void **state)
{
	struct link_fixture *f = *state;

	link_unmake(f);
	script.terms.window = 2;
	link_make(f, NULL);
	link_bring_up(f);
	link_publish_many(f, 1, 20);
	for (unsigned int i = 0; i < 12; i++)
		answer_first(f, OK);
	assert_int_equal(fake_requests(), 2);
}

static void the_configuration_holds_against_a_larger_one(void **state)
{
	static const char *const settings[] = { "window", "1", NULL };
	struct link_fixture *f = *state;

	link_unmake(f);
	script.terms.window = 50;
	link_make(f, settings);
	link_bring_up(f);
	link_publish_many(f, 1, 9);
	for (unsigned int i = 0; i < 5; i++)
		answer_first(f, OK);
	assert_int_equal(fake_requests(), 1);
}

/* ---- silence ---- */

static void silence_brings_one_ping_and_then_goes_on(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 3);
	link_publish_many(f, 1, 5);
	link_expect_sent("m1 m2 m3 ");
	fake_end(link_find_request("m1"), SKYBUS_TIMEOUT);
	fake_end(link_find_request("m2"), SKYBUS_TIMEOUT);
	link_run(f);
	link_expect_sent("ping ");
	link_expect_state(f, SB_LINK_ONLINE);
	/* Meanwhile nothing more goes out. */
	link_answer(f, "m3", OK);
	link_publish(f, "m6");
	link_expect_sent("");
	assert_true(fake_request_at(0)->ping);
	answer_first(f, 0);
	link_expect_sent("m1 m2 ");
	link_answer_all(f, OK);
	link_expect_sent("m4 m5 m6 ");
	assert_int_equal(script.logins, 1);
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
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_expect_sent("m1 ping /login m1 ");
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
	link_pass(f, 1 * SB_USEC_PER_SEC);
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
		answer_first(f, 0);
	}
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "answers pings, but not what it is sent");
	assert_int_equal(link_status(f)->queue.queued, 1);
}

static void many_silent_at_once_are_one_round(void **state)
{
	struct link_fixture *f = *state;

	widen(f, 4);
	link_publish_many(f, 1, 4);
	assert_int_equal(fake_requests(), 4);
	for (unsigned int i = 0; i < 4; i++)
		fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_run(f);
	answer_first(f, 0);
	link_expect_state(f, SB_LINK_ONLINE);
	link_answer_all(f, OK);
	assert_int_equal(script.logins, 1);
}

static void a_stop_sends_nothing_more_and_waits(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_expect_sent("m1 ");
	assert_true(sb_link_stop(f->link));
	link_answer(f, "m1", OK);
	link_expect_sent("");
	assert_false(sb_link_stop(f->link));
	assert_int_equal(link_status(f)->queue.queued, 1);
}

static void a_pause_outlasts_the_session(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	link_expect_sent("m1 ");
	fake_answer_later(link_find_request("m1"), BUSY, 30);
	link_run(f);
	assert_non_null(strstr(link_status(f)->last_error, "later"));
	fake_break(-ECONNRESET, "gone");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_expect_sent("/login ");
	link_pass(f, 28 * SB_USEC_PER_SEC);
	link_expect_sent("");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 ");
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

/* ---- requests ---- */

static void a_request_is_answered_whatever_the_answer(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(link_request(f, "r1", MINUTE), 0);
	link_answer(f, "r1", OK);
	assert_int_equal(link_request(f, "r2", MINUTE), 0);
	link_answer(f, "r2", FORBIDDEN);
	assert_int_equal(link_request(f, "r3", MINUTE), 0);
	link_answer(f, "r3", BUSY);
	assert_string_equal(f->requested, "2.04 4.03 5.03 ");
	assert_int_equal(link_status(f)->queue.queued, 0);
	link_pass(f, 2 * MINUTE);
	assert_string_equal(f->requested, "2.04 4.03 5.03 ");
}

static void a_request_goes_before_messages(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	assert_int_equal(link_request(f, "r", MINUTE), 0);
	link_answer_all(f, OK);
	link_expect_sent("m1 r m2 ");
}

static void an_app_loses_patience(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(link_request(f, "r", 5 * SB_USEC_PER_SEC), 0);
	link_pass(f, 5 * SB_USEC_PER_SEC);
	assert_string_equal(f->requested, "Timeout ");
	assert_string_equal(f->error.text, "the cloud did not answer in time; whether it has taken "
					   "the request is unknown");
	/* The answer that comes after all is heard by nobody, and makes room. */
	link_answer(f, "r", OK);
	assert_string_equal(f->requested, "Timeout ");
	link_publish(f, "m1");
	link_expect_sent("r m1 ");
}

static void an_app_loses_patience_before_there_is_room(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(link_request(f, "r", 5 * SB_USEC_PER_SEC), 0);
	assert_int_equal(link_request(f, "r", 5 * SB_USEC_PER_SEC), -ENOBUFS);
	assert_int_equal(f->error.code, SB_ERROR_QUEUE_FULL);
	assert_non_null(strstr(f->error.text, "64 requests wait"));
	link_pass(f, 5 * SB_USEC_PER_SEC);
	assert_int_equal(strlen(f->requested), 64 * strlen("Timeout "));
	assert_string_equal(f->error.text,
			    "the link had no room for the request in time: the cloud "
			    "has not taken it");
	/* And others have their place. */
	assert_int_equal(link_request(f, "r2", MINUTE), 0);
	link_answer_all(f, OK);
	link_expect_sent("m1 r2 ");
}

static void silence_ends_a_request_and_does_not_repeat_it(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(link_request(f, "r", 60 * MINUTE), 0);
	fake_end(link_find_request("r"), SKYBUS_TIMEOUT);
	link_run(f);
	assert_string_equal(f->requested, "Timeout ");
	answer_first(f, 0);
	link_expect_sent("r ping ");
	assert_int_equal(fake_requests(), 0);
}

static void a_request_survives_a_login(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(link_request(f, "r", MINUTE), 0);
	link_answer(f, "r", UNAUTHORIZED);
	assert_string_equal(f->requested, "");
	link_expect_sent("r /login ");
	link_answer(f, "/login", OK);
	link_expect_sent("r ");
	fake_end(link_find_request("r"), SKYBUS_RESET);
	link_run(f);
	link_answer(f, "/login", OK);
	link_answer(f, "r", OK);
	assert_string_equal(f->requested, "2.04 ");
}

static void a_link_that_goes_down_ends_its_requests(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(link_request(f, "r1", MINUTE), 0);
	assert_int_equal(link_request(f, "r2", MINUTE), 0);
	fake_break(-ECONNRESET, "the session ended");
	assert_string_equal(f->requested, "NotOnline NotOnline ");
	assert_string_equal(f->error.text, "the session ended");
	link_pass(f, 2 * MINUTE);
	assert_string_equal(f->requested, "NotOnline NotOnline ");
}

static void disconnect_ends_requests(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(link_request(f, "r1", MINUTE), 0);
	assert_int_equal(link_request(f, "r2", MINUTE), 0);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	assert_string_equal(f->requested, "NotOnline NotOnline ");
	assert_string_equal(f->error.text, "the link has been disconnected");
}

static void a_request_that_cannot_be_encoded_is_told_so(void **state)
{
	struct link_fixture *f = *state;

	script.encode_error = -EINVAL;
	script.encode_verdict =
		(struct skybus_verdict){ .kind = SKYBUS_REJECTED, .reason = "no such service" };
	assert_int_equal(link_request(f, "r", MINUTE), 0);
	assert_string_equal(f->requested, "CloudRejected ");
	assert_string_equal(f->error.text, "no such service");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_goes_up_and_is_settled),
		TEST(messages_published_while_down_are_sent_in_order),
		TEST(a_long_backlog_is_sent_in_order),
		TEST(what_was_in_flight_when_the_daemon_ended_is_sent_again),
		TEST(a_break_loses_nothing_and_keeps_the_order),
		TEST(disconnect_gives_back_what_is_under_way),
		TEST(a_rejected_message_is_settled_and_the_next_goes_on),
		TEST(later_means_after_the_time_that_the_cloud_gives),
		TEST(later_without_a_time_backs_off),
		TEST(many_told_later_together_count_once),
		TEST(of_many_times_the_longest_holds),
		TEST(a_verdict_that_nobody_knows_keeps_the_message),
		TEST(a_login_waits_until_nothing_is_under_way),
		TEST(a_cloud_that_never_stops_asking_for_logins_means_back_off),
		TEST(what_cannot_be_encoded_is_rejected),
		TEST(what_cannot_be_encoded_yet_waits),
		TEST(what_does_not_fit_is_rejected_and_the_next_goes_on),
		TEST(what_could_not_be_sent_is_sent_later),
		TEST(the_window_grows_with_answers),
		TEST(the_window_halves_when_an_answer_is_late),
		TEST(the_cloud_may_ask_for_a_smaller_window),
		TEST(the_configuration_holds_against_a_larger_one),
		TEST(silence_brings_one_ping_and_then_goes_on),
		TEST(silence_to_the_ping_too_means_down),
		TEST(doubt_brings_a_ping_and_what_is_under_way_stays),
		TEST(doubt_and_silence_mean_down),
		TEST(a_cloud_that_answers_pings_only_means_down),
		TEST(many_silent_at_once_are_one_round),
		TEST(a_stop_sends_nothing_more_and_waits),
		TEST(a_pause_outlasts_the_session),
		TEST(a_ping_that_cannot_be_sent_means_down),
		TEST(a_response_that_never_comes_has_a_deadline),
		TEST(a_reset_means_a_login),
		TEST(a_request_is_answered_whatever_the_answer),
		TEST(a_request_goes_before_messages),
		TEST(an_app_loses_patience),
		TEST(an_app_loses_patience_before_there_is_room),
		TEST(silence_ends_a_request_and_does_not_repeat_it),
		TEST(a_request_survives_a_login),
		TEST(a_link_that_goes_down_ends_its_requests),
		TEST(disconnect_ends_requests),
		TEST(a_request_that_cannot_be_encoded_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
