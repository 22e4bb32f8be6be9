/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two queues, "plant" and "depot", and messages that were routed to the first. Where they should go is what
 * the test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/queue.h"
#include "tests/daemon/outbox-fixture.h"

#define PAYLOAD_LEN 5
#define SIZE_AT_PLANT (PAYLOAD_LEN + strlen("plant/app"))
#define SIZE_AT_DEPOT (PAYLOAD_LEN + strlen("depots/app"))

static struct {
	struct sb_queue *depot;
	struct sb_queue *to; /* where everything should go; NULL: nowhere */
	const char *refuses; /* messages of this route stay */
	unsigned int asked;
	unsigned int n_published;
} test;

static bool direct(void *userdata, const char *link, const struct sb_record *record,
		   struct sb_direction *ret)
{
	(void)userdata;
	assert_non_null(record->route);
	test.asked++;
	if (!test.to || strcmp(test.to->link, link) == 0 ||
	    (test.refuses && strcmp(record->route, test.refuses) == 0))
		return false;
	ret->queue = test.to;
	(void)snprintf(ret->topic, sizeof(ret->topic), "%s/%s",
		       test.to == test.depot ? "depots" : "plant", record->route);

	return true;
}

static void open_depot(struct outbox_fixture *f, const struct sb_queue_limits *limits)
{
	assert_int_equal(sb_queue_new(f->outbox, "depot", limits, NULL, NULL, &test.depot), 0);
	sb_outbox_direct(f->outbox, direct, f);
}

static int setup(void **state)
{
	(void)outbox_fixture_setup(state);
	memset(&test, 0, sizeof(test));
	open_depot(*state, &roomy);

	return 0;
}

static int teardown(void **state)
{
	test.depot = sb_queue_free(test.depot);

	return outbox_fixture_teardown(state);
}

static void note_published(void *userdata, const uint64_t *tickets, size_t n,
			   const struct sb_error *error)
{
	struct outbox_fixture *f = userdata;

	if (error) {
		f->error = *error;
		return;
	}
	assert_int_equal(n, 1);
	assert_true(tickets[0] > 0);
	test.n_published++;
}

static struct sb_message *message_of(struct outbox_fixture *f, const struct sb_queue *queue,
				     const struct draft *draft)
{
	static const uint8_t payload[SB_PAYLOAD_MAX];
	const char *route = draft->topic ? draft->topic : "app";
	struct sb_message *message;
	char topic[64];

	(void)snprintf(topic, sizeof(topic), "%s/%s", queue == test.depot ? "depots" : "plant",
		       route);
	message = sb_message_new(topic, payload,
				 draft->payload_len ? draft->payload_len : PAYLOAD_LEN, ":1.7");
	assert_non_null(message);
	message->route = strdup(route);
	message->priority = draft->priority;
	message->owner = 1000;
	message->ttl_s = draft->ttl_s;
	message->in_memory = draft->in_memory;
	message->replaces = draft->replaces;
	message->taken = sb_clock_now(f->clock);

	return message;
}

/* To plant, or to @queue. */
static void route_to(struct outbox_fixture *f, struct sb_queue *queue, const struct draft *draft)
{
	const struct sb_parcel parcel = { queue, message_of(f, queue, draft) };

	assert_int_equal(sb_outbox_publish(f->outbox, &parcel, 1, note_published, f, &f->error), 0);
}

static void route(struct outbox_fixture *f, unsigned int n)
{
	while (n-- > 0)
		route_to(f, f->queue, &(struct draft){ 0 });
	outbox_fixture_settle(f);
}

/* Whatever of it is on disk, a batch after the other. */
static void divert(struct outbox_fixture *f, struct sb_queue *to)
{
	test.to = to;
	sb_outbox_divert(f->outbox, NULL);
	for (int i = 0; i < 8; i++)
		outbox_fixture_settle(f);
}

static void expect_queued(const struct sb_queue *queue, uint64_t n, size_t size)
{
	struct sb_queue_stats stats;

	sb_queue_stats(queue, &stats);
	assert_int_equal(stats.queued, n);
	assert_int_equal(stats.queued_bytes, n * size);
}

