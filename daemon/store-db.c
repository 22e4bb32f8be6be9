/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, transactions, trimming, and the memory of the links. What concerns messages is in
 * daemon/store-message.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/store-file.h"
#include "daemon/store-sql.h"

/* Trimming: once in so many ends it looks at twice as many rows, so that it keeps up. Where little is
 * sent, once an hour, for the sake of those that have been kept for long enough. */
#define TRIM_EVERY 1024
#define TRIM_ROWS 2048
#define TRIM_EVERY_MS (INT64_C(3600) * 1000)
#define MAKE_ROOM_STEPS 16

/* Of a database whose size is bounded, this part is for ends and whatever else is not a new message:
 * a row may grow when its message ends, by a reason above all. */
#define SPARE_PART 16

/* A year in which nobody reads this, 2109, and numbers so far apart from there on; all are below 2^53, so
 * that every language can count them. */
#define BEYOND_CLOCKS_MS (INT64_C(1) << 42)
#define RANDOM_APART 1024

SB_DEFINE_CLEANUP(struct sb_db *, sb_db_close)

/**
 * sb_db_open() - open the database
 * @directory: the state directory
 * @options: how it is kept
 * @ret: the database, the caller's
 *
 * Return: 0; -EBADMSG when it is damaged; or what sb_store_file_open() returns.
 */
int sb_db_open(const char *directory, const struct sb_store_options *options, struct sb_db **ret)
{
	SB_CLEANUP(sb_db_close) struct sb_db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return -ENOMEM;
	db->options = *options;
	/* The file grows by chunks, so whole chunks are what it can be held to. */
	if (db->options.max_bytes > SB_STORE_FILE_CHUNK)
		db->options.max_bytes -= db->options.max_bytes % SB_STORE_FILE_CHUNK;
	db->room = UINT64_MAX;
	db->directory = strdup(directory);
	if (!db->directory)
		return -ENOMEM;
	r = sb_store_file_open(directory, &db->options, &db->handle);
	if (r < 0)
		return r;
	r = sb_sql_prepare(db);
	if (r < 0)
		return r;
	r = sb_sql_ask(db, SB_SQL_PAGE_SIZE, &db->page_size);
	if (r >= 0)
		r = sb_sql_ask(db, SB_SQL_LAST_TICKET, &db->last_ticket);
	if (r >= 0)
		r = sb_sql_ask(db, SB_SQL_LAST_MESSAGE, &db->last_message);
	if (r >= 0)
		r = sb_sql_look_for_routes(db);
	if (r < 0)
		return r;

	*ret = SB_STEAL(db);

	return 0;
}

/**
 * sb_db_close() - close the database
 * @db: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_db *sb_db_close(struct sb_db *db)
{
	if (!db)
		return NULL;

	for (size_t i = 0; i < SB_N_SQL; i++)
		(void)sqlite3_finalize(db->statements[i]);
	(void)sqlite3_close(db->handle);
	sb_sql_forget_links(db);
	free(db->directory);
	free(db);

	return NULL;
}

/**
 * sb_db_last_ticket() - the highest ticket
 * @db: the database
 *
 * Return: the highest that was given out or reserved when the database was opened; 0 for none.
 */
uint64_t sb_db_last_ticket(const struct sb_db *db)
{
	return db->last_ticket;
}

/**
 * sb_db_reserve() - numbering goes on above a ticket, even if there is never a message of that number
 * @db: the database
 * @ticket: the highest that may be given out
 *
 * Return: 0, or a negative errno.
 */
int sb_db_reserve(struct sb_db *db, uint64_t ticket)
{
	sb_sql_bind_number(db->statements[SB_SQL_RESERVE], 1, ticket);

	return sb_sql_execute(db, SB_SQL_RESERVE);
}

/**
 * sb_db_release() - what was reserved above a ticket will not be used
 * @db: the database
 * @ticket: the highest that was given out
 *
 * Return: 0, or a negative errno.
 */
