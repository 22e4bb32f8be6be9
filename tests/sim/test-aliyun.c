/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whole exchanges at both doors. What is encrypted here is so with the simulator's own cipher,
 * which has a test of its own.
 */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/aliyun-crypto.h"
#include "sim/cloud.h"
#include "tests/sim/cloud-fixture.h"

#define PK "a1NUjcVkHZS"
#define DN "ff1a11e7c08d4b3db2b1500d8e0e55"
#define SECRET "mRPVdzSMu2nVBxzK77ERPIMxSYIv0123"
#define IDENTITY "devicename|hmacsha256|" PK "&" DN "|2524608000000"

#define FIELDS "{\"productKey\":\"" PK "\",\"deviceName\":\"" DN "\",\"clientId\":\"" PK "&" DN "\""
#define LOGIN FIELDS ",\"sign\":\"c532611baf3468d80ad40464616b671e\"}"
#define LOGIN_SEQ FIELDS ",\"seq\":\"10\",\"sign\":\"c0df08653d173b314189a7a05d10c286\"}"

#define POST "/topic/sys/" PK "/" DN "/thing/event/property/post"
#define USER "/topic/" PK "/" DN "/user/update"
#define SET "/sys/" PK "/" DN "/thing/service/property/set"
#define GOOD_POST "{\"id\":\"1\",\"params\":{}}"
#define GOOD_ANSWER \
	"{\"code\":200,\"data\":{},\"id\":\"1\",\"message\":\"success\",\"version\":\"1.0\"}"

enum {
	SYMMETRIC,
	DTLS
};

static struct cloud_fixture fixture;
static uint8_t key[SIM_CIPHER_KEY_LEN];
static char token[64];

static int setup(void **state)
{
	(void)state;
	fixture = (struct cloud_fixture){ 0 };
	token[0] = '\0';
	if (sim_setup_add_device(&fixture.setup, PK "," DN "," SECRET) < 0 ||
	    sim_setup_add_device(&fixture.setup, PK ",other," SECRET) < 0 ||
	    sim_setup_add_product(&fixture.setup, PK ",productSecret") < 0)
		return -1;

	return cloud_fixture_open(&fixture, &sim_aliyun);
}

static int teardown(void **state)
{
	(void)state;
	cloud_fixture_close(&fixture);

	return 0;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static uint8_t log_in_as(const char *content_format, const char *accept, const char *payload)
{
	if (content_format)
		cloud_fixture_option(12, content_format, 1);
	if (accept)
		cloud_fixture_option(17, accept, 1);

	return cloud_fixture_send(&fixture, SIM_POST, "/auth", payload, strlen(payload));
}

static json_t *reply_json(void)
{
	const char *text = cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, NULL);
	json_t *root = text ? json_loads(text, 0, NULL) : NULL;

	assert_non_null(root);

	return root;
}

static void log_in(const char *payload)
{
	json_auto_t *reply = NULL;
	const char *random;

	assert_int_equal(log_in_as("\x32", "\x32", payload), SIM_CODE(2, 5));
	reply = reply_json();
	(void)snprintf(token, sizeof(token), "%s",
		       json_string_value(json_object_get(reply, "token")));
	random = json_string_value(json_object_get(reply, "random"));
	assert_int_equal(random != NULL, fixture.door == SYMMETRIC);
	if (random)
		assert_int_equal(sim_aliyun_key(SECRET, random, key), 0);
}

static uint8_t send_numbered(const char *path, const char *sequence, const char *payload)
{
	uint8_t number[64], body[1200];
	size_t len = strlen(payload);

	cloud_fixture_option(2088, token, strlen(token));
	if (sequence) {
		assert_int_equal(sim_cipher_encrypt(key, (const uint8_t *)sequence,
						    strlen(sequence), number),
				 0);
		cloud_fixture_option(2089, number, SIM_CIPHER_LEN(strlen(sequence)));
	}
	assert_int_equal(sim_cipher_encrypt(key, (const uint8_t *)payload, len, body), 0);

	return cloud_fixture_send(&fixture, SIM_POST, path, body, SIM_CIPHER_LEN(len));
}