/* They go in this order, and there are no more. */
static void expect_taken(struct outbox_fixture *f, struct sb_queue *queue, uint64_t first,
			 uint64_t last)
{
	for (uint64_t ticket = first; ticket <= last; ticket++) {
		struct sb_message *message = sb_queue_take(queue);

		if (!message) {
			outbox_fixture_settle(f);
			message = sb_queue_take(queue);
		}
		assert_non_null(message);
		assert_int_equal(message->ticket, ticket);
		assert_string_equal(message->topic,
				    queue == test.depot ? "depots/app" : "plant/app");
		sb_queue_settle(queue, message, &(struct sb_end){ .cause = SB_CAUSE_DELIVERED });
	}
	outbox_fixture_settle(f);
	assert_null(sb_queue_take(queue));
	expect_queued(queue, 0, 0);
}

static void expect_next(struct outbox_fixture *f, uint64_t ticket)
{
	struct sb_message *message = sb_queue_take(test.depot);

	if (!message) {
		outbox_fixture_settle(f);
		message = sb_queue_take(test.depot);
	}
	assert_non_null(message);
	assert_int_equal(message->ticket, ticket);
	sb_queue_settle(test.depot, message, &(struct sb_end){ .cause = SB_CAUSE_DELIVERED });
}

static void expect_nothing_left(const struct outbox_fixture *f)
{
	assert_null(f->outbox->accounts.by_owner);
	assert_null(f->outbox->moves);
	assert_null(f->outbox->endings.by_ticket);
	assert_int_equal(f->queue->storing.messages + f->queue->storing.bytes, 0);
	assert_int_equal(test.depot->storing.messages + test.depot->storing.bytes, 0);
}

/* ---- Moving ---- */

static void test_all_that_waits_goes(void **state)
{
	struct outbox_fixture *f = *state;

	route(f, 1000);
	expect_queued(f->queue, 1000, SIZE_AT_PLANT);
	divert(f, test.depot);
	expect_queued(f->queue, 0, 0);
	expect_queued(test.depot, 1000, SIZE_AT_DEPOT);
	assert_null(sb_queue_take(f->queue));
	expect_taken(f, test.depot, 1, 1000);
	assert_int_equal(f->n_settled, 1000);
	assert_string_equal(f->settled, "depot :1.7 1000 delivered  ");
	expect_nothing_left(f);
}

static void test_and_comes_back(void **state)
{
	struct outbox_fixture *f = *state;

	route(f, 300);
	divert(f, test.depot);
	divert(f, f->queue);
	expect_queued(test.depot, 0, 0);
	expect_queued(f->queue, 300, SIZE_AT_PLANT);
	expect_taken(f, f->queue, 1, 300);
	expect_nothing_left(f);
}

static void test_nothing_goes_unless_it_should(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 3); /* not routed */
	route(f, 2);
	divert(f, NULL);
	assert_int_equal(test.asked, 2);
	test.refuses = "app";
	divert(f, test.depot);
	assert_int_equal(test.asked, 4);
	test.refuses = NULL;
	divert(f, test.depot);
	expect_queued(test.depot, 2, SIZE_AT_DEPOT);
	assert_int_equal(stats(f).queued, 3);
	expect_taken(f, test.depot, 4, 5);
}

/* What is not routed costs no search; nor does a queue that has been found empty. */
static void test_nothing_is_looked_for_in_vain(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 3);
	outbox_fixture_settle(f);
	assert_false(f->queue->detour.routed);
	divert(f, test.depot);
	assert_false(f->queue->detour.due);
	route(f, 1);
	assert_true(f->queue->detour.routed);
	divert(f, test.depot);
	divert(f, test.depot);
	assert_false(f->queue->detour.routed);
	assert_true(test.depot->detour.routed);
}

static void test_what_is_in_flight_stays(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *message;

	route(f, 5);
	message = take(f, 1);
	divert(f, test.depot);
	expect_queued(f->queue, 1, SIZE_AT_PLANT);
	expect_queued(test.depot, 4, SIZE_AT_DEPOT);
	sb_queue_give_back(f->queue, message);
	divert(f, test.depot);
	expect_queued(f->queue, 0, 0);
	expect_taken(f, test.depot, 1, 5);
	expect_nothing_left(f);
}

