/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of EnOS, as the plugin enos finds, fetches and delivers them, and what apps answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/plugins/enos-link.h"

#define COMMAND "/sys/pk7TestA/dev0000001/thing/service/measurepoint/set"
#define RAW "/sys/pk7TestA/dev0000001/thing/model/down_raw"
#define KEPT 50 /* so many commands EnOS keeps for a device */

static const struct announcement waiting = { .path = "/topic" COMMAND, .payload = "" };

/* ---- commands ---- */

static void expect_command(const struct skybus_link *link, unsigned int n, const char *topic,
			   const char *payload)
{
	assert_int_equal(link->n_commands, n);
	assert_string_equal(link->command.topic, topic);
	assert_int_equal(link->command.payload_len, strlen(payload));
	assert_memory_equal(link->command.payload, payload, strlen(payload));
}

static void test_command_fetched(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in_v1(link);
	assert_int_equal(answer_announcing(encode(link), CHANGED, &waiting).kind, SKYBUS_DELIVERED);
	assert_int_equal(link->n_commands, 0);
	request = only_sent(link);
	assert_int_equal(request->method, SKYBUS_GET);
	assert_string_equal(request->path, "/topic" COMMAND);
	assert_int_equal(request->payload_len, 0);
	expect_sign(request, TOKEN, 2);
	(void)answer(request, SKYBUS_CODE(2, 5), "{\"id\":\"1\"}");
	expect_command(link, 1, COMMAND, "{\"id\":\"1\"}");
	assert_true(TAILQ_EMPTY(&link->sent));
}

static void test_command_whole(void **state)
{
	static const struct announcement whole = { .path = "/topic" COMMAND,
						   .command = "{\"id\":\"7\"}",
						   .payload = "{\"code\":200}" };
	struct skybus_link *link = *state;

	log_in_v2(link);
	assert_int_equal(answer_announcing(encode(link), CHANGED, &whole).kind, SKYBUS_DELIVERED);
	expect_command(link, 1, COMMAND, "{\"id\":\"7\"}");
	assert_true(TAILQ_EMPTY(&link->sent));
}

static void test_command_whole_and_empty(void **state)
{
	static const struct announcement whole = { .path = "/topic" COMMAND,
						   .command = "",
						   .payload = "" };
	struct skybus_link *link = *state;

	log_in_v2(link);
	(void)answer_announcing(encode(link), CHANGED, &whole);
	expect_command(link, 1, COMMAND, "");
}

/* It came with the reply to the login, or with one that brings bad news. */
static void test_command_with_any_reply(void **state)
{
	static const struct announcement whole = { .path = "/topic" COMMAND,
						   .command = "x",
						   .payload = "" };
	struct skybus_link *link = *state;

	(void)answer_announcing(begin_login(link), CONTENT, &whole);
	expect_command(link, 1, COMMAND, "x");
	assert_int_equal(answer_announcing(encode(link), SKYBUS_CODE(4, 4), &whole).kind,
			 SKYBUS_REJECTED);
	assert_int_equal(link->n_commands, 2);
	(void)answer_announcing(scripted_keepalive(link), CHANGED, &whole);
	assert_int_equal(link->n_commands, 3);
}

/* Announced again while it is being fetched; a whole one is never told of again. */
static void test_command_while_fetching(void **state)
{
	static const struct announcement whole = { .path = "/topic/other",
						   .command = "x",
						   .payload = "" };
	struct skybus_link *link = *state;
	struct skybus_request *fetch;

	log_in_v2(link);
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	fetch = only_sent(link);
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	assert_ptr_equal(only_sent(link), fetch);
	(void)answer_announcing(encode(link), CHANGED, &whole);
	expect_command(link, 1, "/other", "x");
	(void)answer(fetch, SKYBUS_CODE(2, 5), "y");
	expect_command(link, 2, COMMAND, "y");
}

