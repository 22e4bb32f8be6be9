/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The statements of the store, all in one place, and how they are run. For the store-….c files only.
 *
 * Statements are prepared once and kept. Parameters are lent to SQLite for one run, so each run ends
 * by resetting the statement and forgetting them: sb_sql_next() does so itself unless it returns a row.
 */
#include <sqlite3.h>
#include <stdint.h>

#include "daemon/store-db.h"

enum sb_sql {
	SB_SQL_BEGIN,
	SB_SQL_COMMIT,
	SB_SQL_ROLLBACK,
	SB_SQL_FIND_LINK,
	SB_SQL_ADD_LINK,
	SB_SQL_INSERT,
	SB_SQL_FETCH,
	SB_SQL_SETTLE,
	SB_SQL_LOOKUP,
	SB_SQL_PUT,
	SB_SQL_REMOVE,
	SB_SQL_LAST_TICKET,
	SB_SQL_SIZE,
	SB_SQL_BACKLOGS,
	SB_SQL_VALUES,
	SB_SQL_TRIM_END,
	SB_SQL_TRIM,
	SB_SQL_TRIM_REJECTED,
	SB_N_SQL,
};

/**
 * struct sb_db - the database
 * @last_ticket: when it was opened
 * @reserved: bytes that the file has on disk
 * @settled: since the last trimming
 * @trimmed_to: the ticket that trimming has come to
 */
struct sb_db {
	sqlite3 *handle;
	sqlite3_stmt *statements[SB_N_SQL];
	uint64_t last_ticket;
	uint64_t reserved;
	uint64_t settled;
	uint64_t trimmed_to;
};

int sb_sql_prepare(struct sb_db *db);
int sb_sql_next(struct sb_db *db, sqlite3_stmt *statement);
void sb_sql_finish(sqlite3_stmt *statement);
int sb_sql_execute(struct sb_db *db, enum sb_sql which);
int sb_sql_ask(struct sb_db *db, enum sb_sql which, uint64_t *ret);
int sb_sql_find_link(struct sb_db *db, const char *link, uint64_t *ret_id);
int sb_sql_add_link(struct sb_db *db, const char *link, uint64_t *ret_id);

static inline void sb_sql_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
	(void)sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static inline void sb_sql_bind_number(sqlite3_stmt *statement, int index, uint64_t number)
{
	(void)sqlite3_bind_int64(statement, index, (sqlite3_int64)number);
}

static inline uint64_t sb_sql_number(sqlite3_stmt *statement, int column)
{
	return (uint64_t)sqlite3_column_int64(statement, column);
}

/** Never NULL: what is missing is "". */
static inline const char *sb_sql_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text ? (const char *)text : "";
}