/* Tickets of both, in turns; more than are held in memory. */
static void test_the_other_queue_keeps_its_order(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *in_flight[3];

	for (unsigned int i = 0; i < 200; i++) {
		route_to(f, i % 2 ? f->queue : test.depot, &(struct draft){ 0 });
		outbox_fixture_settle(f);
	}
	test.to = NULL;
	for (size_t i = 0; i < 3; i++)
		in_flight[i] = sb_queue_take(test.depot);
	divert(f, test.depot);
	/* In flight are 1, 3 and 5. */
	expect_next(f, 2);
	expect_next(f, 4);
	expect_next(f, 6);
	expect_next(f, 7);
	for (size_t i = 0; i < 3; i++)
		sb_queue_give_back(test.depot, in_flight[i]);
	outbox_fixture_settle(f);
	for (uint64_t ticket = 1; ticket <= 200; ticket++)
		if (ticket % 2 == 1 ? ticket != 7 : ticket > 6)
			expect_next(f, ticket);
	outbox_fixture_settle(f);
	expect_queued(test.depot, 0, 0);
	expect_nothing_left(f);
}

static void test_in_memory_too(void **state)
{
	struct outbox_fixture *f = *state;

	for (int i = 0; i < 20; i++)
		route_to(f, f->queue, &(struct draft){ .in_memory = true });
	outbox_fixture_tasks(f);
	divert(f, test.depot);
	expect_queued(f->queue, 0, 0);
	expect_queued(test.depot, 20, SIZE_AT_DEPOT);
	assert_int_equal(f->queue->in_memory.messages, 0);
	assert_int_equal(test.depot->in_memory.bytes, 20 * SIZE_AT_DEPOT);
	cancel(f, 20);
	outbox_fixture_tasks(f);
	assert_true(f->cancelled);
	divert(f, f->queue);
	assert_int_equal(f->queue->in_memory.messages, 19);
	expect_taken(f, f->queue, 1, 19);
}

/* What is in flight comes back, and is not forgotten for having been away. */
static void test_what_is_in_flight_goes_when_it_is_back(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *message;

	route_to(f, f->queue, &(struct draft){ .in_memory = true });
	outbox_fixture_tasks(f);
	message = sb_queue_take(f->queue);
	assert_non_null(message);
	divert(f, test.depot);
	expect_queued(f->queue, 1, SIZE_AT_PLANT);
	sb_queue_give_back(f->queue, message);
	divert(f, test.depot);
	expect_queued(f->queue, 0, 0);
	expect_taken(f, test.depot, 1, 1);
	/* Of those that have ended nothing is left to be looked for. */
	divert(f, NULL);
	assert_false(f->queue->detour.routed);
}

/* ---- Bounds ---- */

static void test_the_bounds_of_the_other_queue_hold(void **state)
{
	const struct sb_queue_limits small = { 10, 1 << 20, 3, 1 << 20, false };
	struct outbox_fixture *f = *state;

	test.depot = sb_queue_free(test.depot);
	open_depot(f, &small);
	route(f, 25);
	divert(f, test.depot);
	expect_queued(test.depot, 10, SIZE_AT_DEPOT);
	expect_queued(f->queue, 15, SIZE_AT_PLANT);
	for (uint64_t ticket = 1; ticket <= 25; ticket++) {
		struct sb_message *message = sb_queue_take(test.depot);

		/* There is room: what was held up follows within a second. */
		if (!message) {
			outbox_fixture_pass(f, 1000);
			message = sb_queue_take(test.depot);
		}
		assert_non_null(message);
		assert_int_equal(message->ticket, ticket);
		sb_queue_settle(test.depot, message,
				&(struct sb_end){ .cause = SB_CAUSE_DELIVERED });
	}
	outbox_fixture_settle(f);
	expect_nothing_left(f);
}

