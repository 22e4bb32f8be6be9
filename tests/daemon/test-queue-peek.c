/* SPDX-License-Identifier: Apache-2.0 */
/* What goes next, seen before it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/queue.h"
#include "tests/daemon/outbox-fixture.h"

#define MOST 80

/* Their tickets, in the order in which they would go. */
static void expect_next(struct outbox_fixture *f, size_t max, const uint64_t *tickets, size_t n)
{
	struct sb_message *messages[MOST];

	assert_int_equal(sb_queue_peek(f->queue, messages, max), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(messages[i]->ticket, tickets[i]);
}

static void test_all_priorities(void **state)
{
	static const uint64_t order[] = { 3, 2, 4, 5, 1 };
	struct outbox_fixture *f = *state;

	publish_draft(f, &(struct draft){ .priority = SB_BULK });
	publish_draft(f, &(struct draft){ .priority = SB_NORMAL });
	publish_draft(f, &(struct draft){ .priority = SB_URGENT });
	publish_draft(f, &(struct draft){ .priority = SB_NORMAL, .in_memory = true });
	publish_draft(f, &(struct draft){ .priority = SB_NORMAL });
	outbox_fixture_settle(f);
	for (size_t max = 0; max <= 8; max++)
		expect_next(f, max, order, max < 5 ? max : 5);
	assert_int_equal(stats(f).in_flight, 0);
	for (size_t i = 0; i < 5; i++)
		deliver(f, take(f, order[i]));
	expect_next(f, 8, NULL, 0);
}

static void test_one_of_them_is_taken(void **state)
{
	static const uint64_t all[] = { 1, 2, 3 };
	static const uint64_t rest[] = { 1, 3 };
	struct outbox_fixture *f = *state;
	struct sb_message *messages[MOST];

	publish(f, 3);
	outbox_fixture_settle(f);
	assert_int_equal(sb_queue_peek(f->queue, messages, MOST), 3);
	assert_int_equal(sb_queue_take_this(f->queue, messages[1]), 0);
	expect_next(f, MOST, rest, 2);
	assert_int_equal(stats(f).in_flight, 1);
	sb_queue_give_back(f->queue, messages[1]);
	expect_next(f, MOST, all, 3);
	deliver_all(f, 1, 3);
}

/* What is over ends, and hides nothing that is behind it. */
static void test_late_ones_end(void **state)
{
	static const uint64_t left[] = { 1, 4 };
	struct outbox_fixture *f = *state;

	publish(f, 1);
	publish_draft(f, &(struct draft){ .ttl_s = 1 });
	publish_draft(f, &(struct draft){ .ttl_s = 1, .in_memory = true });
	publish(f, 1);
	outbox_fixture_settle(f);
	/* With the disk stalled: only what is in memory has ended by itself. */
	sb_loop_advance(f->loop, 2 * SB_USEC_PER_SEC);
	assert_string_equal(f->causes, "3 ttl, ");
	expect_next(f, 2, left, 2);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).ended[SB_EXPIRED], 2);
	deliver(f, take(f, 1));
	deliver(f, take(f, 4));
}

/* What is beyond the part in memory comes when that part has gone. */
static void test_long_queue(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *messages[MOST];
	uint64_t ticket = 1;
	size_t n;

	publish(f, 200);
	outbox_fixture_settle(f);
	while ((n = sb_queue_peek(f->queue, messages, MOST)) > 0) {
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(messages[i]->ticket, ticket++);
			assert_int_equal(sb_queue_take_this(f->queue, messages[i]), 0);
		}
		for (size_t i = 0; i < n; i++)
			deliver(f, messages[i]);
		outbox_fixture_settle(f);
	}
	assert_int_equal(ticket, 201);
	assert_int_equal(stats(f).queued, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		OUTBOX_TEST(test_all_priorities),
		OUTBOX_TEST(test_one_of_them_is_taken),
		OUTBOX_TEST(test_late_ones_end),
		OUTBOX_TEST(test_long_queue),
	};

	return cmocka_run_group_tests_name("queue-peek", tests, NULL, NULL);
}
