/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "daemon/store-file.h"
#include "daemon/store-sql.h"

_Static_assert(SB_NO_OWNER == 4294967295, "a statement has this number in it");
_Static_assert(SB_SQL_SEARCH_ROUTED - SB_SQL_SEARCH_TICKET == SB_SEARCH_ROUTED - SB_SEARCH_TICKET,
	       "searches are in the same order as their kinds");

/* A payload, or its length: in the message's own row, or shared with others. */
#define OR_SHARED(own, of_body)                                          \
	"ifnull(" own ", (SELECT " of_body " FROM share CROSS JOIN body" \
	" ON body.id = share.body WHERE share.ticket = message.ticket))"
#define PAYLOAD OR_SHARED("message.payload", "body.payload")
#define PAYLOAD_LEN "ifnull(" OR_SHARED("length(message.payload)", "length(body.payload)") ", 0)"

/*
 * A record, for every search. All searches have the same parameters, of which they use some: 1 ticket,
 * 2 link, 3 topic, 4 steady time, 5 the most, 6 the last ticket when the store was opened. A name on the
 * bus means nobody any more when the daemon has been away.
 */
#define SELECT_WITH(payload, route)                                                         \
	"SELECT message.ticket, link.name, message.topic, " payload ", " PAYLOAD_LEN        \
	", content_format, priority, owner, CASE WHEN message.ticket > ?6 THEN sender END," \
	" boot, time_ms, outcome, code, reason, ifnull((expires_ms - time_ms) / 1000, 0),"  \
	" replaces, " route
#define SELECT_RECORD SELECT_WITH("NULL", "NULL")
#define SELECT_LETTER SELECT_WITH(PAYLOAD, "NULL")
#define SELECT_ROUTED SELECT_WITH(PAYLOAD, "route.topic")

/*
 * The boot that messages were taken in and that was not noted before the daemon died, nameless. The
 * newest message has the highest boot of all.
 */
#define SELECT_UNNOTED_BOOT                                                                    \
	"SELECT boot, '',"                                                                     \
	" ifnull((SELECT base_ms + last_ms FROM boot ORDER BY number DESC LIMIT 1), 0),"       \
	" time_ms, 0, 0 FROM (SELECT boot, time_ms FROM message ORDER BY ticket DESC LIMIT 1)" \
	" WHERE boot > ifnull((SELECT max(number) FROM boot), 0)"

/* Bytes of topic and payload. */
#define SIZE_OF_ROW "length(CAST(topic AS BLOB)) + ifnull(length(payload), 0)"

