/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON and CBOR as the plugin aliyun reads and writes them, with whatever a hostile cloud may send.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "plugins/aliyun/aliyun-document.h"
#include "skybus/plugin.h"

#define NESTING 60000

/* RFC 8949 appendix A would write it so: {"token": "abc", "n": 1, "m": -1, "a": [1, {}]}. */
static const uint8_t sample[] = "\xa4\x65token\x63"
				"abc\x61n\x01\x61m\x20\x61"
				"a\x82\x01\xa0";

static json_t *read_cbor(const void *data, size_t len)
{
	uint8_t *exact = malloc(len + 1);
	json_t *document;

	assert_non_null(exact);
	/* So that AddressSanitizer sees who reads beyond. */
	exact = realloc(exact, len > 0 ? len : 1);
	memcpy(exact, data, len);
	document = aliyun_document_read(SKYBUS_FORMAT_CBOR, exact, len);
	free(exact);

	return document;
}

static void test_read_cbor(void **state)
{
	json_t *document = read_cbor(sample, sizeof(sample) - 1);
	char *text = json_dumps(document, JSON_COMPACT);

	(void)state;
	assert_string_equal(text, "{\"token\":\"abc\",\"n\":1,\"m\":-1,\"a\":[1,{}]}");
	free(text);
	json_decref(document);
}

/* As Java's usual encoder writes objects: without telling their size before. */
static void test_read_cbor_indefinite(void **state)
{
	static const uint8_t data[] = "\xbf\x65token\x63"
				      "abc\xff";
	json_t *document = read_cbor(data, sizeof(data) - 1);

	(void)state;
	assert_string_equal(aliyun_document_text(document, "token", 3), "abc");
	json_decref(document);
}

static void test_read_cbor_truncated(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(sample) - 1; len++)
		assert_null(read_cbor(sample, len));
}

static void test_read_cbor_any_byte(void **state)
{
	uint8_t data[sizeof(sample) - 1];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++) {
		for (unsigned int byte = 0; byte < 256; byte++) {
			memcpy(data, sample, sizeof(data));
			data[i] = (uint8_t)byte;
			json_decref(read_cbor(data, sizeof(data)));
		}
	}
}

static void test_read_cbor_hostile(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} cases[] = {
		{ "\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9 }, /* an array of 2^64 - 1 */
		{ "\xbb\x00\xff\xff\xff\xff\xff\xff\xff", 9 },
		{ "\x9a\x7f\xff\xff\xff", 5 },
		{ "\x7b\xff\xff\xff\xff\xff\xff\xff\xff", 9 }, /* a text of as many bytes */
		{ "\x5f\x41\x61\xff", 4 }, /* in pieces */
		{ "\xc1\xc1\xc1\x00", 4 }, /* tags */
		{ "\xff", 1 },
		{ "\xa1\xff", 2 },
		{ "\xbf\x61\x61\xff", 4 }, /* a key without a value */
		{ "\x01\x01", 2 }, /* two documents */
		{ "\x61\xff", 2 }, /* a text that is not UTF-8 */
		{ "\x1c", 1 }, /* reserved */
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		json_t *document = read_cbor(cases[i].data, cases[i].len);

		if (document)
			fail_msg("case %zu was read", i);
	}
}