/* In the first generation no message goes out while a command is fetched. */
static void test_command_endless(void **state)
{
	static const struct announcement more = { .path = "/topic" COMMAND, .payload = "{}" };
	struct skybus_link *link = *state;

	log_in_v1(link);
	for (unsigned int round = 0; round < 3; round++) {
		(void)answer_announcing(encode(link), CHANGED, &more);
		for (unsigned int i = 1; i <= KEPT; i++) {
			(void)answer_announcing(only_sent(link), CONTENT, &more);
			assert_int_equal(link->n_commands, round * KEPT + i);
		}
		assert_true(TAILQ_EMPTY(&link->sent));
		assert_non_null(strstr(link->last_log, "more commands wait"));
	}
}

/* The cloud tells of the command again, so nothing is lost. */
static void test_command_not_fetched(void **state)
{
	static const uint32_t codes[] = { SKYBUS_CODE(4, 1), SKYBUS_CODE(4, 4), SKYBUS_CODE(5, 0) };
	struct skybus_link *link = *state;

	log_in_v2(link);
	for (size_t i = 0; i < SB_ELEMENTS(codes); i++) {
		(void)answer_announcing(encode(link), CHANGED, &waiting);
		(void)answer(only_sent(link), codes[i], "no");
	}
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	answer_outcome(only_sent(link), SKYBUS_TIMEOUT);
	link->refuse.new_request = true;
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	link->refuse = (struct scripted_refusals){ .send_request = -EMSGSIZE };
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	assert_true(TAILQ_EMPTY(&link->sent));
	assert_int_equal(link->n_commands, 0);

	link->refuse = (struct scripted_refusals){ 0 };
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	(void)answer(only_sent(link), SKYBUS_CODE(2, 5), "yes");
	expect_command(link, 1, COMMAND, "yes");
}

static void test_command_forgotten_by_login(void **state)
{
	struct skybus_link *link = *state;

	log_in_v1(link);
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	(void)only_sent(link);
	log_in_v1(link); /* the fetch gets no completion */
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	(void)answer(only_sent(link), SKYBUS_CODE(2, 5), "x");
	expect_command(link, 1, COMMAND, "x");
}

static void answer_with_option(struct skybus_link *link, uint32_t number, const void *value,
			       size_t len)
{
	struct skybus_option option = { number, (uint32_t)len, value };
	struct skybus_reply reply = scripted_reply(CHANGED, "", 0);

	reply.options = &option;
	reply.n_options = 1;
	assert_int_equal(scripted_answer(encode(link), &reply).kind, SKYBUS_DELIVERED);
}

static void test_command_malformed(void **state)
{
	struct skybus_link *link = *state;
	char path[1034];

	log_in_v1(link);
	answer_with_option(link, ENOS_OPTION_COMMAND_PATH, "", 0);
	answer_with_option(link, ENOS_OPTION_COMMAND_PATH, "/topic/", 7);
	answer_with_option(link, ENOS_OPTION_COMMAND_PATH, COMMAND, strlen(COMMAND));
	answer_with_option(link, ENOS_OPTION_COMMAND_PATH, "/topic/a\0b", 10);
	memset(path, 'a', sizeof(path));
	memcpy(path, "/topic/", 7);
	answer_with_option(link, ENOS_OPTION_COMMAND_PATH, path, 7 + 256); /* one segment */
	answer_with_option(link, ENOS_OPTION_COMMAND_PATH, path, sizeof(path));
	/* The command without where it belongs. */
	answer_with_option(link, ENOS_OPTION_COMMAND, "{}", 2);
	assert_int_equal(link->n_commands, 0);
	assert_true(TAILQ_EMPTY(&link->sent));
}

/* What cannot be handed to the apps is told at least. */
static void test_command_undeliverable(void **state)
{
	struct skybus_link *link = *state;

	log_in_v2(link);
	link->n_subscribers = -EINVAL;
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	(void)answer(only_sent(link), CONTENT, "x");
	assert_non_null(strstr(link->last_log, "left out"));
}

/* ---- answers ---- */

