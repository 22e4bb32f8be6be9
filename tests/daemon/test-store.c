/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "daemon/store.h"
#include "skybus/plugin.h"
#include "tests/daemon/scratch.h"

#define ENDLESS 1000000

struct fixture {
	struct scratch scratch;
	char directory[80];
	char file[96];
	struct sb_loop *loop;
	struct sb_store *store;
	struct rlimit file_size;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	sb_log_set_level(LOG_EMERG);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)getrlimit(RLIMIT_FSIZE, &f->file_size);
	scratch_init(&f->scratch);
	(void)snprintf(f->directory, sizeof(f->directory), "%s/state", f->scratch.path);
	(void)snprintf(f->file, sizeof(f->file), "%s/skybus.db", f->directory);
	assert_int_equal(sb_loop_new(&f->loop), 0);
	assert_int_equal(sb_store_open(f->loop, f->directory, SB_SYNC_NORMAL, &f->store), 0);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)setrlimit(RLIMIT_FSIZE, &f->file_size);
	(void)sb_store_close(f->store);
	(void)sb_loop_free(f->loop);
	scratch_done(&f->scratch);
	free(f);

	return 0;
}

static void reopen(struct fixture *f)
{
	f->store = sb_store_close(f->store);
	assert_int_equal(sb_store_open(f->loop, f->directory, SB_SYNC_FULL, &f->store), 0);
}

