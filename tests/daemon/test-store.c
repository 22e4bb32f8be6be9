/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/daemon/store-fixture.h"

static void expect_some(struct fixture *f, uint64_t after, size_t max_messages, size_t max_bytes,
			const char *tickets)
{
	struct fetched fetched = { .error = 1 };

	TAILQ_INIT(&fetched.messages);
	assert_int_equal(sb_store_fetch(f->store, "plant", SB_NORMAL, after, max_messages,
					max_bytes, take_fetched, &fetched),
			 0);
	sb_store_drain(f->store);
	assert_int_equal(fetched.error, 0);
	assert_string_equal(fetched.tickets, tickets);
	sb_message_list_clear(&fetched.messages);
}

static void test_fetch_in_order_and_bounded(void **state)
{
	struct fixture *f = *state;

	insert(f, "plant", 1);
	insert(f, "other", 2);
	insert(f, "plant", 3);
	insert(f, "plant", 4);
	expect_some(f, 0, 10, ENDLESS, "1 3 4 ");
	expect_some(f, 1, 10, ENDLESS, "3 4 ");
	expect_some(f, 0, 2, ENDLESS, "1 3 ");
	expect_some(f, 0, 10, 14, "1 3 "); /* five bytes each: topic and payload */
	expect_some(f, 0, 10, 1, "1 ");
	expect_fetch(f, "other", "2 ");
	expect_fetch(f, "nobody", "");
}

static void insert_with_priority(struct fixture *f, uint64_t ticket, enum sb_priority priority)
{
	struct sb_message *message = message_new(ticket, "{}");

	message->priority = priority;
	insert_message(f, "plant", message, NULL, NULL);
}

static void test_each_priority_by_itself(void **state)
{
	struct fixture *f = *state;
	struct fetched fetched = { .error = 1 };

	insert_with_priority(f, 1, SB_URGENT);
	insert_with_priority(f, 2, SB_BULK);
	insert_with_priority(f, 3, SB_NORMAL);
	insert_with_priority(f, 4, SB_BULK);
	insert_with_priority(f, 5, SB_URGENT);
	expect_fetch_of(f, "plant", SB_BULK, "2 4 ");
	expect_fetch_of(f, "plant", SB_NORMAL, "3 ");
	expect_fetch_of(f, "plant", SB_URGENT, "1 5 ");

	TAILQ_INIT(&fetched.messages);
	assert_int_equal(sb_store_fetch(f->store, "plant", SB_URGENT, 0, 1, ENDLESS, take_fetched,
					&fetched),
			 0);
	sb_store_drain(f->store);
	assert_int_equal(TAILQ_FIRST(&fetched.messages)->priority, SB_URGENT);
	sb_message_list_clear(&fetched.messages);
}

static void test_message_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct fetched fetched;
	struct sb_message *given = message_new(2, "{}");
	const struct sb_message *message;

	insert_as(f, "plant", 1, "", NULL, NULL);
	given->owner = 0;
	given->replaces = true;
	given->ttl_s = UINT32_MAX;
	given->taken = (struct sb_moment){ 3, 4567 };
	insert_message(f, "plant", given, NULL, NULL);

	fetch(f, "plant", &fetched);
	message = TAILQ_FIRST(&fetched.messages);
	assert_string_equal(message->topic, "t/1");
	assert_int_equal(message->payload_len, 0);
	assert_null(message->payload);
	assert_int_equal(message->content_format, SKYBUS_FORMAT_JSON);
	assert_int_equal(message->priority, SB_NORMAL);
	assert_int_equal(message->owner, SB_NO_OWNER);
	assert_false(message->replaces);
	assert_false(message->in_memory);
	assert_int_equal(message->ttl_s, 0);
	assert_int_equal(message->requeues, 0);
	assert_string_equal(message->sender, ":1.7");
	message = TAILQ_NEXT(message, entry);
	assert_int_equal(message->payload_len, 2);
	assert_memory_equal(message->payload, "{}", 2);
	assert_int_equal(message->owner, 0);
	assert_true(message->replaces);
	assert_int_equal(message->ttl_s, UINT32_MAX);
	assert_int_equal(message->taken.boot, 3);
	assert_true(message->taken.ms == 4567);
	sb_message_list_clear(&fetched.messages);

	/* A name on the bus means somebody else, or nobody, after a restart. */
	reopen(f);
	fetch(f, "plant", &fetched);
	assert_null(TAILQ_FIRST(&fetched.messages)->sender);
	sb_message_list_clear(&fetched.messages);
}

