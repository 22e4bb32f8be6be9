/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inboxes in the database. The jobs that lead here are in daemon/store-inbox-submit.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/store-sql.h"
#include "skybus/plugin.h"

/* What a row and its entry in the index take beside topic and payload, about. */
#define ROW_BYTES 96

SB_DEFINE_CLEANUP(struct sb_inbox_message *, sb_inbox_message_free)

/* ---- inboxes ---- */

static int content_of(struct sb_db *db, uint64_t inbox, struct sb_inbox_content *ret)
{
	sqlite3_stmt *content = db->statements[SB_SQL_INBOX_CONTENT];
	int r;

	sb_sql_bind_number(content, 1, inbox);
	r = sb_sql_next(db, content);
	if (r <= 0)
		return r;
	ret->messages = sb_sql_number(content, 0);
	ret->bytes = sb_sql_number(content, 1);
	sb_sql_finish(content);

	return 0;
}

static void record_clear(const struct sb_inbox_record *record)
{
	free((char *)record->link);
	free((char *)record->name);
	free((char *)record->filter);
}

static int add_record(struct sb_db *db, sqlite3_stmt *row, struct sb_inbox_records *records)
{
	struct sb_inbox_record *items = sb_sql_grow(records->items, records->n, sizeof(*items));
	struct sb_inbox_content content = { 0 };
	struct sb_inbox_record *record;
	int r;

	if (!items)
		return -ENOMEM;
	records->items = items;
	record = &items[records->n];
	*record = (struct sb_inbox_record){
		.id = sb_sql_number(row, 0),
		.link = strdup(sb_sql_text(row, 1)),
		.owner = (uint32_t)sb_sql_number(row, 2),
		.name = strdup(sb_sql_text(row, 3)),
		.filter = strdup(sb_sql_text(row, 4)),
		.origins = (unsigned int)sb_sql_number(row, 5),
		.answers = sb_sql_number(row, 6) != 0,
		.lost = sb_sql_number(row, 7),
	};
	records->n++;
	if (!record->link || !record->name || !record->filter)
		return -ENOMEM;
	r = content_of(db, record->id, &content);
	if (r < 0)
		return r;
	record->messages = content.messages;
	record->bytes = content.bytes;

	return 0;
}

/**
 * sb_db_inboxes() - all inboxes, and how much waits in them
 * @db: the database
 * @records: empty; by id
 *
 * Return: 0; or a negative errno, and @records is empty.
 */
int sb_db_inboxes(struct sb_db *db, struct sb_inbox_records *records)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_INBOXES];
	int r;

	while ((r = sb_sql_next(db, statement)) > 0) {
		r = add_record(db, statement, records);
		if (r < 0)
			break;
	}
	if (r < 0) {
		sb_sql_finish(statement);
		sb_inbox_records_clear(records);
	}

	return r;
}

/**
 * sb_inbox_records_clear() - free what was read
 * @records: empty afterwards
 */
void sb_inbox_records_clear(struct sb_inbox_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		record_clear(&records->items[i]);
	free(records->items);
	*records = (struct sb_inbox_records){ 0 };
}

/**
 * sb_db_put_inbox() - make an inbox, or change what it gathers
 * @db: the database, in a transaction
 * @record: of one that is there, filter, origins and answers are taken
 *
 * Return: 0, or a negative errno.
 */
int sb_db_put_inbox(struct sb_db *db, const struct sb_inbox_record *record)
{
	sqlite3_stmt *put = db->statements[SB_SQL_PUT_INBOX];
	uint64_t link = 0;
	int r;

	r = sb_sql_add_link(db, record->link, &link);
	if (r < 0)
		return r;

	sb_sql_bind_number(put, 1, record->id);
	sb_sql_bind_number(put, 2, link);
	sb_sql_bind_number(put, 3, record->owner);
	sb_sql_bind_text(put, 4, record->name);
	sb_sql_bind_text(put, 5, record->filter);
	sb_sql_bind_number(put, 6, record->origins);
	sb_sql_bind_number(put, 7, record->answers);

	return sb_sql_execute(db, SB_SQL_PUT_INBOX);
}

static int clear(struct sb_db *db, uint64_t inbox)
{
	int r;

	sb_sql_bind_number(db->statements[SB_SQL_INBOX_CLEAR], 1, inbox);
	r = sb_sql_execute(db, SB_SQL_INBOX_CLEAR);
	if (r < 0)
		return r;
	sb_sql_bind_number(db->statements[SB_SQL_FORGET_INBOX], 1, inbox);

	return sb_sql_change(db, SB_SQL_FORGET_INBOX);
}

/**
 * sb_db_forget_inbox() - remove an inbox, with what waits in it
 * @db: the database, in a transaction
 * @record: which, with its link and owner: what waits is counted as their loss
 * @ret_content: what has waited
 *
 * Return: 0; -ENOENT when there is none; or another negative errno.
 */
