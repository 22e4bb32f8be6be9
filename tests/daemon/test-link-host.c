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

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

static void settings_are_lent(void **state)
{
	uint32_t len = 99;

	(void)state;
	assert_string_equal(script.host->setting_text(script.link, "greeting"), "hello");
	assert_int_equal(script.host->setting_integer(script.link, "number"), 7);
	assert_string_equal(script.host->setting_text(script.link, "from"), "10.0.0.0/8");
	assert_null(script.host->setting_text(script.link, "nothing"));
	assert_null(script.host->setting_secret(script.link, "root", &len));
	assert_null(script.host->setting_secret(script.link, "nothing", &len));
	assert_int_equal(len, 0);
}

static void the_host_says_its_size(void **state)
{
	(void)state;
	assert_int_equal(script.host->size, sizeof(struct skybus_host));
	assert_true(SKYBUS_HAS(script.host, store_remove));
}

/* ---- sessions ---- */

static void a_session_is_opened_within_a_login_only(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(script_open_session(), -EBUSY);
	link_bring_up(f);
	assert_int_equal(script_open_session(), -EBUSY);
	link_expect_state(f, SB_LINK_ONLINE);
	fake_break(-ECONNRESET, "ended");
	assert_int_equal(script_open_session(), -EBUSY);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(fake_network.n_channels, 1);
}

static void a_session_that_cannot_be_is_told_at_once(void **state)
{
	struct link_fixture *f = *state;

	fake_network.open_error = -EINVAL;
	sb_link_start(f->link);
	link_run(f);
	link_expect_state(f, SB_LINK_FAILED);
	assert_string_equal(link_status(f)->state_reason, "no such session");
	assert_int_equal(script.opened_outcome, 1);
}

static void a_new_session_closes_the_old_one(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_connecting();
	fake_open();
	assert_int_equal(fake_requests(), 1);
	assert_int_equal(script_open_session(), 0);
	assert_int_equal(fake_requests(), 0);
	assert_int_equal(fake_network.n_channels, 2);
	link_expect_state(f, SB_LINK_RESOLVING);
	fake_connecting();
	fake_open();
	link_answer(f, "/login", OK);
	link_expect_state(f, SB_LINK_ONLINE);
}

/* Not sessions: of two for each login, the second would always get the same of two addresses. */
static void failures_move_on_to_the_next_address(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	assert_int_equal(fake_network.last_attempt, 0);
	assert_int_equal(script_open_session(), 0);
	assert_int_equal(fake_network.last_attempt, 0);
	fake_break(-ETIMEDOUT, "no answer");
	link_pass(f, 60 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 2);
	assert_int_equal(fake_network.last_attempt, 1);
}

/* ---- requests ---- */

static void a_plugin_sends_requests_of_its_own(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_int_equal(script_send("/own"), 0);
	link_expect_state(f, SB_LINK_ONLINE);
	assert_int_equal(link_find_request("/own")->timeout_usec, 30 * SB_USEC_PER_SEC);
	link_answer(f, "/own", OK);
	assert_int_equal(script.replied, 1);
	assert_int_equal(script.last_outcome, SKYBUS_ANSWERED);
	assert_int_equal(script_send("/own"), 0);
	fake_end(link_find_request("/own"), SKYBUS_TIMEOUT);
	assert_int_equal(script.last_outcome, SKYBUS_TIMEOUT);
	/* What becomes of it is the plugin's to judge; of the session it is not. */
	link_expect_state(f, SB_LINK_ONLINE);
	link_expect_sent("/own /own ping ");
	fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(script.replied, 2);
}

static void a_login_that_nobody_answers_is_its_plugins(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_connecting();
	fake_open();
	assert_int_equal(script_send("/own"), 0);
	fake_end(link_find_request("/own"), SKYBUS_TIMEOUT);
	link_expect_sent("/login /own ");
	/* A Reset is a sign of life. */
	link_answer(f, "/login", OK);
	assert_int_equal(script_send("/own"), 0);
	fake_end(link_find_request("/own"), SKYBUS_RESET);
	link_expect_sent("/own ");
}