static void test_and_those_of_memory(void **state)
{
	const struct sb_queue_limits small = { 10, 1 << 20, 3, 1 << 20, true };
	struct outbox_fixture *f = *state;

	test.depot = sb_queue_free(test.depot);
	open_depot(f, &small);
	for (int i = 0; i < 5; i++)
		route_to(f, f->queue, &(struct draft){ .in_memory = true });
	outbox_fixture_tasks(f);
	divert(f, test.depot);
	expect_queued(test.depot, 3, SIZE_AT_DEPOT);
	expect_queued(f->queue, 2, SIZE_AT_PLANT);
	expect_taken(f, test.depot, 1, 3);
	outbox_fixture_pass(f, 1000);
	expect_taken(f, test.depot, 4, 5);
}

/* ---- What ends on the way ---- */

/* The moves are handed over, and have not completed. */
static void set_out(struct outbox_fixture *f, struct sb_queue *to)
{
	test.to = to;
	sb_outbox_divert(f->outbox, NULL);
	sb_loop_advance(f->loop, 0); /* the search */
	for (int i = 0; i < 100 && !f->outbox->moves; i++)
		(void)sb_loop_turn(f->loop, 20000);
	assert_non_null(f->outbox->moves);
}

static void test_a_time_to_live_ends_on_the_way(void **state)
{
	struct outbox_fixture *f = *state;

	route_to(f, f->queue, &(struct draft){ .ttl_s = 2 });
	outbox_fixture_settle(f);
	route(f, 2);
	sb_loop_advance(f->loop, 3 * SB_USEC_PER_SEC); /* a search for what is over is on its way */
	set_out(f, test.depot);
	for (int i = 0; i < 4; i++)
		outbox_fixture_pass(f, 1000);
	assert_string_equal(f->causes, "1 ttl, ");
	expect_queued(f->queue, 0, 0);
	expect_taken(f, test.depot, 2, 3);
	expect_nothing_left(f);
}

/* The search for it was handed over before the move, so it finds it where it leaves from. */
static void test_called_back_on_the_way(void **state)
{
	struct outbox_fixture *f = *state;
	const struct sb_record record = {
		.ticket = 2,
		.topic = "plant/app",
		.payload_len = PAYLOAD_LEN,
		.priority = SB_NORMAL,
		.owner = 1000,
		.sender = ":1.7",
	};

	route(f, 3);
	set_out(f, test.depot);
	assert_non_null(sb_moves_find(f->outbox, 2));
	assert_int_equal(sb_queue_end_record(f->queue, &record,
					     &(struct sb_end){ .cause = SB_CAUSE_CALLER }, NULL),
			 0);
	assert_int_equal(sb_queue_end_record(f->queue, &record,
					     &(struct sb_end){ .cause = SB_CAUSE_CALLER }, NULL),
			 -EALREADY);
	outbox_fixture_settle(f);
	assert_string_equal(f->causes, "2 cancelled, ");
	expect_queued(f->queue, 0, 0);
	expect_queued(test.depot, 2, SIZE_AT_DEPOT);
	assert_int_equal(lookup(f, 2), SB_CANCELLED);
	assert_int_equal(losses(f, SB_CAUSE_CALLER), 1);
	expect_next(f, 1);
	expect_taken(f, test.depot, 3, 3);
	expect_nothing_left(f);
}

static void test_asked_for_and_called_back_meanwhile(void **state)
{
	struct outbox_fixture *f = *state;

	route(f, 3);
	set_out(f, test.depot);
	cancel(f, 2);
	outbox_fixture_settle(f);
	assert_true(f->cancelled);
	assert_int_equal(lookup(f, 3), SB_STORED);
	expect_queued(test.depot, 2, SIZE_AT_DEPOT);
	expect_next(f, 1);
	expect_taken(f, test.depot, 3, 3);
	expect_nothing_left(f);
}

static void replace_one_another(struct outbox_fixture *f, bool in_memory, uint64_t first)
{
	const struct draft draft = { .replaces = true, .in_memory = in_memory };
	char expected[96];

	f->causes[0] = '\0';
	route_to(f, f->queue, &draft);
	outbox_fixture_settle(f);
	divert(f, test.depot);
	route_to(f, test.depot, &draft); /* is newer than what came */
	outbox_fixture_settle(f);
	route_to(f, f->queue, &draft); /* comes, and is the newest */
	outbox_fixture_settle(f);
	divert(f, test.depot);
	test.to = NULL;
	route_to(f, f->queue, &draft); /* comes when there is a newer one */
	outbox_fixture_settle(f);
	route_to(f, test.depot, &draft);
	outbox_fixture_settle(f);
	divert(f, test.depot);
	(void)snprintf(expected, sizeof(expected),
		       "%u replaced, %u replaced, %u replaced, %u replaced, ", (unsigned int)first,
		       (unsigned int)first + 1, (unsigned int)first + 2, (unsigned int)first + 3);
	assert_string_equal(f->causes, expected);
	expect_taken(f, test.depot, first + 4, first + 4);
	expect_nothing_left(f);
}

