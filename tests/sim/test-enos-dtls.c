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
#include "tests/sim/cloud-fixture.h"

#define IN_MODE(mode, lifetime) "pk7TestA,dev0000001," mode "," lifetime
#define ACTIVATION "/topic/ext/session/pk7TestA/dev0000001/thing/activate/info"
#define SET "/sys/pk7TestA/dev0000001/thing/service/measurepoint/set"
#define POINTS "/topic/sys/pk7TestA/dev0000001/thing/measurepoint/post"
#define GOOD_POST \
	"{\"id\":\"1\",\"method\":\"thing.measurepoint.post\",\"params\":{\"measurepoints\":{}}}"

static struct cloud_fixture fixture;

static int setup(void **state)
{
	(void)state;
	fixture = (struct cloud_fixture){ 0 };
	if (sim_setup_add_device(&fixture.setup, "pk7TestA,dev0000001,AbCdEfGhIjKlMnOpQrSt") < 0 ||
	    sim_setup_add_device(&fixture.setup, "pk7TestB,dev0000002,secret") < 0 ||
	    sim_setup_add_product(&fixture.setup, "pk7TestA,ZyXwVuTsRqPoNmLkJiHg") < 0)
		return -1;

	return cloud_fixture_open(&fixture, &sim_enos_dtls);
}

static int teardown(void **state)
{
	(void)state;
	cloud_fixture_close(&fixture);

	return 0;
}

static const char *key_of(const char *identity)
{
	static char hex[2 * SIM_PSK_MAX + 1];
	uint8_t key[SIM_PSK_MAX];
	size_t len;

	if (fixture.cloud->type->key(fixture.cloud, 0, identity, key, &len) < 0)
		return NULL;
	for (size_t i = 0; i < len; i++)
		(void)sprintf(hex + 2 * i, "%02X", key[i]);

	return hex;
}

static void shake_hands(const char *identity)
{
	assert_non_null(key_of(identity));
	fixture.identity = identity;
}

static uint8_t ask(uint8_t method, const char *path, const char *payload)
{
	return cloud_fixture_send(&fixture, method, path, payload, strlen(payload));
}

static const char *payload(void)
{
	return cloud_fixture_part(&fixture, SIM_REPLY_PAYLOAD, NULL);
}

static void assert_refused(uint8_t method, const char *path, uint8_t code, const char *reason)
{
	char text[8];

	(void)snprintf(text, sizeof(text), "%d.%02d", SIM_CODE_CLASS(code), SIM_CODE_DETAIL(code));
	assert_int_equal(ask(method, path, GOOD_POST), code);
	assert_null(payload());
	assert_string_equal(cloud_fixture_recorded("event"), "refused");
	assert_string_equal(cloud_fixture_recorded("code"), text);
	assert_string_equal(cloud_fixture_recorded("reason"), reason);
}

static void test_keys(void **state)
{
	(void)state;
	assert_string_equal(key_of(IN_MODE("2", "3600")), "6BBAB0D6090A08BCDDEEBD695A5523D1");
	assert_string_equal(key_of(IN_MODE("2", "30")), "6BBAB0D6090A08BCDDEEBD695A5523D1");
	assert_string_equal(key_of(IN_MODE("3", "86400")), "DA5C898F20CE6716F59D6C9A25020510");
}

static void test_identities_that_have_no_key(void **state)
{
	static const char *const bad[] = {
		"",
		"pk7TestA,dev0000001",
		"pk7TestA,dev0000001,2",
		"pk7TestA,dev0000001,2,3600,",
		"pk7TestA,dev0000001,2,3600 ",
		IN_MODE("1", "3600"),
		IN_MODE("02", "3600"),
		IN_MODE("2", "29"),
		IN_MODE("2", "86401"),
		IN_MODE("2", "100000"),
		IN_MODE("2", "03600"),
		IN_MODE("2", "+3600"),
		IN_MODE("2", ""),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(key_of(bad[i]));
		assert_string_equal(cloud_fixture_recorded("event"), "login-refused");
		assert_string_equal(cloud_fixture_recorded("identity"), bad[i]);
	}
	assert_null(key_of("pk7TestA,dev2,2,3600"));
	assert_string_equal(cloud_fixture_recorded("reason"), "unknown device");
	assert_null(key_of("pk7TestB,dev0000002,3,3600"));
	assert_string_equal(cloud_fixture_recorded("reason"), "the product has no secret");
	assert_non_null(key_of("pk7TestB,dev0000002,2,3600"));
}

