/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As text, a line for each plugin and, below it, one for each of its crashes:
 *
 *	plugin NAME INODE SIZE MTIME_NS free|quarantined
 *	crash SIGNAL inside|outside BOOT_ID BOOT_MS WALL_MS LINK|- CALL
 *
 * A line that is anything else is passed over: who cannot read what was, counts anew.
 */
#include "daemon/crashes.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/cleanup.h"
#include "daemon/config-reader.h"
#include "daemon/plugin-name.h"

#define HEADING                                                                          \
	"# Which plugins have crashed skybusd, and which it leaves out for that until\n" \
	"# skybusctl plugins lift NAME\n"

/* ---- one crash ------------------------------------------------------------------------------- */

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool is_text(const char *text, size_t size, const char *allowed)
{
	return ends(text, size) && strspn(text, allowed) == strlen(text);
}

/**
 * sb_crash_makes_sense() - could this be a crash that was written down
 * @crash: may hold anything
 *
 * Return: whether its texts end, have nothing in them that they cannot have, and its numbers are within bounds.
 */
bool sb_crash_makes_sense(const struct sb_crash *crash)
{
	static const char hex[] = "0123456789abcdefABCDEF-";
	static const char words[] = "abcdefghijklmnopqrstuvwxyz_ ()";

	return ends(crash->plugin, sizeof(crash->plugin)) &&
	       sb_plugin_name_is_good(crash->plugin) && ends(crash->link, sizeof(crash->link)) &&
	       (crash->link[0] == '\0' || sb_config_is_link_name(crash->link)) &&
	       is_text(crash->call, sizeof(crash->call), words) && crash->call[0] &&
	       is_text(crash->boot_id, sizeof(crash->boot_id), hex) && crash->signal >= 0 &&
	       crash->signal < NSIG && crash->boot_ms >= 0 && crash->wall_ms >= 0;
}

static void describe_time(const struct sb_crash *crash, char *ret, size_t size)
{
	time_t when = (time_t)(crash->wall_ms / 1000);
	struct tm local;

	if (!localtime_r(&when, &local) || strftime(ret, size, "%Y-%m-%d %H:%M:%S", &local) == 0)
		ret[0] = '\0';
}

static int describe_cause(const struct sb_crash *crash, char **ret)
{
	const char *name = sigabbrev_np(crash->signal);

	if (crash->signal == 0)
		return asprintf(ret, "it ended the process with exit()");
	if (crash->outside)
		return asprintf(ret,
				"it did not come back, and SIG%s from outside, as the watchdog of "
				"systemd sends it, ended the process",
				name ? name : "?");

	return asprintf(ret, "SIG%s, %s", name ? name : "?", strsignal(crash->signal));
}

/**
 * sb_crash_describe() - a crash for people
 * @crash: makes sense
 * @ret: what goes behind "the last time", the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_crash_describe(const struct sb_crash *crash, char **ret)
{
	SB_CLEANUP(sb_free) char *cause = NULL;
	char when[32];

	if (describe_cause(crash, &cause) < 0) {
		cause = NULL;
		return -ENOMEM;
	}
	describe_time(crash, when, sizeof(when));
	if (asprintf(ret, "%s in %s%s%s: %s", when, crash->call,
		     crash->link[0] ? " for the link " : "", crash->link, cause) < 0)
		return -ENOMEM;

	return 0;
}

/* ---- the account ----------------------------------------------------------------------------- */

/**
 * sb_crashes_find() - what is known of a plugin
 * @crashes: the account
 * @plugin: its name
 *
 * Return: lent until a plugin is added or forgotten; NULL if it has not crashed.
 */
struct sb_crashed *sb_crashes_find(struct sb_crashes *crashes, const char *plugin)
{
	for (size_t i = 0; i < crashes->n; i++)
		if (strcmp(crashes->all[i].plugin, plugin) == 0)
			return &crashes->all[i];

	return NULL;
}

/**
 * sb_crashes_forget() - a plugin has a fresh start
 * @crashes: the account
 * @crashed: one of it, gone afterwards
 */
void sb_crashes_forget(struct sb_crashes *crashes, struct sb_crashed *crashed)
{
	size_t at = (size_t)(crashed - crashes->all);

	crashes->n--;
	memmove(crashed, crashed + 1, (crashes->n - at) * sizeof(*crashed));
}

/* The first that can be spared makes room, or where none can, the first. */
static struct sb_crashed *append(struct sb_crashes *crashes, const char *plugin)
{
	struct sb_crashed *spare;

	if (crashes->n == SB_CRASHES_PLUGINS_MAX) {
		size_t i = 0;

		while (i < crashes->n && crashes->all[i].quarantined)
			i++;
		sb_crashes_forget(crashes, &crashes->all[i < crashes->n ? i : 0]);
	}
	spare = &crashes->all[crashes->n++];
	*spare = (struct sb_crashed){ 0 };
	(void)snprintf(spare->plugin, sizeof(spare->plugin), "%s", plugin);

	return spare;
}

static void push(struct sb_crashed *crashed, const struct sb_crash *crash)
{
	if (crashed->n == SB_CRASHES_MAX) {
		crashed->n--;
		memmove(crashed->last, crashed->last + 1, crashed->n * sizeof(*crashed->last));
	}
	crashed->last[crashed->n++] = *crash;
}

static const struct sb_crash *newest(const struct sb_crashed *crashed)
{
	return crashed->n > 0 ? &crashed->last[crashed->n - 1] : NULL;
}

/* The daemon may have died again before the note of the crash was put away. */
static bool is_known(const struct sb_crashed *crashed, const struct sb_crash *crash)
{
	const struct sb_crash *last = newest(crashed);

	return last && last->boot_ms == crash->boot_ms &&
	       strcmp(last->boot_id, crash->boot_id) == 0;
}

