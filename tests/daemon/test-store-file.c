/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/store-db.h"
#include "tests/daemon/store-fixture.h"

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

	assert_int_equal(sb_store_open(f->loop, nowhere, &f->options, &store), -ENOENT);
	assert_null(store);
}

static void test_second_process_is_refused(void **state)
{
	struct fixture *f = *state;
	struct sb_store *second = NULL;

	assert_int_equal(sb_store_open(f->loop, f->directory, &f->options, &second), -EBUSY);
	insert(f, "plant", 1);
	expect_fetch(f, "plant", "1 ");
}

static void test_foreign_databases_are_refused(void **state)
{
	struct fixture *f = *state;
	char ignored[8];

	f->store = sb_store_close(f->store);
	expect_query(f, "PRAGMA user_version", "5");
	query(f, "PRAGMA user_version = 6", ignored, sizeof(ignored));
	assert_int_equal(sb_store_open(f->loop, f->directory, &f->options, &f->store), -EPROTO);
	assert_null(f->store);
	expect_query(f, "PRAGMA user_version", "6");

	query(f, "PRAGMA user_version = 5", ignored, sizeof(ignored));
	query(f, "PRAGMA application_id = 7", ignored, sizeof(ignored));
	assert_int_equal(sb_store_open(f->loop, f->directory, &f->options, &f->store), -EPROTO);
}

/* VACUUM is how others come to have another size. */
static void test_pages_are_small_in_new_databases(void **state)
{
	struct fixture *f = *state;
	char ignored[64];

	f->store = sb_store_close(f->store);
	expect_query(f, "PRAGMA page_size", "2048");
	query(f, "PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM", ignored,
	      sizeof(ignored));
	reopen(f);
	insert(f, "plant", 1);
	f->store = sb_store_close(f->store);
	expect_query(f, "PRAGMA page_size", "4096");
}

static void note_number(void *userdata, int error, const struct sb_loss *losses, size_t n)
{
	(void)losses;
	assert_int_equal(error, 0);
	*(size_t *)userdata = n;
}

static void expect_no_losses(struct fixture *f)
{
	size_t n = 99;

	assert_int_equal(sb_store_losses(f->store, note_number, &n), 0);
	sb_store_drain(f->store);
	assert_int_equal(n, 0);
}

static size_t count_moved_aside(const struct fixture *f)
{
	char pattern[128];
	glob_t found;
	size_t n;

	(void)snprintf(pattern, sizeof(pattern), "%s.corrupt-????????T??????Z", f->file);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);

	return n;
}

static const char *mark_of(struct fixture *f)
{
	return scratch_path(&f->scratch, "state/skybus.db.damaged");
}