/* What a cloud may send that Aliyun does not: floats, infinity, simple values, numbers of any size. */
static void test_read_cbor_floats(void **state)
{
	static const struct {
		const char *data; /* one member of an array */
		size_t len;
		const char *text;
	} cases[] = {
		{ "\xf9\x3e\x00", 3, "[1.5]" },
		{ "\xfa\x3f\xc0\x00\x00", 5, "[1.5]" },
		{ "\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9, "[1.5]" },
		{ "\xf9\x7c\x00", 3, "[null]" }, /* infinity */
		{ "\xfb\x7f\xf8\x00\x00\x00\x00\x00\x00", 9, "[null]" }, /* no number */
		{ "\xf4", 1, "[false]" },
		{ "\xf5", 1, "[true]" },
		{ "\xf6", 1, "[null]" },
		{ "\xf7", 1, "[null]" }, /* undefined */
		{ "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 9, "[1.8446744073709552e19]" },
		{ "\x3b\xff\xff\xff\xff\xff\xff\xff\xff", 9, "[-1.8446744073709552e19]" },
		{ "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", 9, "[-9223372036854775808]" },
		{ "\x42on", 3, "[\"on\"]" },
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		char data[16] = "\x81";
		json_t *document;
		char *text;

		memcpy(data + 1, cases[i].data, cases[i].len);
		document = read_cbor(data, 1 + cases[i].len);
		text = json_dumps(document, JSON_COMPACT);
		assert_non_null(text);
		assert_string_equal(text, cases[i].text);
		free(text);
		json_decref(document);
	}
}

/* What is announced has to be there: else a few bytes would make libcbor allocate without end. */
static void test_read_cbor_announced(void **state)
{
	static const uint8_t heads[] = { 0x98, 0xb8, 0x99, 0xb9 }; /* arrays and maps */
	uint8_t data[3 + 2 * 255];

	(void)state;
	for (size_t i = 0; i < sizeof(heads); i++) {
		bool is_map = heads[i] & 0x20;
		size_t head_len = i < 2 ? 2 : 3;
		size_t len = head_len + (is_map ? 2 : 1) * 255;
		json_t *document;

		memset(data, 0x00, sizeof(data));
		data[0] = heads[i];
		data[head_len - 1] = 255;
		document = read_cbor(data, len);
		assert_non_null(document);
		assert_int_equal(json_array_size(document), is_map ? 0 : 255);
		json_decref(document);
		assert_null(read_cbor(data, len - 1));
		/* 65535, or one byte of length that is not there */
		memset(data + 1, 0xff, head_len - 1);
		assert_null(read_cbor(data, i < 2 ? 1 : len));
	}
}

/* ---- JSON as it is written ---- */

static void test_walk(void **state)
{
	static const char text[] =
		" {\"a\" : [1, {\"b\":\"]\\\\\"}] ,\n\"c\":-1.50e3,\"\":\"x\\\",\", "
		"\"d\":{ } }";
	static const struct {
		const char *key;
		const char *value;
	} members[] = {
		{ "\"a\"", "[1, {\"b\":\"]\\\\\"}]" },
		{ "\"c\"", "-1.50e3" },
		{ "\"\"", "\"x\\\",\"" },
		{ "\"d\"", "{ }" },
	};
	const struct aliyun_piece whole = { text, sizeof(text) - 1 };
	struct aliyun_walk walk;
	struct aliyun_piece key;
	struct aliyun_piece value;

	(void)state;
	aliyun_walk_begin(&walk, &whole);
	for (size_t i = 0; i < SB_ELEMENTS(members); i++) {
		assert_true(aliyun_walk_next(&walk, &key, &value));
		assert_int_equal(key.len, strlen(members[i].key));
		assert_memory_equal(key.text, members[i].key, key.len);
		assert_int_equal(value.len, strlen(members[i].value));
		assert_memory_equal(value.text, members[i].value, value.len);
	}
	assert_false(aliyun_walk_next(&walk, &key, &value));
	assert_false(aliyun_walk_next(&walk, &key, &value));
}

/* It is only given what is well formed. But if it were not, it ends, and within the text. */
static void test_walk_truncated(void **state)
{
	static const char text[] = "{\"a\":[1,{\"b\":\"\\\"\"}],\"c\":-1.5, \"d\" : true}";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		char *exact = malloc(len + 1);
		struct aliyun_piece whole = { exact, len };
		struct aliyun_piece key;
		struct aliyun_piece value;
		struct aliyun_walk walk;
		unsigned int n = 0;

		assert_non_null(exact);
		exact = realloc(exact, len > 0 ? len : 1);
		whole.text = exact;
		memcpy(exact, text, len);
		aliyun_walk_begin(&walk, &whole);
		while (aliyun_walk_next(&walk, &key, &value)) {
			assert_true(value.text + value.len <= exact + len);
			assert_true(++n <= len);
		}
		free(exact);
	}
}

/* Well formed, or not closed; deeper than we need, and than any stack. */
static void test_read_nested(void **state)
{
	static const char brackets[] = { '\x81', '\x9f', '[' };
	static const size_t depths[] = { 100, NESTING };
	char *data = malloc(NESTING);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < sizeof(brackets); i++) {
		for (size_t j = 0; j < SB_ELEMENTS(depths); j++) {
			memset(data, brackets[i], NESTING);
			data[depths[j] - 1] = 0;
			assert_null(aliyun_document_read(i == 2 ? SKYBUS_FORMAT_JSON
								: SKYBUS_FORMAT_CBOR,
							 (uint8_t *)data, depths[j]));
		}
	}
	free(data);
}

