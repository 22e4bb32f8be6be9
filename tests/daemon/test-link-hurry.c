/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits that a change of the box's network cuts short, those that it does not, and how many logins that makes at
 * most.
 */
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
#define HOUR (60 * MINUTE)

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

/* ---- a back-off that the network has caused ---- */

static void lose_name(struct link_fixture *f)
{
	(void)f;
	fake_break(-EHOSTUNREACH, "no such name");
}

static void lose_handshake(struct link_fixture *f)
{
	(void)f;
	fake_connecting();
	fake_break(-ETIMEDOUT, "no answer to the handshake");
}

static void find_nobody(struct link_fixture *f)
{
	(void)f;
	fake_connecting();
	fake_break(-ECONNREFUSED, "nobody listens");
}

static void lose_answer(struct link_fixture *f)
{
	(void)f;
	fake_connecting();
	fake_open();
	fake_end(link_find_request("/login"), SKYBUS_TIMEOUT);
}

static void lose_session(struct link_fixture *f)
{
	fake_connecting();
	fake_open();
	link_answer(f, "/login", OK);
	fake_break(-ECONNRESET, "the session ended");
}

static void fall_silent(struct link_fixture *f)
{
	fake_connecting();
	fake_open();
	link_answer(f, "/login", OK);
	link_publish(f, "m1");
	fake_end(link_find_request("m1"), SKYBUS_TIMEOUT);
	link_run(f);
	fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
}

static void fetch_nothing(struct link_fixture *f)
{
	(void)f;
	script.fail_when_fetched = true;
	assert_int_equal(script_fetch("https://cloud.example/key"), 0);
	fake_fetched(0, "");
}

/*
 * Long enough a wait for a change to cut short. A daemon that begins anew counts failures on, and refusals
 * afresh.
 */
static void fail_until_it_waits(struct link_fixture *f, void (*let_fail)(struct link_fixture *))
{
	do {
		link_unmake(f);
		link_make(f, NULL);
		sb_link_start(f->link);
		if (link_status(f)->state == SB_LINK_BACKOFF)
			link_pass(f, link_announced_delay(f) * SB_USEC_PER_SEC);
		link_settle(f);
		let_fail(f);
		link_expect_state(f, SB_LINK_BACKOFF);
	} while (link_announced_delay(f) < 100);
}

static void it_is_cut_short(void **state)
{
	static void (*const ways_to_fail[])(struct link_fixture *) = {
		lose_name,    lose_handshake, find_nobody,   lose_answer,
		lose_session, fall_silent,    fetch_nothing,
	};
	struct link_fixture *f = *state;

	for (size_t i = 0; i < SB_ELEMENTS(ways_to_fail); i++) {
		unsigned int logins;

		link_set_way("10.0.0.2", "eth0");
		fail_until_it_waits(f, ways_to_fail[i]);
		logins = script.logins;
		link_tell_network(f);
		link_settle(f);
		if (script.logins != logins)
			fail_msg("case %zu: hurried without a change", i);
		link_change_way(f, "10.0.1.2", "wwan1");
		link_settle(f);
		if (script.logins != logins + 1)
			fail_msg("case %zu: not hurried", i);
		f->states[0] = '\0';
	}
}

/* Not of a link's session, but of one that found nobody: the router may be a better one. */
static void another_gateway_is_a_change(void **state)
{
	struct link_fixture *f = *state;

	fail_until_it_waits(f, lose_handshake);
	fake_way.way.via = fake_way_address("10.0.0.1");
	link_tell_network(f);
	link_settle(f);
	link_expect_state(f, SB_LINK_RESOLVING);
}