static uint8_t send_plainly(const char *path, const char *payload)
{
	cloud_fixture_option(2088, token, strlen(token));

	return cloud_fixture_send(&fixture, SIM_POST, path, payload, strlen(payload));
}

static const char *decrypted(void)
{
	static char text[SIM_REPLY_BYTES + 1];
	const char *payload;
	size_t len;

	payload = cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, &len);
	assert_non_null(payload);
	assert_int_equal(
		sim_cipher_decrypt(key, (const uint8_t *)payload, len, (uint8_t *)text, &len), 0);
	text[len] = '\0';

	return text;
}

static void assert_recorded(const char *event, const char *code, const char *reason)
{
	size_t len;

	assert_null(cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, &len));
	assert_string_equal(cloud_fixture_recorded("event"), event);
	assert_string_equal(cloud_fixture_recorded("code"), code);
	assert_string_equal(cloud_fixture_recorded("reason"), reason);
}

/* ---- Logging in ------------------------------------------------------------------------------ */

static void test_logs_in(void **state)
{
	json_auto_t *reply = NULL;

	(void)state;
	log_in(LOGIN_SEQ);
	reply = reply_json();
	assert_int_equal(json_object_size(reply), 3);
	assert_int_equal(json_integer_value(json_object_get(reply, "seqOffset")), 1);
	assert_int_equal(fixture.reply->separate, 0);
	assert_string_equal(cloud_fixture_part(&fixture, 12, NULL), "\x32");
	assert_string_equal(cloud_fixture_recorded("event"), "login");
	assert_string_equal(cloud_fixture_recorded("device"), PK "/" DN);

	fixture.door = DTLS;
	log_in(LOGIN);
	json_decref(reply);
	reply = reply_json();
	assert_int_equal(json_object_size(reply), 1);
	assert_string_equal(json_string_value(json_object_get(reply, "token")), token);
}

static void test_logs_in_with_cbor(void **state)
{
	static const char login[] = "\xa4\x6aproductKey\x6b" PK "\x6a"
				    "deviceName\x78\x1e" DN "\x68"
				    "clientId\x78\x2a" PK "&" DN "\x64sign\x78\x20"
				    "c532611baf3468d80ad40464616b671e";
	const char *payload;

	(void)state;
	assert_int_equal(log_in_as("\x3c", NULL, login), SIM_CODE(2, 5));
	payload = cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, NULL);
	assert_memory_equal(payload, "\xa3\x66random\x70", 9);
	assert_string_equal(cloud_fixture_part(&fixture, 12, NULL), "\x3c");
	assert_int_equal(log_in_as("\x3c", "\x32", login), SIM_CODE(2, 5));
	assert_string_equal(cloud_fixture_part(&fixture, 12, NULL), "\x32");
	assert_int_equal(log_in_as("\x3c", NULL, LOGIN), SIM_CODE(4, 0));
}

static void test_refuses_logins(void **state)
{
	(void)state;
	assert_int_equal(log_in_as(NULL, "\x32", LOGIN), SIM_CODE(4, 15));
	assert_recorded("login-refused", "4.15", "Content-Format is not JSON or CBOR");
	assert_int_equal(log_in_as("\x2a", "\x32", LOGIN), SIM_CODE(4, 15));
	assert_int_equal(log_in_as("\x32", "\x2a", LOGIN), SIM_CODE(4, 6));
	assert_recorded("login-refused", "4.06", "Accept is not JSON or CBOR");
	assert_int_equal(log_in_as("\x32", "\x32", "{"), SIM_CODE(4, 0));
	assert_recorded("login-refused", "4.00", "not an object in the format it says");
	assert_int_equal(log_in_as("\x32", "\x32", FIELDS "}"), SIM_CODE(4, 0));
	assert_int_equal(log_in_as("\x32", "\x32", FIELDS ",\"sign\":\"\"}"), SIM_CODE(4, 1));
	assert_recorded("login-refused", "4.01", "wrong sign");
	assert_int_equal(log_in_as("\x32", "\x32",
				   "{\"productKey\":\"" PK "\",\"deviceName\":\"none\","
				   "\"clientId\":\"\",\"sign\":\"\"}"),
			 SIM_CODE(4, 1));
	assert_recorded("login-refused", "4.01", "unknown device");
	assert_int_equal(cloud_fixture_send(&fixture, SIM_GET, "/auth", "", 0), SIM_CODE(4, 5));
	assert_recorded("login-refused", "4.05", "there is nothing but POST");
}