static void test_write(void **state)
{
	static const uint8_t expected[] = "\xa2\x61"
					  "a\x63"
					  "bcd\x61"
					  "e\x60";
	json_t *object = json_pack("{s:s, s:s}", "a", "bcd", "e", "");
	char *data;
	size_t len;

	(void)state;
	assert_int_equal(aliyun_document_write(SKYBUS_FORMAT_CBOR, object, &data, &len), 0);
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(data, expected, len);
	free(data);
	assert_int_equal(aliyun_document_write(SKYBUS_FORMAT_JSON, object, &data, &len), 0);
	assert_int_equal(len, strlen("{\"a\":\"bcd\",\"e\":\"\"}"));
	assert_memory_equal(data, "{\"a\":\"bcd\",\"e\":\"\"}", len);
	free(data);
	json_decref(object);
}

/* Lengths around those where the head of a CBOR text grows. */
static void test_write_and_read(void **state)
{
	static const size_t lens[] = { 0, 1, 23, 24, 255, 256, 70000 };

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(lens); i++) {
		char *text = calloc(1, lens[i] + 1);
		json_t *object;
		json_t *again;
		char *data;
		size_t len;

		assert_non_null(text);
		memset(text, 'x', lens[i]);
		object = json_pack("{s:s}", "key", text);
		assert_int_equal(aliyun_document_write(SKYBUS_FORMAT_CBOR, object, &data, &len), 0);
		again = read_cbor(data, len);
		assert_true(json_equal(object, again));
		json_decref(again);
		json_decref(object);
		free(data);
		free(text);
	}
}

static void test_text(void **state)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:i}", "good", "a~!", "empty", "", "space",
				   "a b", "foreign", "\xc3\xa9", "number", 1);

	(void)state;
	assert_string_equal(aliyun_document_text(object, "good", 3), "a~!");
	assert_null(aliyun_document_text(object, "good", 2));
	assert_null(aliyun_document_text(object, "empty", 9));
	assert_null(aliyun_document_text(object, "space", 9));
	assert_null(aliyun_document_text(object, "foreign", 9));
	assert_null(aliyun_document_text(object, "number", 9));
	assert_null(aliyun_document_text(object, "missing", 9));
	assert_null(aliyun_document_text(NULL, "good", 9));
	aliyun_document_wipe(object, "good");
	aliyun_document_wipe(object, "number");
	aliyun_document_wipe(NULL, "good");
	assert_null(aliyun_document_text(object, "good", 3));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_cbor),
		cmocka_unit_test(test_read_cbor_indefinite),
		cmocka_unit_test(test_read_cbor_truncated),
		cmocka_unit_test(test_read_cbor_any_byte),
		cmocka_unit_test(test_read_cbor_hostile),
		cmocka_unit_test(test_read_cbor_floats),
		cmocka_unit_test(test_read_cbor_announced),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_walk_truncated),
		cmocka_unit_test(test_read_nested),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_and_read),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
