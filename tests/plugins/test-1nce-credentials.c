/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What 1NCE hands out, as text and as bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "plugins/1nce/credentials.h"

#define ICCID "8988280666000001234"
#define KEY "s3cret,Key"
#define PLAIN_KEY "s3cretKey"
#define ENDPOINT "coaps://coap.os.1nce.com:5684"

typedef int parse_fn(const char *text, size_t len, struct nce_credentials *ret);

/* In a block of just its size, so that AddressSanitizer sees who reads beyond. */
static int parse(parse_fn *from, const char *text, struct nce_credentials *ret)
{
	size_t len = strlen(text);
	char *block = malloc(len > 0 ? len : 1);
	int r;

	assert_non_null(block);
	memcpy(block, text, len);
	r = from(block, len, ret);
	free(block);

	return r;
}

static void expect(const struct nce_credentials *credentials, const char *key, const char *endpoint)
{
	assert_string_equal(credentials->identity, ICCID);
	assert_int_equal(credentials->key_len, strlen(key));
	assert_memory_equal(credentials->key, key, strlen(key));
	assert_string_equal(credentials->endpoint, endpoint);
}

static void test_csv(void **state)
{
	static const struct {
		const char *text;
		const char *endpoint;
	} cases[] = {
		{ ICCID "," PLAIN_KEY, "" },
		{ PLAIN_KEY "," ICCID, "" },
		{ "\"" ICCID "\",\"" PLAIN_KEY "\"\r\n", "" },
		{ "\"" ICCID ", " PLAIN_KEY "\"", "" },
		{ "\"" PLAIN_KEY "\" , \"" ICCID "\"\n", "" },
		{ "clientIdentity,preSharedKey\r\n" ICCID "," PLAIN_KEY "\r\n", "" },
		{ "\"preSharedKey\", \"clientIdentity\"\n" PLAIN_KEY "," ICCID, "" },
		{ "\r\n\r\n" ICCID "," PLAIN_KEY "\r\n\r\n", "" },
		{ ICCID "," PLAIN_KEY "," ENDPOINT, ENDPOINT },
		{ PLAIN_KEY "," ICCID "," ENDPOINT "\r\n", ENDPOINT },
	};
	struct nce_credentials credentials;

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		assert_int_equal(parse(nce_credentials_from_csv, cases[i].text, &credentials), 0);
		expect(&credentials, PLAIN_KEY, cases[i].endpoint);
	}
}

static void test_bad_csv(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EBADMSG },
		{ "\n\n", -EBADMSG },
		{ ICCID, -EBADMSG },
		{ ICCID ",", -EBADMSG },
		{ "," ICCID, -EBADMSG },
		{ ICCID "," PLAIN_KEY ",", 0 },
		{ ICCID "," KEY, -EBADMSG },
		{ ICCID "," PLAIN_KEY ",coap://a:1", -EBADMSG },
		{ ICCID "," PLAIN_KEY "," ENDPOINT ",x", -EBADMSG },
		{ ICCID "," PLAIN_KEY "\n" ICCID "," PLAIN_KEY, -EBADMSG },
		{ ICCID "," PLAIN_KEY "\nclientIdentity,preSharedKey", -EBADMSG },
		{ "clientIdentity,preSharedKey\n", -EBADMSG },
		{ "<html>\n<body>\n", -EBADMSG },
		{ ICCID ",s3cret\001", -EBADMSG },
		{ ICCID "," ICCID, -ENOKEY },
		{ "me," PLAIN_KEY, -ENOKEY },
		{ "89882806660000012," PLAIN_KEY, -ENOKEY },
		{ "898828066600000123456," PLAIN_KEY, -ENOKEY },
		{ "8888280666000001234," PLAIN_KEY, -ENOKEY },
		{ "898828066600000123x," PLAIN_KEY, -ENOKEY },
	};
	struct nce_credentials credentials;

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		int r = parse(nce_credentials_from_csv, cases[i].text, &credentials);

		if (r != cases[i].error)
			fail_msg("\"%s\" gave %d, not %d", cases[i].text, r, cases[i].error);
	}
}

/* 18 and 20 digits are an ICCID as well. */
static void test_lengths_of_an_iccid(void **state)
{
	struct nce_credentials credentials;

	(void)state;
	assert_int_equal(parse(nce_credentials_from_csv, "key,898828066600000123", &credentials),
			 0);
	assert_string_equal(credentials.identity, "898828066600000123");
	assert_int_equal(parse(nce_credentials_from_csv, "key,89882806660000012345", &credentials),
			 0);
	assert_string_equal(credentials.identity, "89882806660000012345");
}

static void test_key_that_is_too_long(void **state)
{
	struct nce_credentials credentials;
	char key[NCE_KEY_MAX + 2];
	char text[NCE_KEY_MAX + 64];

	(void)state;
	memset(key, 'k', sizeof(key));
	key[NCE_KEY_MAX] = '\0';
	(void)snprintf(text, sizeof(text), ICCID ",%s", key);
	assert_int_equal(parse(nce_credentials_from_csv, text, &credentials), 0);
	assert_int_equal(credentials.key_len, NCE_KEY_MAX);
	key[NCE_KEY_MAX] = 'k';
	key[NCE_KEY_MAX + 1] = '\0';
	(void)snprintf(text, sizeof(text), ICCID ",%s", key);
	assert_int_equal(parse(nce_credentials_from_csv, text, &credentials), -EBADMSG);
}