static void expect_begun_anew(struct fixture *f)
{
	char ticket[32];
	uint64_t last;

	assert_int_equal(sb_store_open(f->loop, f->directory, &f->options, &f->store), 0);
	assert_int_equal(count_moved_aside(f), 1);
	assert_int_not_equal(access(mark_of(f), F_OK), 0);

	/* No number is used twice, though nobody can read which ones were used. */
	last = sb_store_last_ticket(f->store);
	assert_true(last > 1000000);
	reopen(f);
	assert_true(sb_store_last_ticket(f->store) == last);
	expect_no_losses(f);
	insert(f, "plant", last + 1);
	(void)snprintf(ticket, sizeof(ticket), "%llu ", (unsigned long long)last + 1);
	expect_fetch(f, "plant", ticket);
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
static void damage_inside(const struct fixture *f)
{
	char noise[4096];
	off_t size;
	int fd;

	memset(noise, 0x5a, sizeof(noise));
	fd = open(f->file, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	size = lseek(fd, 0, SEEK_END);
	for (off_t page = 1; page < size / (off_t)sizeof(noise); page++)
		assert_int_equal(pwrite(fd, noise, sizeof(noise), page * (off_t)sizeof(noise)),
				 sizeof(noise));
	(void)close(fd);
}

static void test_damage_inside_is_moved_aside(void **state)
{
	struct fixture *f = *state;

	for (uint64_t ticket = 1; ticket <= 500; ticket++)
		insert(f, "plant", ticket);
	f->store = sb_store_close(f->store);
	damage_inside(f);
	expect_begun_anew(f);
}

/* ---- Damage that shows while the store is open ---- */

/* More than SQLite keeps in memory. */
static void damage_while_open(struct fixture *f)
{
	static char payload[8000];

	memset(payload, 'x', sizeof(payload) - 1);
	for (uint64_t ticket = 1; ticket <= 1000; ticket++)
		insert_as(f, "plant", ticket, payload, NULL, NULL);
	reopen(f);
	damage_inside(f);
}

static int fetch_error(struct fixture *f)
{
	struct fetched fetched = { .error = 1 };

	TAILQ_INIT(&fetched.messages);
	assert_int_equal(sb_store_fetch(f->store, "plant", SB_NORMAL, 0, 9, ENDLESS, take_fetched,
					&fetched),
			 0);
	sb_store_drain(f->store);
	sb_message_list_clear(&fetched.messages);

	return fetched.error;
}

static bool is_ending(const struct fixture *f)
{
	int code = EXIT_SUCCESS;

	return sd_event_get_exit_code(sb_loop_event(f->loop), &code) >= 0 && code == EXIT_FAILURE;
}

static void test_damage_ends_the_loop_and_is_mended_then(void **state)
{
	struct fixture *f = *state;

	damage_while_open(f);
	assert_false(is_ending(f));
	assert_int_equal(fetch_error(f), -EBADMSG);
	assert_true(is_ending(f));
	assert_int_equal(access(mark_of(f), F_OK), 0);
	assert_int_equal(count_moved_aside(f), 0);
	f->store = sb_store_close(f->store);
	expect_begun_anew(f);
}

/* To end would help nobody if the next start did not know why. */
static void test_damage_that_cannot_be_marked_ends_nothing(void **state)
{
	struct fixture *f = *state;

	damage_while_open(f);
	assert_int_equal(mkdir(mark_of(f), 0700), 0);
	assert_int_equal(fetch_error(f), -EBADMSG);
	assert_false(is_ending(f));
	assert_int_equal(rmdir(mark_of(f)), 0);
	assert_int_equal(fetch_error(f), -EBADMSG);
	assert_true(is_ending(f));
}

static void test_a_sound_store_that_was_marked_goes_on(void **state)
{
	struct fixture *f = *state;

	insert(f, "plant", 1);
	f->store = sb_store_close(f->store);
	scratch_text(&f->scratch, "state/skybus.db.damaged", "");
	reopen(f);
	assert_int_not_equal(access(mark_of(f), F_OK), 0);
	assert_int_equal(count_moved_aside(f), 0);
	assert_int_equal(sb_store_last_ticket(f->store), 1);
	expect_fetch(f, "plant", "1 ");
}

/* The index has an entry without a row: whoever looked for what is overdue would fail for ever. */
static void test_an_index_that_does_not_fit_is_mended(void **state)
{
	struct fixture *f = *state;
	struct sb_message *message = message_new(1, "{}");
	char ignored[64];

	message->ttl_s = 60;
	insert_message(f, "plant", message, NULL, NULL);
	insert(f, "plant", 2);
	f->store = sb_store_close(f->store);
	query(f,
	      "PRAGMA writable_schema = ON;"
	      "UPDATE sqlite_schema SET sql = replace(sql, 'outcome = 0', 'outcome = 1')"
	      " WHERE name = 'message_expiring'; PRAGMA writable_schema = RESET;"
	      "DELETE FROM message WHERE ticket = 1; PRAGMA writable_schema = ON;"
	      "UPDATE sqlite_schema SET sql = replace(sql, 'outcome = 1', 'outcome = 0')"
	      " WHERE name = 'message_expiring'; PRAGMA writable_schema = RESET",
	      ignored, sizeof(ignored));
	expect_query(f,
		     "SELECT count(*) FROM message INDEXED BY message_expiring"
		     " WHERE outcome = 0 AND expires_ms IS NOT NULL",
		     "1");
	scratch_text(&f->scratch, "state/skybus.db.damaged", "");
	reopen(f);
	assert_int_equal(count_moved_aside(f), 0);
	assert_int_not_equal(access(mark_of(f), F_OK), 0);
	expect_fetch(f, "plant", "2 ");
	f->store = sb_store_close(f->store);
	expect_query(f,
		     "SELECT count(*) FROM message INDEXED BY message_expiring"
		     " WHERE outcome = 0 AND expires_ms IS NOT NULL",
		     "0");
}

/* Somebody moved it aside, and died before the new one had its first number. */
static void test_a_new_store_after_damage_counts_on(void **state)
{
	struct fixture *f = *state;

	f->store = sb_store_close(f->store);
	assert_int_equal(unlink(f->file), 0);
	scratch_text(&f->scratch, "state/skybus.db.damaged", "");
	reopen(f);
	assert_true(sb_store_last_ticket(f->store) > 1000000);
	assert_int_not_equal(access(mark_of(f), F_OK), 0);
}

static uint64_t first_number(struct fixture *f, const char *name, int64_t wall_ms)
{
	struct sb_db *db = NULL;
	uint64_t last;

	assert_int_equal(sb_db_open(scratch_path(&f->scratch, name), &f->options, &db), 0);
	assert_int_equal(sb_db_count_from(db, wall_ms), 0);
	last = sb_db_last_ticket(db);
	(void)sb_db_close(db);

	return last;
}

/* A clock that was never set says the same each time the box comes up. */
static void test_numbers_go_by_a_clock_that_is_set(void **state)
{
	struct fixture *f = *state;
	uint64_t first;
	uint64_t second;

	assert_true(first_number(f, "right", 1800000000000) == 1800000000000);
	first = first_number(f, "first", 5000);
	second = first_number(f, "second", 5000);
	assert_true(first > 4000000000000 && first < UINT64_C(1) << 53);
	assert_true(second > 4000000000000 && second < UINT64_C(1) << 53);
	assert_true(first != second);
	assert_true(first_number(f, "hostile", INT64_MAX) < UINT64_C(1) << 53);
}

/* ---- Older versions ---- */

/*
 * A database as the first version wrote it: 1 and 4 wait, 2 was delivered, 3 and 6 are dead letters, 5
 * was one and has lost its payload.
 */
static const char version_1[] =
	"CREATE TABLE link (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE message (ticket INTEGER PRIMARY KEY, link INTEGER NOT NULL,"
	" topic TEXT NOT NULL, payload BLOB, content_format INTEGER, time_ms INTEGER NOT NULL,"
	" sender TEXT, outcome INTEGER NOT NULL DEFAULT 0, code TEXT, reason TEXT,"
	" settled_ms INTEGER) STRICT;"
	"CREATE INDEX message_pending ON message (link) WHERE outcome = 0;"
	"CREATE INDEX message_rejected ON message (outcome) WHERE outcome = 4;"
	"CREATE TABLE memory (link INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
	" PRIMARY KEY (link, key)) STRICT, WITHOUT ROWID;"
	"INSERT INTO link VALUES (1, 'plant');"
	"INSERT INTO message VALUES"
	" (1, 1, 't/1', x'7b7d', 50, 1700000000000, ':1.7', 0, NULL, NULL, NULL),"
	" (2, 1, 't/1', NULL, 50, 1700000000001, NULL, 2, '2.04', NULL, 1700000000009),"
	" (3, 1, 't/3', x'33', NULL, 1700000000002, NULL, 4, '4.00', 'bad', 1700000000009),"
	" (4, 1, 't/4', NULL, 50, 1700000000003, NULL, 0, NULL, NULL, NULL),"
	" (5, 1, 't/5', NULL, 50, 1700000000004, NULL, 4, '4.00', 'old', 1700000000009),"
	" (6, 1, 't/6', x'36', 50, 1700000000005, NULL, 4, '4.00', 'bad', 1700000000009);"
	"INSERT INTO memory VALUES (1, 'token', x'414243');"
	"PRAGMA application_id = 0x536b7962; PRAGMA user_version = 1;";

static void begin_with_version_1(struct fixture *f)
{
	char ignored[64];

	f->store = sb_store_close(f->store);
	assert_int_equal(unlink(f->file), 0);
	query(f, version_1, ignored, sizeof(ignored));
	reopen(f);
}

static void test_first_version_is_brought_up_to_date(void **state)
{
	struct fixture *f = *state;
	const struct sb_search letter = { .kind = SB_SEARCH_LETTER, .ticket = 3, .most = 1 };
	struct fetched fetched;
	const struct sb_message *message;
	size_t n = 0;

	begin_with_version_1(f);
	assert_int_equal(sb_store_last_ticket(f->store), 6);
	assert_null(sb_store_boots(f->store, &n));
	assert_int_equal(n, 0);
	assert_memory_equal(sb_store_value(f->store, "plant", "token", &n), "ABC", 3);
	assert_int_equal(n, 3);
	fetch(f, "plant", &fetched);
	assert_string_equal(fetched.tickets, "1 4 ");
	message = TAILQ_FIRST(&fetched.messages);
	assert_int_equal(message->priority, SB_NORMAL);
	assert_int_equal(message->owner, SB_NO_OWNER);
	assert_int_equal(message->ttl_s, 0);
	assert_false(message->replaces);
	assert_int_equal(message->taken.boot, 0);
	assert_true(message->taken.ms == 1700000000000);
	sb_message_list_clear(&fetched.messages);

	expect_letters(f, "plant", "3 6 ");
	assert_string_equal(search(f, &letter).text,
			    "plant|t/3|3|1|4294967295|1|4294967295||0+1700000000002|4.00|bad");
	assert_int_equal(lookup(f, 2).outcome, SB_DELIVERED);
	assert_int_equal(lookup(f, 5).outcome, SB_REJECTED);
	expect_no_losses(f);
}

/* They were stamped by another clock, so their age is not known. */
static void test_first_version_goes_by_number_only(void **state)
{
	struct fixture *f = *state;

	f->options.tickets_kept_s = 3600;
	begin_with_version_1(f);
	for (uint64_t ticket = 7; ticket <= 9; ticket++) {
		insert(f, "plant", ticket);
		assert_int_equal(settle_at(f, ticket, SB_CAUSE_DELIVERED, "2.04", "",
					   (int64_t)ticket * 100000000),
				 0);
	}
	assert_int_equal(lookup(f, 2).n, 1);
	assert_int_equal(lookup(f, 5).n, 1);
	assert_int_equal(lookup(f, 7).n, 0);

	f->options.tickets_kept = 1;
	reopen(f);
	insert(f, "plant", 10);
	assert_int_equal(settle_at(f, 10, SB_CAUSE_DELIVERED, "2.04", "", 1000000000), 0);
	assert_int_equal(lookup(f, 2).n, 0);
	assert_int_equal(lookup(f, 5).n, 0);
	assert_int_equal(lookup(f, 1).n, 1);
	expect_letters(f, NULL, "3 6 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_files_are_private),
		TEST(test_missing_parent),
		TEST(test_second_process_is_refused),
		TEST(test_foreign_databases_are_refused),
		TEST(test_pages_are_small_in_new_databases),
		TEST(test_garbage_is_moved_aside),
		TEST(test_damage_inside_is_moved_aside),
		TEST(test_damage_ends_the_loop_and_is_mended_then),
		TEST(test_damage_that_cannot_be_marked_ends_nothing),
		TEST(test_a_sound_store_that_was_marked_goes_on),
		TEST(test_an_index_that_does_not_fit_is_mended),
		TEST(test_a_new_store_after_damage_counts_on),
		TEST(test_numbers_go_by_a_clock_that_is_set),
		TEST(test_first_version_is_brought_up_to_date),
		TEST(test_first_version_goes_by_number_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
