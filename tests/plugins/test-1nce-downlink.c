/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin 1nce, from the daemon's side: the cloud calls, and an app answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/plugins/nce-link.h"

#define METHOD_IPATCH 7
#define TOPIC_MAX 512
#define PAYLOAD_MAX 1024

static const struct scripted_setting listening[] = {
	{ .key = "security", .value = "plain" },
	{ .key = "downlink_port", .value = "3000" },
	{ .key = "downlink_from", .value = "10.0.0.0/8" },
	{ .key = NULL },
};

static int setup_listening(void **state)
{
	(void)attach(state, listening);

	return 0;
}

/* ---- listening ---- */

static void test_listens_from_login_on(void **state)
{
	struct skybus_link *link = *state;

	assert_int_equal(link->listen.n, 0);
	scripted_login(link);
	assert_int_equal(link->listen.n, 1);
	assert_int_equal(link->listen.port, 3000);
	assert_string_equal(link->listen.from, "10.0.0.0/8");
	scripted_opened(link, 0, "");
	expect_online(link, 1);

	link = attach(state, SETTINGS({ "security", "plain", 0 }));
	scripted_login(link);
	assert_int_equal(link->listen.n, 0);
}

static void test_cannot_listen(void **state)
{
	static const struct {
		int32_t error;
		uint32_t kind;
		const char *part;
	} cases[] = {
		{ -EADDRINUSE, SKYBUS_TRANSIENT, "UDP port 3000 is another program's" },
		{ -EACCES, SKYBUS_CONFIGURATION, "1024 or more" },
		{ -EINVAL, SKYBUS_CONFIGURATION, "UDP port 3000: " },
		{ -ENOMEM, SKYBUS_TRANSIENT, "UDP port 3000: " },
	};
	struct skybus_link *link = *state;

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		link->refuse.listen = cases[i].error;
		scripted_login(link);
		expect_failure(link, cases[i].kind, cases[i].part);
		assert_int_equal(link->n_sessions, 0);
	}
}

/* The session says more of an interface that is missing; and nobody is online without ears. */
static void test_no_interface(void **state)
{
	struct skybus_link *link = *state;

	link->refuse.listen = -ENODEV;
	scripted_login(link);
	scripted_opened(link, -ENODEV, "the box has no network interface wwan0");
	expect_failure(link, SKYBUS_TRANSIENT, "no network interface wwan0");

	scripted_login(link);
	scripted_opened(link, 0, "");
	expect_failure(link, SKYBUS_TRANSIENT, "interface comes and goes");

	scripted_login(link);
	link->refuse.listen = 0;
	scripted_opened(link, 0, "");
	expect_online(link, 1);
	assert_int_equal(link->listen.port, 3000);
}

/* ---- requests ---- */

static uint32_t serve(struct skybus_link *link, const char *path, const char *query)
{
	return scripted_serve(link, SKYBUS_POST, path, query, "on", 2)->code;
}

static void test_each_method(void **state)
{
	struct skybus_link *link = *state;

	link->serve_format = SKYBUS_FORMAT_TEXT;
	for (uint32_t method = SKYBUS_GET; method <= METHOD_IPATCH; method++) {
		const struct skybus_response *response =
			scripted_serve(link, method, "/valve/1", "", "open", 4);

		assert_int_equal(response->code, CHANGED);
		assert_int_equal(response->payload_len, 0);
		assert_int_equal(link->n_commands, method);
		assert_string_equal(link->command.topic, "/valve/1");
		assert_int_equal(link->command.payload_len, 4);
		assert_memory_equal(link->command.payload, "open", 4);
		assert_int_equal(link->command.content_format, SKYBUS_FORMAT_TEXT);
		assert_int_equal(link->command.flags, SKYBUS_ANSWERABLE);
		assert_int_equal(link->command.answer_s, 45);
	}
}

static void test_query(void **state)
{
	struct skybus_link *link = *state;

	assert_int_equal(serve(link, "/", ""), CHANGED);
	assert_string_equal(link->command.topic, "/");
	assert_int_equal(serve(link, "/valve", "open=1&by=me"), CHANGED);
	assert_string_equal(link->command.topic, "/valve?open=1&by=me");
}

static void test_no_subscriber(void **state)
{
	struct skybus_link *link = *state;

	link->n_subscribers = 0;
	assert_int_equal(serve(link, "/valve", ""), SKYBUS_CODE(4, 4));
	link->n_subscribers = -ENOMEM;
	assert_int_equal(serve(link, "/valve", ""), SKYBUS_CODE(5, 3));
}

