/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/store-sql.h"
#include "tests/daemon/store-fixture.h"

/* ---- Searches ---- */

static void test_a_ticket_that_waits(void **state)
{
	struct fixture *f = *state;
	struct sb_message *message = message_new(7, "{}");

	message->priority = SB_URGENT;
	message->owner = 1000;
	message->content_format = SKYBUS_NO_FORMAT;
	insert_message(f, "plant", message, NULL, NULL);
	assert_string_equal(lookup(f, 7).text, "plant|t/1||2|4294967295|2|1000|:1.7|1+10000||");
	assert_int_equal(lookup(f, 7).outcome, SB_STORED);
	assert_int_equal(lookup(f, 8).n, 0);

	/* A name on the bus means somebody else, or nobody, after a restart. */
	reopen(f);
	assert_string_equal(lookup(f, 7).text, "plant|t/1||2|4294967295|2|1000||1+10000||");
}

static void insert_with_ttl(struct fixture *f, uint64_t ticket, uint32_t boot, int64_t ms,
			    uint32_t ttl_s)
{
	struct sb_message *message = message_new(ticket, "{}");

	message->taken = (struct sb_moment){ boot, ms };
	message->ttl_s = ttl_s;
	insert_message(f, "plant", message, NULL, NULL);
}

static void expect_overdue(struct fixture *f, int64_t now_ms, size_t most, const char *tickets)
{
	const struct sb_search overdue = {
		.kind = SB_SEARCH_OVERDUE,
		.now_ms = now_ms,
		.most = most,
	};

	assert_string_equal(search(f, &overdue).tickets, tickets);
}

/* The second boot began when the first was 100 s old, for all that was known then. */
static void test_overdue_over_boots(void **state)
{
	struct fixture *f = *state;
	struct sb_boot boots[] = {
		{ .number = 1, .id = "one" },
		{ .number = 2, .id = "two", .base_ms = 100000 },
	};

	assert_int_equal(sb_store_put_boot(f->store, &boots[0], NULL, NULL), 0);
	assert_int_equal(sb_store_put_boot(f->store, &boots[1], NULL, NULL), 0);
	insert_with_ttl(f, 1, 1, 50000, 100); /* until 150 s */
	insert_with_ttl(f, 2, 1, 50000, 60); /* until 110 s */
	insert_with_ttl(f, 3, 1, 50000, 0);
	insert_with_ttl(f, 4, 2, 5000, 20); /* until 125 s */
	insert_with_ttl(f, 5, 2, 5000, 1); /* until 106 s, and delivered before */
	assert_int_equal(deliver(f, 5), 0);

	expect_overdue(f, 109999, 9, "");
	expect_overdue(f, 110000, 9, "2 ");
	expect_overdue(f, 130000, 9, "2 4 ");
	expect_overdue(f, 1000000, 9, "2 1 4 ");
	expect_overdue(f, 1000000, 2, "2 1 ");

	/* It was off for an hour, as is known now: all of this boot is later by that. */
	boots[1].base_ms += 3600000;
	assert_int_equal(sb_store_put_boot(f->store, &boots[1], NULL, NULL), 0);
	expect_overdue(f, 130000, 9, "2 ");
	expect_overdue(f, 3725000, 9, "2 1 4 ");
}

static void insert_replacing(struct fixture *f, const char *link, uint64_t ticket,
			     const char *topic, bool replaces)
{
	struct sb_message *message = sb_message_new(topic, "{}", 2, NULL);

	assert_non_null(message);
	message->ticket = ticket;
	message->replaces = replaces;
	insert_message(f, link, message, NULL, NULL);
}

static void test_what_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sb_search replaced = {
		.kind = SB_SEARCH_REPLACED,
		.ticket = 7,
		.link = "plant",
		.topic = "level",
		.most = 9,
	};

	insert_replacing(f, "plant", 1, "level", true);
	insert_replacing(f, "plant", 2, "level", false);
	insert_replacing(f, "other", 3, "level", true);
	insert_replacing(f, "plant", 4, "other", true);
	insert_replacing(f, "plant", 5, "level", true);
	insert_replacing(f, "plant", 6, "level", true);
	insert_replacing(f, "plant", 7, "level", true);
	insert_replacing(f, "plant", 8, "level", true);
	assert_int_equal(deliver(f, 5), 0);
	assert_string_equal(search(f, &replaced).tickets, "1 6 ");
	replaced.most = 1;
	assert_string_equal(search(f, &replaced).tickets, "1 ");
	replaced.link = "nobody";
	assert_string_equal(search(f, &replaced).tickets, "");
}