static void test_separate_replies(void **state)
{
	char sign[SIM_ALIYUN_SIGN_SIZE], login[512];

	(void)state;
	fixture.door = DTLS;
	assert_int_equal(sim_aliyun_sign("hmacmd5", SECRET,
					 "ackMode1clientIdcdeviceName" DN "productKey" PK, sign),
			 0);
	(void)snprintf(login, sizeof(login),
		       "{\"productKey\":\"" PK "\",\"deviceName\":\"" DN
		       "\",\"clientId\":\"c\",\"ackMode\":\"1\",\"sign\":\"%s\"}",
		       sign);
	log_in(login);
	assert_int_equal(fixture.reply->separate, 1);
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(2, 5));
	assert_int_equal(fixture.reply->separate, 1);
	assert_int_equal(send_plainly("/topic/none", "x"), SIM_CODE(4, 4));
	assert_int_equal(fixture.reply->separate, 1);
	token[0] = 'x';
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(4, 1));
	assert_int_equal(fixture.reply->separate, 0);
}

static uint8_t ask_for_secret(const char *device, const char *secret)
{
	char sign[SIM_ALIYUN_SIGN_SIZE], text[512];

	(void)snprintf(text, sizeof(text), "deviceName%sproductKey" PK "randomr", device);
	assert_int_equal(sim_aliyun_sign("hmacsha256", secret, text, sign), 0);
	(void)snprintf(text, sizeof(text),
		       "{\"signmethod\":\"hmacsha256\",\"deviceName\":\"%s\",\"productKey\":\"" PK
		       "\",\"random\":\"r\",\"sign\":\"%s\"}",
		       device, sign);

	return cloud_fixture_send(&fixture, SIM_POST, "/auth/register/device", text, strlen(text));
}

static void test_tells_secrets(void **state)
{
	json_auto_t *reply = NULL;

	(void)state;
	assert_int_equal(ask_for_secret(DN, "productSecret"), SIM_CODE(2, 5));
	reply = reply_json();
	assert_string_equal(json_string_value(json_object_get(reply, "deviceSecret")), SECRET);
	assert_string_equal(cloud_fixture_recorded("event"), "onboarding");
	assert_int_equal(ask_for_secret(DN, "wrong"), SIM_CODE(4, 1));
	assert_recorded("login-refused", "4.01", "wrong sign");
	assert_int_equal(ask_for_secret("none", "productSecret"), SIM_CODE(4, 3));
	assert_recorded("login-refused", "4.03", "the product has no such device");
	assert_int_equal(cloud_fixture_send(&fixture, SIM_POST, "/auth/register/device", "{}", 2),
			 SIM_CODE(4, 0));
}