int sb_db_forget_inbox(struct sb_db *db, const struct sb_inbox_record *record,
		       struct sb_inbox_content *ret_content)
{
	struct sb_inbox_content content = { 0 };
	struct sb_loss loss = {
		.link = record->link,
		.owner = record->owner,
		.cause = SB_CAUSE_FORGOTTEN,
	};
	int r = sb_sql_begin_part(db);

	if (r < 0)
		return r;
	r = content_of(db, record->id, &content);
	loss.messages = content.messages;
	if (r == 0 && loss.messages > 0)
		r = sb_db_count_loss(db, &loss);
	if (r == 0)
		r = clear(db, record->id);
	r = sb_sql_end_part(db, r);
	if (r == 0)
		*ret_content = content;

	return r;
}

/* ---- what waits in them ---- */

/**
 * sb_db_last_message() - the highest number of a message that was ever in an inbox
 * @db: the database
 *
 * Return: what it was when the database was opened, or a higher one; 0 for none.
 */
uint64_t sb_db_last_message(const struct sb_db *db)
{
	return db->last_message;
}

/**
 * sb_db_reserve_message() - numbering goes on above a number, also when its message has gone
 * @db: the database, in a transaction
 * @message: the number
 *
 * Return: 0, or a negative errno.
 */
int sb_db_reserve_message(struct sb_db *db, uint64_t message)
{
	sb_sql_bind_number(db->statements[SB_SQL_RESERVE_MESSAGE], 1, message);

	return sb_sql_execute(db, SB_SQL_RESERVE_MESSAGE);
}

/**
 * sb_db_inbox_lose() - count messages that an inbox could not keep
 * @db: the database, in a transaction
 * @inbox: which; it may have gone
 * @loss: of its link and owner, why, and how many
 *
 * Return: 0, or a negative errno.
 */
int sb_db_inbox_lose(struct sb_db *db, uint64_t inbox, const struct sb_loss *loss)
{
	int r = sb_sql_begin_part(db);

	if (r < 0)
		return r;
	r = sb_db_count_loss(db, loss);
	if (r == 0) {
		sb_sql_bind_number(db->statements[SB_SQL_INBOX_LOST], 1, inbox);
		sb_sql_bind_number(db->statements[SB_SQL_INBOX_LOST], 2, loss->messages);
		r = sb_sql_execute(db, SB_SQL_INBOX_LOST);
	}

	return sb_sql_end_part(db, r);
}

/* Return: 0; -ENOBUFS when there is nothing that could go; or another negative errno. */
static int drop_one(struct sb_db *db, uint64_t inbox, struct sb_inbox_drop *dropped)
{
	sqlite3_stmt *drop = db->statements[SB_SQL_INBOX_DROP];
	int n = 0;
	int r;

	sb_sql_bind_number(drop, 1, inbox);
	sb_sql_bind_number(drop, 2, dropped->above);
	while ((r = sb_sql_next(db, drop)) > 0) {
		dropped->last = sb_sql_number(drop, 0);
		dropped->content.messages++;
		dropped->content.bytes += sb_sql_number(drop, 1);
		n++;
	}
	if (r < 0)
		return r;

	return n > 0 ? 0 : -ENOBUFS;
}

static int drop_oldest(struct sb_db *db, const struct sb_inbox_entry *entry,
		       struct sb_inbox_drop *dropped)
{
	const struct sb_inbox_content *wanted = &entry->drop.content;
	struct sb_loss loss = {
		.link = entry->link,
		.owner = entry->owner,
		.cause = SB_CAUSE_INBOX_FULL,
	};
	int r = 0;

	while (r == 0 && (dropped->content.messages < wanted->messages ||
			  dropped->content.bytes < wanted->bytes))
		r = drop_one(db, entry->inbox, dropped);
	loss.messages = dropped->content.messages;
	if (r == 0 && loss.messages > 0)
		r = sb_db_inbox_lose(db, entry->inbox, &loss);

	return r;
}

static int insert_row(struct sb_db *db, const struct sb_inbox_entry *entry)
{
	sqlite3_stmt *add = db->statements[SB_SQL_INBOX_ADD];
	const struct sb_inbox_message *message = entry->message;

	sb_sql_bind_number(add, 1, entry->inbox);
	sb_sql_bind_number(add, 2, message->number);
	sb_sql_bind_number(add, 3, message->origin);
	sb_sql_bind_text(add, 4, message->topic);
	if (message->payload_len > 0)
		(void)sqlite3_bind_blob64(add, 5, message->payload, message->payload_len,
					  SQLITE_STATIC);
	if (message->content_format != SKYBUS_NO_FORMAT)
		sb_sql_bind_number(add, 6, message->content_format);
	if (message->answer_by_ms > 0)
		(void)sqlite3_bind_int64(add, 7, message->answer_by_ms);

	return sb_sql_change(db, SB_SQL_INBOX_ADD);
}

