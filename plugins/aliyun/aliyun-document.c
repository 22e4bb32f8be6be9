/* SPDX-License-Identifier: Apache-2.0 */
#include <cbor.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/aliyun/aliyun-document.h"
#include "skybus/plugin.h"

/* In one document; libcbor, and the conversion below, call themselves once for each level. */
#define CONTAINERS_MAX 64

/* The initial byte of a data item, RFC 8949 section 3. */
#define MAJOR(byte) ((byte) >> 5)
#define INFO(byte) ((byte) % 32)
#define MAJOR_BYTES 2
#define MAJOR_TEXT 3
#define MAJOR_ARRAY 4
#define MAJOR_MAP 5
#define MAJOR_TAG 6
#define INFO_ONE_BYTE 24 /* below it is the count itself; here the count is in one byte, */
#define INFO_TWO_BYTES 25 /* here in two */
#define INFO_INDEFINITE 31

/* ---- reading CBOR ---- */

/* struct budget - what the containers of a document may still announce: a member has a byte at least */
struct budget {
	size_t members;
	unsigned int containers;
};

/* Of a container of known size; SIZE_MAX for what is larger than any that Aliyun sends. */
static size_t count_of(const uint8_t *head, size_t len)
{
	uint8_t info = INFO(head[0]);

	if (info < INFO_ONE_BYTE)
		return info;
	if (info == INFO_ONE_BYTE && len >= 2)
		return head[1];
	if (info == INFO_TWO_BYTES && len >= 3)
		return (size_t)head[1] << 8 | head[2];

	return SIZE_MAX;
}

static bool container_is_modest(const uint8_t *head, size_t len, struct budget *budget)
{
	size_t per_member = MAJOR(head[0]) == MAJOR_MAP ? 2 : 1;
	size_t count;

	if (budget->containers-- == 0)
		return false;
	if (INFO(head[0]) == INFO_INDEFINITE)
		return true;
	count = count_of(head, len);
	if (count > budget->members / per_member)
		return false;
	budget->members -= count * per_member;

	return true;
}

static bool head_is_modest(const uint8_t *head, size_t len, struct budget *budget)
{
	switch (MAJOR(head[0])) {
	case MAJOR_TAG:
		return false;
	case MAJOR_BYTES:
	case MAJOR_TEXT:
		return INFO(head[0]) != INFO_INDEFINITE;
	case MAJOR_ARRAY:
	case MAJOR_MAP:
		return container_is_modest(head, len, budget);
	default:
		return true;
	}
}

/* libcbor allocates whatever a container announces, and nests without end: so look before it does. */
static bool is_modest(const uint8_t *data, size_t len)
{
	struct budget budget = { .members = len, .containers = CONTAINERS_MAX };
	struct cbor_decoder_result item;

	for (size_t at = 0; at < len; at += item.read) {
		if (!head_is_modest(data + at, len - at, &budget))
			return false;
		item = cbor_stream_decode(data + at, len - at, &cbor_empty_callbacks, NULL);
		if (item.status != CBOR_DECODER_FINISHED)
			return false;
	}

	return true;
}

static json_t *from_cbor(const cbor_item_t *item);

static json_t *from_integer(const cbor_item_t *item)
{
	uint64_t value = cbor_get_int(item);
	bool negative = cbor_isa_negint(item);

	/* Beyond what jansson has for integers. */
	if (value > INT64_MAX)
		return json_real(negative ? -1.0 - (double)value : (double)value);

	return json_integer(negative ? -1 - (json_int_t)value : (json_int_t)value);
}

/*
 * Numbers with a fraction, true, false and null have one major type. cbor_is_bool() and cbor_is_null() end
 * the program when they are given a number. What JSON has not, such as infinity, becomes null.
 */
static json_t *from_float_or_simple(const cbor_item_t *item)
{
	json_t *real;

	if (!cbor_float_ctrl_is_ctrl(item)) {
		real = json_real(cbor_float_get_float(item));
		return real ? real : json_null();
	}
	switch (cbor_ctrl_value(item)) {
	case CBOR_CTRL_FALSE:
		return json_false();
	case CBOR_CTRL_TRUE:
		return json_true();
	default:
		return json_null();
	}
}