/**
 * sb_crashes_count() - how many crashes there were at last, near enough to each other
 * @crashed: a plugin's
 *
 * Return: 0 to SB_CRASHES_MAX.
 */
unsigned int sb_crashes_count(const struct sb_crashed *crashed)
{
	const struct sb_crash *last = newest(crashed);
	unsigned int n = 0;

	for (size_t i = 0; i < crashed->n; i++) {
		const struct sb_crash *crash = &crashed->last[i];

		/* A boot without id is like no other, not even like itself. */
		n += crash == last ||
		     (crash->boot_id[0] && strcmp(crash->boot_id, last->boot_id) == 0 &&
		      crash->boot_ms <= last->boot_ms &&
		      last->boot_ms - crash->boot_ms <= SB_CRASHES_WITHIN_MS);
	}

	return n;
}

/**
 * sb_crashes_add() - count a crash
 * @crashes: the account
 * @crash: makes sense; one that is counted already changes nothing
 * @mark: of the plugin's file now; if another one was known the plugin begins afresh, and this crash, which was
 *	the other's, is not counted
 *
 * Return: the plugin's, as with sb_crashes_find(); NULL if it was not counted.
 */
struct sb_crashed *sb_crashes_add(struct sb_crashes *crashes, const struct sb_crash *crash,
				  const struct sb_plugin_mark *mark)
{
	struct sb_crashed *crashed = sb_crashes_find(crashes, crash->plugin);

	if (crashed && memcmp(&crashed->mark, mark, sizeof(*mark)) != 0) {
		sb_crashes_forget(crashes, crashed);
		return NULL;
	}
	if (!crashed)
		crashed = append(crashes, crash->plugin);
	if (!is_known(crashed, crash))
		push(crashed, crash);
	crashed->mark = *mark;
	if (sb_crashes_count(crashed) >= SB_CRASHES_MAX)
		crashed->quarantined = true;

	return crashed;
}

/* ---- as text --------------------------------------------------------------------------------- */

static struct sb_crashed *parse_plugin(struct sb_crashes *crashes, const char *line)
{
	struct sb_plugin_mark mark;
	struct sb_crashed *crashed;
	char name[SB_RUNNING_NAME_MAX], word[16];

	/* glibc makes the largest number of what is too large. */
	if (sscanf(line, "plugin %63s %20" SCNu64 " %19" SCNd64 " %19" SCNd64 " %15s", name,
		   &mark.inode, &mark.size, &mark.mtime_ns, word) != 5 ||
	    !sb_plugin_name_is_good(name) || sb_crashes_find(crashes, name) ||
	    crashes->n == SB_CRASHES_PLUGINS_MAX)
		return NULL;
	crashed = append(crashes, name);
	crashed->mark = mark;
	crashed->quarantined = strcmp(word, "quarantined") == 0;

	return crashed;
}

static void parse_crash(struct sb_crashed *crashed, const char *line)
{
	struct sb_crash crash = { 0 };
	char where[16];

	if (sscanf(line, "crash %9d %15s %39s %19" SCNd64 " %19" SCNd64 " %63s %47[a-z_ ()]",
		   &crash.signal, where, crash.boot_id, &crash.boot_ms, &crash.wall_ms, crash.link,
		   crash.call) != 7)
		return;
	(void)snprintf(crash.plugin, sizeof(crash.plugin), "%s", crashed->plugin);
	crash.outside = strcmp(where, "outside") == 0;
	if (strcmp(crash.boot_id, "-") == 0)
		crash.boot_id[0] = '\0';
	if (strcmp(crash.link, "-") == 0)
		crash.link[0] = '\0';
	if (sb_crash_makes_sense(&crash))
		push(crashed, &crash);
}

/**
 * sb_crashes_parse() - read the account
 * @crashes: empty; gets all that makes sense
 * @text: as sb_crashes_print() made it, or anything
 */
void sb_crashes_parse(struct sb_crashes *crashes, const char *text)
{
	struct sb_crashed *crashed = NULL;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		char line[512];

		(void)snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		if (strncmp(line, "plugin ", strlen("plugin ")) == 0)
			crashed = parse_plugin(crashes, line);
		else if (crashed)
			parse_crash(crashed, line);
	}
}

static void print_crashed(FILE *file, const struct sb_crashed *crashed)
{
	(void)fprintf(file, "plugin %s %" PRIu64 " %" PRId64 " %" PRId64 " %s\n", crashed->plugin,
		      crashed->mark.inode, crashed->mark.size, crashed->mark.mtime_ns,
		      crashed->quarantined ? "quarantined" : "free");
	for (size_t i = 0; i < crashed->n; i++) {
		const struct sb_crash *crash = &crashed->last[i];

		(void)fprintf(file, "crash %d %s %s %" PRId64 " %" PRId64 " %s %s\n", crash->signal,
			      crash->outside ? "outside" : "inside",
			      crash->boot_id[0] ? crash->boot_id : "-", crash->boot_ms,
			      crash->wall_ms, crash->link[0] ? crash->link : "-", crash->call);
	}
}

/**
 * sb_crashes_print() - write the account
 * @crashes: the account
 * @ret: text, the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_crashes_print(const struct sb_crashes *crashes, char **ret)
{
	SB_CLEANUP(sb_free) char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	if (!file)
		return -ENOMEM;
	(void)fputs(HEADING, file);
	for (size_t i = 0; i < crashes->n; i++)
		print_crashed(file, &crashes->all[i]);
	if (ferror(file) | fclose(file))
		return -ENOMEM;
	*ret = SB_STEAL(text);

	return 0;
}
