/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/aliyun-crypto.h"

#define SECRET "mRPVdzSMu2nVBxzK77ERPIMxSYIv0123"
#define NAME "a1NUjcVkHZS&ff1a11e7c08d4b3db2b1500d8e0e55"
#define CONTENT "clientId" NAME "deviceNameff1a11e7c08d4b3db2b1500d8e0e55productKeya1NUjcVkHZSseq10"

static const uint8_t key[SIM_CIPHER_KEY_LEN] = { 0xf6, 0x06, 0x5b, 0xd0, 0x8a, 0xb2, 0x59, 0xe8,
						 0x1a, 0x66, 0x29, 0x9a, 0x8c, 0xf6, 0x43, 0x10 };

static void assert_sign(const char *method, const char *expected)
{
	char sign[SIM_ALIYUN_SIGN_SIZE];

	assert_int_equal(sim_aliyun_sign(method, SECRET, CONTENT, sign), 0);
	assert_string_equal(sign, expected);
}

static void test_signs(void **state)
{
	char sign[SIM_ALIYUN_SIGN_SIZE];

	(void)state;
	assert_sign("hmacmd5", "c0df08653d173b314189a7a05d10c286");
	assert_sign("hmacsha1", "cc5e94f2f255dd4982a42ca9643e91d7a209979b");
	assert_sign("hmacsha256",
		    "5bab7c3d0c7abdcfc40c9426b8312abf43bbf19124a3bb7b4bb139d8229c3d5f");
	assert_int_equal(sim_aliyun_sign("md5", SECRET, CONTENT, sign), -EOPNOTSUPP);
}

static void test_key(void **state)
{
	uint8_t made[SIM_CIPHER_KEY_LEN];

	(void)state;
	assert_int_equal(sim_aliyun_key(SECRET, "ad2b3a5eb51d64f7", made), 0);
	assert_memory_equal(made, key, sizeof(key));
}

static void test_psk(void **state)
{
	uint8_t psk[SIM_PSK_MAX];
	size_t len;

	(void)state;
	assert_int_equal(sim_aliyun_psk(SECRET, NAME, "2524608000000", psk, &len), 0);
	assert_int_equal(len, 64);
	assert_memory_equal(psk, "D63C02EF86041941240CEB586A6689D934E884D7FD491C4BFEF0A2997BCFBE04",
			    64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signs),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_psk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
