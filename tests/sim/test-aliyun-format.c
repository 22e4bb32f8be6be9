/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/aliyun-format.h"

/* {"a": "b", "n": -2, "l": [1, true, null, 1.5]}, from RFC 8949 by hand */
static const uint8_t cbor[] = { 0xa3, 0x61, 'a',  0x61, 'b',  0x61, 'n',  0x21, 0x61,
				'l',  0x84, 0x01, 0xf5, 0xf6, 0xf9, 0x3e, 0x00 };

static void test_reads_cbor(void **state)
{
	json_auto_t *root = sim_format_read(SIM_FORMAT_CBOR, cbor, sizeof(cbor));
	char *text;

	(void)state;
	text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"a\":\"b\",\"l\":[1,true,null,1.5],\"n\":-2}");
	free(text);
}

static void test_what_is_no_object(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "\xa1\x61\x61", 3 }, /* ends too early */
		{ "\xa0\x00", 2 }, /* goes on */
		{ "\x61\x61", 2 }, /* a text */
		{ "\xa1\x01\x01", 3 }, /* the key is a number */
		{ "\xa1\x61\x61\x41\x61", 5 }, /* bytes */
		{ "\xa2\x61\x61\x01\x61\x61\x02", 7 }, /* the same key twice */
		{ "\xa1\x61\x61\x61\xff", 5 }, /* not UTF-8 */
	};
	char deep[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(sim_format_read(SIM_FORMAT_CBOR, (const uint8_t *)bad[i].bytes,
					    bad[i].len));
	(void)memset(deep, 0x81, sizeof(deep));
	(void)memcpy(deep, "\xa1\x61\x61", 3);
	deep[sizeof(deep) - 1] = 0;
	assert_null(sim_format_read(SIM_FORMAT_CBOR, (const uint8_t *)deep, sizeof(deep)));
	assert_null(sim_format_read(SIM_FORMAT_JSON, (const uint8_t *)"[]", 2));
	assert_null(sim_format_read(SIM_FORMAT_JSON, (const uint8_t *)"{", 1));
}

static void test_writes(void **state)
{
	static const char expected[] = "\x81\xa2\x65token\x61t\x66offset\x1b\0\0\0\0\0\0\0\x01";
	json_auto_t *root = json_loads("[{\"token\":\"t\",\"offset\":1}]", 0, NULL);
	uint8_t *bytes;
	size_t len;

	(void)state;
	assert_int_equal(sim_format_write(SIM_FORMAT_CBOR, root, &bytes, &len), 0);
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(bytes, expected, len);
	free(bytes);
	assert_int_equal(sim_format_write(SIM_FORMAT_JSON, root, &bytes, &len), 0);
	assert_int_equal(len, strlen("[{\"token\":\"t\",\"offset\":1}]"));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_cbor),
		cmocka_unit_test(test_what_is_no_object),
		cmocka_unit_test(test_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
