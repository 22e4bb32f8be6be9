/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and the outbox ask for: messages, whether they wait or have ended, and what was lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store-sql.h"

/* The columns of a record, see daemon/store-sql.c. */
enum {
	TICKET,
	LINK,
	TOPIC,
	PAYLOAD,
	PAYLOAD_LEN,
	CONTENT_FORMAT,
	PRIORITY,
	OWNER,
	SENDER,
	BOOT, /* and the milliseconds in it */
	OUTCOME = BOOT + 2,
	CODE,
	REASON,
	TTL_S,
	REPLACES,
	ROUTE,
};

/* Searches that bring payloads end when they have so many bytes of them. */
#define PAYLOADS_MAX (1024 * 1024)

static void record_clear(struct sb_record *record)
{
	free((char *)record->link);
	free((char *)record->topic);
	free((uint8_t *)record->payload);
	free((char *)record->sender);
	free((char *)record->code);
	free((char *)record->reason);
	free((char *)record->route);
}

/* Copies the text. Return: 0; -ENOMEM, and @record is to be cleared. */
static int copy_text(sqlite3_stmt *row, struct sb_record *record)
{
	const void *payload = sqlite3_column_blob(row, PAYLOAD);
	size_t len = (size_t)sqlite3_column_bytes(row, PAYLOAD);
	bool has_sender = sqlite3_column_type(row, SENDER) != SQLITE_NULL;
	bool has_route = sqlite3_column_type(row, ROUTE) != SQLITE_NULL;
	uint8_t *copy = NULL;

	record->link = strdup(sb_sql_text(row, LINK));
	record->topic = strdup(sb_sql_text(row, TOPIC));
	record->code = strdup(sb_sql_text(row, CODE));
	record->reason = strdup(sb_sql_text(row, REASON));
	record->sender = has_sender ? strdup(sb_sql_text(row, SENDER)) : NULL;
	record->route = has_route ? strdup(sb_sql_text(row, ROUTE)) : NULL;
	if (payload) {
		copy = malloc(len);
		if (copy)
			memcpy(copy, payload, len);
		record->payload = copy;
	}

	return record->link && record->topic && record->code && record->reason &&
			       (record->sender || !has_sender) && (record->route || !has_route) &&
			       (copy || !payload)
		       ? 0
		       : -ENOMEM;
}

static int record_of_row(sqlite3_stmt *row, struct sb_record *ret)
{
	uint64_t priority = sb_sql_number(row, PRIORITY);
	uint64_t outcome = sb_sql_number(row, OUTCOME);
	struct sb_record record = {
		.ticket = sb_sql_number(row, TICKET),
		.payload_len = sb_sql_number(row, PAYLOAD_LEN),
		.content_format = SKYBUS_NO_FORMAT,
		.priority = (enum sb_priority)priority,
		.owner = sb_sql_owner(row, OWNER),
		.taken = sb_sql_moment(row, BOOT),
		.outcome = (enum sb_outcome)outcome,
		.ttl_s = (uint32_t)sb_sql_number(row, TTL_S),
		.replaces = sb_sql_number(row, REPLACES) != 0,
	};
	int r;

	if (priority >= SB_N_PRIORITIES || outcome >= SB_N_OUTCOMES)
		return -EBADMSG;
	if (sqlite3_column_type(row, CONTENT_FORMAT) != SQLITE_NULL)
		record.content_format = (uint32_t)sb_sql_number(row, CONTENT_FORMAT);
	r = copy_text(row, &record);
	if (r < 0) {
		record_clear(&record);
		return r;
	}

	*ret = record;

	return 0;
}

static int add_record(sqlite3_stmt *row, struct sb_records *records)
{
	struct sb_record *items = sb_sql_grow(records->items, records->n, sizeof(*items));
	int r;

	if (!items)
		return -ENOMEM;
	records->items = items;
	r = record_of_row(row, &items[records->n]);
	if (r < 0)
		return r;
	records->n++;

	return 0;
}

