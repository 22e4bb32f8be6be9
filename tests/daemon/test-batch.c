/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/batch.h"
#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define UNAUTHORIZED SKYBUS_CODE(4, 1)
#define FORBIDDEN SKYBUS_CODE(4, 3)
#define BUSY SKYBUS_CODE(5, 3)

#define SECOND SB_USEC_PER_SEC

/* So long may a message wait for others, and so many go together. */
#define HOLD_S 60
#define FITS 4

/* A link that is online, and logs in again over the session that it has. */
static int setup(void **state)
{
	(void)link_fixture_setup(state);
	script.login = SCRIPT_REUSES;
	script.terms.batch_s = HOLD_S;
	script.fits = FITS;
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

static struct sb_message *message_of(const char *payload)
{
	struct sb_message *message = sb_message_new("t", payload, strlen(payload), ":1.7");

	assert_non_null(message);

	return message;
}

static void publish(struct link_fixture *f, struct sb_message *message)
{
	assert_int_equal(sb_link_publish(f->link, message, ignore_ticket, NULL, &f->error), 0);
	link_run(f);
}

static void publish_urgent(struct link_fixture *f, const char *payload)
{
	struct sb_message *message = message_of(payload);

	message->priority = SB_URGENT;
	publish(f, message);
}

/* ---- when they go ---- */

static void messages_wait_for_others_and_go_together(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_pass(f, (HOLD_S - 20) * SECOND);
	link_publish(f, "m3");
	link_pass(f, 19 * SECOND);
	link_expect_sent("");
	link_pass(f, 1 * SECOND);
	link_expect_sent("m1+m2+m3 ");
	assert_string_equal(link_find_request("m1+m2+m3")->path, "/batch");
	assert_int_equal(link_status(f)->queue.in_flight, 3);
	link_answer_first(f, OK);
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: 3:delivered:2.04: ");
	assert_int_equal(link_status(f)->queue.queued, 0);
	assert_int_equal(script.decided, 1);
}

static void one_that_found_no_other_goes_as_ever(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m1 ");
	assert_string_equal(link_find_request("m1")->path, "/t");
	link_answer_first(f, OK);
	assert_string_equal(f->settled, "1:delivered:2.04: ");
}

static void what_is_full_goes_at_once(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, FITS);
	link_expect_sent("");
	link_publish(f, "m5");
	link_expect_sent("m1+m2+m3+m4 ");
	link_answer_all(f, OK);
	link_expect_sent("");
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m5 ");
}

static void no_request_has_more_than_its_bound(void **state)
{
	struct link_fixture *f = *state;

	script.fits = 1000;
	for (unsigned int i = 1; i <= SB_BATCH_MAX; i++) {
		link_expect_sent("");
		link_publish(f, "m");
	}
	assert_int_equal(fake_requests(), 1);
	assert_int_equal(link_status(f)->queue.in_flight, SB_BATCH_MAX);
}

static void what_is_urgent_goes_at_once_and_alone(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	publish_urgent(f, "u3");
	link_expect_sent("u3 ");
	link_answer_all(f, OK);
	assert_string_equal(f->settled, "3:delivered:2.04: ");
	link_publish(f, "m4");
	link_expect_sent("");
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m1+m2+m4 ");
}

static void what_nothing_can_go_with_does_not_wait(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "x1");
	link_expect_sent("x1 ");
	link_answer_all(f, OK);
	/* Nor does what is before it, so that the order stays. */
	link_publish_many(f, 2, 3);
	link_publish(f, "x4");
	link_expect_sent("m2+m3 x4 ");
}

static void a_request_of_an_app_does_not_wait(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "m1");
	assert_int_equal(link_request(f, "r", 10 * SECOND), 0);
	link_expect_sent("r ");
	link_answer_all(f, OK);
	link_expect_sent("");
}

static void what_has_waited_for_the_session_is_not_held(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	link_publish_many(f, 1, 6);
	link_pass(f, HOLD_S * SECOND);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
	link_expect_sent("/login m1+m2+m3+m4 ");
	link_answer_all(f, OK);
	link_expect_sent("m5+m6 ");
	assert_int_equal(link_status(f)->queue.ended[SB_DELIVERED], 6);
}

static void a_long_backlog_goes_in_order(void **state)
{
	struct link_fixture *f = *state;
	char expected[2048] = "/login ";

	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	link_publish_many(f, 101, 300);
	link_pass(f, HOLD_S * SECOND);
	for (unsigned int i = 101; i <= 300; i++)
		(void)snprintf(expected + strlen(expected), 16, "m%u%s", i,
			       i % FITS == 0 ? " " : "+");
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent(expected);
	assert_int_equal(link_status(f)->queue.ended[SB_DELIVERED], 200);
}