/* ---- Dead letters ---- */

static void reject(struct fixture *f, const char *link, uint64_t ticket, const char *payload)
{
	insert_as(f, link, ticket, payload, NULL, NULL);
	assert_int_equal(settle(f, ticket, SB_CAUSE_CLOUD, "4.06", "no such model"), 0);
}

static struct found read_letter(struct fixture *f, uint64_t ticket)
{
	const struct sb_search letter = {
		.kind = SB_SEARCH_LETTER,
		.ticket = ticket,
		.most = 1,
	};

	return search(f, &letter);
}

static void test_letters_are_listed_and_read(void **state)
{
	struct fixture *f = *state;
	struct sb_search letters = { .kind = SB_SEARCH_LETTERS, .ticket = 1, .most = 1 };

	reject(f, "plant", 1, "one");
	reject(f, "other", 2, "");
	reject(f, "plant", 3, "three");
	insert(f, "plant", 4);
	insert(f, "plant", 5);
	assert_int_equal(settle(f, 5, SB_CAUSE_TTL, "", "late"), 0);
	expect_letters(f, NULL, "1 2 3 ");
	expect_letters(f, "plant", "1 3 ");
	expect_letters(f, "nobody", "");
	assert_string_equal(search(f, &letters).tickets, "2 ");
	assert_string_equal(search(f, &letters).text,
			    "other|t/1||0|50|1|4294967295||1+10000|4.06|no such model");

	/* The payload only where it was asked for. */
	assert_string_equal(read_letter(f, 3).text,
			    "plant|t/1|three|5|50|1|4294967295||1+10000|4.06|no such model");
	assert_string_equal(lookup(f, 3).text,
			    "plant|t/1||5|50|1|4294967295||1+10000|4.06|no such model");
	assert_int_equal(read_letter(f, 2).n, 1);
	assert_int_equal(read_letter(f, 4).n, 0);
	assert_int_equal(read_letter(f, 5).n, 0);
}

static int discard(struct fixture *f, uint64_t ticket)
{
	int error = 1;

	assert_int_equal(sb_store_discard(f->store, ticket, note_error, &error), 0);
	sb_store_drain(f->store);

	return error;
}

static void test_a_letter_is_thrown_away(void **state)
{
	struct fixture *f = *state;

	reject(f, "plant", 1, "one");
	reject(f, "plant", 2, "");
	insert(f, "plant", 3);
	assert_int_equal(discard(f, 1), 0);
	assert_int_equal(discard(f, 1), -ENOENT);
	assert_int_equal(discard(f, 2), 0);
	assert_int_equal(discard(f, 3), -ENOENT);
	assert_int_equal(discard(f, 9), -ENOENT);
	expect_letters(f, NULL, "");
	expect_fetch(f, "plant", "3 ");
	assert_string_equal(lookup(f, 1).text,
			    "plant|t/1||0|50|1|4294967295||1+10000|4.06|no such model");
	assert_int_equal(lookup(f, 1).outcome, SB_REJECTED);
}

static int requeue_as(struct fixture *f, uint64_t letter, uint64_t ticket)
{
	struct sb_message *message = message_new(ticket, "again");
	int error = 1;

	message->requeues = letter;
	insert_message(f, "plant", message, note_error, &error);
	sb_store_drain(f->store);

	return error;
}

static void test_a_letter_is_sent_again(void **state)
{
	struct fixture *f = *state;

	reject(f, "plant", 1, "one");
	assert_int_equal(requeue_as(f, 1, 7), 0);
	expect_letters(f, NULL, "");
	expect_fetch(f, "plant", "7 ");
	assert_string_equal(lookup(f, 1).text, "plant|t/1||0|50|1|4294967295||1+10000|4.06|"
					       "no such model (sent again as ticket 7)");
}

static void test_a_letter_is_sent_again_once(void **state)
{
	struct fixture *f = *state;

	reject(f, "plant", 1, "one");
	insert(f, "plant", 2);
	assert_int_equal(requeue_as(f, 1, 7), 0);
	assert_int_equal(requeue_as(f, 1, 8), -ENOENT);
	assert_int_equal(requeue_as(f, 2, 9), -ENOENT);
	assert_int_equal(requeue_as(f, 99, 10), -ENOENT);
	expect_fetch(f, "plant", "2 7 ");
}