static void requests_of_its_own_count_against_the_window(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_int_equal(script_send("/own"), 0);
	link_publish(f, "m1");
	link_expect_sent("/own ");
	link_answer(f, "/own", OK);
	link_expect_sent("m1 ");
}

static void a_new_login_makes_them_forgotten(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	script.login = SCRIPT_REUSES;
	link_publish(f, "m1");
	assert_int_equal(script_send("/own"), 0);
	link_answer(f, "m1", SKYBUS_CODE(4, 1));
	assert_non_null(link_find_request("/login"));
	link_answer(f, "/own", OK);
	assert_int_equal(script.replied, 0);
	link_answer(f, "/login", OK);
	link_expect_state(f, SB_LINK_ONLINE);
}

static void without_a_session_nothing_is_sent(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(script_send("/own"), -ENOTCONN);
	sb_link_start(f->link);
	link_run(f);
	assert_int_equal(script_send("/own"), -ENOTCONN);
	fake_connecting();
	assert_int_equal(script_send("/own"), -ENOTCONN);
	assert_int_equal(script.replied, 0);
}

static void a_request_that_was_filled_badly_is_not_sent(void **state)
{
	struct link_fixture *f = *state;
	struct skybus_request *request;

	link_bring_up(f);
	request = script.host->new_request(script.link);
	assert_non_null(request);
	script.host->request_option(request, 0, "x", 1);
	assert_int_equal(script.host->send_request(request, 0, NULL, NULL), -EINVAL);
	request = script.host->new_request(script.link);
	script.host->request_method(request, SKYBUS_GET);
	script.host->request_query(request, "a=b");
	script.host->request_uint(request, 17, 60);
	script.host->request_payload(request, "x", 1);
	script.host->request_note(request, 5);
	script.host->free_request(request);
	script.host->free_request(NULL);
	assert_int_equal(fake_requests(), 0);
}

static void a_session_that_ends_forgets_requests(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_int_equal(script_send("/own"), 0);
	assert_int_equal(script_send("/own"), 0);
	fake_break(-ECONNRESET, "ended");
	assert_int_equal(fake_requests(), 0);
	link_pass(f, 60 * SB_USEC_PER_SEC);
	assert_int_equal(script.replied, 0);
}

/* ---- fetches ---- */

static void begin_login(struct link_fixture *f)
{
	script.login = SCRIPT_HANGS;
	sb_link_start(f->link);
	link_run(f);
}

static void a_fetch_is_part_of_a_login(void **state)
{
	struct link_fixture *f = *state;

	assert_int_equal(script_fetch("https://a.example/"), -EBUSY);
	begin_login(f);
	assert_int_equal(script_fetch("https://a.example/"), 0);
	assert_string_equal(fake_web.url, "https://a.example/");
	assert_string_equal(fake_web.interface, "");
	assert_int_equal(script.fetched, 0);
	fake_fetched(200, "key");
	assert_int_equal(script.fetched, 1);
	assert_int_equal(script.last_status, 200);
	fake_web.error = -EINVAL;
	assert_int_equal(script_fetch("what?"), -EINVAL);
}

static void fetches_are_bounded(void **state)
{
	struct link_fixture *f = *state;

	begin_login(f);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(script_fetch("https://a.example/"), 0);
	assert_int_equal(script_fetch("https://a.example/"), -ENOSPC);
	fake_fetched(200, "");
	assert_int_equal(script_fetch("https://a.example/"), 0);
}

static void a_login_that_ends_forgets_its_fetches(void **state)
{
	struct link_fixture *f = *state;

	begin_login(f);
	assert_int_equal(script_fetch("https://a.example/"), 0);
	assert_int_equal(script_fetch("https://b.example/"), 0);
	script.fail_when_fetched = true;
	fake_fetched(404, "");
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(script.fetched, 1);
	assert_int_equal(fake_web.n_cancelled, 1);
	assert_int_equal(fake_web.n_fetches, 0);
}