static void the_window_counts_requests(void **state)
{
	struct link_fixture *f = *state;

	script.terms.window = 2;
	fake_break(-ECONNRESET, "gone");
	link_publish_many(f, 1, 30);
	link_pass(f, HOLD_S * SECOND);
	link_come_up(f);
	link_expect_sent("/login m1+m2+m3+m4 ");
	for (unsigned int i = 0; i < 4; i++)
		link_answer_first(f, OK);
	assert_int_equal(fake_requests(), 2);
	assert_int_equal(link_status(f)->queue.in_flight, 2 * FITS);
}

static void a_link_without_batch_holds_nothing(void **state)
{
	struct link_fixture *f = *state;

	script.terms.batch_s = 0;
	assert_int_equal(sb_link_reauthenticate(f->link, &f->error), 0);
	link_settle(f);
	link_answer(f, "/login", OK);
	link_expect_sent("/login ");
	link_publish_many(f, 1, 3);
	link_answer_all(f, OK);
	link_expect_sent("m1 m2 m3 ");
	assert_int_equal(script.gathered, 0);
}

/* A plugin from before these calls, that asks for it all the same. */
static void a_plugin_that_cannot_is_not_asked(void **state)
{
	struct link_fixture *f = *state;
	struct sb_link_config *config = link_config("plant", NULL);

	link_unmake(f);
	config->loaded = &script_deaf_plugin;
	link_make_of(f, config);
	link_bring_up(f);
	link_publish_many(f, 1, 2);
	link_answer_all(f, OK);
	link_expect_sent("m1 m2 ");
	assert_int_equal(script.gathered, 0);
}

/* ---- how they end ---- */

static void of_a_refused_request_only_the_guilty_is_rejected(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 3);
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m1+m2+m3 ");
	link_answer_first(f, FORBIDDEN);
	assert_string_equal(f->settled, "");
	link_expect_sent("m1 m2 ");
	/* What comes now is no part of that. */
	link_publish(f, "m4");
	link_answer(f, "m1", OK);
	link_answer(f, "m2", FORBIDDEN);
	link_answer(f, "m3", OK);
	assert_string_equal(f->settled,
			    "1:delivered:2.04: 2:rejected:4.03:the cloud does not want it "
			    "3:delivered:2.04: ");
	assert_string_equal(f->causes, "1:delivered 2:refused-by-cloud 3:delivered ");
	link_expect_sent("m3 ");
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m4 ");
}

/* Also when others of before it wait that may go together. */
static void what_goes_alone_joins_nobody(void **state)
{
	struct link_fixture *f = *state;

	link_publish(f, "w");
	link_pass(f, HOLD_S * SECOND);
	link_answer_all(f, OK);
	link_publish_many(f, 1, 8);
	link_publish(f, "u");
	link_expect_sent("w m1+m2+m3+m4 m5+m6+m7+m8 ");
	fake_answer_later(link_find_request("m1+m2+m3+m4"), BUSY, 5);
	link_answer(f, "m5+m6+m7+m8", FORBIDDEN);
	script.fits = 2 * FITS;
	link_pass(f, 5 * SECOND);
	link_answer_all(f, OK);
	link_expect_sent("m1+m2+m3+m4 m5 m6 m7 m8 ");
}

static void later_puts_all_back(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_pass(f, HOLD_S * SECOND);
	fake_answer_later(link_find_request("m1+m2"), BUSY, 5);
	link_run(f);
	assert_int_equal(link_status(f)->queue.in_flight, 0);
	assert_int_equal(link_status(f)->queue.queued, 2);
	link_publish(f, "m3");
	link_pass(f, 5 * SECOND);
	link_expect_sent("m1+m2 m1+m2+m3 ");
	link_answer_all(f, OK);
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: 3:delivered:2.04: ");
}

static void a_login_in_between_loses_nothing(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_pass(f, HOLD_S * SECOND);
	link_answer_first(f, UNAUTHORIZED);
	link_settle(f);
	link_answer(f, "/login", OK);
	link_answer_all(f, OK);
	link_expect_sent("m1+m2 /login m1+m2 ");
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: ");
}

static void a_break_loses_nothing(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m1+m2 ");
	fake_break(-ECONNRESET, "gone");
	assert_int_equal(link_status(f)->queue.in_flight, 0);
	link_pass(f, 2 * SECOND);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent("/login m1+m2 ");
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: ");
}

static void silence_puts_all_back(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_pass(f, HOLD_S * SECOND);
	fake_end(link_find_request("m1+m2"), SKYBUS_TIMEOUT);
	link_run(f);
	assert_int_equal(link_status(f)->queue.in_flight, 0);
	assert_int_equal(link_status(f)->queue.queued, 2);
	assert_string_equal(f->settled, "");
}

