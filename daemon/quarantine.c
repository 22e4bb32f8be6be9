/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cleanup.h"
#include "daemon/crash-note.h"
#include "daemon/file.h"
#include "daemon/log.h"

/* No account of ours is longer; what is longer is none. */
#define ACCOUNT_MAX ((size_t)64 * 1024)

struct sb_quarantine {
	char *directory; /* of the account */
	char *path;
	char *plugins; /* the directory of their files */
	struct sb_crashes crashes;
};

SB_DEFINE_CLEANUP(struct sb_quarantine *, sb_quarantine_free)

/* ---- the file -------------------------------------------------------------------------------- */

static int read_account(struct sb_quarantine *quarantine)
{
	SB_CLEANUP(sb_close) int fd = open(quarantine->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	SB_CLEANUP(sb_free) char *text = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = sb_file_read(fd, ACCOUNT_MAX, &text, &len);
	if (r == 0)
		sb_crashes_parse(&quarantine->crashes, text);

	return r;
}

static int write_beside(const char *path, const char *text)
{
	SB_CLEANUP(sb_close)
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n >= 0 && (size_t)n < len)
		return -ENOSPC;

	return n < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* The old one or the new one is there, whatever happens. */
static int write_account(const struct sb_quarantine *quarantine)
{
	SB_CLEANUP(sb_free) char *text = NULL;
	SB_CLEANUP(sb_free) char *beside = NULL;
	SB_CLEANUP(sb_close)
	int directory = open(quarantine->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (asprintf(&beside, "%s.new", quarantine->path) < 0) {
		beside = NULL;
		return -ENOMEM;
	}
	r = sb_crashes_print(&quarantine->crashes, &text);
	if (r == 0)
		r = write_beside(beside, text);
	if (r < 0)
		return r;
	if (directory < 0 || rename(beside, quarantine->path) < 0 || fsync(directory) < 0)
		return -errno;

	return 0;
}

/* ---- the files of plugins --------------------------------------------------------------------- */

/* Without a file the mark is that of none. */
static int read_mark(const struct sb_quarantine *quarantine, const char *plugin,
		     struct sb_plugin_mark *ret)
{
	SB_CLEANUP(sb_free) char *path = NULL;
	struct stat status;

	*ret = (struct sb_plugin_mark){ 0 };
	if (asprintf(&path, "%s/%s.so", quarantine->plugins, plugin) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (lstat(path, &status) < 0)
		return -errno;
	*ret = (struct sb_plugin_mark){
		.inode = status.st_ino,
		.size = status.st_size,
		.mtime_ns = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec,
	};

	return 0;
}

/* One that has been upgraded is tried, whatever the older one did. Whether there was one. */
static bool forget_others(struct sb_quarantine *quarantine)
{
	size_t n = quarantine->crashes.n;

	for (size_t i = n; i-- > 0;) {
		struct sb_crashed *crashed = &quarantine->crashes.all[i];
		struct sb_plugin_mark mark;

		if (read_mark(quarantine, crashed->plugin, &mark) < 0 ||
		    memcmp(&mark, &crashed->mark, sizeof(mark)) == 0)
			continue;
		if (crashed->quarantined)
			sb_log_event(SB_EVENT_PLUGIN_RELEASED,
				     &(struct sb_fields){ .plugin = crashed->plugin },
				     "the file of the plugin %s is another one than that which has "
				     "crashed skybusd: it is tried again",
				     crashed->plugin);
		sb_crashes_forget(&quarantine->crashes, crashed);
	}

	return quarantine->crashes.n < n;
}

/* ---- what the last run died of ---------------------------------------------------------------- */

static void log_crash(const struct sb_crash *crash, unsigned int n)
{
	SB_CLEANUP(sb_free) char *last = NULL;
	char count[16];
	const struct sb_fields fields = {
		.plugin = crash->plugin,
		.link = crash->link[0] ? crash->link : NULL,
		.count = count,
	};

	(void)snprintf(count, sizeof(count), "%u", n);
	if (sb_crash_describe(crash, &last) < 0)
		last = NULL;
	sb_log_event(
		SB_EVENT_PLUGIN_CRASHED, &fields,
		"the plugin %s has crashed skybusd, %s of %d times within ten minutes after which "
		"it is left out; %s",
		crash->plugin, count, SB_CRASHES_MAX, last ? last : "");
}

static void count_crash(struct sb_quarantine *quarantine, const struct sb_crash *crash)
{
	struct sb_plugin_mark mark;
	const struct sb_crashed *crashed;

	(void)read_mark(quarantine, crash->plugin, &mark);
	crashed = sb_crashes_add(&quarantine->crashes, crash, &mark);
	if (crashed)
		log_crash(crash, sb_crashes_count(crashed));
	else
		sb_log(LOG_NOTICE,
		       "the plugin %s has crashed skybusd, and its file is another one by now: that "
		       "does not count",
		       crash->plugin);
}

static int take_stock(struct sb_quarantine *quarantine)
{
	struct sb_crash crash;
	int account, noted, r = 0;

	account = read_account(quarantine);
	noted = sb_crash_note_open(quarantine->directory, &crash);
	if (noted == -EWOULDBLOCK)
		return 0; /* another daemon's: the store says so, and this one ends */
	if (noted < 0 && noted != -EBADMSG)
		return noted;
	if (account < 0 || noted == -EBADMSG)
		sb_log(LOG_WARNING,
		       "%s, or %s beside it, holds what no skybusd has written: it is begun anew",
		       quarantine->path, SB_CRASH_NOTE_FILE_NAME);
	if (noted == 1)
		count_crash(quarantine, &crash);
	if (forget_others(quarantine) || noted == 1 || account < 0)
		r = write_account(quarantine);

	/* Not before: a crash that is counted twice is known again. */
	return r < 0 ? r : sb_crash_note_clear();
}

/* ---- from outside ---------------------------------------------------------------------------- */

/**
 * sb_quarantine_new() - see what the last run died of, and have this one leave word, too
 * @state_directory: made if it is not there
 * @plugin_directory: where the plugins are
 * @ret: the caller's
 *
 * Where nothing can be read or written there, the log says so, and plugins run all the same. One for a process, made
 * on the thread that runs plugins, before any of them is loaded.
 *
 * Return: 0, or -ENOMEM.
 */
int sb_quarantine_new(const char *state_directory, const char *plugin_directory,
		      struct sb_quarantine **ret)
{
	SB_CLEANUP(sb_quarantine_free)
	struct sb_quarantine *quarantine = calloc(1, sizeof(*quarantine));
	int r;

	if (!quarantine)
		return -ENOMEM;
	quarantine->directory = strdup(state_directory);
	quarantine->plugins = strdup(plugin_directory);
	if (asprintf(&quarantine->path, "%s/" SB_QUARANTINE_FILE_NAME, state_directory) < 0)
		quarantine->path = NULL;
	if (!quarantine->directory || !quarantine->plugins || !quarantine->path)
		return -ENOMEM;

	/* The store says what is wrong if it cannot be made. */
	(void)mkdir(state_directory, 0700);
	r = take_stock(quarantine);
	if (r < 0)
		sb_log(LOG_WARNING,
		       "crashes of plugins are not counted, for %s cannot be used: %s: give it to the "
		       "user of skybusd, and see that there is room on the disk",
		       state_directory, strerror(-r));
	*ret = SB_STEAL(quarantine);

	return 0;
}

/**
 * sb_quarantine_free() - leave no word any more
 * @quarantine: may be NULL
 *
 * Return: NULL.
 */
struct sb_quarantine *sb_quarantine_free(struct sb_quarantine *quarantine)
{
	if (!quarantine)
		return NULL;

	sb_crash_note_close();
	free(quarantine->directory);
	free(quarantine->path);
	free(quarantine->plugins);
	free(quarantine);

	return NULL;
}

/**
 * sb_quarantine_why() - is a plugin not to be loaded
 * @quarantine: the account
 * @plugin: its name
 * @ret: a sentence that says why not, the caller's; NULL if it may be loaded
 *
 * Return: 0, or -ENOMEM.
 */
int sb_quarantine_why(struct sb_quarantine *quarantine, const char *plugin, char **ret)
{
	const struct sb_crashed *crashed = sb_crashes_find(&quarantine->crashes, plugin);
	SB_CLEANUP(sb_free) char *last = NULL;
	int r;

	*ret = NULL;
	if (!crashed || !crashed->quarantined)
		return 0;
	if (crashed->n > 0) {
		r = sb_crash_describe(&crashed->last[crashed->n - 1], &last);
		if (r < 0)
			return r;
	}
	if (asprintf(
		    ret,
		    "the plugin %s is in quarantine, for it has crashed skybusd %d times within ten "
		    "minutes (the last time %s): install another version of it and restart skybusd, "
		    "or have this one tried again with: skybusctl plugins lift %s",
		    plugin, SB_CRASHES_MAX, last ? last : "is not known", plugin) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}

	return 0;
}

/**
 * sb_quarantine_lift() - a plugin may be loaded again, and its crashes are forgotten; waits for the disk
 * @quarantine: the account
 * @plugin: its name
 *
 * Return: 0; -ENOENT if it is not in quarantine; or a negative errno, and nothing has changed.
 */
int sb_quarantine_lift(struct sb_quarantine *quarantine, const char *plugin)
{
	struct sb_crashed *crashed = sb_crashes_find(&quarantine->crashes, plugin);
	struct sb_crashes *kept;
	int r;

	if (!crashed || !crashed->quarantined)
		return -ENOENT;
	kept = malloc(sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	*kept = quarantine->crashes;
	sb_crashes_forget(&quarantine->crashes, crashed);
	r = write_account(quarantine);
	if (r < 0)
		quarantine->crashes = *kept;
	free(kept);

	return r;
}