static void test_pre_shared_keys(void **state)
{
	const struct sim_cloud_type *type = fixture.cloud->type;
	uint8_t psk[SIM_PSK_MAX];
	size_t len;

	(void)state;
	assert_int_equal(type->key(fixture.cloud, DTLS, IDENTITY, psk, &len), 0);
	assert_int_equal(len, 64);
	assert_memory_equal(psk, "D63C02EF86041941240CEB586A6689D934E884D7FD491C4BFEF0A2997BCFBE04",
			    64);
	assert_int_equal(type->key(fixture.cloud, DTLS, IDENTITY "x", psk, &len), -ENOENT);
	assert_string_equal(cloud_fixture_recorded("event"), "login-refused");
	assert_int_equal(type->key(fixture.cloud, DTLS, "", psk, &len), -ENOENT);
	assert_int_equal(type->key(fixture.cloud, DTLS, PK "&" DN, psk, &len), -ENOENT);
	assert_int_equal(type->key(fixture.cloud, DTLS, "devicename|hmacsha256|" PK "&none|1", psk,
				   &len),
			 -ENOENT);

	fixture.door = DTLS;
	fixture.identity = "devicename|hmacsha256|" PK "&other|1";
	assert_int_equal(log_in_as("\x32", "\x32", LOGIN), SIM_CODE(4, 3));
	assert_recorded("login-refused", "4.03", "the handshake was of another device");
	fixture.identity = IDENTITY;
	log_in(LOGIN);
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(2, 5));
	fixture.identity = "devicename|hmacsha256|" PK "&other|1";
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(4, 1));
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void test_publishes_encrypted(void **state)
{
	(void)state;
	log_in(LOGIN_SEQ);
	assert_int_equal(send_numbered(POST, "1", GOOD_POST), SIM_CODE(2, 5));
	assert_string_equal(decrypted(), GOOD_ANSWER);
	assert_string_equal(cloud_fixture_part(&fixture, 2090, NULL), "1");
	assert_string_equal(cloud_fixture_recorded("event"), "message");
	assert_string_equal(cloud_fixture_recorded("payload"), GOOD_POST);
	assert_string_equal(cloud_fixture_recorded("topic"), &POST[strlen("/topic")]);
	assert_int_equal(send_numbered(USER, "2", "anything"), SIM_CODE(2, 5));
	assert_string_equal(decrypted(), "");
	assert_string_equal(cloud_fixture_part(&fixture, 2090, NULL), "2");
	assert_int_equal(send_numbered(POST, "3", "{"), SIM_CODE(2, 5));
	assert_non_null(strstr(decrypted(), "\"code\":460"));
	assert_string_equal(cloud_fixture_recorded("code"), "460");
}

static void test_publishes_in_the_clear(void **state)
{
	(void)state;
	fixture.door = DTLS;
	log_in(LOGIN);
	assert_int_equal(send_plainly(POST, GOOD_POST), SIM_CODE(2, 5));
	assert_string_equal(cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, NULL), GOOD_ANSWER);
	assert_string_equal(cloud_fixture_recorded("payload"), GOOD_POST);
	assert_int_equal(send_plainly(USER, ""), SIM_CODE(2, 5));
	assert_null(cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, NULL));
	assert_non_null(cloud_fixture_part(&fixture, 2090, NULL));
}

static void test_sequences(void **state)
{
	static const char *const bad[] = { NULL, "",   "a",  "1 ",
					   "+1", "01", "-1", "99999999999999999999" };

	(void)state;
	log_in(LOGIN_SEQ);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(send_numbered(USER, bad[i], "x"), SIM_CODE(4, 1));
		assert_recorded("refused", "4.01", "no sequence, or not encrypted with this key");
	}
	assert_int_equal(send_numbered(USER, "0", "x"), SIM_CODE(4, 1));
	assert_recorded("refused", "4.01", "the sequence is below seqOffset");
	assert_int_equal(send_numbered(USER, "70", "x"), SIM_CODE(2, 5));
	assert_int_equal(send_numbered(USER, "1", "x"), SIM_CODE(2, 5));
	assert_int_equal(send_numbered(USER, "70", "x"), SIM_CODE(4, 1));
	assert_recorded("refused", "4.01", "the sequence was used before");

	log_in(LOGIN_SEQ);
	assert_int_equal(send_numbered(USER, "70", "x"), SIM_CODE(2, 5));
}