static json_t *from_array(const cbor_item_t *item)
{
	cbor_item_t **members = cbor_array_handle(item);
	json_t *array = json_array();

	for (size_t i = 0; i < cbor_array_size(item); i++)
		(void)json_array_append_new(array, from_cbor(members[i]));

	return array;
}

static json_t *from_map(const cbor_item_t *item)
{
	const struct cbor_pair *pairs = cbor_map_handle(item);
	json_t *object = json_object();

	for (size_t i = 0; i < cbor_map_size(item); i++) {
		json_auto_t *key = from_cbor(pairs[i].key);

		/* Aliyun's keys are texts; json_object_set_new() takes no others, and frees the value. */
		if (json_is_string(key))
			(void)json_object_set_new(object, json_string_value(key),
						  from_cbor(pairs[i].value));
	}

	return object;
}

/* Bytes become a text that may be none. NULL without memory, or for a text that is not UTF-8. */
static json_t *from_cbor(const cbor_item_t *item)
{
	if (cbor_isa_uint(item) || cbor_isa_negint(item))
		return from_integer(item);
	if (cbor_isa_string(item) && cbor_string_is_definite(item))
		return json_stringn((const char *)cbor_string_handle(item),
				    cbor_string_length(item));
	if (cbor_isa_bytestring(item) && cbor_bytestring_is_definite(item))
		return json_stringn_nocheck((const char *)cbor_bytestring_handle(item),
					    cbor_bytestring_length(item));
	if (cbor_isa_array(item))
		return from_array(item);
	if (cbor_isa_map(item))
		return from_map(item);
	if (cbor_isa_float_ctrl(item))
		return from_float_or_simple(item);

	return json_null();
}

/* A document with an integer beyond 64 bits is read, too: all its integers are reals then. */
static json_t *read_json(const char *text, size_t len)
{
	json_t *document = json_loadb(text, len, JSON_ALLOW_NUL, NULL);

	return document ? document
			: json_loadb(text, len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}

static json_t *read_cbor(const uint8_t *data, size_t len)
{
	struct cbor_load_result result;
	cbor_item_t *item;
	json_t *document;

	if (len == 0 || !is_modest(data, len))
		return NULL;
	item = cbor_load(data, len, &result);
	if (!item)
		return NULL;
	document = result.read == len ? from_cbor(item) : NULL;
	cbor_decref(&item);

	return document;
}

/**
 * aliyun_document_read() - what the cloud sent
 * @format: SKYBUS_FORMAT_CBOR; anything else is read as JSON
 * @data: @len bytes; may be NULL when there are none
 * @len: bytes
 *
 * Return: the document, the caller's; NULL if it is none, or without memory.
 */
json_t *aliyun_document_read(uint32_t format, const uint8_t *data, size_t len)
{
	if (format == SKYBUS_FORMAT_CBOR)
		return read_cbor(data, len);

	return len > 0 ? read_json((const char *)data, len) : NULL;
}

/* ---- writing ---- */

static size_t write_text(const char *text, size_t len, unsigned char *buffer, size_t size)
{
	size_t head = cbor_encode_string_start(len, buffer, size);

	if (head == 0 || size - head < len)
		return 0;
	if (len > 0)
		memcpy(buffer + head, text, len);

	return head + len;
}

static size_t cbor_size(const json_t *object)
{
	const size_t head = 9; /* at most, RFC 8949 section 3 */
	size_t size = head;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		size += 2 * head + strlen(key) + json_string_length(value);

	return size;
}

static int write_cbor(const json_t *object, char **ret_data, size_t *ret_len)
{
	size_t size = cbor_size(object);
	unsigned char *buffer = malloc(size);
	size_t len;
	const char *key;
	json_t *value;

	if (!buffer)
		return -ENOMEM;
	len = cbor_encode_map_start(json_object_size(object), buffer, size);
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		len += write_text(key, strlen(key), buffer + len, size - len);
		len += write_text(json_string_value(value), json_string_length(value), buffer + len,
				  size - len);
	}
	*ret_data = (char *)buffer;
	*ret_len = len;

	return 0;
}

