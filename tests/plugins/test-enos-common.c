/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "plugins/enos-common/enos.h"

/* Deeper than any parser should follow. */
#define NESTING 5000

#define HUGE_LEN (1024 * 1024)

/* What a verdict holds before somebody fills it. */
#define UNTOUCHED 77

static struct skybus_reply reply_of(uint32_t code, const void *payload, size_t payload_len)
{
	return (struct skybus_reply){
		.size = sizeof(struct skybus_reply),
		.outcome = SKYBUS_ANSWERED,
		.code = code,
		.content_format = SKYBUS_NO_FORMAT,
		.max_age = UINT32_MAX,
		.payload = payload,
		.payload_len = (uint32_t)payload_len,
	};
}

static struct skybus_verdict decide(const struct skybus_reply *reply)
{
	struct skybus_verdict verdict = { .size = sizeof(verdict),
					  .kind = UNTOUCHED,
					  .retry_after_ms = 0 };

	enos_decide(reply, &verdict);
	assert_non_null(memchr(verdict.reason, '\0', sizeof(verdict.reason)));

	return verdict;
}

static struct skybus_verdict decide_bytes(uint32_t code, const void *payload, size_t len)
{
	/* Without a zero behind, as it comes from the network. */
	uint8_t *lent = len > 0 ? malloc(len) : NULL;
	struct skybus_reply reply = reply_of(code, lent, len);
	struct skybus_verdict verdict;

	if (len > 0) {
		assert_non_null(lent);
		memcpy(lent, payload, len);
	}
	verdict = decide(&reply);
	free(lent);

	return verdict;
}

static struct skybus_verdict decide_text(uint32_t code, const char *payload)
{
	return decide_bytes(code, payload, strlen(payload));
}

/* ---- keys ---- */

static void expect_key(const char *secret, const char *expected)
{
	uint8_t key[ENOS_KEY_LEN];
	char hex[2 * ENOS_KEY_LEN + 1];

	assert_int_equal(enos_key((const uint8_t *)secret, strlen(secret), key), 0);
	enos_hex(key, sizeof(key), hex);
	assert_string_equal(hex, expected);
}

static void test_key(void **state)
{
	(void)state;
	expect_key("AbCdEfGhIjKlMnOpQrSt", "6BBAB0D6090A08BCDDEEBD695A5523D1");
	expect_key("ZyXwVuTsRqPoNmLkJiHg", "DA5C898F20CE6716F59D6C9A25020510");
}

/* The SHA-256 of nothing begins E3B0C442; a zero byte is a byte like any other. */
static void test_key_of_odd_bytes(void **state)
{
	uint8_t of_none[ENOS_KEY_LEN];
	uint8_t of_zero[ENOS_KEY_LEN];

	(void)state;
	expect_key("", "9AFBF4C8996FB92427AE41E4649B934C");
	assert_int_equal(enos_key((const uint8_t *)"", 0, of_none), 0);
	assert_int_equal(enos_key((const uint8_t *)"", 1, of_zero), 0);
	assert_memory_not_equal(of_none, of_zero, sizeof(of_none));
}

static void test_hex(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x0f, 0xa5, 0xff };
	char text[2 * sizeof(bytes) + 1];

	(void)state;
	enos_hex(bytes, sizeof(bytes), text);
	assert_string_equal(text, "000FA5FF");
	enos_hex(bytes, 0, text);
	assert_string_equal(text, "");
}

/* ---- verdicts ---- */

