/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/backoff.h"
#include "daemon/pace.h"
#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define UNAUTHORIZED SKYBUS_CODE(4, 1)

#define MINUTE (60 * SB_USEC_PER_SEC)

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

/* ---- coming up ---- */

static void it_comes_up_through_all_states(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(script.attached, 1);
	sb_link_start(f->link);
	link_expect_state(f, SB_LINK_STARTING);
	link_run(f);
	link_expect_state(f, SB_LINK_RESOLVING);
	fake_connecting();
	link_expect_state(f, SB_LINK_CONNECTING);
	fake_open();
	link_expect_state(f, SB_LINK_AUTHENTICATING);
	assert_int_equal(link_find_request("/login")->timeout_usec, 5 * SB_USEC_PER_SEC);
	link_answer(f, "/login", OK);
	link_expect_state(f, SB_LINK_ONLINE);
	assert_string_equal(f->states, "starting resolving connecting authenticating online ");
	assert_string_equal(link_status(f)->state_reason, "");
	assert_string_equal(link_status(f)->last_error, "");
	assert_string_equal(link_status(f)->state_word, "online");
	assert_string_equal(link_status(f)->name, "plant");
	assert_string_equal(link_status(f)->plugin, "script");
	assert_string_equal(link_status(f)->device, "device 7");
	assert_int_equal(link_status(f)->session_expires_ms, 0);
	assert_true(link_status(f)->since_ms > 0);
}

static void it_begins_at_its_turn(void **state)
{
	struct link_fixture *f = *state;

	f->pace.free_at = sb_loop_now(f->parts.loop) + 3 * SB_USEC_PER_SEC;
	sb_link_start(f->link);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_expect_state(f, SB_LINK_STARTING);
	assert_int_equal(script.logins, 0);
	/* Connect leaves it alone: it is on its way. */
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_run(f);
	assert_int_equal(script.logins, 0);
	link_pass(f, 1 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);
	assert_string_equal(f->states, "starting resolving ");
}

static void disconnect_gives_its_turn_up(void **state)
{
	struct link_fixture *f = *state;

	f->pace.free_at = sb_loop_now(f->parts.loop) + 3 * SB_USEC_PER_SEC;
	sb_link_start(f->link);
	link_run(f);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	link_pass(f, 60 * MINUTE);
	assert_int_equal(script.logins, 0);
	link_expect_state(f, SB_LINK_DISABLED);
}

static void a_disabled_one_waits_for_connect(void **state)
{
	static const char *const settings[] = { "enabled", "no", NULL };
	struct link_fixture *f = *state;

	link_make(f, settings);
	sb_link_start(f->link);
	link_pass(f, 60 * MINUTE);
	link_expect_state(f, SB_LINK_DISABLED);
	link_expect_reason(f, "enabled: no");
	assert_int_equal(script.logins, 0);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
}

static void a_wrong_configuration_stores_all_the_same(void **state)
{
	struct link_fixture *f = *state;
	struct sb_link_config *config = link_config("plant", NULL);

	config->wrong = strdup("skybus.yaml:3:1: no such plugin");
	config->loaded = NULL;
	config->own = sb_settings_free(config->own);
	link_make_of(f, config);
	sb_link_start(f->link);
	link_expect_state(f, SB_LINK_FAILED);
	assert_string_equal(link_status(f)->state_reason, "skybus.yaml:3:1: no such plugin");
	assert_int_equal(sb_link_connect(f->link, &f->error), -EOPNOTSUPP);
	link_publish(f, "m1");
	assert_string_equal(f->published, "1 ");
	link_restart(f);
	link_come_up(f);
	link_answer_all(f, OK);
	assert_string_equal(f->settled, "1:delivered:2.04: ");
}