static void a_cable_that_was_pulled_and_plugged_is_a_change(void **state)
{
	struct link_fixture *f = *state;

	fail_until_it_waits(f, lose_handshake);
	fake_way.way.carrier = false;
	link_tell_network(f);
	link_settle(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	fake_way.way.carrier = true;
	link_tell_network(f);
	link_settle(f);
	link_expect_state(f, SB_LINK_RESOLVING);
}

static void a_change_for_the_worse_is_not(void **state)
{
	struct link_fixture *f = *state;
	unsigned int logins;

	fail_until_it_waits(f, lose_handshake);
	logins = script.logins;
	link_lose_way(f, -ENETUNREACH);
	link_lose_way(f, -EMFILE);
	link_settle(f);
	assert_int_equal(script.logins, logins);
}

static void its_end_is_not_put_off(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_settle(f);
	lose_name(f);
	assert_in_range(link_announced_delay(f), 1, 2);
	/* Hurry has been used up just before, so there is no more for ten seconds. */
	link_change_way(f, "10.0.1.2", "wwan1");
	link_settle(f);
	lose_name(f);
	link_change_way(f, "10.0.0.2", "eth0");
	assert_in_range(link_announced_delay(f), 1, 4);
	link_pass(f, 4 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 3);
}

/* ---- a back-off that the cloud has caused ---- */

static void refuse_credentials(struct link_fixture *f)
{
	script.fail_kind = SKYBUS_CREDENTIALS;
	fake_connecting();
	fake_open();
	link_answer(f, "/login", UNAUTHORIZED);
}

static void refuse_for_now(struct link_fixture *f)
{
	fake_connecting();
	fake_open();
	link_answer(f, "/login", SKYBUS_CODE(5, 0));
}

static void refuse_after_silence(struct link_fixture *f)
{
	(void)f;
	script.login = SCRIPT_REUSES;
	fake_connecting();
	fake_open();
	fake_end(link_find_request("/login"), SKYBUS_RESET);
}

static void refuse_handshake(struct link_fixture *f)
{
	(void)f;
	fake_connecting();
	fake_break(-EKEYREJECTED, "wrong key");
}

static void show_a_bad_certificate(struct link_fixture *f)
{
	(void)f;
	fake_connecting();
	fake_break(-EBADMSG, "expired");
}

static void fetch_a_refusal(struct link_fixture *f)
{
	(void)f;
	script.fail_when_fetched = true;
	assert_int_equal(script_fetch("https://cloud.example/key"), 0);
	fake_fetched(503, "");
}

/* The plugin's own rule, as when EnOS has been asked too often. */
static void wait_by_rule(struct link_fixture *f)
{
	(void)f;
	script.host->failed(script.link, SKYBUS_TRANSIENT, "the rule says so", 300);
}

static void it_is_not(void **state)
{
	static void (*const ways_to_fail[])(struct link_fixture *) = {
		refuse_credentials,	refuse_for_now,	 refuse_after_silence, refuse_handshake,
		show_a_bad_certificate, fetch_a_refusal, wait_by_rule,
	};
	struct link_fixture *f = *state;

	for (size_t i = 0; i < SB_ELEMENTS(ways_to_fail); i++) {
		unsigned int logins;
		unsigned int delay;

		script.login = SCRIPT_OPENS;
		script.fail_kind = SKYBUS_TRANSIENT;
		script.fail_when_fetched = false;
		link_set_way("10.0.0.2", "eth0");
		fail_until_it_waits(f, ways_to_fail[i]);
		logins = script.logins;
		delay = link_announced_delay(f);
		link_change_way(f, "10.0.1.2", "wwan1");
		link_lose_way(f, -ENETUNREACH);
		link_change_way(f, "10.0.0.2", "eth0");
		assert_int_equal(link_announced_delay(f), delay);
		link_pass(f, (delay - 1) * SB_USEC_PER_SEC);
		if (script.logins != logins)
			fail_msg("case %zu: hurried, although the cloud had refused", i);
		link_pass(f, SB_USEC_PER_SEC + SB_PACE_USEC);
		assert_int_equal(script.logins, logins + 1);
		f->states[0] = '\0';
	}
}

/* What failed before was the network, but now the plugin does not even try. */
static void nor_is_one_of_a_login_that_did_not_begin(void **state)
{
	struct link_fixture *f = *state;
	unsigned int logins;

	sb_link_start(f->link);
	link_settle(f);
	lose_handshake(f);
	script.login = SCRIPT_FAILS;
	do {
		link_pass(f, link_announced_delay(f) * SB_USEC_PER_SEC);
		link_settle(f);
	} while (link_announced_delay(f) < 100);
	link_expect_reason(f, "the cloud says no (next attempt in ");
	logins = script.logins;
	link_change_way(f, "10.0.1.2", "wwan1");
	link_settle(f);
	assert_int_equal(script.logins, logins);
}

/* It was the network, but the cloud's rule counts what may have reached it. */
static void a_wait_that_the_cloud_has_asked_for_is_kept(void **state)
{
	struct link_fixture *f = *state;

	script.silent_wait_s = 63;
	fail_until_it_waits(f, lose_name);
	link_change_way(f, "10.0.1.2", "wwan1");
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(link_announced_delay(f), 63);
	script.logins = 0;
	link_pass(f, 62 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 0);
	link_pass(f, SB_USEC_PER_SEC + SB_PACE_USEC);
	assert_int_equal(script.logins, 1);
}

static void without_a_way_it_is_kept_as_well(void **state)
{
	struct link_fixture *f = *state;

	fake_way_none(-ENETUNREACH);
	sb_link_start(f->link);
	link_settle(f);
	script.silent_wait_s = 63;
	lose_name(f);
	link_expect_reason(f, "; waiting for the network (no route; ");
	link_change_way(f, "10.0.0.2", "eth0");
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(link_announced_delay(f), 63);
	/* And it outlives the daemon. */
	link_restart(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_change_way(f, "10.0.1.2", "wwan1");
	link_pass(f, 60 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);
	link_pass(f, 3 * SB_USEC_PER_SEC + SB_PACE_USEC);
	assert_int_equal(script.logins, 2);
}

static void a_restart_knows_what_it_waits_for(void **state)
{
	struct link_fixture *f = *state;
	unsigned int logins;

	fail_until_it_waits(f, lose_handshake);
	logins = script.logins;
	link_restart(f);
	link_expect_reason(f, "failing since before the restart: ");
	link_tell_network(f);
	link_settle(f);
	assert_int_equal(script.logins, logins);
	link_change_way(f, "10.0.1.2", "wwan1");
	link_settle(f);
	assert_int_equal(script.logins, logins + 1);

	script.fail_wait_s = 300;
	refuse_credentials(f);
	link_restart(f);
	link_change_way(f, "10.0.0.2", "eth0");
	link_settle(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(script.logins, logins + 1);
}

/* ---- a network that changes all the time ---- */

/* Lets a second pass, and what logs in comes up if it is to and can; returns how many logins got out. */
static unsigned int live_a_second(struct link_fixture *f, bool succeeds)
{
	unsigned int got_out = 0;

	for (unsigned int i = 0; i < 10; i++) {
		unsigned int logins = script.logins;

		link_pass(f, SB_USEC_PER_SEC / 10 - SB_PACE_USEC);
		if (script.logins == logins)
			link_pass(f, SB_PACE_USEC);
		else if (fake_way.error < 0)
			fake_break(-EHOSTUNREACH, "no route");
		else if (succeeds)
			link_come_up(f);
		got_out += fake_way.error == 0 ? script.logins - logins : 0;
	}

	return got_out;
}

/* The interface is up for a second and down for another. */
static unsigned int flap(struct link_fixture *f, bool succeeds)
{
	unsigned int got_out = 0;

	for (unsigned int i = 0; i < HOUR / SB_USEC_PER_SEC; i++) {
		if (i % 2 == 0)
			link_change_way(f, "10.0.0.2", "eth0");
		else
			link_lose_way(f, -ENETUNREACH);
		got_out += live_a_second(f, succeeds);
	}
	f->states[0] = '\0';

	return got_out;
}

/*
 * By hurry ten in the first hour, at once and 10, 30, 70, 150, 310 … s after that, and then each quarter of an
 * hour. Without way the link looks each five minutes, and there may be one at that very moment.
 */
static void expect_few_logins(struct link_fixture *f, bool succeeds)
{
	unsigned int first;
	unsigned int second;

	link_bring_up(f);
	first = flap(f, succeeds);
	second = flap(f, succeeds);
	print_message("    %u logins in the first hour, %u in the second\n", first, second);
	assert_in_range(first, 5, 22);
	assert_in_range(second, 3, 16);
}

static void a_loose_cable_makes_few_logins(void **state)
{
	expect_few_logins(*state, true);
}

static void and_few_that_fail(void **state)
{
	expect_few_logins(*state, false);
}

/* Between two networks that both work. */
static unsigned int alternate(struct link_fixture *f)
{
	unsigned int got_out = 0;

	for (unsigned int i = 0; i < HOUR / SB_USEC_PER_SEC; i++) {
		link_change_way(f, i % 2 ? "10.0.0.2" : "10.0.1.2", i % 2 ? "eth0" : "wwan1");
		got_out += live_a_second(f, true);
	}
	f->states[0] = '\0';

	return got_out;
}

/* Beside hurry there is the wait after each session that was lost, as ever. */
static void so_do_two_networks_that_take_turns(void **state)
{
	struct link_fixture *f = *state;
	unsigned int first;
	unsigned int second;

	link_bring_up(f);
	first = alternate(f);
	second = alternate(f);
	print_message("    %u logins in the first hour, %u in the second\n", first, second);
	assert_in_range(first, 5, 40);
	assert_in_range(second, 3, 30);
}

static void a_network_that_was_stable_earns_hurry_again(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	for (unsigned int i = 0; i < 20; i++) {
		link_change_way(f, i % 2 ? "10.0.0.2" : "10.0.1.2", i % 2 ? "eth0" : "wwan1");
		link_expect_state(f, SB_LINK_STARTING);
		link_come_up(f);
		link_pass(f, 5 * MINUTE);
	}
	/* The second within ten seconds waits, as every session that is lost. */
	link_change_way(f, "10.0.1.2", "wwan1");
	link_come_up(f);
	link_change_way(f, "10.0.0.2", "eth0");
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "not from 10.0.1.2 by wwan1 (next attempt in ");
	assert_in_range(link_announced_delay(f), 1, 2);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_cut_short),
		TEST(another_gateway_is_a_change),
		TEST(a_cable_that_was_pulled_and_plugged_is_a_change),
		TEST(a_change_for_the_worse_is_not),
		TEST(its_end_is_not_put_off),
		TEST(it_is_not),
		TEST(nor_is_one_of_a_login_that_did_not_begin),
		TEST(a_wait_that_the_cloud_has_asked_for_is_kept),
		TEST(without_a_way_it_is_kept_as_well),
		TEST(a_restart_knows_what_it_waits_for),
		TEST(a_loose_cable_makes_few_logins),
		TEST(and_few_that_fail),
		TEST(so_do_two_networks_that_take_turns),
		TEST(a_network_that_was_stable_earns_hurry_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