static void test_refuses_messages(void **state)
{
	char large[1000];

	(void)state;
	log_in(LOGIN_SEQ);
	assert_int_equal(send_numbered("/topic/sys/" PK "/other/x", "1", "x"), SIM_CODE(4, 3));
	assert_recorded("refused", "4.03", "another device's topic");
	assert_int_equal(send_numbered("/topic/none", "2", "x"), SIM_CODE(4, 4));
	assert_recorded("refused", "4.04", "no such topic");
	assert_int_equal(send_numbered("/topic//" PK "/" DN "/pub", "3", "x"), SIM_CODE(4, 4));
	assert_int_equal(send_numbered("/topic/" PK "/" DN "/3/4/5/6/7/8", "4", "x"),
			 SIM_CODE(4, 0));
	assert_recorded("refused", "4.00", "the topic is too long or too deep");
	assert_int_equal(send_numbered("/topics", "5", "x"), SIM_CODE(4, 4));
	assert_recorded("refused", "4.04", "no such path");
	assert_int_equal(cloud_fixture_send(&fixture, SIM_GET, USER, "", 0), SIM_CODE(4, 5));
	assert_recorded("refused", "4.05", "there is nothing but POST");

	(void)memset(large, 'x', sizeof(large));
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(send_numbered(USER, "6", large), SIM_CODE(4, 13));
	assert_recorded("refused", "4.13", "the message is longer than 1 KB");
	cloud_fixture_option(27, "\x08", 1);
	assert_int_equal(send_numbered(USER, "7", "x"), SIM_CODE(4, 2));
	assert_recorded("refused", "4.02", "there are no messages in blocks");
}

static void test_refuses_what_is_not_encrypted(void **state)
{
	uint8_t number[16];

	(void)state;
	log_in(LOGIN_SEQ);
	assert_int_equal(sim_cipher_encrypt(key, (const uint8_t *)"1", 1, number), 0);
	cloud_fixture_option(2088, token, strlen(token));
	cloud_fixture_option(2089, number, sizeof(number));
	assert_int_equal(cloud_fixture_send(&fixture, SIM_POST, USER, "plain", 5), SIM_CODE(4, 0));
	assert_recorded("refused", "4.00", "the payload is not encrypted with this key");
	cloud_fixture_option(2088, token, strlen(token));
	cloud_fixture_option(2089, "1", 1);
	assert_int_equal(cloud_fixture_send(&fixture, SIM_POST, USER, "", 0), SIM_CODE(4, 1));
}

static void test_tokens(void **state)
{
	static const char reason[] = "no token that is valid here";
	uint64_t day = 24 * 3600;

	(void)state;
	fixture.door = DTLS;
	assert_int_equal(cloud_fixture_send(&fixture, SIM_POST, USER, "", 0), SIM_CODE(4, 1));
	assert_recorded("refused", "4.01", reason);
	log_in(LOGIN);
	cloud_fixture_option(61, token, strlen(token));
	cloud_fixture_option(17, "\x2a", 1);
	assert_int_equal(cloud_fixture_send(&fixture, SIM_POST, USER, "", 0), SIM_CODE(2, 5));

	cloud_fixture_option(2088, token, strlen(token) + 1);
	assert_int_equal(cloud_fixture_send(&fixture, SIM_POST, USER, "", 0), SIM_CODE(4, 1));

	fixture.door = SYMMETRIC;
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(4, 1));
	assert_recorded("refused", "4.01", reason);
	fixture.door = DTLS;
	fixture.now += 7 * day - 1;
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(2, 5));
	fixture.now += 1;
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(4, 1));

	log_in(LOGIN);
	fixture.cloud->type->expire(fixture.cloud);
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(4, 1));
	log_in(LOGIN);
	assert_int_equal(send_plainly(USER, "x"), SIM_CODE(2, 5));
}

