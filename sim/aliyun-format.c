/* SPDX-License-Identifier: Apache-2.0 */
#include <cbor.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "sim/aliyun-format.h"
#include "sim/cleanup.h"

/** The deepest nesting that is read or written. */
#define DEPTH_MAX 16

static inline void sim_cbor_decref_cleanup(cbor_item_t **item)
{
	if (*item)
		cbor_decref(item);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static json_t *text_of(const cbor_item_t *item)
{
	if (!cbor_isa_string(item) || !cbor_string_is_definite(item))
		return NULL;

	return json_stringn((const char *)cbor_string_handle(item), cbor_string_length(item));
}

static json_t *value_of(const cbor_item_t *item, unsigned int depth);

static bool read_pair(json_t *object, const struct cbor_pair *pair, unsigned int depth)
{
	json_auto_t *key = text_of(pair->key), *value = value_of(pair->value, depth);
	const char *name = json_string_value(key);

	if (!name || !value || strlen(name) != json_string_length(key) ||
	    json_object_get(object, name))
		return false;

	return json_object_set(object, name, value) == 0;
}

static json_t *object_of(const cbor_item_t *map, unsigned int depth)
{
	json_auto_t *object = json_object();

	for (size_t i = 0; i < cbor_map_size(map); i++)
		if (!read_pair(object, &cbor_map_handle(map)[i], depth))
			return NULL;

	return json_incref(object);
}

static json_t *list_of(const cbor_item_t *array, unsigned int depth)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < cbor_array_size(array); i++)
		if (json_array_append_new(list, value_of(cbor_array_handle(array)[i], depth)) < 0)
			return NULL;

	return json_incref(list);
}

/* libcbor's cbor_is_bool() and cbor_is_null() end the program when they are given a real number. */
static json_t *control_of(const cbor_item_t *item)
{
	switch (cbor_ctrl_value(item)) {
	case CBOR_CTRL_FALSE:
		return json_false();
	case CBOR_CTRL_TRUE:
		return json_true();
	case CBOR_CTRL_NULL:
		return json_null();
	default:
		return NULL;
	}
}

static json_t *simple_of(const cbor_item_t *item)
{
	if (cbor_isa_uint(item) && cbor_get_int(item) <= INT64_MAX)
		return json_integer((json_int_t)cbor_get_int(item));
	if (cbor_isa_negint(item) && cbor_get_int(item) <= INT64_MAX)
		return json_integer(-1 - (json_int_t)cbor_get_int(item));
	if (cbor_isa_float_ctrl(item) && !cbor_float_ctrl_is_ctrl(item))
		return json_real(cbor_float_get_float(item));
	if (cbor_isa_float_ctrl(item))
		return control_of(item);

	return text_of(item);
}

static json_t *value_of(const cbor_item_t *item, unsigned int depth)
{
	if (depth == 0)
		return NULL;
	if (cbor_isa_map(item))
		return object_of(item, depth - 1);
	if (cbor_isa_array(item))
		return list_of(item, depth - 1);

	return simple_of(item);
}

static json_t *read_cbor(const uint8_t *bytes, size_t len)
{
	SIM_CLEANUP(cbor_decref) cbor_item_t *root = NULL;
	struct cbor_load_result result;

	root = cbor_load(bytes, len, &result);
	if (!root || result.read != len || !cbor_isa_map(root))
		return NULL;

	return value_of(root, DEPTH_MAX);
}

/**
 * sim_format_read() - read what a device sent
 * @format: in which it did; in CBOR, keys are texts, and what JSON has not is refused
 * @bytes: as it came
 * @len: its length
 *
 * Return: an object, the caller's; NULL when it is none, when a key comes twice, without memory.
 */
json_t *sim_format_read(enum sim_format format, const uint8_t *bytes, size_t len)
{
	json_auto_t *root = NULL;

	if (format == SIM_FORMAT_CBOR)
		return read_cbor(bytes, len);

	root = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);

	return json_is_object(root) ? json_incref(root) : NULL;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static cbor_item_t *item_of(const json_t *value, unsigned int depth);

static cbor_item_t *map_of(const json_t *object, unsigned int depth)
{
	SIM_CLEANUP(cbor_decref) cbor_item_t *map = NULL;
	json_t *lent = (json_t *)(uintptr_t)object, *value;
	cbor_item_t *whole;
	const char *key;

	map = cbor_new_definite_map(json_object_size(object));
	if (!map)
		return NULL;

	json_object_foreach(lent, key, value) {
		SIM_CLEANUP(cbor_decref) cbor_item_t *name = cbor_build_string(key);
		SIM_CLEANUP(cbor_decref) cbor_item_t *item = item_of(value, depth);

		if (!name || !item ||
		    !cbor_map_add(map, (struct cbor_pair){ .key = name, .value = item }))
			return NULL;
	}
	whole = map;
	map = NULL;

	return whole;
}

static cbor_item_t *array_of(const json_t *array, unsigned int depth)
{
	SIM_CLEANUP(cbor_decref) cbor_item_t *items = NULL;
	cbor_item_t *whole;

	items = cbor_new_definite_array(json_array_size(array));
	if (!items)
		return NULL;

	for (size_t i = 0; i < json_array_size(array); i++) {
		SIM_CLEANUP(cbor_decref) cbor_item_t *item = NULL;

		item = item_of(json_array_get(array, i), depth);
		if (!item || !cbor_array_push(items, item))
			return NULL;
	}
	whole = items;
	items = NULL;

	return whole;
}

static cbor_item_t *item_of(const json_t *value, unsigned int depth)
{
	if (depth == 0)
		return NULL;
	if (json_is_object(value))
		return map_of(value, depth - 1);
	if (json_is_array(value))
		return array_of(value, depth - 1);
	if (json_is_string(value))
		return cbor_build_stringn(json_string_value(value), json_string_length(value));
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		return cbor_build_uint64((uint64_t)json_integer_value(value));

	return NULL;
}

static int write_cbor(const json_t *root, uint8_t **ret_bytes, size_t *ret_len)
{
	SIM_CLEANUP(cbor_decref) cbor_item_t *item = item_of(root, DEPTH_MAX);
	unsigned char *bytes = NULL;
	size_t size = 0, len;

	len = item ? cbor_serialize_alloc(item, &bytes, &size) : 0;
	if (len == 0)
		return -ENOMEM;
	*ret_bytes = bytes;
	*ret_len = len;

	return 0;
}

/**
 * sim_format_write() - write what a device is told
 * @format: in which
 * @root: objects, arrays, texts and numbers from 0; an object or array in the first place
 * @ret_bytes: the caller's to free
 * @ret_len: how many
 *
 * Return: 0; -ENOMEM.
 */
int sim_format_write(enum sim_format format, const json_t *root, uint8_t **ret_bytes,
		     size_t *ret_len)
{
	char *text;

	if (format == SIM_FORMAT_CBOR)
		return write_cbor(root, ret_bytes, ret_len);

	text = json_dumps(root, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	*ret_bytes = (uint8_t *)text;
	*ret_len = strlen(text);

	return 0;
}
