/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, and why they are as they are. Flash wears out by pages written, so a message costs one
 * row and one entry in a small index; a link is a number in it. The index holds only what waits, and
 * a row number is part of every index, so (link, priority) alone gives a lane's messages in the order
 * of their tickets. Only messages that have a time-to-live, or replace others, cost an entry in one more
 * index. What has ended loses its payload, except the dead letters, which have an index of their own,
 * empty as a rule. What was not delivered costs a row that is shared by all of its link, owner and cause.
 *
 * What few messages have is in tables of its own, so that the others do not pay for it: a payload that several
 * messages share (body, share), and the topic that one was published under that may move to another link
 * (route). The triggers keep them in step with the messages: a route is there while its message waits; a share
 * until its message has ended or, of a dead letter, has lost its payload; a body until the last share of it has
 * gone. To have a trigger at all doubles what an end costs. So they go by the column dead, which each end
 * writes; only while there is neither a route nor a share may it leave that out (sb_db_settle()).
 *
 * What waits in an inbox is a row of its own for each inbox: commands are small and few want the same one,
 * so copies cost less than counting who still needs the one. It goes when it is acknowledged.
 *
 * The numbers are those of the enums: outcome 0 waits, 4 is rejected; priority 1 is normal. A moment is
 * (boot, time_ms) and (boot, expires_ms); in boot 0, from before there were boots, it is the wall clock's,
 * and so is settled_ms, which is steady time otherwise. See daemon/clock.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/store-file.h"

#define FILE_NAME SB_STORE_FILE_NAME

/* "Skyb"; file(1) and we ourselves know the database by it. */
#define APPLICATION_ID 0x536b7962

_Static_assert(SB_STORED == 0 && SB_REJECTED == 4 && SB_NORMAL == 1,
	       "the schema has these numbers in it");

