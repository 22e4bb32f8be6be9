/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin enos, from the daemon's side: messages, coming and going.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "plugins/enos-common/enos-device.h"
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

static int cannot_sign(struct enos_device *device, struct skybus_request *request)
{
	(void)device;
	(void)request;

	return -EIO;
}

/* The box's own trouble costs no message. */
static void test_message_that_cannot_be_signed(void **state)
{
	struct skybus_link *link = *state;
	struct enos_device *device = link->state;
	struct skybus_request *request;

	log_in_v1(link);
	device->sign = cannot_sign;
	request = scripted_encode(link, TOPIC, "{}", 2);
	assert_int_equal(request->result, -EIO);
	assert_int_equal(request->verdict.kind, SKYBUS_RETRY);
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

/* ---- coming and going ---- */

static void test_settings(void **state)
{
	(void)state;
	expect_plugin("enos");
}

static void test_device(void **state)
{
	struct skybus_link *link = *state;

	assert_string_equal(skybus_plugin_v1.device(link->state), "pk7TestA/dev0000001");
}

static void test_longest_keys(void **state)
{
	struct longest longest;
	struct skybus_link *link = attach_longest(state, &longest);
	char expected[200];

	(void)snprintf(expected, sizeof(expected), "/auth/%s/%s", longest.product_key,
		       longest.device_key);
	assert_string_equal(begin_login(link)->path, expected);
	(void)answer(only_sent(link), CONTENT, "");
	assert_int_equal(scripted_keepalive(link)->result, 0);
}

static void test_attach_with_slash(void **state)
{
	expect_refused(state, WITH(usual, { "product_key", "a/b", 0 }), "product_key");
	expect_refused(state, WITH(usual, { "device_key", "a/b", 0 }), "device_key");
}

static void begin(struct skybus_link *link)
{
	(void)begin_login(link);
}

static void take_token(struct skybus_link *link)
{
	(void)answer(only_sent(link), CONTENT, "{\"token\":\"" TOKEN "\"}");
	assert_int_equal(link->n_online, 1);
}

static void take_refusal(struct skybus_link *link)
{
	(void)answer(only_sent(link), SKYBUS_CODE(4, 1), "");
}

static void send_message(struct skybus_link *link)
{
	(void)encode(link);
}

static void hear_of_command(struct skybus_link *link)
{
	(void)answer_announcing(only_sent(link), CHANGED, &waiting);
	(void)only_sent(link);
}

static void put_off(struct skybus_link *link)
{
	scripted_login(link);
	assert_true(link->logging_in && !link->opening);
}

static void test_detach_at_each_step(void **state)
{
	static step_fn *const steps[] = { begin,	   take_token, send_message,
					  hear_of_command, put_off,    NULL };
	static step_fn *const refused[] = { begin, take_refusal, put_off, NULL };

	expect_detachable(state, usual, steps);
	expect_detachable(state, usual, refused);
}

static void test_attach_again(void **state)
{
	struct skybus_link *link = *state;

	for (unsigned int i = 0; i < ENDLESS; i++) {
		restart(link);
		scripted_pass(link, BLOCKED_WITHIN_MS + 5000);
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
		LINK_TEST(test_message_that_cannot_be_signed),
		LINK_TEST(test_accept),
		LINK_TEST(test_message_with_long_topic),
		LINK_TEST(test_keepalive),
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
