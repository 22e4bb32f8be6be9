/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define UNAUTHORIZED SKYBUS_CODE(4, 1)

#define MINUTE (60 * SB_USEC_PER_SEC)
#define KEY ".backoff"

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

/* Lets the link fail, which then has to wait for as long as the cloud says. */
static void fail_for(struct link_fixture *f, uint32_t wait_s)
{
	script.login = SCRIPT_FAILS;
	script.fail_wait_s = wait_s;
	sb_link_start(f->link);
	link_run(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	script.login = SCRIPT_OPENS;
	script.logins = 0;
}

static bool is_stored(struct link_fixture *f)
{
	size_t len;

	return sb_store_value(f->parts.store, "plant", KEY, &len) != NULL;
}

static void expect_login_after(struct link_fixture *f, uint64_t seconds)
{
	link_pass(f, (seconds - 1) * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 0);
	link_pass(f, 1 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);
}

/* ---- over a restart ---- */

static void a_restart_waits_for_the_rest(void **state)
{
	struct link_fixture *f = *state;

	fail_for(f, 300);
	link_pass(f, 100 * SB_USEC_PER_SEC);
	link_restart(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_string_equal(link_status(f)->state_reason,
			    "failing since before the restart: the cloud says no (next attempt in "
			    "200 s)");
	assert_string_equal(link_status(f)->last_error, "the cloud says no");
	expect_login_after(f, 200);
	link_come_up(f);
}

static void restart_upon_restart_waits_no_longer(void **state)
{
	struct link_fixture *f = *state;

	fail_for(f, 300);
	for (unsigned int i = 0; i < 9; i++) {
		link_pass(f, 30 * SB_USEC_PER_SEC);
		link_restart(f);
	}
	assert_int_equal(script.logins, 0);
	assert_in_range(link_announced_delay(f), 29, 30);
	/* And the sentence does not grow. */
	assert_string_equal(link_status(f)->last_error, "the cloud says no");
	expect_login_after(f, 30);
}

/* The box was off for no known time: what is left counts on from where the boot before ended. */
static void so_does_a_reboot(void **state)
{
	struct link_fixture *f = *state;

	f->wall_ms = 0;
	fail_for(f, 300);
	link_pass(f, 100 * SB_USEC_PER_SEC);
	link_reboot(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_in_range(link_announced_delay(f), 199, 201);
	expect_login_after(f, link_announced_delay(f));
}

static void what_was_waited_for_need_not_be_again(void **state)
{
	struct link_fixture *f = *state;

	fail_for(f, 300);
	script.login = SCRIPT_HANGS;
	link_pass(f, 310 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 1);
	link_restart(f);
	link_expect_state(f, SB_LINK_STARTING);
	link_run(f);
	assert_int_equal(script.logins, 2);
}

static void failures_count_on(void **state)
{
	struct link_fixture *f = *state;
	unsigned int longest = 0;

	script.login = SCRIPT_FAILS;
	sb_link_start(f->link);
	for (unsigned int i = 0; i < 12; i++)
		link_pass(f, 15 * MINUTE);
	for (unsigned int i = 0; i < 10; i++) {
		link_restart(f);
		link_pass(f, 15 * MINUTE);
		if (link_announced_delay(f) > longest)
			longest = link_announced_delay(f);
	}
	/* Ten draws between 1 and 900 s, all below 30 s: less likely than 1e-14. */
	assert_true(longest > 30);
}

static void a_long_reason_is_kept_as_far_as_there_is_room(void **state)
{
	struct link_fixture *f = *state;
	char reason[1000];

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	script.fail_reason = reason;
	fail_for(f, 300);
	link_restart(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	assert_int_equal(strlen(link_status(f)->last_error), 319);
	link_expect_reason(f, "x (next attempt in 300 s)");
}

/* ---- when it ends ---- */

static void five_stable_minutes_end_it(void **state)
{
	struct link_fixture *f = *state;

	fail_for(f, 2);
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	assert_true(is_stored(f));
	link_pass(f, 4 * MINUTE);
	assert_true(is_stored(f));
	link_pass(f, 1 * MINUTE);
	assert_false(is_stored(f));
	link_restart(f);
	link_expect_state(f, SB_LINK_STARTING);
	assert_false(is_stored(f));
}

static void nothing_is_written_when_nothing_changes(void **state)
{
	struct link_fixture *f = *state;
	uint64_t commits;

	script.terms.expires_s = 1000;
	script.login = SCRIPT_REUSES;
	link_bring_up(f);
	commits = sb_store_commits(f->parts.store);
	for (unsigned int i = 0; i < 3; i++) {
		link_pass(f, 902 * SB_USEC_PER_SEC);
		link_answer(f, "/login", OK);
	}
	assert_int_equal(sb_store_commits(f->parts.store), commits);
}

static void connect_waives_it(void **state)
{
	struct link_fixture *f = *state;

	fail_for(f, 300);
	link_restart(f);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_come_up(f);
	/* It is up: a restart now is no reason to wait. */
	link_restart(f);
	link_come_up(f);
	assert_true(is_stored(f));
}

static void one_that_failed_for_good_starts_afresh(void **state)
{
	struct link_fixture *f = *state;

	script.fail_kind = SKYBUS_CREDENTIALS;
	fail_for(f, 60);
	for (unsigned int i = 0; i < 2; i++) {
		link_pass(f, 60 * SB_USEC_PER_SEC);
		fake_connecting();
		fake_open();
		link_answer(f, "/login", UNAUTHORIZED);
	}
	link_expect_state(f, SB_LINK_FAILED);
	assert_false(is_stored(f));
	link_restart(f);
	link_come_up(f);
}

static void a_disabled_one_stays_so(void **state)
{
	static const char *const settings[] = { "enabled", "no", NULL };
	struct link_fixture *f = *state;

	fail_for(f, 300);
	link_unmake(f);
	link_make(f, settings);
	sb_link_start(f->link);
	link_pass(f, 600 * SB_USEC_PER_SEC);
	link_expect_state(f, SB_LINK_DISABLED);
	assert_int_equal(script.logins, 0);
}

/* Nobody has looked at the record before: it was disabled when the daemon started. */
static void connect_to_a_disabled_one_counts_on(void **state)
{
	static const char *const settings[] = { "enabled", "no", NULL };
	struct link_fixture *f = *state;
	unsigned int longest = 0;

	script.login = SCRIPT_FAILS;
	sb_link_start(f->link);
	for (unsigned int i = 0; i < 12; i++)
		link_pass(f, 15 * MINUTE);
	for (unsigned int i = 0; i < 10; i++) {
		link_unmake(f);
		link_make(f, settings);
		sb_link_start(f->link);
		assert_int_equal(sb_link_connect(f->link, &f->error), 0);
		link_run(f);
		link_expect_state(f, SB_LINK_BACKOFF);
		if (link_announced_delay(f) > longest)
			longest = link_announced_delay(f);
	}
	/* Ten draws between 1 and 900 s, all below 30 s: less likely than 1e-14. */
	assert_true(longest > 30);
}

/* A login that is short, and renewed before it ends, as was foreseen: nothing of that is a failure. */
static void renewals_do_not_begin_the_five_minutes_anew(void **state)
{
	struct link_fixture *f = *state;

	script.terms.expires_s = 200;
	fail_for(f, 2);
	script.login = SCRIPT_REUSES;
	link_pass(f, 2 * SB_USEC_PER_SEC);
	link_come_up(f);
	assert_true(is_stored(f));
	link_pass(f, 181 * SB_USEC_PER_SEC);
	link_answer(f, "/login", SKYBUS_CODE(2, 4));
	link_expect_state(f, SB_LINK_ONLINE);
	assert_true(is_stored(f));
	link_pass(f, 2 * MINUTE);
	link_expect_state(f, SB_LINK_ONLINE);
	assert_false(is_stored(f));
}

/* A login would only be cut short. */
static void one_that_waits_stays_down_when_the_daemon_is_about_to_end(void **state)
{
	struct link_fixture *f = *state;

	fail_for(f, 3);
	assert_false(sb_link_stop(f->link));
	link_pass(f, 10 * SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 0);
}

/* ---- garbage ---- */

static void replace_record(struct link_fixture *f, const void *data, size_t len)
{
	assert_int_equal(sb_store_put(f->parts.store, "plant", KEY, data, len, NULL, NULL), 0);
}

static void garbage_is_ignored(void **state)
{
	struct link_fixture *f = *state;
	uint8_t record[400];
	size_t len;

	fail_for(f, 300);
	memcpy(record, sb_store_value(f->parts.store, "plant", KEY, &len), 32);
	/* Too short, too long, another version. */
	for (unsigned int i = 0; i < 3; i++) {
		if (i == 2)
			record[0]++;
		replace_record(f, record, i == 0 ? 19 : i == 1 ? sizeof(record) : 32);
		link_restart(f);
		link_expect_state(f, SB_LINK_STARTING);
	}
	replace_record(f, "", 0);
	link_restart(f);
	link_expect_state(f, SB_LINK_STARTING);
}

/* The clock went back, as it may after a power cut. A wait in the far past is over. */
static void a_wait_is_never_longer_than_it_was(void **state)
{
	struct link_fixture *f = *state;
	uint8_t record[32];
	int64_t not_before;
	size_t len;

	fail_for(f, 300);
	memcpy(record, sb_store_value(f->parts.store, "plant", KEY, &len), sizeof(record));
	memcpy(&not_before, record + 8, sizeof(not_before));
	for (unsigned int i = 0; i < 2; i++) {
		int64_t wrong = i == 0 ? not_before + 60000 : INT64_MAX;

		memcpy(record + 8, &wrong, sizeof(wrong));
		replace_record(f, record, sizeof(record));
		link_restart(f);
		link_expect_state(f, SB_LINK_BACKOFF);
		assert_int_equal(link_announced_delay(f), 300);
	}
	not_before = INT64_MIN;
	memcpy(record + 8, &not_before, sizeof(not_before));
	replace_record(f, record, sizeof(record));
	link_restart(f);
	link_expect_state(f, SB_LINK_STARTING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_restart_waits_for_the_rest),
		TEST(restart_upon_restart_waits_no_longer),
		TEST(so_does_a_reboot),
		TEST(what_was_waited_for_need_not_be_again),
		TEST(failures_count_on),
		TEST(a_long_reason_is_kept_as_far_as_there_is_room),
		TEST(five_stable_minutes_end_it),
		TEST(nothing_is_written_when_nothing_changes),
		TEST(connect_waives_it),
		TEST(one_that_failed_for_good_starts_afresh),
		TEST(a_disabled_one_stays_so),
		TEST(connect_to_a_disabled_one_counts_on),
		TEST(renewals_do_not_begin_the_five_minutes_anew),
		TEST(one_that_waits_stays_down_when_the_daemon_is_about_to_end),
		TEST(garbage_is_ignored),
		TEST(a_wait_is_never_longer_than_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
