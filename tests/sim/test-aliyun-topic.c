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

#include "sim/aliyun-batch.h"
#include "sim/aliyun-topic.h"

static int find(const char *topic)
{
	enum sim_aliyun_shape shape;
	int error = sim_aliyun_topic_find(topic, "pk/dn", &shape);

	return error < 0 ? error : (int)shape;
}

static void test_finds(void **state)
{
	(void)state;
	assert_int_equal(find("/sys/pk/dn/thing/event/property/post"), SIM_ALIYUN_POST);
	assert_int_equal(find("/sys/pk/dn/thing/event/alarm/post"), SIM_ALIYUN_POST);
	assert_int_equal(find("/sys/pk/dn/thing/event/property/batch/post"), SIM_ALIYUN_POST);
	assert_int_equal(find("/sys/pk/dn/thing/model/up_raw"), SIM_ALIYUN_RAW);
	assert_int_equal(find("/sys/pk/dn/thing/service/property/set_reply"), SIM_ALIYUN_RAW);
	assert_int_equal(find("/ota/device/inform/pk/dn"), SIM_ALIYUN_RAW);
	assert_int_equal(find("/pk/dn/pub"), SIM_ALIYUN_RAW);
	assert_int_equal(find("/pk/dn/user/a/b"), SIM_ALIYUN_RAW);
}

static void test_refuses(void **state)
{
	char longest[130];

	(void)state;
	assert_int_equal(find(""), -ENOENT);
	assert_int_equal(find("/"), -ENOENT);
	assert_int_equal(find("/sys"), -ENOENT);
	assert_int_equal(find("/sys/pk"), -ENOENT);
	assert_int_equal(find("/sys/pk/dn"), -ENOENT);
	assert_int_equal(find("/pk/dn/"), -ENOENT);
	assert_int_equal(find("/sys/pk/dn/thing/event/post"), -ENOENT);
	assert_int_equal(find("/sys/pk/dn/thing/event/alarm/batch/post"), -ENOENT);
	assert_int_equal(find("/sys/pk/dn/thing/service/property/set"), -ENOENT);
	assert_int_equal(find("/ota/device/upgrade/pk/dn"), -ENOENT);
	assert_int_equal(find("/sys/pk/other/thing/event/property/post"), -EACCES);
	assert_int_equal(find("/sys/pk/dn2/nothing"), -EACCES);
	assert_int_equal(find("/ota/device/inform/pk/other"), -EACCES);
	assert_int_equal(find("/pk/other/user/a"), -EACCES);
	assert_int_equal(find("/pk/dn/3/4/5/6/7"), SIM_ALIYUN_RAW);
	assert_int_equal(find("/pk/dn/3/4/5/6/7/8"), -EINVAL);

	(void)memset(longest, 'a', sizeof(longest));
	(void)memcpy(longest, "/pk/dn/", 7);
	longest[128] = '\0';
	assert_int_equal(find(longest), SIM_ALIYUN_RAW);
	longest[128] = 'a';
	longest[129] = '\0';
	assert_int_equal(find(longest), -EINVAL);
}

