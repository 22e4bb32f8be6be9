/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plugin aliyun computes with a secret, against values of two other libraries; the counter of
 * sequence numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "plugins/aliyun/aliyun-crypto.h"
#include "plugins/aliyun/aliyun-sequence.h"

#define PRODUCT_KEY "a1NUjcVkHZS"
#define DEVICE_NAME "ff1a11e7c08d4b3db2b1500d8e0e55"
#define CONTENT \
	"clientId" PRODUCT_KEY "&" DEVICE_NAME "deviceName" DEVICE_NAME "productKey" PRODUCT_KEY

static const struct aliyun_secret secret = {
	(const uint8_t *)"mRPVdzSMu2nVBxzK77ERPIMxSYIv0123",
	32,
};

static void expect_hex(const uint8_t *data, size_t len, const char *hex)
{
	char text[200];

	assert_true(2 * len < sizeof(text));
	for (size_t i = 0; i < len; i++)
		(void)sprintf(text + 2 * i, "%02x", data[i]);
	assert_string_equal(text, hex);
}

static void key_of(uint8_t ret_key[ALIYUN_KEY_LEN])
{
	assert_int_equal(aliyun_session_key(&secret, "ad2b3a5eb51d64f7", ret_key), 0);
}

static void test_sign(void **state)
{
	static const struct {
		const char *method;
		const char *content;
		const char *sign;
	} cases[] = {
		{ "hmacmd5", CONTENT "seq10", "c0df08653d173b314189a7a05d10c286" },
		{ "hmacsha1", CONTENT "seq10", "cc5e94f2f255dd4982a42ca9643e91d7a209979b" },
		{ "hmacsha256", CONTENT "seq10",
		  "5bab7c3d0c7abdcfc40c9426b8312abf43bbf19124a3bb7b4bb139d8229c3d5f" },
		{ "hmacmd5", CONTENT "seq10timestamp1524448722000",
		  "e85f43490bdf80bde6237de8ad51b3dd" },
		{ "hmacmd5", CONTENT, "c532611baf3468d80ad40464616b671e" },
	};
	char sign[ALIYUN_SIGN_SIZE];

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		assert_int_equal(aliyun_sign(cases[i].method, &secret, cases[i].content, sign), 0);
		assert_string_equal(sign, cases[i].sign);
	}
	assert_int_equal(aliyun_sign("hmacsha512", &secret, "", sign), -EINVAL);
}

static void test_session_key(void **state)
{
	uint8_t key[ALIYUN_KEY_LEN];

	(void)state;
	key_of(key);
	expect_hex(key, sizeof(key), "f6065bd08ab259e81a66299a8cf64310");
}

static void test_psk(void **state)
{
	struct aliyun_psk psk;

	(void)state;
	assert_int_equal(aliyun_psk(&secret, PRODUCT_KEY, DEVICE_NAME, &psk), 0);
	assert_string_equal(psk.identity,
			    "devicename|hmacsha256|" PRODUCT_KEY "&" DEVICE_NAME "|2524608000000");
	assert_string_equal(psk.key,
			    "D63C02EF86041941240CEB586A6689D934E884D7FD491C4BFEF0A2997BCFBE04");
}

static void test_cipher(void **state)
{
	static const struct {
		const char *clear;
		const char *cipher;
	} cases[] = {
		{ "2", "1c256d96469c28b1a3ac7e377d8c887e" },
		{ "10", "2f8522e7ed8714cd60c1ddb76d475934" },
		{ "hello coap!!", "5cd64173aeacdd905b58d2025f3dfbf0" },
		{ "", "03e78bce6483761c453d55aa012e84d6" },
		{ "0123456789abcdef",
		  "9b5d30069a800d619842c58e4a19e703e986b0153ccc50bce0b2848a698940b6" },
	};
	uint8_t key[ALIYUN_KEY_LEN];
	uint8_t cipher[64];
	uint8_t clear[64];
	size_t clear_len;

	(void)state;
	key_of(key);
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		size_t len = strlen(cases[i].clear);
		size_t cipher_len = aliyun_encrypted_len(len);

		assert_int_equal(aliyun_encrypt(key, cases[i].clear, len, cipher), 0);
		expect_hex(cipher, cipher_len, cases[i].cipher);
		assert_int_equal(aliyun_decrypt(key, cipher, cipher_len, clear, &clear_len), 0);
		assert_int_equal(clear_len, len);
		assert_memory_equal(clear, cases[i].clear, len);
	}
}

