/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "daemon/lane.h"

struct fixture {
	struct sb_tally all;
	struct sb_lane lane;
	size_t messages;
	size_t bytes;
};

/* Others hold as much as all may, so this one keeps to its share. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->all.messages = SB_LANES_MESSAGES;
	sb_lane_init(&f->lane, &f->all);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sb_lane_done(&f->lane);
	free(f);

	return 0;
}

static struct sb_message *message_new(uint64_t ticket, bool in_memory)
{
	struct sb_message *message = sb_message_new("topic", NULL, 0, NULL);

	assert_non_null(message);
	message->ticket = ticket;
	message->in_memory = in_memory;

	return message;
}

static void enter(struct fixture *f, uint64_t first, uint64_t last)
{
	for (uint64_t ticket = first; ticket <= last; ticket++)
		sb_lane_enter(&f->lane, message_new(ticket, false));
}

static void drop(struct fixture *f, uint64_t ticket)
{
	struct sb_message *message = sb_lane_first(&f->lane);

	assert_non_null(message);
	assert_int_equal(message->ticket, ticket);
	sb_lane_remove(&f->lane, message);
	(void)sb_message_free(message);
}

static bool wants(struct fixture *f)
{
	return sb_lane_wants(&f->lane, &f->messages, &f->bytes);
}

static void test_window_fills_and_refills(void **state)
{
	struct fixture *f = *state;

	enter(f, 1, 70);
	assert_int_equal(f->lane.n_stored.messages, 64);
	assert_int_equal(f->lane.seen, 64);
	assert_int_equal(f->lane.unread, 6);
	assert_false(wants(f));
	for (uint64_t ticket = 1; ticket <= 48; ticket++)
		drop(f, ticket);
	assert_true(wants(f));
	assert_int_equal(f->messages, 48);
	f->lane.fetching = true;
	assert_false(wants(f));
	for (uint64_t ticket = 65; ticket <= 70; ticket++)
		sb_lane_read(&f->lane, ticket, message_new(ticket, false));
	f->lane.fetching = false;
	assert_int_equal(f->lane.unread, 0);
	assert_int_equal(f->lane.seen, 70);
	enter(f, 71, 71);
	for (uint64_t ticket = 49; ticket <= 71; ticket++)
		drop(f, ticket);
	assert_null(sb_lane_first(&f->lane));
	assert_int_equal(f->lane.n_stored.bytes, 0);
}

static void enter_large(struct fixture *f, uint64_t ticket, size_t size)
{
	uint8_t *payload = calloc(1, size);
	struct sb_message *message = sb_message_new("topic", payload, size, NULL);

	free(payload);
	assert_non_null(message);
	message->ticket = ticket;
	sb_lane_enter(&f->lane, message);
}

static void test_takes_more_while_others_hold_little(void **state)
{
	struct fixture *f = *state;

	f->all.messages = 0;
	enter(f, 1, 1000);
	assert_int_equal(f->lane.n_stored.messages, 1000);
	assert_int_equal(f->lane.unread, 0);
	assert_int_equal(f->all.messages, 1000);
	assert_int_equal(f->all.bytes, f->lane.n_stored.bytes);
	enter_large(f, 1001, 255 * 1024);
	assert_int_equal(f->lane.unread, 1);
	drop(f, 1);
	assert_int_equal(f->all.messages, 999);
	sb_lane_done(&f->lane);
	assert_int_equal(f->all.messages, 0);
	assert_int_equal(f->all.bytes, 0);
	sb_lane_init(&f->lane, &f->all);
}

static void test_takes_its_share_when_all_hold_much(void **state)
{
	struct fixture *f = *state;

	f->all.messages = SB_LANES_MESSAGES - 100;
	enter(f, 1, 200);
	assert_int_equal(f->lane.n_stored.messages, 100);
	assert_int_equal(f->lane.unread, 100);
}

static void test_ended_unread_is_dropped_when_read(void **state)
{
	struct fixture *f = *state;

	enter(f, 1, 67);
	sb_lane_skip(&f->lane, 66);
	assert_int_equal(f->lane.unread, 2);
	sb_lane_skip(&f->lane, 10); /* was read: it is not counted */
	assert_int_equal(f->lane.unread, 2);
	sb_lane_read(&f->lane, 65, message_new(65, false));
	sb_lane_read(&f->lane, 66, NULL);
	sb_lane_read(&f->lane, 67, message_new(67, false));
	assert_int_equal(f->lane.unread, 0);
	assert_null(sb_lane_find(&f->lane, 66));
	assert_non_null(sb_lane_find(&f->lane, 67));
}

