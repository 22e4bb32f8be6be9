/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link makes of a change of the box's network: when it goes on, gives up, or waits. When it cuts a wait
 * short, and how often, is in test-link-hurry.c.
 */
#include <arpa/inet.h>
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

#define MOVED                                                                                      \
	"the network has changed: this box now reaches cloud.example from 10.0.1.2 by wwan1, not " \
	"from 10.0.0.2 by eth0"

static const char *const bound[] = { "interface", "wwan0", NULL };

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

static void expect_waiting(struct link_fixture *f, const char *reason)
{
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_string_equal(link_status(f)->state_reason, reason);
}

/* ---- a session ---- */

static void as_long_as_the_way_is_the_same_nothing_happens(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	f->states[0] = '\0';
	for (unsigned int i = 0; i < 100; i++) {
		link_tell_network(f);
		link_pass(f, SB_USEC_PER_SEC);
	}
	assert_string_equal(f->states, "");
	link_expect_sent("");
	assert_int_equal(script.logins, 1);
	assert_int_equal(fake_network.n_channels, 1);
}

static void another_way_means_another_session_at_once(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	f->states[0] = '\0';
	link_change_way(f, "10.0.1.2", "wwan1");
	assert_null(fake_network.channel);
	link_expect_state(f, SB_LINK_STARTING);
	assert_string_equal(link_status(f)->state_reason, MOVED "; connecting anew");
	assert_string_equal(link_status(f)->last_error, MOVED);
	link_settle(f);
	assert_int_equal(script.logins, 2);
	link_come_up(f);
	assert_string_equal(f->states,
			    "starting starting resolving connecting authenticating online ");
	/* That is its way now. */
	link_tell_network(f);
	link_expect_state(f, SB_LINK_ONLINE);
	assert_string_equal(link_status(f)->state_reason, "");
}

static void what_was_in_flight_is_sent_again(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_widen(f, 3);
	link_publish_many(f, 1, 3);
	link_expect_sent("m1 m2 m3 ");
	link_change_way(f, "10.0.1.2", "wwan1");
	assert_int_equal(fake_requests(), 0);
	assert_int_equal(link_status(f)->queue.queued, 3);
	link_come_up(f);
	link_answer_all(f, OK);
	link_expect_sent("/login m1 m2 m3 ");
	assert_string_equal(f->settled, "4:delivered:2.04: 5:delivered:2.04: 6:delivered:2.04: ");
}

static void an_app_that_waits_for_an_answer_gets_it(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_int_equal(link_request(f, "r1", 60 * SB_USEC_PER_SEC), 0);
	link_change_way(f, "10.0.1.2", "wwan1");
	link_come_up(f);
	link_answer(f, "r1", OK);
	assert_string_equal(f->requested, "2.04 ");
}

/* Whose messages may go to another cloud: they do not for a login that takes a moment. */
static void the_link_counts_as_up_meanwhile(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_change_way(f, "10.0.1.2", "wwan1");
	assert_true(sb_link_up(f->link));
	link_settle(f);
	assert_true(sb_link_up(f->link));
	fake_break(-EHOSTUNREACH, "no such name");
	assert_false(sb_link_up(f->link));
}

/* As with a second address, and with those that IPv6 makes every day. */
static void an_address_that_is_still_good_is_kept(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_way_set("10.0.0.9", "eth0");
	fake_way.other = fake_way_address("10.0.0.2");
	link_tell_network(f);
	link_expect_state(f, SB_LINK_ONLINE);
	/* Until it goes. */
	fake_way.other = in6addr_any;
	link_tell_network(f);
	link_expect_state(f, SB_LINK_STARTING);
	link_expect_reason(f, "from 10.0.0.9 by eth0, not from 10.0.0.2 by eth0");
}

static void a_modem_that_came_again_is_another_one(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_way.way.interface++;
	link_tell_network(f);
	link_expect_state(f, SB_LINK_STARTING);
	link_expect_reason(f, "the network has changed: eth0, by which this box reaches "
			      "cloud.example, has gone and come again; connecting anew");
}

/* A cable that is pulled for a moment costs no login: the kernel goes on sending that way. */
static void a_way_without_carrier_is_a_way(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_way.way.carrier = false;
	link_tell_network(f);
	link_expect_state(f, SB_LINK_ONLINE);
	fake_way.way.carrier = true;
	link_tell_network(f);
	link_expect_state(f, SB_LINK_ONLINE);
	assert_int_equal(script.logins, 1);
}