static void test_rotates(void **state)
{
	const struct sim_cloud_type *type = fixture.cloud->type;

	(void)state;
	log_in(LOGIN);
	assert_int_equal(type->rotate(fixture.cloud, PK "/none", "x"), -ENOENT);
	assert_int_equal(type->rotate(fixture.cloud, PK "/" DN, ""), -EINVAL);
	assert_int_equal(type->rotate(fixture.cloud, PK "/" DN, "x"), 0);
	assert_int_equal(send_numbered(USER, "1", "x"), SIM_CODE(2, 5));
	assert_int_equal(log_in_as("\x32", "\x32", LOGIN), SIM_CODE(4, 1));
	assert_int_equal(type->rotate(fixture.cloud, PK "/" DN, SECRET), 0);
	log_in(LOGIN);
}

/* ---- Commands -------------------------------------------------------------------------------- */

static int hand_out(const char *text)
{
	const struct sim_command *command;

	assert_int_equal(sim_setup_add_command(&fixture.setup, text, &command), 0);

	return fixture.cloud->type->command(fixture.cloud, command);
}

static void test_commands_are_pulled(void **state)
{
	(void)state;
	assert_int_equal(hand_out(SET "={\"id\":\"1\"}"), 0);
	assert_int_equal(hand_out("/ota/device/upgrade/" PK "/" DN "=b"), 0);
	assert_int_equal(hand_out("/" PK "/" DN "/user/get=c"), 0);
	log_in(LOGIN_SEQ);
	assert_int_equal(send_numbered("/pull", "1", "{\"pageSize\":\"1\"}"), SIM_CODE(2, 5));
	assert_string_equal(decrypted(),
			    "[{\"topic\":\"" SET "\",\"payload\":\"{\\\"id\\\":\\\"1\\\"}\"}]");
	assert_string_equal(cloud_fixture_recorded("event"), "command");
	assert_string_equal(cloud_fixture_recorded("topic"), SET);
	assert_int_equal(send_numbered("/pull", "2", "{\"pageSize\":10}"), SIM_CODE(2, 5));
	assert_string_equal(decrypted(), "[{\"topic\":\"/ota/device/upgrade/" PK "/" DN
					 "\",\"payload\":\"b\"},{\"topic\":\"/" PK "/" DN
					 "/user/get\",\"payload\":\"c\"}]");
	assert_int_equal(send_numbered("/pull", "3", ""), SIM_CODE(2, 5));
	assert_string_equal(decrypted(), "[]");
	assert_int_equal(send_numbered("/pull", "4", "{\"pageSize\":\"x\"}"), SIM_CODE(4, 0));
	assert_recorded("refused", "4.00", "pageSize is not a number from 1");
	assert_int_equal(send_numbered("/pull", "4", "{"), SIM_CODE(4, 1));
}

static void test_a_page_fits_a_reply(void **state)
{
	char text[1024];
	json_auto_t *page = NULL;

	(void)state;
	(void)snprintf(text, sizeof(text), SET "=%0700d", 0);
	assert_int_equal(hand_out(text), 0);
	assert_int_equal(hand_out(text), 0);
	(void)snprintf(text, sizeof(text), SET "=%0900d", 0);
	assert_int_equal(hand_out(text), -EMSGSIZE);
	assert_int_equal(hand_out("/sys/" PK "/none/x=y"), -ENOENT);
	assert_int_equal(hand_out("/x=y"), -ENOENT);

	fixture.door = DTLS;
	log_in(LOGIN);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(send_plainly("/pull", ""), SIM_CODE(2, 5));
		json_decref(page);
		page = reply_json();
		assert_int_equal(json_array_size(page), 1);
	}
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(hand_out(SET "=x"), 0);
	assert_int_equal(hand_out(SET "=x"), -ENOBUFS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_logs_in),
		TEST(test_logs_in_with_cbor),
		TEST(test_refuses_logins),
		TEST(test_separate_replies),
		TEST(test_tells_secrets),
		TEST(test_pre_shared_keys),
		TEST(test_publishes_encrypted),
		TEST(test_publishes_in_the_clear),
		TEST(test_sequences),
		TEST(test_refuses_messages),
		TEST(test_refuses_what_is_not_encrypted),
		TEST(test_tokens),
		TEST(test_rotates),
		TEST(test_commands_are_pulled),
		TEST(test_a_page_fits_a_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
