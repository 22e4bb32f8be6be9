/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads that messages share, in every way in which one of them lets go; and messages that move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "tests/daemon/store-fixture.h"

#define PAYLOAD "a payload that is on disk once"

/* Of @payload for the links one, two …, with the tickets from @first on. Return: how it went. */
static int insert_shared_as(struct fixture *f, uint64_t first, size_t n, const char *payload)
{
	static const char *const links[] = { "one", "two", "three" };
	static const char *const topics[] = { "t/one", "t/2", "t/three" };
	struct sb_message *message = message_new(0, payload);
	struct sb_share shares[3];
	int error = 1;

	message->owner = 1000;
	for (size_t i = 0; i < n; i++)
		shares[i] = (struct sb_share){ first + i, links[i], topics[i] };
	assert_int_equal(sb_store_insert_shared(f->store, message, shares, n, note_error, &error),
			 0);
	(void)sb_message_free(message);
	sb_store_drain(f->store);

	return error;
}

static void insert_shared(struct fixture *f, uint64_t first)
{
	assert_int_equal(insert_shared_as(f, first, 3, PAYLOAD), 0);
}

static void insert_routed(struct fixture *f, const char *link, uint64_t ticket, const char *route)
{
	struct sb_message *message = message_new(ticket, PAYLOAD);

	message->route = strdup(route);
	insert_message(f, link, message, NULL, NULL);
	sb_store_drain(f->store);
}

static int move(struct fixture *f, uint64_t ticket, const char *link, const char *topic)
{
	const struct sb_share where = { ticket, link, topic };
	int error = 1;

	assert_int_equal(sb_store_move(f->store, &where, note_error, &error), 0);
	sb_store_drain(f->store);

	return error;
}

/* Rows of a table, as the closed database has them. */
static void expect_rows(struct fixture *f, const char *table, const char *n)
{
	char sql[64];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	f->store = sb_store_close(f->store);
	expect_query(f, sql, n);
	reopen(f);
}

static void expect_bodies(struct fixture *f, const char *bodies, const char *shares)
{
	expect_rows(f, "body", bodies);
	expect_rows(f, "share", shares);
}

static void expect_payload(struct fixture *f, const char *link, uint64_t ticket, const char *topic)
{
	struct sb_message *message;
	struct fetched fetched;

	fetch(f, link, &fetched);
	message = TAILQ_FIRST(&fetched.messages);
	assert_non_null(message);
	assert_int_equal(message->ticket, ticket);
	assert_string_equal(message->topic, topic);
	assert_int_equal(message->payload_len, strlen(PAYLOAD));
	assert_memory_equal(message->payload, PAYLOAD, strlen(PAYLOAD));
	assert_int_equal(message->owner, 1000);
	sb_message_list_clear(&fetched.messages);
}

/* ---- What is shared ---- */

static void test_one_payload_for_all(void **state)
{
	struct fixture *f = *state;

	insert_shared(f, 1);
	expect_payload(f, "one", 1, "t/one");
	expect_payload(f, "two", 2, "t/2");
	expect_payload(f, "three", 3, "t/three");
	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT count(*) || ' ' || payload FROM body", "1 " PAYLOAD);
	expect_query(f, "SELECT count(payload) FROM message", "0");
	reopen(f);
	expect_payload(f, "two", 2, "t/2");
}

static void test_without_a_payload_there_is_nothing_to_share(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(insert_shared_as(f, 1, 2, ""), 0);
	expect_fetch(f, "one", "1 ");
	expect_fetch(f, "two", "2 ");
	expect_bodies(f, "0", "0");
}

static void test_all_of_them_or_none(void **state)
{
	struct fixture *f = *state;

	insert(f, "two", 6);
	sb_store_drain(f->store);
	assert_int_equal(insert_shared_as(f, 5, 3, PAYLOAD), -EEXIST);
	expect_fetch(f, "one", "");
	expect_fetch(f, "two", "6 ");
	expect_fetch(f, "three", "");
	/* A link that came with what was undone has gone as well, and its number is another's now. */
	insert(f, "three", 8);
	insert(f, "one", 9);
	sb_store_drain(f->store);
	expect_fetch(f, "three", "8 ");
	expect_fetch(f, "one", "9 ");
	expect_bodies(f, "0", "0");
}

static void test_a_message_of_its_own_has_its_payload_in_its_row(void **state)
{
	struct fixture *f = *state;

	insert(f, "one", 1);
	expect_bodies(f, "0", "0");
	expect_rows(f, "route", "0");
}

static void add_backlog(void *userdata, const struct sb_backlog *backlog)
{
	*(uint64_t *)userdata += backlog->bytes;
}