static void a_new_login_forgets_fetches_too(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_connecting();
	fake_open();
	assert_int_equal(script_fetch("https://a.example/"), 0);
	link_answer(f, "/login", OK);
	link_expect_state(f, SB_LINK_ONLINE);
	assert_int_equal(fake_web.n_fetches, 1);
	script.login = SCRIPT_REUSES;
	link_publish(f, "m1");
	link_answer(f, "m1", SKYBUS_CODE(4, 1));
	link_pass(f, SB_PACE_USEC);
	assert_int_equal(script.logins, 2);
	assert_int_equal(fake_web.n_cancelled, 1);
	/* And the last one, with the link. */
	assert_int_equal(script_fetch("https://a.example/"), 0);
	link_unmake(f);
	assert_int_equal(fake_web.n_cancelled, 2);
	assert_int_equal(script.fetched, 0);
}

static void opening_a_session_leaves_fetches_alone(void **state)
{
	struct link_fixture *f = *state;

	begin_login(f);
	assert_int_equal(script_fetch("https://a.example/"), 0);
	assert_int_equal(script_open_session(), 0);
	assert_int_equal(fake_web.n_fetches, 1);
}

static void without_https_nothing_is_fetched(void **state)
{
	struct link_fixture *f = *state;

	link_unmake(f);
	f->parts.https = NULL;
	link_make(f, NULL);
	begin_login(f);
	assert_int_equal(script_fetch("https://a.example/"), -ENOTSUP);
}

static void all_goes_through_the_interface_of_the_link(void **state)
{
	static const char *const settings[] = { "interface", "wwan0", NULL };
	struct link_fixture *f = *state;

	link_unmake(f);
	link_make(f, settings);
	begin_login(f);
	assert_int_equal(script_open_session(), 0);
	assert_string_equal(fake_network.last_interface, "wwan0");
	assert_int_equal(script_fetch("https://a.example/"), 0);
	assert_string_equal(fake_web.interface, "wwan0");
	assert_int_equal(script_listen(5683, NULL), 0);
	assert_string_equal(fake_listening.interface, "wwan0");
	/* An interface that is not there may come: the next attempt sees. */
	fake_break(-ENODEV, "the box has no network interface wwan0");
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "no network interface wwan0");
	link_pass(f, 60 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 2);
}

/* ---- timers ---- */

static void timers_run_out_or_are_stopped(void **state)
{
	struct link_fixture *f = *state;
	int64_t first = script_start_timer(1000);
	int64_t second = script_start_timer(2000);
	int64_t third = script_start_timer(0);

	assert_true(first > 0 && second > first && third > second);
	assert_int_equal(script.fired, 0);
	link_pass(f, 1);
	assert_int_equal(script.fired, 1);
	script.host->timer_stop(script.link, second);
	script.host->timer_stop(script.link, second);
	script.host->timer_stop(script.link, third);
	script.host->timer_stop(script.link, 12345);
	link_pass(f, 5 * SB_USEC_PER_SEC);
	assert_int_equal(script.fired, 2);
}

static void timers_are_bounded(void **state)
{
	struct link_fixture *f = *state;

	for (unsigned int i = 0; i < 16; i++)
		assert_true(script_start_timer(1000) > 0);
	assert_int_equal(script_start_timer(1000), -ENOSPC);
	link_pass(f, SB_USEC_PER_SEC);
	assert_int_equal(script.fired, 16);
	assert_true(script_start_timer(1000) > 0);
}

static void a_plugin_that_refuses_leaves_nothing(void **state)
{
	struct link_fixture *f = *state;

	link_unmake(f);
	script.attach_error = -EINVAL;
	script.attach_reason = "";
	link_make(f, NULL);
	sb_link_start(f->link);
	link_expect_reason(f, "the plugin script refuses the settings: Invalid argument");
}

/* ---- memory ---- */

