/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <string.h>

#include "ctl/body.h"

static int read_value(sd_bus_message *message, json_t **ret);

/* jansson returns NULL for text that is not UTF-8 as well as without memory. */
static int made(json_t *value, json_t **ret)
{
	if (!value)
		return -ENOMEM;
	*ret = value;

	return 1;
}

/**
 * ctl_body_payload() - bytes as JSON
 * @payload: the bytes; may be NULL if @size is 0
 * @size: how many
 * @ret: on success a new reference
 *
 * Return: 1, or -ENOMEM.
 */
int ctl_body_payload(const void *payload, size_t size, json_t **ret)
{
	gnutls_datum_t bytes = { .data = (unsigned char *)payload, .size = (unsigned int)size };
	gnutls_datum_t text = { .data = NULL };
	json_t *value = NULL;

	if (size == 0)
		return made(json_string(""), ret);
	if (!memchr(payload, 0, size))
		value = json_stringn(payload, size);
	if (value)
		return made(value, ret);

	if (gnutls_base64_encode2(&bytes, &text) < 0)
		return -ENOMEM;
	value = json_pack("{s:s%}", "base64", text.data, (size_t)text.size);
	gnutls_free(text.data);

	return made(value, ret);
}

static int read_payload(sd_bus_message *message, json_t **ret)
{
	const void *payload;
	size_t size;
	int r;

	r = sd_bus_message_read_array(message, 'y', &payload, &size);

	return r < 0 ? r : ctl_body_payload(payload, size, ret);
}

static int read_items(sd_bus_message *message, json_t *items)
{
	json_t *item;
	int r;

	while ((r = read_value(message, &item)) > 0)
		if (json_array_append_new(items, item) < 0)
			return -ENOMEM;

	return r;
}

/* Keys are strings, or paths of objects. */
static int read_entries(sd_bus_message *message, json_t *object, const char *entry)
{
	json_t *value;
	const char *key;
	int r;

	if (!strchr("sog", entry[0]))
		return -EBADMSG;
	while ((r = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, entry)) > 0) {
		r = sd_bus_message_read_basic(message, entry[0], &key);
		if (r >= 0)
			r = read_value(message, &value);
		if (r >= 0 && json_object_set_new(object, key, value) < 0)
			r = -ENOMEM;
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}

	return r;
}

static int read_container(sd_bus_message *message, char type, const char *contents, json_t **ret)
{
	bool dictionary = type == SD_BUS_TYPE_ARRAY && contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN;
	CTL_CLEANUP(json_decref) json_t *value = dictionary ? json_object() : json_array();
	char entry[64];
	int r;

	if (!value)
		return -ENOMEM;
	r = sd_bus_message_enter_container(message, type, contents);
	if (r < 0)
		return r;
	if (dictionary) {
		/* Without the braces. */
		(void)snprintf(entry, sizeof(entry), "%.*s", (int)strlen(contents) - 2,
			       contents + 1);
		r = read_entries(message, value, entry);
	} else {
		r = read_items(message, value);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	if (r < 0)
		return r;
	if (type == SD_BUS_TYPE_VARIANT)
		*ret = json_incref(json_array_get(value, 0));
	else
		*ret = json_incref(value);

	return 1;
}

/* A basic value is at most as large as these. */
union basic {
	const char *text;
	uint8_t byte;
	int boolean;
	int16_t i16;
	uint16_t u16;
	int32_t i32;
	uint32_t u32;
	int64_t i64;
	uint64_t u64;
	double number;
};

static json_t *json_of(char type, const union basic *value)
{
	switch (type) {
	case SD_BUS_TYPE_BYTE:
		return json_integer(value->byte);
	case SD_BUS_TYPE_BOOLEAN:
		return json_boolean(value->boolean);
	case SD_BUS_TYPE_INT16:
		return json_integer(value->i16);
	case SD_BUS_TYPE_UINT16:
		return json_integer(value->u16);
	case SD_BUS_TYPE_INT32:
		return json_integer(value->i32);
	case SD_BUS_TYPE_UINT32:
		return json_integer(value->u32);
	case SD_BUS_TYPE_INT64:
		return json_integer(value->i64);
	case SD_BUS_TYPE_UINT64:
		/* Nothing that the daemon counts comes near the end of what JSON's integers have here. */
		return json_integer((json_int_t)value->u64);
	case SD_BUS_TYPE_DOUBLE:
		return json_real(value->number);
	default:
		return json_string(value->text);
	}
}

/* Return: 1 and a value, 0 at the end of the container, or a negative errno. */
static int read_value(sd_bus_message *message, json_t **ret)
{
	union basic basic;
	const char *contents;
	char type;
	int r;

	r = sd_bus_message_peek_type(message, &type, &contents);
	if (r <= 0)
		return r;
	if (type == SD_BUS_TYPE_ARRAY && strcmp(contents, "y") == 0)
		return read_payload(message, ret);
	if (type == SD_BUS_TYPE_ARRAY || type == SD_BUS_TYPE_STRUCT || type == SD_BUS_TYPE_VARIANT)
		return read_container(message, type, contents, ret);
	if (type == SD_BUS_TYPE_UNIX_FD)
		return -EBADMSG;

	r = sd_bus_message_read_basic(message, type, &basic);

	return r < 0 ? r : made(json_of(type, &basic), ret);
}

/**
 * ctl_body() - all arguments of a message, as a JSON array
 * @message: read from where it stands
 * @ret: on success a new reference
 *
 * Return: 0, or a negative errno: -ENOMEM; -EBADMSG and the like for what JSON has no place for.
 */
int ctl_body(sd_bus_message *message, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *values = json_array();
	int r;

	if (!values)
		return -ENOMEM;
	r = read_items(message, values);
	if (r < 0)
		return r;
	*ret = json_incref(values);

	return 0;
}