/* The letter is as it was, and so is what else is in the transaction. */
static void test_a_letter_stays_if_it_cannot_be_sent_again(void **state)
{
	struct fixture *f = *state;
	struct sb_message *message = message_new(2, "again");
	int errors[2] = { 1, 1 };

	reject(f, "plant", 1, "one");
	insert(f, "plant", 2);
	sb_store_drain(f->store);
	message->requeues = 1;
	insert_message(f, "plant", message, note_error, &errors[0]);
	insert_as(f, "plant", 3, "{}", note_error, &errors[1]);
	sb_store_drain(f->store);
	assert_int_equal(errors[0], -EEXIST);
	assert_int_equal(errors[1], 0);
	assert_string_equal(read_letter(f, 1).text,
			    "plant|t/1|one|3|50|1|4294967295||1+10000|4.06|no such model");
	expect_fetch(f, "plant", "2 3 ");
}

/* ---- Losses ---- */

struct listed {
	char text[256];
	size_t len;
};

static void note_losses(void *userdata, int error, const struct sb_loss *losses, size_t n)
{
	struct listed *listed = userdata;

	assert_int_equal(error, 0);
	for (size_t i = 0; i < n; i++)
		listed->len += (size_t)snprintf(listed->text + listed->len,
						sizeof(listed->text) - listed->len,
						"%s/%u/%s: %llu\n", losses[i].link, losses[i].owner,
						sb_cause_word(losses[i].cause),
						(unsigned long long)losses[i].messages);
}

static void expect_losses(struct fixture *f, const char *text)
{
	struct listed listed = { 0 };

	assert_int_equal(sb_store_losses(f->store, note_losses, &listed), 0);
	sb_store_drain(f->store);
	assert_string_equal(listed.text, text);
}

static void end_of(struct fixture *f, const char *link, uint64_t ticket, uint32_t owner,
		   enum sb_cause cause)
{
	struct sb_message *message = message_new(ticket, "{}");

	message->owner = owner;
	insert_message(f, link, message, NULL, NULL);
	assert_int_equal(settle(f, ticket, cause, "", ""), 0);
}

static void test_what_is_not_delivered_is_a_loss(void **state)
{
	struct fixture *f = *state;
	const struct sb_loss stopped = { "memory", 1000, SB_CAUSE_STOPPED, 5 };

	expect_losses(f, "");
	end_of(f, "plant", 1, 1000, SB_CAUSE_DELIVERED);
	end_of(f, "plant", 2, 1000, SB_CAUSE_TTL);
	end_of(f, "plant", 3, 1000, SB_CAUSE_TTL);
	end_of(f, "plant", 4, SB_NO_OWNER, SB_CAUSE_TTL);
	end_of(f, "plant", 5, 0, SB_CAUSE_CLOUD);
	end_of(f, "other", 6, 1000, SB_CAUSE_CALLER);
	assert_int_equal(settle(f, 6, SB_CAUSE_CALLER, "", ""), -ENOENT);
	assert_int_equal(settle(f, 7, SB_CAUSE_CALLER, "", ""), -ENOENT);
	assert_int_equal(sb_store_count_loss(f->store, &stopped, NULL, NULL), 0);
	assert_int_equal(sb_store_count_loss(f->store, &stopped, NULL, NULL), 0);
	reopen(f);
	expect_losses(f, "memory/1000/held-in-memory: 10\n"
			 "other/1000/cancelled: 1\n"
			 "plant/0/refused-by-cloud: 1\n"
			 "plant/1000/ttl: 2\n"
			 "plant/4294967295/ttl: 1\n");
}

/* Neither is written without the other: here the loss cannot be. */
static void test_an_end_and_its_loss_are_one(void **state)
{
	struct fixture *f = *state;
	char ignored[8];

	insert(f, "plant", 1);
	insert(f, "plant", 2);
	f->store = sb_store_close(f->store);
	query(f, "CREATE TRIGGER t BEFORE INSERT ON loss BEGIN SELECT RAISE(ABORT, 'no'); END",
	      ignored, sizeof(ignored));
	reopen(f);
	hand_over_end(f, 2, SB_CAUSE_DELIVERED, 1);
	assert_int_equal(settle(f, 1, SB_CAUSE_TTL, "", "late"), -EEXIST);
	assert_int_equal(lookup(f, 1).outcome, SB_STORED);
	assert_int_equal(lookup(f, 2).outcome, SB_DELIVERED);
	expect_fetch(f, "plant", "1 ");

	f->store = sb_store_close(f->store);
	query(f, "DROP TRIGGER t", ignored, sizeof(ignored));
	reopen(f);
	expect_losses(f, "");
	assert_int_equal(settle(f, 1, SB_CAUSE_TTL, "", "late"), 0);
	expect_losses(f, "plant/4294967295/ttl: 1\n");
}

/* ---- Boots ---- */