/**
 * sb_db_search() - look for messages
 * @db: the database
 * @search: for which
 * @records: empty; what was found
 *
 * Return: 0, also when nothing was found; or a negative errno, and @records is empty.
 */
int sb_db_search(struct sb_db *db, const struct sb_search *search, struct sb_records *records)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_SEARCH_TICKET + search->kind];
	size_t bytes = 0;
	int r = 0;

	sb_sql_bind_number(statement, 1, search->ticket);
	sb_sql_bind_text(statement, 2, search->link);
	sb_sql_bind_text(statement, 3, search->topic);
	(void)sqlite3_bind_int64(statement, 4, search->now_ms);
	sb_sql_bind_number(statement, 5, search->most);
	sb_sql_bind_number(statement, 6, db->last_ticket);
	while (bytes < PAYLOADS_MAX && (r = sb_sql_next(db, statement)) > 0) {
		bytes += (size_t)sqlite3_column_bytes(statement, PAYLOAD);
		r = add_record(statement, records);
		if (r < 0)
			break;
	}
	sb_sql_finish(statement);
	if (r < 0)
		sb_records_clear(records);

	return r < 0 ? r : 0;
}

/**
 * sb_records_clear() - free what was found
 * @records: empty afterwards
 */
void sb_records_clear(struct sb_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		record_clear(&records->items[i]);
	free(records->items);
	*records = (struct sb_records){ 0 };
}

/**
 * sb_db_count_loss() - count messages that were lost without ever having been here
 * @db: the database, in a transaction
 * @loss: of which link and owner, why, and how many
 *
 * Return: 0, or a negative errno.
 */
int sb_db_count_loss(struct sb_db *db, const struct sb_loss *loss)
{
	sqlite3_stmt *count = db->statements[SB_SQL_COUNT_LOSS];
	uint64_t id = 0;
	int r;

	r = sb_sql_add_link(db, loss->link, &id);
	if (r < 0)
		return r;

	sb_sql_bind_number(count, 1, id);
	sb_sql_bind_number(count, 2, loss->owner);
	sb_sql_bind_number(count, 3, loss->cause);
	sb_sql_bind_number(count, 4, loss->messages);

	return sb_sql_execute(db, SB_SQL_COUNT_LOSS);
}

static int add_loss(sqlite3_stmt *row, struct sb_losses *losses)
{
	struct sb_loss *items = sb_sql_grow(losses->items, losses->n, sizeof(*items));
	uint64_t cause = sb_sql_number(row, 2);
	char *link;

	if (!items)
		return -ENOMEM;
	losses->items = items;
	if (cause >= SB_N_CAUSES)
		return -EBADMSG;
	link = strdup(sb_sql_text(row, 0));
	if (!link)
		return -ENOMEM;
	items[losses->n++] = (struct sb_loss){
		.link = link,
		.owner = sb_sql_owner(row, 1),
		.cause = (enum sb_cause)cause,
		.messages = sb_sql_number(row, 3),
	};

	return 0;
}

/**
 * sb_db_losses() - all that was ever lost
 * @db: the database
 * @losses: empty; by link, owner and cause, in this order
 *
 * Return: 0; or a negative errno, and @losses is empty.
 */
int sb_db_losses(struct sb_db *db, struct sb_losses *losses)
{
	sqlite3_stmt *statement = db->statements[SB_SQL_LOSSES];
	int r;

	while ((r = sb_sql_next(db, statement)) > 0) {
		r = add_loss(statement, losses);
		if (r < 0)
			break;
	}
	if (r < 0) {
		sb_sql_finish(statement);
		sb_losses_clear(losses);
	}

	return r;
}

/**
 * sb_losses_clear() - free what was read
 * @losses: empty afterwards
 */
void sb_losses_clear(struct sb_losses *losses)
{
	for (size_t i = 0; i < losses->n; i++)
		free((char *)losses->items[i].link);
	free(losses->items);
	*losses = (struct sb_losses){ 0 };
}
