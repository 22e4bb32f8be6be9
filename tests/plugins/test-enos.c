/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin enos, from the daemon's side: messages, commands, coming and going.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "daemon/settings.h"
#include "tests/plugins/enos-link.h"

#define COMMAND "/sys/pk7TestA/dev0000001/thing/service/measurepoint/set"
#define ENDLESS 1000

static const struct announcement waiting = { .path = "/topic" COMMAND, .payload = "" };

/* ---- messages ---- */

static void test_message(void **state)
{
	static const char payload[] = "{\"id\":\"1\"}\0\xff";
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in_v2(link);
	request = scripted_encode(link, TOPIC, payload, sizeof(payload));
	assert_int_equal(request->result, 0);
	assert_int_equal(request->method, SKYBUS_POST);
	/* Exactly one slash behind "topic". */
	assert_string_equal(request->path, "/topic" TOPIC);
	assert_string_equal(request->segments, "/topic" TOPIC);
	assert_string_equal(request->query, "");
	assert_int_equal(request->n_options, 0);
	assert_int_equal(request->payload_len, sizeof(payload));
	assert_memory_equal(request->payload, payload, sizeof(payload));
}

static void test_message_signed(void **state)
{
	static const char sign[] =
		"2C355A8327EE9FC1BC49792B6CBCA01A503FF3B5178BEAE3F4A68D54CBAB23EF";
	struct skybus_link *link = *state;
	struct skybus_request *request;
	const struct scripted_option *option;

	log_in_v1(link);
	request = encode(link);
	option = scripted_option(request, ENOS_OPTION_SIGN);
	assert_int_equal(request->n_options, 1);
	assert_int_equal(option->len, strlen(sign));
	assert_memory_equal(option->value, sign, strlen(sign));
	assert_string_equal(request->path, "/topic" TOPIC);
}

static void test_message_signed_with_other_vector(void **state)
{
	static const char vector[] = "0123456789abcdef";
	struct skybus_link *link = attach_with(state, "sign_iv", vector, 0);
	char clear[400];

	log_in_v1(link);
	read_sign(encode(link), vector, clear, sizeof(clear));
	assert_string_equal(clear, "token" TOKEN "sequence1");
}

static void test_sequence(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in_v1(link);
	request = encode(link);
	expect_sign(request, TOKEN, 1);
	(void)answer(request, CHANGED, "");
	request = scripted_keepalive(link);
	expect_sign(request, TOKEN, 2);
	(void)answer_announcing(request, CHANGED, &waiting);
	request = only_sent(link);
	assert_int_equal(request->method, SKYBUS_GET);
	expect_sign(request, TOKEN, 3);
	(void)answer(request, CONTENT, "{}");
	for (unsigned int n = 4; n < 20; n++) {
		request = encode(link);
		expect_sign(request, TOKEN, n);
		(void)answer(request, SKYBUS_CODE(5, 0), "");
	}
}

static void test_sequence_of_new_login(void **state)
{
	struct skybus_link *link = *state;

	log_in_v1(link);
	(void)encode(link);
	(void)encode(link);
	log_in(link, "{\"token\":\"other\"}");
	expect_sign(encode(link), "other", 1);
	log_in_v2(link);
	expect_no_sign(encode(link));
}

static void encode_at_once(struct skybus_link *link)
{
	expect_sign(encode(link), TOKEN, 2);
}

/* The daemon sends what has waited from within online(). */
static void test_sequence_within_online(void **state)
{
	static const struct announcement at_once = { .path = "/topic" COMMAND,
						     .payload = "{\"token\":\"" TOKEN "\"}" };
	struct skybus_link *link = *state;

	link->when_online = encode_at_once;
	(void)answer_announcing(begin_login(link), CONTENT, &at_once);
	/* The command was asked for before anything else could go out. */
	expect_sign(TAILQ_FIRST(&link->sent), TOKEN, 1);
}

static void test_decide(void **state)
{
	struct skybus_link *link = *state;

	log_in_v1(link);
	assert_int_equal(answer(encode(link), CHANGED, "").kind, SKYBUS_DELIVERED);
	assert_int_equal(answer(encode(link), CHANGED, "{\"code\":742}").kind, SKYBUS_RELOGIN);
	assert_int_equal(answer(encode(link), SKYBUS_CODE(4, 1), "").kind, SKYBUS_RELOGIN);
	assert_int_equal(answer(encode(link), SKYBUS_CODE(4, 13), "").kind, SKYBUS_REJECTED);
	assert_int_equal(answer(encode(link), SKYBUS_CODE(5, 3), "").kind, SKYBUS_RETRY);
	assert_int_equal(answer(scripted_keepalive(link), SKYBUS_CODE(4, 1), "").kind,
			 SKYBUS_RELOGIN);
}

