/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/store-sql.h"
#include "skybus/plugin.h"

/* "" takes no room as NULL. */
static void bind_optional(sqlite3_stmt *statement, int index, const char *text)
{
	sb_sql_bind_text(statement, index, text && *text ? text : NULL);
}

/**
 * sb_sql_insert_message() - a row for a message, and nothing else
 * @db: the database, in a transaction
 * @link: whose it is
 * @message: with its ticket
 *
 * Return: 0; -EEXIST when the ticket is in use; or another negative errno.
 */
int sb_sql_insert_message(struct sb_db *db, const char *link, const struct sb_message *message)
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
	sb_sql_bind_number(insert, 6, message->priority);
	if (message->owner != SB_NO_OWNER)
		sb_sql_bind_number(insert, 7, message->owner);
	sb_sql_bind_text(insert, 8, message->sender);
	sb_sql_bind_number(insert, 9, message->replaces);
	sb_sql_bind_number(insert, 10, message->taken.boot);
	(void)sqlite3_bind_int64(insert, 11, message->taken.ms);
	if (message->ttl_s > 0)
		(void)sqlite3_bind_int64(insert, 12,
					 message->taken.ms + message->ttl_s * INT64_C(1000));

	return sb_sql_execute(db, SB_SQL_INSERT);
}

/* @remark: added to what is known of how it ended; NULL for nothing. */
static int end_letter(struct sb_db *db, uint64_t ticket, const char *remark)
{
	sb_sql_bind_number(db->statements[SB_SQL_END_LETTER], 1, ticket);
	sb_sql_bind_text(db->statements[SB_SQL_END_LETTER], 2, remark);

	return sb_sql_change(db, SB_SQL_END_LETTER);
}

static int requeue(struct sb_db *db, const char *link, const struct sb_message *message)
{
	char remark[64];
	int r;

	(void)snprintf(remark, sizeof(remark), " (sent again as ticket %llu)",
		       (unsigned long long)message->ticket);

	r = sb_sql_begin_part(db);
	if (r < 0)
		return r;
	r = end_letter(db, message->requeues, remark);
	if (r == 0)
		r = sb_sql_insert_message(db, link, message);

	return sb_sql_end_part(db, r);
}

/* With what it needs in order to move to another link. */
static int insert_routed(struct sb_db *db, const char *link, const struct sb_message *message)
{
	sqlite3_stmt *add = db->statements[SB_SQL_ADD_ROUTE];
	uint64_t id = 0;
	int r;

	r = sb_sql_begin_part(db);
	if (r < 0)
		return r;
	db->routed = true;
	r = sb_sql_insert_message(db, link, message);
	if (r == 0)
		r = sb_sql_add_link(db, link, &id);
	if (r == 0) {
		sb_sql_bind_number(add, 1, id);
		sb_sql_bind_number(add, 2, message->ticket);
		sb_sql_bind_text(add, 3, message->route);
		r = sb_sql_execute(db, SB_SQL_ADD_ROUTE);
	}

	return sb_sql_end_part(db, r);
}

static int insert(struct sb_db *db, const char *link, const struct sb_message *message)
{
	if (message->requeues != 0)
		return requeue(db, link, message);

	return message->route ? insert_routed(db, link, message)
			      : sb_sql_insert_message(db, link, message);
}

static size_t row_bytes(const struct sb_message *message)
{
	return sb_message_size(message) + SB_SQL_ROW_BYTES +
	       (message->route ? strlen(message->route) + SB_SQL_ROW_BYTES : 0);
}

/**
 * sb_db_insert() - store a message
 * @db: the database, in a transaction
 * @link: whose it is
 * @message: with its ticket; the dead letter that it requeues ends
 *
 * Return: 0; -EEXIST when the ticket is in use; -ENOENT when there is no such dead letter; -ENOSPC; or
 * another negative errno.
 */
int sb_db_insert(struct sb_db *db, const char *link, const struct sb_message *message)
{
	size_t size = row_bytes(message);
	int r;

	if (size > db->room)
		return -ENOSPC;
	r = insert(db, link, message);
	if (r == 0)
		db->room -= size;

	return r;
}

static struct sb_message *message_of_row(sqlite3_stmt *row)
{
	const void *payload = sqlite3_column_blob(row, 2);
	size_t payload_len = (size_t)sqlite3_column_bytes(row, 2);
	const char *sender = (const char *)sqlite3_column_text(row, 5);
	struct sb_message *message =
		sb_message_new(sb_sql_text(row, 1), payload, payload ? payload_len : 0, sender);
	int64_t lives_ms;

	if (!message)
		return NULL;
	message->ticket = sb_sql_number(row, 0);
	if (sqlite3_column_type(row, 3) != SQLITE_NULL)
		message->content_format = (uint32_t)sb_sql_number(row, 3);
	message->owner = sb_sql_owner(row, 4);
	message->replaces = sb_sql_number(row, 6) != 0;
	message->taken = sb_sql_moment(row, 7);
	if (sqlite3_column_type(row, 9) == SQLITE_NULL)
		return message;
	/* 0 would mean that it lives for ever. */
	if (__builtin_sub_overflow(sqlite3_column_int64(row, 9), message->taken.ms, &lives_ms) ||
	    lives_ms < 1000)
		lives_ms = 1000;
	message->ttl_s = lives_ms / 1000 < UINT32_MAX ? (uint32_t)(lives_ms / 1000) : UINT32_MAX;

