/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/cloud.h"
#include "sim/http.h"
#include "tests/sim/cloud-fixture.h"

#define ICCID "8988280666000001234"
#define OTHER "8988280666000005678"
#define SIXTH "8988280666000006666"
#define URL "coaps://127.0.0.1:40001"
#define PATH "/device-api/onboarding/coap"

enum {
	PLAIN,
	DTLS
};

static struct cloud_fixture fixture;

static int setup(void **state)
{
	(void)state;
	fixture = (struct cloud_fixture){ 0 };
	if (sim_setup_add_card(&fixture.setup, ICCID ",127.0.0.1") < 0 ||
	    sim_setup_add_card(&fixture.setup, OTHER ",127.0.0.2") < 0 ||
	    sim_setup_add_card(&fixture.setup, SIXTH ",0:0::1") < 0 ||
	    cloud_fixture_open(&fixture, &sim_1nce) < 0)
		return -1;
	fixture.cloud->type->opened(fixture.cloud, PLAIN, "coap://127.0.0.1:40000");
	fixture.cloud->type->opened(fixture.cloud, DTLS, URL);

	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cloud_fixture_close(&fixture);

	return 0;
}

static uint8_t post(const char *query)
{
	if (query)
		cloud_fixture_option(15, query, strlen(query));

	return cloud_fixture_send(&fixture, SIM_POST, "/", "hello", 5);
}

static void assert_recorded(const char *event, const char *member, const char *value)
{
	assert_string_equal(cloud_fixture_recorded("event"), event);
	if (value)
		assert_string_equal(cloud_fixture_recorded(member), value);
	else
		assert_null(cloud_fixture_recorded(member));
}

static const char *key_of(const char *iccid)
{
	static char text[SIM_PSK_MAX + 1];
	size_t len;

	if (fixture.cloud->type->key(fixture.cloud, DTLS, iccid, (uint8_t *)text, &len) < 0)
		return NULL;
	text[len] = '\0';

	return text;
}

/* Onboards over CoAP; the key, of 32 characters, is what is between the commas. */
static void bootstrap(char ret_key[33])
{
	const char *text;

	assert_int_equal(cloud_fixture_send(&fixture, SIM_GET, "/bootstrap", "", 0),
			 SIM_CODE(2, 5));
	text = cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, NULL);
	assert_int_equal(strlen(text), strlen(ICCID) + 1 + 32 + 1 + strlen(URL));
	assert_memory_equal(text, ICCID ",", strlen(ICCID) + 1);
	(void)snprintf(ret_key, 33, "%s", text + strlen(ICCID) + 1);
	assert_string_equal(text + strlen(ICCID) + 33, "," URL);
}

static void fetch(const char *path, const char *accept, const char *range,
		  struct sim_http_reply *ret)
{
	const struct sim_http_request request = {
		.now = fixture.now * SIM_USEC_PER_SEC,
		.peer = fixture.peer,
		.path = path,
		.accept = accept,
		.range = range,
	};

	*ret = (struct sim_http_reply){ .status = 404 };
	fixture.cloud->type->fetch(fixture.cloud, &request, ret);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void test_publishes(void **state)
{
	(void)state;
	assert_int_equal(post(NULL), SIM_CODE(2, 4));
	assert_null(cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, NULL));
	assert_recorded("message", "topic", ICCID);
	assert_recorded("message", "device", ICCID);
	assert_recorded("message", "payload", "hello");
	assert_int_equal(post("t=a/b_1"), SIM_CODE(2, 4));
	assert_recorded("message", "topic", ICCID "/a/b_1");
	assert_int_equal(post("x=//"), SIM_CODE(2, 4));
	cloud_fixture_option(12, "\x2a", 1);
	cloud_fixture_option(15, "x", 1);
	assert_int_equal(post("t=b"), SIM_CODE(2, 4));
	assert_recorded("message", "topic", ICCID "/b");
}