int sb_db_release(struct sb_db *db, uint64_t ticket)
{
	sb_sql_bind_number(db->statements[SB_SQL_RELEASE], 1, ticket);

	return sb_sql_execute(db, SB_SQL_RELEASE);
}

/**
 * sb_db_count_from() - begin a new database at numbers beyond all that were ever given out
 * @db: an empty database
 * @wall_ms: what the wall clock says, milliseconds since 1970
 *
 * Nobody knows what the database before it had given out, and no ticket may be given out twice. The
 * milliseconds since 1970 are more than messages can have been, unless there was one in each of them. A
 * clock that was never set says the same again and again: then it is a number at random, beyond what any
 * clock says.
 *
 * Return: 0, or a negative errno.
 */
int sb_db_count_from(struct sb_db *db, int64_t wall_ms)
{
	uint64_t ticket = (uint64_t)wall_ms;
	int r;

	if (wall_ms < SB_CLOCK_PLAUSIBLE_MS || wall_ms >= BEYOND_CLOCKS_MS)
		ticket = (uint64_t)BEYOND_CLOCKS_MS + (uint64_t)arc4random() * RANDOM_APART;
	r = sb_db_reserve(db, ticket);
	if (r == 0)
		r = sb_db_reserve_message(db, ticket);
	if (r < 0)
		return r;
	db->last_ticket = ticket;
	db->last_message = ticket;

	return 0;
}

/**
 * sb_db_each_value() - read what the links remember
 * @db: the database
 * @each: called for every value of every link; a negative errno ends it
 * @userdata: for @each
 *
 * Return: 0, or a negative errno.
 */
int sb_db_each_value(struct sb_db *db, sb_db_value_fn *each, void *userdata)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_VALUES];
	int r;

	while ((r = sb_sql_next(db, statement)) > 0) {
		const void *data = sqlite3_column_blob(statement, 2);

		r = each(userdata, sb_sql_text(statement, 0), sb_sql_text(statement, 1), data,
			 (size_t)sqlite3_column_bytes(statement, 2));
		if (r < 0) {
			sb_sql_finish(statement);
			return r;
		}
	}

	return r;
}

/* Within the transaction, messages are counted by their bytes; by pages it is counted here each time. */
static int measure_room(struct sb_db *db)
{
	uint64_t limit = db->options.max_bytes - db->options.max_bytes / SPARE_PART;
	uint64_t pages = 0;
	uint64_t free_pages = 0;
	uint64_t used;
	int r;

	r = sb_sql_ask(db, SB_SQL_PAGES, &pages);
	if (r >= 0)
		r = sb_sql_ask(db, SB_SQL_FREE_PAGES, &free_pages);
	if (r < 0)
		return r;
	used = (pages - free_pages) * db->page_size;
	db->room = used < limit ? limit - used : 0;

	return 0;
}

/**
 * sb_db_begin() - begin a transaction that writes
 * @db: the database
 *
 * Return: 0, or a negative errno; sb_db_rollback() must follow then.
 */
int sb_db_begin(struct sb_db *db)
{
	int r = sb_sql_execute(db, SB_SQL_BEGIN);

	return r < 0 || db->options.max_bytes == 0 ? r : measure_room(db);
}

/*
 * The log can be written over from its beginning only when all of it has come into the file, and that
 * needs room in the file. So the file gets its room before the transaction is committed: otherwise a
 * full disk could hold a log that can neither grow nor end, and no message would ever end either.
 */
static int reserve(struct sb_db *db)
{
	sqlite3_int64 hint;
	uint64_t pages = 0;
	uint64_t size;
	int r;

	r = sb_sql_ask(db, SB_SQL_PAGES, &pages);
	size = pages * db->page_size;
	if (r < 0 || size <= db->reserved)
		return r < 0 ? r : 0;

	size = (size + SB_STORE_FILE_CHUNK - 1) / SB_STORE_FILE_CHUNK * SB_STORE_FILE_CHUNK;
	hint = (sqlite3_int64)size;
	/* If this fails, SQLite does not note why. */
	if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_SIZE_HINT, &hint) != SQLITE_OK)
		return access(sqlite3_db_filename(db->handle, "main"), W_OK) < 0 && errno == EROFS
			       ? -EROFS
			       : -ENOSPC;
	db->reserved = size;

	return 0;
}