static void test_group_commit(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	for (uint64_t ticket = 1; ticket <= 2000; ticket++)
		insert_as(f, "plant", ticket, "{}", count_done, &n);
	assert_int_equal(n, 0);
	sb_store_drain(f->store);
	assert_int_equal(n, 2000);
	assert_in_range(sb_store_commits(f->store), 1, 1000);
}

static void test_completions_run_from_the_loop(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	insert_as(f, "plant", 1, "{}", count_done, &n);
	insert_as(f, "plant", 2, "{}", count_done, &n);
	while (n < 2)
		assert_true(sb_loop_turn(f->loop, 10 * SB_USEC_PER_SEC) > 0);
}

static void test_reading_needs_no_commit(void **state)
{
	struct fixture *f = *state;
	uint64_t before = sb_store_commits(f->store);

	expect_fetch(f, "plant", "");
	assert_int_equal(lookup(f, 1).n, 0);
	assert_true(sb_store_commits(f->store) == before);
}

static void test_one_failure_undoes_nothing_else(void **state)
{
	struct fixture *f = *state;
	int errors[3] = { 1, 1, 1 };

	insert_as(f, "plant", 1, "{}", note_error, &errors[0]);
	insert_as(f, "plant", 1, "{}", note_error, &errors[1]);
	insert_as(f, "plant", 2, "{}", note_error, &errors[2]);
	sb_store_drain(f->store);
	assert_int_equal(errors[0], 0);
	assert_int_equal(errors[1], -EEXIST);
	assert_int_equal(errors[2], 0);
	expect_fetch(f, "plant", "1 2 ");
}

static void test_settled_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct found found;

	insert(f, "plant", 1);
	insert(f, "plant", 2);
	insert(f, "plant", 3);
	assert_int_equal(deliver(f, 1), 0);
	assert_int_equal(settle(f, 2, SB_CAUSE_CLOUD, "4.06", "no such model"), 0);
	assert_int_equal(settle(f, 1, SB_CAUSE_TTL, "", "late"), -ENOENT);
	assert_int_equal(settle(f, 9, SB_CAUSE_TTL, "", "late"), -ENOENT);
	expect_fetch(f, "plant", "3 ");

	reopen(f);
	found = lookup(f, 1);
	assert_int_equal(found.outcome, SB_DELIVERED);
	assert_string_equal(found.text, "plant|t/1||0|50|1|4294967295||1+10000|2.04|");
	found = lookup(f, 2);
	assert_int_equal(found.outcome, SB_REJECTED);
	assert_string_equal(found.text, "plant|t/1||2|50|1|4294967295||1+10000|4.06|no such model");
	assert_int_equal(lookup(f, 3).outcome, SB_STORED);
	assert_int_equal(lookup(f, 4).n, 0);

	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT group_concat(ticket) FROM message WHERE payload IS NOT NULL",
		     "2,3");
	expect_query(f, "SELECT group_concat(settled_ms) FROM message", "1000,1000");
}

struct counted {
	char text[256];
	size_t len;
};

static void note_backlog(void *userdata, const struct sb_backlog *backlog)
{
	struct counted *counted = userdata;

	counted->len +=
		(size_t)snprintf(counted->text + counted->len, sizeof(counted->text) - counted->len,
				 "%s/%d/%u: %llu, %llu\n", backlog->link, (int)backlog->priority,
				 backlog->owner, (unsigned long long)backlog->messages,
				 (unsigned long long)backlog->bytes);
}

static void insert_of(struct fixture *f, const char *link, uint64_t ticket,
		      enum sb_priority priority, uint32_t owner)
{
	struct sb_message *message = message_new(ticket, "{}");

