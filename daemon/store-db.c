/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, transactions, trimming, and the memory of the links. What concerns messages is in
 * daemon/store-message.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/store-file.h"
#include "daemon/store-sql.h"

/* What has ended can be asked for until so many newer tickets were given out; its rows are gone
 * some time after that. Dead letters carry payloads, are few, and have a bound of their own. */
#define TICKETS_KEPT 100000
#define DEAD_LETTERS_KEPT 1000

/* Trimming: once in so many settlements it looks at twice as many rows, so that it keeps up. */
#define TRIM_EVERY 1024
#define TRIM_ROWS 2048

SB_DEFINE_CLEANUP(struct sb_db *, sb_db_close)

/**
 * sb_db_open() - open the database
 * @directory: the state directory
 * @sync: how hard a commit is
 * @ret: the database, the caller's
 *
 * Return: 0; -EBADMSG when it is damaged; or what sb_store_file_open() returns.
 */
int sb_db_open(const char *directory, enum sb_sync sync, struct sb_db **ret)
{
	SB_CLEANUP(sb_db_close) struct sb_db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return -ENOMEM;
	r = sb_store_file_open(directory, sync, &db->handle);
	if (r < 0)
		return r;
	r = sb_sql_prepare(db);
	if (r < 0)
		return r;
	r = sb_sql_ask(db, SB_SQL_LAST_TICKET, &db->last_ticket);
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
	free(db);

	return NULL;
}

/**
 * sb_db_last_ticket() - the highest ticket
 * @db: the database
 *
 * Return: that of the row when the database was opened; 0 when it was empty.
 */
uint64_t sb_db_last_ticket(const struct sb_db *db)
{
	return db->last_ticket;
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

/**
 * sb_db_begin() - begin a transaction that writes
 * @db: the database
 *
 * Return: 0, or a negative errno.
 */
int sb_db_begin(struct sb_db *db)
{
	return sb_sql_execute(db, SB_SQL_BEGIN);
}

/*
 * The log can be written over from its beginning only when all of it has come into the file, and that
 * needs room in the file. So the file gets its room before the transaction is committed: otherwise a
 * full disk could hold a log that can neither grow nor end, and no message would ever end either.
 */
static int reserve(struct sb_db *db)
{
	sqlite3_int64 hint;
	uint64_t size = 0;
	int r;

	r = sb_sql_ask(db, SB_SQL_SIZE, &size);
	if (r < 0 || size <= db->reserved)
		return r < 0 ? r : 0;

	size = (size + SB_STORE_FILE_CHUNK - 1) / SB_STORE_FILE_CHUNK * SB_STORE_FILE_CHUNK;
	hint = (sqlite3_int64)size;
	if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_SIZE_HINT, &hint) != SQLITE_OK)
		return -ENOSPC;
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

/* Look at the next rows, up to so many tickets below the highest. Return: 1, 0 at the end, an errno. */
static int trim_step(struct sb_db *db, uint64_t tickets_kept)
{
	uint64_t end = 0;
	int r;

	sb_sql_bind_number(db->statements[SB_SQL_TRIM_REJECTED], 1, DEAD_LETTERS_KEPT);
	r = sb_sql_execute(db, SB_SQL_TRIM_REJECTED);
	if (r < 0)
		return r;

	sb_sql_bind_number(db->statements[SB_SQL_TRIM_END], 1, db->trimmed_to);
	sb_sql_bind_number(db->statements[SB_SQL_TRIM_END], 2, tickets_kept);
	sb_sql_bind_number(db->statements[SB_SQL_TRIM_END], 3, TRIM_ROWS);
	r = sb_sql_ask(db, SB_SQL_TRIM_END, &end);
	if (r <= 0)
		return r;

	sb_sql_bind_number(db->statements[SB_SQL_TRIM], 1, db->trimmed_to);
	sb_sql_bind_number(db->statements[SB_SQL_TRIM], 2, end);
	r = sb_sql_execute(db, SB_SQL_TRIM);
	if (r < 0)
		return r;
	db->trimmed_to = end;

	return 1;
}

static void trim(struct sb_db *db, uint64_t tickets_kept)
{
	int r;

	r = sb_db_begin(db);
	if (r == 0)
		r = trim_step(db, tickets_kept);
	if (r == 0)
		db->trimmed_to = 0;
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
	if (db->settled < TRIM_EVERY)
		return;
	db->settled = 0;
	trim(db, TICKETS_KEPT);
}

/**
 * sb_db_make_room() - the disk is full: let go of some of what has ended, however short ago
 * @db: the database, outside of a transaction
 *
 * New messages are worth more than knowing what became of old ones.
 */
void sb_db_make_room(struct sb_db *db)
{
	trim(db, 1);
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