/* The last one unread ends while the fetch is under way that brings the new one, too. */
static void test_fetch_under_way_brings_the_new_one(void **state)
{
	struct fixture *f = *state;

	enter(f, 1, 65);
	f->lane.fetching = true;
	sb_lane_skip(&f->lane, 65);
	enter(f, 66, 66);
	assert_null(sb_lane_find(&f->lane, 66));
	sb_lane_read(&f->lane, 66, message_new(66, false));
	assert_int_equal(f->lane.unread, 0);
}

static void test_rows_that_went(void **state)
{
	struct fixture *f = *state;

	enter(f, 1, 66);
	for (uint64_t ticket = 1; ticket <= 64; ticket++)
		drop(f, ticket);
	assert_true(wants(f));
	sb_lane_read_all(&f->lane);
	assert_false(wants(f));
}

static void test_memory_does_not_wait_for_the_disk(void **state)
{
	struct fixture *f = *state;

	enter(f, 1, 65);
	sb_lane_enter(&f->lane, message_new(70, true));
	sb_lane_enter(&f->lane, message_new(71, true));
	assert_int_equal(f->lane.n_in_memory.messages, 2);
	for (uint64_t ticket = 1; ticket <= 64; ticket++)
		drop(f, ticket);
	drop(f, 70);
	sb_lane_read(&f->lane, 65, message_new(65, false));
	drop(f, 65);
	drop(f, 71);
	assert_int_equal(f->lane.n_in_memory.bytes, 0);
}

static void test_returns_to_its_place(void **state)
{
	struct fixture *f = *state;
	struct sb_message *second;

	enter(f, 1, 3);
	second = sb_lane_find(&f->lane, 2);
	sb_lane_remove(&f->lane, second);
	assert_null(sb_lane_find(&f->lane, 2));
	sb_lane_return(&f->lane, second);
	for (uint64_t ticket = 1; ticket <= 3; ticket++)
		drop(f, ticket);
}

/* From another lane, with a ticket below what was read: the window goes back, and all comes in its order. */
static void test_joins_below_the_window(void **state)
{
	struct fixture *f = *state;

	enter(f, 10, 11);
	enter(f, 13, 14);
	drop(f, 10);
	sb_lane_join(&f->lane, 12);
	assert_int_equal(f->lane.seen, 11);
	assert_int_equal(f->lane.n_stored.messages, 1);
	assert_int_equal(f->lane.unread, 3);
	sb_lane_join(&f->lane, 20);
	assert_int_equal(f->lane.seen, 11);
	assert_int_equal(f->lane.unread, 4);
	assert_false(f->lane.stale);
	enter(f, 21, 21);
	assert_int_equal(f->lane.unread, 5);
	f->lane.fetching = true;
	for (uint64_t ticket = 12; ticket <= 14; ticket++)
		sb_lane_read(&f->lane, ticket, message_new(ticket, false));
	for (uint64_t ticket = 11; ticket <= 14; ticket++)
		drop(f, ticket);
	assert_int_equal(f->lane.unread, 2);
}

static void test_joins_while_the_disk_is_asked(void **state)
{
	struct fixture *f = *state;

	enter(f, 1, 66);
	f->lane.fetching = true;
	sb_lane_join(&f->lane, 80);
	assert_false(f->lane.stale);
	sb_lane_join(&f->lane, 30);
	assert_true(f->lane.stale);
	assert_int_equal(f->lane.unread, 2 + 2 + 34);
}

/* Taken, and the window has gone back before it: a fetch brings it, so it must not be here twice. */
static void test_returns_beyond_what_was_read(void **state)
{
	struct fixture *f = *state;
	struct sb_message *taken;

	enter(f, 10, 12);
	taken = sb_lane_find(&f->lane, 11);
	sb_lane_remove(&f->lane, taken);
	sb_lane_join(&f->lane, 5);
	assert_int_equal(f->lane.unread, 3);
	sb_lane_return(&f->lane, taken);
	assert_int_equal(f->lane.unread, 4);
	assert_null(sb_lane_first(&f->lane));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_window_fills_and_refills),
		TEST(test_takes_more_while_others_hold_little),
		TEST(test_takes_its_share_when_all_hold_much),
		TEST(test_ended_unread_is_dropped_when_read),
		TEST(test_fetch_under_way_brings_the_new_one),
		TEST(test_rows_that_went),
		TEST(test_memory_does_not_wait_for_the_disk),
		TEST(test_returns_to_its_place),
		TEST(test_joins_below_the_window),
		TEST(test_joins_while_the_disk_is_asked),
		TEST(test_returns_beyond_what_was_read),
	};

	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
