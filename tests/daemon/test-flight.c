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

static void ignore_ticket(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	(void)ticket;
	assert_null(error);
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

	link_widen(f, 3);
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

	link_widen(f, 4);
	link_publish_many(f, 1, 6);
	link_expect_sent("m1 m2 m3 m4 ");
	link_answer(f, "m2", OK);
	link_expect_sent("m5 ");
	fake_break(-ECONNRESET, "the session ended");
	assert_int_equal(link_status(f)->queue.in_flight, 0);
	assert_int_equal(link_status(f)->queue.queued, 5);
	link_publish(f, "m7");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent("/login m1 m3 m4 m5 m6 m7 ");
	assert_int_equal(link_status(f)->queue.queued, 0);
}

static void disconnect_gives_back_what_is_under_way(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 2);
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
	uint64_t bound = 2;

	link_publish(f, "m1");
	for (unsigned int i = 0; i < 14; i++) {
		unsigned int seconds = 0;

		link_expect_sent("m1 ");
		link_answer_first(f, BUSY);
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
	link_answer_first(f, BUSY);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_expect_sent("m1 m2 m2 ");
}

static void many_told_later_together_count_once(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 8);
	link_publish_many(f, 1, 8);
	assert_int_equal(fake_requests(), 8);
	for (unsigned int i = 0; i < 8; i++)
		fake_answer(fake_request_at(0), BUSY);
	link_expect_sent("m1 m2 m3 m4 m5 m6 m7 m8 ");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_expect_sent("m1 m2 m3 m4 m5 m6 m7 m8 ");
}

static void of_many_times_the_longest_holds(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 3);
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
	link_answer_first(f, NONSENSE);
	link_expect_sent("m1 ");
	assert_int_equal(link_status(f)->queue.queued, 1);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_expect_sent("m1 ");
	link_answer(f, "m1", OK);
	assert_string_equal(f->settled, "1:delivered:2.04: ");
}

static void a_login_waits_until_nothing_is_under_way(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 3);
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

/* Others are about to log in: this one waits like them, and sends nothing meanwhile. */
static void a_login_that_is_needed_waits_for_its_turn(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	f->pace.free_at = sb_loop_now(f->parts.loop) + 3 * SB_USEC_PER_SEC;
	link_answer(f, "m1", UNAUTHORIZED);
	link_publish(f, "m2");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_expect_sent("m1 ");
	link_expect_state(f, SB_LINK_ONLINE);
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("/login ");
	link_answer(f, "/login", OK);
	link_answer_all(f, OK);
	link_expect_sent("m1 m2 ");
}

/* Before its turn the session came into doubt, so a login is of no use until a ping was answered. */
static void a_turn_that_cannot_be_used_is_not(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	f->pace.free_at = sb_loop_now(f->parts.loop) + 3 * SB_USEC_PER_SEC;
	link_answer(f, "m1", UNAUTHORIZED);
	fake_doubt();
	link_pass(f, 4 * SB_USEC_PER_SEC);
	link_expect_sent("m1 ping ");
	assert_int_equal(script.logins, 1);
	link_answer_first(f, 0);
	link_expect_sent("/login ");
}

static void a_link_that_goes_gives_its_turn_up(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	f->pace.free_at = sb_loop_now(f->parts.loop) + 3 * SB_USEC_PER_SEC;
	link_answer(f, "m1", UNAUTHORIZED);
	link_unmake(f);
	sb_loop_advance(f->parts.loop, MINUTE);
	link_expect_sent("m1 ");
}