static void test_sizes_count_for_each(void **state)
{
	struct fixture *f = *state;
	uint64_t bytes = 0;

	insert_shared(f, 1);
	assert_string_equal(lookup(f, 2).text, "two|t/2||30|50|1|1000|:1.7|1+10000||");
	reopen(f);
	sb_store_each_backlog(f->store, add_backlog, &bytes);
	assert_true(bytes ==
		    3 * strlen(PAYLOAD) + strlen("t/one") + strlen("t/2") + strlen("t/three"));
}

/* ---- How it goes ---- */

static void test_the_last_delivered_lets_go(void **state)
{
	struct fixture *f = *state;

	insert_shared(f, 1);
	insert_shared(f, 11);
	assert_int_equal(deliver(f, 2), 0);
	expect_bodies(f, "2", "5");
	assert_int_equal(settle(f, 1, SB_CAUSE_TTL, "", "late"), 0);
	expect_bodies(f, "2", "4");
	expect_payload(f, "three", 3, "t/three");
	assert_int_equal(settle(f, 3, SB_CAUSE_CALLER, "", "called back"), 0);
	expect_bodies(f, "1", "3");
	expect_payload(f, "one", 11, "t/one");
}

/* Ends cost less while nothing is shared or routed. */
static void test_ends_between_others_let_go(void **state)
{
	const uint64_t many = 1100; /* more than go before the store looks what it has */
	struct fixture *f = *state;
	uint64_t ticket = 1;

	for (; ticket <= many; ticket++) {
		insert(f, "one", ticket);
		hand_over_end(f, ticket, SB_CAUSE_DELIVERED, 1000);
	}
	insert_shared(f, ticket);
	insert_routed(f, "one", ticket + 3, "a/route");
	for (uint64_t end = ticket + 4 + many, other = ticket + 4; other < end; other++) {
		insert(f, "one", other);
		hand_over_end(f, other, SB_CAUSE_DELIVERED, 1000);
	}
	sb_store_drain(f->store);
	for (uint64_t end = ticket + 4; ticket < end; ticket++)
		assert_int_equal(deliver(f, ticket), 0);
	expect_bodies(f, "0", "0");
	expect_rows(f, "route", "0");
}

static void test_a_dead_letter_keeps_it(void **state)
{
	const struct sb_search letter = { .kind = SB_SEARCH_LETTER, .ticket = 2, .most = 1 };
	struct fixture *f = *state;

	insert_shared(f, 1);
	assert_int_equal(settle(f, 2, SB_CAUSE_CLOUD, "4.00", "no"), 0);
	assert_int_equal(deliver(f, 1), 0);
	assert_int_equal(deliver(f, 3), 0);
	expect_bodies(f, "1", "1");
	assert_string_equal(search(f, &letter).text,
			    "two|t/2|" PAYLOAD "|30|50|1|1000||1+10000|4.00|no");
	assert_int_equal(sb_store_discard(f->store, 2, NULL, NULL), 0);
	expect_bodies(f, "0", "0");
	assert_int_equal(lookup(f, 2).outcome, SB_REJECTED);
}

static void test_a_letter_sent_again_lets_go(void **state)
{
	struct sb_message *again = message_new(9, PAYLOAD);
	struct fixture *f = *state;

	insert_shared(f, 1);
	assert_int_equal(settle(f, 1, SB_CAUSE_CLOUD, "4.00", "no"), 0);
	again->requeues = 1;
	insert_message(f, "one", again, NULL, NULL);
	assert_int_equal(deliver(f, 2), 0);
	assert_int_equal(deliver(f, 3), 0);
	expect_bodies(f, "0", "0");
	expect_fetch(f, "one", "9 ");
}

static void test_letters_pushed_out_by_newer_ones_let_go(void **state)
{
	struct fixture *f = *state;

	f->options.letters_kept = 0;
	reopen(f);
	insert_shared(f, 1);
	for (uint64_t ticket = 1; ticket <= 3; ticket++)
		hand_over_end(f, ticket, SB_CAUSE_CLOUD, 1);
	for (uint64_t ticket = 10; ticket <= 1100; ticket++) {
		insert(f, "plant", ticket);
		hand_over_end(f, ticket, SB_CAUSE_DELIVERED, 1);
	}
	expect_bodies(f, "0", "0");
	assert_int_equal(lookup(f, 1).outcome, SB_REJECTED);
}

