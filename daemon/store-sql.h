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
#include <stdlib.h>

#include "daemon/store-db.h"

enum sb_sql {
	SB_SQL_BEGIN,
	SB_SQL_COMMIT,
	SB_SQL_ROLLBACK,
	SB_SQL_BEGIN_PART,
	SB_SQL_COMMIT_PART,
	SB_SQL_ROLLBACK_PART,
	SB_SQL_FIND_LINK,
	SB_SQL_ADD_LINK,
	SB_SQL_INSERT,
	SB_SQL_ADD_BODY,
	SB_SQL_ADD_SHARE,
	SB_SQL_ADD_ROUTE,
	SB_SQL_ANY_ROUTED,
	SB_SQL_MOVE,
	SB_SQL_FETCH,
	SB_SQL_SETTLE,
	SB_SQL_SETTLE_PLAIN,
	SB_SQL_FORGET,
	SB_SQL_END_LETTER,
	SB_SQL_COUNT_END,
	SB_SQL_COUNT_LOSS,
	SB_SQL_LOSSES,
	SB_SQL_SEARCH_TICKET,
	SB_SQL_SEARCH_OVERDUE,
	SB_SQL_SEARCH_REPLACED,
	SB_SQL_SEARCH_LETTERS,
	SB_SQL_SEARCH_LETTER,
	SB_SQL_SEARCH_ROUTED,
	SB_SQL_PUT,
	SB_SQL_REMOVE,
	SB_SQL_RESERVE,
	SB_SQL_RELEASE,
	SB_SQL_LAST_TICKET,
	SB_SQL_PUT_BOOT,
	SB_SQL_ADOPT_BOOT,
	SB_SQL_FORGET_BOOTS,
	SB_SQL_BOOTS,
	SB_SQL_PAGES,
	SB_SQL_FREE_PAGES,
	SB_SQL_PAGE_SIZE,
	SB_SQL_BACKLOGS,
	SB_SQL_VALUES,
	SB_SQL_TRIM_END,
	SB_SQL_TRIM,
	SB_SQL_TRIM_LETTERS,
	SB_SQL_INBOXES,
	SB_SQL_PUT_INBOX,
	SB_SQL_FORGET_INBOX,
	SB_SQL_INBOX_CONTENT,
	SB_SQL_INBOX_LOST,
	SB_SQL_INBOX_ADD,
	SB_SQL_INBOX_FETCH,
	SB_SQL_INBOX_TAKE,
	SB_SQL_INBOX_DROP,
	SB_SQL_INBOX_CLEAR,
	SB_SQL_RESERVE_MESSAGE,
	SB_SQL_LAST_MESSAGE,
	SB_N_SQL,
};

/** Of so many links the numbers are known without asking. */
#define SB_SQL_LINKS_KEPT 8

/** struct sb_sql_link - the number of a link, as this transaction has it */
struct sb_sql_link {
	char *name;
	uint64_t id;
};

/**
 * struct sb_db - the database
 * @directory: where it is
 * @damaged: SQLite has said so
 * @marked: for the next opening
 * @last_ticket: when it was opened
 * @last_message: the number that messages of inboxes had come to when it was opened
 * @routed: there may be a route or a share in it
 * @links: those asked for last
 * @next_link: which of them goes first
 * @page_size: bytes
 * @reserved: bytes that the file has on disk
 * @room: bytes that new messages may take in this transaction
 * @settled: since the last trimming
 * @now_ms: steady time, of the latest end
 * @trimmed_ms: @now_ms at the last trimming
 * @trimmed_by_number: the ticket that trimming has come to
 * @trimmed_by_age: likewise
 */
struct sb_db {
	struct sb_store_options options;
	sqlite3 *handle;
	char *directory;
	bool damaged;
	bool marked;
	bool routed;
	sqlite3_stmt *statements[SB_N_SQL];
	struct sb_sql_link links[SB_SQL_LINKS_KEPT];
	size_t next_link;
	uint64_t last_ticket;
	uint64_t last_message;
	uint64_t page_size;
	uint64_t reserved;
	uint64_t room;
	uint64_t settled;
	int64_t now_ms;
	int64_t trimmed_ms;
	uint64_t trimmed_by_number;
	uint64_t trimmed_by_age;
};

/** What a row and its entries in the indexes take beside topic and payload, about. */
#define SB_SQL_ROW_BYTES 128

int sb_sql_add_functions(struct sb_db *db);
int sb_sql_prepare(struct sb_db *db);
int sb_sql_next(struct sb_db *db, sqlite3_stmt *statement);
void sb_sql_finish(sqlite3_stmt *statement);
int sb_sql_execute(struct sb_db *db, enum sb_sql which);
int sb_sql_change(struct sb_db *db, enum sb_sql which);
int sb_sql_ask(struct sb_db *db, enum sb_sql which, uint64_t *ret);
int sb_sql_begin_part(struct sb_db *db);
int sb_sql_end_part(struct sb_db *db, int error);
int sb_sql_find_link(struct sb_db *db, const char *link, uint64_t *ret_id);
void sb_sql_forget_links(struct sb_db *db);
int sb_sql_add_link(struct sb_db *db, const char *link, uint64_t *ret_id);
int sb_sql_look_for_routes(struct sb_db *db);
int sb_sql_insert_message(struct sb_db *db, const char *link, const struct sb_message *message);

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

static inline uint32_t sb_sql_owner(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_type(statement, column) == SQLITE_NULL
		       ? SB_NO_OWNER
		       : (uint32_t)sb_sql_number(statement, column);
}

/** Of this column, the boot, and the next. */
static inline struct sb_moment sb_sql_moment(sqlite3_stmt *statement, int column)
{
	return (struct sb_moment){
		.boot = (uint32_t)sb_sql_number(statement, column),
		.ms = sqlite3_column_int64(statement, column + 1),
	};
}

/** Never NULL: what is missing is "". */
static inline const char *sb_sql_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text ? (const char *)text : "";
}

/**
 * sb_sql_grow() - room for one more at the end of an array
 * @items: the array, or NULL; not to be used afterwards, unless this fails
 * @n: items in it; each time that this is a power of two, the array is doubled
 * @size: of an item
 *
 * Return: the array; NULL without memory.
 */
static inline void *sb_sql_grow(void *items, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return items;

	return reallocarray(items, n > 0 ? 2 * n : 1, size);
}