static void test_decide_code(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t kind;
	} cases[] = {
		{ SKYBUS_CODE(2, 1), SKYBUS_DELIVERED }, { SKYBUS_CODE(2, 4), SKYBUS_DELIVERED },
		{ SKYBUS_CODE(2, 5), SKYBUS_DELIVERED }, { SKYBUS_CODE(4, 0), SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 1), SKYBUS_RELOGIN },	 { SKYBUS_CODE(4, 2), SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 3), SKYBUS_REJECTED },	 { SKYBUS_CODE(4, 4), SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 5), SKYBUS_REJECTED },	 { SKYBUS_CODE(4, 13), SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 29), SKYBUS_RETRY },	 { SKYBUS_CODE(5, 0), SKYBUS_RETRY },
		{ SKYBUS_CODE(5, 3), SKYBUS_RETRY },	 { SKYBUS_CODE(5, 4), SKYBUS_RETRY },
		{ SKYBUS_CODE(4, 8), SKYBUS_RETRY },	 { SKYBUS_CODE(4, 15), SKYBUS_REJECTED },
		{ SKYBUS_CODE(0, 0), SKYBUS_RETRY },	 { SKYBUS_CODE(0, 1), SKYBUS_RETRY },
		{ SKYBUS_CODE(3, 1), SKYBUS_RETRY },	 { SKYBUS_CODE(7, 31), SKYBUS_RETRY },
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_verdict verdict = decide_text(cases[i].code, "");

		if (verdict.kind != cases[i].kind)
			fail_msg("%u.%02u got the verdict %u, not %u", cases[i].code >> 5,
				 cases[i].code & 31, verdict.kind, cases[i].kind);
		assert_int_equal(verdict.retry_after_ms, 0);
		assert_true(verdict.kind == SKYBUS_DELIVERED || verdict.reason[0] != '\0');
	}
}

/* A payload counts within a 2.xx only. */
static void test_decide_refusal_with_json(void **state)
{
	(void)state;
	assert_int_equal(decide_text(SKYBUS_CODE(4, 3), "{\"code\":200}").kind, SKYBUS_REJECTED);
	assert_int_equal(decide_text(SKYBUS_CODE(5, 0), "{\"code\":200}").kind, SKYBUS_RETRY);
	assert_int_equal(decide_text(SKYBUS_CODE(4, 0), "{\"code\":1009}").kind, SKYBUS_REJECTED);
}

static void test_decide_json_code(void **state)
{
	static const struct {
		int code;
		uint32_t kind;
		const char *word; /* of the reason */
	} cases[] = {
		{ 200, SKYBUS_DELIVERED, "" },
		{ 705, SKYBUS_RELOGIN, "no such device" },
		{ 723, SKYBUS_RELOGIN, "disabled" },
		{ 742, SKYBUS_RELOGIN, "sign" },
		{ 1009, SKYBUS_RELOGIN, "not logged in" },
		{ 1204, SKYBUS_REJECTED, "model" },
		{ 1206, SKYBUS_REJECTED, "format" },
		{ 1220, SKYBUS_REJECTED, "JSON" },
		{ 499, SKYBUS_REJECTED, "(code 499)" },
		{ 500, SKYBUS_RETRY, "(code 500)" },
		{ 599, SKYBUS_RETRY, "(code 599)" },
		{ 600, SKYBUS_REJECTED, "(code 600)" },
		{ 0, SKYBUS_REJECTED, "(code 0)" },
		{ -1, SKYBUS_REJECTED, "(code -1)" },
		{ 4711, SKYBUS_REJECTED, "(code 4711)" },
	};
	char payload[64];

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_verdict verdict;

		(void)snprintf(payload, sizeof(payload), "{\"id\":\"1\",\"code\":%d,\"data\":{}}",
			       cases[i].code);
		verdict = decide_text(SKYBUS_CODE(2, 4), payload);
		if (verdict.kind != cases[i].kind || !strstr(verdict.reason, cases[i].word))
			fail_msg("%s got the verdict %u: %s", payload, verdict.kind,
				 verdict.reason);
	}
}

/* What else is in there does not hide the code. */
static void test_decide_code_beside_zero(void **state)
{
	(void)state;
	assert_int_equal(
		decide_text(SKYBUS_CODE(2, 4), "{\"code\":1009,\"message\":\"a\\u0000b\"}").kind,
		SKYBUS_RELOGIN);
}

/* Only EnOS's own JSON can say that a 2.04 is none. */
static void test_decide_other_payload(void **state)
{
	static const char *const payloads[] = {
		"",
		"{}",
		"[]",
		"[{\"code\":1009}]",
		"null",
		"1009",
		"code 1009",
		"{\"code\":\"1009\"}",
		"{\"code\":1009.0}",
		"{\"code\":null}",
		"{\"code\":{\"code\":1009}}",
		"{\"data\":{\"code\":1009}}",
		"{\"code\":1009",
		"{\"code\":99999999999999999999}",
		"{\"code\":1009}x",
		"\xff\xfe{\"code\":1009}",
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(payloads); i++)
		if (decide_text(SKYBUS_CODE(2, 4), payloads[i]).kind != SKYBUS_DELIVERED)
			fail_msg("\"%s\" was taken for an error", payloads[i]);
}

