/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/enos-sign.h"

/* tokenT0kEn123456789sequence1, by the secret below. */
#define SIGNATURE "2C355A8327EE9FC1BC49792B6CBCA01A503FF3B5178BEAE3F4A68D54CBAB23EF"

static char product_key[] = "pk7TestA";

static const struct sim_device device = {
	.product_key = product_key,
	.device_key = "dev0000001",
	.secret = "AbCdEfGhIjKlMnOpQrSt",
};

static int sequence_of(const char *signature, const char *token, uint64_t *ret_sequence)
{
	uint8_t key[SIM_CIPHER_KEY_LEN];

	assert_int_equal(sim_cipher_key(device.secret, key), 0);

	return sim_enos_sequence(key, token, (const uint8_t *)signature, strlen(signature),
				 ret_sequence);
}

static void test_sign(void **state)
{
	char sign[SIM_ENOS_SIGN_SIZE];

	(void)state;
	assert_int_equal(sim_enos_sign(&device, device.secret, 3600, sign), 0);
	assert_string_equal(sign,
			    "8879CC6E019E3210EA525F4EBE25D443CF6EEE9AD05CD8A79AE77565DD0F0E1E");
	assert_int_equal(sim_enos_sign(&device, device.secret, 30, sign), 0);
	assert_string_equal(sign,
			    "ACD713797B0C65915B8BB3C0655286648C2352CEC01546BC343976153A8DB48E");
}

static void test_sequence(void **state)
{
	uint64_t sequence = 0;

	(void)state;
	assert_int_equal(sequence_of(SIGNATURE, "T0kEn123456789", &sequence), 0);
	assert_int_equal(sequence, 1);
}

static void test_sequence_in_lowercase(void **state)
{
	uint64_t sequence = 0;

	(void)state;
	assert_int_equal(
		sequence_of("2c355a8327ee9fc1bc49792b6cbca01a503ff3b5178beae3f4a68d54cbab23ef",
			    "T0kEn123456789", &sequence),
		0);
	assert_int_equal(sequence, 1);
}

static void test_sequence_of_another_token(void **state)
{
	uint64_t sequence = 7;

	(void)state;
	assert_true(sequence_of(SIGNATURE, "T0kEn123456788", &sequence) < 0);
	assert_true(sequence_of(SIGNATURE, "T0kEn12345678", &sequence) < 0);
	assert_true(sequence_of(SIGNATURE, "T0kEn123456789sequence1", &sequence) < 0);
	assert_int_equal(sequence, 7);
}

static void test_sequence_broken(void **state)
{
	static const char *const broken[] = {
		"",
		"2C",
		"2C355A8327EE9FC1BC49792B6CBCA01A",
		"2C355A8327EE9FC1BC49792B6CBCA01A503FF3B5178BEAE3F4A68D54CBAB23EE",
		"2C355A8327EE9FC1BC49792B6CBCA01A503FF3B5178BEAE3F4A68D54CBAB23E",
		"GC355A8327EE9FC1BC49792B6CBCA01A503FF3B5178BEAE3F4A68D54CBAB23EF",
		SIGNATURE SIGNATURE SIGNATURE SIGNATURE SIGNATURE,
	};
	uint64_t sequence;

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_true(sequence_of(broken[i], "T0kEn123456789", &sequence) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_sequence_in_lowercase),
		cmocka_unit_test(test_sequence_of_another_token),
		cmocka_unit_test(test_sequence_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