static void what_is_put_is_there_and_told_when_stored(void **state)
{
	struct link_fixture *f = *state;
	uint32_t len = 99;

	assert_null(script.host->store_get(script.link, "token", &len));
	assert_int_equal(len, 0);
	assert_int_equal(script_store("token", "abc"), 0);
	assert_int_equal(script.stored, 0);
	assert_memory_equal(script.host->store_get(script.link, "token", &len), "abc", 3);
	assert_int_equal(len, 3);
	link_run(f);
	assert_int_equal(script.stored, 1);
	assert_int_equal(script_store("", "abc"), -EINVAL);
	link_run(f);
	assert_int_equal(script.stored, 1);
	link_restart(f);
	assert_memory_equal(script.host->store_get(script.link, "token", &len), "abc", 3);
	assert_int_equal(script.host->store_remove(script.link, "token", NULL, NULL), 0);
	assert_null(script.host->store_get(script.link, "token", &len));
	link_restart(f);
	assert_null(script.host->store_get(script.link, "token", &len));
}

static void keys_with_a_dot_are_the_daemons(void **state)
{
	struct link_fixture *f = *state;
	uint32_t len = 99;

	assert_int_equal(sb_store_put(f->parts.store, "plant", ".mine", "abc", 3, NULL, NULL), 0);
	assert_null(script.host->store_get(script.link, ".mine", &len));
	assert_int_equal(len, 0);
	assert_int_equal(script_store(".mine", "xyz"), -EINVAL);
	assert_int_equal(script.host->store_remove(script.link, ".mine", NULL, NULL), -EINVAL);
	link_run(f);
	assert_int_equal(script.stored, 0);
	assert_int_equal(script_store("a.b", "xyz"), 0);
}

/* ---- commands ---- */

static void on_delivery(void *userdata, struct sb_subscription *subscription,
			const struct sb_delivery *delivery)
{
	char *got = userdata;

	(void)subscription;
	(void)snprintf(got, 64, "%s %s %.*s", delivery->link, delivery->topic,
		       (int)delivery->payload_len, (const char *)delivery->payload);
}

static void commands_reach_subscribers(void **state)
{
	struct link_fixture *f = *state;
	struct skybus_command command = {
		.size = sizeof(command),
		.topic = "cmd/go",
		.payload = (const uint8_t *)"now",
		.payload_len = 3,
		.content_format = SKYBUS_NO_FORMAT,
	};
	const struct sb_interest interest = {
		.link = "plant",
		.filter = "cmd/#",
		.origins = SB_FROM_CLOUD,
	};
	struct sb_subscription *subscription;
	char got[64] = "";

	assert_int_equal(script.host->deliver(script.link, &command), 0);
	assert_int_equal(sb_hub_subscribe(f->parts.hub, &interest, on_delivery, got, &subscription,
					  NULL),
			 0);
	assert_int_equal(script.host->deliver(script.link, &command), 1);
	assert_string_equal(got, "plant cmd/go now");
	(void)sb_subscription_free(subscription);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settings_are_lent),
		TEST(the_host_says_its_size),
		TEST(a_session_is_opened_within_a_login_only),
		TEST(a_session_that_cannot_be_is_told_at_once),
		TEST(a_new_session_closes_the_old_one),
		TEST(failures_move_on_to_the_next_address),
		TEST(a_plugin_sends_requests_of_its_own),
		TEST(a_login_that_nobody_answers_is_its_plugins),
		TEST(requests_of_its_own_count_against_the_window),
		TEST(a_new_login_makes_them_forgotten),
		TEST(without_a_session_nothing_is_sent),
		TEST(a_request_that_was_filled_badly_is_not_sent),
		TEST(a_session_that_ends_forgets_requests),
		TEST(a_fetch_is_part_of_a_login),
		TEST(fetches_are_bounded),
		TEST(a_login_that_ends_forgets_its_fetches),
		TEST(a_new_login_forgets_fetches_too),
		TEST(opening_a_session_leaves_fetches_alone),
		TEST(without_https_nothing_is_fetched),
		TEST(all_goes_through_the_interface_of_the_link),
		TEST(timers_run_out_or_are_stopped),
		TEST(timers_are_bounded),
		TEST(a_plugin_that_refuses_leaves_nothing),
		TEST(what_is_put_is_there_and_told_when_stored),
		TEST(keys_with_a_dot_are_the_daemons),
		TEST(commands_reach_subscribers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