static void test_boots_are_kept_as_they_were_put(void **state)
{
	struct fixture *f = *state;
	struct sb_boot boot = {
		.number = 1,
		.id = "01234567-89ab-cdef-0123-456789abcdef",
		.base_ms = 5,
		.last_ms = 6,
		.offset_ms = 1700000000000,
	};
	const struct sb_boot *boots;
	size_t n = 9;

	assert_null(sb_store_boots(f->store, &n));
	assert_int_equal(n, 0);
	assert_int_equal(sb_store_put_boot(f->store, &boot, NULL, NULL), 0);
	boot.last_ms = 700;
	boot.synchronised = true;
	assert_int_equal(sb_store_put_boot(f->store, &boot, NULL, NULL), 0);
	reopen(f);
	boots = sb_store_boots(f->store, &n);
	assert_int_equal(n, 1);
	assert_int_equal(boots->number, 1);
	assert_string_equal(boots->id, boot.id);
	assert_true(boots->base_ms == 5);
	assert_true(boots->last_ms == 700);
	assert_true(boots->offset_ms == 1700000000000);
	assert_true(boots->synchronised);
}

static void test_boots_stay_while_something_belongs_to_them(void **state)
{
	static const uint32_t kept[] = { 2, 4, 6 };
	struct fixture *f = *state;
	const struct sb_boot *boots;
	size_t n;

	for (uint32_t number = 6; number >= 1; number--) {
		const struct sb_boot boot = { .number = number, .id = "x" };

		assert_int_equal(sb_store_put_boot(f->store, &boot, NULL, NULL), 0);
	}
	insert_with_ttl(f, 1, 2, 1, 0); /* waits */
	insert_with_ttl(f, 2, 3, 1, 0);
	insert_with_ttl(f, 3, 4, 1, 0);
	assert_int_equal(deliver(f, 2), 0);
	assert_int_equal(settle(f, 3, SB_CAUSE_CLOUD, "", ""), 0);
	reopen(f);
	boots = sb_store_boots(f->store, &n);
	assert_int_equal(n, SB_ELEMENTS(kept));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(boots[i].number, kept[i]);

	assert_int_equal(deliver(f, 1), 0);
	assert_int_equal(discard(f, 3), 0);
	reopen(f);
	boots = sb_store_boots(f->store, &n);
	assert_int_equal(n, 1);
	assert_int_equal(boots->number, 6);
}

static void test_a_boot_is_as_old_as_its_newest_message(void **state)
{
	struct fixture *f = *state;
	struct sb_boot boot = { .number = 2, .id = "x", .last_ms = 500 };
	size_t n;

	assert_int_equal(sb_store_put_boot(f->store, &boot, NULL, NULL), 0);
	insert_with_ttl(f, 1, 1, 9000, 0);
	reopen(f);
	assert_true(sb_store_boots(f->store, &n)->last_ms == 500);
	insert_with_ttl(f, 2, 2, 400, 0);
	reopen(f);
	assert_true(sb_store_boots(f->store, &n)->last_ms == 500);
	insert_with_ttl(f, 3, 2, 600, 0);
	reopen(f);
	assert_true(sb_store_boots(f->store, &n)->last_ms == 600);
}

static void expect_unnoted_boot(struct fixture *f)
{
	const struct sb_boot *boots;
	size_t n;

	reopen(f);
	boots = sb_store_boots(f->store, &n);
	assert_int_equal(n, 2);
	assert_int_equal(boots[0].number, 1);
	assert_int_equal(boots[1].number, 3);
	assert_string_equal(boots[1].id, "");
	assert_true(boots[1].base_ms == 150);
	assert_true(boots[1].last_ms == 4000);
}

/* The daemon died before its boot was noted: the number is gone all the same, and so is the time. */
static void test_a_boot_that_was_not_noted(void **state)
{
	struct fixture *f = *state;
	const struct sb_boot boot = { .number = 1, .id = "x", .base_ms = 100, .last_ms = 50 };
	struct rlimit limit = f->file_size;

	assert_int_equal(sb_store_put_boot(f->store, &boot, NULL, NULL), 0);
	insert_with_ttl(f, 1, 1, 20, 0);
	insert_with_ttl(f, 2, 3, 3000, 0);
	insert_with_ttl(f, 3, 3, 4000, 60);
	sb_store_drain(f->store);

	/* Also while the disk does not take it. */
	limit.rlim_cur = 0;
	f->store = sb_store_close(f->store);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect_unnoted_boot(f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &f->file_size), 0);
	expect_overdue(f, 150 + 64000, 9, "");

	expect_unnoted_boot(f);
	expect_overdue(f, 150 + 63999, 9, "");
	expect_overdue(f, 150 + 64000, 9, "3 ");
}

