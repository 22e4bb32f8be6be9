/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/store-sql.h"

/**
 * sb_db_tidy_boots() - note the boot that was not noted, and let go of those that nothing belongs to
 * @db: the database, outside of a transaction
 *
 * Without its boot a message that has a time-to-live waits for ever. The newest boot stays, and so do those
 * that a message which waits or a dead letter was taken in. If the disk is in the way now, all that is done
 * at the next opening.
 *
 * Return: 0, or -EBADMSG when the database is damaged.
 */
int sb_db_tidy_boots(struct sb_db *db)
{
	int r;

	r = sb_db_begin(db);
	if (r == 0)
		r = sb_sql_execute(db, SB_SQL_ADOPT_BOOT);
	if (r == 0)
		r = sb_sql_execute(db, SB_SQL_FORGET_BOOTS);
	if (r == 0)
		r = sb_db_commit(db);
	if (r < 0) {
		sb_log(LOG_DEBUG, "the boots were not tidied up: %s", strerror(-r));
		sb_db_rollback(db);
	}

	return r == -EBADMSG ? r : 0;
}

static int add_boot(sqlite3_stmt *row, struct sb_boots *boots)
{
	struct sb_boot *items = sb_sql_grow(boots->items, boots->n, sizeof(*items));
	struct sb_boot *boot;

	if (!items)
		return -ENOMEM;
	boots->items = items;
	boot = &items[boots->n++];
	*boot = (struct sb_boot){
		.number = (uint32_t)sb_sql_number(row, 0),
		.base_ms = sqlite3_column_int64(row, 2),
		.last_ms = sqlite3_column_int64(row, 3),
		.offset_ms = sqlite3_column_int64(row, 4),
		.synchronised = sb_sql_number(row, 5) != 0,
	};
	(void)snprintf(boot->id, sizeof(boot->id), "%s", sb_sql_text(row, 1));

	return 0;
}

/**
 * sb_db_boots() - read the boots
 * @db: the database
 * @boots: empty; ascending by number
 *
 * Return: 0; or a negative errno, and @boots is empty.
 */
int sb_db_boots(struct sb_db *db, struct sb_boots *boots)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_BOOTS];
	int r;

	while ((r = sb_sql_next(db, statement)) > 0) {
		r = add_boot(statement, boots);
		if (r < 0)
			break;
	}
	if (r < 0) {
		sb_sql_finish(statement);
		sb_boots_clear(boots);
	}

	return r;
}

/**
 * sb_boots_clear() - free what was read
 * @boots: empty afterwards
 */
void sb_boots_clear(struct sb_boots *boots)
{
	free(boots->items);
	*boots = (struct sb_boots){ 0 };
}

/**
 * sb_db_put_boot() - note a boot, or what is new of it
 * @db: the database
 * @boot: replaces the one of its number
 *
 * Return: 0, or a negative errno.
 */
int sb_db_put_boot(struct sb_db *db, const struct sb_boot *boot)
{
	sqlite3_stmt *put = db->statements[SB_SQL_PUT_BOOT];

	sb_sql_bind_number(put, 1, boot->number);
	sb_sql_bind_text(put, 2, boot->id);
	(void)sqlite3_bind_int64(put, 3, boot->base_ms);
	(void)sqlite3_bind_int64(put, 4, boot->last_ms);
	(void)sqlite3_bind_int64(put, 5, boot->offset_ms);
	sb_sql_bind_number(put, 6, boot->synchronised);

	return sb_sql_execute(db, SB_SQL_PUT_BOOT);
}
