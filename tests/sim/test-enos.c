/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whole exchanges with both generations, without a network: requests go in as values, dated at
 * will.
 */
#include <ctype.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/cloud.h"
#include "sim/enos-sign.h"

#define OWN "/topic/sys/pk7TestA/dev0000001/"
#define POINTS OWN "thing/measurepoint/post"
#define GOOD_POST \
	"{\"id\":\"1\",\"method\":\"thing.measurepoint.post\",\"params\":{\"measurepoints\":{}}}"
#define GOOD_REPLY "{\"id\":\"1\",\"code\":200,\"data\":{}}"
#define SET "/sys/pk7TestA/dev0000001/thing/service/measurepoint/set"
#define AUTH "/auth/pk7TestA/dev0000001"
#define SIGN_3600 "8879CC6E019E3210EA525F4EBE25D443CF6EEE9AD05CD8A79AE77565DD0F0E1E"
#define SIGN_30 "ACD713797B0C65915B8BB3C0655286648C2352CEC01546BC343976153A8DB48E"
#define LOGIN(lifetime, sign) "{\"secureMode\":2,\"lifetime\":" lifetime ",\"sign\":\"" sign "\"}"

struct fixture {
	struct sim_setup setup;
	struct sim_cloud *cloud;
	struct sim_reply *reply;
	uint64_t now; /* seconds */
	char token[64];
};

static struct fixture fixture;

static int setup(const struct sim_cloud_type *type)
{
	fixture = (struct fixture){ .now = 1000 };
	fixture.reply = sim_reply_new();
	if (!fixture.reply ||
	    sim_setup_add_device(&fixture.setup, "pk7TestA,dev0000001,AbCdEfGhIjKlMnOpQrSt") < 0 ||
	    sim_setup_add_command(&fixture.setup, SET "=first", NULL) < 0 ||
	    sim_setup_add_command(&fixture.setup, SET "=second", NULL) < 0)
		return -1;
	fixture.cloud = type->make(type, &fixture.setup, NULL);

	return fixture.cloud ? 0 : -1;
}

static int setup_v1(void **state)
{
	(void)state;

	return setup(&sim_enos_v1);
}

static int setup_v2(void **state)
{
	(void)state;

	return setup(&sim_enos_v2);
}

static int teardown(void **state)
{
	(void)state;
	if (fixture.cloud)
		fixture.cloud = fixture.cloud->type->free(fixture.cloud);
	fixture.reply = sim_reply_free(fixture.reply);
	sim_setup_done(&fixture.setup);

	return 0;
}

static uint8_t serve(uint8_t method, const char *path, const char *payload, const char *signature)
{
	const struct sim_option option = {
		.number = 2101,
		.len = (uint16_t)(signature ? strlen(signature) : 0),
		.value = (const uint8_t *)signature,
	};
	const struct sim_request request = {
		.now = fixture.now * SIM_USEC_PER_SEC,
		.peer = "127.0.0.1:40000",
		.method = method,
		.path = path,
		.options = &option,
		.n_options = signature ? 1 : 0,
		.payload = (const uint8_t *)payload,
		.payload_len = strlen(payload),
	};

	sim_reply_reset(fixture.reply);
	fixture.cloud->type->serve(fixture.cloud, &request, fixture.reply);

	return fixture.reply->code;
}

static uint8_t post(const char *path, const char *payload)
{
	return serve(SIM_POST, path, payload, NULL);
}

static const char *part(uint16_t number)
{
	static char text[SIM_REPLY_BYTES + 1];
	const uint8_t *value;
	size_t len;

	value = sim_reply_find(fixture.reply, number, &len);
	if (!value)
		return NULL;
	memcpy(text, value, len);
	text[len] = '\0';

	return text;
}

/* Signs by itself, not with the simulator's code, which only ever reads signatures. */
static const char *signature(uint64_t sequence)
{
	static char hex[257];
	static uint8_t key[16] = { 0x6b, 0xba, 0xb0, 0xd6, 0x09, 0x0a, 0x08, 0xbc,
				   0xdd, 0xee, 0xbd, 0x69, 0x5a, 0x55, 0x23, 0xd1 };
	uint8_t iv[] = "543yhjy97ae7fyfg", text[128];
	gnutls_datum_t secret = { key, sizeof(key) }, vector = { iv, 16 };
	gnutls_cipher_hd_t cipher;
	int len = snprintf((char *)text, sizeof(text), "token%ssequence%" PRIu64, fixture.token,
			   sequence);
	int pad = 16 - len % 16;

	memset(text + len, pad, (size_t)pad);
	len += pad;
	assert_int_equal(gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_128_CBC, &secret, &vector),
			 0);
	assert_int_equal(gnutls_cipher_encrypt(cipher, text, (size_t)len), 0);
	gnutls_cipher_deinit(cipher);
	for (int i = 0; i < len; i++)
		(void)sprintf(hex + 2 * i, "%02X", text[i]);

	return hex;
}

