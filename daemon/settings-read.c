/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What settings have for those who go by them: values, where they came from, whether they are the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/kind.h"
#include "daemon/settings-private.h"

static const struct sb_setting_value *find_value(const struct sb_settings *settings,
						 const char *key)
{
	static const struct sb_setting_value nothing;
	const struct skybus_setting *row = sb_settings_row(settings, key);

	return row ? &settings->values[row - settings->rows] : &nothing;
}

/**
 * sb_settings_text() - the value of a text, a choice, a host or networks
 * @settings: the settings
 * @key: which
 *
 * Return: the text, lent until it is set again; NULL if it is not set, has no default or is of
 * another kind.
 */
const char *sb_settings_text(const struct sb_settings *settings, const char *key)
{
	return find_value(settings, key)->text;
}

/**
 * sb_settings_integer() - the value of a number of any kind
 * @settings: the settings
 * @key: which
 *
 * Return: the number; a boolean as 0 or 1, a duration in seconds, a size in bytes; 0 if it is not
 * set, has no default or is of another kind.
 */
int64_t sb_settings_integer(const struct sb_settings *settings, const char *key)
{
	const struct sb_setting_value *value = find_value(settings, key);

	return value->text ? 0 : value->number;
}

/**
 * sb_settings_print() - a value as one writes it
 * @settings: the settings
 * @key: which; neither a secret nor a file
 * @ret: the text, the caller's
 *
 * Return: 0; -ENOENT: no such key, or it is not set and has no default; -ENOMEM.
 */
int sb_settings_print(const struct sb_settings *settings, const char *key, char **ret)
{
	const struct skybus_setting *row = sb_settings_row(settings, key);
	const struct sb_setting_value *value = find_value(settings, key);
	char number[48] = "";

	if (!row || (!value->text && !value->mentioned && !row->fallback))
		return -ENOENT;
	if (sb_kind_of(row)->is_text && !value->text)
		return -ENOENT;
	if (row->kind == SKYBUS_BOOLEAN)
		(void)snprintf(number, sizeof(number), "%s", value->number ? "yes" : "no");
	else if (!value->text)
		sb_kind_of(row)->print(value->number, number, sizeof(number));
	*ret = strdup(value->text ? value->text : number);

	return *ret ? 0 : -ENOMEM;
}

/**
 * sb_settings_secret() - the bytes of a secret or of a file
 * @settings: the settings
 * @key: which
 * @ret_len: how many; 0 if there are none
 *
 * Return: the bytes, lent until it is set again; NULL if it is not set or of another kind.
 */
const uint8_t *sb_settings_secret(const struct sb_settings *settings, const char *key,
				  size_t *ret_len)
{
	const struct sb_setting_value *value = find_value(settings, key);

	*ret_len = value->secret_len;

	return value->secret;
}

/**
 * sb_settings_set_source() - remember where the bytes of a secret or a file came from
 * @settings: the settings
 * @key: which; was set with sb_settings_set_secret()
 * @kind: SB_SOURCE_CREDENTIAL or SB_SOURCE_FILE
 * @name: of the credential, or the path of the file; copied
 *
 * It is for people only: settings whose bytes are the same are the same.
 *
 * Return: 0, or -ENOMEM.
 */
int sb_settings_set_source(struct sb_settings *settings, const char *key,
			   enum sb_setting_source kind, const char *name)
{
	const struct skybus_setting *row = sb_settings_row(settings, key);
	struct sb_setting_value *value = &settings->values[row - settings->rows];
	char *source = strdup(name);

	if (!source)
		return -ENOMEM;
	free(value->source);
	value->source = source;
	value->source_kind = kind;

	return 0;
}

/**
 * sb_settings_source() - where the bytes of a secret or a file came from
 * @settings: the settings
 * @key: which
 * @ret_name: the name of the credential, or the path of the file; lent until it is set again; NULL for none
 *
 * Return: SB_SOURCE_NONE if it is not set, is of another kind or was written down.
 */
enum sb_setting_source sb_settings_source(const struct sb_settings *settings, const char *key,
					  const char **ret_name)
{
	const struct sb_setting_value *value = find_value(settings, key);

	*ret_name = value->source;

	return value->source_kind;
}

/**
 * sb_settings_rows() - the table
 * @settings: the settings
 * @ret_n: how many rows it has
 *
 * Return: the first of them, lent.
 */
const struct skybus_setting *sb_settings_rows(const struct sb_settings *settings, size_t *ret_n)
{
	*ret_n = settings->n_rows;

	return settings->rows;
}

/* ---- comparing ---- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_value(const struct sb_setting_value *a, const struct sb_setting_value *b)
{
	if (a->number != b->number || !same_text(a->text, b->text) ||
	    a->secret_len != b->secret_len || !a->secret != !b->secret)
		return false;

	return a->secret_len == 0 || memcmp(a->secret, b->secret, a->secret_len) == 0;
}

/**
 * sb_settings_same() - is one value the same in both
 * @settings: the settings
 * @other: of the same table
 * @key: which
 *
 * A default counts as if it had been written down. Secrets and files are compared by their bytes.
 *
 * Return: whether it is; true if there is no such row.
 */
bool sb_settings_same(const struct sb_settings *settings, const struct sb_settings *other,
		      const char *key)
{
	return same_value(find_value(settings, key), find_value(other, key));
}

/**
 * sb_settings_equal() - are all values the same in both
 * @settings: the settings; may be NULL
 * @other: of whatever table; may be NULL
 *
 * Return: whether they are of one table and all the same, as sb_settings_same() sees it.
 */
bool sb_settings_equal(const struct sb_settings *settings, const struct sb_settings *other)
{
	if (!settings || !other)
		return settings == other;
	if (settings->rows != other->rows || settings->n_rows != other->n_rows)
		return false;
	for (size_t i = 0; i < settings->n_rows; i++)
		if (!same_value(&settings->values[i], &other->values[i]))
			return false;

	return true;
}
