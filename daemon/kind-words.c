/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people are told that they may write.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/kind.h"

static void print_bounds(const struct skybus_setting *row, char *ret, size_t size)
{
	const struct sb_kind *kind = sb_kind_of(row);
	char from[48], to[48];
	int64_t least, most;

	sb_kind_bounds(row, &least, &most);
	kind->print(least, from, sizeof(from));
	kind->print(most, to, sizeof(to));
	if (kind->is_length && most < INT64_MAX)
		from[strcspn(from, " ")] = '\0'; /* "1 to 64 bytes" */
	ret[0] = '\0';
	if (least == most)
		(void)snprintf(ret, size, "%s", to);
	else if (least > kind->least && most == INT64_MAX)
		(void)snprintf(ret, size, "%s or more", from);
	else if (most < INT64_MAX)
		(void)snprintf(ret, size, "%s to %s", from, to);
}

/**
 * sb_kind_range() - which values a setting may have, in short: "30s to 1d", "1K or more", "full|normal"
 * @row: of a known kind
 * @ret: filled with the words; "" for whatever the kind takes
 * @size: of @ret, at least 512
 */
void sb_kind_range(const struct skybus_setting *row, char *ret, size_t size)
{
	if (row->kind == SKYBUS_CHOICE)
		(void)snprintf(ret, size, "%s", row->choices);
	else if (row->kind == SKYBUS_BOOLEAN)
		(void)snprintf(ret, size, "yes|no");
	else
		print_bounds(row, ret, size);
	/* That it is not empty goes without saying. */
	if (strcmp(ret, "1 byte or more") == 0)
		ret[0] = '\0';
}

/**
 * sb_kind_expected() - what one may write, "a duration from 30s to 1d, such as 1h"
 * @row: of a known kind
 * @ret: filled with the words
 * @size: of @ret, at least 256
 */
void sb_kind_expected(const struct skybus_setting *row, char *ret, size_t size)
{
	const struct sb_kind *kind = sb_kind_of(row);
	const char *example = row->fallback ? row->fallback : kind->example;
	struct sb_choices choices;
	char range[128];
	size_t n;
	int64_t value;

	n = (size_t)snprintf(ret, size, "%s", kind->form);
	if (row->kind == SKYBUS_BOOLEAN)
		return;
	if (row->kind == SKYBUS_CHOICE && sb_choices_split(row->choices, &choices) == 0) {
		for (size_t i = 0; i < choices.n && n < size; i++)
			n += (size_t)snprintf(ret + n, size - n, "%s%s", i > 0 ? ", " : " ",
					      choices.words[i]);
		return;
	}

	print_bounds(row, range, sizeof(range));
	if (range[0])
		n += (size_t)snprintf(ret + n, size - n, " %s %s",
				      strstr(range, " to ") ? "from" : "of", range);
	if (example && n < size && sb_kind_parse(row, example, &value) == 0)
		(void)snprintf(ret + n, size - n, ", such as %.64s", example);
}

/**
 * sb_choices_split() - take "one|two|three" apart
 * @choices: the words between bars; NULL is refused
 * @ret: the words; they point into @ret
 *
 * Return: 0; -EINVAL: no words, an empty one, or too many.
 */
int sb_choices_split(const char *choices, struct sb_choices *ret)
{
	char *rest, *word;

	if (!choices || strlen(choices) >= sizeof(ret->text))
		return -EINVAL;

	ret->n = 0;
	rest = strcpy(ret->text, choices);
	while ((word = strsep(&rest, "|"))) {
		if (*word == '\0' || ret->n == SB_CHOICES_MAX)
			return -EINVAL;
		ret->words[ret->n++] = word;
	}

	return 0;
}