static void but_not_one_to_change_to(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_set_way("10.0.1.2", "wwan1");
	fake_way.way.carrier = false;
	link_tell_network(f);
	expect_waiting(f, MOVED "; waiting for the network (wwan1 has no carrier; next attempt in "
				"300 s at the latest)");
	fake_way.way.carrier = true;
	link_tell_network(f);
	link_come_up(f);
}

static void what_cannot_be_asked_changes_nothing(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_lose_way(f, -EMFILE);
	link_expect_state(f, SB_LINK_ONLINE);
	link_tell_network(f);
	assert_int_equal(script.logins, 1);
}

static void nor_does_an_address_that_cannot_be(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_way_set("10.0.0.9", "eth0");
	fake_way.home_error = -EMFILE;
	link_tell_network(f);
	link_expect_state(f, SB_LINK_ONLINE);
}

/*
 * There are rules for ports and for marks, which the kernel is not asked by. What it says is no reason then,
 * neither to give a session up nor to wait; only that the session's address has gone is one.
 */
static void a_session_that_goes_its_own_way_is_left_there(void **state)
{
	struct link_fixture *f = *state;

	fake_way_set("10.0.1.2", "wwan1");
	fake_way.other = fake_way_address("10.0.0.2");
	link_bring_up(f);
	fake_way_set("10.0.2.2", "eth2");
	link_tell_network(f);
	fake_way_none(-ENETUNREACH);
	link_tell_network(f);
	link_expect_state(f, SB_LINK_ONLINE);
	fake_break(-ECONNRESET, "the session ended");
	link_expect_reason(f, "the session ended (next attempt in ");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);

	fake_way.other = in6addr_any;
	link_tell_network(f);
	link_expect_state(f, SB_LINK_STARTING);
	link_expect_reason(f,
			   "the network has changed: this box no more has 10.0.0.2, from which it "
			   "reached cloud.example; connecting anew");
	link_come_up(f);
}

static void nor_is_one_without_an_address_given_up(void **state)
{
	struct link_fixture *f = *state;

	fake_network.local = (struct sockaddr_in){ 0 };
	link_bring_up(f);
	link_tell_network(f);
	link_expect_state(f, SB_LINK_ONLINE);
}

/* ---- no way ---- */

static void without_a_way_it_waits_for_one(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_publish(f, "m1");
	link_lose_way(f, -ENETUNREACH);
	assert_null(fake_network.channel);
	expect_waiting(f, "the network has changed, and leads to cloud.example no more; waiting "
			  "for the network (no route; next attempt in 300 s at the latest)");
	assert_string_equal(link_status(f)->last_error,
			    "the network has changed, and leads to cloud.example no more");
	assert_false(sb_link_up(f->link));
	assert_int_equal(link_request(f, "r1", MINUTE), -ENOTCONN);
	link_pass(f, 200 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);

	link_change_way(f, "10.0.0.2", "eth0");
	link_settle(f);
	assert_int_equal(script.logins, 2);
	link_come_up(f);
	link_answer_all(f, OK);
	assert_string_equal(f->settled, "1:delivered:2.04: ");
}

/* Each look fails, and none of them counts: the first real failure is the first. */
static void a_day_without_a_way_costs_no_patience(void **state)
{
	struct link_fixture *f = *state;

	fake_way_none(-ENETUNREACH);
	sb_link_start(f->link);
	for (unsigned int i = 0; i < 12 * 24; i++) {
		link_settle(f);
		fake_break(-EHOSTUNREACH, "no route to cloud.example:5683: is the network up?");
		expect_waiting(f, "no route to cloud.example:5683: is the network up?; waiting for "
				  "the network (no route; next attempt in 300 s at the latest)");
		link_pass(f, 300 * SB_USEC_PER_SEC);
	}
	assert_in_range(script.logins, 12 * 24 - 1, 12 * 24 + 1);
	link_settle(f);
	fake_break(-EHOSTUNREACH, "no route");
	link_change_way(f, "10.0.0.2", "eth0");
	link_settle(f);
	fake_connecting();
	fake_break(-ETIMEDOUT, "no answer");
	link_expect_reason(f, "no answer (next attempt in ");
	assert_in_range(link_announced_delay(f), 1, 2);
}

