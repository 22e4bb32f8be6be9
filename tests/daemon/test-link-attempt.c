/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link knows of its attempts, for programs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/attempt.h"
#include "daemon/pace.h"
#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define UNAUTHORIZED SKYBUS_CODE(4, 1)

#define MINUTE (60 * SB_USEC_PER_SEC)

/** What the last attempt() has found. */
static struct sb_attempt told;
static struct sb_idle idle;

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

static const struct sb_attempt *attempt(struct link_fixture *f)
{
	sb_link_attempt(f->link, &told, &idle);

	return &told;
}

static void begin(struct link_fixture *f)
{
	sb_link_start(f->link);
	link_run(f);
}

/* It ended in @stage for this cause. */
static void expect_end(struct link_fixture *f, enum sb_link_state stage, const char *cause)
{
	link_run(f);
	assert_int_equal(attempt(f)->stage, stage);
	assert_string_equal(sb_trouble_word(told.trouble), cause);
	assert_true(told.ended_ms >= told.began_ms);
	assert_true(told.began_ms > 0);
	assert_string_not_equal(told.reason, "");
}

static void none_yet(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(attempt(f)->began_ms, 0);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	assert_int_equal(attempt(f)->ended_ms, 0);
}

static void a_name_that_does_not_resolve(void **state)
{
	struct link_fixture *f = *state;

	begin(f);
	fake_break(-EHOSTUNREACH, "no such name");
	expect_end(f, SB_LINK_RESOLVING, "name");
	assert_string_equal(told.host, "cloud.example");
	assert_int_equal(told.port, 5684);
	assert_int_equal(told.peer.ss_family, AF_UNSPEC);
	assert_string_equal(told.reason, "no such name");
}

static void breaks_while_connecting(struct link_fixture *f, int error, const char *cause)
{
	(void)sb_link_connect(f->link, &f->error);
	link_pass(f, SB_PACE_USEC);
	fake_connecting();
	fake_break(error, "as it is");
	expect_end(f, SB_LINK_CONNECTING, cause);
	assert_int_equal(told.peer.ss_family, AF_INET);
	assert_int_equal(told.local.ss_family, AF_INET);
}

static void each_end_of_a_session_has_its_word(void **state)
{
	struct link_fixture *f = *state;

	breaks_while_connecting(f, -EHOSTUNREACH, "route");
	breaks_while_connecting(f, -ENETUNREACH, "route");
	breaks_while_connecting(f, -ENODEV, "interface");
	breaks_while_connecting(f, -EPERM, "rights");
	breaks_while_connecting(f, -EMFILE, "descriptors");
	breaks_while_connecting(f, -ECONNREFUSED, "port");
	breaks_while_connecting(f, -ETIMEDOUT, "silence");
	breaks_while_connecting(f, -EKEYREJECTED, "handshake");
	breaks_while_connecting(f, -EBADMSG, "certificate");
	breaks_while_connecting(f, -ECONNRESET, "reset");
	breaks_while_connecting(f, -EIO, "other");
}

static void what_the_other_side_has_said(void **state)
{
	struct link_fixture *f = *state;

	begin(f);
	fake_connecting();
	fake_network.facts = (struct sb_session_facts){
		.answered = true,
		.handshake = "SERVER HELLO",
		.alert = "Unknown PSK identity",
	};
	fake_break(-EKEYREJECTED, "no");
	expect_end(f, SB_LINK_CONNECTING, "handshake");
	assert_true(told.answered);
	assert_string_equal(told.handshake, "SERVER HELLO");
	assert_string_equal(told.alert, "Unknown PSK identity");
}

static void expect_login_to_end(struct link_fixture *f, uint32_t outcome, const char *cause)
{
	(void)sb_link_connect(f->link, &f->error);
	link_pass(f, SB_PACE_USEC);
	fake_connecting();
	fake_open();
	fake_end(link_find_request("/login"), outcome);
	expect_end(f, SB_LINK_AUTHENTICATING, cause);
	assert_int_equal(told.code, 0);
}

static void a_login_that_nobody_answers(void **state)
{
	struct link_fixture *f = *state;

	expect_login_to_end(f, SKYBUS_TIMEOUT, "silence");
	expect_login_to_end(f, SKYBUS_UNREACHABLE, "port");
	expect_login_to_end(f, SKYBUS_RESET, "reset");
	expect_login_to_end(f, SKYBUS_ABANDONED, "other");
}

static void a_login_that_is_refused(void **state)
{
	struct link_fixture *f = *state;

	script.fail_kind = SKYBUS_CREDENTIALS;
	script.fail_reason = "who are you?";
	begin(f);
	fake_connecting();
	fake_open();
	link_answer(f, "/login", UNAUTHORIZED);
	expect_end(f, SB_LINK_AUTHENTICATING, "refusal");
	assert_int_equal(told.code, UNAUTHORIZED);
	assert_string_equal(told.reason, "who are you?");
}

static void settings_that_the_plugin_cannot_use(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_FAILS;
	script.fail_kind = SKYBUS_CONFIGURATION;
	begin(f);
	expect_end(f, SB_LINK_STARTING, "configuration");
}

