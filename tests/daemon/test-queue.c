/* SPDX-License-Identifier: Apache-2.0 */
/* Which message goes first, which one gives way, and how those end that were never sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"
#include "tests/daemon/outbox-fixture.h"

static bool no_memory;

/* In the place of the C library's. */
void *reallocarray(void *items, size_t n, size_t size)
{
	return no_memory ? NULL : realloc(items, n * size);
}

/* ---- Order ---- */

static void test_urgent_first(void **state)
{
	struct outbox_fixture *f = *state;

	publish_draft(f, &(struct draft){ .priority = SB_BULK });
	publish_draft(f, &(struct draft){ .priority = SB_URGENT });
	publish_draft(f, &(struct draft){ .priority = SB_NORMAL });
	publish_draft(f, &(struct draft){ .priority = SB_URGENT });
	outbox_fixture_settle(f);
	deliver(f, take(f, 2));
	deliver(f, take(f, 4));
	deliver(f, take(f, 3));
	deliver(f, take(f, 1));
	assert_null(sb_queue_take(f->queue));
}

static void test_owner_is_told_to_try_again(void **state)
{
	struct outbox_fixture *f = *state;
	unsigned int n_changed;
	const struct sb_message *message;

	publish(f, 1);
	outbox_fixture_settle(f);
	no_memory = true;
	message = sb_queue_take(f->queue);
	no_memory = false;
	assert_null(message);
	n_changed = f->n_changed;
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	assert_int_not_equal(f->n_changed, n_changed);
	deliver(f, take(f, 1));
}

static void test_tickets_order_both_durabilities(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 1);
	publish_draft(f, &(struct draft){ .in_memory = true });
	publish(f, 1);
	outbox_fixture_settle(f);
	deliver(f, take(f, 1));
	deliver(f, take(f, 2));
	deliver(f, take(f, 3));
}

/* ---- In memory ---- */

/* The disk does not answer: nothing completes until the end. */
static void test_memory_flows_while_the_disk_stalls(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 1);
	for (uint64_t ticket = 2; ticket <= 1001; ticket++) {
		f->published[0] = '\0';
		f->settled[0] = '\0';
		publish_draft(f, &(struct draft){ .in_memory = true });
		assert_string_equal(f->published, "");
		outbox_fixture_tasks(f);
		assert_int_equal(strtoull(f->published, NULL, 10), ticket);
		assert_int_equal(stats(f).queued, 1);
		deliver(f, take(f, ticket));
		assert_string_equal(f->settled, "");
		outbox_fixture_tasks(f);
		assert_non_null(strstr(f->settled, "delivered 2.04"));
		assert_int_equal(stats(f).queued, 0);
	}
	assert_int_equal(lookup(f, 1001), SB_DELIVERED);
	assert_int_equal(lookup(f, 900), SB_DELIVERED);
	f->published[0] = '\0';
	outbox_fixture_settle(f);
	assert_string_equal(f->published, "1 ");
	assert_int_equal(lookup(f, 2), -ENOENT);
}

static void test_memory_is_lost_and_counted(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *message;

	publish(f, 1);
	publish_draft(f, &(struct draft){ .in_memory = true });
	publish_draft(f, &(struct draft){ .in_memory = true });
	outbox_fixture_settle(f);
	assert_int_equal(lookup(f, 3), SB_STORED);
	sb_queue_give_back(f->queue, take(f, 1));
	deliver(f, take(f, 1));
	message = take(f, 2);
	assert_int_equal(lookup(f, 2), SB_IN_FLIGHT);
	f->causes[0] = '\0';

	sb_outbox_stop(f->outbox);
	assert_string_equal(f->causes, "3 held-in-memory, ");
	assert_int_equal(try_draft(f, &(struct draft){ .in_memory = true }), -EIO);
	sb_queue_give_back(f->queue, message);
	outbox_fixture_tasks(f);
	assert_string_equal(f->causes, "3 held-in-memory, 2 held-in-memory, ");
	assert_non_null(strstr(f->settled, "held in memory only, and skybusd ended"));
	outbox_fixture_settle(f);
	assert_int_equal(losses(f, SB_CAUSE_STOPPED), 2);
	assert_int_equal(stats(f).queued, 0);
}

