/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/problems.h"
#include "daemon/utf8.h"

/*
 * The longest sentence with its place, in bytes: what it quotes comes from files and may be long.
 */
#define TEXT_SIZE 2048

static size_t print_place(const struct sb_place *place, char *ret, size_t size)
{
	int n = 0;

	if (place && place->file && place->line > 0)
		n = snprintf(ret, size, "%s:%zu:%zu: ", place->file, place->line, place->column);
	else if (place && place->file)
		n = snprintf(ret, size, "%s: ", place->file);

	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

__attribute__((format(printf, 4, 0))) static void add(struct sb_problems *problems,
						      enum sb_event event,
						      const struct sb_place *place,
						      const char *format, va_list args)
{
	char buffer[TEXT_SIZE] = "";
	struct sb_problem *all;
	char *text;
	size_t n;

	n = print_place(place, buffer, sizeof(buffer));
	(void)vsnprintf(buffer + n, sizeof(buffer) - n, format, args);
	sb_utf8_make_printable(buffer);

	/* An error counts even when there is no memory for its text. */
	problems->n_errors += event == SB_EVENT_CONFIG_WRONG;

	text = strdup(buffer);
	all = text ? reallocarray(problems->all, problems->n + 1, sizeof(*all)) : NULL;
	if (!all) {
		free(text);
		return;
	}

	problems->all = all;
	problems->all[problems->n++] = (struct sb_problem){ .event = event, .text = text };
}

/**
 * sb_problems_done() - forget all problems
 * @problems: is empty afterwards and can be used again
 */
void sb_problems_done(struct sb_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		free(problems->all[i].text);
	free(problems->all);
	*problems = (struct sb_problems){ 0 };
}

/**
 * sb_problems_log() - say all that is wrong
 * @problems: the problems
 */
void sb_problems_log(const struct sb_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		sb_log_event(problems->all[i].event, NULL, "%s", problems->all[i].text);
}

/**
 * sb_problems_error() - add what makes the configuration, or a part of it, unusable
 * @problems: where
 * @place: where it was written; NULL for nowhere in particular
 * @format: the sentence, as for printf: what is wrong, and what to write instead. Bytes that are
 *	not printable UTF-8 become question marks.
 *
 * Without memory the text is lost, but n_errors counts it.
 */
void sb_problems_error(struct sb_problems *problems, const struct sb_place *place,
		       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, SB_EVENT_CONFIG_WRONG, place, format, args);
	va_end(args);
}

/**
 * sb_problems_warning() - add what should be mended, but can be used
 * @problems: where
 * @event: what it is; not SB_EVENT_CONFIG_WRONG
 * @place: where it was written; NULL for nowhere in particular
 * @format: the sentence, as for printf
 */
void sb_problems_warning(struct sb_problems *problems, enum sb_event event,
			 const struct sb_place *place, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(problems, event, place, format, args);
	va_end(args);
}