/* While the next one is under way, the one before tells more. */
static void the_last_that_has_ended_is_told(void **state)
{
	struct link_fixture *f = *state;

	begin(f);
	assert_int_equal(attempt(f)->ended_ms, 0);
	assert_int_equal(told.stage, SB_LINK_RESOLVING);
	fake_break(-EHOSTUNREACH, "no such name");
	(void)sb_link_connect(f->link, &f->error);
	link_pass(f, SB_PACE_USEC);
	fake_connecting();
	expect_end(f, SB_LINK_RESOLVING, "name");

	fake_open();
	link_answer(f, "/login", OK);
	assert_int_equal(attempt(f)->stage, SB_LINK_ONLINE);
	assert_int_equal(told.trouble, SB_TROUBLE_NONE);
	assert_int_equal(told.ended_ms, 0);
	assert_string_equal(told.reason, "");
}

static void a_session_that_is_lost(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_network.facts.answered = true;
	fake_break(-ECONNRESET, "the cable is out");
	expect_end(f, SB_LINK_ONLINE, "reset");
	assert_true(told.answered);
}

static void a_network_that_changes(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_lose_way(f, -ENETUNREACH);
	expect_end(f, SB_LINK_ONLINE, "network");
}

static void a_link_that_somebody_disconnects(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	expect_end(f, SB_LINK_ONLINE, "other");
}

/* ---- how long a session may be silent ---- */

/* The clock of the test goes on for some microseconds at each timer. */
static void expect_about(uint64_t usec, uint64_t expected)
{
	assert_in_range(usec, expected, expected + SB_USEC_PER_SEC);
}

static void exchange_after(struct link_fixture *f, uint64_t usec, const char *payload)
{
	link_pass(f, usec);
	link_publish(f, payload);
	link_answer(f, payload, OK);
}

static void fall_silent(struct link_fixture *f, uint64_t usec, const char *payload)
{
	link_pass(f, usec);
	link_publish(f, payload);
	link_pass(f, MINUTE); /* libcoap repeats it */
	fake_end(link_find_request(payload), SKYBUS_TIMEOUT);
	link_run(f);
	fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_run(f);
	link_expect_state(f, SB_LINK_BACKOFF);
}

static void come_back(struct link_fixture *f)
{
	(void)sb_link_connect(f->link, &f->error);
	link_come_up(f);
	(void)attempt(f);
	/* What was not answered is sent again. */
	link_answer_all(f, OK);
}

static void the_longest_silence_that_was_survived(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	(void)attempt(f);
	assert_int_equal(idle.survived, 0);
	exchange_after(f, 3 * MINUTE, "m1");
	exchange_after(f, MINUTE, "m2");
	(void)attempt(f);
	expect_about(idle.survived, 3 * MINUTE);
	assert_int_equal(idle.failed, 0);
}

static void the_shortest_silence_that_was_not(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fall_silent(f, 4 * MINUTE, "m1");
	assert_int_equal(attempt(f)->stage, SB_LINK_ONLINE);
	assert_string_equal(sb_trouble_word(told.trouble), "silence");
	assert_int_equal(idle.failed, 0); /* whether the cloud is there is not known yet */
	come_back(f);
	expect_about(idle.failed, 4 * MINUTE);
	assert_int_equal(idle.failures, 1);

	fall_silent(f, 2 * MINUTE, "m2");
	come_back(f);
	fall_silent(f, 5 * MINUTE, "m3");
	come_back(f);
	expect_about(idle.failed, 2 * MINUTE);
	assert_int_equal(idle.failures, 3);
	assert_int_equal(idle.survived, 0);
}

static void a_cloud_that_was_away_says_nothing_of_silences(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fall_silent(f, 4 * MINUTE, "m1");
	(void)sb_link_connect(f->link, &f->error);
	link_pass(f, SB_PACE_USEC);
	fake_connecting();
	fake_break(-ETIMEDOUT, "no answer");
	link_run(f);
	come_back(f);
	assert_int_equal(idle.failures, 0);
	assert_int_equal(idle.failed, 0);
}

/* Whoever ends a session says so; nobody has forgotten it. */
static void a_session_that_is_ended_says_nothing_of_silences(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_pass(f, 4 * MINUTE);
	link_publish(f, "m1");
	fake_break(-ECONNRESET, "the cloud has ended it");
	link_run(f);
	come_back(f);
	assert_int_equal(idle.failures, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(none_yet),
		TEST(a_name_that_does_not_resolve),
		TEST(each_end_of_a_session_has_its_word),
		TEST(what_the_other_side_has_said),
		TEST(a_login_that_nobody_answers),
		TEST(a_login_that_is_refused),
		TEST(settings_that_the_plugin_cannot_use),
		TEST(the_last_that_has_ended_is_told),
		TEST(a_session_that_is_lost),
		TEST(a_network_that_changes),
		TEST(a_link_that_somebody_disconnects),
		TEST(the_longest_silence_that_was_survived),
		TEST(the_shortest_silence_that_was_not),
		TEST(a_cloud_that_was_away_says_nothing_of_silences),
		TEST(a_session_that_is_ended_says_nothing_of_silences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
