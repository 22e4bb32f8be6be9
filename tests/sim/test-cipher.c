/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/cipher.h"

/* Made of "mRPVdzSMu2nVBxzK77ERPIMxSYIv0123,ad2b3a5eb51d64f7". */
static const uint8_t key[SIM_CIPHER_KEY_LEN] = { 0xf6, 0x06, 0x5b, 0xd0, 0x8a, 0xb2, 0x59, 0xe8,
						 0x1a, 0x66, 0x29, 0x9a, 0x8c, 0xf6, 0x43, 0x10 };

static const struct {
	const char *text;
	const char *hex;
} encrypted[] = {
	{ "2", "1c256d96469c28b1a3ac7e377d8c887e" },
	{ "10", "2f8522e7ed8714cd60c1ddb76d475934" },
	{ "hello coap!!", "5cd64173aeacdd905b58d2025f3dfbf0" },
	{ "", "03e78bce6483761c453d55aa012e84d6" },
	{ "0123456789abcdef", "9b5d30069a800d619842c58e4a19e703e986b0153ccc50bce0b2848a698940b6" },
};

static void test_key(void **state)
{
	static const uint8_t expected[SIM_CIPHER_KEY_LEN] = {
		0x6b, 0xba, 0xb0, 0xd6, 0x09, 0x0a, 0x08, 0xbc,
		0xdd, 0xee, 0xbd, 0x69, 0x5a, 0x55, 0x23, 0xd1,
	};
	uint8_t made[SIM_CIPHER_KEY_LEN];

	(void)state;
	assert_int_equal(sim_cipher_key("AbCdEfGhIjKlMnOpQrSt", made), 0);
	assert_memory_equal(made, expected, sizeof(made));
}

static void test_ciphers(void **state)
{
	uint8_t bytes[64], again[64];
	char hex[129];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(encrypted) / sizeof(encrypted[0]); i++) {
		size_t size = SIM_CIPHER_LEN(strlen(encrypted[i].text));

		assert_int_equal(sim_cipher_encrypt(key, (const uint8_t *)encrypted[i].text,
						    strlen(encrypted[i].text), bytes),
				 0);
		for (size_t j = 0; j < size; j++)
			(void)sprintf(hex + 2 * j, "%02x", bytes[j]);
		assert_string_equal(hex, encrypted[i].hex);
		assert_int_equal(sim_cipher_decrypt(key, bytes, size, again, &len), 0);
		assert_int_equal(len, strlen(encrypted[i].text));
		assert_memory_equal(again, encrypted[i].text, len);
	}
}

static void test_what_is_not_encrypted(void **state)
{
	uint8_t bytes[16] = "plain text is 16", again[32];
	size_t len;

	(void)state;
	assert_int_equal(sim_cipher_decrypt(key, bytes, 0, again, &len), -EBADMSG);
	assert_int_equal(sim_cipher_decrypt(key, bytes, 15, again, &len), -EBADMSG);
	assert_int_equal(sim_cipher_decrypt(key, bytes, 16, again, &len), -EBADMSG);
}

/* The first of two blocks, alone, is a block that ends as its text does. */
static void test_padding(void **state)
{
	static const struct {
		const char *end;
		bool is_sound;
	} endings[] = {
		{ "\x02\x01", true },  { "\x02\x02", true },  { "\x01\x02", false },
		{ "\x02\x11", false }, { "\x01\x00", false }, { "\x03\x03", false },
	};
	uint8_t text[17] = "0123456789abcdef", bytes[32], again[32];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		memcpy(text + 14, endings[i].end, 2);
		assert_int_equal(sim_cipher_encrypt(key, text, 16, bytes), 0);
		assert_int_equal(sim_cipher_decrypt(key, bytes, 16, again, &len),
				 endings[i].is_sound ? 0 : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_what_is_not_encrypted),
		cmocka_unit_test(test_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
