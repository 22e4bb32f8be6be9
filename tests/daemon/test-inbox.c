/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "daemon/message.h"
#include "skybus/plugin.h"
#include "tests/daemon/fake-log.h"
#include "tests/daemon/inbox-fixture.h"

static void acknowledge(struct inbox_fixture *f, struct inbox_consumer *consumer, uint64_t message,
			const char *outcome)
{
	f->acked[0] = '\0';
	inbox_ack(f, consumer, message);
	assert_string_equal(f->acked, "");
	inbox_settle(f);
	assert_string_equal(f->acked, outcome);
}

/* ---- Waiting ---- */

static void test_waits_for_its_app(void **state)
{
	struct inbox_fixture *f = *state;

	assert_non_null(inbox_open(f, "app", "#"));
	(void)inbox_deliver(f, "cmd/1", NULL);
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 2 14 0, ");

	inbox_attach(f, &f->app, "app");
	inbox_expect(&f->app, "1 2 ");
	assert_string_equal(f->app.topic, "plant cmd/2 on");
	assert_int_equal(f->app.last.content_format, SKYBUS_FORMAT_JSON);
	assert_int_equal(f->app.last.origin, SB_ORIGIN_CLOUD);
	assert_string_equal(inbox_list(f), "plant 1000 app # 2 14 0 attached, ");

	/* What comes while it is attached needs no asking. */
	(void)inbox_deliver(f, "cmd/3", NULL);
	inbox_expect(&f->app, "");
	inbox_settle(f);
	inbox_expect(&f->app, "3 ");
}

static void test_other_topics_do_not_wait(void **state)
{
	struct inbox_fixture *f = *state;

	assert_non_null(inbox_open(f, "app", "cmd/#"));
	(void)inbox_deliver(f, "elsewhere", NULL);
	(void)inbox_deliver(f, "cmd/1", NULL);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app cmd/# 1 7 0, ");
}

static void test_acknowledged_is_gone(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "app");
	(void)inbox_deliver(f, "cmd/1", NULL);
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);
	inbox_expect(&f->app, "1 2 ");
	acknowledge(f, &f->app, 1, "0 ");
	acknowledge(f, &f->app, 1, "-2 ");
	acknowledge(f, &f->app, 7, "-2 ");
	assert_string_equal(inbox_list(f), "plant 1000 app # 1 7 0 attached, ");

	inbox_restart(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 1 7 0, ");
	inbox_attach(f, &f->app, "app");
	inbox_expect(&f->app, "2r ");
	assert_string_equal(inbox_losses(f), "");
}

static void test_acknowledged_twice_at_once(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "app");
	(void)inbox_deliver(f, "cmd/1", NULL);
	inbox_settle(f);
	inbox_ack(f, &f->app, 1);
	assert_int_equal(sb_inbox_acknowledge(f->app.inbox, 1, NULL, NULL, &f->error), -ENOMSG);
	inbox_settle(f);
	assert_string_equal(f->acked, "0 ");
}

static void test_acknowledgements_are_bounded(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "app");
	for (uint64_t i = 1; i <= SB_INBOX_ACKNOWLEDGING_MAX; i++)
		inbox_ack(f, &f->app, i);
	assert_int_equal(sb_inbox_acknowledge(f->app.inbox, 1000, NULL, NULL, &f->error), -ENOBUFS);
	inbox_settle(f);
	acknowledge(f, &f->app, 1000, "-2 ");
}

/* By an app that has just come back and knows it, while that is being read for it. */
static void test_acknowledged_before_it_is_sent_again(void **state)
{
	struct inbox_fixture *f = *state;
	struct sb_inbox *inbox = inbox_open(f, "app", "#");

	(void)inbox_deliver(f, "cmd/1", NULL);
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);
	inbox_attach_to(&f->app, inbox);
	inbox_ack(f, &f->app, 1);
	inbox_settle(f);
	inbox_expect(&f->app, "2 ");
	assert_string_equal(f->acked, "0 ");
	assert_string_equal(inbox_list(f), "plant 1000 app # 1 7 0 attached, ");
}

/* ---- Redelivery ---- */

