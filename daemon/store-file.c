/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, and why they are as they are. Flash wears out by pages written, so a message costs one
 * row and one entry in a small index; a link is a number in it. The index holds only what waits, and
 * a row number is part of every index, so (link) alone gives a link's messages in the order of their
 * tickets. What has ended loses its payload, except the dead letters, which have an index of their
 * own, empty as a rule.
 *
 * The outcomes are those of enum sb_outcome: 0 waits, 4 is rejected.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/store-file.h"

#define FILE_NAME "skybus.db"

/* "Skyb"; file(1) and we ourselves know the database by it. */
#define APPLICATION_ID 0x536b7962

_Static_assert(SB_STORED == 0 && SB_REJECTED == 4, "the schema has these numbers in it");

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
};

/*
 * One process at a time: tickets are numbered by whoever has the file open. Deleted content is
 * overwritten only where that costs no page of its own. The log is checkpointed at 4 MB and cut
 * back to 8 MB if a long transaction made it longer.
 */
static const char lock_it[] = "PRAGMA locking_mode = EXCLUSIVE;";
static const char set_up[] = "PRAGMA journal_mode = WAL;"
			     "PRAGMA wal_autocheckpoint = 1000;"
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

/*
 * SQLite knows ENOSPC, and calls all else that writing can meet an I/O error. What it was is noted with
 * the file, here the log, which is the one that transactions write.
 */
static int log_errno(sqlite3 *handle)
{
	sqlite3_file *log = NULL;
	int number = 0;

	if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
	    log && log->pMethods)
		(void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);

	return number;
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
		/* A quota and a limit of the process are a full disk to us. */
		number = handle ? log_errno(handle) : 0;
		return number == EDQUOT || number == EFBIG ? -ENOSPC : -EIO;
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
	switch (error) {
	case -EBUSY:
		sb_log(LOG_ERR, "%s is in use by another process: stop the other skybusd first",
		       path);
		break;
	case -EROFS:
	case -EACCES:
		sb_log(LOG_ERR,
		       "%s cannot be written: make it and its directory writable for this user",
		       path);
		break;
	case -ENOSPC:
		sb_log(LOG_ERR, "%s cannot be opened because the disk is full: free some space",
		       path);
		break;
	default:
		sb_log(LOG_ERR, "%s cannot be opened: %s", path, strerror(-error));
		break;
	}

	return error;
}

/* SQLite would make the file readable for everybody. Its companions -wal and -shm take after it. */
static int create_file(const char *directory, const char *path)
{
	int fd;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
		int error = -errno;

		sb_log(LOG_ERR, "the state directory %s is missing and cannot be made: %s; make it",
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
		sb_log(LOG_ERR, "%s is the database of another program: move it away", path);
		return -EPROTO;
	}
	if (version < 0 || (size_t)version > SB_ELEMENTS(migrations)) {
		sb_log(LOG_ERR,
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

static int prepare_file(sqlite3 *handle, const char *path, enum sb_sync sync)
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
	r = run_sql(handle, sync == SB_SYNC_FULL ? "PRAGMA synchronous = FULL;"
						 : "PRAGMA synchronous = NORMAL;");
	for (; r == 0 && (size_t)version < SB_ELEMENTS(migrations); version++)
		r = migrate_from(handle, (size_t)version);

	return r;
}

/*
 * SQLite takes 200 KB of caches at once, for programs that prepare statements all the time. Ours
 * are prepared once, so take memory when it is needed. Refused, without harm, once SQLite runs.
 */
static void be_small(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	(void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

/**
 * sb_store_file_open() - open the database, made or brought up to date where needed
 * @directory: the state directory; made, mode 0700, if only its last part is missing
 * @sync: how hard a commit is
 * @ret: the connection, for one thread at a time; sqlite3_close() is the caller's
 *
 * Return: 0; -EBADMSG when the file is damaged, which is not logged; or another negative errno that
 * is: -EPROTO when the file is another program's or a newer skybusd's, -EBUSY when it is in use,
 * -EROFS, -ENOSPC, ….
 */
int sb_store_file_open(const char *directory, enum sb_sync sync, sqlite3 **ret)
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
	r = r == SQLITE_OK ? prepare_file(handle, path, sync) : sb_store_file_error(handle, r);
	if (r == -EBADMSG || r == -EPROTO)
		return r;
	if (r < 0)
		return complain(path, r);

	*ret = SB_STEAL(handle);

	return 0;
}

static int move(const char *directory, const char *suffix, const char *aside)
{
	SB_CLEANUP(sb_free) char *from = NULL;
	SB_CLEANUP(sb_free) char *to = NULL;

	if (asprintf(&from, "%s/" FILE_NAME "%s", directory, suffix) < 0) {
		from = NULL;
		return -ENOMEM;
	}
	if (asprintf(&to, "%s%s", aside, suffix) < 0) {
		to = NULL;
		return -ENOMEM;
	}

	return rename(from, to) < 0 ? -errno : 0;
}

static int aside_name(const char *directory, time_t when, char **ret)
{
	char stamp[32] = "";
	struct tm utc;
	char *name;

	if (gmtime_r(&when, &utc))
		(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	if (asprintf(&name, "%s/" FILE_NAME ".corrupt-%s", directory, stamp) < 0)
		return -ENOMEM;
	*ret = name;

	return 0;
}

/* A box without a clock battery may live through the same second twice: take the next free one. */
static int free_aside_name(const char *directory, char **ret)
{
	for (time_t when = time(NULL);; when++) {
		SB_CLEANUP(sb_free) char *name = NULL;
		int r = aside_name(directory, when, &name);

		if (r < 0)
			return r;
		if (access(name, F_OK) == 0)
			continue;
		*ret = SB_STEAL(name);
		return 0;
	}
}

/**
 * sb_store_file_move_aside() - make place for a new database in the room of a damaged one
 * @directory: the state directory
 *
 * Nobody may have the database open. The damaged one keeps its name with the time behind it, and so
 * do its companions, so that tools can still recover something from them.
 *
 * Return: 0, or a negative errno; either is logged.
 */
int sb_store_file_move_aside(const char *directory)
{
	SB_CLEANUP(sb_free) char *aside = NULL;
	int r;

	r = free_aside_name(directory, &aside);
	if (r == 0)
		r = move(directory, "", aside);
	if (r < 0) {
		sb_log(LOG_ERR, "%s/" FILE_NAME " is damaged and cannot be moved aside: %s",
		       directory, strerror(-r));
		return r;
	}
	(void)move(directory, "-wal", aside);
	(void)move(directory, "-shm", aside);
	sb_log(LOG_CRIT,
	       "%s/" FILE_NAME " is damaged: it was moved to %s, and a new store begins empty; the"
	       " messages and the logins in the old one are not used any more",
	       directory, aside);

	return 0;
}