static void test_memory_tickets_are_not_reused(void **state)
{
	struct outbox_fixture *f = *state;

	publish_draft(f, &(struct draft){ .in_memory = true });
	outbox_fixture_settle(f);
	outbox_fixture_close(f);
	outbox_fixture_open(f);
	f->published[0] = '\0';
	publish_draft(f, &(struct draft){ .in_memory = true });
	outbox_fixture_tasks(f);
	assert_string_equal(f->published, "2 ");
}

static void test_memory_bounds(void **state)
{
	struct outbox_fixture *f = *state;
	const struct sb_queue_limits limits = {
		.messages = 10, .bytes = 1000, .memory_messages = 2, .memory_bytes = 30
	};

	outbox_fixture_limit(f, &limits);
	publish_draft(f, &(struct draft){ .in_memory = true });
	assert_int_equal(try_draft(f, &(struct draft){ .in_memory = true, .payload_len = 30 }),
			 -ENOBUFS);
	assert_non_null(strstr(f->error.text, "memory_bytes is 30"));
	publish_draft(f, &(struct draft){ .in_memory = true });
	assert_int_equal(try_draft(f, &(struct draft){ .in_memory = true }), -ENOBUFS);
	assert_non_null(strstr(f->error.text, "memory_messages is 2"));
	publish(f, 1);
}

/* ---- Time to live ---- */

static void test_late_when_taken(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *message;

	publish_draft(f, &(struct draft){ .ttl_s = 60 });
	publish_draft(f, &(struct draft){ .ttl_s = 61, .in_memory = true });
	publish(f, 1);
	outbox_fixture_settle(f);
	message = take(f, 1);
	/* The timer fires with the disk stalled: only what is in memory ends by it. */
	sb_loop_advance(f->loop, 62 * SB_USEC_PER_SEC);
	assert_string_equal(f->causes, "2 ttl, ");
	assert_non_null(strstr(f->settled, "not delivered within its 61 s"));
	sb_queue_give_back(f->queue, message);
	outbox_fixture_settle(f);
	assert_non_null(strstr(f->settled, "1 expired  not delivered within its 60 s"));
	deliver(f, take(f, 3));
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 0);
	assert_int_equal(losses(f, SB_CAUSE_TTL), 2);
}

static void test_late_in_window_when_taken(void **state)
{
	struct outbox_fixture *f = *state;

	publish_draft(f, &(struct draft){ .ttl_s = 1 });
	publish(f, 1);
	outbox_fixture_settle(f);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	deliver(f, take(f, 2));
	outbox_fixture_settle(f);
	assert_string_equal(f->causes, "1 ttl, 2 delivered, ");
}

/* Nobody takes anything; all of them end within a second of their time. */
static void test_late_on_disk(void **state)
{
	struct outbox_fixture *f = *state;

	for (int i = 0; i < 600; i++)
		publish_draft(f, &(struct draft){ .ttl_s = 10 });
	publish_draft(f, &(struct draft){ .ttl_s = 3 });
	publish_draft(f, &(struct draft){ .ttl_s = 300 });
	publish(f, 1);
	outbox_fixture_settle(f);
	outbox_fixture_pass(f, 2999);
	assert_int_equal(f->n_settled, 0);
	outbox_fixture_pass(f, 1001);
	assert_int_equal(f->n_settled, 1);
	outbox_fixture_pass(f, 7000);
	assert_int_equal(f->n_settled, 601);
	outbox_fixture_pass(f, 288000);
	assert_int_equal(f->n_settled, 601);
	outbox_fixture_pass(f, 2001);
	assert_int_equal(f->n_settled, 602);
	assert_int_equal(stats(f).queued, 1);
	assert_null(sb_queue_take(f->queue)); /* all that was in memory has ended */
	outbox_fixture_settle(f);
	deliver(f, take(f, 603));
	assert_null(sb_queue_take(f->queue));
}

