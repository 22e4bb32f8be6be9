/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "daemon/log.h"

#define LINE_MAX_BYTES 1024

static int log_level = LOG_INFO;

/* systemd tells in $JOURNAL_STREAM which device and inode the journal's stream has, sd_journal(3). */
static bool stderr_is_journal(void)
{
	static int known = -1;
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	struct stat st;

	if (known >= 0)
		return known > 0;

	known = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;

	return known > 0;
}

/* Words of clouds and apps are in it, and must not look like lines of ours. */
static void keep_to_one_line(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

/**
 * sb_log_set_level() - how much to say
 * @level: LOG_ERR … LOG_DEBUG; what is above it is not written
 */
void sb_log_set_level(int level)
{
	log_level = level;
}

/**
 * sb_log_level() - how much is being said
 *
 * Return: LOG_ERR … LOG_DEBUG.
 */
int sb_log_level(void)
{
	return log_level;
}

/**
 * sb_log_link() - one line about a link
 * @link: its name, which becomes the journal's field SKYBUS_LINK; NULL for none
 * @level: LOG_ERR … LOG_DEBUG
 * @format: the line, as for printf, without a line end
 */
void sb_log_link(const char *link, int level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	if (level > log_level)
		return;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	keep_to_one_line(line);

	if (stderr_is_journal())
		(void)sd_journal_send("PRIORITY=%i", level, "MESSAGE=%s%s%s", link ? link : "",
				      link ? ": " : "", line, link ? "SKYBUS_LINK=%s" : NULL, link,
				      NULL);
	else
		(void)fprintf(stderr, "skybusd: %s%s%s\n", link ? link : "", link ? ": " : "",
			      line);
}
