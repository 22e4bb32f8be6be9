/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link does with a budget; its arithmetic is in test-budget.c. The box knows the time, and it is the first
 * minute of 2025, UTC, unless a test says otherwise.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/budget.h"
#include "daemon/clock.h"
#include "tests/daemon/fake-log.h"
#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define UNAUTHORIZED SKYBUS_CODE(4, 1)
#define KB 1000
#define HOUR (3600 * SB_USEC_PER_SEC)
#define DAY (24 * HOUR)

static const char *const daily[] = { "budget", "100 kB/day", NULL };
static const char *const larger[] = { "budget", "200 kB/day", NULL };

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	fake_log_reset();
	link_make(*state, daily);
	script.login = SCRIPT_REUSES;

	return 0;
}

/* Something is sent and answered, so that it looks. */
static void publish_and_answer(struct link_fixture *f, const char *payload)
{
	link_publish(f, payload);
	link_answer(f, payload, OK);
}

static void on_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	(void)ticket;
	assert_null(error);
}

static void publish_urgent(struct link_fixture *f, const char *payload)
{
	struct sb_message *message = sb_message_new("t", payload, strlen(payload), NULL);

	assert_non_null(message);
	message->priority = SB_URGENT;
	assert_int_equal(sb_link_publish(f->link, message, on_published, f, &f->error), 0);
	link_run(f);
}

/* Online, with nothing left. */
static void bring_up_and_spend(struct link_fixture *f)
{
	link_bring_up(f);
	link_publish(f, "m0");
	fake_network.wire->sent += 100 * KB;
	link_answer(f, "m0", OK);
	fake_network.sent[0] = '\0';
}

static void remake(struct link_fixture *f, const char *const *settings)
{
	link_unmake(f);
	link_fixture_reopen(f);
	link_make(f, settings);
}

/* ---- while it lasts ---- */

static void what_is_used_shows(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_network.wire->sent += 7;
	fake_network.wire->received += 5;
	assert_int_equal(link_status(f)->budget, 100 * KB);
	assert_int_equal(link_status(f)->budget_used, 12);
	publish_and_answer(f, "m1");
	assert_int_equal(link_status(f)->budget_used, 12);
	assert_int_equal(link_status(f)->budget_ends_ms,
			 SB_CLOCK_PLAUSIBLE_MS + INT64_C(24) * 3600 * 1000);
	assert_string_equal(link_status(f)->state_reason, "");
}

static void without_one_there_is_nothing_to_show(void **state)
{
	struct link_fixture *f = *state;

	remake(f, NULL);
	link_bring_up(f);
	fake_network.wire->sent += 10000 * KB;
	publish_and_answer(f, "m1");
	publish_and_answer(f, "m2");
	assert_int_equal(link_status(f)->budget, 0);
	assert_int_equal(link_status(f)->budget_used, 0);
	assert_int_equal(link_status(f)->budget_ends_ms, 0);
}

static void four_fifths_are_said_once(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	fake_network.wire->sent += 79 * KB;
	publish_and_answer(f, "m1");
	assert_int_equal(fake_log_count_events(SB_EVENT_BUDGET_LOW), 0);
	fake_network.wire->received += KB;
	publish_and_answer(f, "m2");
	publish_and_answer(f, "m3");
	assert_int_equal(fake_log_count_events(SB_EVENT_BUDGET_LOW), 1);
	assert_int_equal(fake_log_count_events(SB_EVENT_BUDGET_SPENT), 0);
}

/* ---- when it is spent ---- */

static void only_what_is_urgent_is_sent(void **state)
{
	struct link_fixture *f = *state;

	bring_up_and_spend(f);
	link_expect_state(f, SB_LINK_ONLINE);
	link_expect_reason(f, "the budget of 100 kB/day is spent");
	link_expect_reason(f, "2025-01-02 00:00");
	link_publish(f, "m1");
	link_expect_sent("");
	publish_urgent(f, "u1");
	link_expect_sent("u1 ");
	link_answer(f, "u1", OK);
	link_expect_sent("");
	assert_int_equal(link_status(f)->queue.queued, 1);
	assert_int_equal(fake_log_count_events(SB_EVENT_BUDGET_SPENT), 1);
}

static void the_next_period_sends_the_others(void **state)
{
	struct link_fixture *f = *state;

	bring_up_and_spend(f);
	link_publish(f, "m1");
	link_pass(f, DAY - HOUR);
	link_expect_sent("");
	link_pass(f, HOUR);
	link_expect_sent("m1 ");
	assert_string_equal(link_status(f)->state_reason, "");
	assert_int_equal(link_status(f)->budget_used, 0);
	link_answer(f, "m1", OK);
	/* And it is said anew. */
	link_publish(f, "m2");
	fake_network.wire->sent += 100 * KB;
	link_answer(f, "m2", OK);
	assert_int_equal(fake_log_count_events(SB_EVENT_BUDGET_SPENT), 2);
}