/* Those in flight come first when the disk is searched, and are left alone. */
static void test_late_behind_many_in_flight(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *taken[300];
	unsigned int n_late;

	for (size_t i = 0; i < SB_ELEMENTS(taken); i++) {
		publish_draft(f, &(struct draft){ .ttl_s = 5 });
		outbox_fixture_settle(f);
		taken[i] = take(f, i + 1);
	}
	publish_draft(f, &(struct draft){ .ttl_s = 6 });
	publish_draft(f, &(struct draft){ .ttl_s = 6 });
	outbox_fixture_pass(f, 10 * 1000);
	n_late = f->n_settled;
	for (size_t i = 0; i < SB_ELEMENTS(taken); i++)
		deliver(f, taken[i]);
	assert_int_equal(n_late, 2);
	assert_int_equal(losses(f, SB_CAUSE_TTL), 2);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 0);
}

static void test_late_after_a_restart(void **state)
{
	struct outbox_fixture *f = *state;

	publish_draft(f, &(struct draft){ .ttl_s = 100 });
	outbox_fixture_settle(f);
	outbox_fixture_close(f);
	outbox_fixture_open(f);
	outbox_fixture_pass(f, 98000);
	assert_int_equal(f->n_settled, 0);
	outbox_fixture_pass(f, 4000);
	assert_string_equal(f->causes, "1 ttl, ");
}

/* ---- Replacing ---- */

static void test_replaced(void **state)
{
	struct outbox_fixture *f = *state;
	const struct draft state_of = { .topic = "state", .replaces = true };
	struct sb_message *message;

	publish_draft(f, &state_of);
	publish_draft(f, &(struct draft){ .topic = "other", .replaces = true });
	publish_draft(f, &(struct draft){ .topic = "state" });
	outbox_fixture_settle(f);
	message = take(f, 1);
	publish_draft(f, &state_of);
	publish_draft(f, &state_of);
	outbox_fixture_settle(f);
	assert_string_equal(f->causes, "4 replaced, ");
	assert_non_null(strstr(f->settled, "replaced by ticket 5"));
	sb_queue_give_back(f->queue, message);
	outbox_fixture_settle(f);
	assert_string_equal(f->causes, "4 replaced, 1 replaced, ");
	deliver(f, take(f, 2));
	deliver(f, take(f, 3));
	deliver(f, take(f, 5));
	assert_int_equal(losses(f, SB_CAUSE_REPLACED), 2);
}

static void test_replaced_in_memory(void **state)
{
	struct outbox_fixture *f = *state;
	const struct draft held = { .topic = "state", .replaces = true, .in_memory = true };
	const struct draft stored = { .topic = "state", .replaces = true };
	struct sb_message *message;

	publish_draft(f, &held);
	message = take(f, 1);
	publish_draft(f, &held);
	publish_draft(f, &stored);
	publish_draft(f, &held);
	outbox_fixture_tasks(f);
	assert_string_equal(f->causes, "2 replaced, ");
	sb_queue_give_back(f->queue, message);
	outbox_fixture_settle(f);
	assert_string_equal(f->causes, "2 replaced, 1 replaced, ");
	deliver(f, take(f, 3));
	deliver(f, take(f, 4));
}

/* ---- Dropping the oldest ---- */

