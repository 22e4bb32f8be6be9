/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/store-db.h"
#include "tests/daemon/store-fixture.h"

#define HOUR_MS INT64_C(3600000)

/* ---- A full disk, and a store that may not grow ---- */

/* As a disk with little room, or none: writing fails, reading does not. */
static void limit_disk(const struct fixture *f, rlim_t bytes)
{
	struct rlimit limit = f->file_size;

	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	struct fetched fetched = { .error = 1 };
	int errors[2] = { 1, 1 };

	TAILQ_INIT(&fetched.messages);
	insert(f, "plant", 1);
	sb_store_drain(f->store);
	limit_disk(f, 0);
	insert_as(f, "plant", 2, "{}", note_error, &errors[0]);
	assert_int_equal(sb_store_fetch(f->store, "plant", SB_NORMAL, 0, 9, ENDLESS, take_fetched,
					&fetched),
			 0);
	insert_as(f, "plant", 3, "{}", note_error, &errors[1]);
	sb_store_drain(f->store);
	limit_disk(f, f->file_size.rlim_cur);

	/* Whoever read in the same transaction has not seen what came to nothing. */
	assert_int_equal(errors[0], -ENOSPC);
	assert_int_equal(errors[1], -ENOSPC);
	assert_int_equal(fetched.error, 0);
	assert_string_equal(fetched.tickets, "1 ");
	sb_message_list_clear(&fetched.messages);

	insert_as(f, "plant", 4, "{}", note_error, &errors[0]);
	expect_fetch(f, "plant", "1 4 ");
	assert_int_equal(errors[0], 0);
}

static void deliver_all(struct fixture *f, uint64_t first, uint64_t end)
{
	for (uint64_t ticket = first; ticket < end; ticket++)
		assert_int_equal(deliver(f, ticket), 0);
}

/*
 * While there is no room, messages end, and what has ended makes room for new ones. @f->store is full
 * soon.
 */
static void expect_to_heal(struct fixture *f)
{
	static char huge[2000000];
	int error = 1;
	uint64_t first;
	uint64_t second;

	first = fill_up(f, 1, 1000);
	assert_in_range(first, 300, 1200);

	assert_int_equal(deliver(f, 1), 0);
	deliver_all(f, 2, first);
	second = fill_up(f, first, 1000);
	assert_in_range(second, 3 * first / 2, 3 * first);
	deliver_all(f, first, second);

	/* The last ticket is never given up, or its number would be used again. */
	memset(huge, 'x', sizeof(huge) - 1);
	insert_as(f, "plant", second, huge, note_error, &error);
	sb_store_drain(f->store);
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(lookup(f, second - 1).outcome, SB_DELIVERED);
	assert_int_equal(lookup(f, second - 2).n, 0);
	reopen(f);
	assert_int_equal(sb_store_last_ticket(f->store), second - 1);
}

static void test_full_disk_heals(void **state)
{
	struct fixture *f = *state;

	limit_disk(f, 1200000);
	expect_to_heal(f);
}

static void bound_store(struct fixture *f, uint64_t max_bytes)
{
	f->options.max_bytes = max_bytes;
	reopen(f);
}

static void test_full_store_heals(void **state)
{
	struct fixture *f = *state;

	bound_store(f, 1200000);
	expect_to_heal(f);
}

static void test_store_keeps_to_its_bound(void **state)
{
	struct fixture *f = *state;
	struct stat status;

	bound_store(f, 1200000);
	(void)fill_up(f, 1, 2000);
	f->store = sb_store_close(f->store);
	assert_int_equal(stat(f->file, &status), 0);
	assert_in_range(status.st_size, 1, 1200000);
}

static void add_losses(void *userdata, int error, const struct sb_loss *losses, size_t n)
{
	assert_int_equal(error, 0);
	for (size_t i = 0; i < n; i++)
		*(uint64_t *)userdata += losses[i].messages;
}

static uint64_t count_losses(struct fixture *f)
{
	uint64_t sum = 0;

	assert_int_equal(sb_store_losses(f->store, add_losses, &sum), 0);
	sb_store_drain(f->store);

	return sum;
}

/*
 * Rows of small messages grow when these end, and ends far from one another split page after page. What
 * there is no room for is forgotten; it has ended and is counted all the same.
 */
static void test_whatever_ends_in_a_full_store_ends(void **state)
{
	static const enum sb_cause causes[] = {
		SB_CAUSE_CLOUD,	   SB_CAUSE_PLUGIN, SB_CAUSE_TTL,
		SB_CAUSE_REPLACED, SB_CAUSE_CALLER, SB_CAUSE_EVICTED,
	};
	struct fixture *f = *state;
	uint64_t remembered = 0;
	uint64_t ended = 0;
	uint64_t end;

	f->options.letters_kept = 100;
	bound_store(f, 1048576);
	end = fill_up(f, 1, 2);
	assert_in_range(end, 5000, 50000);
	for (uint64_t ticket = 1; ticket < end; ticket += 7, ended++) {
		enum sb_cause cause = causes[ticket % SB_ELEMENTS(causes)];
		struct found found;

		assert_int_equal(settle(f, ticket, cause, "4.00",
					"a sentence that says what was wrong with this message"),
				 0);
		found = lookup(f, ticket);
		if (found.n > 0)
			assert_int_equal(found.outcome, sb_cause_outcome(cause));
		remembered += found.n;
	}
	assert_true(count_losses(f) == ended);
	assert_in_range(remembered, ended / 8, ended);
}