/* For the tables see daemon/store-file.c; outcome 0 waits, 4 is rejected. */
static const char *const texts[SB_N_SQL] = {
	[SB_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SB_SQL_COMMIT] = "COMMIT",
	[SB_SQL_ROLLBACK] = "ROLLBACK",
	[SB_SQL_BEGIN_PART] = "SAVEPOINT part",
	[SB_SQL_COMMIT_PART] = "RELEASE part",
	[SB_SQL_ROLLBACK_PART] = "ROLLBACK TO part",
	[SB_SQL_FIND_LINK] = "SELECT id FROM link WHERE name = ?1",
	[SB_SQL_ADD_LINK] = "INSERT INTO link (name) VALUES (?1)",
	[SB_SQL_INSERT] = "INSERT INTO message (ticket, link, topic, payload, content_format, "
			  "priority, owner, sender, replaces, boot, time_ms, expires_ms)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[SB_SQL_ADD_BODY] = "INSERT INTO body (id, payload) VALUES (?1, ?2)",
	[SB_SQL_ADD_SHARE] = "INSERT INTO share (ticket, body) VALUES (?1, ?2)",
	[SB_SQL_ADD_ROUTE] = "INSERT INTO route (link, ticket, topic) VALUES (?1, ?2, ?3)",
	[SB_SQL_ANY_ROUTED] = "SELECT EXISTS (SELECT 1 FROM route) OR EXISTS (SELECT 1 FROM share)",
	[SB_SQL_MOVE] =
		"UPDATE message SET link = ?2, topic = ?3 WHERE ticket = ?1 AND outcome = 0",
	[SB_SQL_FETCH] =
		"SELECT ticket, topic, " PAYLOAD ", content_format, owner,"
		" CASE WHEN ticket > ?5 THEN sender END, replaces, boot, time_ms, expires_ms"
		" FROM message INDEXED BY message_pending"
		" WHERE link = ?1 AND priority = ?2 AND ticket > ?3 AND outcome = 0"
		" ORDER BY ticket LIMIT ?4",
	[SB_SQL_SETTLE] =
		"UPDATE message SET outcome = ?2, code = ?3, reason = ?4, settled_ms = ?5,"
		" sender = NULL, dead = ?2 = 4, payload = CASE WHEN ?2 = 4 THEN payload END"
		" WHERE ticket = ?1 AND outcome = 0",
	/* Without dead, and so without triggers. */
	[SB_SQL_SETTLE_PLAIN] =
		"UPDATE message SET outcome = ?2, code = ?3, reason = ?4, settled_ms = ?5,"
		" sender = NULL, payload = NULL WHERE ticket = ?1 AND outcome = 0",
	[SB_SQL_FORGET] = "DELETE FROM message WHERE ticket = ?1 AND outcome = 0",
	[SB_SQL_END_LETTER] = "UPDATE message SET dead = 0, payload = NULL,"
			      " reason = ifnull(ifnull(reason, '') || ?2, reason)"
			      " WHERE ticket = ?1 AND dead = 1",
	[SB_SQL_COUNT_END] =
		"INSERT INTO loss (link, owner, cause, n)"
		" SELECT link, ifnull(owner, 4294967295), ?2, 1 FROM message WHERE ticket = ?1"
		" ON CONFLICT (link, owner, cause) DO UPDATE SET n = n + excluded.n",
	[SB_SQL_COUNT_LOSS] = "INSERT INTO loss (link, owner, cause, n) VALUES (?1, ?2, ?3, ?4)"
			      " ON CONFLICT (link, owner, cause) DO UPDATE SET n = n + excluded.n",
	[SB_SQL_LOSSES] = "SELECT name, owner, cause, n FROM loss JOIN link ON link.id = loss.link"
			  " ORDER BY name, owner, cause",
	[SB_SQL_SEARCH_TICKET] =
		SELECT_RECORD " FROM message CROSS JOIN link ON link.id = message.link"
			      " WHERE ticket = ?1 LIMIT ?5",
	/* Those of the older boots first. */
	[SB_SQL_SEARCH_OVERDUE] =
		SELECT_RECORD " FROM boot CROSS JOIN message INDEXED BY message_expiring"
			      " CROSS JOIN link ON link.id = message.link"
			      " WHERE boot = number AND outcome = 0 AND expires_ms <= ?4 - base_ms"
			      " ORDER BY number, expires_ms LIMIT ?5",
	[SB_SQL_SEARCH_REPLACED] = SELECT_RECORD
	" FROM link CROSS JOIN message INDEXED BY message_replaceable"
	" ON message.link = link.id"
	" WHERE name = ?2 AND topic = ?3 AND outcome = 0 AND replaces = 1 AND ticket < ?1"
	" ORDER BY ticket LIMIT ?5",
	[SB_SQL_SEARCH_LETTERS] =
		SELECT_RECORD " FROM message INDEXED BY message_letters"
			      " CROSS JOIN link ON link.id = message.link"
			      " WHERE dead = 1 AND ticket > ?1 AND (?2 IS NULL OR name = ?2)"
			      " ORDER BY ticket LIMIT ?5",
	[SB_SQL_SEARCH_LETTER] =
		SELECT_LETTER " FROM message CROSS JOIN link ON link.id = message.link"
			      " WHERE ticket = ?1 AND dead = 1 LIMIT ?5",
	[SB_SQL_SEARCH_ROUTED] =
		SELECT_ROUTED " FROM link CROSS JOIN route ON route.link = link.id"
			      " CROSS JOIN message ON message.ticket = route.ticket"
			      " WHERE name = ?2 AND route.ticket > ?1 AND outcome = 0"
			      " ORDER BY route.ticket LIMIT ?5",
	[SB_SQL_PUT] = "INSERT INTO memory (link, key, value) VALUES (?1, ?2, ?3)"
		       " ON CONFLICT (link, key) DO UPDATE SET value = excluded.value",
	[SB_SQL_REMOVE] = "DELETE FROM memory WHERE link = ?1 AND key = ?2",
	[SB_SQL_RESERVE] = "INSERT INTO mark (name, value) VALUES ('ticket', ?1)"
			   " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
	[SB_SQL_RELEASE] = "UPDATE mark SET value = ?1 WHERE name = 'ticket'",
	[SB_SQL_LAST_TICKET] = "SELECT max(ifnull((SELECT max(ticket) FROM message), 0),"
			       " ifnull((SELECT value FROM mark WHERE name = 'ticket'), 0))",
	[SB_SQL_PUT_BOOT] =
		"INSERT INTO boot (number, id, base_ms, last_ms, offset_ms, synchronised)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (number) DO UPDATE SET"
		" id = excluded.id, base_ms = excluded.base_ms, last_ms = excluded.last_ms,"
		" offset_ms = excluded.offset_ms, synchronised = excluded.synchronised",
	[SB_SQL_ADOPT_BOOT] =
		"INSERT INTO boot (number, id, base_ms, last_ms, offset_ms, synchronised) " SELECT_UNNOTED_BOOT,
	[SB_SQL_FORGET_BOOTS] =
		"DELETE FROM boot WHERE number <> (SELECT max(number) FROM boot) AND number NOT IN"
		" (SELECT boot FROM message INDEXED BY message_pending WHERE outcome = 0 UNION"
		" SELECT boot FROM message INDEXED BY message_letters WHERE dead = 1)",
	/*
	 * The newest message may have been stored after its boot was last noted. One that was never
	 * noted is among them even if the disk does not take it now: its number is not used again.
	 */
	[SB_SQL_BOOTS] = "SELECT number, id, base_ms, max(last_ms, ifnull((SELECT time_ms FROM"
			 " (SELECT boot, time_ms FROM message ORDER BY ticket DESC LIMIT 1)"
			 " WHERE boot = number), last_ms)), offset_ms, synchronised"
			 " FROM boot UNION ALL " SELECT_UNNOTED_BOOT " ORDER BY 1",
	/* SQLite prepares a pragma anew each time; to read it as a table, it prepares two. */
	[SB_SQL_PAGES] = "PRAGMA page_count",
	[SB_SQL_FREE_PAGES] = "PRAGMA freelist_count",
	[SB_SQL_PAGE_SIZE] = "PRAGMA page_size",
	/* A row for each link, whose backlogs are counted on the way: daemon/store-backlog.c. */
	[SB_SQL_BACKLOGS] =
		"SELECT name, count_backlog(?1, priority, owner, topic, " PAYLOAD_LEN ")"
		" FROM link CROSS JOIN message INDEXED BY message_pending ON message.link = link.id"
		" WHERE outcome = 0 GROUP BY link.id",
	[SB_SQL_VALUES] = "SELECT name, key, value FROM memory JOIN link ON link.id = memory.link",
	[SB_SQL_TRIM_END] = "SELECT max(ticket) FROM (SELECT ticket FROM message WHERE ticket > ?1"
			    " AND ticket <= (SELECT max(ticket) FROM message) - ?2"
			    " ORDER BY ticket LIMIT ?3)",
	[SB_SQL_TRIM] = "DELETE FROM message WHERE ticket > ?1 AND ticket <= ?2 AND outcome <> 0"
			" AND dead = 0 AND (?3 IS NULL OR settled_ms < ?3)",
	/* What came of it is remembered as long as for other messages. */
	[SB_SQL_TRIM_LETTERS] =
		"UPDATE message SET dead = 0, payload = NULL WHERE dead = 1 AND ticket <="
		" (SELECT ticket FROM message INDEXED BY message_letters WHERE dead = 1"
		" ORDER BY ticket DESC LIMIT 1 OFFSET ?1)",
	[SB_SQL_INBOXES] =
		"SELECT inbox.id, link.name, owner, inbox.name, filter, origins, answers, lost"
		" FROM inbox JOIN link ON link.id = inbox.link ORDER BY inbox.id",
	[SB_SQL_PUT_INBOX] =
		"INSERT INTO inbox (id, link, owner, name, filter, origins, answers)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET"
		" filter = excluded.filter, origins = excluded.origins, answers = excluded.answers",
	[SB_SQL_FORGET_INBOX] = "DELETE FROM inbox WHERE id = ?1",
	[SB_SQL_INBOX_CONTENT] = "SELECT count(*), ifnull(sum(" SIZE_OF_ROW "), 0)"
				 " FROM inbox_message WHERE inbox = ?1",
	[SB_SQL_INBOX_LOST] = "UPDATE inbox SET lost = lost + ?2 WHERE id = ?1",
	/* Not into one that was forgotten meanwhile. */
	[SB_SQL_INBOX_ADD] =
		"INSERT INTO inbox_message (inbox, message, origin, topic, payload, content_format,"
		" answer_by_ms) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
		" WHERE EXISTS (SELECT 1 FROM inbox WHERE id = ?1)",
	/* The daemon that waited for the answer has gone with the start of this one. */
	[SB_SQL_INBOX_FETCH] = "SELECT message, origin, topic, payload, content_format,"
			       " CASE WHEN message > ?4 THEN answer_by_ms END FROM inbox_message"
			       " WHERE inbox = ?1 AND message > ?2 ORDER BY message LIMIT ?3",
	[SB_SQL_INBOX_TAKE] = "DELETE FROM inbox_message WHERE inbox = ?1 AND message = ?2"
			      " RETURNING " SIZE_OF_ROW,
	[SB_SQL_INBOX_DROP] = "DELETE FROM inbox_message WHERE id = (SELECT id FROM inbox_message"
			      " WHERE inbox = ?1 AND message > ?2 ORDER BY message LIMIT 1)"
			      " RETURNING message, " SIZE_OF_ROW,
	[SB_SQL_INBOX_CLEAR] = "DELETE FROM inbox_message WHERE inbox = ?1",
	/* Far ahead, so that most messages do not touch it. */
	[SB_SQL_RESERVE_MESSAGE] =
		"INSERT INTO mark (name, value) VALUES ('message', ?1 + 1024)"
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value < ?1",
	[SB_SQL_LAST_MESSAGE] = "SELECT value FROM mark WHERE name = 'message'",
};