static void test_topics(void **state)
{
	static const char *const bad[] = { "t=",  "t=a//b", "t=a b",	 "t=a-b",
					   "t=ä", "t=a.b",  "t=a?b=c#d", "t=+" };
	char longest[260] = "t=";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(post(bad[i]), SIM_CODE(4, 0));
		assert_recorded("refused", "code", "4.00");
	}
	cloud_fixture_option(15, "t=a\0b", 5);
	assert_int_equal(post(NULL), SIM_CODE(4, 0));
	(void)memset(longest + 2, 'a', 254);
	assert_int_equal(post(longest), SIM_CODE(4, 0));
	longest[2 + 253] = '\0';
	assert_int_equal(post(longest), SIM_CODE(2, 4));
}

static void test_cards(void **state)
{
	(void)state;
	fixture.peer = "127.0.0.2:5";
	assert_int_equal(post(NULL), SIM_CODE(2, 4));
	assert_recorded("message", "device", OTHER);
	fixture.peer = "[::1]:5";
	assert_int_equal(post(NULL), SIM_CODE(2, 4));
	assert_recorded("message", "device", SIXTH);
	fixture.peer = "127.0.0.3:5";
	assert_int_equal(post("t=//"), SIM_CODE(4, 1));
	assert_recorded("refused", "reason", "unknown card");
	assert_int_equal(cloud_fixture_send(&fixture, SIM_GET, "/bootstrap", "", 0),
			 SIM_CODE(4, 1));
}

static void test_card_of_everybody_else(void **state)
{
	(void)state;
	cloud_fixture_close(&fixture);
	assert_int_equal(sim_setup_add_card(&fixture.setup, ICCID), 0);
	assert_int_equal(sim_setup_add_card(&fixture.setup, OTHER ",127.0.0.2"), 0);
	assert_int_equal(cloud_fixture_open(&fixture, &sim_1nce), 0);
	assert_int_equal(post(NULL), SIM_CODE(2, 4));
	assert_recorded("message", "device", ICCID);
	fixture.peer = "127.0.0.2:5";
	assert_int_equal(post(NULL), SIM_CODE(2, 4));
	assert_recorded("message", "device", OTHER);
}

static void test_refuses(void **state)
{
	(void)state;
	assert_int_equal(cloud_fixture_send(&fixture, SIM_GET, "/", "", 0), SIM_CODE(4, 5));
	assert_recorded("refused", "reason", "a message is a POST");
	assert_int_equal(cloud_fixture_send(&fixture, SIM_POST, "/bootstrap", "", 0),
			 SIM_CODE(4, 5));
	assert_int_equal(cloud_fixture_send(&fixture, SIM_POST, "/a", "", 0), SIM_CODE(4, 4));
	assert_recorded("refused", "reason", "no such path");
	fixture.door = DTLS;
	fixture.identity = ICCID;
	assert_int_equal(cloud_fixture_send(&fixture, SIM_GET, "/bootstrap", "", 0),
			 SIM_CODE(4, 4));
}