static void login_v1(const char *payload)
{
	assert_int_equal(post(AUTH, payload), SIM_CODE(2, 5));
	assert_int_equal(sscanf(part(SIM_REPLY_PAYLOAD), "{\"token\":\"%63[^\"]\"}", fixture.token),
			 1);
}

static void test_bad_logins(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{\"secureMode\":2,\"lifetime\":3600}",
		"{\"secureMode\":\"2\",\"lifetime\":3600,\"sign\":\"" SIGN_3600 "\"}",
		"{\"secureMode\":2.0,\"lifetime\":3600,\"sign\":\"" SIGN_3600 "\"}",
		"{\"secureMode\":3,\"lifetime\":3600,\"sign\":\"" SIGN_3600 "\"}",
		LOGIN("29", SIGN_30),
		LOGIN("86401", SIGN_30),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(post(AUTH, bad[i]), SIM_CODE(4, 0));
	assert_int_equal(post(AUTH, LOGIN("3600", SIGN_30)), SIM_CODE(4, 1));
	assert_int_equal(post("/auth/pk7TestA/dev2", LOGIN("3600", SIGN_3600)), SIM_CODE(4, 1));
	assert_int_equal(post("/auth/pk7TestA", LOGIN("3600", SIGN_3600)), SIM_CODE(4, 4));
	assert_int_equal(serve(SIM_GET, AUTH, "", NULL), SIM_CODE(4, 5));
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(4, 1));
	assert_null(part(SIM_REPLY_PAYLOAD));
}

static void test_v2_publishes(void **state)
{
	(void)state;
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(4, 1));
	assert_int_equal(post(AUTH, LOGIN("3600", SIGN_3600)), SIM_CODE(2, 4));
	assert_null(part(SIM_REPLY_PAYLOAD));
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(2, 4));
	assert_string_equal(part(SIM_REPLY_PAYLOAD), GOOD_REPLY);
	assert_int_equal(post("/topic//sys/pk7TestA/dev0000001/thing/measurepoint/post", GOOD_POST),
			 SIM_CODE(2, 4));
	assert_int_equal(post("/topic///sys/pk7TestA/dev0000001/thing/measurepoint/post",
			      GOOD_POST),
			 SIM_CODE(4, 4));
}

static void test_v2_refuses(void **state)
{
	(void)state;
	assert_int_equal(post(AUTH, LOGIN("3600", SIGN_3600)), SIM_CODE(2, 4));
	assert_int_equal(post("/", ""), SIM_CODE(4, 4));
	assert_int_equal(post("/topic", ""), SIM_CODE(4, 4));
	assert_int_equal(post("/topics/sys", ""), SIM_CODE(4, 4));
	assert_int_equal(post(OWN "thing/nothing", GOOD_POST), SIM_CODE(4, 4));
	assert_int_equal(post("/topic/sys/pk7TestA/other/thing/model/up_raw", ""), SIM_CODE(4, 3));
	assert_int_equal(serve(3, POINTS, GOOD_POST, NULL), SIM_CODE(4, 5));
	assert_int_equal(serve(4, AUTH, "", NULL), SIM_CODE(4, 5));
	assert_int_equal(post(POINTS, "{"), SIM_CODE(2, 4));
	assert_string_equal(part(SIM_REPLY_PAYLOAD), "{\"code\":1220,\"data\":{}}");
}

static void test_v2_session_ends_with_silence(void **state)
{
	(void)state;
	assert_int_equal(post(AUTH, LOGIN("30", SIGN_30)), SIM_CODE(2, 4));
	fixture.now += 29;
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(2, 4));
	fixture.now += 29;
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(2, 4));
	fixture.now += 30;
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(4, 1));
	assert_int_equal(post(AUTH, LOGIN("30", SIGN_30)), SIM_CODE(2, 4));
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(2, 4));
}

static void hand_out_commands(void)
{
	for (size_t i = 0; i < fixture.setup.n_commands; i++)
		assert_int_equal(
			fixture.cloud->type->command(fixture.cloud, fixture.setup.commands[i]), 0);
}

static void test_v2_commands_come_along(void **state)
{
	(void)state;
	assert_int_equal(post(AUTH, LOGIN("3600", SIGN_3600)), SIM_CODE(2, 4));
	hand_out_commands();
	assert_int_equal(post(OWN "thing/nothing", ""), SIM_CODE(4, 4));
	assert_null(part(2100));
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(2, 4));
	assert_string_equal(part(2100), "/topic" SET);
	assert_string_equal(part(2102), "first");
	assert_string_equal(part(SIM_REPLY_PAYLOAD), GOOD_REPLY);
	assert_int_equal(post(OWN "thing/model/up_raw", ""), SIM_CODE(2, 4));
	assert_string_equal(part(2102), "second");
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(2, 4));
	assert_null(part(2100));
}