static void an_end_of_the_daemon_loses_nothing(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_pass(f, HOLD_S * SECOND);
	link_publish(f, "m3");
	link_expect_sent("m1+m2 ");
	link_restart(f);
	link_come_up(f);
	link_answer_all(f, OK);
	/* Those two have waited long enough, so nobody waits. */
	link_expect_sent("/login m1+m2+m3 ");
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: 3:delivered:2.04: ");
}

/* As after a power cut, which costs the steady time since it was last written. */
static void what_seems_to_be_of_the_future_is_not_held(void **state)
{
	struct link_fixture *f = *state;

	link_pass(f, 1000 * SECOND);
	link_publish_many(f, 1, 2);
	f->booted_at += 1000 * SECOND;
	link_restart(f);
	link_come_up(f);
	link_expect_sent("/login m1+m2 ");
}

/* ---- the options of messages ---- */

static void one_with_little_time_takes_the_others_along(void **state)
{
	struct link_fixture *f = *state;
	struct sb_message *message = message_of("m2");

	message->ttl_s = 20;
	link_publish(f, "m1");
	publish(f, message);
	link_pass(f, 9 * SECOND);
	link_expect_sent("");
	link_pass(f, 1 * SECOND);
	link_expect_sent("m1+m2 ");
}

static void one_whose_time_is_over_ends_alone(void **state)
{
	struct link_fixture *f = *state;
	struct sb_message *message = message_of("m2");

	message->ttl_s = 20;
	link_publish(f, "m1");
	publish(f, message);
	link_pass(f, 10 * SECOND);
	link_expect_sent("m1+m2 ");
	link_pass(f, 11 * SECOND);
	fake_answer_later(link_find_request("m1+m2"), BUSY, 5);
	link_run(f);
	assert_string_equal(f->settled, "2:expired::not delivered within its 20 s ");
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m1 ");
}

static void of_those_that_wait_the_newest_replaces(void **state)
{
	static const char *const payloads[] = { "m1", "m2", "m3" };
	struct link_fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		struct sb_message *message = message_of(payloads[i]);

		message->replaces = true;
		publish(f, message);
	}
	link_publish(f, "m4");
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m3+m4 ");
	assert_string_equal(f->causes, "1:replaced 2:replaced ");
}

static void what_is_held_in_memory_goes_along(void **state)
{
	struct link_fixture *f = *state;
	struct sb_message *message = message_of("m2");

	message->in_memory = true;
	link_publish(f, "m1");
	publish(f, message);
	link_publish(f, "m3");
	link_pass(f, HOLD_S * SECOND);
	link_answer_all(f, OK);
	link_expect_sent("m1+m2+m3 ");
	assert_int_equal(link_status(f)->queue.queued, 0);
	assert_int_equal(link_status(f)->queue.ended[SB_DELIVERED], 3);
}

/* ---- clouds and plugins that do not want it ---- */

static void what_cannot_be_encoded_together_goes_alone(void **state)
{
	struct link_fixture *f = *state;

	script.encode_batch_error = -EINVAL;
	link_publish_many(f, 1, 2);
	link_pass(f, HOLD_S * SECOND);
	link_answer_all(f, OK);
	link_expect_sent("m1 m2 ");
}

static void what_does_not_fit_together_goes_alone(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	fake_network.send_error = -EMSGSIZE;
	/* The two are refused; then each, as alone they do not fit either. */
	link_pass(f, HOLD_S * SECOND);
	assert_string_equal(f->causes, "1:refused-by-plugin 2:refused-by-plugin ");
}

/* The request with several is refused, and each of them is taken. */
static void refuse_several(struct link_fixture *f, unsigned int first)
{
	link_publish_many(f, first, first + 1);
	link_pass(f, HOLD_S * SECOND);
	link_answer_first(f, FORBIDDEN);
	link_answer_all(f, OK);
}

static void a_cloud_that_takes_each_but_never_several_gets_each(void **state)
{
	struct link_fixture *f = *state;

	refuse_several(f, 1);
	refuse_several(f, 3);
	link_expect_sent("m1+m2 m1 m2 m3+m4 m3 m4 ");
	refuse_several(f, 5);
	link_expect_sent("m5+m6 m5 m6 ");
	link_publish(f, "m7");
	link_expect_sent("m7 ");
	link_answer_all(f, OK);
	/* Until the next login. */
	assert_int_equal(sb_link_reauthenticate(f->link, &f->error), 0);
	link_settle(f);
	link_answer(f, "/login", OK);
	link_expect_sent("/login ");
	refuse_several(f, 8);
	link_expect_sent("m8+m9 m8 m9 ");
	link_publish(f, "m10");
	link_expect_sent("");
}