static void test_the_newest_that_replaces_stays(void **state)
{
	replace_one_another(*state, false, 1);
	replace_one_another(*state, true, 6);
}

/* ---- Trouble ---- */

static void test_a_full_disk_holds_them_up(void **state)
{
	struct outbox_fixture *f = *state;

	route(f, 100);
	outbox_fixture_disk_is_full(f, true);
	divert(f, test.depot);
	expect_queued(f->queue, 100, SIZE_AT_PLANT);
	expect_queued(test.depot, 0, 0);
	assert_int_equal(test.depot->storing.messages, 0);
	outbox_fixture_disk_is_full(f, false);
	outbox_fixture_pass(f, 11000);
	expect_queued(f->queue, 0, 0);
	expect_taken(f, test.depot, 1, 100);
	expect_nothing_left(f);
}

static void test_what_was_held_up_is_sent_where_it_is(void **state)
{
	struct outbox_fixture *f = *state;

	route(f, 100);
	outbox_fixture_disk_is_full(f, true);
	divert(f, test.depot);
	test.to = NULL;
	outbox_fixture_disk_is_full(f, false);
	expect_taken(f, f->queue, 1, 100);
	outbox_fixture_pass(f, 21000);
	expect_nothing_left(f);
}

static void test_after_a_restart_they_go_on(void **state)
{
	struct outbox_fixture *f = *state;

	route(f, 400);
	set_out(f, test.depot);
	test.depot = sb_queue_free(test.depot);
	outbox_fixture_close(f); /* the first batch is on disk there, the rest here */
	outbox_fixture_open(f);
	open_depot(f, &roomy);
	expect_queued(f->queue, 144, SIZE_AT_PLANT);
	expect_queued(test.depot, 256, SIZE_AT_DEPOT);
	divert(f, test.depot);
	expect_queued(f->queue, 0, 0);
	expect_taken(f, test.depot, 1, 400);
	expect_nothing_left(f);
}

static void test_nobody_directs_any_more(void **state)
{
	struct outbox_fixture *f = *state;

	route(f, 600);
	set_out(f, test.depot);
	sb_outbox_direct(f->outbox, NULL, NULL);
	outbox_fixture_settle(f);
	expect_queued(test.depot, 256, SIZE_AT_DEPOT);
	expect_queued(f->queue, 600 - 256, SIZE_AT_PLANT);
	expect_taken(f, test.depot, 1, 256);
	expect_taken(f, f->queue, 257, 600);
	expect_nothing_left(f);
}

static void test_turned_round_on_the_way(void **state)
{
	struct outbox_fixture *f = *state;

	route(f, 600);
	set_out(f, test.depot);
	divert(f, f->queue);
	expect_queued(test.depot, 0, 0);
	expect_taken(f, f->queue, 1, 600);
	expect_nothing_left(f);
}

/* ---- Several at once ---- */

static void note_two(void *userdata, const uint64_t *tickets, size_t n,
		     const struct sb_error *error)
{
	struct outbox_fixture *f = userdata;

	if (error)
		f->error = *error;
	else
		(void)snprintf(f->published, sizeof(f->published), "%zu: %llu %llu", n,
			       (unsigned long long)tickets[0], (unsigned long long)tickets[1]);
}

static int publish_two(struct outbox_fixture *f, bool in_memory)
{
	const struct draft draft = { .in_memory = in_memory };
	const struct sb_parcel parcels[] = { { f->queue, message_of(f, f->queue, &draft) },
					     { test.depot, message_of(f, test.depot, &draft) } };
	int r;

	f->published[0] = '\0';
	r = sb_outbox_publish(f->outbox, parcels, 2, note_two, f, &f->error);
	for (size_t i = 0; i < 2 && r < 0; i++)
		(void)sb_message_free(parcels[i].message);
	assert_string_equal(f->published, "");

	return r;
}