/* As a disk with little room, or none: writing fails, reading does not. */
static void limit_disk(const struct fixture *f, rlim_t bytes)
{
	struct rlimit limit = f->file_size;

	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* What SQL says of the closed database, as text. */
static void query(const struct fixture *f, const char *sql, char *ret, size_t size)
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	*ret = '\0';
	if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0))
		(void)snprintf(ret, size, "%s", (const char *)sqlite3_column_text(statement, 0));
	assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void expect_query(const struct fixture *f, const char *sql, const char *expected)
{
	char text[256];

	query(f, sql, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void count_done(void *userdata, int error)
{
	int *n = userdata;

	assert_int_equal(error, 0);
	(*n)++;
}

static void note_error(void *userdata, int error)
{
	*(int *)userdata = error;
}

static void insert_as(struct fixture *f, const char *link, uint64_t ticket, const char *payload,
		      sb_store_done_fn *done, void *userdata)
{
	struct sb_message *message = sb_message_new("t/1", payload, strlen(payload), ":1.7");

	assert_non_null(message);
	message->ticket = ticket;
	message->content_format = SKYBUS_FORMAT_JSON;
	message->time_ms = 1234567890123;
	assert_int_equal(sb_store_insert(f->store, link, message, done, userdata), 0);
	(void)sb_message_free(message);
}

static void insert(struct fixture *f, const char *link, uint64_t ticket)
{
	insert_as(f, link, ticket, "{}", NULL, NULL);
}

static int settle(struct fixture *f, uint64_t ticket, enum sb_outcome outcome, const char *code,
		  const char *reason)
{
	const struct sb_settlement settlement = { ticket, outcome, code, reason };
	int error = 1;

	assert_int_equal(sb_store_settle(f->store, &settlement, note_error, &error), 0);
	sb_store_drain(f->store);

	return error;
}

struct fetched {
	int error;
	char tickets[256];
	struct sb_message_list messages;
};

static void take_fetched(void *userdata, int error, struct sb_message_list *messages)
{
	struct fetched *fetched = userdata;
	const struct sb_message *message;
	size_t len = 0;

	fetched->error = error;
	TAILQ_CONCAT(&fetched->messages, messages, entry);
	TAILQ_FOREACH(message, &fetched->messages, entry)
		len += (size_t)snprintf(fetched->tickets + len, sizeof(fetched->tickets) - len,
					"%llu ", (unsigned long long)message->ticket);
}

static void expect_fetch(struct fixture *f, const char *link, uint64_t after, size_t max_messages,
			 size_t max_bytes, const char *tickets)
{
	struct fetched fetched = { .error = 1 };

	TAILQ_INIT(&fetched.messages);
	assert_int_equal(sb_store_fetch(f->store, link, after, max_messages, max_bytes,
					take_fetched, &fetched),
			 0);
	sb_store_drain(f->store);
	assert_int_equal(fetched.error, 0);
	assert_string_equal(fetched.tickets, tickets);
	sb_message_list_clear(&fetched.messages);
}

struct found {
	int error;
	enum sb_outcome outcome;
	char text[128];
};

static void note_found(void *userdata, int error, const struct sb_settlement *settlement)
{
	struct found *found = userdata;

	found->error = error;
	if (error < 0)
		return;
	found->outcome = settlement->outcome;
	(void)snprintf(found->text, sizeof(found->text), "%llu|%s|%s",
		       (unsigned long long)settlement->ticket, settlement->code,
		       settlement->reason);
}

static struct found lookup(struct fixture *f, uint64_t ticket)
{
	struct found found = { .error = 1 };

	assert_int_equal(sb_store_lookup(f->store, ticket, note_found, &found), 0);
	sb_store_drain(f->store);

	return found;
}

/* ---- The file ---- */

static void test_files_are_private(void **state)
{
	struct fixture *f = *state;
	struct stat status;
	char wal[112];

	insert(f, "plant", 1);
	sb_store_drain(f->store);
	(void)snprintf(wal, sizeof(wal), "%s-wal", f->file);
	assert_int_equal(stat(f->directory, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(f->file, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(stat(wal, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_missing_parent(void **state)
{
	struct fixture *f = *state;
	struct sb_store *store = NULL;
	const char *nowhere = scratch_path(&f->scratch, "no/where");

	assert_int_equal(sb_store_open(f->loop, nowhere, SB_SYNC_FULL, &store), -ENOENT);
	assert_null(store);
}

static void test_second_process_is_refused(void **state)
{
	struct fixture *f = *state;
	struct sb_store *second = NULL;

	assert_int_equal(sb_store_open(f->loop, f->directory, SB_SYNC_FULL, &second), -EBUSY);
	insert(f, "plant", 1);
	expect_fetch(f, "plant", 0, 10, ENDLESS, "1 ");
}

static void test_foreign_databases_are_refused(void **state)
{
	struct fixture *f = *state;
	char ignored[8];

	f->store = sb_store_close(f->store);
	expect_query(f, "PRAGMA user_version", "1");
	query(f, "PRAGMA user_version = 2", ignored, sizeof(ignored));
	assert_int_equal(sb_store_open(f->loop, f->directory, SB_SYNC_FULL, &f->store), -EPROTO);
	assert_null(f->store);
	expect_query(f, "PRAGMA user_version", "2");

	query(f, "PRAGMA user_version = 1", ignored, sizeof(ignored));
	query(f, "PRAGMA application_id = 7", ignored, sizeof(ignored));
	assert_int_equal(sb_store_open(f->loop, f->directory, SB_SYNC_FULL, &f->store), -EPROTO);
}

static void expect_begun_anew(struct fixture *f)
{
	char pattern[128];
	glob_t found;
	char ticket[32];
	uint64_t last;

	(void)snprintf(pattern, sizeof(pattern), "%s.corrupt-????????T??????Z", f->file);
	assert_int_equal(sb_store_open(f->loop, f->directory, SB_SYNC_FULL, &f->store), 0);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 1);
	globfree(&found);

	/* No number is used twice, though nobody can read which ones were used. */
	last = sb_store_last_ticket(f->store);
	assert_true(last > 1000000);
	reopen(f);
	assert_true(sb_store_last_ticket(f->store) == last);
	insert(f, "plant", last + 1);
	(void)snprintf(ticket, sizeof(ticket), "%llu ", (unsigned long long)last + 1);
	expect_fetch(f, "plant", 0, 10, ENDLESS, ticket);
}

static void test_garbage_is_moved_aside(void **state)
{
	struct fixture *f = *state;
	char noise[8192];
	int fd;

	insert(f, "plant", 1);
	f->store = sb_store_close(f->store);
	memset(noise, 0x5a, sizeof(noise));
	fd = open(f->file, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
	(void)close(fd);
	expect_begun_anew(f);
}

/* The header is good, and what it leads to is not. */
static void test_damage_inside_is_moved_aside(void **state)
{
	struct fixture *f = *state;
	char noise[4096];
	off_t size;
	int fd;

	for (uint64_t ticket = 1; ticket <= 500; ticket++)
		insert(f, "plant", ticket);
	f->store = sb_store_close(f->store);
	memset(noise, 0x5a, sizeof(noise));
	fd = open(f->file, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	size = lseek(fd, 0, SEEK_END);
	for (off_t page = 1; page < size / (off_t)sizeof(noise); page++)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), page * (off_t)sizeof(noise)),
				 sizeof(noise));
	(void)close(fd);
	expect_begun_anew(f);
}

/* ---- Messages ---- */

static void test_fetch_in_order_and_bounded(void **state)
{
	struct fixture *f = *state;

	insert(f, "plant", 1);
	insert(f, "other", 2);
	insert(f, "plant", 3);
	insert(f, "plant", 4);
	expect_fetch(f, "plant", 0, 10, ENDLESS, "1 3 4 ");
	expect_fetch(f, "plant", 1, 10, ENDLESS, "3 4 ");
	expect_fetch(f, "plant", 0, 2, ENDLESS, "1 3 ");
	expect_fetch(f, "plant", 0, 10, 14, "1 3 "); /* five bytes each: topic and payload */
	expect_fetch(f, "plant", 0, 10, 1, "1 ");
	expect_fetch(f, "other", 0, 10, ENDLESS, "2 ");
	expect_fetch(f, "nobody", 0, 10, ENDLESS, "");
}

static void test_message_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	struct fetched fetched = { .error = 1 };
	const struct sb_message *message;

	TAILQ_INIT(&fetched.messages);
	insert_as(f, "plant", 1, "", NULL, NULL);
	insert(f, "plant", 2);
	assert_int_equal(sb_store_fetch(f->store, "plant", 0, 9, ENDLESS, take_fetched, &fetched),
			 0);
	sb_store_drain(f->store);

	message = TAILQ_FIRST(&fetched.messages);
	assert_string_equal(message->topic, "t/1");
	assert_int_equal(message->payload_len, 0);
	assert_null(message->payload);
	assert_int_equal(message->content_format, SKYBUS_FORMAT_JSON);
	assert_true(message->time_ms == 1234567890123);
	assert_string_equal(message->sender, ":1.7");
	message = TAILQ_NEXT(message, entry);
	assert_int_equal(message->payload_len, 2);
	assert_memory_equal(message->payload, "{}", 2);
	sb_message_list_clear(&fetched.messages);

	/* A name on the bus means somebody else, or nobody, after a restart. */
	reopen(f);
	assert_int_equal(sb_store_fetch(f->store, "plant", 0, 9, ENDLESS, take_fetched, &fetched),
			 0);
	sb_store_drain(f->store);
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

	expect_fetch(f, "plant", 0, 10, ENDLESS, "");
	assert_int_equal(lookup(f, 1).error, -ENOENT);
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
	expect_fetch(f, "plant", 0, 10, ENDLESS, "1 2 ");
}

static void test_settled_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct found found;

	insert(f, "plant", 1);
	insert(f, "plant", 2);
	insert(f, "plant", 3);
	assert_int_equal(settle(f, 1, SB_DELIVERED, "2.04", ""), 0);
	assert_int_equal(settle(f, 2, SB_REJECTED, "4.06", "no such model"), 0);
	assert_int_equal(settle(f, 1, SB_EXPIRED, "", "late"), -ENOENT);
	assert_int_equal(settle(f, 9, SB_EXPIRED, "", "late"), -ENOENT);
	expect_fetch(f, "plant", 0, 10, ENDLESS, "3 ");

	reopen(f);
	found = lookup(f, 1);
	assert_int_equal(found.outcome, SB_DELIVERED);
	assert_string_equal(found.text, "1|2.04|");
	found = lookup(f, 2);
	assert_int_equal(found.outcome, SB_REJECTED);
	assert_string_equal(found.text, "2|4.06|no such model");
	assert_int_equal(lookup(f, 3).outcome, SB_STORED);
	assert_int_equal(lookup(f, 4).error, -ENOENT);

	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT group_concat(ticket) FROM message WHERE payload IS NOT NULL",
		     "2,3");
}

static void test_reopened_store_knows_the_backlog(void **state)
{
	struct fixture *f = *state;
	struct sb_backlog backlog;

	insert(f, "plant", 1);
	insert(f, "plant", 2);
	insert(f, "plant", 5);
	assert_int_equal(settle(f, 2, SB_DELIVERED, "2.04", ""), 0);

	reopen(f);
	assert_int_equal(sb_store_last_ticket(f->store), 5);
	assert_int_equal(sb_store_backlog(f->store, "plant", &backlog), 0);
	assert_int_equal(backlog.messages, 2);
	assert_int_equal(backlog.bytes, 10);
	assert_int_equal(sb_store_backlog(f->store, "other", &backlog), 0);
	assert_int_equal(backlog.messages, 0);
	expect_fetch(f, "plant", 0, 10, ENDLESS, "1 5 ");
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
	assert_int_equal(sb_store_fetch(f->store, "plant", 0, 9, ENDLESS, take_fetched, &fetched),
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
	expect_fetch(f, "plant", 0, 9, ENDLESS, "1 4 ");
	assert_int_equal(errors[0], 0);
}

/* Insert until the disk is full. Return: the first ticket that found no room. */
static uint64_t fill_up(struct fixture *f, uint64_t ticket)
{
	char payload[1001];
	int error = 0;

	memset(payload, 'x', sizeof(payload) - 1);
	payload[sizeof(payload) - 1] = '\0';
	for (; error == 0; ticket++) {
		assert_in_range(ticket, 1, 10000);
		insert_as(f, "plant", ticket, payload, note_error, &error);
		sb_store_drain(f->store);
	}
	assert_int_equal(error, -ENOSPC);

	return ticket - 1;
}

/* On a disk that stays full, messages end, and what has ended makes room for new ones. */
static void test_full_disk_heals(void **state)
{
	struct fixture *f = *state;
	const struct sb_settlement delivered = { 1, SB_DELIVERED, "2.04", "" };
	static char huge[2000000];
	int error = 1;
	uint64_t first;
	uint64_t second;

	limit_disk(f, 1200000);
	first = fill_up(f, 1);
	assert_in_range(first, 300, 1200);

	insert(f, "plant", first);
	assert_int_equal(sb_store_settle(f->store, &delivered, note_error, &error), 0);
	sb_store_drain(f->store);
	assert_int_equal(error, 0);
	for (uint64_t ticket = 2; ticket < first; ticket++)
		assert_int_equal(settle(f, ticket, SB_DELIVERED, "2.04", ""), 0);
	second = fill_up(f, first + 1);
	assert_in_range(second, 3 * first / 2, 3 * first);
	for (uint64_t ticket = first + 1; ticket < second; ticket++)
		assert_int_equal(settle(f, ticket, SB_DELIVERED, "2.04", ""), 0);

	/* The last ticket is never given up, or its number would be used again. */
	memset(huge, 'x', sizeof(huge) - 1);
	insert_as(f, "plant", second, huge, note_error, &error);
	sb_store_drain(f->store);
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(lookup(f, second - 1).outcome, SB_DELIVERED);
	assert_int_equal(lookup(f, second - 2).error, -ENOENT);
	reopen(f);
	assert_int_equal(sb_store_last_ticket(f->store), second - 1);
}

static void test_old_ends_are_forgotten(void **state)
{
	struct fixture *f = *state;
	const struct sb_settlement rejected = { 1, SB_REJECTED, "4.00", "bad" };

	insert(f, "plant", 1);
	insert(f, "plant", 2);
	assert_int_equal(sb_store_settle(f->store, &rejected, NULL, NULL), 0);
	for (uint64_t ticket = 3; ticket <= 1100; ticket++) {
		const struct sb_settlement delivered = { ticket, SB_DELIVERED, "2.04", "" };

		insert(f, "plant", ticket);
		assert_int_equal(sb_store_settle(f->store, &delivered, NULL, NULL), 0);
	}
	sb_store_drain(f->store);
	assert_int_equal(lookup(f, 3).outcome, SB_DELIVERED);

	/* A far higher ticket, and so many ends that it is time to clear up. */
	for (uint64_t ticket = 200000; ticket < 201100; ticket++) {
		const struct sb_settlement delivered = { ticket, SB_DELIVERED, "2.04", "" };

		insert(f, "plant", ticket);
		assert_int_equal(sb_store_settle(f->store, &delivered, NULL, NULL), 0);
	}
	reopen(f);
	assert_int_equal(lookup(f, 3).error, -ENOENT);
	assert_int_equal(lookup(f, 1).outcome, SB_REJECTED);
	assert_int_equal(lookup(f, 2).outcome, SB_STORED);
	assert_int_equal(lookup(f, 200000).outcome, SB_DELIVERED);
	assert_int_equal(sb_store_last_ticket(f->store), 201099);
}

/* A ticket is remembered although its message, a dead letter, has made room for others. */
static void test_dead_letters_lose_their_payload_only(void **state)
{
	struct fixture *f = *state;

	for (uint64_t ticket = 1; ticket <= 3000; ticket++) {
		const struct sb_settlement rejected = { ticket, SB_REJECTED, "4.00", "bad" };

		insert(f, "plant", ticket);
		assert_int_equal(sb_store_settle(f->store, &rejected, NULL, NULL), 0);
	}
	reopen(f);
	assert_int_equal(lookup(f, 1).outcome, SB_REJECTED);
	assert_int_equal(lookup(f, 3000).outcome, SB_REJECTED);
	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT count(*) BETWEEN 1000 AND 2500 FROM message WHERE payload NOT NULL",
		     "1");
	reopen(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest file[] = {
		TEST(test_files_are_private),	      TEST(test_missing_parent),
		TEST(test_second_process_is_refused), TEST(test_foreign_databases_are_refused),
		TEST(test_garbage_is_moved_aside),    TEST(test_damage_inside_is_moved_aside),
	};
	static const struct CMUnitTest messages[] = {
		TEST(test_fetch_in_order_and_bounded),
		TEST(test_message_comes_back_whole),
		TEST(test_group_commit),
		TEST(test_completions_run_from_the_loop),
		TEST(test_reading_needs_no_commit),
		TEST(test_one_failure_undoes_nothing_else),
		TEST(test_settled_is_remembered),
		TEST(test_reopened_store_knows_the_backlog),
		TEST(test_close_commits_and_completes_nothing),
		TEST(test_completions_may_call_and_drain),
		TEST(test_full_disk),
		TEST(test_full_disk_heals),
		TEST(test_old_ends_are_forgotten),
		TEST(test_dead_letters_lose_their_payload_only),
	};
	int failed = 0;

	failed += cmocka_run_group_tests_name("file", file, NULL, NULL);
	failed += cmocka_run_group_tests_name("messages", messages, NULL, NULL);

	return failed;
}
