/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits on disk, counted at the start, which waits for it: by an aggregate of our own, within one
 * statement. To group by owner as SQLite does it, all that waits would be sorted in memory; and to have each
 * row handed out takes more than to read it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store-file.h"
#include "daemon/store-sql.h"

/* What the pointer is that the statement has as its parameter. */
#define BACKLOGS "backlogs"

/* Those of the link that is being counted are at the end, and have no name yet. They are few. */
static struct sb_backlog *find_backlog(const struct sb_backlogs *backlogs, uint64_t priority,
				       uint32_t owner)
{
	for (size_t i = backlogs->n; i > 0; i--) {
		struct sb_backlog *backlog = &backlogs->items[i - 1];

		if (backlog->link || backlog->priority != priority)
			return NULL;
		if (backlog->owner == owner)
			return backlog;
	}

	return NULL;
}

static struct sb_backlog *add_backlog(struct sb_backlogs *backlogs, uint64_t priority,
				      uint32_t owner)
{
	struct sb_backlog *items = sb_sql_grow(backlogs->items, backlogs->n, sizeof(*items));

	if (!items)
		return NULL;
	backlogs->items = items;
	items[backlogs->n] = (struct sb_backlog){
		.priority = (enum sb_priority)priority,
		.owner = owner,
	};

	return &items[backlogs->n++];
}

/* count_backlog(backlogs, priority, owner, topic, bytes of the payload): ascending by priority. */
static void count_row(sqlite3_context *context, int n, sqlite3_value **values)
{
	struct sb_backlogs *backlogs = sqlite3_value_pointer(values[0], BACKLOGS);
	uint64_t priority = (uint64_t)sqlite3_value_int64(values[1]);
	uint32_t owner = sqlite3_value_type(values[2]) == SQLITE_NULL
				 ? SB_NO_OWNER
				 : (uint32_t)sqlite3_value_int64(values[2]);
	struct sb_backlog *backlog;

	(void)n;
	if (!backlogs || priority >= SB_N_PRIORITIES) {
		sqlite3_result_error_code(context, SQLITE_CORRUPT);
		return;
	}
	backlog = find_backlog(backlogs, priority, owner);
	if (!backlog)
		backlog = add_backlog(backlogs, priority, owner);
	if (!backlog) {
		sqlite3_result_error_nomem(context);
		return;
	}
	backlog->messages++;
	backlog->bytes +=
		(uint64_t)sqlite3_value_bytes(values[3]) + (uint64_t)sqlite3_value_int64(values[4]);
}

/* All that was counted is where the pointer says. */
static void count_end(sqlite3_context *context)
{
	sqlite3_result_null(context);
}

/**
 * sb_sql_add_functions() - what our statements call that SQLite does not have
 * @db: before they are prepared
 *
 * Return: 0, or a negative errno.
 */
int sb_sql_add_functions(struct sb_db *db)
{
	int code = sqlite3_create_function(db->handle, "count_backlog", 5,
					   SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, NULL, count_row,
					   count_end);

	return sb_store_file_error(db->handle, code);
}

static int name_backlogs(struct sb_backlogs *backlogs, const char *link)
{
	for (size_t i = backlogs->n; i > 0 && !backlogs->items[i - 1].link; i--) {
		backlogs->items[i - 1].link = strdup(link);
		if (!backlogs->items[i - 1].link)
			return -ENOMEM;
	}

	return 0;
}

/**
 * sb_db_backlogs() - count what waits, by link, priority and owner
 * @db: the database
 * @backlogs: empty; what was counted, in this order
 *
 * Return: 0; -EBADMSG when the database is damaged; or another negative errno, and @backlogs is empty.
 */
int sb_db_backlogs(struct sb_db *db, struct sb_backlogs *backlogs)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_BACKLOGS];
	int r;

	(void)sqlite3_bind_pointer(statement, 1, backlogs, BACKLOGS, NULL);
	while ((r = sb_sql_next(db, statement)) > 0) {
		r = name_backlogs(backlogs, sb_sql_text(statement, 0));
		if (r < 0)
			break;
	}
	if (r < 0) {
		sb_sql_finish(statement);
		sb_backlogs_clear(backlogs);
	}

	return r;
}

/**
 * sb_backlogs_clear() - free what was counted
 * @backlogs: empty afterwards
 */
void sb_backlogs_clear(struct sb_backlogs *backlogs)
{
	for (size_t i = 0; i < backlogs->n; i++)
		free((char *)backlogs->items[i].link);
	free(backlogs->items);
	*backlogs = (struct sb_backlogs){ 0 };
}