static void a_plugin_that_refuses_makes_it_failed(void **state)
{
	struct link_fixture *f = *state;

	script.attach_error = -EINVAL;
	script.attach_reason = "product_key has 12 characters";
	link_make(f, NULL);
	sb_link_start(f->link);
	link_expect_state(f, SB_LINK_FAILED);
	link_expect_reason(f, "the plugin script refuses the settings: product_key has 12 "
			      "characters");
	assert_string_equal(link_status(f)->last_error, link_status(f)->state_reason);
	assert_string_equal(link_status(f)->device, "");
	assert_int_equal(sb_link_connect(f->link, &f->error), -EOPNOTSUPP);
	assert_non_null(strstr(f->error.text, "product_key has 12 characters"));
	assert_int_equal(sb_link_disconnect(f->link, &f->error), -EOPNOTSUPP);
	link_publish_many(f, 1, 2);
	assert_string_equal(f->published, "1 2 ");
	assert_int_equal(link_request(f, "r", MINUTE), -ENOTCONN);
	assert_int_equal(link_status(f)->queue.queued, 2);
	/* And somebody mends it. */
	script.attach_error = 0;
	link_restart(f);
	link_come_up(f);
	link_answer_all(f, OK);
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: ");
}

/* ---- not coming up ---- */

/* Until the next login; in steps of a second. */
static uint64_t wait_for_login(struct link_fixture *f)
{
	unsigned int before = script.logins;
	uint64_t seconds = 0;

	while (script.logins == before && seconds < 3600) {
		link_pass(f, SB_USEC_PER_SEC);
		seconds++;
	}

	return seconds;
}

static void expect_backoff(struct link_fixture *f, const char *reason)
{
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, reason);
	link_expect_reason(f, "(next attempt in ");
	assert_string_equal(link_status(f)->last_error, reason);
	assert_null(fake_network.channel);
	assert_int_equal(fake_requests(), 0);
}

static void a_name_that_does_not_resolve_means_back_off(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_break(-EHOSTUNREACH, "no such name");
	assert_int_equal(script.opened_outcome, -EHOSTUNREACH);
	expect_backoff(f, "no such name");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 2);
	assert_int_equal(fake_network.last_attempt, 1);
}

static void a_session_that_does_not_open_means_back_off(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_connecting();
	fake_break(-EKEYREJECTED, "wrong key");
	assert_int_equal(script.opened_outcome, -EKEYREJECTED);
	expect_backoff(f, "wrong key");
}

static void a_session_that_breaks_amid_the_login_means_back_off(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_connecting();
	fake_open();
	fake_break(-ECONNRESET, "the session ended");
	expect_backoff(f, "the session ended");
}

static void a_session_that_breaks_later_means_back_off(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_break(-ECONNRESET, "the session ended");
	expect_backoff(f, "the session ended");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	/* What was is still told. */
	assert_string_equal(link_status(f)->last_error, "the session ended");
}

static void open_for_login(struct link_fixture *f)
{
	link_run(f);
	fake_connecting();
	fake_open();
}

static void a_login_without_answer_is_explained(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	open_for_login(f);
	fake_end(link_find_request("/login"), SKYBUS_TIMEOUT);
	expect_backoff(f, "silence 2 for 5 s");
	link_pass(f, 2 * SB_USEC_PER_SEC);
	open_for_login(f);
	fake_end(link_find_request("/login"), SKYBUS_UNREACHABLE);
	expect_backoff(f, "silence 4 for 5 s");
}

static void a_configuration_that_the_cloud_refuses_means_failed(void **state)
{
	struct link_fixture *f = *state;

	script.fail_kind = SKYBUS_CONFIGURATION;
	sb_link_start(f->link);
	open_for_login(f);
	link_answer(f, "/login", UNAUTHORIZED);
	link_expect_state(f, SB_LINK_FAILED);
	assert_string_equal(link_status(f)->state_reason, "the cloud says no");
	link_pass(f, 600 * MINUTE);
	assert_int_equal(script.logins, 1);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
}

/* No plugin need think of it: RFC 7252 section 5.9.3.4, RFC 8516. */
static void a_cloud_that_says_later_at_the_login_is_left_alone_for_so_long(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t max_age;
		unsigned int least;
		unsigned int most;
	} cases[] = {
		{ SKYBUS_CODE(5, 3), 400, 400, 400 },	    { SKYBUS_CODE(4, 29), 500, 500, 500 },
		{ SKYBUS_CODE(5, 3), 1000000, 3600, 3600 }, { SKYBUS_CODE(5, 0), 1000, 1, 60 },
		{ SKYBUS_CODE(5, 3), UINT32_MAX, 1, 60 },
	};
	struct link_fixture *f = *state;
	unsigned int seconds;

	script.fail_kind = SKYBUS_TRANSIENT;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		if (i == 0)
			sb_link_start(f->link);
		else
			assert_int_equal(sb_link_connect(f->link, &f->error), 0);
		link_pass(f, SB_PACE_USEC);
		open_for_login(f);
		fake_answer_later(link_find_request("/login"), cases[i].code, cases[i].max_age);
		link_run(f);
		link_expect_state(f, SB_LINK_BACKOFF);
		assert_int_equal(sscanf(strstr(link_status(f)->state_reason, "next attempt in "),
					"next attempt in %u s", &seconds),
				 1);
		assert_in_range(seconds, cases[i].least, cases[i].most);
	}
}