static void a_cloud_that_never_stops_asking_for_logins_means_back_off(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	for (unsigned int i = 0; i < 2; i++) {
		link_answer(f, "m1", UNAUTHORIZED);
		link_pass(f, SB_PACE_USEC);
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
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	for (unsigned int i = 0; i < 4; i++) {
		link_answer(f, "m1", UNAUTHORIZED);
		link_pass(f, SB_PACE_USEC);
		link_answer(f, "/login", OK);
		link_answer(f, "m1", OK);
		link_publish(f, "m1");
	}
	link_expect_state(f, SB_LINK_ONLINE);
}

static void ends_say_why(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_answer(f, "m1", FORBIDDEN);
	link_answer(f, "m2", OK);
	script.encode_error = -EINVAL;
	script.encode_verdict = (struct skybus_verdict){ .kind = SKYBUS_REJECTED };
	link_publish(f, "m3");
	script.encode_error = 0;
	fake_network.send_error = -EMSGSIZE;
	link_publish(f, "m4");
	assert_string_equal(f->causes, "1:refused-by-cloud 2:delivered 3:refused-by-plugin "
				       "4:refused-by-plugin ");
}

static void publish_for(struct link_fixture *f, const char *payload, uint32_t ttl_s,
			enum sb_priority priority)
{
	struct sb_message *message = sb_message_new("t", payload, strlen(payload), NULL);

	assert_non_null(message);
	message->ttl_s = ttl_s;
	message->priority = priority;
	assert_int_equal(sb_link_publish(f->link, message, ignore_ticket, f, &f->error), 0);
	link_run(f);
}

static void what_comes_back_too_late_ends(void **state)
{
	struct link_fixture *f = *state;

	publish_for(f, "m1", 10, SB_NORMAL);
	link_publish(f, "m2");
	link_expect_sent("m1 ");
	link_pass(f, 11 * SB_USEC_PER_SEC);
	/* It is in flight, and may yet be taken. */
	assert_string_equal(f->causes, "");
	fake_answer_later(link_find_request("m1"), BUSY, 5);
	link_pass(f, 5 * SB_USEC_PER_SEC);
	assert_string_equal(f->causes, "1:ttl ");
	link_expect_sent("m2 ");
}

static void the_apps_content_format_goes_along(void **state)
{
	struct link_fixture *f = *state;
	struct sb_message *message = sb_message_new("t", "cbor", 4, NULL);

	assert_non_null(message);
	message->content_format = SKYBUS_FORMAT_CBOR;
	assert_int_equal(sb_link_publish(f->link, message, ignore_ticket, f, &f->error), 0);
	link_run(f);
	assert_int_equal(link_find_request("cbor")->content_format, SKYBUS_FORMAT_CBOR);
	link_answer(f, "cbor", OK);
	link_publish(f, "plain");
	assert_int_equal(link_find_request("plain")->content_format, -1);
}

static void not_even_what_is_urgent_goes_in_a_pause(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	fake_answer_later(link_find_request("m1"), BUSY, 30);
	publish_for(f, "bulk", 0, SB_BULK);
	publish_for(f, "urgent", 0, SB_URGENT);
	link_expect_sent("m1 ");
	link_pass(f, 29 * SB_USEC_PER_SEC);
	link_expect_sent("");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_answer_all(f, OK);
	link_expect_sent("urgent m1 bulk ");
}

static void no_pause_is_for_ever(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	fake_answer_later(link_find_request("m1"), BUSY, UINT32_MAX / 1000);
	link_expect_sent("m1 ");
	link_pass(f, 24 * 60 * MINUTE);
	link_expect_sent("m1 ");
}

/* With keepalives, which begin after a minute. */
static void make_with_keepalive(struct link_fixture *f)
{
	link_unmake(f);
	script.terms.keepalive_s = 60;
	link_make(f, NULL);
	link_bring_up(f);
}

static void a_pause_leaves_the_session_alive(void **state)
{
	struct link_fixture *f = *state;

	make_with_keepalive(f);
	link_publish(f, "m1");
	fake_answer_later(link_find_request("m1"), BUSY, 600);
	link_expect_sent("m1 ");
	link_pass(f, 61 * SB_USEC_PER_SEC);
	link_expect_sent("/keepalive ");
	/* It notices, too, when nobody is there any more. */
	fake_end(link_find_request("/keepalive"), SKYBUS_TIMEOUT);
	link_expect_sent("ping ");
	fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_expect_state(f, SB_LINK_BACKOFF);
}

/* Each pause is longer than the one before, whatever the cloud says to keepalives. */
static void keepalives_do_not_shorten_pauses(void **state)
{
	struct link_fixture *f = *state;
	unsigned int keepalives = 0;

	make_with_keepalive(f);
	link_publish(f, "m1");
	for (unsigned int i = 0; i < 40; i++) {
		link_answer_first(f, BUSY);
		while (fake_requests() == 0 || strcmp(fake_request_at(0)->path, "/t") != 0) {
			if (fake_requests() > 0) {
				link_answer_first(f, OK);
				keepalives++;
			}
			link_pass(f, SB_USEC_PER_SEC);
		}
	}
	/* Some 30 pauses between 1 s and 15 min: with fewer than 20 keepalives chance is 1e-30. */
	assert_true(keepalives > 20);
}

static void ordered_means_one_at_a_time(void **state)
{
	static const char *const settings[] = { "ordered", "yes", "window", "8", NULL };
	struct link_fixture *f = *state;

	link_unmake(f);
	script.terms.window = 50;
	link_make(f, settings);
	link_bring_up(f);
	link_publish_many(f, 1, 9);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(fake_requests(), 1);
		link_answer_first(f, OK);
	}
	/* Also what is to be sent again keeps the others waiting. */
	link_expect_sent("m1 m2 m3 m4 m5 m6 ");
	link_answer_first(f, BUSY);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_expect_sent("m6 ");
	link_answer_all(f, OK);
	link_expect_sent("m7 m8 m9 ");
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
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	link_expect_sent("/login ");
	link_pass(f, 27 * SB_USEC_PER_SEC);
	link_expect_sent("");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	link_expect_sent("m1 ");
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
	link_pass(f, 2 * SB_USEC_PER_SEC);
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
	link_answer_first(f, OK);
	assert_int_equal(fake_requests(), 2);
	for (unsigned int i = 0; i < 30; i++)
		link_answer_first(f, OK);
	assert_int_equal(fake_requests(), 8);
}