static void a_box_without_time_begins_no_period(void **state)
{
	struct link_fixture *f = *state;

	f->wall_ms = -SB_CLOCK_PLAUSIBLE_MS;
	remake(f, daily);
	bring_up_and_spend(f);
	link_expect_reason(f, "until the box knows what time it is");
	assert_int_equal(link_status(f)->budget_ends_ms, 0);
	link_publish(f, "m1");
	link_pass(f, 10 * DAY);
	link_expect_sent("");
	/* It has learnt it: what was used counts in that day, and no other. */
	f->wall_ms = SB_CLOCK_PLAUSIBLE_MS;
	link_pass(f, HOUR);
	link_expect_sent("");
	assert_true(link_status(f)->budget_ends_ms > 0);
	link_pass(f, DAY);
	link_expect_sent("m1 ");
}

static void requests_are_refused(void **state)
{
	struct link_fixture *f = *state;

	bring_up_and_spend(f);
	assert_int_equal(link_request(f, "r1", HOUR), -EDQUOT);
	assert_string_equal(sb_error_name(f->error.code), "BudgetSpent");
	assert_non_null(strstr(f->error.text, "budget"));
	link_expect_sent("");
}

/* One message at a time, so the request waits for its turn. */
static void so_are_those_that_wait_for_room(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	link_publish(f, "m1");
	assert_int_equal(link_request(f, "r1", HOUR), 0);
	fake_network.wire->sent += 100 * KB;
	link_answer(f, "m1", OK);
	link_expect_sent("m1 ");
	assert_string_equal(f->requested, "BudgetSpent ");
}

static void no_keepalive_is_sent(void **state)
{
	struct link_fixture *f = *state;

	script.terms.keepalive_s = 60;
	bring_up_and_spend(f);
	link_pass(f, 10 * HOUR);
	link_expect_sent("");
	link_pass(f, DAY - 10 * HOUR + 120 * SB_USEC_PER_SEC);
	link_expect_sent("/keepalive ");
}

static int32_t sent_by_timer;

static void pull(void)
{
	sent_by_timer = script_send("/pull");
}

static void a_plugin_asks_the_cloud_for_nothing_now_and_then(void **state)
{
	struct link_fixture *f = *state;

	script.fire = pull;
	link_bring_up(f);
	assert_true(script_start_timer(1000) > 0);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	assert_int_equal(sent_by_timer, 0);
	link_answer(f, "/pull", OK);
	link_publish(f, "m0");
	fake_network.wire->sent += 100 * KB;
	link_answer(f, "m0", OK);
	fake_network.sent[0] = '\0';
	assert_true(script_start_timer(1000) > 0);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	assert_int_equal(sent_by_timer, -EDQUOT);
	link_expect_sent("");
	/* What it asks for because of an answer may be a command, which the cloud waits for. */
	assert_int_equal(script_send("/command"), 0);
	link_expect_sent("/command ");
}

/* ---- logins ---- */

static void a_lost_session_rests(void **state)
{
	struct link_fixture *f = *state;
	unsigned int logins;

	bring_up_and_spend(f);
	link_publish(f, "m1");
	logins = script.logins;
	fake_break(-ECONNRESET, "ended");
	link_pass(f, 10 * HOUR);
	assert_int_equal(script.logins, logins);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "no login is made unless something urgent waits");
	/* Something urgent is worth one. */
	publish_urgent(f, "u1");
	link_come_up(f);
	assert_int_equal(script.logins, logins + 1);
	assert_non_null(strstr(fake_network.sent, "u1 "));
	assert_null(strstr(fake_network.sent, "m1 "));
	link_expect_reason(f, "only urgent messages are sent");
}

static void the_next_period_ends_the_rest(void **state)
{
	struct link_fixture *f = *state;

	bring_up_and_spend(f);
	fake_break(-ECONNRESET, "ended");
	link_pass(f, 10 * HOUR);
	link_publish(f, "m1");
	fake_network.sent[0] = '\0';
	link_pass(f, 14 * HOUR);
	link_come_up(f);
	assert_non_null(strstr(fake_network.sent, "m1 "));
}