static void test_a_row_that_is_forgotten_lets_go(void **state)
{
	struct fixture *f = *state;
	static char reason[200000];
	uint64_t end;

	memset(reason, 'x', sizeof(reason) - 1);
	f->options.max_bytes = 1048576;
	reopen(f);
	insert_shared(f, 1);
	insert_routed(f, "one", 4, "app");
	end = fill_up(f, 10, 1000);
	assert_int_equal(settle(f, end - 1, SB_CAUSE_CLOUD, "4.00", reason), 0);
	for (uint64_t ticket = 1; ticket <= 4; ticket++)
		assert_int_equal(settle(f, ticket, SB_CAUSE_CLOUD, "4.00", reason), 0);
	assert_int_equal(lookup(f, 2).n, 0);
	expect_bodies(f, "0", "0");
	expect_rows(f, "route", "0");
}

/* Whatever was stored and whatever has ended: a body is there if and only if somebody needs it. */
static void test_at_random(void **state)
{
	static const enum sb_cause causes[] = { SB_CAUSE_DELIVERED, SB_CAUSE_CLOUD, SB_CAUSE_TTL };
	struct fixture *f = *state;
	unsigned int seed = 7;

	f->options.letters_kept = 20;
	reopen(f);
	for (uint64_t first = 1; first < 1500; first += 3) {
		insert_shared(f, first);
		for (int i = 0; i < 3; i++) {
			uint64_t ticket = 1 + (uint64_t)rand_r(&seed) % (first + 2);

			hand_over_end(f, ticket, causes[rand_r(&seed) % 3], 1);
			if (rand_r(&seed) % 4 == 0)
				(void)sb_store_discard(f->store, ticket, NULL, NULL);
		}
	}
	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT count(*) > 20 FROM body", "1");
	expect_query(
		f,
		"SELECT count(*) FROM body WHERE id NOT IN (SELECT body FROM share JOIN message"
		" USING (ticket) WHERE outcome = 0 OR dead = 1)",
		"0");
	expect_query(f,
		     "SELECT count(*) FROM message LEFT JOIN share USING (ticket) LEFT JOIN body"
		     " ON id = body WHERE (outcome = 0 OR dead = 1) <> (id NOT NULL)",
		     "0");
	reopen(f);
}

/* ---- What moves ---- */

static struct found routed(struct fixture *f, const char *link, uint64_t after)
{
	return search(f,
		      &(struct sb_search){
			      .kind = SB_SEARCH_ROUTED, .link = link, .ticket = after, .most = 9 });
}

static void test_what_may_move_is_found(void **state)
{
	struct fixture *f = *state;

	insert(f, "one", 1);
	insert_routed(f, "one", 2, "app/a");
	insert_routed(f, "two", 3, "app/b");
	insert_routed(f, "one", 4, "app/c");
	assert_string_equal(routed(f, "one", 0).tickets, "2 4 ");
	assert_string_equal(routed(f, "one", 2).tickets, "4 ");
	assert_string_equal(routed(f, "three", 0).tickets, "");
	assert_string_equal(routed(f, "two", 0).text,
			    "two|t/1|" PAYLOAD "|30|50|1|4294967295|:1.7|1+10000||");
	assert_int_equal(deliver(f, 2), 0);
	assert_string_equal(routed(f, "one", 0).tickets, "4 ");
	expect_rows(f, "route", "2");
	assert_string_equal(routed(f, "one", 0).tickets, "4 ");
}

static void note_route(void *userdata, int error, const struct sb_record *records, size_t n)
{
	assert_int_equal(error, 0);
	assert_int_equal(n, 1);
	(void)snprintf(userdata, 32, "%s", records->route);
}

static void test_a_message_moves(void **state)
{
	const struct sb_search search = { .kind = SB_SEARCH_ROUTED, .link = "two", .most = 1 };
	struct fixture *f = *state;
	char route[32] = "";

	insert_routed(f, "one", 1, "app/a");
	assert_int_equal(move(f, 1, "two", "other/topic"), 0);
	expect_fetch(f, "one", "");
	assert_string_equal(routed(f, "one", 0).tickets, "");
	assert_string_equal(lookup(f, 1).text,
			    "two|other/topic||30|50|1|4294967295|:1.7|1+10000||");
	assert_int_equal(sb_store_search(f->store, &search, note_route, route), 0);
	sb_store_drain(f->store);
	assert_string_equal(route, "app/a");
	assert_int_equal(move(f, 1, "one", "t/1"), 0);
	expect_fetch(f, "one", "1 ");
	assert_int_equal(deliver(f, 1), 0);
	expect_rows(f, "route", "0");
}

static void test_what_has_ended_does_not_move(void **state)
{
	struct fixture *f = *state;

	insert_routed(f, "one", 1, "app/a");
	insert_routed(f, "one", 2, "app/a");
	assert_int_equal(deliver(f, 1), 0);
	assert_int_equal(settle(f, 2, SB_CAUSE_CLOUD, "4.00", "no"), 0);
	assert_int_equal(move(f, 1, "two", "t"), -ENOENT);
	assert_int_equal(move(f, 2, "two", "t"), -ENOENT);
	assert_int_equal(move(f, 3, "two", "t"), -ENOENT);
	assert_int_equal(lookup(f, 1).outcome, SB_DELIVERED);
	expect_letters(f, "one", "2 ");
	expect_rows(f, "route", "0");
}