/* Row n brings a database from version n to n + 1. Rows are added, never changed. */
static const char *const migrations[] = {
	"CREATE TABLE link ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE"
	") STRICT;"
	"CREATE TABLE message ("
	" ticket INTEGER PRIMARY KEY,"
	" link INTEGER NOT NULL,"
	" topic TEXT NOT NULL,"
	" payload BLOB,"
	" content_format INTEGER,"
	" time_ms INTEGER NOT NULL,"
	" sender TEXT,"
	" outcome INTEGER NOT NULL DEFAULT 0,"
	" code TEXT,"
	" reason TEXT,"
	" settled_ms INTEGER"
	") STRICT;"
	"CREATE INDEX message_pending ON message (link) WHERE outcome = 0;"
	"CREATE INDEX message_rejected ON message (outcome) WHERE outcome = 4;"
	"CREATE TABLE memory ("
	" link INTEGER NOT NULL,"
	" key TEXT NOT NULL,"
	" value BLOB NOT NULL,"
	" PRIMARY KEY (link, key)"
	") STRICT, WITHOUT ROWID;",

	"ALTER TABLE message ADD COLUMN priority INTEGER NOT NULL DEFAULT 1;"
	"ALTER TABLE message ADD COLUMN owner INTEGER;"
	"ALTER TABLE message ADD COLUMN replaces INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE message ADD COLUMN boot INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE message ADD COLUMN expires_ms INTEGER;"
	"ALTER TABLE message ADD COLUMN dead INTEGER NOT NULL DEFAULT 0;"
	"UPDATE message SET dead = 1 WHERE outcome = 4 AND payload IS NOT NULL;"
	"DROP INDEX message_pending;"
	"DROP INDEX message_rejected;"
	"CREATE INDEX message_pending ON message (link, priority) WHERE outcome = 0;"
	"CREATE INDEX message_letters ON message (dead) WHERE dead = 1;"
	"CREATE INDEX message_replaceable ON message (link, topic)"
	" WHERE outcome = 0 AND replaces = 1;"
	"CREATE INDEX message_expiring ON message (boot, expires_ms)"
	" WHERE outcome = 0 AND expires_ms IS NOT NULL;"
	"CREATE TABLE boot ("
	" number INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL,"
	" base_ms INTEGER NOT NULL,"
	" last_ms INTEGER NOT NULL,"
	" offset_ms INTEGER NOT NULL,"
	" synchronised INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE loss ("
	" link INTEGER NOT NULL,"
	" owner INTEGER NOT NULL,"
	" cause INTEGER NOT NULL,"
	" n INTEGER NOT NULL,"
	" PRIMARY KEY (link, owner, cause)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE mark ("
	" name TEXT PRIMARY KEY,"
	" value INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",

	"CREATE TABLE body ("
	" id INTEGER PRIMARY KEY,"
	" payload BLOB NOT NULL"
	") STRICT;"
	"CREATE TABLE share ("
	" ticket INTEGER PRIMARY KEY,"
	" body INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX share_body ON share (body);"
	"CREATE TABLE route ("
	" link INTEGER NOT NULL,"
	" ticket INTEGER NOT NULL,"
	" topic TEXT NOT NULL,"
	" PRIMARY KEY (link, ticket)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER message_ends AFTER UPDATE OF outcome ON message BEGIN"
	" DELETE FROM route WHERE link = old.link AND ticket = old.ticket;"
	" END;"
	"CREATE TRIGGER message_moves AFTER UPDATE OF link ON message BEGIN"
	" UPDATE route SET link = new.link WHERE link = old.link AND ticket = old.ticket;"
	" END;"
	"CREATE TRIGGER message_empties AFTER UPDATE OF dead ON message WHEN new.dead = 0 BEGIN"
	" DELETE FROM share WHERE ticket = old.ticket;"
	" END;"
	"CREATE TRIGGER message_goes AFTER DELETE ON message BEGIN"
	" DELETE FROM route WHERE link = old.link AND ticket = old.ticket;"
	" DELETE FROM share WHERE ticket = old.ticket;"
	" END;"
	"CREATE TRIGGER share_goes AFTER DELETE ON share BEGIN"
	" DELETE FROM body WHERE id = old.body"
	" AND NOT EXISTS (SELECT 1 FROM share WHERE body = old.body);"
	" END;",

	"CREATE TABLE inbox ("
	" id INTEGER PRIMARY KEY,"
	" link INTEGER NOT NULL,"
	" owner INTEGER NOT NULL,"
	" name TEXT NOT NULL,"
	" filter TEXT NOT NULL,"
	" origins INTEGER NOT NULL,"
	" answers INTEGER NOT NULL,"
	" lost INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (link, owner, name)"
	") STRICT;"
	"CREATE TABLE inbox_message ("
	" id INTEGER PRIMARY KEY,"
	" inbox INTEGER NOT NULL,"
	" message INTEGER NOT NULL,"
	" origin INTEGER NOT NULL,"
	" topic TEXT NOT NULL,"
	" payload BLOB,"
	" content_format INTEGER,"
	" answer_by_ms INTEGER"
	") STRICT;"
	"CREATE UNIQUE INDEX inbox_message_waiting ON inbox_message (inbox, message);",

	"DROP TRIGGER message_ends;"
	"CREATE TRIGGER message_ends AFTER UPDATE OF dead ON message WHEN new.outcome <> 0 BEGIN"
	" DELETE FROM route WHERE link = old.link AND ticket = old.ticket;"
	" END;",
};

/*
 * One process at a time: tickets are numbered by whoever has the file open. Deleted content is
 * overwritten only where that costs no page of its own. The log is checkpointed at LOG_BYTES and cut
 * back to 8 MB if a long transaction made it longer.
 *
 * What changes is written by whole pages, and a message that comes alone changes a few bytes of two of them,
 * twice. So new databases have small pages; others keep what they were made with.
 */
#define LOG_BYTES 4096000

static const char lock_it[] = "PRAGMA locking_mode = EXCLUSIVE;";
static const char set_up[] = "PRAGMA page_size = 2048;"
			     "PRAGMA journal_mode = WAL;"
			     "PRAGMA journal_size_limit = 8388608;"
			     "PRAGMA secure_delete = FAST;"
			     "PRAGMA foreign_keys = OFF;"
			     "PRAGMA temp_store = MEMORY;"
			     "PRAGMA cell_size_check = ON;";

static sqlite3 *handle_close(sqlite3 *handle)
{
	(void)sqlite3_close(handle);

	return NULL;
}

SB_DEFINE_CLEANUP(sqlite3 *, handle_close)

