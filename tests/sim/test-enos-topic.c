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
		OWN "thing/measurepoint/post/batch",
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

#define BATCH(params) \
	"{\"id\":\"1\",\"method\":\"thing.measurepoint.post.batch\",\"params\":" params "}"

static void test_many(void **state)
{
	static const char *const bad[] = {
		BATCH("[]"),
		BATCH("{}"),
		BATCH("[{}]"),
		BATCH("[{\"measurepoints\":1}]"),
		BATCH("[{\"measurepoints\":{\"a\":1},\"time\":\"now\"}]"),
		"{\"id\":\"1\",\"method\":\"x\",\"params\":[{\"measurepoints\":{\"a\":1}}]}",
	};

	(void)state;
	check("thing/measurepoint/post/batch",
	      BATCH("[{\"measurepoints\":{\"a\":1,\"b\":2},\"time\":5},"
		    "{\"measurepoints\":{\"a\":3}}]"),
	      200, "{\"id\":\"1\",\"code\":200,\"data\":{}}");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check("thing/measurepoint/post/batch", bad[i], 1206,
		      "{\"id\":\"1\",\"code\":1206,\"data\":{}}");
}

/* If a part is wrong, all is refused. */
static void test_names(void **state)
{
	(void)state;
	check("thing/measurepoint/post/batch",
	      BATCH("[{\"measurepoints\":{\"a\":1}},{\"measurepoints\":{\"a b\":1}}]"), 1204,
	      "{\"id\":\"1\",\"code\":1204,\"data\":{}}");
	check("thing/measurepoint/post",
	      "{\"method\":\"thing.measurepoint.post\",\"params\":{\"measurepoints\":"
	      "{\"a b\":1}}}",
	      1204, "{\"code\":1204,\"data\":{}}");
	check("thing/measurepoint/post",
	      "{\"method\":\"thing.measurepoint.post\",\"params\":{\"measurepoints\":"
	      "{\"INV.GenActivePW\":1}}}",
	      200, "{\"code\":200,\"data\":{}}");
}

static void collect(void *userdata, const struct sim_point *point)
{
	char *all = userdata;
	char *text = sim_point_print(point);

	strcat(strcat(all, text), " ");
	free(text);
}

static void test_points(void **state)
{
	static const char post[] = BATCH("[{\"measurepoints\":{\"a\":1,\"b\":2},\"time\":5},"
					 "{\"measurepoints\":{\"a\":3}}]");
	const struct sim_enos_topic *kind;
	char all[512] = "";

	(void)state;
	assert_int_equal(sim_enos_topic_find(OWN "thing/measurepoint/post/batch", DEVICE, &kind),
			 0);
	sim_enos_topic_each(kind, (const uint8_t *)post, strlen(post), collect, all);
	assert_string_equal(all, "{\"name\":\"a\",\"value\":1,\"time\":5} "
				 "{\"name\":\"b\",\"value\":2,\"time\":5} "
				 "{\"name\":\"a\",\"value\":3} ");
	/* There is nothing to look at in a message with one moment. */
	assert_int_equal(sim_enos_topic_find(OWN "thing/measurepoint/post", DEVICE, &kind), 0);
	sim_enos_topic_each(kind, (const uint8_t *)post, strlen(post), collect, all);
	assert_null(strstr(all, "} {\"name\":\"a\",\"value\":3} {"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_topics),
		cmocka_unit_test(test_unknown_topics),
		cmocka_unit_test(test_topics_of_others),
		cmocka_unit_test(test_good_posts),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_bad_posts),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