static void it_waits_for_an_interface_that_is_not_there(void **state)
{
	struct link_fixture *f = *state;

	link_unmake(f);
	fake_way_none(-ENODEV);
	link_make(f, bound);
	sb_link_start(f->link);
	link_settle(f);
	fake_break(-ENODEV, "the box has no network interface wwan0");
	link_expect_reason(f, "; waiting for the network (there is no interface wwan0; next");
	/* Others come and go. */
	for (unsigned int i = 0; i < 10; i++)
		link_tell_network(f);
	/* It is there, and down. */
	link_lose_way(f, -ENETUNREACH);
	/* It is up, and will have an address soon; the kernel would take another one's. */
	link_set_way("10.0.0.2", "wwan0");
	fake_way.homeless = true;
	link_tell_network(f);
	link_settle(f);
	assert_int_equal(script.logins, 1);
	assert_string_equal(fake_way.interface, "wwan0");
	fake_way.homeless = false;
	link_change_way(f, "10.0.1.2", "wwan0");
	link_settle(f);
	assert_int_equal(script.logins, 2);
	link_come_up(f);
}

static void what_an_interface_lacks_is_told(void **state)
{
	struct link_fixture *f = *state;

	link_unmake(f);
	link_make(f, bound);
	link_set_way("10.0.1.2", "wwan0");
	link_bring_up(f);
	link_lose_way(f, -ENETUNREACH);
	link_expect_reason(f, "(no way through wwan0; ");
	link_set_way("10.0.1.2", "wwan0");
	fake_way.homeless = true;
	link_tell_network(f);
	link_pass(f, 300 * SB_USEC_PER_SEC);
	fake_connecting();
	fake_break(-ETIMEDOUT, "no answer");
	link_expect_reason(f, "no answer; waiting for the network (wwan0 has no address; ");
}

/* The peer cannot be reached by IPv4 any more, but its name may have an IPv6 address, too. */
static void a_way_to_anywhere_is_worth_a_try(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_way.error = -ENETUNREACH;
	link_tell_network(f);
	link_expect_state(f, SB_LINK_STARTING);
	link_expect_reason(f, "the network has changed, and leads to cloud.example no more; "
			      "connecting anew");
}

/* A session that nobody answers on, and by then there is no way any more. */
static void a_session_that_falls_silent_without_a_way_waits_for_one(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_way.way.carrier = false;
	link_tell_network(f);
	link_publish(f, "m1");
	fake_end(link_find_request("m1"), SKYBUS_TIMEOUT);
	link_run(f);
	fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_expect_reason(f, "; waiting for the network (eth0 has no carrier; ");
	fake_way.way.carrier = true;
	link_tell_network(f);
	link_settle(f);
	assert_int_equal(script.logins, 2);
}

/* ---- on its way ---- */

static void a_name_is_looked_up_anew(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_settle(f);
	link_expect_state(f, SB_LINK_RESOLVING);
	link_tell_network(f);
	assert_int_equal(script.logins, 1);
	link_change_way(f, "10.0.1.2", "wwan1");
	link_expect_reason(f, "the network has changed while the link was logging in");
	link_settle(f);
	assert_int_equal(script.logins, 2);
	link_expect_state(f, SB_LINK_RESOLVING);
	link_come_up(f);
}

static void so_is_a_session_that_is_being_opened(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_settle(f);
	fake_connecting();
	link_tell_network(f);
	link_expect_state(f, SB_LINK_CONNECTING);
	link_change_way(f, "10.0.1.2", "wwan1");
	assert_string_equal(link_status(f)->state_reason, MOVED "; connecting anew");
	link_come_up(f);
}

static void and_a_login_that_waits_for_its_answer(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_settle(f);
	fake_connecting();
	fake_open();
	link_tell_network(f);
	link_expect_state(f, SB_LINK_AUTHENTICATING);
	link_lose_way(f, -ENETUNREACH);
	link_expect_reason(f, "leads to cloud.example no more; waiting for the network");
	assert_int_equal(fake_requests(), 0);
}

static void who_waits_for_his_turn_goes_on_waiting(void **state)
{
	struct link_fixture *f = *state;

	f->pace.free_at = sb_loop_now(f->parts.loop) + 3 * SB_USEC_PER_SEC;
	sb_link_start(f->link);
	link_change_way(f, "10.0.1.2", "wwan1");
	link_lose_way(f, -ENETUNREACH);
	link_expect_state(f, SB_LINK_STARTING);
	assert_string_equal(f->states, "starting ");
	link_pass(f, 3 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);
}

