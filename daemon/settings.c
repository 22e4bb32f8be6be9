/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/kind.h"
#include "daemon/settings-private.h"

SB_DEFINE_CLEANUP(struct sb_settings *, sb_settings_free)

/* ---- life ---- */

static void wipe_value(struct sb_setting_value *value)
{
	free(value->text);
	free(value->source);
	if (value->secret)
		explicit_bzero(value->secret, value->secret_len);
	free(value->secret);
}

/* The parsed @text into @value, which keeps what it had on failure. */
static int take_text(struct sb_setting_value *value, const struct skybus_setting *row,
		     const char *text, int64_t number)
{
	struct sb_setting_value new = { .mentioned = value->mentioned, .number = number };

	if (sb_kind_of(row)->is_text) {
		new.text = strdup(text);
		if (!new.text)
			return -ENOMEM;
	}

	wipe_value(value);
	*value = new;

	return 0;
}

/**
 * sb_settings_new() - the settings of a table, each with its default
 * @rows: the table, lent as long as the settings live; it has passed sb_settings_check_table()
 * @n_rows: how many
 * @ret: the settings, the caller's
 *
 * Return: 0; -EINVAL: a row is wrong; -ENOMEM.
 */
int sb_settings_new(const struct skybus_setting *rows, size_t n_rows, struct sb_settings **ret)
{
	SB_CLEANUP(sb_settings_free) struct sb_settings *settings = NULL;
	int64_t number;
	int r;

	settings = calloc(1, sizeof(*settings) + n_rows * sizeof(settings->values[0]));
	if (!settings)
		return -ENOMEM;

	settings->rows = rows;
	settings->n_rows = n_rows;
	for (size_t i = 0; i < n_rows; i++) {
		if (!sb_kind_of(&rows[i]))
			return -EINVAL;
		if (!rows[i].fallback)
			continue;
		if (sb_kind_parse(&rows[i], rows[i].fallback, &number) < 0)
			return -EINVAL;
		r = take_text(&settings->values[i], &rows[i], rows[i].fallback, number);
		if (r < 0)
			return r;
	}

	*ret = SB_STEAL(settings);

	return 0;
}

/**
 * sb_settings_free() - free settings, and wipe the secrets among them
 * @settings: may be NULL
 *
 * Return: NULL.
 */
struct sb_settings *sb_settings_free(struct sb_settings *settings)
{
	if (!settings)
		return NULL;

	for (size_t i = 0; i < settings->n_rows; i++)
		wipe_value(&settings->values[i]);
	free(settings);

	return NULL;
}

/* ---- writing ---- */

/**
 * sb_settings_row() - the row of a key
 * @settings: the settings
 * @key: which
 *
 * Return: the row, lent; NULL if there is none.
 */
const struct skybus_setting *sb_settings_row(const struct sb_settings *settings, const char *key)
{
	for (size_t i = 0; i < settings->n_rows; i++)
		if (strcmp(settings->rows[i].key, key) == 0)
			return &settings->rows[i];

	return NULL;
}

/**
 * sb_settings_nearest() - the key that was probably meant
 * @settings: the settings
 * @key: what was written
 *
 * Return: a key of the table, lent; NULL if none is near.
 */
const char *sb_settings_nearest(const struct sb_settings *settings, const char *key)
{
	const char *nearest = NULL;

	/* Two at a time: the search takes words, and rows are not laid out so. */
	for (size_t i = 0; i < settings->n_rows; i++)
		nearest = sb_nearest_word(
			key, (const char *const[]){ nearest, settings->rows[i].key }, 2);

	return nearest;
}

static size_t print_keys(const struct sb_settings *settings, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < settings->n_rows && n < size; i++)
		n += (size_t)snprintf(ret + n, size - n, "%s%s", i > 0 ? ", " : "",
				      settings->rows[i].key);

	return n < size ? n : size - 1;
}

/**
 * sb_settings_unknown_key() - say that a key is in none of two tables
 * @settings: the one table
 * @also: the other; NULL for none
 * @key: what was written
 * @place: where
 * @problems: gets the sentence, with the key that was probably meant, or all that there are
 */
void sb_settings_unknown_key(const struct sb_settings *settings, const struct sb_settings *also,
			     const char *key, const struct sb_place *place,
			     struct sb_problems *problems)
{
	const char *near[] = { sb_settings_nearest(settings, key),
			       also ? sb_settings_nearest(also, key) : NULL };
	const char *nearest = sb_nearest_word(key, near, SB_ELEMENTS(near));
	char keys[1024] = "";
	size_t n;

	if (nearest) {
		sb_problems_error(problems, place, "unknown key \"%.64s\": did you mean \"%s\"?",
				  key, nearest);
		return;
	}

	n = print_keys(settings, keys, sizeof(keys));
	if (also && also->n_rows > 0 && n + 2 < sizeof(keys)) {
		memcpy(keys + n, ", ", 2);
		(void)print_keys(also, keys + n + 2, sizeof(keys) - n - 2);
	}
	sb_problems_error(problems, place, "unknown key \"%.64s\": write one of %s", key, keys);
}

static void refuse_kind(const struct skybus_setting *row, const char *text,
			const struct sb_place *place, struct sb_problems *problems)
{
	char expected[512];
	struct sb_choices choices;

	if (row->kind == SKYBUS_CHOICE && sb_choices_split(row->choices, &choices) == 0) {
		const char *nearest = sb_nearest_word(text, choices.words, choices.n);

		if (nearest) {
			sb_problems_error(problems, place,
					  "%s \"%.64s\" is no choice: did you mean \"%s\"?",
					  row->key, text, nearest);
			return;
		}
	}

	sb_kind_expected(row, expected, sizeof(expected));
	sb_problems_error(problems, place, "%s \"%.64s\" is not %s: write %s", row->key, text,
			  sb_kind_of(row)->noun, expected);
}