	return message;
}

/**
 * sb_db_fetch() - read what waits, oldest first
 * @db: the database
 * @fetch: of which link and priority, and how much; one message at least, whatever its size
 * @list: empty; gets the messages, which are the caller's
 *
 * Return: 0, or a negative errno and @list is empty.
 */
int sb_db_fetch(struct sb_db *db, const struct sb_fetch *fetch, struct sb_message_list *list)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_FETCH];
	size_t max_bytes = fetch->max_bytes;
	uint64_t id = 0;
	int r;

	r = sb_sql_find_link(db, fetch->link, &id);
	if (r <= 0)
		return r;

	sb_sql_bind_number(statement, 1, id);
	sb_sql_bind_number(statement, 2, fetch->priority);
	sb_sql_bind_number(statement, 3, fetch->after_ticket);
	sb_sql_bind_number(statement, 4, fetch->max_messages);
	sb_sql_bind_number(statement, 5, db->last_ticket);
	while ((r = sb_sql_next(db, statement)) > 0) {
		struct sb_message *message = message_of_row(statement);
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
		message->priority = fetch->priority;
		TAILQ_INSERT_TAIL(list, message, entry);
	}
	sb_sql_finish(statement);
	if (r < 0)
		sb_message_list_clear(list);

	return r < 0 ? r : 0;
}

static int settle_row(struct sb_db *db, const struct sb_settlement *settlement)
{
	bool plain = !db->routed && settlement->outcome != SB_REJECTED;
	enum sb_sql which = plain ? SB_SQL_SETTLE_PLAIN : SB_SQL_SETTLE;
	sqlite3_stmt *settle = db->statements[which];

	sb_sql_bind_number(settle, 1, settlement->ticket);
	sb_sql_bind_number(settle, 2, settlement->outcome);
	bind_optional(settle, 3, settlement->code);
	bind_optional(settle, 4, settlement->reason);
	(void)sqlite3_bind_int64(settle, 5, settlement->at_ms);

	return sb_sql_change(db, which);
}

static int count_end(struct sb_db *db, const struct sb_settlement *settlement)
{
	if (settlement->cause == SB_CAUSE_DELIVERED)
		return 0;
	sb_sql_bind_number(db->statements[SB_SQL_COUNT_END], 1, settlement->ticket);
	sb_sql_bind_number(db->statements[SB_SQL_COUNT_END], 2, settlement->cause);

	return sb_sql_execute(db, SB_SQL_COUNT_END);
}

/* Its end, and that it is a loss, are written together or not at all. */
static int settle_and_count(struct sb_db *db, const struct sb_settlement *settlement)
{
	int r = sb_sql_begin_part(db);

	if (r < 0)
		return r;
	r = settle_row(db, settlement);
	if (r == 0)
		r = count_end(db, settlement);

	return sb_sql_end_part(db, r);
}

/**
 * sb_db_settle() - a message has ended
 * @db: the database, in a transaction
 * @settlement: how; what was not delivered is counted as a loss
 *
 * Return: 0; -ENOENT when no such message waits; or another negative errno.
 */
int sb_db_settle(struct sb_db *db, const struct sb_settlement *settlement)
{
	int r = settlement->cause == SB_CAUSE_DELIVERED ? settle_row(db, settlement)
							: settle_and_count(db, settlement);

	if (r < 0)
		return r;
	db->settled++;
	if (settlement->at_ms > db->now_ms)
		db->now_ms = settlement->at_ms;

	return 0;
}

/**
 * sb_db_forget() - a message has ended, and there is no room to remember how
 * @db: the database, in a transaction
 * @settlement: how; what was not delivered is counted as a loss
 *
 * A row grows when its message ends if the payload was shorter than code and reason. Where not even that
 * much room is left, the row goes, and with it a dead letter, so that the message does not wait for ever.
 *
 * Return: 0; -ENOENT when no such message waits; or another negative errno.
 */
int sb_db_forget(struct sb_db *db, const struct sb_settlement *settlement)
{
	int r = sb_sql_begin_part(db);

	if (r < 0)
		return r;
	r = count_end(db, settlement);
	if (r == 0)
		r = sb_db_reserve(db, settlement->ticket);
	if (r == 0) {
		sb_sql_bind_number(db->statements[SB_SQL_FORGET], 1, settlement->ticket);
		r = sb_sql_change(db, SB_SQL_FORGET);
	}
	r = sb_sql_end_part(db, r);
	if (r == 0)
		sb_log(LOG_DEBUG, "ticket %llu has ended as %s; there is no room to remember that",
		       (unsigned long long)settlement->ticket,
		       sb_outcome_word(settlement->outcome));

	return r;
}

/**
 * sb_db_discard() - throw a dead letter away
 * @db: the database
 * @ticket: of the letter
 *
 * Return: 0; -ENOENT when there is none; or another negative errno.
 */
int sb_db_discard(struct sb_db *db, uint64_t ticket)
{
	return end_letter(db, ticket, NULL);
}
