/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "daemon/store-file.h"
#include "daemon/store-sql.h"

/* For the tables see daemon/store-file.c; outcome 0 waits, 4 is rejected. */
static const char *const texts[SB_N_SQL] = {
	[SB_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SB_SQL_COMMIT] = "COMMIT",
	[SB_SQL_ROLLBACK] = "ROLLBACK",
	[SB_SQL_FIND_LINK] = "SELECT id FROM link WHERE name = ?1",
	[SB_SQL_ADD_LINK] = "INSERT INTO link (name) VALUES (?1)",
	[SB_SQL_INSERT] = "INSERT INTO message (ticket, link, topic, payload, content_format, "
			  "time_ms, sender)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	/* A name on the bus means nobody any more when the daemon has been away. */
	[SB_SQL_FETCH] =
		"SELECT ticket, topic, payload, content_format, time_ms,"
		" CASE WHEN ticket > ?4 THEN sender END"
		" FROM message INDEXED BY message_pending"
		" WHERE link = ?1 AND ticket > ?2 AND outcome = 0 ORDER BY ticket LIMIT ?3",
	[SB_SQL_SETTLE] =
		"UPDATE message SET outcome = ?2, code = ?3, reason = ?4, settled_ms = ?5,"
		" sender = NULL, payload = CASE WHEN ?2 = 4 THEN payload END"
		" WHERE ticket = ?1 AND outcome = 0",
	[SB_SQL_LOOKUP] = "SELECT outcome, code, reason FROM message WHERE ticket = ?1",
	[SB_SQL_PUT] = "INSERT INTO memory (link, key, value) VALUES (?1, ?2, ?3)"
		       " ON CONFLICT (link, key) DO UPDATE SET value = excluded.value",
	[SB_SQL_REMOVE] = "DELETE FROM memory WHERE link = ?1 AND key = ?2",
	[SB_SQL_LAST_TICKET] = "SELECT max(ticket) FROM message",
	[SB_SQL_SIZE] = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
	[SB_SQL_BACKLOGS] =
		"SELECT name, count(*),"
		" sum(length(CAST(topic AS BLOB)) + ifnull(length(payload), 0))"
		" FROM message INDEXED BY message_pending JOIN link ON link.id = message.link"
		" WHERE outcome = 0 GROUP BY message.link",
	[SB_SQL_VALUES] = "SELECT name, key, value FROM memory JOIN link ON link.id = memory.link",
	/* The row with the highest ticket stays, for the next number comes from it. */
	[SB_SQL_TRIM_END] = "SELECT max(ticket) FROM (SELECT ticket FROM message WHERE ticket > ?1"
			    " AND ticket <= (SELECT max(ticket) FROM message) - ?2"
			    " ORDER BY ticket LIMIT ?3)",
	[SB_SQL_TRIM] = "DELETE FROM message WHERE ticket > ?1 AND ticket <= ?2 AND outcome <> 0"
			" AND NOT (outcome = 4 AND payload IS NOT NULL)",
	/* What came of it is remembered as long as for other messages. */
	[SB_SQL_TRIM_REJECTED] = "UPDATE message SET payload = NULL"
				 " WHERE outcome = 4 AND payload IS NOT NULL AND ticket <="
				 " (SELECT ticket FROM message WHERE outcome = 4"
				 " ORDER BY ticket DESC LIMIT 1 OFFSET ?1)",
};

/**
 * sb_sql_prepare() - prepare every statement
 * @db: with an open handle; whoever closes that finalises the statements, also if this fails
 *
 * Return: 0; -EBADMSG when the tables do not fit, so they are damaged; or another negative errno.
 */
int sb_sql_prepare(struct sb_db *db)
{
	for (size_t i = 0; i < SB_N_SQL; i++) {
		int code = sqlite3_prepare_v3(db->handle, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
					      &db->statements[i], NULL);

		if (code != SQLITE_OK)
			return code == SQLITE_ERROR ? -EBADMSG
						    : sb_store_file_error(db->handle, code);
	}

	return 0;
}

/**
 * sb_sql_finish() - a run is over
 * @statement: reset, and its parameters forgotten
 */
void sb_sql_finish(sqlite3_stmt *statement)
{
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
}

/**
 * sb_sql_next() - run a statement up to its next row
 * @db: the database
 * @statement: with its parameters bound
 *
 * Return: 1 for a row, and sb_sql_finish() is due unless it is called again; 0 at the end; a negative
 * errno.
 */
int sb_sql_next(struct sb_db *db, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	int r;

	if (code == SQLITE_ROW)
		return 1;
	r = sb_store_file_error(db->handle, code);
	sb_sql_finish(statement);

	return r;
}

/**
 * sb_sql_execute() - run a statement that gives no rows
 * @db: the database
 * @which: with its parameters bound
 *
 * Return: 0, or a negative errno.
 */
int sb_sql_execute(struct sb_db *db, enum sb_sql which)
{
	int r = sb_sql_next(db, db->statements[which]);

	if (r > 0)
		sb_sql_finish(db->statements[which]);

	return r < 0 ? r : 0;
}

/**
 * sb_sql_ask() - run a statement that gives one number
 * @db: the database
 * @which: with its parameters bound
 * @ret: the number
 *
 * Return: 1, 0 when there is none, a negative errno.
 */
int sb_sql_ask(struct sb_db *db, enum sb_sql which, uint64_t *ret)
{
	sqlite3_stmt *statement = db->statements[which];
	int r = sb_sql_next(db, statement);

	if (r <= 0)
		return r;
	if (sqlite3_column_type(statement, 0) == SQLITE_NULL)
		r = 0;
	else
		*ret = sb_sql_number(statement, 0);
	sb_sql_finish(statement);

	return r;
}

/**
 * sb_sql_find_link() - the number of a link
 * @db: the database
 * @link: its name
 * @ret_id: its number
 *
 * Return: 1, 0 when the link was never heard of, a negative errno.
 */
int sb_sql_find_link(struct sb_db *db, const char *link, uint64_t *ret_id)
{
	sb_sql_bind_text(db->statements[SB_SQL_FIND_LINK], 1, link);

	return sb_sql_ask(db, SB_SQL_FIND_LINK, ret_id);
}

/**
 * sb_sql_add_link() - the number of a link, a new one if need be
 * @db: the database, in a transaction
 * @link: its name
 * @ret_id: its number
 *
 * Return: 0, or a negative errno.
 */
int sb_sql_add_link(struct sb_db *db, const char *link, uint64_t *ret_id)
{
	int r = sb_sql_find_link(db, link, ret_id);

	if (r != 0)
		return r < 0 ? r : 0;

	sb_sql_bind_text(db->statements[SB_SQL_ADD_LINK], 1, link);
	r = sb_sql_execute(db, SB_SQL_ADD_LINK);
	if (r < 0)
		return r;
	*ret_id = (uint64_t)sqlite3_last_insert_rowid(db->handle);

	return 0;
}