static void deliver_on(struct skybus_link *link, const char *path, const char *command)
{
	struct announcement whole = { .path = path, .command = command, .payload = "" };

	(void)answer_announcing(encode(link), CHANGED, &whole);
}

static void expect_answer(struct skybus_link *link, const char *code, const char *payload,
			  const char *expected)
{
	struct skybus_verdict why;

	assert_int_equal(scripted_answer_command(link, code, payload, (uint32_t)strlen(payload),
						 false, &why),
			 0);
	assert_int_equal(link->response->payload_len, strlen(expected));
	assert_memory_equal(link->response->payload, expected, strlen(expected));
	assert_int_equal(link->response->content_format, SKYBUS_FORMAT_JSON);
}

/* The vendor's example: a point is set, and the device answers with the same id. */
static void test_answer(void **state)
{
	struct skybus_link *link = *state;

	log_in_v2(link);
	deliver_on(link, "/topic" COMMAND,
		   "{\"id\":\"123\",\"version\":\"1.0\",\"params\":{\"temperature\":30.5},"
		   "\"method\":\"thing.service.measurepoint.set\"}");
	assert_int_equal(link->command.flags, SKYBUS_ANSWERABLE);
	expect_answer(link, "", "", "{\"id\":\"123\",\"code\":200,\"data\":{}}");
	assert_string_equal(link->response->topic, COMMAND "_reply");
}

static void test_answer_code(void **state)
{
	static const char *const bad[] = { "4.04", "ok",   "-",	  " 200", "200 ",
					   "+200", "0x10", "1e3", "--1",  "12345678901234567890" };
	struct skybus_link *link = *state;
	struct skybus_verdict why;

	log_in_v2(link);
	deliver_on(link, "/topic" COMMAND, "{\"id\":1}");
	expect_answer(link, "200", "", "{\"id\":1,\"code\":200,\"data\":{}}");
	expect_answer(link, "1202", "", "{\"id\":1,\"code\":1202,\"data\":{}}");
	expect_answer(link, "-1", "", "{\"id\":1,\"code\":-1,\"data\":{}}");
	expect_answer(link, "007", "", "{\"id\":1,\"code\":7,\"data\":{}}");
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++) {
		assert_int_equal(scripted_answer_command(link, bad[i], "", 0, false, &why),
				 -EINVAL);
		assert_non_null(strstr(why.reason, "integers"));
	}
}

/* What the app gave goes out as it stands. */
static void test_answer_data(void **state)
{
	static const char *const good[] = { "{}",    "[1,2]", "null",
					    "\"x\"", "0.1",   " { \"a\" : 1.10 } " };
	static const char *const bad[] = {
		"x", "{", "{}x", "{\"a\":}", " ", "\xff", "{},\"code\":1"
	};
	struct skybus_link *link = *state;
	struct skybus_verdict why;
	char expected[100];

	log_in_v2(link);
	deliver_on(link, "/topic" COMMAND, "{\"id\":\"1\"}");
	for (size_t i = 0; i < SB_ELEMENTS(good); i++) {
		(void)snprintf(expected, sizeof(expected),
			       "{\"id\":\"1\",\"code\":200,\"data\":%s}", good[i]);
		expect_answer(link, "", good[i], expected);
	}
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++) {
		assert_int_equal(scripted_answer_command(link, "", bad[i], (uint32_t)strlen(bad[i]),
							 false, &why),
				 -EINVAL);
		assert_non_null(strstr(why.reason, "JSON"));
	}
	assert_int_equal(scripted_answer_command(link, "", "{}\0", 3, false, &why), -EINVAL);
}