static void expect_accept(struct skybus_link *link, const char *topic, uint32_t payload_len,
			  int32_t expected)
{
	struct skybus_verdict why;

	assert_int_equal(scripted_accept(link, topic, payload_len, &why), expected);
}

static void test_accept(void **state)
{
	struct skybus_link *link = *state;
	char level[300];

	expect_accept(link, TOPIC, 1024, 0);
	expect_accept(link, TOPIC, 1025, -EMSGSIZE);
	expect_accept(link, "", 1, -EINVAL);
	expect_accept(link, "sys/a", 1, -EINVAL);
	expect_accept(link, "//sys/a", 1, -EINVAL);
	expect_accept(link, "/sys//a", 1, -EINVAL);
	expect_accept(link, "/sys/a/", 1, -EINVAL);
	/* RFC 7252 section 5.10: a segment has at most 255 bytes. */
	(void)snprintf(level, sizeof(level), "/a/%0255d/b", 0);
	expect_accept(link, level, 1, 0);
	(void)snprintf(level, sizeof(level), "/a/%0256d/b", 0);
	expect_accept(link, level, 1, -EINVAL);

	link = attach_with(state, "max_payload", "65536", 0);
	expect_accept(link, TOPIC, 65536, 0);
	expect_accept(link, TOPIC, 65537, -EMSGSIZE);
}

static void test_message_with_long_topic(void **state)
{
	struct skybus_link *link = *state;
	char topic[600];
	struct skybus_request *request;

	log_in_v1(link);
	memset(topic, 'a', sizeof(topic));
	for (size_t i = 0; i < sizeof(topic); i += 100)
		topic[i] = '/';
	topic[512] = '\0';
	request = scripted_encode(link, topic, "", 0);
	assert_int_equal(request->result, 0);
	expect_sign(request, TOKEN, 1);

	topic[512] = 'a';
	topic[513] = '\0';
	request = scripted_encode(link, topic, "", 0);
	assert_int_equal(request->result, -EMSGSIZE);
	assert_int_equal(request->verdict.kind, SKYBUS_REJECTED);
	expect_sign(encode(link), TOKEN, 2);
}

static void test_keepalive(void **state)
{
	static const char payload[] = "{\"id\":\"0\",\"version\":\"1.0\",\"params\":{\"tags\":"
				      "[\"skybus\"]},\"method\":\"thing.tag.query\"}";
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in_v2(link);
	request = scripted_keepalive(link);
	assert_int_equal(request->result, 0);
	assert_int_equal(request->method, SKYBUS_POST);
	assert_string_equal(request->path, "/topic/sys/pk7TestA/dev0000001/thing/tag/query");
	assert_int_equal(request->payload_len, strlen(payload));
	assert_memory_equal(request->payload, payload, strlen(payload));
	expect_no_sign(request);
	assert_int_equal(answer(request, CHANGED, "{\"id\":\"0\",\"code\":200}").kind,
			 SKYBUS_DELIVERED);
}

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