/* The highest ticket of all may be forgotten too, and is not given out again. */
static void test_forgotten_tickets_are_not_given_out_again(void **state)
{
	struct fixture *f = *state;
	static char reason[200000];
	uint64_t end;

	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	bound_store(f, 1048576);
	end = fill_up(f, 1, 1000);
	assert_int_equal(settle(f, end - 1, SB_CAUSE_CLOUD, "4.00", reason), 0);
	assert_int_equal(lookup(f, end - 1).n, 0);
	assert_true(count_losses(f) == 1);
	reopen(f);
	assert_int_equal(sb_store_last_ticket(f->store), end - 1);
}

/* Ends, losses and values get in where messages do not; and the messages that follow are not harmed. */
static void test_full_store_takes_what_is_not_a_message(void **state)
{
	struct fixture *f = *state;
	const struct sb_boot boot = { .number = 1, .id = "one" };
	const struct sb_loss loss = { "plant", 1000, SB_CAUSE_STOPPED, 2 };
	int errors[3] = { 1, 1, 1 };
	uint64_t end;
	size_t n = 0;

	bound_store(f, 1048576);
	end = fill_up(f, fill_up(f, 1, 1000), 2);
	insert_as(f, "plant", end, "{}", note_error, &errors[0]);
	hand_over_end(f, 1, SB_CAUSE_CLOUD, 1);
	assert_int_equal(sb_store_reserve(f->store, 123456, note_error, &errors[1]), 0);
	assert_int_equal(sb_store_put(f->store, "plant", "k", "v", 1, note_error, &errors[2]), 0);
	assert_int_equal(sb_store_put_boot(f->store, &boot, NULL, NULL), 0);
	assert_int_equal(sb_store_count_loss(f->store, &loss, NULL, NULL), 0);
	sb_store_drain(f->store);
	assert_int_equal(errors[0], -ENOSPC);
	assert_int_equal(errors[1], 0);
	assert_int_equal(errors[2], 0);
	assert_int_equal(lookup(f, 1).outcome, SB_REJECTED);
	reopen(f);
	assert_int_equal(sb_store_last_ticket(f->store), 123456);
	assert_non_null(sb_store_boots(f->store, &n));
	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT group_concat(owner || ':' || cause || ':' || n) FROM loss",
		     "1000:7:2,4294967295:1:1");
}

/* ---- What is kept, and for how long ---- */

static void test_old_ends_are_forgotten(void **state)
{
	struct fixture *f = *state;

	insert(f, "plant", 1);
	insert(f, "plant", 2);
	hand_over_end(f, 1, SB_CAUSE_CLOUD, 1);
	for (uint64_t ticket = 3; ticket <= 1100; ticket++) {
		insert(f, "plant", ticket);
		hand_over_end(f, ticket, SB_CAUSE_DELIVERED, 1);
	}
	sb_store_drain(f->store);
	assert_int_equal(lookup(f, 3).outcome, SB_DELIVERED);

	/* A far higher ticket, and so many ends that it is time to clear up. */
	for (uint64_t ticket = 200000; ticket < 201100; ticket++) {
		insert(f, "plant", ticket);
		hand_over_end(f, ticket, SB_CAUSE_DELIVERED, 1);
	}
	reopen(f);
	assert_int_equal(lookup(f, 3).n, 0);
	assert_int_equal(lookup(f, 1).outcome, SB_REJECTED);
	assert_int_equal(lookup(f, 2).outcome, SB_STORED);
	assert_int_equal(lookup(f, 200000).outcome, SB_DELIVERED);
	assert_int_equal(sb_store_last_ticket(f->store), 201099);
}

static void test_the_number_kept_is_a_setting(void **state)
{
	struct fixture *f = *state;

	f->options.tickets_kept = 10;
	reopen(f);
	for (uint64_t ticket = 1; ticket <= 1024; ticket++) {
		insert(f, "plant", ticket);
		hand_over_end(f, ticket, SB_CAUSE_DELIVERED, 1);
	}
	reopen(f);
	assert_int_equal(lookup(f, 1014).n, 0);
	assert_int_equal(lookup(f, 1015).n, 1);
}

static void end_at(struct fixture *f, uint64_t ticket, enum sb_cause cause, int64_t at_ms)
{
	insert(f, "plant", ticket);
	assert_int_equal(settle_at(f, ticket, cause, "", "", at_ms), 0);
}

