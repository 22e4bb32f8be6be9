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

#include "sim/aliyun-auth.h"

#define SECRET "mRPVdzSMu2nVBxzK77ERPIMxSYIv0123"
#define FIELDS                                                                              \
	"\"productKey\":\"a1NUjcVkHZS\",\"deviceName\":\"ff1a11e7c08d4b3db2b1500d8e0e55\"," \
	"\"clientId\":\"a1NUjcVkHZS&ff1a11e7c08d4b3db2b1500d8e0e55\""
#define SEQ10 "\"seq\":\"10\","
#define SIGN(sign) ",\"sign\":\"" sign "\""
#define MD5 "c0df08653d173b314189a7a05d10c286"

static json_t *read(const char *text)
{
	json_t *fields = json_loads(text, 0, NULL);

	assert_non_null(fields);

	return fields;
}

static int verify(const char *text)
{
	json_auto_t *fields = read(text);

	assert_null(sim_aliyun_login_fault(fields));

	return sim_aliyun_verify(fields, SECRET);
}

static void test_genuine(void **state)
{
	static const char *const genuine[] = {
		"{" SEQ10 FIELDS SIGN(MD5) "}",
		"{" SEQ10 FIELDS SIGN("C0DF08653D173B314189A7A05D10C286") "}",
		"{\"seq\":10," FIELDS SIGN(MD5) ",\"version\":[],\"resources\":{}}",
		"{" SEQ10 FIELDS SIGN(MD5) ",\"signmethod\":\"hmacmd5\"}",
		"{" SEQ10 FIELDS SIGN(
			"cc5e94f2f255dd4982a42ca9643e91d7a209979b") ",\"signmethod\":\"hmacsha1\"}",
		"{" SEQ10 FIELDS SIGN(
			"5bab7c3d0c7abdcfc40c9426b8312abf43bbf19124a3bb7b4bb139d8229c3d5f") ",\"signmethod\":\"hmacsha256\"}",
		"{\"timestamp\":\"1524448722000\"," SEQ10 FIELDS SIGN(
			"e85f43490bdf80bde6237de8ad51b3dd") "}",
		"{" FIELDS SIGN("c532611baf3468d80ad40464616b671e") "}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(genuine) / sizeof(genuine[0]); i++)
		assert_int_equal(verify(genuine[i]), 0);
}

static void test_forged(void **state)
{
	(void)state;
	assert_int_equal(verify("{" FIELDS SIGN(MD5) "}"), -EACCES);
	assert_int_equal(verify("{" SEQ10 FIELDS SIGN("") "}"), -EACCES);
	assert_int_equal(verify("{" SEQ10 FIELDS SIGN(MD5) ",\"more\":\"\"}"), -EACCES);
}

static const char *login_fault(const char *text)
{
	json_auto_t *fields = read(text);

	return sim_aliyun_login_fault(fields);
}

static void test_login_faults(void **state)
{
	static const char *const faulty[] = {
		"{}",
		"{" FIELDS "}",
		"{" FIELDS ",\"sign\":1}",
		"{" FIELDS SIGN(MD5) ",\"more\":[]}",
		"{" FIELDS SIGN(MD5) ",\"more\":1.5}",
		"{" FIELDS SIGN(MD5) ",\"signmethod\":\"md5\"}",
		"{" FIELDS SIGN(MD5) ",\"signmethod\":1}",
		"{" FIELDS SIGN(MD5) ",\"ackMode\":\"2\"}",
		"{" FIELDS SIGN(MD5) ",\"ackMode\":2}",
		"{" FIELDS SIGN(MD5) ",\"ackMode\":\"00\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faulty) / sizeof(faulty[0]); i++)
		assert_non_null(login_fault(faulty[i]));
}

static void test_client_id_counts_characters(void **state)
{
	char text[256], id[130] = "";

	(void)state;
	for (size_t i = 0; i < 64; i++)
		(void)strcat(id, "\xc3\xa4");
	(void)snprintf(
		text, sizeof(text),
		"{\"productKey\":\"p\",\"deviceName\":\"d\",\"sign\":\"\",\"clientId\":\"%s\"}",
		id);
	assert_null(login_fault(text));
	(void)snprintf(
		text, sizeof(text),
		"{\"productKey\":\"p\",\"deviceName\":\"d\",\"sign\":\"\",\"clientId\":\"%sx\"}",
		id);
	assert_non_null(login_fault(text));
}

static void test_ack_mode(void **state)
{
	static const char *const separate[] = { "{\"ackMode\":1}", "{\"ackMode\":\"1\"}" };
	static const char *const piggybacked[] = { "{}", "{\"ackMode\":0}", "{\"ackMode\":\"0\"}" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		json_auto_t *login = read(separate[i]);

		assert_true(sim_aliyun_wants_separate(login));
	}
	for (size_t i = 0; i < 3; i++) {
		json_auto_t *login = read(piggybacked[i]);

		assert_false(sim_aliyun_wants_separate(login));
	}
}

static void test_registration(void **state)
{
	json_auto_t *asked = read("{\"signmethod\":\"hmacsha1\",\"deviceName\":\"d\","
				  "\"productKey\":\"p\",\"random\":\"r\","
				  "\"sign\":\"ca097fe5e0bac45a22669e5f7f7e2f1ce789b1a1\"}");
	json_auto_t *without = read("{\"deviceName\":\"d\",\"productKey\":\"p\",\"sign\":\"\"}");

	(void)state;
	assert_null(sim_aliyun_register_fault(asked));
	assert_non_null(sim_aliyun_register_fault(without));
	assert_int_equal(sim_aliyun_verify(asked, "productSecret"), 0);
	assert_int_equal(sim_aliyun_verify(asked, "another"), -EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_genuine),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_login_faults),
		cmocka_unit_test(test_client_id_counts_characters),
		cmocka_unit_test(test_ack_mode),
		cmocka_unit_test(test_registration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