static void test_oldest_is_dropped(void **state)
{
	struct outbox_fixture *f = *state;
	const struct sb_queue_limits limits = { .messages = 3, .bytes = 1000, .drop_oldest = true };

	outbox_fixture_limit(f, &limits);
	publish_draft(f, &(struct draft){ .priority = SB_URGENT });
	publish_draft(f, &(struct draft){ .priority = SB_NORMAL });
	publish_draft(f, &(struct draft){ .priority = SB_NORMAL });
	outbox_fixture_settle(f);
	assert_int_equal(try_draft(f, &(struct draft){ .priority = SB_BULK }), -ENOBUFS);
	publish_draft(f, &(struct draft){ .priority = SB_NORMAL });
	/* The end of 2 is not on disk yet, and is not counted: 3 goes, not more. */
	publish_draft(f, &(struct draft){ .priority = SB_URGENT });
	assert_int_equal(try_draft(f, &(struct draft){ .priority = SB_NORMAL }), -ENOBUFS);
	outbox_fixture_settle(f);
	assert_string_equal(f->causes, "2 evicted, 3 evicted, ");
	assert_int_equal(stats(f).queued, 3);
	assert_int_equal(losses(f, SB_CAUSE_EVICTED), 2);
	deliver(f, take(f, 1));
	deliver(f, take(f, 5));
	deliver(f, take(f, 4));
}

/* What is lowest is on disk only: nothing above it goes instead. */
static void test_nothing_higher_is_dropped(void **state)
{
	struct outbox_fixture *f = *state;
	const struct sb_queue_limits limits = { .messages = 71,
						.bytes = 9999,
						.drop_oldest = true };

	outbox_fixture_limit(f, &limits);
	for (int i = 0; i < 70; i++)
		publish_draft(f, &(struct draft){ .priority = SB_BULK });
	publish_draft(f, &(struct draft){ .priority = SB_NORMAL });
	outbox_fixture_settle(f);
	for (int i = 0; i < 64; i++)
		publish_draft(f, &(struct draft){ .priority = SB_URGENT });
	assert_int_equal(try_draft(f, &(struct draft){ .priority = SB_URGENT }), -ENOBUFS);
	outbox_fixture_settle(f);
	publish_draft(f, &(struct draft){ .priority = SB_URGENT });
	outbox_fixture_settle(f);
	assert_string_equal(f->settled,
			    "plant :1.7 65 expired  the queue was full, and when_full is "
			    "drop_oldest");
	assert_int_equal(losses(f, SB_CAUSE_EVICTED), 65);
	assert_int_equal(stats(f).queued, 71);
}

static void test_large_one_drops_many_or_none(void **state)
{
	struct outbox_fixture *f = *state;
	const struct sb_queue_limits limits = { .messages = 9, .bytes = 40, .drop_oldest = true };

	outbox_fixture_limit(f, &limits);
	publish(f, 4);
	outbox_fixture_settle(f);
	assert_int_equal(try_draft(f, &(struct draft){ .payload_len = 36 }), -ENOBUFS);
	assert_int_equal(stats(f).queued, 4);
	publish_draft(f, &(struct draft){ .payload_len = 20 });
	outbox_fixture_settle(f);
	assert_string_equal(f->causes, "1 evicted, 2 evicted, 3 evicted, ");
}

/* As many ends may be on their way to disk as messages may wait. */
static void test_ends_on_their_way_are_bounded(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_queue_limits limits = roomy;

	limits.messages = 2;
	limits.drop_oldest = true;
	outbox_fixture_limit(f, &limits);
	publish(f, 2);
	outbox_fixture_settle(f);
	publish_draft(f, &(struct draft){ .in_memory = true });
	publish_draft(f, &(struct draft){ .in_memory = true });
	assert_int_equal(try_draft(f, &(struct draft){ .in_memory = true }), -ENOBUFS);
	outbox_fixture_settle(f);
	publish_draft(f, &(struct draft){ .in_memory = true });
	assert_int_equal(stats(f).queued, 2);
}

/* ---- Calling back ---- */

