/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/store-sql.h"
#include "skybus/plugin.h"

/* "" takes no room as NULL. */
static void bind_optional(sqlite3_stmt *statement, int index, const char *text)
{
	sb_sql_bind_text(statement, index, text && *text ? text : NULL);
}

/**
 * sb_db_insert() - store a message
 * @db: the database
 * @link: whose it is
 * @message: with its ticket
 *
 * Return: 0; -EEXIST when the ticket is in use; or another negative errno.
 */
int sb_db_insert(struct sb_db *db, const char *link, const struct sb_message *message)
{
	sqlite3_stmt *insert = db->statements[SB_SQL_INSERT];
	uint64_t id = 0;
	int r;

	r = sb_sql_add_link(db, link, &id);
	if (r < 0)
		return r;

	sb_sql_bind_number(insert, 1, message->ticket);
	sb_sql_bind_number(insert, 2, id);
	sb_sql_bind_text(insert, 3, message->topic);
	if (message->payload_len > 0)
		(void)sqlite3_bind_blob64(insert, 4, message->payload, message->payload_len,
					  SQLITE_STATIC);
	if (message->content_format != SKYBUS_NO_FORMAT)
		sb_sql_bind_number(insert, 5, message->content_format);
	(void)sqlite3_bind_int64(insert, 6, message->time_ms);
	sb_sql_bind_text(insert, 7, message->sender);

	return sb_sql_execute(db, SB_SQL_INSERT);
}

static struct sb_message *message_of_row(sqlite3_stmt *row)
{
	const void *payload = sqlite3_column_blob(row, 2);
	size_t payload_len = (size_t)sqlite3_column_bytes(row, 2);
	const char *sender = (const char *)sqlite3_column_text(row, 5);
	struct sb_message *message =
		sb_message_new(sb_sql_text(row, 1), payload, payload ? payload_len : 0, sender);

	if (!message)
		return NULL;
	message->ticket = sb_sql_number(row, 0);
	if (sqlite3_column_type(row, 3) != SQLITE_NULL)
		message->content_format = (uint32_t)sb_sql_number(row, 3);
	message->time_ms = sqlite3_column_int64(row, 4);

	return message;
}

/**
 * sb_db_fetch() - read what waits, oldest first
 * @db: the database
 * @link: whose messages
 * @after_ticket: only tickets above it
 * @max_messages: so many at most
 * @max_bytes: so many at most, but one message at least
 * @list: empty; gets the messages, which are the caller's
 *
 * Return: 0, or a negative errno and @list is empty.
 */
int sb_db_fetch(struct sb_db *db, const char *link, uint64_t after_ticket, size_t max_messages,
		size_t max_bytes, struct sb_message_list *list)
{
	sqlite3_stmt *fetch = db->statements[SB_SQL_FETCH];
	uint64_t id = 0;
	int r;

	r = sb_sql_find_link(db, link, &id);
	if (r <= 0)
		return r;

	sb_sql_bind_number(fetch, 1, id);
	sb_sql_bind_number(fetch, 2, after_ticket);
	sb_sql_bind_number(fetch, 3, max_messages);
	sb_sql_bind_number(fetch, 4, db->last_ticket);
	while ((r = sb_sql_next(db, fetch)) > 0) {
		struct sb_message *message = message_of_row(fetch);
		size_t size = message ? sb_message_size(message) : 0;

		if (!message) {
			r = -ENOMEM;
			break;
		}
		if (size > max_bytes && !TAILQ_EMPTY(list)) {
			(void)sb_message_free(message);
			break;
		}
		max_bytes -= size < max_bytes ? size : max_bytes;
		TAILQ_INSERT_TAIL(list, message, entry);
	}
	sb_sql_finish(fetch);
	if (r < 0)
		sb_message_list_clear(list);

	return r < 0 ? r : 0;
}

/**
 * sb_db_settle() - a message has ended
 * @db: the database
 * @settlement: how
 *
 * Return: 0; -ENOENT when no such message waits; or another negative errno.
 */