static void a_login_that_renews_another_keeps_its_way(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_REUSES;
	link_bring_up(f);
	assert_int_equal(sb_link_reauthenticate(f->link, &f->error), 0);
	link_settle(f);
	link_expect_state(f, SB_LINK_AUTHENTICATING);
	link_tell_network(f);
	link_expect_state(f, SB_LINK_AUTHENTICATING);
	link_change_way(f, "10.0.1.2", "wwan1");
	link_expect_state(f, SB_LINK_STARTING);
	link_expect_reason(f, MOVED);
}

/* That of its session, and not the one that a new session would have. */
static void which_is_the_way_of_its_session(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_REUSES;
	link_bring_up(f);
	fake_way_set("10.0.0.9", "eth0");
	fake_way.other = fake_way_address("10.0.0.2");
	link_tell_network(f);
	assert_int_equal(sb_link_reauthenticate(f->link, &f->error), 0);
	link_settle(f);
	link_answer(f, "/login", OK);
	link_expect_state(f, SB_LINK_ONLINE);
	fake_way.other = in6addr_any;
	link_tell_network(f);
	link_expect_state(f, SB_LINK_STARTING);
}

/* ---- others ---- */

static void who_is_down_for_good_stays_so(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	link_change_way(f, "10.0.1.2", "wwan1");
	link_pass(f, MINUTE);
	link_expect_state(f, SB_LINK_DISABLED);

	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_settle(f);
	script.fail_kind = SKYBUS_CONFIGURATION;
	fake_connecting();
	fake_open();
	link_answer(f, "/login", UNAUTHORIZED);
	link_expect_state(f, SB_LINK_FAILED);
	link_change_way(f, "10.0.0.2", "eth0");
	link_pass(f, MINUTE);
	link_expect_state(f, SB_LINK_FAILED);
	assert_int_equal(script.logins, 1);
}

/* As on a kernel, or in a sandbox, without rtnetlink: nothing is asked, and all is as it would be anyway. */
static void without_a_watch_nothing_is_asked(void **state)
{
	struct link_fixture *f = *state;

	link_unmake(f);
	f->parts.netwatch = NULL;
	fake_way_none(-ENETUNREACH);
	link_make(f, NULL);
	sb_link_start(f->link);
	link_settle(f);
	fake_break(-EHOSTUNREACH, "no such name");
	link_expect_reason(f, "no such name (next attempt in ");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	fake_break(-ECONNRESET, "the session ended");
	link_expect_reason(f, "the session ended (next attempt in ");
	assert_int_equal(fake_way.asked, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_long_as_the_way_is_the_same_nothing_happens),
		TEST(another_way_means_another_session_at_once),
		TEST(what_was_in_flight_is_sent_again),
		TEST(an_app_that_waits_for_an_answer_gets_it),
		TEST(the_link_counts_as_up_meanwhile),
		TEST(an_address_that_is_still_good_is_kept),
		TEST(a_modem_that_came_again_is_another_one),
		TEST(a_way_without_carrier_is_a_way),
		TEST(but_not_one_to_change_to),
		TEST(what_cannot_be_asked_changes_nothing),
		TEST(nor_does_an_address_that_cannot_be),
		TEST(a_session_that_goes_its_own_way_is_left_there),
		TEST(nor_is_one_without_an_address_given_up),
		TEST(without_a_way_it_waits_for_one),
		TEST(a_day_without_a_way_costs_no_patience),
		TEST(it_waits_for_an_interface_that_is_not_there),
		TEST(what_an_interface_lacks_is_told),
		TEST(a_way_to_anywhere_is_worth_a_try),
		TEST(a_session_that_falls_silent_without_a_way_waits_for_one),
		TEST(a_name_is_looked_up_anew),
		TEST(so_is_a_session_that_is_being_opened),
		TEST(and_a_login_that_waits_for_its_answer),
		TEST(who_waits_for_his_turn_goes_on_waiting),
		TEST(a_login_that_renews_another_keeps_its_way),
		TEST(which_is_the_way_of_its_session),
		TEST(who_is_down_for_good_stays_so),
		TEST(without_a_watch_nothing_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