/**
 * sb_db_commit() - bring the transaction to disk
 * @db: the database
 *
 * Return: 0, or a negative errno; sb_db_rollback() must follow then.
 */
int sb_db_commit(struct sb_db *db)
{
	int r = reserve(db);

	return r < 0 ? r : sb_sql_execute(db, SB_SQL_COMMIT);
}

/**
 * sb_db_rollback() - undo the transaction, if SQLite has not done so by itself
 * @db: the database
 *
 * On a full disk the log cannot grow to the length at which it is checkpointed. So it is done here:
 * the next transaction overwrites the log from its beginning.
 */
void sb_db_rollback(struct sb_db *db)
{
	sb_sql_forget_links(db);
	if (sb_db_in_transaction(db))
		(void)sb_sql_execute(db, SB_SQL_ROLLBACK);
	(void)sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/**
 * sb_db_in_transaction() - is a transaction open
 * @db: the database
 *
 * Return: false also after an error for which SQLite has undone the whole transaction.
 */
bool sb_db_in_transaction(struct sb_db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

/*
 * Look at the next rows after *@position, up to @kept tickets below the highest, and let go of those that
 * have ended; with @before_ms only if that was before then. At the end *@position is 0 again.
 * Return: how many those were, or a negative errno.
 */
static int sweep(struct sb_db *db, uint64_t *position, uint64_t kept, const int64_t *before_ms)
{
	sqlite3_stmt *find = db->statements[SB_SQL_TRIM_END];
	sqlite3_stmt *trim = db->statements[SB_SQL_TRIM];
	uint64_t end = 0;
	int r;

	sb_sql_bind_number(find, 1, *position);
	sb_sql_bind_number(find, 2, kept);
	sb_sql_bind_number(find, 3, TRIM_ROWS);
	r = sb_sql_ask(db, SB_SQL_TRIM_END, &end);
	if (r == 0)
		*position = 0;
	if (r <= 0)
		return r;

	sb_sql_bind_number(trim, 1, *position);
	sb_sql_bind_number(trim, 2, end);
	if (before_ms)
		(void)sqlite3_bind_int64(trim, 3, *before_ms);
	r = sb_sql_execute(db, SB_SQL_TRIM);
	if (r < 0)
		return r;
	*position = end;

	return sqlite3_changes(db->handle);
}

/* The row with the highest ticket stays, for the next number comes from it: @kept is 1 at least. */
static int sweep_by_number(struct sb_db *db, uint64_t kept, unsigned int steps)
{
	int gone = 0;
	int r = 0;

	while (r >= 0 && steps-- > 0 && gone < TRIM_ROWS / 2) {
		r = sweep(db, &db->trimmed_by_number, kept, NULL);
		gone += r;
	}

	return r;
}

static int sweep_by_age(struct sb_db *db)
{
	uint64_t kept_s = db->options.tickets_kept_s;
	int64_t before_ms;

	/* Steady time begins at 0, and nothing has ended before. */
	if (kept_s == 0 || kept_s >= (uint64_t)db->now_ms / 1000)
		return 0;
	before_ms = db->now_ms - (int64_t)kept_s * 1000;

	return sweep(db, &db->trimmed_by_age, 1, &before_ms);
}

static int trim_letters(struct sb_db *db)
{
	sb_sql_bind_number(db->statements[SB_SQL_TRIM_LETTERS], 1, db->options.letters_kept);

	return sb_sql_execute(db, SB_SQL_TRIM_LETTERS);
}

static void trim(struct sb_db *db, uint64_t kept, unsigned int steps)
{
	int r;

	r = sb_db_begin(db);
	if (r == 0)
		r = trim_letters(db);
	if (r == 0)
		r = sweep_by_number(db, kept, steps);
	if (r >= 0)
		r = sweep_by_age(db);
	if (r >= 0)
		r = sb_db_commit(db);
	if (r < 0) {
		sb_log(LOG_DEBUG, "the store was not trimmed: %s", strerror(-r));
		sb_db_rollback(db);
	}
}

/**
 * sb_db_trim() - now and then, let go of what ended long ago
 * @db: the database, outside of a transaction
 *
 * A little at a time, from the lowest ticket up and then again, because messages that it has passed
 * may have ended meanwhile.
 */
void sb_db_trim(struct sb_db *db)
{
	uint64_t kept = db->options.tickets_kept;

	if (db->settled == 0 ||
	    (db->settled < TRIM_EVERY && db->now_ms - db->trimmed_ms < TRIM_EVERY_MS))
		return;
	db->settled = 0;
	db->trimmed_ms = db->now_ms;
	if (db->routed)
		(void)sb_sql_look_for_routes(db);
	trim(db, kept > 0 ? kept : 1, 1);
}

/**
 * sb_db_make_room() - the disk is full: let go of some of what has ended, however short ago
 * @db: the database, outside of a transaction
 *
 * New messages are worth more than knowing what became of old ones. If much waits among them, this
 * finds few of them at once, and goes on from there the next time.
 */
void sb_db_make_room(struct sb_db *db)
{
	trim(db, 1, MAKE_ROOM_STEPS);
}

/**
 * sb_db_put() - remember a value
 * @db: the database
 * @link: whose it is
 * @key: its name; a value of the same name is replaced
 * @data: @len bytes
 * @len: bytes
 *
 * Return: 0, or a negative errno.
 */
int sb_db_put(struct sb_db *db, const char *link, const char *key, const void *data, size_t len)
{
	sqlite3_stmt *put = db->statements[SB_SQL_PUT];
	uint64_t id = 0;
	int r;

	r = sb_sql_add_link(db, link, &id);
	if (r < 0)
		return r;

	sb_sql_bind_number(put, 1, id);
	sb_sql_bind_text(put, 2, key);
	/* A NULL pointer would become NULL, and that is not an empty value. */
	(void)sqlite3_bind_blob64(put, 3, data ? data : "", len, SQLITE_STATIC);

	return sb_sql_execute(db, SB_SQL_PUT);
}

/**
 * sb_db_directory() - where a database is
 * @db: the database
 *
 * Return: the state directory, lent.
 */
const char *sb_db_directory(const struct sb_db *db)
{
	return db->directory;
}

static uint64_t file_bytes(const struct sb_db *db, const char *name)
{
	SB_CLEANUP(sb_free) char *path = NULL;
	struct stat stat;

	if (asprintf(&path, "%s/%s", db->directory, name) < 0) {
		path = NULL;
		return 0;
	}

	return lstat(path, &stat) == 0 ? (uint64_t)stat.st_size : 0;
}

/**
 * sb_db_bytes() - what a database takes on disk
 * @db: the database
 *
 * Return: bytes, what has not been moved from the journal to its place included.
 */
uint64_t sb_db_bytes(const struct sb_db *db)
{
	return file_bytes(db, SB_STORE_FILE_NAME) + file_bytes(db, SB_STORE_FILE_NAME "-wal");
}

/**
 * sb_db_remove() - forget a value
 * @db: the database
 * @link: whose it is
 * @key: its name; one that is not there is forgotten already
 *
 * Return: 0, or a negative errno.
 */
int sb_db_remove(struct sb_db *db, const char *link, const char *key)
{
	sqlite3_stmt *forget = db->statements[SB_SQL_REMOVE];
	uint64_t id = 0;
	int r;

	r = sb_sql_find_link(db, link, &id);
	if (r <= 0)
		return r;

	sb_sql_bind_number(forget, 1, id);
	sb_sql_bind_text(forget, 2, key);

	return sb_sql_execute(db, SB_SQL_REMOVE);
}