static void test_secured(void **state)
{
	(void)state;
	fixture.door = DTLS;
	assert_int_equal(post(NULL), SIM_CODE(4, 1));
	fixture.identity = OTHER;
	assert_int_equal(post("t=a"), SIM_CODE(2, 4));
	assert_recorded("message", "identity", OTHER);
	assert_recorded("message", "topic", OTHER "/a");
	fixture.identity = "none";
	assert_int_equal(post("t=a"), SIM_CODE(4, 1));
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static void test_keys_change_after_five_minutes(void **state)
{
	char first[33], second[33];

	(void)state;
	assert_null(key_of(ICCID));
	assert_recorded("login-refused", "reason", "the card has no key yet");
	assert_null(key_of("none"));
	assert_recorded("login-refused", "reason", "unknown card");

	bootstrap(first);
	assert_recorded("onboarding", "device", ICCID);
	assert_string_equal(key_of(ICCID), first);
	fixture.now += 299;
	bootstrap(second);
	assert_string_equal(second, first);
	fixture.now += 299;
	bootstrap(second);
	assert_string_equal(second, first);
	fixture.now += 300;
	bootstrap(second);
	assert_string_not_equal(second, first);
	assert_string_equal(key_of(ICCID), second);
}

static void test_owner_decides(void **state)
{
	int (*rotate)(struct sim_cloud *, const char *, const char *) = fixture.cloud->type->rotate;
	struct sim_http_reply reply;
	char longest[2 * SIM_PSK_MAX + 4];

	(void)state;
	assert_int_equal(rotate(fixture.cloud, "none", "x"), -ENOENT);
	assert_int_equal(rotate(fixture.cloud, ICCID, ""), 0);
	assert_int_equal(post(NULL), SIM_CODE(4, 1));
	assert_recorded("refused", "reason", "the card is not active");
	fetch(PATH, "", "", &reply);
	assert_int_equal(reply.status, 401);
	assert_non_null(strstr(reply.body, "\"statusText\":\"Unauthorized\",\"errors\":[{"));
	assert_recorded("refused", "code", "401");

	assert_int_equal(rotate(fixture.cloud, ICCID, "mine"), 0);
	assert_int_equal(post(NULL), SIM_CODE(2, 4));
	assert_string_equal(key_of(ICCID), "mine");
	fixture.now += 600;
	fetch(PATH, "text/csv", "", &reply);
	assert_string_equal(reply.body, "mine," ICCID);
	assert_int_equal(rotate(fixture.cloud, ICCID, "0x4142"), 0);
	assert_string_equal(key_of(ICCID), "AB");
	fetch(PATH, "text/csv", "", &reply);
	assert_string_equal(reply.body, "4142," ICCID);
	assert_int_equal(rotate(fixture.cloud, ICCID, "0xfoo"), 0);
	assert_null(key_of(ICCID));

	(void)memset(longest, '0', sizeof(longest));
	longest[1] = 'x';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(rotate(fixture.cloud, ICCID, longest), -EMSGSIZE);
	longest[sizeof(longest) - 2] = '\0';
	assert_int_equal(rotate(fixture.cloud, ICCID, longest), 0);
	assert_non_null(key_of(ICCID));
	longest[1] = '0';
	assert_int_equal(rotate(fixture.cloud, ICCID, longest), -EMSGSIZE);
}

static void test_onboards_by_https(void **state)
{
	struct sim_http_reply reply;
	char key[33], expected[128];

	(void)state;
	bootstrap(key);
	fetch(PATH, "", "", &reply);
	assert_int_equal(reply.status, 200);
	(void)snprintf(expected, sizeof(expected),
		       "{\"clientIdentity\":\"" ICCID "\",\"preSharedKey\":\"%s\"}", key);
	assert_string_equal(reply.body, expected);
	assert_recorded("onboarding", "device", ICCID);
	fetch("/identity-first" PATH, "text/csv", "", &reply);
	(void)snprintf(expected, sizeof(expected), "\"" ICCID ", %s\"", key);
	assert_string_equal(reply.body, expected);
	fetch(PATH, "text/csv", "bytes=33-36", &reply);
	assert_int_equal(reply.status, 206);
	assert_string_equal(reply.content_range, "bytes 33-36/52");
	assert_memory_equal(reply.body, ICCID, reply.body_len);
}

static void test_refuses_by_https(void **state)
{
	struct sim_http_reply reply;

	(void)state;
	fetch("/", "", "", &reply);
	assert_int_equal(reply.status, 404);
	assert_recorded("refused", "reason", "no such path");
	fetch(PATH, "text/html", "", &reply);
	assert_int_equal(reply.status, 406);
	assert_recorded("refused", "code", "406");
	fetch(PATH, "", "bytes=1000-", &reply);
	assert_int_equal(reply.status, 416);
	assert_recorded("refused", "code", "416");
	fixture.peer = "127.0.0.3:5";
	fetch(PATH, "", "", &reply);
	assert_int_equal(reply.status, 401);
	assert_recorded("refused", "reason", "unknown card");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_publishes),
		TEST(test_topics),
		TEST(test_cards),
		TEST(test_card_of_everybody_else),
		TEST(test_refuses),
		TEST(test_secured),
		TEST(test_keys_change_after_five_minutes),
		TEST(test_owner_decides),
		TEST(test_onboards_by_https),
		TEST(test_refuses_by_https),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