/* ---- How SQLite goes about it ---- */

/* Whether a line of the plan for a statement has this in it. */
static bool plan_has(struct sb_db *db, enum sb_sql which, const char *text)
{
	sqlite3_stmt *plan = NULL;
	char sql[2048];
	bool found = false;

	(void)snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s",
		       sqlite3_sql(db->statements[which]));
	assert_int_equal(sqlite3_prepare_v2(db->handle, sql, -1, &plan, NULL), SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW)
		found |= strstr((const char *)sqlite3_column_text(plan, 3), text) != NULL;
	assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);

	return found;
}

static void test_nothing_is_scanned_or_sorted(void **state)
{
	static const struct {
		enum sb_sql which;
		const char *how;
	} plans[] = {
		{ SB_SQL_FETCH,
		  "SEARCH message USING INDEX message_pending (link=? AND priority=? AND rowid>?)" },
		{ SB_SQL_SETTLE, "SEARCH message USING INTEGER PRIMARY KEY (rowid=?)" },
		{ SB_SQL_END_LETTER, "SEARCH message USING INTEGER PRIMARY KEY (rowid=?)" },
		{ SB_SQL_SEARCH_TICKET, "SEARCH message USING INTEGER PRIMARY KEY (rowid=?)" },
		{ SB_SQL_SEARCH_OVERDUE, "SEARCH message USING INDEX message_expiring (boot=? AND "
					 "expires_ms<?)" },
		{ SB_SQL_SEARCH_REPLACED, "SEARCH message USING INDEX message_replaceable (link=? "
					  "AND topic=? AND rowid<?)" },
		{ SB_SQL_SEARCH_LETTERS,
		  "SEARCH message USING INDEX message_letters (dead=? AND rowid>?)" },
		{ SB_SQL_SEARCH_LETTER, "SEARCH message USING INTEGER PRIMARY KEY (rowid=?)" },
		{ SB_SQL_TRIM_END,
		  "SEARCH message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" },
		{ SB_SQL_TRIM, "SEARCH message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" },
	};
	struct fixture *f = *state;
	struct sb_db *db = NULL;

	f->store = sb_store_close(f->store);
	assert_int_equal(sb_db_open(f->directory, &f->options, &db), 0);
	for (size_t i = 0; i < SB_ELEMENTS(plans); i++) {
		if (!plan_has(db, plans[i].which, plans[i].how) ||
		    plan_has(db, plans[i].which, "SCAN message") ||
		    plan_has(db, plans[i].which, "TEMP B-TREE"))
			fail_msg("not by \"%s\": %s", plans[i].how,
				 sqlite3_sql(db->statements[plans[i].which]));
	}
	/* All of an index, in its order, when the store is opened. */
	assert_false(plan_has(db, SB_SQL_BACKLOGS, "TEMP B-TREE"));
	assert_true(plan_has(db, SB_SQL_BACKLOGS, "USING INDEX message_pending"));
	(void)sb_db_close(db);
}

/* Only what needs it costs an entry in one index more. */
static void test_a_plain_message_is_in_one_index(void **state)
{
	struct fixture *f = *state;

	insert(f, "plant", 1);
	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT count(*) FROM message INDEXED BY message_pending WHERE outcome = 0",
		     "1");
	expect_query(f,
		     "SELECT count(*) FROM message INDEXED BY message_expiring WHERE outcome = 0"
		     " AND expires_ms IS NOT NULL",
		     "0");
	expect_query(f,
		     "SELECT count(*) FROM message INDEXED BY message_replaceable WHERE outcome = 0"
		     " AND replaces = 1",
		     "0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_ticket_that_waits),
		TEST(test_overdue_over_boots),
		TEST(test_what_is_replaced),
		TEST(test_letters_are_listed_and_read),
		TEST(test_a_letter_is_thrown_away),
		TEST(test_a_letter_is_sent_again),
		TEST(test_a_letter_is_sent_again_once),
		TEST(test_a_letter_stays_if_it_cannot_be_sent_again),
		TEST(test_what_is_not_delivered_is_a_loss),
		TEST(test_an_end_and_its_loss_are_one),
		TEST(test_boots_are_kept_as_they_were_put),
		TEST(test_boots_stay_while_something_belongs_to_them),
		TEST(test_a_boot_is_as_old_as_its_newest_message),
		TEST(test_a_boot_that_was_not_noted),
		TEST(test_nothing_is_scanned_or_sorted),
		TEST(test_a_plain_message_is_in_one_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