	message->priority = priority;
	message->owner = owner;
	insert_message(f, link, message, NULL, NULL);
}

static void test_reopened_store_knows_the_backlog(void **state)
{
	struct fixture *f = *state;
	struct counted counted = { 0 };

	insert_of(f, "plant", 1, SB_NORMAL, 1000);
	insert_of(f, "plant", 2, SB_NORMAL, 1000);
	insert_of(f, "other", 3, SB_URGENT, SB_NO_OWNER);
	insert_of(f, "plant", 4, SB_NORMAL, 0);
	insert_of(f, "plant", 5, SB_BULK, 1000);
	insert_of(f, "plant", 6, SB_NORMAL, 1000);
	insert_of(f, "idle", 7, SB_NORMAL, 1000);
	insert_of(f, "other", 8, SB_NORMAL, 1000);
	assert_int_equal(deliver(f, 2), 0);
	assert_int_equal(deliver(f, 7), 0);

	reopen(f);
	insert(f, "plant", 9);
	sb_store_drain(f->store);
	assert_int_equal(sb_store_last_ticket(f->store), 8);
	sb_store_each_backlog(f->store, note_backlog, &counted);
	assert_string_equal(counted.text, "plant/0/1000: 1, 5\n"
					  "plant/1/1000: 2, 10\n"
					  "plant/1/0: 1, 5\n"
					  "other/1/1000: 1, 5\n"
					  "other/2/4294967295: 1, 5\n");
	expect_fetch(f, "plant", "1 4 6 9 ");
}

static void test_reserved_tickets_are_not_given_out_again(void **state)
{
	struct fixture *f = *state;
	int error = 1;

	insert(f, "plant", 5);
	assert_int_equal(sb_store_reserve(f->store, 1005, note_error, &error), 0);
	sb_store_drain(f->store);
	assert_int_equal(error, 0);
	assert_int_equal(sb_store_reserve(f->store, 7, note_error, &error), 0);
	reopen(f);
	assert_int_equal(sb_store_last_ticket(f->store), 1005);
	assert_int_equal(sb_store_release(f->store, 17), 0);
	reopen(f);
	assert_int_equal(sb_store_last_ticket(f->store), 17);
	insert(f, "plant", 2000);
	reopen(f);
	assert_int_equal(sb_store_last_ticket(f->store), 2000);
}

static void test_close_commits_and_completes_nothing(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	for (uint64_t ticket = 1; ticket <= 100; ticket++)
		insert_as(f, "plant", ticket, "{}", count_done, &n);
	f->store = sb_store_close(f->store);
	assert_int_equal(n, 0);
	expect_query(f, "SELECT count(*) FROM message", "100");
}

struct chain {
	struct fixture *f;
	int n;
};

static void insert_next(void *userdata, int error)
{
	struct chain *chain = userdata;

	assert_int_equal(error, 0);
	chain->n++;
	if (chain->n == 1) {
		insert_as(chain->f, "plant", 3, "{}", insert_next, chain);
		sb_store_drain(chain->f->store);
		assert_int_equal(chain->n, 3);
	}
}

static void test_completions_may_call_and_drain(void **state)
{
	struct fixture *f = *state;
	struct chain chain = { f, 0 };

	insert_as(f, "plant", 1, "{}", insert_next, &chain);
	insert_as(f, "plant", 2, "{}", insert_next, &chain);
	sb_store_drain(f->store);
	assert_int_equal(chain.n, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fetch_in_order_and_bounded),
		TEST(test_each_priority_by_itself),
		TEST(test_message_comes_back_whole),
		TEST(test_group_commit),
		TEST(test_completions_run_from_the_loop),
		TEST(test_reading_needs_no_commit),
		TEST(test_one_failure_undoes_nothing_else),
		TEST(test_settled_is_remembered),
		TEST(test_reopened_store_knows_the_backlog),
		TEST(test_reserved_tickets_are_not_given_out_again),
		TEST(test_close_commits_and_completes_nothing),
		TEST(test_completions_may_call_and_drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