/* However somebody asks for it. */
static void connect_does_not_spend_more(void **state)
{
	struct link_fixture *f = *state;
	unsigned int logins;

	bring_up_and_spend(f);
	logins = script.logins;
	assert_int_equal(sb_link_reauthenticate(f->link, &f->error), -EDQUOT);
	assert_non_null(strstr(f->error.text, "the budget of 100 kB/day is spent"));
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	link_pass(f, HOUR);
	link_expect_state(f, SB_LINK_DISABLED);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_pass(f, HOUR);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "no login is made");
	assert_int_equal(script.logins, logins);
	/* Whoever disconnects a link that rests has it disconnected. */
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	publish_urgent(f, "u1");
	link_pass(f, 2 * DAY);
	link_expect_state(f, SB_LINK_DISABLED);
	assert_int_equal(script.logins, logins);
}

static void a_login_that_is_about_to_expire_is_not_renewed(void **state)
{
	struct link_fixture *f = *state;
	unsigned int logins;

	script.terms.expires_s = 3600;
	bring_up_and_spend(f);
	logins = script.logins;
	link_pass(f, 2 * HOUR);
	assert_int_equal(script.logins, logins);
	link_expect_state(f, SB_LINK_ONLINE);
	/* The cloud wants one for an urgent message, and gets it. */
	publish_urgent(f, "u1");
	link_answer(f, "u1", UNAUTHORIZED);
	link_pass(f, SB_PACE_USEC);
	assert_int_equal(script.logins, logins + 1);
	link_answer(f, "/login", OK);
	link_answer(f, "u1", OK);
}

/* ---- over restarts and reloads ---- */

static void a_restart_forgets_nothing(void **state)
{
	struct link_fixture *f = *state;
	unsigned int logins;

	bring_up_and_spend(f);
	logins = script.logins;
	link_publish(f, "m1");
	remake(f, daily);
	sb_link_start(f->link);
	link_pass(f, HOUR);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(script.logins, logins);
	assert_int_equal(link_status(f)->budget_used, 100 * KB);
	assert_int_equal(fake_log_count_events(SB_EVENT_BUDGET_SPENT), 1);
	fake_network.sent[0] = '\0';
	link_pass(f, 23 * HOUR);
	link_come_up(f);
	assert_non_null(strstr(fake_network.sent, "m1 "));
}

static void a_larger_budget_releases_what_waits(void **state)
{
	struct link_fixture *f = *state;

	bring_up_and_spend(f);
	link_publish(f, "m1");
	remake(f, larger);
	link_bring_up(f);
	assert_string_equal(link_status(f)->state_reason, "");
	assert_int_equal(link_status(f)->budget, 200 * KB);
	assert_int_equal(link_status(f)->budget_used, 100 * KB);
	link_answer(f, "m1", OK);
	fake_network.wire->sent += 60 * KB;
	publish_and_answer(f, "m2");
	assert_int_equal(fake_log_count_events(SB_EVENT_BUDGET_LOW), 1);
}

/* The record is ahead of what was used, so the disk is not asked for each message. */
static void the_disk_is_asked_rarely(void **state)
{
	struct link_fixture *f = *state;
	struct sb_budget_record record;
	unsigned int changes = 0;
	uint64_t last = 0;
	size_t len;

	link_bring_up(f);
	for (unsigned int i = 0; i < 500; i++) {
		const uint8_t *data;

		f->published[0] = f->settled[0] = f->causes[0] = '\0';
		fake_network.sent[0] = '\0';
		fake_network.wire->sent += 100;
		publish_and_answer(f, "m");
		data = sb_store_value(f->parts.store, "plant", ".budget", &len);
		assert_non_null(data);
		assert_int_equal(len, sizeof(record));
		memcpy(&record, data, len);
		assert_true(record.used >= link_status(f)->budget_used);
		changes += record.used != last;
		last = record.used;
	}
	/* 50 kB, by steps of half of 4 kB. */
	assert_in_range(changes, 12, 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_used_shows),
		TEST(without_one_there_is_nothing_to_show),
		TEST(four_fifths_are_said_once),
		TEST(only_what_is_urgent_is_sent),
		TEST(the_next_period_sends_the_others),
		TEST(a_box_without_time_begins_no_period),
		TEST(requests_are_refused),
		TEST(so_are_those_that_wait_for_room),
		TEST(no_keepalive_is_sent),
		TEST(a_plugin_asks_the_cloud_for_nothing_now_and_then),
		TEST(a_lost_session_rests),
		TEST(the_next_period_ends_the_rest),
		TEST(connect_does_not_spend_more),
		TEST(a_login_that_is_about_to_expire_is_not_renewed),
		TEST(a_restart_forgets_nothing),
		TEST(a_larger_budget_releases_what_waits),
		TEST(the_disk_is_asked_rarely),
	};

	(void)setenv("TZ", "UTC0", 1);
	tzset();

	return cmocka_run_group_tests(tests, NULL, NULL);
}