/* An hour passes at least between the clearings up. */
static void test_ends_are_forgotten_by_age(void **state)
{
	struct fixture *f = *state;

	f->options.tickets_kept_s = 10 * 3600;
	reopen(f);
	insert(f, "plant", 1);
	end_at(f, 2, SB_CAUSE_CLOUD, HOUR_MS / 2);
	end_at(f, 3, SB_CAUSE_TTL, HOUR_MS / 2);
	end_at(f, 4, SB_CAUSE_DELIVERED, 10 * HOUR_MS);
	assert_int_equal(lookup(f, 3).n, 1);
	end_at(f, 5, SB_CAUSE_DELIVERED, 13 * HOUR_MS);
	end_at(f, 6, SB_CAUSE_DELIVERED, 15 * HOUR_MS);
	assert_int_equal(lookup(f, 3).n, 0);
	assert_int_equal(lookup(f, 4).n, 1);
	assert_int_equal(lookup(f, 1).outcome, SB_STORED);
	assert_int_equal(lookup(f, 2).outcome, SB_REJECTED);
	expect_letters(f, NULL, "2 ");

	/* Nothing is too old before time itself is old enough; the last ticket always stays. */
	reopen(f);
	assert_int_equal(settle_at(f, 1, SB_CAUSE_DELIVERED, "", "", 40 * HOUR_MS), 0);
	assert_int_equal(lookup(f, 4).n, 0);
	assert_int_equal(lookup(f, 5).n, 0);
	assert_int_equal(lookup(f, 6).n, 1);
}

static void test_age_is_no_matter_without_a_bound(void **state)
{
	struct fixture *f = *state;

	end_at(f, 1, SB_CAUSE_DELIVERED, 1);
	for (uint64_t ticket = 2; ticket < 6; ticket++)
		end_at(f, ticket, SB_CAUSE_DELIVERED, (int64_t)ticket * 100000 * HOUR_MS);
	assert_int_equal(lookup(f, 1).n, 1);
}

/* A ticket is remembered although its message, a dead letter, has made room for others. */
static void test_dead_letters_lose_their_payload_only(void **state)
{
	struct fixture *f = *state;

	for (uint64_t ticket = 1; ticket <= 3000; ticket++) {
		insert(f, "plant", ticket);
		hand_over_end(f, ticket, SB_CAUSE_CLOUD, 1);
	}
	reopen(f);
	assert_int_equal(lookup(f, 1).outcome, SB_REJECTED);
	assert_int_equal(lookup(f, 3000).outcome, SB_REJECTED);
	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT count(*) BETWEEN 1000 AND 2500 FROM message WHERE payload NOT NULL",
		     "1");
	expect_query(f, "SELECT count(*) FROM message WHERE dead <> (payload NOT NULL)", "0");
	expect_query(f, "SELECT dead FROM message WHERE ticket = 3000", "1");
	reopen(f);
}

static void test_no_letters_are_kept_if_so_set(void **state)
{
	struct fixture *f = *state;

	f->options.letters_kept = 0;
	reopen(f);
	for (uint64_t ticket = 1; ticket <= 1024; ticket++) {
		insert(f, "plant", ticket);
		hand_over_end(f, ticket, SB_CAUSE_CLOUD, 1);
	}
	sb_store_drain(f->store);
	insert(f, "plant", 1025);
	expect_letters(f, NULL, "");
	assert_int_equal(lookup(f, 1024).outcome, SB_REJECTED);
}

/* ---- What is undone ---- */

static void db_insert(struct sb_db *db, const char *link, uint64_t ticket)
{
	struct sb_message *message = message_new(ticket, "p");

	assert_int_equal(sb_db_insert(db, link, message), 0);
	(void)sb_message_free(message);
}

/* Its number is the next link's. */
static void test_a_link_that_is_undone_has_no_number(void **state)
{
	struct fixture *f = *state;
	struct sb_db *db = NULL;

	f->store = sb_store_close(f->store);
	assert_int_equal(sb_db_open(f->directory, &f->options, &db), 0);
	assert_int_equal(sb_db_begin(db), 0);
	db_insert(db, "one", 1);
	sb_db_rollback(db);
	assert_int_equal(sb_db_begin(db), 0);
	db_insert(db, "two", 1);
	db_insert(db, "one", 2);
	assert_int_equal(sb_db_commit(db), 0);
	(void)sb_db_close(db);
	reopen(f);
	expect_fetch(f, "one", "2 ");
	expect_fetch(f, "two", "1 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest full[] = {
		TEST(test_full_disk),
		TEST(test_full_disk_heals),
		TEST(test_full_store_heals),
		TEST(test_store_keeps_to_its_bound),
		TEST(test_whatever_ends_in_a_full_store_ends),
		TEST(test_forgotten_tickets_are_not_given_out_again),
		TEST(test_full_store_takes_what_is_not_a_message),
		TEST(test_a_link_that_is_undone_has_no_number),
	};
	static const struct CMUnitTest kept[] = {
		TEST(test_old_ends_are_forgotten),
		TEST(test_the_number_kept_is_a_setting),
		TEST(test_ends_are_forgotten_by_age),
		TEST(test_age_is_no_matter_without_a_bound),
		TEST(test_dead_letters_lose_their_payload_only),
		TEST(test_no_letters_are_kept_if_so_set),
	};
	int failed = 0;

	failed += cmocka_run_group_tests_name("full", full, NULL, NULL);
	failed += cmocka_run_group_tests_name("kept", kept, NULL, NULL);

	return failed;
}