static void a_guilty_message_is_no_word_against_several(void **state)
{
	struct link_fixture *f = *state;

	for (unsigned int i = 1; i <= 9; i += 2) {
		link_publish_many(f, i, i + 1);
		link_pass(f, HOLD_S * SECOND);
		link_answer_first(f, FORBIDDEN);
		link_answer_first(f, OK);
		link_answer_first(f, FORBIDDEN);
		assert_int_equal(fake_requests(), 0);
	}
	link_expect_sent("m1+m2 m1 m2 m3+m4 m3 m4 m5+m6 m5 m6 m7+m8 m7 m8 m9+m10 m9 m10 ");
	assert_int_equal(link_status(f)->queue.ended[SB_REJECTED], 5);
}

/* Those that were under way together are refused before anybody knows who is to blame. */
static void guilty_ones_in_many_requests_at_a_time_are_no_word_either(void **state)
{
	struct link_fixture *f = *state;

	for (unsigned int i = 0; i < 6; i++)
		publish_urgent(f, "u");
	link_answer_all(f, OK);
	link_publish_many(f, 1, 4 * FITS);
	link_pass(f, HOLD_S * SECOND);
	assert_int_equal(fake_requests(), 4);
	for (unsigned int i = 0; i < 4; i++)
		link_answer_first(f, FORBIDDEN);
	for (unsigned int i = 0; i < 4 * FITS; i++)
		link_answer_first(f, i % FITS == 0 ? FORBIDDEN : OK);
	assert_int_equal(link_status(f)->queue.ended[SB_REJECTED], 4);
	link_publish(f, "m17");
	assert_int_equal(fake_requests(), 0);
}

static void a_cloud_that_always_says_later_to_several_gets_each(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_pass(f, HOLD_S * SECOND);
	for (unsigned int i = 0; i < 3; i++) {
		fake_answer_later(link_find_request("m1+m2"), BUSY, 5);
		link_pass(f, 5 * SECOND);
	}
	link_answer_all(f, OK);
	link_expect_sent("m1+m2 m1+m2 m1+m2 m1 m2 ");
	/* Others may fare better. */
	link_publish_many(f, 3, 4);
	link_pass(f, HOLD_S * SECOND);
	link_expect_sent("m3+m4 ");
}

/* It answers pings, and lets the link in again. */
static void a_cloud_that_never_answers_several_gets_each(void **state)
{
	struct link_fixture *f = *state;

	link_publish_many(f, 1, 2);
	link_pass(f, HOLD_S * SECOND);
	for (unsigned int i = 0; i < 2; i++) {
		fake_end(link_find_request("m1+m2"), SKYBUS_TIMEOUT);
		link_run(f);
		link_answer_first(f, 0);
	}
	link_expect_sent("m1+m2 ping m1+m2 ping m1+m2 ");
	fake_end(link_find_request("m1+m2"), SKYBUS_TIMEOUT);
	link_run(f);
	link_answer_first(f, 0);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_pass(f, 2 * SECOND);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent("ping /login m1 m2 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_wait_for_others_and_go_together),
		TEST(one_that_found_no_other_goes_as_ever),
		TEST(what_is_full_goes_at_once),
		TEST(no_request_has_more_than_its_bound),
		TEST(what_is_urgent_goes_at_once_and_alone),
		TEST(what_nothing_can_go_with_does_not_wait),
		TEST(a_request_of_an_app_does_not_wait),
		TEST(what_has_waited_for_the_session_is_not_held),
		TEST(a_long_backlog_goes_in_order),
		TEST(the_window_counts_requests),
		TEST(a_link_without_batch_holds_nothing),
		TEST(a_plugin_that_cannot_is_not_asked),
		TEST(of_a_refused_request_only_the_guilty_is_rejected),
		TEST(what_goes_alone_joins_nobody),
		TEST(later_puts_all_back),
		TEST(a_login_in_between_loses_nothing),
		TEST(a_break_loses_nothing),
		TEST(silence_puts_all_back),
		TEST(an_end_of_the_daemon_loses_nothing),
		TEST(what_seems_to_be_of_the_future_is_not_held),
		TEST(one_with_little_time_takes_the_others_along),
		TEST(one_whose_time_is_over_ends_alone),
		TEST(of_those_that_wait_the_newest_replaces),
		TEST(what_is_held_in_memory_goes_along),
		TEST(what_cannot_be_encoded_together_goes_alone),
		TEST(what_does_not_fit_together_goes_alone),
		TEST(a_cloud_that_takes_each_but_never_several_gets_each),
		TEST(a_guilty_message_is_no_word_against_several),
		TEST(guilty_ones_in_many_requests_at_a_time_are_no_word_either),
		TEST(a_cloud_that_always_says_later_to_several_gets_each),
		TEST(a_cloud_that_never_answers_several_gets_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