/* Payloads of a megabyte are enough for a search. */
static void test_a_search_with_payloads_is_bounded(void **state)
{
	struct fixture *f = *state;

	for (uint64_t ticket = 1; ticket <= 40; ticket++) {
		static const uint8_t payload[SB_PAYLOAD_MAX];
		struct sb_message *message = sb_message_new("t", payload, sizeof(payload), NULL);

		assert_non_null(message);
		message->ticket = ticket;
		message->route = strdup("app");
		insert_message(f, "one", message, NULL, NULL);
	}
	assert_int_equal(
		search(f,
		       &(struct sb_search){ .kind = SB_SEARCH_ROUTED, .link = "one", .most = 256 })
			.n,
		16);
	assert_string_equal(routed(f, "one", 38).tickets, "39 40 ");
}

/* ---- Older versions ---- */

/* As the second version wrote it: without bodies, shares and routes. */
static void test_the_second_version_is_brought_up_to_date(void **state)
{
	static const char go_back[] = "DROP TRIGGER message_ends; DROP TRIGGER message_moves;"
				      "DROP TRIGGER message_empties; DROP TRIGGER message_goes;"
				      "DROP TRIGGER share_goes; DROP TABLE route;"
				      "DROP TABLE share; DROP TABLE body;"
				      "DROP TABLE inbox_message; DROP TABLE inbox;"
				      "PRAGMA user_version = 2";
	struct fixture *f = *state;
	char ignored[8];

	insert_as(f, "one", 1, PAYLOAD, NULL, NULL);
	insert_as(f, "one", 2, PAYLOAD, NULL, NULL);
	insert_as(f, "one", 3, PAYLOAD, NULL, NULL);
	assert_int_equal(deliver(f, 2), 0);
	assert_int_equal(settle(f, 3, SB_CAUSE_CLOUD, "4.00", "no"), 0);
	f->store = sb_store_close(f->store);
	query(f, go_back, ignored, sizeof(ignored));
	reopen(f);
	expect_fetch(f, "one", "1 ");
	expect_letters(f, NULL, "3 ");
	assert_int_equal(deliver(f, 1), 0);
	insert_shared(f, 4);
	expect_payload(f, "one", 4, "t/one");
	expect_bodies(f, "1", "3");
}

/* As the fourth version wrote it: the end of a message is told by its outcome. */
static void test_the_fourth_version_is_brought_up_to_date(void **state)
{
	static const char go_back[] =
		"DROP TRIGGER message_ends;"
		"CREATE TRIGGER message_ends AFTER UPDATE OF outcome ON message BEGIN"
		" DELETE FROM route WHERE link = old.link AND ticket = old.ticket; END;"
		"PRAGMA user_version = 4";
	struct fixture *f = *state;
	char ignored[8];

	insert_routed(f, "one", 1, "a/route");
	f->store = sb_store_close(f->store);
	query(f, go_back, ignored, sizeof(ignored));
	reopen(f);
	assert_int_equal(deliver(f, 1), 0);
	expect_rows(f, "route", "0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest shared[] = {
		TEST(test_one_payload_for_all),
		TEST(test_without_a_payload_there_is_nothing_to_share),
		TEST(test_all_of_them_or_none),
		TEST(test_a_message_of_its_own_has_its_payload_in_its_row),
		TEST(test_sizes_count_for_each),
		TEST(test_the_last_delivered_lets_go),
		TEST(test_ends_between_others_let_go),
		TEST(test_a_dead_letter_keeps_it),
		TEST(test_a_letter_sent_again_lets_go),
		TEST(test_letters_pushed_out_by_newer_ones_let_go),
		TEST(test_a_row_that_is_forgotten_lets_go),
		TEST(test_at_random),
		TEST(test_the_second_version_is_brought_up_to_date),
		TEST(test_the_fourth_version_is_brought_up_to_date),
	};
	static const struct CMUnitTest moving[] = {
		TEST(test_what_may_move_is_found),
		TEST(test_a_message_moves),
		TEST(test_what_has_ended_does_not_move),
		TEST(test_a_search_with_payloads_is_bounded),
	};
	int failed = 0;

	failed += cmocka_run_group_tests_name("shared", shared, NULL, NULL);
	failed += cmocka_run_group_tests_name("moving", moving, NULL, NULL);

	return failed;
}