static void test_sent_again_after_a_while(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "app");
	(void)inbox_deliver(f, "cmd/1", NULL);
	inbox_settle(f);
	inbox_pass(f, 30 * SB_USEC_PER_SEC);
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);
	inbox_expect(&f->app, "1 2 ");
	inbox_pass(f, 30 * SB_USEC_PER_SEC - 1);
	inbox_expect(&f->app, "");
	inbox_pass(f, 1);
	inbox_expect(&f->app, "1r ");
	inbox_pass(f, 30 * SB_USEC_PER_SEC);
	inbox_expect(&f->app, "2r ");
	acknowledge(f, &f->app, 1, "0 ");
	acknowledge(f, &f->app, 2, "0 ");
	inbox_pass(f, 600 * SB_USEC_PER_SEC);
	inbox_expect(&f->app, "");
}

static void test_sent_at_once_to_who_takes_over(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "app");
	(void)inbox_deliver(f, "cmd/1", NULL);
	inbox_settle(f);
	inbox_expect(&f->app, "1 ");
	inbox_attach(f, &f->other, "app");
	assert_int_equal(f->app.ended, SB_INBOX_TAKEN_OVER);
	inbox_expect(&f->other, "1r ");
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);
	inbox_expect(&f->other, "2 ");
	inbox_expect(&f->app, "");
}

/* What is read for one consumer never reaches the next. */
static void test_taken_over_while_reading(void **state)
{
	struct inbox_fixture *f = *state;
	struct sb_inbox *inbox = inbox_open(f, "app", "#");

	(void)inbox_deliver(f, "cmd/1", NULL);
	inbox_settle(f);
	inbox_attach_to(&f->app, inbox);
	inbox_attach_to(&f->other, inbox);
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);
	inbox_expect(&f->app, "");
	inbox_expect(&f->other, "1 2 ");

	sb_inbox_detach(inbox);
	inbox_attach_to(&f->app, inbox);
	sb_inbox_detach(inbox);
	inbox_attach_to(&f->app, inbox);
	inbox_settle(f);
	inbox_expect(&f->app, "1r 2r ");
	f->other.inbox = NULL;
}

static void test_leaves_within_a_delivery(void **state)
{
	struct inbox_fixture *f = *state;

	assert_non_null(inbox_open(f, "app", "#"));
	(void)inbox_deliver(f, "cmd/1", NULL);
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);
	f->app.leaves = true;
	inbox_attach(f, &f->app, "app");
	inbox_expect(&f->app, "1 ");
	assert_string_equal(inbox_list(f), "plant 1000 app # 2 14 0, ");
}

static void test_consumer_that_takes_nothing(void **state)
{
	struct inbox_fixture *f = *state;

	f->app.refusal = -EAGAIN;
	inbox_attach(f, &f->app, "app");
	(void)inbox_deliver(f, "cmd/1", NULL);
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);
	f->app.refusal = 0;
	(void)inbox_deliver(f, "cmd/3", NULL);
	inbox_settle(f);
	inbox_expect(&f->app, "");
	inbox_pass(f, 60 * SB_USEC_PER_SEC);
	inbox_expect(&f->app, "1 2 3 ");

	f->app.refusal = -EAGAIN;
	(void)inbox_deliver(f, "cmd/4", NULL);
	inbox_settle(f);
	f->app.refusal = 0;
	inbox_pass(f, 60 * SB_USEC_PER_SEC);
	inbox_expect(&f->app, "1r 2r 3r 4 ");
}

/* ---- The window ---- */