static void test_json(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"clientIdentity\":\"" ICCID "\"}",
		"{\"preSharedKey\":\"" KEY "\"}",
		"{\"clientIdentity\":\"" ICCID "\",\"preSharedKey\":\"\"}",
		"{\"clientIdentity\":\"\",\"preSharedKey\":\"" KEY "\"}",
		"{\"clientIdentity\":" ICCID ",\"preSharedKey\":\"" KEY "\"}",
		"{\"clientIdentity\":\"" ICCID "\",\"preSharedKey\":\"a\\nb\"}",
		"{\"clientIdentity\":\"" ICCID "\",\"preSharedKey\":\"a\\u0000b\"}",
		"{\"clientIdentity\":\"" ICCID "\",\"preSharedKey\":\"" KEY "\"",
	};
	struct nce_credentials credentials;

	(void)state;
	assert_int_equal(parse(nce_credentials_from_json,
			       "{\"preSharedKey\":\"" KEY "\",\"clientIdentity\":\"" ICCID "\"}",
			       &credentials),
			 0);
	expect(&credentials, KEY, "");
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++)
		assert_int_equal(parse(nce_credentials_from_json, bad[i], &credentials), -EBADMSG);
}

static void test_record(void **state)
{
	uint8_t record[NCE_RECORD_MAX];
	struct nce_credentials before, after;
	uint32_t len;

	(void)state;
	assert_int_equal(parse(nce_credentials_from_csv, ICCID "," PLAIN_KEY "," ENDPOINT, &before),
			 0);
	assert_int_equal(nce_credentials_pack(&before, "https://a", record, &len), 0);
	assert_int_equal(nce_credentials_unpack(record, len, "https://a", &after), 0);
	expect(&after, PLAIN_KEY, ENDPOINT);
	assert_int_equal(nce_credentials_unpack(record, len, "https://b", &after), -ENOENT);
	for (uint32_t i = 0; i <= len - (uint32_t)strlen(PLAIN_KEY); i++)
		assert_int_equal(nce_credentials_unpack(record, i, "https://a", &after), -EBADMSG);
}

static void test_endpoint(void **state)
{
	static const struct {
		const char *endpoint;
		const char *host; /* NULL: it is none */
		uint32_t port;
	} cases[] = {
		{ "coaps://coap.os.1nce.com:5684", "coap.os.1nce.com", 5684 },
		{ "COAPS://coap.os.1nce.com:1/", "coap.os.1nce.com", 1 },
		{ "coaps://a", "a", 5684 },
		{ "coaps://a/", "a", 5684 },
		{ "coaps://[::1]:65535", "::1", 65535 },
		{ "coaps://[fd00::2]", "fd00::2", 5684 },
		{ "", NULL, 0 },
		{ "coap://a:5684", NULL, 0 },
		{ "coaps://", NULL, 0 },
		{ "coaps://:5684", NULL, 0 },
		{ "coaps://a:", NULL, 0 },
		{ "coaps://a:0", NULL, 0 },
		{ "coaps://a:65536", NULL, 0 },
		{ "coaps://a:56x", NULL, 0 },
		{ "coaps://a:5684/b", NULL, 0 },
		{ "coaps://a/b", NULL, 0 },
		{ "coaps://[::1", NULL, 0 },
		{ "coaps://[::1]x", NULL, 0 },
		{ "coaps://[]:1", NULL, 0 },
	};
	char host[NCE_ENDPOINT_MAX + 1];
	uint32_t port;

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		int r = nce_endpoint_parse(cases[i].endpoint, host, &port);

		if (r != (cases[i].host ? 0 : -EINVAL))
			fail_msg("\"%s\" gave %d", cases[i].endpoint, r);
		if (r < 0)
			continue;
		assert_string_equal(host, cases[i].host);
		assert_int_equal(port, cases[i].port);
	}
}

static void test_hex(void **state)
{
	static const char *const bad[] = { "", "0", "0g", "g0", "00 1", "0x00" };
	static const uint8_t expected[] = { 0x00, 0x9a, 0xff };
	uint8_t bytes[NCE_KEY_MAX / 2];
	uint32_t len = 0;

	(void)state;
	assert_int_equal(nce_unhex((const uint8_t *)"009aFf", 6, bytes, &len), 0);
	assert_int_equal(len, sizeof(expected));
	assert_memory_equal(bytes, expected, sizeof(expected));
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++)
		assert_int_equal(nce_unhex((const uint8_t *)bad[i], (uint32_t)strlen(bad[i]), bytes,
					   &len),
				 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_bad_csv),
		cmocka_unit_test(test_lengths_of_an_iccid),
		cmocka_unit_test(test_key_that_is_too_long),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
