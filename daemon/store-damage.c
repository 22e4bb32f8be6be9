/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database that SQLite calls damaged: is it, and where to with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/store-damage.h"
#include "daemon/store-file.h"
#include "daemon/store-sql.h"

#define FILE_NAME SB_STORE_FILE_NAME

/* Return: the name, the caller's; NULL without memory. */
static char *mark_name(const char *directory)
{
	char *name;

	return asprintf(&name, "%s/" FILE_NAME ".damaged", directory) < 0 ? NULL : name;
}

/**
 * sb_store_damage_marked() - is the database to be checked before it is used
 * @directory: the state directory
 *
 * Return: whether it is; also when that cannot be found out.
 */
bool sb_store_damage_marked(const char *directory)
{
	SB_CLEANUP(sb_free) char *name = mark_name(directory);

	return !name || access(name, F_OK) == 0 || errno != ENOENT;
}

static int sync_directory(const char *directory)
{
	SB_CLEANUP(sb_close) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/**
 * sb_store_damage_mark() - have the database checked when it is opened again
 * @directory: the state directory; who uses the database may have it open
 *
 * Return: 0 when that is on disk; or a negative errno.
 */
int sb_store_damage_mark(const char *directory)
{
	SB_CLEANUP(sb_free) char *name = mark_name(directory);
	SB_CLEANUP(sb_close) int fd = -1;

	if (!name)
		return -ENOMEM;
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;

	return sync_directory(directory);
}

/**
 * sb_store_damage_unmark() - the database needs no check
 * @directory: the state directory
 *
 * A mark that comes back after a power cut does no harm.
 */
void sb_store_damage_unmark(const char *directory)
{
	SB_CLEANUP(sb_free) char *name = mark_name(directory);

	if (!name || unlink(name) < 0)
		sb_log(LOG_WARNING,
		       "%s/" FILE_NAME
		       ".damaged cannot be removed, so each start checks the database",
		       directory);
}

static int read_through(const char *path)
{
	static char buffer[64 * 1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int error;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	do
		n = read(fd, buffer, sizeof(buffer));
	while (n > 0 || (n < 0 && errno == EINTR));
	error = n < 0 ? -errno : 0;
	(void)close(fd);

	return error;
}

/**
 * sb_store_damage_check_disk() - does the disk give what was written
 * @directory: the state directory
 *
 * SQLite calls a page damaged that the disk could not read just now. That is no reason to begin anew.
 *
 * Return: 0 when all of the database can be read; or a negative errno, which is logged.
 */
int sb_store_damage_check_disk(const char *directory)
{
	static const char *const suffixes[] = { "", "-wal" };

	for (size_t i = 0; i < SB_ELEMENTS(suffixes); i++) {
		SB_CLEANUP(sb_free) char *path = NULL;
		int r;

		if (asprintf(&path, "%s/" FILE_NAME "%s", directory, suffixes[i]) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = read_through(path);
		if (r < 0) {
			sb_log_event(SB_EVENT_STORE_UNUSABLE, &(struct sb_fields){ .path = path },
				     "%s cannot be read: %s; the kernel's log says why", path,
				     strerror(-r));
			return r;
		}
	}

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
 * sb_store_damage_move_aside() - make place for a new database in the room of a damaged one
 * @directory: the state directory
 *
 * Nobody may have the database open. The damaged one keeps its name with the time behind it, and so
 * do its companions, so that tools can still recover something from them. It is marked before, so that
 * whoever opens the new one knows that it is not the first.
 *
 * Return: 0, or a negative errno; either is logged.
 */
int sb_store_damage_move_aside(const char *directory)
{
	SB_CLEANUP(sb_free) char *aside = NULL;
	int r;

	r = sb_store_damage_mark(directory);
	if (r == 0)
		r = free_aside_name(directory, &aside);
	if (r == 0)
		r = move(directory, "", aside);
	if (r < 0) {
		sb_log_event(SB_EVENT_STORE_UNUSABLE, &(struct sb_fields){ .path = directory },
			     "%s/" FILE_NAME " is damaged and cannot be moved aside: %s", directory,
			     strerror(-r));
		return r;
	}
	(void)move(directory, "-wal", aside);
	(void)move(directory, "-shm", aside);
	sb_log_event(SB_EVENT_STORE_BEGUN_ANEW, &(struct sb_fields){ .path = aside },
		     "%s/" FILE_NAME
		     " is damaged: it was moved to %s, and a new store begins empty; "
		     "the messages and the logins in the old one are not used any more",
		     directory, aside);

	return 0;
}

static int check(struct sb_db *db)
{
	sqlite3_stmt *statement = NULL;
	bool sound = false;
	int code;

	code = sqlite3_prepare_v2(db->handle, "PRAGMA integrity_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		sound = strcmp(sb_sql_text(statement, 0), "ok") == 0;
	(void)sqlite3_finalize(statement);
	if (code != SQLITE_ROW)
		return sb_store_file_error(db->handle, code);

	return sound ? 0 : -EBADMSG;
}

/**
 * sb_db_mend() - build the indexes anew out of the tables, and read all of the database
 * @db: the database
 *
 * That mends an index that does not fit its table; what needs that index fails for ever, and not every
 * SQLite notices it in a check. A damaged table cannot be mended. This takes about as long as it takes to
 * read the file twice.
 *
 * Return: 0; -EBADMSG when it is damaged for good; or another negative errno.
 */
int sb_db_mend(struct sb_db *db)
{
	int code = sqlite3_exec(db->handle, "REINDEX", NULL, NULL, NULL);

	/* Two rows where there may be one. */
	if ((code & 0xff) == SQLITE_CONSTRAINT)
		return -EBADMSG;

	return code == SQLITE_OK ? check(db) : sb_store_file_error(db->handle, code);
}

/**
 * sb_db_given_up() - has damage shown, so that the database should be checked when it is opened again
 * @db: the database, outside of a transaction
 *
 * The first time, a mark for the next opening is made beside the file. Where that cannot be made, to end
 * would be of no use, and the database is not given up yet.
 *
 * Return: whether it has.
 */
bool sb_db_given_up(struct sb_db *db)
{
	int r;

	if (!db->damaged || db->marked)
		return db->marked;
	r = sb_store_damage_mark(db->directory);
	if (r < 0) {
		sb_log(LOG_DEBUG, "the damaged database cannot be marked: %s", strerror(-r));
		return false;
	}
	db->marked = true;
	sb_log_event(SB_EVENT_STORE_DAMAGED, &(struct sb_fields){ .path = db->directory },
		     "%s/" FILE_NAME
		     " is damaged: skybusd ends, and checks it when it is started again",
		     db->directory);

	return true;
}