static void test_no_more_than_so_many_are_ahead(void **state)
{
	struct inbox_fixture *f = *state;
	char got[512] = "";
	size_t len = 0;

	assert_non_null(inbox_open(f, "app", "#"));
	inbox_deliver_many(f, 100, 1);
	inbox_settle(f);
	inbox_attach(f, &f->app, "app");
	for (int i = 1; i <= SB_INBOX_AHEAD_MESSAGES; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%d ", i);
	inbox_expect(&f->app, got);

	/* The next are read when half of them are done with, the rest with the one after. */
	for (uint64_t i = 1; i < SB_INBOX_AHEAD_MESSAGES / 2; i++)
		acknowledge(f, &f->app, i, "0 ");
	inbox_expect(&f->app, "");
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	inbox_expect(&f->app, "");
	acknowledge(f, &f->app, SB_INBOX_AHEAD_MESSAGES / 2, "0 ");
	len = 0;
	for (int i = 65; i <= 96; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%d ", i);
	inbox_expect(&f->app, got);
	for (uint64_t i = 33; i <= 64; i++)
		acknowledge(f, &f->app, i, "0 ");
	inbox_expect(&f->app, "97 98 99 100 101 ");

	/* All is in the window again: what comes joins it. */
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	inbox_expect(&f->app, "102 ");
}

static void test_no_more_than_so_many_bytes_are_ahead(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "app");
	inbox_deliver_many(f, 20, SB_PAYLOAD_MAX);
	inbox_settle(f);
	inbox_expect(&f->app, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 ");
	for (uint64_t i = 1; i <= 8; i++)
		acknowledge(f, &f->app, i, "0 ");
	inbox_expect(&f->app, "16 17 18 19 20 ");
}

/* ---- Bounds ---- */

static void limit(struct inbox_fixture *f, uint64_t messages, bool drop_oldest)
{
	f->limits.messages = messages;
	f->limits.drop_oldest = drop_oldest;
	inbox_restart(f);
}

static void test_full_inbox_refuses(void **state)
{
	struct inbox_fixture *f = *state;
	SB_CLEANUP(sb_landing_free) struct sb_landing *landing = sb_landing_new();

	limit(f, 2, false);
	assert_non_null(inbox_open(f, "app", "#"));
	(void)inbox_deliver(f, "cmd/1", landing);
	(void)inbox_deliver(f, "cmd/2", landing);
	(void)inbox_deliver(f, "cmd/3", landing);
	inbox_settle(f);
	assert_int_equal(sb_landing_state(landing).held, 3);
	assert_int_equal(sb_landing_state(landing).failed, 1);
	assert_int_equal(sb_landing_state(landing).error, -ENOBUFS);
	assert_string_equal(inbox_list(f), "plant 1000 app # 2 14 1, ");
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-full 1, ");

	/* It is counted over restarts, and there is room again. */
	inbox_restart(f);
	inbox_attach(f, &f->app, "app");
	inbox_expect(&f->app, "1r 2r ");
	acknowledge(f, &f->app, 1, "0 ");
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 2 9 1 attached, ");
}

/* An app that is too slow, or away for ever, while messages come. */
static void test_a_full_inbox_is_in_the_log_each_hour(void **state)
{
	struct inbox_fixture *f = *state;

	fake_log_reset();
	limit(f, 2, false);
	assert_non_null(inbox_open(f, "app", "#"));
	for (unsigned int i = 0; i < 2 * 60; i++) {
		for (unsigned int j = 0; j < 5; j++)
			(void)inbox_deliver(f, "cmd/1", NULL);
		inbox_pass(f, 60 * SB_USEC_PER_SEC);
	}
	assert_int_equal(fake_log_count_events(SB_EVENT_INBOX_LOSES), 2);
	assert_int_equal(fake_log_count(LOG_INFO), 2);
	assert_string_equal(fake_log_last()->link, "plant");
	assert_non_null(strstr(fake_log_last()->text, "the inbox app of user 1000 cannot keep"));
}

static void test_full_of_bytes(void **state)
{
	struct inbox_fixture *f = *state;

	f->limits.bytes = 10;
	inbox_restart(f);
	assert_non_null(inbox_open(f, "app", "#"));
	inbox_deliver_many(f, 1, 5);
	inbox_deliver_many(f, 1, 4);
	inbox_deliver_many(f, 1, 3);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 2 10 1, ");
}

static void test_full_inbox_drops_its_oldest(void **state)
{
	struct inbox_fixture *f = *state;

	limit(f, 3, true);
	assert_non_null(inbox_open(f, "app", "#"));
	inbox_deliver_many(f, 8, 1);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 3 6 5, ");
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-full 5, ");
	inbox_attach(f, &f->app, "app");
	inbox_expect(&f->app, "6 7 8 ");

	/* What it was sent is left to it. */
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 3 6 6 attached, ");
	acknowledge(f, &f->app, 6, "0 ");
	inbox_deliver_many(f, 1, 1);
	inbox_settle(f);
	inbox_expect(&f->app, "10 ");
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-full 6, ");
}

static void test_drops_as_many_bytes_as_it_needs(void **state)
{
	struct inbox_fixture *f = *state;

	f->limits.bytes = 30;
	limit(f, 1000, true);
	assert_non_null(inbox_open(f, "app", "#"));
	inbox_deliver_many(f, 3, 9);
	inbox_deliver_many(f, 1, 14);
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 2 25 2, ");
	inbox_deliver_many(f, 1, 30); /* too large, whatever goes */
	inbox_settle(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 2 25 3, ");
}

/* ---- The disk ---- */

static void test_full_disk(void **state)
{
	struct inbox_fixture *f = *state;
	SB_CLEANUP(sb_landing_free) struct sb_landing *landing = sb_landing_new();

	inbox_attach(f, &f->app, "app");
	inbox_disk_is_full(f, true);
	(void)inbox_deliver(f, "cmd/1", landing);
	inbox_settle(f);
	assert_int_equal(sb_landing_state(landing).error, -ENOSPC);
	inbox_expect(&f->app, "");
	assert_string_equal(inbox_list(f), "plant 1000 app # 0 0 1 attached, ");
	(void)inbox_deliver(f, "cmd/2", NULL);
	inbox_settle(f);

	inbox_disk_is_full(f, false);
	(void)inbox_deliver(f, "cmd/3", NULL);
	inbox_settle(f);
	inbox_expect(&f->app, "3 ");
	inbox_pass(f, 10 * SB_USEC_PER_SEC);
	assert_string_equal(inbox_losses(f), "plant 1000 inbox-full 2, ");
	inbox_restart(f);
	assert_string_equal(inbox_list(f), "plant 1000 app # 1 7 2, ");
}

static void test_acknowledgement_that_the_disk_refuses(void **state)
{
	struct inbox_fixture *f = *state;

	inbox_attach(f, &f->app, "app");
	(void)inbox_deliver(f, "cmd/1", NULL);
	inbox_settle(f);
	inbox_disk_is_full(f, true);
	acknowledge(f, &f->app, 1, "-28 ");
	inbox_disk_is_full(f, false);
	inbox_pass(f, 60 * SB_USEC_PER_SEC);
	inbox_expect(&f->app, "1 1r ");
	acknowledge(f, &f->app, 1, "0 ");
}

/* ---- Answers ---- */

static void deliver_answerable(struct inbox_fixture *f, int64_t answer_by_ms)
{
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = "cmd",
		.content_format = SKYBUS_NO_FORMAT,
		.answer_by_ms = answer_by_ms,
	};

	(void)sb_hub_deliver(f->hub, &delivery);
	inbox_settle(f);
}

static void test_answer_is_awaited_until(void **state)
{
	struct inbox_fixture *f = *state;
	int64_t later_ms = sb_wall_clock_ms() + 3600000;

	assert_non_null(inbox_open(f, "app", "#"));
	deliver_answerable(f, later_ms);
	inbox_attach(f, &f->app, "app");
	assert_true(f->app.last.answer_by_ms == later_ms);
	deliver_answerable(f, 1000); /* that is over */
	inbox_expect(&f->app, "1 2 ");
	assert_true(f->app.last.answer_by_ms == 0);

	/* The daemon that waited for the answer is gone. */
	inbox_restart(f);
	f->app.leaves = true;
	inbox_attach(f, &f->app, "app");
	inbox_expect(&f->app, "1r ");
	assert_true(f->app.last.answer_by_ms == 0);
}

#define TEST(test) \
	cmocka_unit_test_setup_teardown(test, inbox_fixture_setup, inbox_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_waits_for_its_app),
		TEST(test_other_topics_do_not_wait),
		TEST(test_acknowledged_is_gone),
		TEST(test_acknowledged_twice_at_once),
		TEST(test_acknowledgements_are_bounded),
		TEST(test_acknowledged_before_it_is_sent_again),
		TEST(test_sent_again_after_a_while),
		TEST(test_sent_at_once_to_who_takes_over),
		TEST(test_taken_over_while_reading),
		TEST(test_leaves_within_a_delivery),
		TEST(test_consumer_that_takes_nothing),
		TEST(test_no_more_than_so_many_are_ahead),
		TEST(test_no_more_than_so_many_bytes_are_ahead),
		TEST(test_full_inbox_refuses),
		TEST(test_a_full_inbox_is_in_the_log_each_hour),
		TEST(test_full_of_bytes),
		TEST(test_full_inbox_drops_its_oldest),
		TEST(test_drops_as_many_bytes_as_it_needs),
		TEST(test_full_disk),
		TEST(test_acknowledgement_that_the_disk_refuses),
		TEST(test_answer_is_awaited_until),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