static void test_bad_paths(void **state)
{
	static const struct {
		const char *path;
		const char *query;
	} cases[] = {
		{ "/#", "" },	 { "/a/+/b", "" },   { "/a+", "" },
		{ "/a\n", "" },	 { "/a\x7f", "" },   { "/a\x01", "" },
		{ "/a", "b=#" }, { "/a", "b=\x1f" }, { "/a", "b=1+1" },
	};
	struct skybus_link *link = *state;

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++)
		assert_int_equal(serve(link, cases[i].path, cases[i].query), SKYBUS_CODE(4, 0));
	assert_int_equal(link->n_commands, 0);
}

static void test_limits(void **state)
{
	struct skybus_link *link = *state;
	char path[TOPIC_MAX + 2];
	uint8_t payload[PAYLOAD_MAX + 1] = { 0 };

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[TOPIC_MAX + 1] = '\0';
	assert_int_equal(serve(link, path, ""), SKYBUS_CODE(4, 0));
	path[TOPIC_MAX] = '\0';
	assert_int_equal(serve(link, path, "b"), SKYBUS_CODE(4, 0));
	assert_int_equal(link->n_commands, 0);
	assert_int_equal(serve(link, path, ""), CHANGED);

	assert_int_equal(scripted_serve(link, SKYBUS_PUT, "/a", "", payload, PAYLOAD_MAX)->code,
			 CHANGED);
	assert_int_equal(scripted_serve(link, SKYBUS_PUT, "/a", "", payload, PAYLOAD_MAX + 1)->code,
			 SKYBUS_CODE(4, 13));
	assert_int_equal(link->n_commands, 2);
}

/* ---- answers ---- */

static void expect_answer(struct skybus_link *link, const char *code, const char *payload,
			  uint32_t expected)
{
	struct skybus_verdict why;
	uint32_t len = (uint32_t)strlen(payload);

	assert_int_equal(scripted_answer_command(link, code, payload, len, true, &why), 0);
	assert_int_equal(link->response->code, expected);
	assert_int_equal(link->response->payload_len, len);
	if (len == 0)
		return;
	assert_memory_equal(link->response->payload, payload, len);
	assert_int_equal(link->response->content_format, SKYBUS_FORMAT_TEXT);
}

static void test_answers(void **state)
{
	struct skybus_link *link = *state;

	(void)serve(link, "/valve", "");
	expect_answer(link, "", "", CHANGED);
	expect_answer(link, "", "done", CHANGED);
	expect_answer(link, "2.05", "done", CONTENT);
	expect_answer(link, "4.04", "", SKYBUS_CODE(4, 4));
	expect_answer(link, "4.29", "later", SKYBUS_CODE(4, 29));
	expect_answer(link, "5.03", "", SKYBUS_CODE(5, 3));
	(void)scripted_serve(link, SKYBUS_GET, "/valve", "", NULL, 0);
	expect_answer(link, "", "open", CONTENT);
	expect_answer(link, "", "", CHANGED);
	expect_answer(link, "4.00", "open", SKYBUS_CODE(4, 0));
}

static void test_bad_answers(void **state)
{
	static const char *const codes[] = { "4",     "404",   "4.4",  "4.040", "4..4", "4.0.",
					     "1.00",  "3.01",  "6.00", "0.00",	"4.32", "2.31",
					     " 4.04", "4.04 ", "x.04", "1202",	"OK" };
	struct skybus_link *link = *state;
	struct skybus_verdict why;
	uint8_t payload[PAYLOAD_MAX + 1] = { 0 };

	(void)serve(link, "/valve", "");
	for (size_t i = 0; i < SB_ELEMENTS(codes); i++) {
		if (scripted_answer_command(link, codes[i], NULL, 0, true, &why) != -EINVAL)
			fail_msg("the code \"%s\" was taken", codes[i]);
		assert_non_null(strstr(why.reason, "like 4.04"));
	}
	assert_int_equal(scripted_answer_command(link, "", payload, PAYLOAD_MAX, true, &why), 0);
	assert_int_equal(scripted_answer_command(link, "", payload, PAYLOAD_MAX + 1, true, &why),
			 -EMSGSIZE);
	assert_int_equal(scripted_answer_command(link, "", NULL, 0, false, &why), -EINVAL);
}

#define LISTENING_TEST(test) cmocka_unit_test_setup_teardown(test, setup_listening, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LISTENING_TEST(test_listens_from_login_on),
		LISTENING_TEST(test_cannot_listen),
		LISTENING_TEST(test_no_interface),
		LISTENING_TEST(test_each_method),
		LISTENING_TEST(test_query),
		LISTENING_TEST(test_no_subscriber),
		LISTENING_TEST(test_bad_paths),
		LISTENING_TEST(test_limits),
		LISTENING_TEST(test_answers),
		LISTENING_TEST(test_bad_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