static void test_publishes(void **state)
{
	(void)state;
	shake_hands(IN_MODE("2", "3600"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	assert_string_equal(payload(), "{\"id\":\"1\",\"code\":200,\"data\":{}}");
	assert_string_equal(cloud_fixture_recorded("event"), "message");
	assert_string_equal(cloud_fixture_recorded("device"), "pk7TestA/dev0000001");
	assert_string_equal(cloud_fixture_recorded("identity"), IN_MODE("2", "3600"));
	assert_string_equal(cloud_fixture_recorded("payload"), GOOD_POST);
	assert_int_equal(ask(SIM_POST, POINTS, "{"), SIM_CODE(2, 4));
	assert_string_equal(payload(), "{\"code\":1220,\"data\":{}}");
	assert_string_equal(cloud_fixture_recorded("code"), "1220");
}

static void test_logins_are_recorded(void **state)
{
	(void)state;
	shake_hands(IN_MODE("2", "3600"));
	assert_int_equal(cloud_fixture_count("login"), 0);
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	assert_int_equal(cloud_fixture_count("login"), 1);
	shake_hands(IN_MODE("3", "3600"));
	assert_int_equal(ask(SIM_GET, ACTIVATION, ""), SIM_CODE(2, 5));
	assert_int_equal(cloud_fixture_count("login"), 2);
	assert_int_equal(cloud_fixture_count("onboarding"), 1);
}

static void test_refuses(void **state)
{
	(void)state;
	assert_refused(SIM_POST, POINTS, SIM_CODE(4, 1), "no identity of a device");
	assert_string_equal(cloud_fixture_recorded("topic"), POINTS);
	shake_hands(IN_MODE("2", "3600"));
	assert_refused(SIM_POST, "/topic", SIM_CODE(4, 4), "no such path");
	assert_refused(SIM_POST, "/topic/sys/pk7TestA/dev0000001/thing/nothing", SIM_CODE(4, 4),
		       "no such topic");
	assert_refused(SIM_POST, "/topic/sys/pk7TestB/dev0000002/thing/model/up_raw",
		       SIM_CODE(4, 3), "another device's topic");
	assert_refused(SIM_GET, ACTIVATION, SIM_CODE(4, 4), "no such topic");
	assert_refused(3, POINTS, SIM_CODE(4, 5), "a topic has POST and GET");
}

static void test_activates(void **state)
{
	(void)state;
	shake_hands(IN_MODE("3", "3600"));
	assert_refused(SIM_POST, POINTS, SIM_CODE(4, 1),
		       "in secure mode 3 one can only ask for the device's secret");
	assert_int_equal(ask(SIM_POST, ACTIVATION, ""), SIM_CODE(4, 1));
	assert_int_equal(ask(SIM_GET, "/", ""), SIM_CODE(4, 1));
	assert_int_equal(ask(SIM_GET, "/topic/ext/session/pk7TestB/dev0000002/thing/activate/info",
			     ""),
			 SIM_CODE(4, 1));
	assert_int_equal(ask(SIM_GET, ACTIVATION, ""), SIM_CODE(2, 5));
	assert_string_equal(payload(), "{\"id\":\"1\",\"version\":\"1.0\","
				       "\"method\":\"thing.activate.info\",\"params\":{"
				       "\"assetId\":\"asset1\",\"productKey\":\"pk7TestA\","
				       "\"deviceKey\":\"dev0000001\","
				       "\"deviceSecret\":\"AbCdEfGhIjKlMnOpQrSt\"}}");

	shake_hands(IN_MODE("2", "3600"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
}

static void test_session_ends_with_silence(void **state)
{
	static const char reason[] = "the session is over, or another has taken its place";

	(void)state;
	shake_hands(IN_MODE("2", "30"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	fixture.now += 29;
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	fixture.now += 29;
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	fixture.now += 30;
	assert_refused(SIM_POST, POINTS, SIM_CODE(4, 1), reason);
	assert_refused(SIM_POST, POINTS, SIM_CODE(4, 1), reason);
	shake_hands(IN_MODE("2", "30"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
}

static void test_newer_handshake_takes_over(void **state)
{
	(void)state;
	shake_hands(IN_MODE("2", "3600"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));

	/* A handshake that is not followed by a request may have failed. */
	shake_hands(IN_MODE("2", "3600"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));

	fixture.peer = "127.0.0.1:40001";
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	fixture.peer = "127.0.0.1:40000";
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(4, 1));
	fixture.peer = "127.0.0.1:40001";
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
}

static void test_expires(void **state)
{
	(void)state;
	shake_hands(IN_MODE("2", "3600"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	fixture.cloud->type->expire(fixture.cloud);
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(4, 1));
	shake_hands(IN_MODE("2", "3600"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
}

static void test_rotates(void **state)
{
	const struct sim_cloud_type *type = fixture.cloud->type;

	(void)state;
	assert_int_equal(type->rotate(fixture.cloud, "pk7TestA/none", "x"), -ENOENT);
	assert_int_equal(type->rotate(fixture.cloud, "pk7TestA/dev0000001", "ZyXwVuTsRqPoNmLkJiHg"),
			 0);
	assert_string_equal(key_of(IN_MODE("2", "3600")), "DA5C898F20CE6716F59D6C9A25020510");
	shake_hands(IN_MODE("3", "3600"));
	assert_int_equal(ask(SIM_GET, ACTIVATION, ""), SIM_CODE(2, 5));
	assert_non_null(strstr(payload(), "\"deviceSecret\":\"ZyXwVuTsRqPoNmLkJiHg\""));
}

static void hand_out(const char *text)
{
	const struct sim_command *command;

	assert_int_equal(sim_setup_add_command(&fixture.setup, text, &command), 0);
	assert_int_equal(fixture.cloud->type->command(fixture.cloud, command), 0);
}

static void test_commands_are_fetched(void **state)
{
	(void)state;
	hand_out(SET "=first");
	hand_out(SET "=second");
	shake_hands(IN_MODE("3", "3600"));
	assert_int_equal(ask(SIM_GET, ACTIVATION, ""), SIM_CODE(2, 5));
	assert_null(cloud_fixture_part(&fixture, 2100, NULL));

	shake_hands(IN_MODE("2", "3600"));
	assert_int_equal(ask(SIM_POST, POINTS, GOOD_POST), SIM_CODE(2, 4));
	assert_string_equal(cloud_fixture_part(&fixture, 2100, NULL), "/topic" SET);
	assert_null(cloud_fixture_part(&fixture, 2102, NULL));
	assert_int_equal(ask(SIM_GET, "/topic" SET, ""), SIM_CODE(2, 5));
	assert_string_equal(payload(), "first");
	assert_string_equal(cloud_fixture_part(&fixture, 2100, NULL), "/topic" SET);
	assert_string_equal(cloud_fixture_recorded("event"), "command");
	assert_string_equal(cloud_fixture_recorded("payload"), "first");
	assert_int_equal(ask(SIM_GET, "/topic" SET, ""), SIM_CODE(2, 5));
	assert_null(cloud_fixture_part(&fixture, 2100, NULL));
	assert_int_equal(ask(SIM_GET, "/topic" SET, ""), SIM_CODE(4, 4));
	assert_int_equal(ask(SIM_POST, "/topic" SET "_reply", "{\"id\":\"1\",\"code\":200}"),
			 SIM_CODE(2, 4));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys),
		TEST(test_identities_that_have_no_key),
		TEST(test_publishes),
		TEST(test_logins_are_recorded),
		TEST(test_refuses),
		TEST(test_activates),
		TEST(test_session_ends_with_silence),
		TEST(test_newer_handshake_takes_over),
		TEST(test_expires),
		TEST(test_rotates),
		TEST(test_commands_are_fetched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