/**
 * sb_db_inbox_add() - put a message into an inbox
 * @db: the database, in a transaction
 * @entry: the message, and what is to go for it, which is counted as a loss
 * @ret_dropped: what has gone
 *
 * Return: 0; -ENOENT when there is no such inbox any more; -ENOBUFS when too little could go; -ENOSPC; or
 * another negative errno.
 */
int sb_db_inbox_add(struct sb_db *db, const struct sb_inbox_entry *entry,
		    struct sb_inbox_drop *ret_dropped)
{
	struct sb_inbox_drop dropped = { .above = entry->drop.above };
	size_t size = sb_inbox_message_size(entry->message) + ROW_BYTES;
	int r;

	if (size > db->room)
		return -ENOSPC;
	r = sb_sql_begin_part(db);
	if (r < 0)
		return r;
	r = drop_oldest(db, entry, &dropped);
	if (r == 0)
		r = insert_row(db, entry);
	if (r == 0)
		r = sb_db_reserve_message(db, entry->message->number);
	r = sb_sql_end_part(db, r);
	if (r < 0)
		return r;
	db->room -= size;
	*ret_dropped = dropped;

	return 0;
}

static struct sb_inbox_message *message_of_row(sqlite3_stmt *row)
{
	const struct sb_delivery delivery = {
		.message = sb_sql_number(row, 0),
		.origin = sb_sql_number(row, 1) == SB_ORIGIN_LOCAL ? SB_ORIGIN_LOCAL
								   : SB_ORIGIN_CLOUD,
		.topic = sb_sql_text(row, 2),
		.payload = sqlite3_column_blob(row, 3),
		.payload_len = (size_t)sqlite3_column_bytes(row, 3),
		.content_format = sqlite3_column_type(row, 4) == SQLITE_NULL
					  ? SKYBUS_NO_FORMAT
					  : (uint32_t)sb_sql_number(row, 4),
		.answer_by_ms = sqlite3_column_int64(row, 5),
	};

	/* Out of memory, SQLite has no bytes for us. */
	return delivery.payload_len > 0 && !delivery.payload ? NULL
							     : sb_inbox_message_new(&delivery);
}

/* Return: 1 to go on, 0 when there is enough, -ENOMEM. */
static int fetch_one(sqlite3_stmt *row, size_t *room, struct sb_inbox_message_list *list)
{
	SB_CLEANUP(sb_inbox_message_free) struct sb_inbox_message *message = message_of_row(row);
	size_t size;

	if (!message)
		return -ENOMEM;
	size = sb_inbox_message_size(message);
	if (size > *room && !TAILQ_EMPTY(list))
		return 0;
	*room -= size < *room ? size : *room;
	TAILQ_INSERT_TAIL(list, message, entry);
	(void)SB_STEAL(message);

	return 1;
}

/**
 * sb_db_inbox_fetch() - read what waits in an inbox, by number
 * @db: the database
 * @fetch: of which inbox, and how much
 * @list: empty; gets the messages, which are the caller's
 * @ret_more: whether a bound ended it, so that there may be more
 *
 * Return: 0, or a negative errno and @list is empty.
 */
int sb_db_inbox_fetch(struct sb_db *db, const struct sb_inbox_fetch *fetch,
		      struct sb_inbox_message_list *list, bool *ret_more)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_INBOX_FETCH];
	size_t room = fetch->max_bytes;
	bool enough = false;
	size_t n = 0;
	int r;

	sb_sql_bind_number(statement, 1, fetch->inbox);
	sb_sql_bind_number(statement, 2, fetch->after);
	sb_sql_bind_number(statement, 3, fetch->max_messages);
	sb_sql_bind_number(statement, 4, db->last_message);
	while ((r = sb_sql_next(db, statement)) > 0) {
		r = fetch_one(statement, &room, list);
		enough = r == 0 || ++n == fetch->max_messages;
		if (r < 0 || enough)
			break;
	}
	sb_sql_finish(statement);
	if (r < 0) {
		sb_inbox_message_list_clear(list);
		return r;
	}
	*ret_more = enough;

	return 0;
}

/**
 * sb_db_inbox_take() - a message is done with, and leaves its inbox
 * @db: the database, in a transaction
 * @inbox: which
 * @message: its number
 * @ret_content: what has left
 *
 * Return: 0; -ENOENT when no such message waits there; or another negative errno.
 */
int sb_db_inbox_take(struct sb_db *db, uint64_t inbox, uint64_t message,
		     struct sb_inbox_content *ret_content)
{
	sqlite3_stmt *take = db->statements[SB_SQL_INBOX_TAKE];
	struct sb_inbox_content content = { 0 };
	int r;

	sb_sql_bind_number(take, 1, inbox);
	sb_sql_bind_number(take, 2, message);
	while ((r = sb_sql_next(db, take)) > 0) {
		content.messages++;
		content.bytes += sb_sql_number(take, 0);
	}
	if (r < 0)
		return r;
	if (content.messages == 0)
		return -ENOENT;
	*ret_content = content;

	return 0;
}