static void test_cancelled(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *message;

	publish(f, 3);
	outbox_fixture_settle(f);
	message = take(f, 1);
	cancel(f, 1);
	outbox_fixture_tasks(f);
	assert_int_equal(f->too_late.code, SB_ERROR_TOO_LATE);
	assert_string_equal(f->too_late.text, "ticket 1 is on its way to the cloud");
	cancel(f, 2);
	outbox_fixture_settle(f);
	assert_true(f->cancelled);
	assert_string_equal(f->causes, "2 cancelled, ");
	deliver(f, message);
	outbox_fixture_settle(f);
	cancel(f, 1);
	outbox_fixture_settle(f);
	assert_string_equal(f->too_late.text, "ticket 1 has ended: delivered");
	cancel(f, 2);
	outbox_fixture_settle(f);
	assert_string_equal(f->too_late.text, "ticket 2 has ended: cancelled");
	cancel(f, 77);
	outbox_fixture_settle(f);
	assert_int_equal(f->too_late.code, SB_ERROR_NO_SUCH_TICKET);
	deliver(f, take(f, 3));
}

static void test_cancelled_in_memory(void **state)
{
	struct outbox_fixture *f = *state;

	publish_draft(f, &(struct draft){ .in_memory = true });
	cancel(f, 1);
	outbox_fixture_tasks(f);
	assert_true(f->cancelled);
	assert_string_equal(f->causes, "1 cancelled, ");
	cancel(f, 1);
	outbox_fixture_tasks(f);
	assert_string_equal(f->too_late.text, "ticket 1 has ended: cancelled");
	assert_null(sb_queue_take(f->queue));
}

static void test_only_the_owners_is_cancelled(void **state)
{
	static const uint32_t owner = 1000;
	static const uint32_t stranger = 1001;
	struct outbox_fixture *f = *state;

	publish_draft(f, &(struct draft){ .owner = owner, .in_memory = true });
	outbox_fixture_tasks(f);
	cancel_of(f, 1, &stranger);
	outbox_fixture_tasks(f);
	assert_false(f->cancelled);
	assert_int_equal(f->too_late.code, SB_ERROR_NOT_PERMITTED);
	assert_non_null(strstr(f->too_late.text, "ticket 1 is another user's"));
	cancel_of(f, 1, &owner);
	outbox_fixture_settle(f);
	assert_true(f->cancelled);
}

static void test_only_the_owners_is_cancelled_on_disk(void **state)
{
	static const uint32_t owner = 1000;
	static const uint32_t stranger = 1001;
	struct outbox_fixture *f = *state;

	publish_draft(f, &(struct draft){ .owner = owner });
	outbox_fixture_settle(f);
	outbox_fixture_close(f);
	outbox_fixture_open(f);
	cancel_of(f, 1, &stranger);
	outbox_fixture_settle(f);
	assert_false(f->cancelled);
	assert_int_equal(f->too_late.code, SB_ERROR_NOT_PERMITTED);
	cancel_of(f, 1, &owner);
	outbox_fixture_settle(f);
	assert_true(f->cancelled);
	assert_string_equal(f->causes, "1 cancelled, ");
}

/* The end is refused: the caller is told, and the message is not sent although it is on disk still. */
static void test_cancelled_on_a_full_disk(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 100);
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, true);
	cancel(f, 80);
	outbox_fixture_settle(f);
	assert_true(f->cancelled);
	for (uint64_t ticket = 1; ticket <= 79; ticket++) {
		deliver(f, take(f, ticket));
		outbox_fixture_settle(f);
	}
	deliver(f, take(f, 81));
	outbox_fixture_disk_is_full(f, false);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 19);
	assert_int_equal(lookup(f, 80), SB_CANCELLED);
}

/* What a fetch under way brings, and what it leaves, at each moment of its way. */
static void test_cancelled_unread(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 120);
	outbox_fixture_settle(f);
	assert_int_equal(f->queue->lanes[SB_BULK].unread, 120 - 64);
	cancel(f, 100);
	outbox_fixture_settle(f);
	assert_true(f->cancelled);
	assert_int_equal(f->queue->lanes[SB_BULK].unread, 120 - 64 - 1);
	for (uint64_t ticket = 1; ticket <= 50; ticket++)
		deliver(f, take(f, ticket)); /* hands a fetch over */
	cancel(f, 90); /* the search completes after the fetch */
	deliver(f, take(f, 51));
	outbox_fixture_settle(f);
	assert_true(f->cancelled);
	assert_int_equal(f->queue->lanes[SB_BULK].unread, 120 - 64 - 1 - 48);
	for (uint64_t ticket = 52; ticket <= 120; ticket++) {
		if (ticket == 90 || ticket == 100)
			continue;
		deliver(f, take(f, ticket));
		outbox_fixture_settle(f);
	}
	assert_null(sb_queue_take(f->queue));
	publish(f, 1);
	outbox_fixture_settle(f);
	deliver(f, take(f, 121));
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 0);
}

