/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/kind.h"
#include "daemon/settings.h"

/* The longest key, in bytes: sb_nearest_word() finds none that is longer. */
#define KEY_MAX 63

static bool is_key(const char *key)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	return key && key[0] >= 'a' && key[0] <= 'z' && strlen(key) <= KEY_MAX &&
	       key[strspn(key, allowed)] == '\0';
}

static bool has_bad_key(const struct skybus_setting *rows, size_t i)
{
	return !is_key(rows[i].key);
}

static bool has_key_twice(const struct skybus_setting *rows, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(rows[i].key, rows[j].key) == 0)
			return true;

	return false;
}

static bool has_unknown_kind(const struct skybus_setting *rows, size_t i)
{
	return !sb_kind_of(&rows[i]);
}

static bool has_no_help(const struct skybus_setting *rows, size_t i)
{
	return !rows[i].help || rows[i].help[0] == '\0';
}

static bool has_wrong_choices(const struct skybus_setting *rows, size_t i)
{
	struct sb_choices choices;

	if (rows[i].kind == SKYBUS_CHOICE)
		return sb_choices_split(rows[i].choices, &choices) < 0;

	return rows[i].choices;
}

static bool has_empty_range(const struct skybus_setting *rows, size_t i)
{
	int64_t least, most;

	sb_kind_bounds(&rows[i], &least, &most);

	return least > most;
}

static bool has_needless_default(const struct skybus_setting *rows, size_t i)
{
	return rows[i].fallback &&
	       ((rows[i].flags & SKYBUS_REQUIRED) || sb_kind_of(&rows[i])->is_bytes);
}

static bool has_wrong_default(const struct skybus_setting *rows, size_t i)
{
	int64_t value;

	return rows[i].fallback && sb_kind_parse(&rows[i], rows[i].fallback, &value) < 0;
}

/* In this order: each check relies on those before it. */
static const struct {
	bool (*fails)(const struct skybus_setting *rows, size_t i);
	const char *why;
} table_checks[] = {
	{ has_bad_key, "its key is not of the form [a-z][a-z0-9_]*, at most 63 bytes" },
	{ has_key_twice, "its key is there twice" },
	{ has_unknown_kind, "its kind is unknown" },
	{ has_no_help, "it has no help" },
	{ has_wrong_choices, "a choice needs \"one|two\" as choices, any other kind none" },
	{ has_empty_range, "its bounds leave no value" },
	{ has_needless_default, "a required setting, a secret or a file can have no default" },
	{ has_wrong_default, "its default is not a value it allows" },
};

/**
 * sb_settings_check_table() - is a table one that settings can be made from?
 * @rows: the table, perhaps a plugin's; NULL when there are none
 * @n_rows: how many
 * @ret_why: set on failure: which row, and what is wrong with it
 * @why_size: of @ret_why
 *
 * Return: 0; -EINVAL: it is not.
 */
int sb_settings_check_table(const struct skybus_setting *rows, size_t n_rows, char *ret_why,
			    size_t why_size)
{
	for (size_t i = 0; i < n_rows; i++) {
		for (size_t j = 0; j < SB_ELEMENTS(table_checks); j++) {
			if (!table_checks[j].fails(rows, i))
				continue;
			(void)snprintf(ret_why, why_size, "setting %zu (%.63s): %s", i + 1,
				       rows[i].key ? rows[i].key : "without key",
				       table_checks[j].why);
			return -EINVAL;
		}
	}

	return 0;
}
