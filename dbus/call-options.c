/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/kind.h"
#include "dbus/call-options.h"

static int refuse_key(const char *method, const struct skybus_setting *rows, size_t n,
		      const char *key, struct sb_error *ret_error)
{
	char list[160] = "";
	size_t used = 0;
	size_t i;

	for (i = 0; i < n && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s\"%s\"",
					 i > 0 ? ", " : "", rows[i].key);

	return sb_error_set(ret_error, SB_ERROR_INVALID_OPTION,
			    "%s has no option \"%.64s\", only %s", method, key, list);
}

static int refuse_value(const struct skybus_setting *row, const char *text,
			struct sb_error *ret_error)
{
	char expected[256];

	sb_kind_expected(row, expected, sizeof(expected));

	return sb_error_set(ret_error, SB_ERROR_INVALID_OPTION,
			    "the option \"%s\" is \"%.64s\": write %s", row->key, text, expected);
}

static size_t find_row(const struct skybus_setting *rows, size_t n, const char *key)
{
	size_t i = 0;

	while (i < n && strcmp(rows[i].key, key) != 0)
		i++;

	return i;
}

/**
 * sb_call_options_read() - read the options that a caller gives
 * @call: the method call, where its options come next
 * @rows: the options that there are
 * @n: how many
 * @values: one for each row; those of options that are not given stay as they are
 * @ret_error: says which option is wrong and what may be written
 *
 * Return: 0, or a negative errno with @ret_error; @values may have changed then.
 */
int sb_call_options_read(sd_bus_message *call, const struct skybus_setting *rows, size_t n,
			 int64_t *values, struct sb_error *ret_error)
{
	const char *method = sd_bus_message_get_member(call);
	uint32_t given = 0;
	const char *value;
	const char *key;
	size_t i;
	int r;

	assert(n <= SB_CALL_OPTIONS_MAX);
	r = sd_bus_message_enter_container(call, SD_BUS_TYPE_ARRAY, "{ss}");
	while (r >= 0 && (r = sd_bus_message_read(call, "{ss}", &key, &value)) > 0) {
		i = find_row(rows, n, key);
		if (i == n)
			return refuse_key(method, rows, n, key, ret_error);
		if (given & (UINT32_C(1) << i))
			return sb_error_set(ret_error, SB_ERROR_INVALID_OPTION,
					    "the option \"%s\" is given twice: give it once", key);
		given |= UINT32_C(1) << i;
		if (sb_kind_parse(&rows[i], value, &values[i]) < 0)
			return refuse_value(&rows[i], value, ret_error);
	}
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_INVALID_OPTION,
				    "the options of %s cannot be read: %s", method, strerror(-r));

	return 0;
}