/**
 * aliyun_document_write() - what the cloud is sent
 * @format: SKYBUS_FORMAT_CBOR; anything else is written as JSON
 * @object: every value of it is a text
 * @ret_data: the caller's to free(); no zero follows
 * @ret_len: bytes
 *
 * Return: 0, or -ENOMEM.
 */
int aliyun_document_write(uint32_t format, const json_t *object, char **ret_data, size_t *ret_len)
{
	char *text;

	if (format == SKYBUS_FORMAT_CBOR)
		return write_cbor(object, ret_data, ret_len);
	text = json_dumps(object, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	*ret_data = text;
	*ret_len = strlen(text);

	return 0;
}

/* ---- members ---- */

/**
 * aliyun_document_text() - a text that the cloud made for machines: a token, a secret
 * @object: may be NULL, or no object
 * @key: which
 * @max_len: bytes
 *
 * Return: lent with @object; NULL if there is none, or it is empty, too long, or not printable ASCII.
 */
const char *aliyun_document_text(const json_t *object, const char *key, size_t max_len)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	if (!text || len == 0 || len > max_len)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return NULL;
	}

	return text;
}

/**
 * aliyun_document_is_utf8() - is it a text, and no bytes
 * @text: may be NULL, or no string
 *
 * Return: whether.
 */
bool aliyun_document_is_utf8(const json_t *text)
{
	json_auto_t *checked = json_is_string(text) ? json_stringn(json_string_value(text),
								   json_string_length(text))
						    : NULL;

	return checked != NULL;
}

/**
 * aliyun_document_wipe() - overwrite a text that was a secret
 * @object: about to be freed; may be NULL, or no object
 * @key: which
 */
void aliyun_document_wipe(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	char *text = (char *)(uintptr_t)json_string_value(value);

	if (text)
		gnutls_memset(text, 0, json_string_length(value));
}

/* ---- JSON as it is written ---- */

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;

	return at;
}

static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++) {
		if (*at == '\\')
			at++;
	}

	return at < end ? at + 1 : end;
}

static const char *skip_word(const char *at, const char *end)
{
	while (at < end && *at != ',' && *at != ']' && *at != '}' && skip_space(at, end) == at)
		at++;

	return at;
}

/* A string, a number or a word; or a container, to the bracket that closes it. */
static const char *skip_value(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
		} else if (*at == '{' || *at == '[') {
			depth++;
			at++;
		} else if (depth > 0) {
			depth -= *at == '}' || *at == ']';
			at++;
		} else {
			return skip_word(at, end);
		}
		if (depth == 0)
			return at;
	}

	return end;
}

/**
 * aliyun_walk_begin() - go along the members of a container
 * @walk: begins
 * @container: an object or an array in JSON, and well formed; or an empty piece, which has no members
 */
void aliyun_walk_begin(struct aliyun_walk *walk, const struct aliyun_piece *container)
{
	const char *end, *at;

	if (container->len == 0) {
		*walk = (struct aliyun_walk){ 0 };
		return;
	}
	end = container->text + container->len;
	at = skip_space(container->text, end);
	*walk = (struct aliyun_walk){
		.at = at < end ? at + 1 : end,
		.end = end,
		.has_keys = at < end && *at == '{',
	};
}

/**
 * aliyun_walk_next() - the next member
 * @walk: begun
 * @ret_key: of an object; as it is written, with its quotes; may be NULL
 * @ret_value: as it is written, without the space around it
 *
 * Return: whether there was one.
 */
bool aliyun_walk_next(struct aliyun_walk *walk, struct aliyun_piece *ret_key,
		      struct aliyun_piece *ret_value)
{
	const char *at = skip_space(walk->at, walk->end);
	const char *key;

	if (at < walk->end && *at == ',')
		at = skip_space(at + 1, walk->end);
	if (at == walk->end || *at == '}' || *at == ']')
		return false;
	if (walk->has_keys) {
		key = at;
		at = skip_string(at, walk->end);
		if (ret_key)
			*ret_key = (struct aliyun_piece){ key, (size_t)(at - key) };
		at = skip_space(at, walk->end);
		if (at < walk->end)
			at = skip_space(at + 1, walk->end); /* behind the colon */
	}
	walk->at = skip_value(at, walk->end);
	*ret_value = (struct aliyun_piece){ at, (size_t)(walk->at - at) };

	return true;
}