int sb_db_settle(struct sb_db *db, const struct sb_settlement *settlement)
{
	sqlite3_stmt *settle = db->statements[SB_SQL_SETTLE];
	int r;

	sb_sql_bind_number(settle, 1, settlement->ticket);
	sb_sql_bind_number(settle, 2, settlement->outcome);
	bind_optional(settle, 3, settlement->code);
	bind_optional(settle, 4, settlement->reason);
	(void)sqlite3_bind_int64(settle, 5, sb_wall_clock_ms());
	r = sb_sql_execute(db, SB_SQL_SETTLE);
	if (r < 0)
		return r;
	if (sqlite3_changes(db->handle) == 0)
		return -ENOENT;
	db->settled++;

	return 0;
}

/**
 * sb_db_lookup() - what became of a message
 * @db: the database
 * @ticket: of the message
 * @ret_outcome: SB_STORED while it waits
 * @ret_code: the caller's; "" if there is none
 * @ret_reason: likewise
 *
 * Return: 0; -ENOENT when the ticket is unknown; or another negative errno.
 */
int sb_db_lookup(struct sb_db *db, uint64_t ticket, enum sb_outcome *ret_outcome, char **ret_code,
		 char **ret_reason)
{
	sqlite3_stmt *lookup = db->statements[SB_SQL_LOOKUP];
	SB_CLEANUP(sb_free) char *code = NULL;
	SB_CLEANUP(sb_free) char *reason = NULL;
	uint64_t outcome;
	int r;

	sb_sql_bind_number(lookup, 1, ticket);
	r = sb_sql_next(db, lookup);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	outcome = sb_sql_number(lookup, 0);
	code = strdup(sb_sql_text(lookup, 1));
	reason = strdup(sb_sql_text(lookup, 2));
	sb_sql_finish(lookup);
	if (!code || !reason)
		return -ENOMEM;
	if (outcome >= SB_N_OUTCOMES)
		return -EBADMSG;

	*ret_outcome = (enum sb_outcome)outcome;
	*ret_code = SB_STEAL(code);
	*ret_reason = SB_STEAL(reason);

	return 0;
}

/**
 * sb_db_each_backlog() - count what waits, link by link
 * @db: the database
 * @each: called for every link that has something waiting; a negative errno ends it
 * @userdata: for @each
 *
 * Return: 0, or a negative errno.
 */
int sb_db_each_backlog(struct sb_db *db, sb_db_backlog_fn *each, void *userdata)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_BACKLOGS];
	int r;

	while ((r = sb_sql_next(db, statement)) > 0) {
		struct sb_backlog backlog = {
			.messages = sb_sql_number(statement, 1),
			.bytes = sb_sql_number(statement, 2),
		};

		r = each(userdata, sb_sql_text(statement, 0), &backlog);
		if (r < 0) {
			sb_sql_finish(statement);
			return r;
		}
	}

	return r;
}

/**
 * sb_db_count_from_now() - begin a new database at a ticket beyond all that were ever given out
 * @db: an empty database
 *
 * Nobody knows what the database before it had given out, and no ticket may be given out twice. The
 * milliseconds since 1970 are more than messages can have been, unless there was one in each of them.
 * A row stands there as a cancelled message, so that the numbers go on from it after a restart too.
 *
 * Return: 0, or a negative errno.
 */
int sb_db_count_from_now(struct sb_db *db)
{
	sqlite3_stmt *insert = db->statements[SB_SQL_INSERT];
	const struct sb_settlement settlement = {
		.ticket = (uint64_t)sb_wall_clock_ms(),
		.outcome = SB_CANCELLED,
		.reason = "not a message: a damaged store was replaced here",
	};
	int r;

	sb_sql_bind_number(insert, 1, settlement.ticket);
	sb_sql_bind_number(insert, 2, 0);
	sb_sql_bind_text(insert, 3, "");
	sb_sql_bind_number(insert, 6, settlement.ticket);
	r = sb_sql_execute(db, SB_SQL_INSERT);
	if (r < 0)
		return r;
	db->last_ticket = settlement.ticket;

	return sb_db_settle(db, &settlement);
}