static void test_one_answer_for_both(void **state)
{
	struct outbox_fixture *f = *state;

	assert_int_equal(publish_two(f, false), 0);
	outbox_fixture_settle(f);
	assert_string_equal(f->published, "2: 1 2");
	expect_queued(f->queue, 1, SIZE_AT_PLANT);
	expect_queued(test.depot, 1, SIZE_AT_DEPOT);
	assert_int_equal(publish_two(f, true), 0);
	outbox_fixture_tasks(f);
	assert_string_equal(f->published, "2: 3 4");
	for (uint64_t ticket = 1; ticket <= 3; ticket += 2)
		deliver(f, take(f, ticket));
	for (uint64_t ticket = 2; ticket <= 4; ticket += 2) {
		struct sb_message *message = sb_queue_take(test.depot);

		assert_int_equal(message->ticket, ticket);
		assert_int_equal(message->payload_len, PAYLOAD_LEN);
		sb_queue_settle(test.depot, message,
				&(struct sb_end){ .cause = SB_CAUSE_DELIVERED });
	}
	outbox_fixture_settle(f);
	expect_nothing_left(f);
}

static void test_both_or_neither(void **state)
{
	const struct sb_queue_limits small = { 1, 1 << 20, 1, 1 << 20, false };
	struct outbox_fixture *f = *state;

	test.depot = sb_queue_free(test.depot);
	open_depot(f, &small);
	assert_int_equal(publish_two(f, false), 0);
	outbox_fixture_settle(f);
	for (int in_memory = 0; in_memory < 2; in_memory++) {
		assert_int_equal(publish_two(f, in_memory), -ENOBUFS);
		assert_non_null(strstr(f->error.text, "depot"));
	}
	outbox_fixture_settle(f);
	expect_queued(f->queue, 1, SIZE_AT_PLANT);
	f->outbox->accounts.limits.messages = 3;
	test.depot = sb_queue_free(test.depot);
	open_depot(f, &roomy);
	assert_int_equal(publish_two(f, false), -ENOBUFS);
	assert_non_null(strstr(f->error.text, "stored_messages"));
	deliver(f, take(f, 1));
	outbox_fixture_settle(f);
	assert_int_equal(publish_two(f, false), 0);
	outbox_fixture_settle(f);
	expect_queued(test.depot, 2, SIZE_AT_DEPOT);
}

static void test_a_full_disk_takes_neither(void **state)
{
	struct outbox_fixture *f = *state;

	outbox_fixture_disk_is_full(f, true);
	assert_int_equal(publish_two(f, false), 0);
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, false);
	assert_string_equal(f->published, "");
	assert_int_equal(f->error.code, SB_ERROR_FAILED);
	expect_queued(f->queue, 0, 0);
	expect_queued(test.depot, 0, 0);
	expect_nothing_left(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_all_that_waits_goes),
		TEST(test_and_comes_back),
		TEST(test_nothing_goes_unless_it_should),
		TEST(test_nothing_is_looked_for_in_vain),
		TEST(test_what_is_in_flight_stays),
		TEST(test_the_other_queue_keeps_its_order),
		TEST(test_in_memory_too),
		TEST(test_what_is_in_flight_goes_when_it_is_back),
		TEST(test_the_bounds_of_the_other_queue_hold),
		TEST(test_and_those_of_memory),
		TEST(test_a_time_to_live_ends_on_the_way),
		TEST(test_called_back_on_the_way),
		TEST(test_asked_for_and_called_back_meanwhile),
		TEST(test_the_newest_that_replaces_stays),
		TEST(test_a_full_disk_holds_them_up),
		TEST(test_what_was_held_up_is_sent_where_it_is),
		TEST(test_after_a_restart_they_go_on),
		TEST(test_nobody_directs_any_more),
		TEST(test_turned_round_on_the_way),
		TEST(test_one_answer_for_both),
		TEST(test_both_or_neither),
		TEST(test_a_full_disk_takes_neither),
	};

	return cmocka_run_group_tests_name("divert", tests, NULL, NULL);
}