static void the_window_shrinks_when_an_answer_is_late(void **state)
{
	struct link_fixture *f = *state;

	link_widen(f, 8);
	link_publish_many(f, 1, 20);
	assert_int_equal(fake_requests(), 8);
	link_pass(f, 3 * SB_USEC_PER_SEC);
	for (unsigned int i = 0; i < 8; i++)
		link_answer_first(f, OK);
	assert_in_range(fake_requests(), 1, 4);
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
		link_answer_first(f, OK);
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
		link_answer_first(f, OK);
	assert_int_equal(fake_requests(), 1);
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
	link_answer_first(f, 0);
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
	link_pass(f, SB_PACE_USEC);
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
		TEST(a_login_that_is_needed_waits_for_its_turn),
		TEST(a_turn_that_cannot_be_used_is_not),
		TEST(a_link_that_goes_gives_its_turn_up),
		TEST(a_cloud_that_never_stops_asking_for_logins_means_back_off),
		TEST(ends_say_why),
		TEST(what_comes_back_too_late_ends),
		TEST(the_apps_content_format_goes_along),
		TEST(not_even_what_is_urgent_goes_in_a_pause),
		TEST(no_pause_is_for_ever),
		TEST(a_pause_leaves_the_session_alive),
		TEST(keepalives_do_not_shorten_pauses),
		TEST(ordered_means_one_at_a_time),
		TEST(what_cannot_be_encoded_is_rejected),
		TEST(what_cannot_be_encoded_yet_waits),
		TEST(what_does_not_fit_is_rejected_and_the_next_goes_on),
		TEST(what_could_not_be_sent_is_sent_later),
		TEST(the_window_grows_with_answers),
		TEST(the_window_shrinks_when_an_answer_is_late),
		TEST(the_cloud_may_ask_for_a_smaller_window),
		TEST(the_configuration_holds_against_a_larger_one),
		TEST(a_stop_sends_nothing_more_and_waits),
		TEST(a_pause_outlasts_the_session),
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
