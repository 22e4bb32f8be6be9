/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/fake-log.h"

struct fake_log fake_log;

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

static void keep_fields(struct fake_line *line, const struct sb_fields *fields)
{
	copy(line->link, sizeof(line->link), fields->link);
	copy(line->plugin, sizeof(line->plugin), fields->plugin);
	copy(line->state, sizeof(line->state), fields->state);
	copy(line->code, sizeof(line->code), fields->code);
	copy(line->path, sizeof(line->path), fields->path);
}

static void check_fields(enum sb_event event, const struct sb_fields *fields)
{
	const struct sb_event_row *row = &sb_events[event];

	for (size_t i = 0; i < SB_FIELDS_N; i++) {
		const char *value = sb_field_value(fields, i);

		if (row->always & 1u << i && (!value || !*value))
			fail_msg("%s lacks %s", row->name, sb_field_names[i]);
		if (value && !((row->always | row->sometimes) & 1u << i))
			fail_msg("%s has %s, which is not in its row", row->name,
				 sb_field_names[i]);
	}
}

__attribute__((format(printf, 4, 0))) static void keep(int event, int level,
						       const struct sb_fields *fields,
						       const char *format, va_list args)
{
	struct fake_line *line = &fake_log.lines[fake_log.n++];
	size_t n = 0;

	assert_true(fake_log.n <= FAKE_LINES_MAX);
	*line = (struct fake_line){ .event = event, .level = level };
	keep_fields(line, fields);
	if (fields->link)
		n = (size_t)snprintf(line->text, sizeof(line->text), "%s: ", fields->link);
	(void)vsnprintf(line->text + n, sizeof(line->text) - n, format, args);
}

void fake_log_reset(void)
{
	fake_log.n = 0;
}

/* Lines from LOG_EMERG to @most. */
size_t fake_log_count(int most)
{
	size_t n = 0;

	for (size_t i = 0; i < fake_log.n; i++)
		n += fake_log.lines[i].level <= most;

	return n;
}

size_t fake_log_count_events(enum sb_event event)
{
	size_t n = 0;

	for (size_t i = 0; i < fake_log.n; i++)
		n += fake_log.lines[i].event == (int)event;

	return n;
}

/* The last one above LOG_DEBUG. */
const struct fake_line *fake_log_last(void)
{
	for (size_t i = fake_log.n; i > 0; i--)
		if (fake_log.lines[i - 1].level < LOG_DEBUG)
			return &fake_log.lines[i - 1];
	fail_msg("nothing was said");

	return NULL;
}

/* ---- in place of the core ---- */

void sb_log_set_level(int level)
{
	(void)level;
}

int sb_log_level(void)
{
	return LOG_DEBUG;
}

void sb_log_event(enum sb_event event, const struct sb_fields *fields, const char *format, ...)
{
	static const struct sb_fields none = { 0 };
	va_list args;

	fields = fields ? fields : &none;
	check_fields(event, fields);
	va_start(args, format);
	keep((int)event, sb_events[event].level, fields, format, args);
	va_end(args);
}

void sb_log_link(const char *link, int level, const char *format, ...)
{
	const struct sb_fields fields = { .link = link };
	va_list args;

	va_start(args, format);
	keep(-1, level, &fields, format, args);
	va_end(args);
}