static void refuse_range(const struct skybus_setting *row, const char *text, int64_t number,
			 const struct sb_place *place, struct sb_problems *problems)
{
	const struct sb_kind *kind = sb_kind_of(row);
	char quoted[80] = "", expected[512], bound[48];
	const char *outside, *end;
	int64_t least, most;

	sb_kind_bounds(row, &least, &most);
	if (number < least) {
		outside = kind->is_length ? "shorter than" : "below";
		end = "least";
		kind->print(least, bound, sizeof(bound));
	} else {
		outside = kind->is_length ? "longer than" : "above";
		end = "most";
		kind->print(most, bound, sizeof(bound));
	}

	/* Where the length is wrong, the text says nothing, and it may be a secret. */
	if (!kind->is_length)
		(void)snprintf(quoted, sizeof(quoted), " \"%.64s\"", text);
	sb_kind_expected(row, expected, sizeof(expected));
	sb_problems_error(problems, place, "%s%s is %s the %s, %s: write %s", row->key, quoted,
			  outside, end, bound, expected);
}

/**
 * sb_settings_mention() - note that a key was there, whatever became of its value
 * @settings: the settings
 * @key: which; ignored if there is no such row
 *
 * sb_settings_finish() does not call it missing then: another sentence says what is wrong with it.
 */
void sb_settings_mention(struct sb_settings *settings, const char *key)
{
	const struct skybus_setting *row = sb_settings_row(settings, key);

	if (row)
		settings->values[row - settings->rows].mentioned = true;
}

/**
 * sb_settings_set() - set a value from its text; it replaces what was there
 * @settings: the settings
 * @key: which
 * @text: as written in the configuration; of a secret or a file its content
 * @place: where
 * @problems: gets a sentence if the key is unknown or the text will not do
 *
 * Return: 0; -ENOENT: no such key; -EINVAL, -ERANGE: not such a value; -ENOMEM.
 */
int sb_settings_set(struct sb_settings *settings, const char *key, const char *text,
		    const struct sb_place *place, struct sb_problems *problems)
{
	const struct skybus_setting *row = sb_settings_row(settings, key);
	int64_t number;
	int r;

	if (!row) {
		sb_settings_unknown_key(settings, NULL, key, place, problems);
		return -ENOENT;
	}
	if (sb_kind_of(row)->is_bytes)
		return sb_settings_set_secret(settings, key, text, strlen(text), place, problems);

	sb_settings_mention(settings, key);
	r = sb_kind_parse(row, text, &number);
	if (r == -ERANGE)
		refuse_range(row, text, number, place, problems);
	else if (r < 0)
		refuse_kind(row, text, place, problems);
	if (r < 0)
		return r;

	return take_text(&settings->values[row - settings->rows], row, text, number);
}

/**
 * sb_settings_set_secret() - set a secret, or the content of a file; it replaces what was there
 * @settings: the settings
 * @key: which
 * @data: @len bytes, copied
 * @len: bytes
 * @place: where
 * @problems: gets a sentence, without a byte of the secret, if it will not do
 *
 * Return: 0; -ENOENT: no such key; -EINVAL: the key is neither a secret's nor a file's; -ERANGE: the
 * length; -ENOMEM.
 */
int sb_settings_set_secret(struct sb_settings *settings, const char *key, const void *data,
			   size_t len, const struct sb_place *place, struct sb_problems *problems)
{
	const struct skybus_setting *row = sb_settings_row(settings, key);
	int64_t least, most;
	struct sb_setting_value *value;
	char expected[512];
	uint8_t *secret;

	if (!row) {
		sb_settings_unknown_key(settings, NULL, key, place, problems);
		return -ENOENT;
	}
	if (!sb_kind_of(row)->is_bytes) {
		sb_kind_expected(row, expected, sizeof(expected));
		sb_problems_error(problems, place, "%s is not a secret: write %s", key, expected);
		return -EINVAL;
	}

	sb_settings_mention(settings, key);
	sb_kind_bounds(row, &least, &most);
	if ((int64_t)len < least || (int64_t)len > most) {
		refuse_range(row, "", (int64_t)len, place, problems);
		return -ERANGE;
	}

	secret = malloc(len);
	if (!secret)
		return -ENOMEM;
	memcpy(secret, data, len);

	value = &settings->values[row - settings->rows];
	wipe_value(value);
	*value =
		(struct sb_setting_value){ .mentioned = true, .secret = secret, .secret_len = len };

	return 0;
}

/**
 * sb_settings_finish() - check that what must be given was given
 * @settings: the settings
 * @place: of the section or the link, for what is not there has no place of its own
 * @problems: gets a sentence for each that is missing
 *
 * Return: 0; -EINVAL: at least one is missing.
 */
int sb_settings_finish(struct sb_settings *settings, const struct sb_place *place,
		       struct sb_problems *problems)
{
	char expected[512];
	int r = 0;

	for (size_t i = 0; i < settings->n_rows; i++) {
		const struct skybus_setting *row = &settings->rows[i];

		if (!(row->flags & SKYBUS_REQUIRED) || settings->values[i].mentioned)
			continue;
		sb_kind_expected(row, expected, sizeof(expected));
		sb_problems_error(problems, place, "%s is missing: add \"%s:\" with %s (%s)",
				  row->key, row->key, expected, row->help);
		r = -EINVAL;
	}

	return r;
}