/* @which: SQLITE_FCNTL_JOURNAL_POINTER, which is the log; or SQLITE_FCNTL_FILE_POINTER. */
static int noted_errno(sqlite3 *handle, int which)
{
	sqlite3_file *file = NULL;
	int number = 0;

	if (sqlite3_file_control(handle, "main", which, &file) == SQLITE_OK && file &&
	    file->pMethods)
		(void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);

	return number;
}

/*
 * SQLite knows ENOSPC, and calls all else that writing can meet an I/O error. What it was is noted with
 * the file. A quota and a limit of the process are a full disk to us.
 */
static int explain_io_error(sqlite3 *handle)
{
	static const int files[] = { SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER };

	for (size_t i = 0; i < SB_ELEMENTS(files); i++) {
		int number = noted_errno(handle, files[i]);

		if (number == EDQUOT || number == EFBIG)
			return -ENOSPC;
		if (number == EROFS)
			return -EROFS;
	}

	return -EIO;
}

/**
 * sb_store_file_error() - what a result of SQLite means
 * @handle: the connection that gave it; NULL without one
 * @code: SQLITE_FULL …, extended or not
 *
 * Return: 0 when @code is no error; -ENOSPC, -EROFS, -EIO, -ENOMEM, -EBADMSG (damaged), -EBUSY,
 * -EEXIST, or another negative errno.
 */
int sb_store_file_error(sqlite3 *handle, int code)
{
	int number;

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	case SQLITE_IOERR:
		return handle ? explain_io_error(handle) : -EIO;
	default:
		number = handle ? sqlite3_system_errno(handle) : 0;
		return number > 0 ? -number : -EIO;
	}
}

static int run_sql(sqlite3 *handle, const char *sql)
{
	return sb_store_file_error(handle, sqlite3_exec(handle, sql, NULL, NULL, NULL));
}

static int read_number(sqlite3 *handle, const char *sql, int *ret)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int(statement, 0);
	(void)sqlite3_finalize(statement);

	return sb_store_file_error(handle, code);
}

/* Tell a person what is in the way and what to do about it. */
static int complain(const char *path, int error)
{
	const struct sb_fields fields = { .path = path };

	switch (error) {
	case -EBUSY:
		sb_log_event(SB_EVENT_STORE_IN_USE, &fields,
			     "%s is in use by another process: stop the other skybusd first", path);
		break;
	case -EROFS:
	case -EACCES:
		sb_log_event(SB_EVENT_STORE_UNUSABLE, &fields,
			     "%s cannot be written: make it and its directory writable for this "
			     "user",
			     path);
		break;
	case -ENOSPC:
		sb_log_event(SB_EVENT_STORE_UNUSABLE, &fields,
			     "%s cannot be opened because the disk is full: free some space", path);
		break;
	default:
		sb_log_event(SB_EVENT_STORE_UNUSABLE, &fields, "%s cannot be opened: %s", path,
			     strerror(-error));
		break;
	}

	return error;
}

/* SQLite would make the file readable for everybody. Its companions -wal and -shm take after it. */
static int create_file(const char *directory, const char *path)
{
	int fd;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
		const struct sb_fields fields = { .path = directory };
		int error = -errno;

		sb_log_event(SB_EVENT_STORE_UNUSABLE, &fields,
			     "the state directory %s is missing and cannot be made: %s; make it",
			     directory, strerror(-error));
		return error;
	}

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : complain(path, -errno);
	(void)close(fd);

	return 0;
}

/* Is it ours, and do we know its tables? */
static int check_identity(sqlite3 *handle, const char *path, int *ret_version)
{
	const struct sb_fields fields = { .path = path };
	int identity = 0;
	int version = 0;
	int r;

	r = read_number(handle, "PRAGMA application_id;", &identity);
	if (r < 0)
		return r;
	r = read_number(handle, "PRAGMA user_version;", &version);
	if (r < 0)
		return r;

	if (identity != APPLICATION_ID && (identity != 0 || version != 0)) {
		sb_log_event(SB_EVENT_STORE_UNUSABLE, &fields,
			     "%s is the database of another program: move it away", path);
		return -EPROTO;
	}
	if (version < 0 || (size_t)version > SB_ELEMENTS(migrations)) {
		sb_log_event(
			SB_EVENT_STORE_UNUSABLE, &fields,
			"%s was written by a newer skybusd (its tables have version %d, this program"
			" knows up to %zu): install the newer one again, or move the file away to"
			" begin with an empty store",
			path, version, SB_ELEMENTS(migrations));
		return -EPROTO;
	}
	*ret_version = version;

	return 0;
}