static void assert_answer(const char *post, int code, const char *expected)
{
	json_auto_t *root = json_loads(post, 0, NULL), *answer = NULL;
	char *text;

	assert_int_equal(sim_aliyun_topic_answer("/sys/pk/dn/thing/event/property/post", root,
						 &answer),
			 code);
	text = json_dumps(answer, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
}

static void test_answers(void **state)
{
	static const char bad[] =
		"{\"code\":460,\"data\":{},\"message\":\"request parameter error\","
		"\"version\":\"1.0\"}";

	(void)state;
	assert_answer("{\"id\":\"7\",\"params\":{},\"method\":\"thing.event.property.post\"}", 200,
		      "{\"code\":200,\"data\":{},\"id\":\"7\",\"message\":\"success\","
		      "\"method\":\"thing.event.property.post\",\"version\":\"1.0\"}");
	assert_answer("{\"id\":\"7\",\"params\":{}}", 200,
		      "{\"code\":200,\"data\":{},\"id\":\"7\",\"message\":\"success\","
		      "\"version\":\"1.0\"}");
	assert_answer("{", 460, bad);
	assert_answer("[]", 460, bad);
	assert_answer("{\"params\":{}}", 460, bad);
	assert_answer(
		"{\"id\":\"7\",\"params\":1}", 460,
		"{\"code\":460,\"data\":{},\"id\":\"7\",\"message\":\"request parameter error\","
		"\"version\":\"1.0\"}");
	assert_answer(
		"{\"id\":\"7\",\"params\":{},\"method\":\"x\"}", 460,
		"{\"code\":460,\"data\":{},\"id\":\"7\",\"message\":\"request parameter error\","
		"\"method\":\"x\",\"version\":\"1.0\"}");
}

static int judge(const char *topic, const char *post)
{
	json_auto_t *root = json_loads(post, 0, NULL), *answer = NULL;
	int code = sim_aliyun_topic_answer(topic, root, &answer);

	assert_int_equal(json_integer_value(json_object_get(answer, "code")), code);

	return code;
}

#define BATCH "/sys/pk/dn/thing/event/property/batch/post"
#define REPORT(properties)                                     \
	"{\"id\":\"7\",\"params\":{\"properties\":" properties \
	"},\"method\":\"thing.event.property.batch.post\"}"

static void test_many(void **state)
{
	char post[16384] = "{\"id\":\"7\",\"params\":{\"properties\":{\"a\":[";

	(void)state;
	assert_int_equal(judge(BATCH, REPORT("{\"a\":[{\"value\":1,\"time\":5},{\"value\":"
					     "2,\"time\":6}],\"b\":[]}")),
			 200);
	assert_int_equal(judge(BATCH, REPORT("{\"a\":{\"value\":1,\"time\":5}}")), 460);
	assert_int_equal(judge(BATCH, REPORT("{\"a\":[{\"value\":1}]}")), 460);
	assert_int_equal(judge(BATCH, REPORT("{\"a\":[1]}")), 460);
	assert_int_equal(judge(BATCH, REPORT("[]")), 460);
	assert_int_equal(judge(BATCH, "{\"id\":\"7\",\"params\":{}}"), 460);
	assert_int_equal(judge(BATCH, REPORT("{\"a b\":[{\"value\":1,\"time\":5}]}")), 5092);
	for (unsigned int i = 0; i < 201; i++)
		(void)sprintf(post + strlen(post), "%s{\"value\":1,\"time\":5}", i > 0 ? "," : "");
	strcat(post, "]}}}");
	assert_int_equal(judge(BATCH, post), 6106);
}

/* No model could have a property of such a name. */
static void test_names(void **state)
{
	static const char properties[] = "/sys/pk/dn/thing/event/property/post";

	(void)state;
	assert_int_equal(judge(properties, "{\"id\":\"7\",\"params\":{\"a b\":1}}"), 5092);
	assert_int_equal(judge(properties, "{\"id\":\"7\",\"params\":{\"\":1}}"), 5092);
	assert_int_equal(judge(properties, "{\"id\":\"7\",\"params\":{\"a:b_c.d\":1}}"), 200);
	assert_int_equal(judge("/sys/pk/dn/thing/event/alarm/post",
			       "{\"id\":\"7\",\"params\":{\"a b\":1}}"),
			 200);
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
	json_auto_t *root =
		json_loads(REPORT("{\"a\":[{\"value\":1,\"time\":5},{\"value\":\"x\",\"time\":6}],"
				  "\"b\":[{\"value\":[2],\"time\":7}]}"),
			   0, NULL);
	char all[512] = "";

	(void)state;
	sim_aliyun_batch_each(root, collect, all);
	assert_string_equal(all, "{\"name\":\"a\",\"value\":1,\"time\":5} "
				 "{\"name\":\"a\",\"value\":\"x\",\"time\":6} "
				 "{\"name\":\"b\",\"value\":[2],\"time\":7} ");
}

static void test_owners(void **state)
{
	char name[SIM_ALIYUN_NAME_SIZE];

	(void)state;
	assert_int_equal(sim_aliyun_topic_owner("/ota/device/upgrade/pk/dn", name), 0);
	assert_string_equal(name, "pk/dn");
	assert_int_equal(sim_aliyun_topic_owner("/sys//dn/x", name), -ENOENT);
	assert_int_equal(sim_aliyun_topic_owner("/sys/pk//x", name), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),	cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_answers), cmocka_unit_test(test_many),
		cmocka_unit_test(test_names),	cmocka_unit_test(test_points),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