static void test_cancelled_without_its_link(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 3);
	outbox_fixture_settle(f);
	outbox_fixture_close(f);
	outbox_fixture_open(f);
	f->queue = sb_queue_free(f->queue);
	cancel(f, 2);
	outbox_fixture_settle(f);
	assert_true(f->cancelled);
	assert_int_equal(sb_queue_new(f->outbox, "plant", &roomy, NULL, NULL, &f->queue), 0);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 2);
	deliver(f, take(f, 1));
	deliver(f, take(f, 3));
	assert_null(sb_queue_take(f->queue));
}

/* ---- Accounts ---- */

static void test_account_outlives_a_restart(void **state)
{
	struct outbox_fixture *f = *state;
	const struct draft mine = { .owner = 1000 };

	f->accounts.messages = 2;
	outbox_fixture_close(f);
	outbox_fixture_open(f);
	publish_draft(f, &mine);
	publish_draft(f, &mine);
	outbox_fixture_settle(f);
	outbox_fixture_close(f);
	outbox_fixture_open(f);
	assert_int_equal(try_draft(f, &mine), -ENOBUFS);
	assert_non_null(strstr(f->error.text, "stored_messages is 2"));
	publish_draft(f, &(struct draft){ .owner = 1001 });
	deliver(f, sb_queue_take(f->queue));
	assert_int_equal(try_draft(f, &mine), -ENOBUFS);
	outbox_fixture_settle(f);
	deliver(f, sb_queue_take(f->queue));
	outbox_fixture_settle(f);
	publish_draft(f, &mine);
	assert_int_equal(try_draft(f, &(struct draft){ .owner = 1000, .in_memory = true }), 0);
	assert_int_equal(try_draft(f, &mine), -ENOBUFS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		OUTBOX_TEST(test_urgent_first),
		OUTBOX_TEST(test_owner_is_told_to_try_again),
		OUTBOX_TEST(test_tickets_order_both_durabilities),
		OUTBOX_TEST(test_memory_flows_while_the_disk_stalls),
		OUTBOX_TEST(test_memory_is_lost_and_counted),
		OUTBOX_TEST(test_memory_tickets_are_not_reused),
		OUTBOX_TEST(test_memory_bounds),
		OUTBOX_TEST(test_late_when_taken),
		OUTBOX_TEST(test_late_in_window_when_taken),
		OUTBOX_TEST(test_late_on_disk),
		OUTBOX_TEST(test_late_behind_many_in_flight),
		OUTBOX_TEST(test_late_after_a_restart),
		OUTBOX_TEST(test_replaced),
		OUTBOX_TEST(test_replaced_in_memory),
		OUTBOX_TEST(test_oldest_is_dropped),
		OUTBOX_TEST(test_nothing_higher_is_dropped),
		OUTBOX_TEST(test_large_one_drops_many_or_none),
		OUTBOX_TEST(test_ends_on_their_way_are_bounded),
		OUTBOX_TEST(test_cancelled),
		OUTBOX_TEST(test_cancelled_in_memory),
		OUTBOX_TEST(test_only_the_owners_is_cancelled),
		OUTBOX_TEST(test_only_the_owners_is_cancelled_on_disk),
		OUTBOX_TEST(test_cancelled_on_a_full_disk),
		OUTBOX_TEST(test_cancelled_unread),
		OUTBOX_TEST(test_cancelled_without_its_link),
		OUTBOX_TEST(test_account_outlives_a_restart),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
