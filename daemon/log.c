/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The place in the source would be that of the call in this file. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/utf8.h"

/* A sentence on the configuration has up to 2 KB (daemon/problems.c); a link's name stands before it. */
#define LINE_SIZE (2048 + 128)

/* journalctl -x puts no more than 256 bytes with their name into the text of an entry. */
#define VALUE_MAX_BYTES 200

#define SOCKET "/run/systemd/journal/socket"

/** enum way - where lines go */
enum way {
	UNKNOWN,
	PLAIN, /* stderr is a terminal, or a file */
	STREAM, /* stderr leads to the journal, which takes each line with its level in front, sd-daemon(3) */
	JOURNAL, /* its socket, which takes fields as well */
};

/** struct record - what the journal gets of one line */
struct record {
	struct iovec fields[SB_FIELDS_N + 5];
	int n;
	char room[LINE_SIZE + SB_FIELDS_N * (VALUE_MAX_BYTES + 32) + 256];
	size_t used;
};

static int log_level = LOG_INFO;

/* systemd tells in $JOURNAL_STREAM which device and inode the journal's stream has, sd_journal_send(3). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* The store's thread logs too. Both would find the same. */
static enum way the_way(void)
{
	static _Atomic enum way known = UNKNOWN;
	enum way way = known;

	if (way != UNKNOWN)
		return way;
	if (!stderr_is_journal())
		way = PLAIN;
	else
		way = access(SOCKET, F_OK) < 0 ? STREAM : JOURNAL;
	known = way;

	return way;
}

static void add(struct record *record, const char *name, const char *value, size_t max)
{
	char *at = record->room + record->used;
	int n = snprintf(at, sizeof(record->room) - record->used, "%s=%.*s", name, (int)max, value);

	record->fields[record->n++] = (struct iovec){ .iov_base = at, .iov_len = (size_t)n };
	record->used += (size_t)n + 1;
}

static void add_event(struct record *record, const struct sb_event_row *row,
		      const struct sb_fields *fields)
{
	add(record, "MESSAGE_ID", row->id, VALUE_MAX_BYTES);
	add(record, "SKYBUS_EVENT", row->name, VALUE_MAX_BYTES);
	for (size_t i = 0; i < SB_FIELDS_N; i++) {
		const char *value = sb_field_value(fields, i);

		if (value && (row->always | row->sometimes) & 1u << i)
			add(record, sb_field_names[i], value, VALUE_MAX_BYTES);
	}
}

/* Values are binary for the journal, so nothing in them can look like another field. */
static int send_to_journal(int level, const struct sb_event_row *row,
			   const struct sb_fields *fields, const char *line)
{
	struct record record = { 0 };
	char priority[4];

	(void)snprintf(priority, sizeof(priority), "%d", level);
	add(&record, "MESSAGE", line, LINE_SIZE);
	add(&record, "PRIORITY", priority, sizeof(priority));
	add(&record, "SYSLOG_IDENTIFIER", "skybusd", VALUE_MAX_BYTES);
	if (row)
		add_event(&record, row, fields);
	else if (fields->link)
		add(&record, sb_field_names[SB_FIELD_INDEX_LINK], fields->link, VALUE_MAX_BYTES);

	return sd_journal_sendv(record.fields, record.n);
}

/* @row: NULL where it is no event */
__attribute__((format(printf, 4, 0))) static void write_line(int level,
							     const struct sb_event_row *row,
							     const struct sb_fields *fields,
							     const char *format, va_list args)
{
	enum way way = the_way();
	char line[LINE_SIZE] = "";
	int n = 0;

	if (fields->link)
		n = snprintf(line, sizeof(line), "%.*s: ", VALUE_MAX_BYTES, fields->link);
	(void)vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	/* Words of clouds and apps are in it. */
	sb_utf8_make_printable(line);

	if (way == JOURNAL && send_to_journal(level, row, fields, line) >= 0)
		return;
	if (way == PLAIN)
		(void)fprintf(stderr, "skybusd: %s\n", line);
	else
		(void)fprintf(stderr, "<%d>%s\n", level, line);
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
 * sb_log_event() - one line about what a person may care about
 * @event: says its level, and which fields go with it
 * @fields: the journal gets those that are in the event's row, and the line begins with the link's name; NULL
 *	for none
 * @format: the line, as for printf, without a line end
 */
void sb_log_event(enum sb_event event, const struct sb_fields *fields, const char *format, ...)
{
	static const struct sb_fields none = { 0 };
	const struct sb_event_row *row = &sb_events[event];
	va_list args;

	if (row->level > log_level)
		return;

	va_start(args, format);
	write_line(row->level, row, fields ? fields : &none, format, args);
	va_end(args);
}

/**
 * sb_log_link() - one line about a link that is no event
 * @link: its name, which becomes the journal's field SKYBUS_LINK; NULL for none
 * @level: LOG_ERR … LOG_DEBUG
 * @format: the line, as for printf, without a line end
 */
void sb_log_link(const char *link, int level, const char *format, ...)
{
	const struct sb_fields fields = { .link = link };
	va_list args;

	if (level > log_level)
		return;

	va_start(args, format);
	write_line(level, NULL, &fields, format, args);
	va_end(args);
}