static void test_v1_wants_a_signature(void **state)
{
	(void)state;
	login_v1(LOGIN("3600", SIGN_3600));
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(4, 1));
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, "00"), SIM_CODE(4, 1));
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(0)), SIM_CODE(4, 1));
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(1)), SIM_CODE(2, 4));
	assert_string_equal(part(SIM_REPLY_PAYLOAD), GOOD_REPLY);
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(1)), SIM_CODE(4, 1));
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(3)), SIM_CODE(2, 4));
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(2)), SIM_CODE(4, 1));
}

static void test_v1_token_dies(void **state)
{
	char old[64];

	(void)state;
	login_v1(LOGIN("30", SIGN_30));
	(void)strcpy(old, fixture.token);
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(1)), SIM_CODE(2, 4));
	fixture.now += 29;
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(4, 1));
	fixture.now += 1;
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(2)), SIM_CODE(4, 1));

	login_v1(LOGIN("30", SIGN_30));
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(1)), SIM_CODE(2, 4));
	(void)strcpy(fixture.token, old);
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(2)), SIM_CODE(4, 1));
}

static void test_v1_commands_are_fetched(void **state)
{
	(void)state;
	hand_out_commands();
	login_v1(LOGIN("3600", SIGN_3600));
	assert_string_equal(part(2100), "/topic" SET);
	assert_int_equal(serve(SIM_GET, "/topic" SET, "", NULL), SIM_CODE(4, 1));
	assert_int_equal(serve(SIM_GET, "/topic" SET, "", signature(1)), SIM_CODE(2, 5));
	assert_string_equal(part(SIM_REPLY_PAYLOAD), "first");
	assert_string_equal(part(2100), "/topic" SET);
	assert_null(part(2102));
	assert_int_equal(serve(SIM_GET, "/topic" SET, "", signature(2)), SIM_CODE(2, 5));
	assert_string_equal(part(SIM_REPLY_PAYLOAD), "second");
	assert_null(part(2100));
	assert_int_equal(serve(SIM_GET, "/topic" SET, "", signature(3)), SIM_CODE(4, 4));
	assert_int_equal(serve(SIM_GET, "/topic/sys/pk7TestA/other/x", "", signature(4)),
			 SIM_CODE(4, 3));
}

static void test_v2_expires(void **state)
{
	(void)state;
	assert_int_equal(post(AUTH, LOGIN("3600", SIGN_3600)), SIM_CODE(2, 4));
	fixture.cloud->type->expire(fixture.cloud);
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(4, 1));
	assert_int_equal(post(AUTH, LOGIN("3600", SIGN_3600)), SIM_CODE(2, 4));
	assert_int_equal(post(POINTS, GOOD_POST), SIM_CODE(2, 4));
}

static void test_v2_has_another_secret(void **state)
{
	const struct sim_cloud_type *type = fixture.cloud->type;

	(void)state;
	assert_int_equal(type->rotate(fixture.cloud, "pk7TestA/other", "x"), -ENOENT);
	assert_int_equal(type->rotate(fixture.cloud, "pk7TestA/dev0000001", "x"), 0);
	assert_int_equal(post(AUTH, LOGIN("3600", SIGN_3600)), SIM_CODE(4, 1));
	assert_int_equal(type->rotate(fixture.cloud, "pk7TestA/dev0000001", "AbCdEfGhIjKlMnOpQrSt"),
			 0);
	assert_int_equal(post(AUTH, LOGIN("3600", SIGN_3600)), SIM_CODE(2, 4));
}

static void test_v1_has_another_secret(void **state)
{
	(void)state;
	login_v1(LOGIN("3600", SIGN_3600));
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(1)), SIM_CODE(2, 4));
	assert_int_equal(fixture.cloud->type->rotate(fixture.cloud, "pk7TestA/dev0000001", "x"), 0);
	assert_int_equal(serve(SIM_POST, POINTS, GOOD_POST, signature(2)), SIM_CODE(4, 1));
}

#define V1_TEST(function) cmocka_unit_test_setup_teardown(function, setup_v1, teardown)
#define V2_TEST(function) cmocka_unit_test_setup_teardown(function, setup_v2, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		V1_TEST(test_bad_logins),
		V2_TEST(test_bad_logins),
		V2_TEST(test_v2_publishes),
		V2_TEST(test_v2_refuses),
		V2_TEST(test_v2_session_ends_with_silence),
		V2_TEST(test_v2_commands_come_along),
		V1_TEST(test_v1_wants_a_signature),
		V1_TEST(test_v1_token_dies),
		V1_TEST(test_v1_commands_are_fetched),
		V2_TEST(test_v2_expires),
		V2_TEST(test_v2_has_another_secret),
		V1_TEST(test_v1_has_another_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
