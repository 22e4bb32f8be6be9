/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What messages have that were published by a route: a payload in common with others, or a way to another link.
 * How that goes again is the triggers' business, see daemon/store-file.c.
 */
#include <errno.h>
#include <string.h>

#include "daemon/store-sql.h"

/* The body has the number of the first ticket that shares it: that is given out once. */
static int insert_share(struct sb_db *db, const struct sb_message *message,
			const struct sb_share *share, uint64_t body)
{
	struct sb_message row = *message;
	int r;

	row.ticket = share->ticket;
	row.topic = (char *)share->topic;
	row.payload_len = 0;
	r = sb_sql_insert_message(db, share->link, &row);
	if (r < 0 || message->payload_len == 0)
		return r;

	sb_sql_bind_number(db->statements[SB_SQL_ADD_SHARE], 1, share->ticket);
	sb_sql_bind_number(db->statements[SB_SQL_ADD_SHARE], 2, body);

	return sb_sql_execute(db, SB_SQL_ADD_SHARE);
}

static int insert_body(struct sb_db *db, const struct sb_message *message, uint64_t body)
{
	sqlite3_stmt *add = db->statements[SB_SQL_ADD_BODY];

	if (message->payload_len == 0)
		return 0;
	sb_sql_bind_number(add, 1, body);
	(void)sqlite3_bind_blob64(add, 2, message->payload, message->payload_len, SQLITE_STATIC);

	return sb_sql_execute(db, SB_SQL_ADD_BODY);
}

/**
 * sb_db_insert_shared() - store several messages with one payload
 * @db: the database, in a transaction
 * @message: what they have in common
 * @shares: their tickets, links and topics
 * @n: how many; at least 1
 *
 * Return: 0; or a negative errno, and none is stored.
 */
int sb_db_insert_shared(struct sb_db *db, const struct sb_message *message,
			const struct sb_share *shares, size_t n)
{
	size_t size = message->payload_len + SB_SQL_ROW_BYTES;
	int r;

	for (size_t i = 0; i < n; i++)
		size += strlen(shares[i].topic) + 2 * SB_SQL_ROW_BYTES;
	if (size > db->room)
		return -ENOSPC;

	r = sb_sql_begin_part(db);
	if (r < 0)
		return r;
	db->routed = true;
	r = insert_body(db, message, shares[0].ticket);
	for (size_t i = 0; i < n && r == 0; i++)
		r = insert_share(db, message, &shares[i], shares[0].ticket);
	r = sb_sql_end_part(db, r);
	if (r == 0)
		db->room -= size;

	return r;
}

/**
 * sb_db_move() - a message that waits is another link's
 * @db: the database, in a transaction
 * @where: its ticket; the other link, and its topic there
 *
 * Return: 0; -ENOENT when no such message waits; or another negative errno.
 */
int sb_db_move(struct sb_db *db, const struct sb_share *where)
{
	sqlite3_stmt *move = db->statements[SB_SQL_MOVE];
	uint64_t id = 0;
	int r;

	r = sb_sql_add_link(db, where->link, &id);
	if (r < 0)
		return r;

	sb_sql_bind_number(move, 1, where->ticket);
	sb_sql_bind_number(move, 2, id);
	sb_sql_bind_text(move, 3, where->topic);

	return sb_sql_change(db, SB_SQL_MOVE);
}