static void test_decide_hostile_payload(void **state)
{
	char *payload = malloc(HUGE_LEN);

	(void)state;
	assert_non_null(payload);
	memset(payload, '[', NESTING);
	assert_int_equal(decide_bytes(SKYBUS_CODE(2, 4), payload, NESTING).kind, SKYBUS_DELIVERED);
	memset(payload + NESTING, ']', NESTING);
	assert_int_equal(decide_bytes(SKYBUS_CODE(2, 4), payload, 2 * NESTING).kind,
			 SKYBUS_DELIVERED);
	memset(payload, 'a', HUGE_LEN);
	assert_int_equal(decide_bytes(SKYBUS_CODE(2, 4), payload, HUGE_LEN).kind, SKYBUS_DELIVERED);
	payload[0] = '"';
	payload[HUGE_LEN - 1] = '"';
	assert_int_equal(decide_bytes(SKYBUS_CODE(2, 4), payload, HUGE_LEN).kind, SKYBUS_DELIVERED);
	memset(payload, 0, HUGE_LEN);
	assert_int_equal(decide_bytes(SKYBUS_CODE(2, 4), payload, HUGE_LEN).kind, SKYBUS_DELIVERED);
	free(payload);
}

static void test_decide_max_age(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t max_age;
		uint32_t retry_after_ms;
	} cases[] = {
		{ SKYBUS_CODE(5, 3), UINT32_MAX, 0 },
		{ SKYBUS_CODE(5, 3), 0, 0 },
		{ SKYBUS_CODE(5, 3), 1, 1000 },
		{ SKYBUS_CODE(5, 3), 60, 60 * 1000 },
		{ SKYBUS_CODE(4, 29), 120, 120 * 1000 },
		{ SKYBUS_CODE(5, 0), 5, 5 * 1000 },
		{ SKYBUS_CODE(5, 3), 3600, 3600 * 1000 },
		{ SKYBUS_CODE(5, 3), 3601, 3600 * 1000 },
		{ SKYBUS_CODE(5, 3), 4294968, 3600 * 1000 }, /* would be 704 ms in 32 bits */
		{ SKYBUS_CODE(5, 3), UINT32_MAX - 1, 3600 * 1000 },
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_reply reply = reply_of(cases[i].code, NULL, 0);
		struct skybus_verdict verdict;

		reply.max_age = cases[i].max_age;
		verdict = decide(&reply);
		assert_int_equal(verdict.kind, SKYBUS_RETRY);
		if (verdict.retry_after_ms != cases[i].retry_after_ms)
			fail_msg("Max-Age %u became %u ms, not %u", cases[i].max_age,
				 verdict.retry_after_ms, cases[i].retry_after_ms);
	}
}

/* A Max-Age on success is about caching. */
static void test_decide_max_age_of_success(void **state)
{
	struct skybus_reply reply = reply_of(SKYBUS_CODE(2, 4), NULL, 0);

	(void)state;
	reply.max_age = 60;
	assert_int_equal(decide(&reply).kind, SKYBUS_DELIVERED);
	assert_int_equal(decide(&reply).retry_after_ms, 0);
}

/* ---- what EnOS could take ---- */

static int32_t accepts(const char *topic, uint32_t payload_len, uint32_t max_payload)
{
	struct skybus_message message = { .size = sizeof(message),
					  .topic = topic,
					  .payload_len = payload_len };
	struct skybus_verdict why = { .size = sizeof(why) };
	int32_t r = enos_accept(&message, max_payload, &why);

	assert_true(r == 0 || why.reason[0] != '\0');
	assert_non_null(memchr(why.reason, '\0', sizeof(why.reason)));

	return r;
}

