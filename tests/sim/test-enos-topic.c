/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/enos-topic.h"

#define DEVICE "pk/dk"
#define OWN "/sys/" DEVICE "/"

static int find(const char *topic)
{
	const struct sim_enos_topic *kind;

	return sim_enos_topic_find(topic, DEVICE, &kind);
}

static void test_own_topics(void **state)
{
	static const char *const good[] = {
		OWN "thing/measurepoint/post",
		OWN "thing/event/overheat/post",
		OWN "thing/attribute/update",
		OWN "thing/attribute/query",
		OWN "thing/attribute/delete",
		OWN "thing/tag/update",
		OWN "thing/tag/query",
		OWN "thing/tag/delete",
		OWN "thing/model/up_raw",
		OWN "thing/model/down_raw_reply",
		OWN "thing/service/reboot_reply",
		OWN "thing/service/measurepoint/set_reply",
		OWN "thing/service/measurepoint/get_reply",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(find(good[i]), 0);
}

static void test_unknown_topics(void **state)
{
	static const char *const unknown[] = {
		"",
		"/",
		"/ext/session/pk/dk/thing/activate/info",
		OWN,
		OWN "thing/measurepoint",
		OWN "thing/measurepoint/post/",
		OWN "thing/measurepoint/postal",
		OWN "/thing/measurepoint/post",
		OWN "thing/event/post",
		OWN "thing/event//post",
		OWN "thing/event/a/b/post",
		OWN "thing/service/reboot",
		OWN "thing/service/_reply",
		OWN "thing/service/a/b/c_reply",
		OWN "thing/model/down_raw",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(find(unknown[i]), -ENOENT);
}

static void test_topics_of_others(void **state)
{
	(void)state;
	assert_int_equal(find("/sys/pk/dk2/thing/measurepoint/post"), -EACCES);
	assert_int_equal(find("/sys/pk2/dk/thing/measurepoint/post"), -EACCES);
	assert_int_equal(find("/sys/pk/dk"), -EACCES);
	assert_int_equal(find("/sys/"), -EACCES);
}

static void check(const char *tail, const char *payload, int code, const char *reply)
{
	const struct sim_enos_topic *kind;
	char topic[128] = OWN;
	char *text = NULL;

	(void)strcat(topic, tail);
	assert_int_equal(sim_enos_topic_find(topic, DEVICE, &kind), 0);
	assert_int_equal(sim_enos_topic_answer(kind, topic, (const uint8_t *)payload,
					       strlen(payload), &text),
			 code);
	if (reply)
		assert_string_equal(text, reply);
	else
		assert_null(text);
	free(text);
}

static void test_good_posts(void **state)
{
	(void)state;
	check("thing/measurepoint/post",
	      "{\"id\":\"123\",\"version\":\"1.0\",\"method\":\"thing.measurepoint.post\","
	      "\"params\":{\"measurepoints\":{\"temp\":1.02},\"time\":1700000000000}}",
	      200, "{\"id\":\"123\",\"code\":200,\"data\":{}}");
	check("thing/measurepoint/post",
	      "{\"method\":\"thing.measurepoint.post\",\"params\":{\"measurepoints\":{}}}", 200,
	      "{\"code\":200,\"data\":{}}");
	check("thing/event/hot/post", "{\"method\":\"thing.event.hot.post\",\"params\":{}}", 200,
	      "{\"code\":200,\"data\":{}}");
	check("thing/service/measurepoint/set_reply", "{\"id\":\"9\",\"code\":200,\"data\":{}}",
	      200, "{\"id\":\"9\",\"code\":200,\"data\":{}}");
	check("thing/model/up_raw", "\xff not JSON", 200, NULL);
}

static void test_bad_json(void **state)
{
	(void)state;
	check("thing/measurepoint/post", "", 1220, "{\"code\":1220,\"data\":{}}");
	check("thing/measurepoint/post", "{\"id\":\"1\"", 1220, "{\"code\":1220,\"data\":{}}");
	check("thing/tag/query", "\xff", 1220, "{\"code\":1220,\"data\":{}}");
}

static void test_bad_posts(void **state)
{
	static const char *const bad[] = {
		"{\"id\":\"1\"}",
		"{\"id\":\"1\",\"params\":{\"measurepoints\":{}}}",
		"{\"id\":\"1\",\"method\":\"thing.measurepoint.get\",\"params\":{\"measurepoints\":"
		"{}}}",
		"{\"id\":\"1\",\"method\":\"thing/measurepoint/"
		"post\",\"params\":{\"measurepoints\":{}}}",
		"{\"id\":\"1\",\"method\":\"thing.measurepoint.pos\",\"params\":{\"measurepoints\":"
		"{}}}",
		"{\"id\":\"1\",\"method\":\"thing.measurepoint.post\",\"params\":[]}",
		"{\"id\":\"1\",\"method\":\"thing.measurepoint.post\",\"params\":{}}",
		"{\"id\":\"1\",\"method\":\"thing.measurepoint.post\","
		"\"params\":{\"measurepoints\":{},\"time\":\"now\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check("thing/measurepoint/post", bad[i], 1206,
		      "{\"id\":\"1\",\"code\":1206,\"data\":{}}");
	check("thing/measurepoint/post", "[]", 1206, "{\"code\":1206,\"data\":{}}");
	check("thing/service/reboot_reply", "{\"id\":\"1\"}", 1206,
	      "{\"id\":\"1\",\"code\":1206,\"data\":{}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_topics),	 cmocka_unit_test(test_unknown_topics),
		cmocka_unit_test(test_topics_of_others), cmocka_unit_test(test_good_posts),
		cmocka_unit_test(test_bad_json),	 cmocka_unit_test(test_bad_posts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