/* Every last block but those with a valid padding; the length; nothing. */
static void test_cipher_hostile(void **state)
{
	uint8_t key[ALIYUN_KEY_LEN];
	uint8_t cipher[48] = { 0 };
	uint8_t clear[48];
	size_t len = 4711;

	(void)state;
	key_of(key);
	assert_int_equal(aliyun_decrypt(key, cipher, 0, clear, &len), -EBADMSG);
	assert_int_equal(aliyun_decrypt(key, cipher, 15, clear, &len), -EBADMSG);
	assert_int_equal(aliyun_decrypt(key, cipher, 17, clear, &len), -EBADMSG);
	/* The first block of this one ends with 'f', and that is no padding. */
	assert_int_equal(aliyun_encrypt(key, "0123456789abcdef", 16, cipher), 0);
	assert_int_equal(aliyun_decrypt(key, cipher, 16, clear, &len), -EBADMSG);
	/* 0, more than a block, and bytes that differ. */
	assert_int_equal(aliyun_encrypt(key, "0123456789abcde\0", 16, cipher), 0);
	assert_int_equal(aliyun_decrypt(key, cipher, 16, clear, &len), -EBADMSG);
	assert_int_equal(aliyun_encrypt(key, "0123456789abcde\x11", 16, cipher), 0);
	assert_int_equal(aliyun_decrypt(key, cipher, 16, clear, &len), -EBADMSG);
	assert_int_equal(aliyun_encrypt(key, "0123456789abcd\1\2", 16, cipher), 0);
	assert_int_equal(aliyun_decrypt(key, cipher, 16, clear, &len), -EBADMSG);
	assert_int_equal(len, 4711);
}

/* ---- sequence numbers ---- */

static void test_sequence(void **state)
{
	struct aliyun_sequence sequence;
	uint64_t number;

	(void)state;
	aliyun_sequence_begin(&sequence, 2);
	assert_false(aliyun_sequence_ready(&sequence));
	assert_int_equal(aliyun_sequence_take(&sequence, &number), -EAGAIN);
	assert_int_equal(aliyun_sequence_ask(&sequence), 2 + ALIYUN_SEQUENCE_BLOCK);
	/* Asked for is not yet reserved, and not asked for twice. */
	assert_int_equal(aliyun_sequence_ask(&sequence), 0);
	assert_int_equal(aliyun_sequence_take(&sequence, &number), -EAGAIN);
	aliyun_sequence_stored(&sequence, true);
	for (unsigned int i = 0; i < ALIYUN_SEQUENCE_BLOCK; i++) {
		assert_int_equal(aliyun_sequence_take(&sequence, &number), 0);
		assert_int_equal(number, 2 + i);
	}
	assert_int_equal(aliyun_sequence_take(&sequence, &number), -EAGAIN);
}

static void test_sequence_ahead(void **state)
{
	struct aliyun_sequence sequence;
	uint64_t number;

	(void)state;
	aliyun_sequence_begin(&sequence, 0);
	(void)aliyun_sequence_ask(&sequence);
	aliyun_sequence_stored(&sequence, true);
	for (unsigned int i = 0; i < ALIYUN_SEQUENCE_BLOCK / 2; i++) {
		assert_int_equal(aliyun_sequence_ask(&sequence), 0);
		assert_int_equal(aliyun_sequence_take(&sequence, &number), 0);
	}
	assert_int_equal(aliyun_sequence_ask(&sequence), 2 * ALIYUN_SEQUENCE_BLOCK);
	aliyun_sequence_stored(&sequence, false);
	assert_int_equal(sequence.end, ALIYUN_SEQUENCE_BLOCK);
	/* What could not be written is tried again. */
	assert_int_equal(aliyun_sequence_ask(&sequence), 2 * ALIYUN_SEQUENCE_BLOCK);
	aliyun_sequence_stored(&sequence, true);
	assert_int_equal(sequence.end, 2 * ALIYUN_SEQUENCE_BLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_session_key),
		cmocka_unit_test(test_psk),
		cmocka_unit_test(test_cipher),
		cmocka_unit_test(test_cipher_hostile),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_sequence_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