/**
 * sb_sql_prepare() - prepare every statement
 * @db: with an open handle; whoever closes that finalises the statements, also if this fails
 *
 * Return: 0; -EBADMSG when the tables do not fit, so they are damaged; or another negative errno.
 */
int sb_sql_prepare(struct sb_db *db)
{
	int r = sb_sql_add_functions(db);

	if (r < 0)
		return r;
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
	db->damaged = db->damaged || r == -EBADMSG;
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
 * sb_sql_change() - run a statement that is to change a row
 * @db: the database
 * @which: with its parameters bound
 *
 * Return: 0; -ENOENT when there is no such row; or another negative errno.
 */
int sb_sql_change(struct sb_db *db, enum sb_sql which)
{
	int r = sb_sql_execute(db, which);

	if (r < 0)
		return r;

	return sqlite3_changes(db->handle) > 0 ? 0 : -ENOENT;
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
 * sb_sql_begin_part() - begin a part of a transaction, of several statements that belong together
 * @db: the database, in a transaction
 *
 * Return: 0, or a negative errno.
 */
int sb_sql_begin_part(struct sb_db *db)
{
	return sb_sql_execute(db, SB_SQL_BEGIN_PART);
}

/**
 * sb_sql_end_part() - end a part of a transaction
 * @db: the database
 * @error: 0; or a negative errno, and what was changed since sb_sql_begin_part() is undone
 *
 * For some errors SQLite has undone the whole transaction by then; sb_db_in_transaction() tells.
 *
 * Return: 0, or a negative errno: @error unless that is 0.
 */
int sb_sql_end_part(struct sb_db *db, int error)
{
	if (error == 0)
		return sb_sql_execute(db, SB_SQL_COMMIT_PART);
	sb_sql_forget_links(db);
	if (sb_db_in_transaction(db)) {
		(void)sb_sql_execute(db, SB_SQL_ROLLBACK_PART);
		(void)sb_sql_execute(db, SB_SQL_COMMIT_PART);
	}

	return error;
}

/**
 * sb_sql_forget_links() - numbers may have been given to other links
 * @db: the database, of which something was undone, or that is closed
 */
void sb_sql_forget_links(struct sb_db *db)
{
	for (size_t i = 0; i < SB_SQL_LINKS_KEPT; i++) {
		free(db->links[i].name);
		db->links[i] = (struct sb_sql_link){ 0 };
	}
}

static bool recall_link(const struct sb_db *db, const char *link, uint64_t *ret_id)
{
	for (size_t i = 0; i < SB_SQL_LINKS_KEPT; i++) {
		if (db->links[i].name && strcmp(db->links[i].name, link) == 0) {
			*ret_id = db->links[i].id;
			return true;
		}
	}

	return false;
}

/* Without memory it is asked for again. */
static void keep_link(struct sb_db *db, const char *link, uint64_t id)
{
	struct sb_sql_link *place = &db->links[db->next_link];

	free(place->name);
	*place = (struct sb_sql_link){ strdup(link), id };
	db->next_link = (db->next_link + 1) % SB_SQL_LINKS_KEPT;
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
	int r;

	if (recall_link(db, link, ret_id))
		return 1;
	sb_sql_bind_text(db->statements[SB_SQL_FIND_LINK], 1, link);
	r = sb_sql_ask(db, SB_SQL_FIND_LINK, ret_id);
	if (r > 0)
		keep_link(db, link, *ret_id);

	return r;
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
	keep_link(db, link, *ret_id);

	return 0;
}

/**
 * sb_sql_look_for_routes() - see whether ends can do without the triggers
 * @db: the database
 *
 * Return: 0, or a negative errno and nothing has changed.
 */
int sb_sql_look_for_routes(struct sb_db *db)
{
	uint64_t any = 0;
	int r = sb_sql_ask(db, SB_SQL_ANY_ROUTED, &any);

	if (r < 0)
		return r;
	db->routed = any != 0;

	return 0;
}