static void test_accept_topic(void **state)
{
	static const char *const good[] = { "/a", "/a/b", "/sys/p/d/thing/measurepoint/post",
					    "/a b/\xc3\xa9" };
	static const char *const bad[] = { "",	  "a",	 "a/b",	  "/",	   "//",
					   "//a", "/a/", "/a//b", "/a/b//" };

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(good); i++)
		assert_int_equal(accepts(good[i], 10, 1024), 0);
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++)
		if (accepts(bad[i], 10, 1024) != -EINVAL)
			fail_msg("the topic \"%s\" was accepted", bad[i]);
}

static void test_accept_payload(void **state)
{
	(void)state;
	assert_int_equal(accepts("/a", 0, 1024), 0);
	assert_int_equal(accepts("/a", 1024, 1024), 0);
	assert_int_equal(accepts("/a", 1025, 1024), -EMSGSIZE);
	assert_int_equal(accepts("/a", UINT32_MAX, 1024), -EMSGSIZE);
}

/* ---- where a command waits ---- */

static char *topic_of(const void *value, size_t len)
{
	uint8_t *lent = len > 0 ? malloc(len) : NULL;
	struct skybus_option options[] = {
		{ .number = 14, .len = 1, .value = (const uint8_t *)"\x3c" },
		{ .number = ENOS_OPTION_COMMAND_PATH, .len = (uint32_t)len, .value = lent },
		{ .number = ENOS_OPTION_COMMAND_PATH,
		  .len = 12,
		  .value = (const uint8_t *)"/topic/later" },
	};
	struct skybus_reply reply = reply_of(SKYBUS_CODE(2, 4), NULL, 0);
	char *topic;

	if (len > 0) {
		assert_non_null(lent);
		memcpy(lent, value, len);
	}
	reply.options = options;
	reply.n_options = SB_ELEMENTS(options);
	topic = enos_command_topic(&reply);
	free(lent);

	return topic;
}

static void test_command_topic(void **state)
{
	static const struct {
		const char *path;
		const char *topic;
	} cases[] = {
		{ "/topic/sys/p/d/thing/service/measurepoint/set",
		  "/sys/p/d/thing/service/measurepoint/set" },
		{ "/topic/a", "/a" },
		{ "/topic//sys/p/d/thing/model/down_raw", "/sys/p/d/thing/model/down_raw" },
		{ "/topic///a", "/a" },
		{ "/topic/a//b", "/a//b" },
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		char *topic = topic_of(cases[i].path, strlen(cases[i].path));

		assert_non_null(topic);
		assert_string_equal(topic, cases[i].topic);
		free(topic);
	}
}

static void test_command_topic_malformed(void **state)
{
	static const struct {
		const char *value;
		size_t len;
	} cases[] = {
		{ "", 0 },	    { "/", 1 },
		{ "/topic", 6 },    { "/topic/", 7 },
		{ "/topic//", 8 },  { "topic/a/b", 9 },
		{ "/topicx/a", 9 }, { "/TOPIC/a", 8 },
		{ "/topic\0a", 8 }, { "/topic/a\0b", 10 },
		{ "/topic/\0", 8 }, { "\0\0\0\0\0\0\0\0", 8 },
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++)
		if (topic_of(cases[i].value, cases[i].len))
			fail_msg("option %zu was taken for a path", i);
}

static void test_command_topic_missing(void **state)
{
	struct skybus_reply reply = reply_of(SKYBUS_CODE(2, 4), NULL, 0);

	(void)state;
	assert_null(enos_find_option(&reply, ENOS_OPTION_COMMAND_PATH));
	assert_null(enos_command_topic(&reply));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_key_of_odd_bytes),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_decide_code),
		cmocka_unit_test(test_decide_refusal_with_json),
		cmocka_unit_test(test_decide_json_code),
		cmocka_unit_test(test_decide_code_beside_zero),
		cmocka_unit_test(test_decide_other_payload),
		cmocka_unit_test(test_decide_hostile_payload),
		cmocka_unit_test(test_decide_max_age),
		cmocka_unit_test(test_decide_max_age_of_success),
		cmocka_unit_test(test_accept_topic),
		cmocka_unit_test(test_accept_payload),
		cmocka_unit_test(test_command_topic),
		cmocka_unit_test(test_command_topic_malformed),
		cmocka_unit_test(test_command_topic_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