static void refuse_login(struct link_fixture *f)
{
	open_for_login(f);
	link_answer(f, "/login", UNAUTHORIZED);
}

static void credentials_refused_thrice_mean_failed(void **state)
{
	struct link_fixture *f = *state;

	script.fail_kind = SKYBUS_CREDENTIALS;
	sb_link_start(f->link);
	refuse_login(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	(void)wait_for_login(f);
	refuse_login(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	(void)wait_for_login(f);
	refuse_login(f);
	link_expect_state(f, SB_LINK_FAILED);
	link_pass(f, 600 * MINUTE);
	assert_int_equal(script.logins, 3);
	/* Connect gives it three more. */
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	refuse_login(f);
	link_expect_state(f, SB_LINK_BACKOFF);
}

static void a_login_that_succeeds_forgives_refusals(void **state)
{
	struct link_fixture *f = *state;

	script.fail_kind = SKYBUS_CREDENTIALS;
	sb_link_start(f->link);
	for (unsigned int i = 0; i < 2; i++) {
		refuse_login(f);
		(void)wait_for_login(f);
	}
	link_come_up(f);
	fake_break(-ECONNRESET, "ended");
	for (unsigned int i = 0; i < 2; i++) {
		(void)wait_for_login(f);
		refuse_login(f);
		link_expect_state(f, SB_LINK_BACKOFF);
	}
}

static void the_clouds_own_waiting_time_holds(void **state)
{
	struct link_fixture *f = *state;

	script.fail_wait_s = 300;
	sb_link_start(f->link);
	refuse_login(f);
	link_expect_reason(f, "the cloud says no (next attempt in 300 s)");
	link_pass(f, 5 * MINUTE - SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);
	link_pass(f, SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 2);
}

static void the_back_off_grows_and_is_bounded(void **state)
{
	struct link_fixture *f = *state;
	uint64_t bound = 2;
	uint64_t longest = 0;

	script.login = SCRIPT_FAILS;
	sb_link_start(f->link);
	link_run(f);
	for (unsigned int i = 0; i < 20; i++) {
		uint64_t seconds = wait_for_login(f);

		assert_in_range(seconds, 1, bound + 1);
		longest = seconds > longest ? seconds : longest;
		bound = bound * 2 < 900 ? bound * 2 : 900;
	}
	/* Ten draws between 1 and 900 s, all below 30 s: less likely than 1e-14. */
	assert_true(longest > 30);
}

static void let_fail(struct link_fixture *f, unsigned int times)
{
	script.login = SCRIPT_FAILS;
	while (times-- > 0)
		(void)wait_for_login(f);
	script.login = SCRIPT_OPENS;
	(void)wait_for_login(f);
	link_come_up(f);
}

static void five_stable_minutes_reset_the_back_off(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	let_fail(f, 12);
	link_pass(f, 5 * MINUTE);
	fake_break(-ECONNRESET, "ended");
	assert_in_range(link_announced_delay(f), 1, 2);
}

static void four_do_not(void **state)
{
	struct link_fixture *f = *state;
	unsigned int longest = 0;

	sb_link_start(f->link);
	let_fail(f, 12);
	for (unsigned int i = 0; i < 10; i++) {
		link_pass(f, 4 * MINUTE);
		fake_break(-ECONNRESET, "ended");
		if (link_announced_delay(f) > longest)
			longest = link_announced_delay(f);
		(void)wait_for_login(f);
		link_come_up(f);
	}
	assert_true(longest > 30);
}

static void a_login_without_end_is_given_up(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_HANGS;
	sb_link_start(f->link);
	link_pass(f, 119 * SB_USEC_PER_SEC);
	link_expect_state(f, SB_LINK_STARTING);
	link_pass(f, 1 * SB_USEC_PER_SEC);
	expect_backoff(f, "the login did not come to an end within 120 s");
	/* Too late is too late. */
	script.host->online(script.link, &script.terms);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 2);
}

static void a_plugin_that_logs_in_without_a_session_fails(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_IS_ONLINE;
	sb_link_start(f->link);
	link_run(f);
	expect_backoff(f, "the plugin says that it has logged in, but there is no session");
}

static void nor_does_one_that_could_not_be_opened_do(void **state)
{
	struct link_fixture *f = *state;

	script.stubborn = true;
	sb_link_start(f->link);
	link_run(f);
	fake_connecting();
	fake_break(-EKEYREJECTED, "wrong key");
	expect_backoff(f, "the plugin says that it has logged in, but there is no session");
}

static void say_online_twice(void)
{
	script.host->online(script.link, &script.terms);
	script.host->failed(script.link, SKYBUS_CONFIGURATION, "nonsense", 0);
}

static void the_end_of_a_login_counts_once(void **state)
{
	struct link_fixture *f = *state;

	script.host->online(script.link, &script.terms);
	script.host->failed(script.link, SKYBUS_CONFIGURATION, "nonsense", 0);
	assert_string_equal(f->states, "");
	link_bring_up(f);
	f->states[0] = '\0';
	say_online_twice();
	script.decide = say_online_twice;
	link_publish(f, "m1");
	link_answer_all(f, OK);
	link_expect_state(f, SB_LINK_ONLINE);
	assert_string_equal(f->states, "");
	fake_break(-ECONNRESET, "ended");
	say_online_twice();
	link_expect_state(f, SB_LINK_BACKOFF);
}

/* ---- terms ---- */

static void a_login_that_expires_is_renewed_before(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_REUSES;
	script.terms.expires_s = 1000;
	link_bring_up(f);
	assert_true(link_status(f)->session_expires_ms >= link_status(f)->since_ms + 999000);
	for (unsigned int i = 1; i < 6; i++) {
		link_pass(f, 899 * SB_USEC_PER_SEC);
		assert_int_equal(script.logins, i);
		link_pass(f, 2 * SB_USEC_PER_SEC);
		assert_int_equal(script.logins, i + 1);
		link_expect_state(f, SB_LINK_AUTHENTICATING);
		link_answer(f, "/login", OK);
		link_expect_state(f, SB_LINK_ONLINE);
	}
	assert_int_equal(fake_network.n_channels, 1);
}

static void the_renewal_waits_for_what_is_under_way(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_REUSES;
	script.terms.expires_s = 100;
	link_bring_up(f);
	link_pass(f, 89 * SB_USEC_PER_SEC);
	link_publish_many(f, 1, 2);
	link_expect_sent("m1 ");
	link_pass(f, 5 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);
	link_answer(f, "m1", OK);
	link_expect_sent("/login ");
	link_answer(f, "/login", OK);
	link_expect_sent("m2 ");
}

static void a_keepalive_is_sent_after_silence_only(void **state)
{
	struct link_fixture *f = *state;

	script.terms.keepalive_s = 60;
	link_bring_up(f);
	link_pass(f, 50 * SB_USEC_PER_SEC);
	link_publish(f, "m1");
	link_answer(f, "m1", OK);
	link_expect_sent("m1 ");
	link_pass(f, 55 * SB_USEC_PER_SEC);
	link_expect_sent("");
	link_pass(f, 6 * SB_USEC_PER_SEC);
	link_expect_sent("/keepalive ");
	/* It is under way, and so is enough of a sign. */
	link_pass(f, 60 * SB_USEC_PER_SEC);
	link_expect_sent("");
	link_answer(f, "/keepalive", OK);
	assert_int_equal(script.decided, 2);
	link_pass(f, 61 * SB_USEC_PER_SEC);
	link_expect_sent("/keepalive ");
	link_answer(f, "/keepalive", UNAUTHORIZED);
	assert_int_equal(script.logins, 2);
}

static void without_terms_nothing_is_kept_alive(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_pass(f, 24 * 60 * MINUTE);
	link_expect_sent("");
	assert_int_equal(script.logins, 1);
}

/* ---- Connect and Disconnect ---- */

static void reach(struct link_fixture *f, enum sb_link_state target)
{
	if (target == SB_LINK_DISABLED)
		return;
	sb_link_start(f->link);
	if (target == SB_LINK_STARTING)
		return;
	link_run(f);
	if (target == SB_LINK_RESOLVING)
		return;
	if (target == SB_LINK_BACKOFF) {
		fake_break(-EHOSTUNREACH, "no such name");
		return;
	}
	fake_connecting();
	if (target == SB_LINK_CONNECTING)
		return;
	fake_open();
	if (target == SB_LINK_AUTHENTICATING)
		return;
	script.fail_kind = SKYBUS_CONFIGURATION;
	link_answer(f, "/login", target == SB_LINK_FAILED ? UNAUTHORIZED : OK);
}

static const enum sb_link_state all_states[] = {
	SB_LINK_DISABLED,	SB_LINK_STARTING, SB_LINK_RESOLVING, SB_LINK_CONNECTING,
	SB_LINK_AUTHENTICATING, SB_LINK_ONLINE,	  SB_LINK_BACKOFF,   SB_LINK_FAILED,
};

static void connect_brings_it_up_from_any_state(void **state)
{
	struct link_fixture *f = *state;

	for (size_t i = 0; i < SB_ELEMENTS(all_states); i++) {
		enum sb_link_state target = all_states[i];
		bool rests = target == SB_LINK_DISABLED || target == SB_LINK_BACKOFF ||
			     target == SB_LINK_FAILED;
		unsigned int logins;

		link_make(f, NULL);
		reach(f, target);
		link_expect_state(f, target);
		logins = script.logins;
		assert_int_equal(sb_link_connect(f->link, &f->error), 0);
		if (!rests)
			link_expect_state(f, target);
		link_pass(f, SB_PACE_USEC);
		assert_int_equal(script.logins, logins + (rests || target == SB_LINK_STARTING));
		link_unmake(f);
	}
}

static void disconnect_takes_it_down_from_any_state(void **state)
{
	struct link_fixture *f = *state;

	for (size_t i = 0; i < SB_ELEMENTS(all_states); i++) {
		unsigned int logins;

		link_make(f, NULL);
		reach(f, all_states[i]);
		link_expect_state(f, all_states[i]);
		assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
		link_expect_state(f, SB_LINK_DISABLED);
		link_expect_reason(f, "disconnected by request");
		assert_null(fake_network.channel);
		assert_int_equal(fake_requests(), 0);
		logins = script.logins;
		link_pass(f, 60 * MINUTE);
		link_expect_state(f, SB_LINK_DISABLED);
		assert_int_equal(script.logins, logins);
		assert_int_equal(sb_link_connect(f->link, &f->error), 0);
		link_come_up(f);
		link_unmake(f);
	}
}

static void the_traffic_of_all_sessions_adds_up(void **state)
{
	struct link_fixture *f = *state;

	fake_network.traffic = (struct sb_traffic){ .sent = 100, .received = 7 };
	link_bring_up(f);
	assert_int_equal(link_status(f)->traffic.sent, 100);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	assert_int_equal(link_status(f)->traffic.sent, 100);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
	assert_int_equal(link_status(f)->traffic.sent, 200);
	assert_int_equal(link_status(f)->traffic.received, 14);
}

static void expect_logins(struct link_fixture *f, unsigned int succeeded, unsigned int refused,
			  unsigned int failed)
{
	const uint64_t *logins = link_status(f)->counts.logins;

	assert_int_equal(logins[SB_LOGIN_SUCCEEDED], succeeded);
	assert_int_equal(logins[SB_LOGIN_REFUSED], refused);
	assert_int_equal(logins[SB_LOGIN_FAILED], failed);
}

static void logins_are_counted_by_what_came_of_them(void **state)
{
	struct link_fixture *f = *state;

	script.fail_kind = SKYBUS_CREDENTIALS;
	sb_link_start(f->link);
	refuse_login(f);
	expect_logins(f, 0, 1, 0);
	(void)wait_for_login(f);
	script.fail_kind = SKYBUS_TRANSIENT;
	refuse_login(f);
	expect_logins(f, 0, 1, 1);
	(void)wait_for_login(f);
	link_come_up(f);
	expect_logins(f, 1, 1, 1);
	/* A session that is lost later was a login's that had succeeded. */
	fake_break(-ECONNRESET, "ended");
	expect_logins(f, 1, 1, 1);
}

static void round_trips_are_measured(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_publish(f, "m1");
	link_pass(f, 7 * SB_USEC_PER_MSEC);
	link_answer(f, "m1", OK);
	assert_in_range(link_status(f)->counts.round_trips.sum_usec, 7 * SB_USEC_PER_MSEC,
			8 * SB_USEC_PER_MSEC);
	assert_int_equal(link_status(f)->counts.round_trips.counts[1], 1);
	assert_int_equal(link_status(f)->queue.causes[SB_CAUSE_DELIVERED], 1);
	assert_int_equal(link_status(f)->window, 2);
}

/* ---- going ---- */

static void it_may_go_in_any_state(void **state)
{
	struct link_fixture *f = *state;

	for (size_t i = 0; i < SB_ELEMENTS(all_states); i++) {
		link_make(f, NULL);
		reach(f, all_states[i]);
		link_unmake(f);
		assert_null(fake_network.channel);
		link_pass(f, 60 * MINUTE);
	}
	assert_null(sb_link_free(NULL));
}

static void it_may_go_while_much_is_outstanding(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	script.terms.keepalive_s = 10;
	link_publish_many(f, 1, 3);
	assert_int_equal(link_request(f, "r", MINUTE), 0);
	assert_int_equal(script_send("/own"), 0);
	assert_true(script_start_timer(1000) > 0);
	assert_int_equal(script_store("key", "value"), 0);
	link_unmake(f);
	assert_string_equal(f->requested, "NotOnline ");
	link_pass(f, 60 * MINUTE);
	assert_int_equal(script.replied, 0);
	assert_int_equal(script.fired, 0);
	assert_int_equal(script.stored, 0);
	/* And what it was to send is there for the next. */
	link_make(f, NULL);
	link_bring_up(f);
	link_answer_all(f, OK);
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: 3:delivered:2.04: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)
#define WITHOUT_LINK(name) \
	cmocka_unit_test_setup_teardown(name, link_fixture_setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_comes_up_through_all_states),
		TEST(it_begins_at_its_turn),
		TEST(disconnect_gives_its_turn_up),
		WITHOUT_LINK(a_disabled_one_waits_for_connect),
		WITHOUT_LINK(a_wrong_configuration_stores_all_the_same),
		WITHOUT_LINK(a_plugin_that_refuses_makes_it_failed),
		TEST(a_name_that_does_not_resolve_means_back_off),
		TEST(a_session_that_does_not_open_means_back_off),
		TEST(a_session_that_breaks_amid_the_login_means_back_off),
		TEST(a_session_that_breaks_later_means_back_off),
		TEST(a_login_without_answer_is_explained),
		TEST(a_configuration_that_the_cloud_refuses_means_failed),
		TEST(credentials_refused_thrice_mean_failed),
		TEST(a_cloud_that_says_later_at_the_login_is_left_alone_for_so_long),
		TEST(a_login_that_succeeds_forgives_refusals),
		TEST(the_clouds_own_waiting_time_holds),
		TEST(the_back_off_grows_and_is_bounded),
		TEST(five_stable_minutes_reset_the_back_off),
		TEST(four_do_not),
		TEST(a_login_without_end_is_given_up),
		TEST(a_plugin_that_logs_in_without_a_session_fails),
		TEST(nor_does_one_that_could_not_be_opened_do),
		TEST(the_end_of_a_login_counts_once),
		TEST(a_login_that_expires_is_renewed_before),
		TEST(the_renewal_waits_for_what_is_under_way),
		TEST(a_keepalive_is_sent_after_silence_only),
		TEST(without_terms_nothing_is_kept_alive),
		WITHOUT_LINK(connect_brings_it_up_from_any_state),
		WITHOUT_LINK(disconnect_takes_it_down_from_any_state),
		TEST(the_traffic_of_all_sessions_adds_up),
		TEST(logins_are_counted_by_what_came_of_them),
		TEST(round_trips_are_measured),
		WITHOUT_LINK(it_may_go_in_any_state),
		TEST(it_may_go_while_much_is_outstanding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