/* The id comes back as the JSON value that it was. */
static void test_answer_id(void **state)
{
	static const struct {
		const char *command;
		const char *id; /* NULL: there is no answering it */
	} cases[] = {
		{ "{\"id\":\"123\"}", "\"123\"" },
		{ "{\"id\":123}", "123" },
		{ "{\"id\":-9007199254740993}", "-9007199254740993" },
		{ "{\"id\":\"a\\\"b\\\\\\n\"}", "\"a\\\"b\\\\\\n\"" },
		{ "{\"id\":\"\"}", "\"\"" },
		{ "{\"id\":null}", NULL },
		{ "{\"id\":{}}", NULL },
		{ "{\"id\":true}", NULL },
		{ "{\"params\":{\"id\":1}}", NULL },
		{ "[{\"id\":1}]", NULL },
		{ "\x01\x02", NULL },
		{ "", NULL },
		{ "{\"id\":1", NULL },
	};
	struct skybus_link *link = *state;
	char expected[100];

	log_in_v2(link);
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		deliver_on(link, "/topic" COMMAND, cases[i].command);
		assert_int_equal(link->n_commands, i + 1);
		assert_int_equal(link->command.flags, cases[i].id ? SKYBUS_ANSWERABLE : 0);
		if (!cases[i].id)
			continue;
		(void)snprintf(expected, sizeof(expected), "{\"id\":%s,\"code\":200,\"data\":{}}",
			       cases[i].id);
		expect_answer(link, "", "", expected);
	}
}

/* What the daemon keeps of a command has a bound. */
static void test_answer_long_id(void **state)
{
	struct skybus_link *link = *state;
	char command[2048];

	log_in_v2(link);
	(void)snprintf(command, sizeof(command), "{\"id\":\"%01022d\"}", 0);
	deliver_on(link, "/topic" COMMAND, command);
	assert_int_equal(link->command.context_len, 1024);
	(void)snprintf(command, sizeof(command), "{\"id\":\"%01023d\"}", 0);
	deliver_on(link, "/topic" COMMAND, command);
	assert_int_equal(link->command.flags, 0);
	assert_int_equal(link->command.context_len, 0);
	assert_int_equal(link->n_commands, 2);
}

/* Raw bytes may look like JSON. */
static void test_answer_raw(void **state)
{
	struct skybus_link *link = *state;

	log_in_v2(link);
	deliver_on(link, "/topic" RAW, "{\"id\":1}");
	expect_command(link, 1, RAW, "{\"id\":1}");
	assert_int_equal(link->command.flags, 0);
}

static void test_answer_fetched(void **state)
{
	struct skybus_link *link = *state;

	log_in_v1(link);
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	(void)answer(only_sent(link), CONTENT, "{\"id\":42}");
	assert_int_equal(link->command.flags, SKYBUS_ANSWERABLE);
	expect_answer(link, "", "", "{\"id\":42,\"code\":200,\"data\":{}}");
}

/* Apps may publish replies by themselves, so nothing is said unless the user wants it. */
static void test_answer_otherwise(void **state)
{
	struct skybus_link *link = *state;

	log_in_v2(link);
	deliver_on(link, "/topic" COMMAND, "{\"id\":\"1\"}");
	assert_null(link->command.otherwise);
	link = attach_with(state, "unanswered", "404", 0);
	log_in_v2(link);
	deliver_on(link, "/topic" COMMAND, "{\"id\":\"1\"}");
	assert_string_equal(link->command.otherwise, "404");
	expect_answer(link, link->command.otherwise, "", "{\"id\":\"1\",\"code\":404,\"data\":{}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_command_fetched),
		LINK_TEST(test_command_whole),
		LINK_TEST(test_command_whole_and_empty),
		LINK_TEST(test_command_with_any_reply),
		LINK_TEST(test_command_while_fetching),
		LINK_TEST(test_command_endless),
		LINK_TEST(test_command_not_fetched),
		LINK_TEST(test_command_forgotten_by_login),
		LINK_TEST(test_command_malformed),
		LINK_TEST(test_command_undeliverable),
		LINK_TEST(test_answer),
		LINK_TEST(test_answer_code),
		LINK_TEST(test_answer_data),
		LINK_TEST(test_answer_id),
		LINK_TEST(test_answer_long_id),
		LINK_TEST(test_answer_raw),
		LINK_TEST(test_answer_fetched),
		LINK_TEST(test_answer_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