static int migrate_from(sqlite3 *handle, size_t version)
{
	char done[96];
	int r;

	(void)snprintf(done, sizeof(done),
		       "PRAGMA application_id = %d; PRAGMA user_version = %zu; COMMIT;",
		       APPLICATION_ID, version + 1);

	r = run_sql(handle, "BEGIN IMMEDIATE;");
	if (r == 0)
		r = run_sql(handle, migrations[version]);
	if (r == 0)
		r = run_sql(handle, done);
	if (r < 0)
		(void)sqlite3_exec(handle, "ROLLBACK;", NULL, NULL, NULL);

	return r;
}

/* The log is bounded by pages, and so is the file. One that is larger already may stay so, and does not grow. */
static int limit_sizes(sqlite3 *handle, uint64_t max_bytes)
{
	int page_size = 0;
	char limits[128];
	int r;

	r = read_number(handle, "PRAGMA page_size;", &page_size);
	if (r < 0)
		return r;
	if (page_size <= 0)
		return -EBADMSG;
	(void)snprintf(limits, sizeof(limits), "PRAGMA wal_autocheckpoint = %d;",
		       LOG_BYTES / page_size);
	r = run_sql(handle, limits);
	if (r < 0 || max_bytes == 0)
		return r;
	(void)snprintf(limits, sizeof(limits), "PRAGMA max_page_count = %" PRIu64 ";",
		       max_bytes / (uint64_t)page_size);

	return run_sql(handle, limits);
}

static int prepare_file(sqlite3 *handle, const char *path, const struct sb_store_options *options)
{
	int chunk = SB_STORE_FILE_CHUNK;
	int version;
	int r;

	(void)sqlite3_file_control(handle, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
	r = run_sql(handle, lock_it);
	if (r < 0)
		return r;
	r = check_identity(handle, path, &version);
	if (r < 0)
		return r;
	if (sqlite3_db_readonly(handle, "main") == 1)
		return -EROFS;
	r = run_sql(handle, set_up);
	if (r < 0)
		return r;
	r = run_sql(handle, options->sync == SB_SYNC_FULL ? "PRAGMA synchronous = FULL;"
							  : "PRAGMA synchronous = NORMAL;");
	for (; r == 0 && (size_t)version < SB_ELEMENTS(migrations); version++)
		r = migrate_from(handle, (size_t)version);

	return r < 0 ? r : limit_sizes(handle, options->max_bytes);
}

/*
 * SQLite takes 200 KB of caches at once, for programs that prepare statements all the time. Ours
 * are prepared once, so take memory when it is needed. And it counts what it takes, under a lock, which
 * costs more than taking it, and nobody asks for the sum. Refused, without harm, once SQLite runs.
 */
static void be_small(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	(void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	(void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

/**
 * sb_store_file_open() - open the database, made or brought up to date where needed
 * @directory: the state directory; made, mode 0700, if only its last part is missing
 * @options: how it is kept
 * @ret: the connection, for one thread at a time; sqlite3_close() is the caller's
 *
 * Return: 0; -EBADMSG when the file is damaged, which is not logged; or another negative errno that
 * is: -EPROTO when the file is another program's or a newer skybusd's, -EBUSY when it is in use,
 * -EROFS, -ENOSPC, ….
 */
int sb_store_file_open(const char *directory, const struct sb_store_options *options, sqlite3 **ret)
{
	SB_CLEANUP(handle_close) sqlite3 *handle = NULL;
	SB_CLEANUP(sb_free) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/" FILE_NAME, directory) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = create_file(directory, path);
	if (r < 0)
		return r;

	be_small();
	r = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	r = r == SQLITE_OK ? prepare_file(handle, path, options) : sb_store_file_error(handle, r);
	if (r == -EBADMSG || r == -EPROTO)
		return r;
	if (r < 0)
		return complain(path, r);

	*ret = SB_STEAL(handle);

	return 0;
}