static void test_command_endless(void **state)
{
	static const struct announcement more = { .path = "/topic" COMMAND, .payload = "{}" };
	struct skybus_link *link = *state;

	log_in_v1(link);
	(void)answer_announcing(encode(link), CHANGED, &more);
	for (unsigned int i = 1; i <= ENDLESS; i++) {
		(void)answer_announcing(only_sent(link), SKYBUS_CODE(2, 5), &more);
		assert_int_equal(link->n_commands, i);
	}
	expect_sign(only_sent(link), TOKEN, ENDLESS + 2);
	/* Messages go on beside it. */
	expect_sign(encode(link), TOKEN, ENDLESS + 3);
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

/* ---- coming and going ---- */

static void test_settings(void **state)
{
	const struct skybus_plugin *plugin = &skybus_plugin_v1;
	char why[256] = "";

	(void)state;
	if (sb_settings_check_table(plugin->settings, plugin->n_settings, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	assert_string_equal(plugin->name, "enos");
	assert_int_equal(plugin->size, sizeof(*plugin));
}

static void test_device(void **state)
{
	struct skybus_link *link = *state;

	assert_string_equal(skybus_plugin_v1.device(link->state), "pk7TestA/dev0000001");
}

/* As long as the table lets them be. */
static void test_longest_keys(void **state)
{
	char product_key[65], device_key[65], secret[129], expected[200];
	struct scripted_setting settings[] = {
		{ .key = "host", .value = "192.0.2.1" },
		{ .key = "lifetime", .value = "86400" },
		{ .key = "product_key", .value = product_key },
		{ .key = "device_key", .value = device_key },
		{ .key = "device_secret", .value = secret },
		{ .key = NULL },
	};
	struct skybus_link *link;

	(void)snprintf(product_key, sizeof(product_key), "%064d", 1);
	(void)snprintf(device_key, sizeof(device_key), "%064d", 2);
	(void)snprintf(secret, sizeof(secret), "%0128d", 3);
	link = attach(state, settings);
	(void)snprintf(expected, sizeof(expected), "%s/%s", product_key, device_key);
	assert_string_equal(skybus_plugin_v1.device(link->state), expected);
	(void)snprintf(expected, sizeof(expected), "/auth/%s/%s", product_key, device_key);
	assert_string_equal(begin_login(link)->path, expected);
	(void)answer(only_sent(link), CONTENT, "");
	assert_int_equal(scripted_keepalive(link)->result, 0);
}

static void test_attach_with_slash(void **state)
{
	static const char *const keys[] = { "product_key", "device_key" };

	for (size_t i = 0; i < SB_ELEMENTS(keys); i++) {
		struct skybus_link *link = attach_with(state, keys[i], "a", 0);
		struct scripted_setting settings[SB_ELEMENTS(usual) + 1] = {
			{ .key = keys[i], .value = "a/b" },
		};
		struct skybus_verdict why;

		memcpy(settings + 1, usual, sizeof(usual));
		scripted_detach(link);
		link->settings = settings;
		assert_int_equal(scripted_attach(link, &why), -EINVAL);
		assert_non_null(strstr(why.reason, keys[i]));
	}
}

/* Whatever is under way: nothing is called any more, and nothing is left behind. */
static void test_detach_at_each_step(void **state)
{
	struct skybus_link *link = *state;

	scripted_detach(link);
	link = attach(state, usual);
	scripted_login(link);
	scripted_detach(link);

	link = attach(state, usual);
	(void)begin_login(link);
	scripted_detach(link);

	link = attach(state, usual);
	log_in_v1(link);
	scripted_detach(link);

	link = attach(state, usual);
	log_in_v1(link);
	(void)encode(link);
	scripted_detach(link);

	link = attach(state, usual);
	log_in_v1(link);
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	(void)only_sent(link);
	scripted_detach(link);

	link = attach(state, usual);
	(void)answer(begin_login(link), SKYBUS_CODE(4, 1), "");
	scripted_detach(link);
}

static void test_attach_again(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_verdict why;

	for (unsigned int i = 0; i < ENDLESS; i++) {
		scripted_detach(link);
		assert_int_equal(scripted_attach(link, &why), 0);
		log_in_v1(link);
	}
}

/* One shared object, several links: what one does, the other does not notice. */
static void test_two_links(void **state)
{
	struct skybus_link *one = *state;
	struct skybus_link *other = scripted_new(&skybus_plugin_v1, usual);
	struct skybus_verdict why;

	assert_int_equal(scripted_attach(other, &why), 0);
	log_in_v1(one);
	log_in_v2(other);
	expect_no_sign(encode(other));
	expect_sign(encode(one), TOKEN, 1);
	log_in(other, "{\"token\":\"other\"}");
	expect_sign(encode(other), "other", 1);
	expect_sign(encode(one), TOKEN, 2);
	assert_string_equal(other->fault, "");
	(void)scripted_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_message),
		LINK_TEST(test_message_signed),
		LINK_TEST(test_message_signed_with_other_vector),
		LINK_TEST(test_sequence),
		LINK_TEST(test_sequence_of_new_login),
		LINK_TEST(test_sequence_within_online),
		LINK_TEST(test_decide),
		LINK_TEST(test_accept),
		LINK_TEST(test_message_with_long_topic),
		LINK_TEST(test_keepalive),
		LINK_TEST(test_command_fetched),
		LINK_TEST(test_command_whole),
		LINK_TEST(test_command_whole_and_empty),
		LINK_TEST(test_command_with_any_reply),
		LINK_TEST(test_command_while_fetching),
		LINK_TEST(test_command_endless),
		LINK_TEST(test_command_not_fetched),
		LINK_TEST(test_command_forgotten_by_login),
		LINK_TEST(test_command_malformed),
		LINK_TEST(test_settings),
		LINK_TEST(test_device),
		LINK_TEST(test_longest_keys),
		LINK_TEST(test_attach_with_slash),
		LINK_TEST(test_detach_at_each_step),
		LINK_TEST(test_attach_again),
		LINK_TEST(test_two_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
