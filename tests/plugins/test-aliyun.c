/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin aliyun, from the daemon's side: messages, replies, commands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "check/scripted-private.h"
#include "tests/plugins/aliyun-link.h"

#define PAYLOAD "{\"temp\":21.5}"
#define TIME "1700000000000"
#define PULL_MS UINT64_C(60000)
#define TEXT SKYBUS_NO_FORMAT
#define JSON SKYBUS_FORMAT_JSON

static void log_in_dtls(struct skybus_link *link)
{
	(void)answer(begin_login(link), CONTENT, "{\"token\":\"" TOKEN "\"}");
	assert_int_equal(link->n_online, 1);
	all_stored(link);
}

/* ---- requests ---- */

static void expect_token(const struct skybus_request *request)
{
	const struct scripted_option *option = scripted_option(request, OPTION_TOKEN);

	assert_non_null(option);
	expect_text(option->value, option->len, TOKEN);
}

static void test_symmetric(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in(link);
	request = encode(link, TOPIC, PAYLOAD);
	assert_int_equal(request->method, SKYBUS_POST);
	assert_string_equal(request->segments, "/topic" TOPIC);
	assert_int_equal(request->n_options, 4);
	assert_int_equal(uint_option(request, 12), SKYBUS_FORMAT_JSON);
	assert_int_equal(uint_option(request, 17), SKYBUS_FORMAT_JSON);
	expect_token(request);
	assert_int_equal(sequence_of(request), 2);
	expect_encrypted(request->payload, request->payload_len, PAYLOAD);
	assert_int_equal(sequence_of(encode(link, TOPIC, "")), 3);
}

static void test_dtls(void **state)
{
	struct skybus_link *link = attach(state, dtls);
	struct skybus_request *request;

	log_in_dtls(link);
	request = encode(link, TOPIC, PAYLOAD);
	assert_string_equal(request->segments, "/topic" TOPIC);
	assert_int_equal(request->n_options, 3);
	expect_token(request);
	expect_text(request->payload, request->payload_len, PAYLOAD);
}

static void test_format(void **state)
{
	struct skybus_link *link = attach(state, WITH(dtls, { "encoding", "cbor", 0 }));
	struct skybus_reply reply = scripted_reply(CONTENT, "\xa1\x65token\x61t", 9);
	struct skybus_request *request;

	(void)scripted_answer(begin_login(link), &reply);
	request = encode(link, TOPIC, PAYLOAD);
	assert_int_equal(uint_option(request, 12), SKYBUS_FORMAT_JSON);
	assert_int_equal(uint_option(request, 17), SKYBUS_FORMAT_CBOR);
}

static void test_accept_topic(void **state)
{
	static const char *const bad[] = { "",	  "/",	   "a",	  "a/b",
					   "//a", "/a//b", "/a/", "/1/2/3/4/5/6/7/8" };
	struct skybus_link *link = *state;
	struct skybus_verdict why;
	char topic[130];

	assert_int_equal(scripted_accept(link, TOPIC, 10, &why), 0);
	assert_int_equal(scripted_accept(link, "/1/2/3/4/5/6/7", 10, &why), 0);
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++)
		assert_int_equal(scripted_accept(link, bad[i], 10, &why), -EINVAL);
	memset(topic, 'a', sizeof(topic));
	topic[0] = '/';
	topic[128] = '\0';
	assert_int_equal(scripted_accept(link, topic, 10, &why), 0);
	topic[128] = 'a';
	topic[129] = '\0';
	assert_int_equal(scripted_accept(link, topic, 10, &why), -EINVAL);
}

static size_t option_size(uint32_t delta, size_t len)
{
	return 1 + (delta >= 269 ? 2 : delta >= 13 ? 1 : 0) + (len >= 13 ? 1 : 0) + len;
}

/* As it would go out, RFC 7252 section 3, with a token of eight bytes. */
static size_t size_of(const struct skybus_request *request)
{
	static const uint32_t numbers[] = { 12, 17, OPTION_TOKEN, OPTION_SEQUENCE };
	size_t size = 4 + 8 + 1 + request->payload_len;
	const char *level = request->segments;
	uint32_t before = 0;

	while (*level) {
		size_t len = strcspn(level + 1, "/");

		size += option_size(before == 11 ? 0 : 11, len);
		before = 11;
		level += 1 + len;
	}
	for (size_t i = 0; i < SB_ELEMENTS(numbers); i++) {
		const struct scripted_option *option = scripted_option(request, numbers[i]);

		if (!option)
			continue;
		size += option_size(numbers[i] - before, option->len);
		before = numbers[i];
	}

	return size;
}

/* The largest payload that is accepted makes a message of 1 KB, and not of more. */
static void test_accept_size(void **state)
{
	const struct scripted_setting *const ways[] = { symmetric, dtls };
	struct skybus_verdict why;

	for (size_t i = 0; i < SB_ELEMENTS(ways); i++) {
		struct skybus_link *link = attach(state, ways[i]);
		char payload[1025] = "";
		uint32_t len = 1024;
		size_t size;

		(void)answer(begin_login(link), CONTENT, GRANT);
		all_stored(link);
		while (scripted_accept(link, TOPIC, len, &why) == -EMSGSIZE)
			len--;
		memset(payload, 'x', len);
		size = size_of(encode(link, TOPIC, payload));
		if (size > 1024 || size <= 1024 - 16)
			fail_msg("way %zu: %u bytes of payload make %zu", i, len, size);
		payload[len] = 'x';
		assert_int_equal(scripted_encode(link, TOPIC, payload, len + 1)->result, -EMSGSIZE);
	}
}

static void test_accept_max_payload(void **state)
{
	struct skybus_link *link = attach(state, WITH(symmetric, { "max_payload", "32", 0 }));
	struct skybus_verdict why;

	assert_int_equal(scripted_accept(link, TOPIC, 31, &why), 0);
	assert_int_equal(scripted_accept(link, TOPIC, 32, &why), -EMSGSIZE);
	assert_non_null(strstr(why.reason, "max_payload"));
}

static void test_encode_without_token(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request = scripted_encode(link, TOPIC, "", 0);

	assert_int_equal(request->result, -ENOTCONN);
	assert_int_equal(request->verdict.kind, SKYBUS_RELOGIN);
}

/* ---- replies ---- */

static void test_codes(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t verdict;
		const char *word;
	} cases[] = {
		{ SKYBUS_CODE(2, 5), SKYBUS_DELIVERED, "" },
		{ SKYBUS_CODE(2, 4), SKYBUS_DELIVERED, "" },
		{ SKYBUS_CODE(4, 0), SKYBUS_REJECTED, "does not understand" },
		{ SKYBUS_CODE(4, 1), SKYBUS_RELOGIN, "token is over" },
		{ SKYBUS_CODE(4, 2), SKYBUS_RELOGIN, "token is invalid" },
		{ SKYBUS_CODE(4, 3), SKYBUS_REJECTED, "forbids this topic" },
		{ SKYBUS_CODE(4, 4), SKYBUS_REJECTED, "no such topic" },
		{ SKYBUS_CODE(4, 5), SKYBUS_REJECTED, "POST" },
		{ SKYBUS_CODE(4, 6), SKYBUS_REJECTED, "(Accept)" },
		{ SKYBUS_CODE(4, 13), SKYBUS_REJECTED, "too large" },
		{ SKYBUS_CODE(4, 15), SKYBUS_REJECTED, "Content-Format" },
		{ SKYBUS_CODE(4, 29), SKYBUS_RETRY, "patience" },
		{ SKYBUS_CODE(4, 9), SKYBUS_REJECTED, "(4.09)" },
		{ SKYBUS_CODE(5, 0), SKYBUS_RETRY, "server has an error" },
		{ SKYBUS_CODE(5, 4), SKYBUS_RETRY, "(5.04)" },
		{ SKYBUS_CODE(3, 1), SKYBUS_RETRY, "(3.01)" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, symmetric);
		struct skybus_verdict verdict;

		log_in(link);
		/* An error's payload is text and never decrypted. */
		verdict = answer(encode(link, TOPIC, PAYLOAD), cases[i].code, "0123456789abcdef");
		assert_int_equal(verdict.kind, cases[i].verdict);
		assert_int_equal(verdict.retry_after_ms, 0);
		if (!strstr(verdict.reason, cases[i].word))
			fail_msg("case %zu: %s", i, verdict.reason);
	}
}

static void test_patience(void **state)
{
	struct skybus_reply reply = scripted_reply(SKYBUS_CODE(4, 29), NULL, 0);
	struct skybus_link *link = *state;

	log_in(link);
	reply.max_age = 5;
	assert_int_equal(scripted_answer(encode(link, TOPIC, ""), &reply).retry_after_ms, 5000);
	reply.max_age = UINT32_MAX - 1;
	assert_int_equal(scripted_answer(encode(link, TOPIC, ""), &reply).retry_after_ms, 3600000);
}

/* The answer as the cloud sends it in the symmetric way. */
static struct skybus_verdict answer_encrypted(struct skybus_request *request, const char *payload)
{
	uint8_t key[ALIYUN_KEY_LEN];
	uint8_t cipher[1024];
	struct skybus_reply reply =
		scripted_reply(CONTENT, cipher, (uint32_t)aliyun_encrypted_len(strlen(payload)));

	session_key(key);
	assert_int_equal(aliyun_encrypt(key, payload, strlen(payload), cipher), 0);

	return scripted_answer(request, &reply);
}

static void test_model_codes(void **state)
{
	static const struct {
		const char *payload;
		uint32_t verdict;
		const char *reason;
	} cases[] = {
		{ "", SKYBUS_DELIVERED, "" },
		{ "{}", SKYBUS_DELIVERED, "" },
		{ "[1]", SKYBUS_DELIVERED, "" },
		{ "{\"code\":200}", SKYBUS_DELIVERED, "" },
		{ "{\"code\":\"460\"}", SKYBUS_DELIVERED, "" },
		{ "{\"code\":460}", SKYBUS_REJECTED, "(code 460)" },
		{ "{\"code\":429}", SKYBUS_RETRY, "(code 429)" },
		{ "{\"code\":503}", SKYBUS_RETRY, "(code 503)" },
		{ "{\"code\":6313,\"message\":\"no \\u00e9\\n\"}", SKYBUS_REJECTED,
		  "(code 6313: no ?\?\?)" },
		{ "{\"code\":-1,\"message\":7}", SKYBUS_REJECTED, "(code -1)" },
	};
	struct skybus_link *link = *state;

	log_in(link);
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_verdict verdict =
			answer_encrypted(encode(link, PROPERTIES, PAYLOAD), cases[i].payload);

		if (verdict.kind != cases[i].verdict || !strstr(verdict.reason, cases[i].reason))
			fail_msg("case %zu: %u, %s", i, verdict.kind, verdict.reason);
		/* In the clear it counts as well. */
		verdict = answer(encode(link, PROPERTIES, PAYLOAD), CONTENT, cases[i].payload);
		assert_int_equal(verdict.kind, cases[i].verdict);
		/* On a topic of one's own it is nobody's business. */
		verdict = answer_encrypted(encode(link, TOPIC, PAYLOAD), cases[i].payload);
		assert_int_equal(verdict.kind, SKYBUS_DELIVERED);
	}
}

static void test_hostile_answers(void **state)
{
	static const uint8_t noise[1024] = { 0x7b, 0xff, 0x9b };
	static const uint32_t formats[] = { SKYBUS_NO_FORMAT, SKYBUS_FORMAT_JSON,
					    SKYBUS_FORMAT_CBOR, 4711 };
	struct skybus_link *link = *state;

	log_in(link);
	for (size_t i = 0; i < SB_ELEMENTS(formats); i++) {
		for (uint32_t len = 0; len <= 64; len++) {
			struct skybus_reply reply = scripted_reply(CONTENT, noise, len);

			reply.content_format = formats[i];
			assert_int_equal(
				scripted_answer(encode(link, PROPERTIES, PAYLOAD), &reply).kind,
				SKYBUS_DELIVERED);
			all_stored(link);
		}
	}
}

static void test_message_id(void **state)
{
	static const struct {
		const char *value;
		uint32_t len;
		const char *log;
	} cases[] = {
		{ "4711", 4, "Aliyun calls the message 4711" },
		{ "\x01", 1, "" },
		{ "", 0, "" },
	};
	struct skybus_link *link = *state;

	log_in(link);
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_reply reply = scripted_reply(CONTENT, NULL, 0);
		struct skybus_option option = { OPTION_MESSAGE_ID, cases[i].len,
						(const uint8_t *)cases[i].value };

		link->last_log[0] = '\0';
		reply.options = &option;
		reply.n_options = 1;
		(void)scripted_answer(encode(link, TOPIC, ""), &reply);
		assert_string_equal(link->last_log, cases[i].log);
	}
}

/* ---- envelope ---- */

static void test_envelope(void **state)
{
	static const struct {
		const char *topic;
		const char *payload;
		const char *goes_to;
		const char *goes;
	} cases[] = {
		{ "telemetry/room", "{\"temp\":21.5,\"on\":true}", "/topic" PROPERTIES,
		  "{\"id\":\"1\",\"version\":\"1.0\",\"params\":{\"temp\":{\"value\":21.5,\"time\":" TIME
		  "},\"on\":{\"value\":true,\"time\":" TIME
		  "}},\"method\":\"thing.event.property.post\"}" },
		{ PROPERTIES, "{\"a\":{\"value\":1,\"time\":5}}", "/topic" PROPERTIES,
		  "{\"id\":\"1\",\"version\":\"1.0\",\"params\":{\"a\":{\"value\":1,\"time\":5}},"
		  "\"method\":\"thing.event.property.post\"}" },
		{ PROPERTIES, "{\"id\": \"7\",\"params\":{\"a\":1.50}}", "/topic" PROPERTIES,
		  "{\"id\": \"7\",\"params\":{\"a\":1.50}}" },
		/* No number changes. */
		{ "a",
		  " { \"a,\\\"b\" : 1.50 , \"c\":9007199254740993e0,\"d\":18446744073709551616 } ",
		  "/topic" PROPERTIES,
		  "{\"id\":\"1\",\"version\":\"1.0\",\"params\":{\"a,\\\"b\":{\"value\":1.50,\"time\":" TIME
		  "},\"c\":{\"value\":9007199254740993e0,\"time\":" TIME
		  "},\"d\":{\"value\":18446744073709551616,\"time\":" TIME
		  "}},\"method\":\"thing.event.property.post\"}" },
		{ TOPIC, "text", "/topic" TOPIC, "text" },
	};
	struct skybus_link *link = attach(state, WITH(dtls, { "envelope", "property", 0 }));

	log_in_dtls(link);
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_request *request = encode(link, cases[i].topic, cases[i].payload);

		assert_string_equal(request->segments, cases[i].goes_to);
		expect_text(request->payload, request->payload_len, cases[i].goes);
	}
}

/* A box that does not know the time says none; what an app has stamped keeps its stamp. */
static void test_envelope_without_time(void **state)
{
	struct skybus_link *link = attach(state, WITH(dtls, { "envelope", "property", 0 }));
	const struct skybus_request *request;

	link->time_ms = 0;
	log_in_dtls(link);
	request = encode(link, "telemetry", "{\"a\":1,\"b\":{\"value\":2,\"time\":5}}");
	expect_text(request->payload, request->payload_len,
		    "{\"id\":\"1\",\"version\":\"1.0\",\"params\":{\"a\":{\"value\":1},"
		    "\"b\":{\"value\":2,\"time\":5}},\"method\":\"thing.event.property.post\"}");
}

static void test_envelope_accept(void **state)
{
	static const char *const bad[] = { "", "text", "[1]", "21.5", "{", "\xff" };
	struct skybus_link *link = attach(state, WITH(dtls, { "envelope", "property", 0 }));
	struct skybus_verdict why;
	char large[900];

	for (size_t i = 0; i < SB_ELEMENTS(bad); i++)
		assert_int_equal(scripted_accept_payload(link, "telemetry", bad[i],
							 (uint32_t)strlen(bad[i]), &why),
				 -EINVAL);
	assert_int_equal(scripted_accept_payload(link, "telemetry", "{}", 2, &why), 0);
	/* What counts is how large it gets. */
	(void)snprintf(large, sizeof(large), "{\"a\":\"%0800d\"}", 0);
	assert_int_equal(scripted_accept_payload(link, TOPIC, large, (uint32_t)strlen(large), &why),
			 0);
	assert_int_equal(scripted_accept_payload(link, "telemetry", large, (uint32_t)strlen(large),
						 &why),
			 -EMSGSIZE);
}

static void test_envelope_code(void **state)
{
	struct skybus_link *link = attach(state, WITH(dtls, { "envelope", "property", 0 }));

	log_in_dtls(link);
	assert_int_equal(answer(encode(link, "telemetry", "{}"), CONTENT, "{\"code\":460}").kind,
			 SKYBUS_REJECTED);
}

/* ---- keepalives and commands ---- */

static void test_keepalive(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in(link);
	request = scripted_keepalive(link);
	assert_int_equal(request->result, 0);
	assert_string_equal(request->segments,
			    "/topic/sys/" PRODUCT_KEY "/" DEVICE_NAME "/thing/deviceinfo/update");
	expect_token(request);
	assert_int_equal(sequence_of(request), 2);
	/* Any answer shows that the cloud is there. */
	assert_int_equal(answer(request, SKYBUS_CODE(4, 4), "").kind, SKYBUS_DELIVERED);
	assert_int_equal(answer(scripted_keepalive(link), CONTENT, "{\"code\":460}").kind,
			 SKYBUS_DELIVERED);
	assert_int_equal(answer(scripted_keepalive(link), SKYBUS_CODE(4, 1), "").kind,
			 SKYBUS_RELOGIN);
	assert_int_equal(link->n_commands, 0);
}

/* The pull that is under way; NULL for none. There is never more than one. */
static struct skybus_request *find_pull(struct skybus_link *link)
{
	struct skybus_request *found = NULL;
	struct skybus_request *request;

	TAILQ_FOREACH(request, &link->sent, entry) {
		if (strcmp(request->segments, "/pull") != 0)
			continue;
		assert_null(found);
		found = request;
	}

	return found;
}

/* Online, and up to the first pull, which is returned. */
static struct skybus_request *begin_pull(void **state)
{
	struct skybus_link *link = attach(state, WITH(symmetric, { "pull", "yes", 0 }));

	log_in(link);
	scripted_pass(link, PULL_MS - 1);
	assert_null(find_pull(link));
	scripted_pass(link, 1);
	assert_non_null(find_pull(link));

	return find_pull(link);
}

static void test_pull(void **state)
{
	static const struct {
		const char *answer;
		unsigned int n;
		const char *topic; /* of the last */
		const char *payload;
		uint32_t format;
	} cases[] = {
		{ "{\"topic\":\"/a\",\"payload\":\"on \\u00e9\\n\"}", 1, "/a", "on \xc3\xa9\n",
		  TEXT },
		{ "{\"topic\":\"/a\",\"payload\":{\"x\":1}}", 1, "/a", "{\"x\":1}", JSON },
		{ "[{\"topic\":\"/a\",\"payload\":1},{\"topic\":\"/b\",\"payload\":null}]", 2, "/b",
		  "null", JSON },
		/* As it was written: no number changes, and no space. */
		{ " [ {\"payload\" : {\"a\" : 1.50e0, \"b\":[ 18446744073709551616,\"]}\\\"\" ]} ,"
		  "\"topic\":\"/a\"} ] ",
		  1, "/a", "{\"a\" : 1.50e0, \"b\":[ 18446744073709551616,\"]}\\\"\" ]}", JSON },
		{ "[{\"topic\":\"/a\",\"payload\":9007199254740993.10 }]", 1, "/a",
		  "9007199254740993.10", JSON },
		{ "{\"topic\":\"/a\"}", 1, "/a", "", TEXT },
		{ "[]", 0, NULL, NULL, 0 },
		{ "", 0, NULL, NULL, 0 },
		{ "{\"topic\":\"\",\"payload\":1}", 0, NULL, NULL, 0 },
		{ "{\"topic\":\"/a\\u0000b\",\"payload\":1}", 0, NULL, NULL, 0 },
		{ "{\"topic\":\"/a\",\"\\u0070ayload\":1}", 0, NULL, NULL, 0 },
		{ "[5,null,[],{\"topic\":5},{\"payload\":5}]", 0, NULL, NULL, 0 },
		{ "{\"topic\":", 0, NULL, NULL, 0 },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_request *request = begin_pull(state);
		struct skybus_link *link = *state;

		expect_token(request);
		assert_int_equal(sequence_of(request), 2);
		expect_encrypted(request->payload, request->payload_len, "{\"pageSize\":\"10\"}");
		(void)answer_encrypted(request, cases[i].answer);
		if (link->n_commands != cases[i].n)
			fail_msg("case %zu: %u commands", i, link->n_commands);
		if (cases[i].n == 0)
			continue;
		assert_string_equal(link->command.topic, cases[i].topic);
		expect_text(link->command.payload, link->command.payload_len, cases[i].payload);
		assert_int_equal(link->command.content_format, cases[i].format);
	}
}

/* A string may hold any byte. */
static void test_pull_zero(void **state)
{
	struct skybus_request *request = begin_pull(state);
	const struct skybus_link *link = *state;

	(void)answer_encrypted(request, "{\"topic\":\"/a\",\"payload\":\"a\\u0000b\"}");
	assert_int_equal(link->n_commands, 1);
	assert_int_equal(link->command.payload_len, 3);
	assert_memory_equal(link->command.payload, "a\0b", 3);
}

static void test_pull_cbor(void **state)
{
	static const struct {
		const char *payload; /* of the command, in CBOR */
		size_t len;
		const char *expected;
	} cases[] = {
		{ "\x43\xff\x01\x80", 4, "\xff\x01\x80" },
		{ "\x62on", 3, "on" },
		{ "\xa3\x61x\xf9\x3e\x00\x61y\xf5\x61z\xf6", 12,
		  "{\"x\":1.5,\"y\":true,\"z\":null}" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		uint8_t document[64] = "\xa2\x65topic\x62/a\x67payload";
		size_t head = strlen((char *)document);
		struct skybus_reply reply =
			scripted_reply(CONTENT, document, (uint32_t)(head + cases[i].len));
		struct skybus_request *request = begin_pull(state);
		const struct skybus_link *link = *state;

		memcpy(document + head, cases[i].payload, cases[i].len);
		reply.content_format = SKYBUS_FORMAT_CBOR;
		(void)scripted_answer(request, &reply);
		assert_int_equal(link->n_commands, 1);
		assert_string_equal(link->command.topic, "/a");
		expect_text(link->command.payload, link->command.payload_len, cases[i].expected);
	}
}

/* As often on a busy link as on a quiet one. */
static void test_pull_busy(void **state)
{
	struct skybus_request *request = begin_pull(state);
	struct skybus_link *link = *state;
	unsigned int n = 0;

	(void)answer_encrypted(request, "[]");
	for (unsigned int second = 0; second < 600; second++) {
		(void)answer(encode(link, TOPIC, PAYLOAD), CONTENT, "");
		all_stored(link);
		scripted_pass(link, 1000);
		request = find_pull(link);
		if (!request)
			continue;
		n++;
		(void)answer_encrypted(request, "[]");
	}
	assert_int_equal(n, 600 * 1000 / PULL_MS);
}

static void test_pull_full_page(void **state)
{
	struct skybus_request *request = begin_pull(state);
	struct skybus_link *link = *state;
	char page[512] = "[";

	for (unsigned int i = 0; i < 10; i++)
		(void)strcat(page, i == 0 ? "{\"topic\":\"/a\"}" : ",{\"topic\":\"/a\"}");
	(void)strcat(page, "]");
	(void)answer_encrypted(request, page);
	assert_int_equal(link->n_commands, 10);
	assert_null(find_pull(link));
	scripted_pass(link, 1000);
	assert_non_null(find_pull(link));
	(void)answer_encrypted(find_pull(link), "[{\"topic\":\"/a\"}]");
	scripted_pass(link, 1000);
	assert_null(find_pull(link));
	scripted_pass(link, PULL_MS);
	assert_non_null(find_pull(link));
}

/* Whatever went wrong with one, the next waits until something else was answered. */
static void test_pull_goes_wrong(void **state)
{
	static const uint32_t codes[] = { 0, /* no answer */
					  SKYBUS_CODE(4, 1), SKYBUS_CODE(4, 4), SKYBUS_CODE(4, 29),
					  SKYBUS_CODE(5, 0) };

	for (size_t i = 0; i < SB_ELEMENTS(codes); i++) {
		struct skybus_request *request = begin_pull(state);
		struct skybus_link *link = *state;

		if (codes[i])
			(void)answer(request, codes[i], "[{\"topic\":\"/a\"}]");
		else
			answer_outcome(request, SKYBUS_TIMEOUT);
		assert_int_equal(link->n_commands, 0);
		scripted_pass(link, 10 * PULL_MS);
		assert_null(find_pull(link));
		(void)answer(scripted_keepalive(link), CONTENT, "");
		scripted_pass(link, PULL_MS);
		assert_non_null(find_pull(link));
	}
}

/* The token is over: the keepalive leads to a login, and that to what was missed. */
static void test_pull_relogin(void **state)
{
	struct skybus_request *request = begin_pull(state);
	struct skybus_link *link = *state;

	(void)answer(request, SKYBUS_CODE(4, 1), "");
	assert_int_equal(answer(scripted_keepalive(link), SKYBUS_CODE(4, 1), "").kind,
			 SKYBUS_RELOGIN);
	scripted_pass(link, PULL_MS);
	assert_null(find_pull(link));
	scripted_login(link);
	scripted_pass(link, PULL_MS);
	assert_null(find_pull(link));
	(void)answer(last_sent(link), CONTENT, GRANT);
	all_stored(link);
	scripted_pass(link, 1000);
	assert_non_null(find_pull(link));
}

/* What a login has cut off, or an hour without a session, is made up for. */
static void test_pull_without_session(void **state)
{
	struct skybus_link *link;

	(void)begin_pull(state);
	link = *state;
	for (unsigned int i = 0; i < 2; i++) {
		if (i == 1)
			(void)answer_encrypted(find_pull(link), "[]");
		scripted_drop_session(link);
		scripted_pass(link, 60 * PULL_MS);
		assert_true(TAILQ_EMPTY(&link->sent));
		scripted_login(link);
		scripted_opened(link, 0, "");
		scripted_pass(link, 1000);
		assert_non_null(find_pull(link));
	}
}

/* The host cannot do something, for once. */
static void test_pull_refused_by_host(void **state)
{
	static const struct scripted_refusals refusals[] = {
		{ .new_request = true },
		{ .send_request = -EIO },
		{ .timer_start = -ENOSPC },
	};

	for (size_t i = 0; i < SB_ELEMENTS(refusals); i++) {
		struct skybus_request *request = begin_pull(state);
		struct skybus_link *link = *state;

		link->refuse = refusals[i];
		(void)answer_encrypted(request, "[]");
		scripted_pass(link, PULL_MS);
		assert_null(find_pull(link));
		link->refuse = (struct scripted_refusals){ 0 };
		(void)answer(encode(link, TOPIC, PAYLOAD), CONTENT, "");
		scripted_pass(link, PULL_MS);
		assert_non_null(find_pull(link));
	}
}

static void test_no_pull(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	(void)answer(encode(link, TOPIC, PAYLOAD), CONTENT, "");
	scripted_pass(link, 60 * PULL_MS);
	assert_true(TAILQ_EMPTY(&link->sent));
	assert_int_equal(link->n_timers, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_symmetric),
		LINK_TEST(test_dtls),
		LINK_TEST(test_format),
		LINK_TEST(test_accept_topic),
		LINK_TEST(test_accept_size),
		LINK_TEST(test_accept_max_payload),
		LINK_TEST(test_encode_without_token),
		LINK_TEST(test_codes),
		LINK_TEST(test_patience),
		LINK_TEST(test_model_codes),
		LINK_TEST(test_hostile_answers),
		LINK_TEST(test_message_id),
		LINK_TEST(test_envelope),
		LINK_TEST(test_envelope_without_time),
		LINK_TEST(test_envelope_accept),
		LINK_TEST(test_envelope_code),
		LINK_TEST(test_keepalive),
		LINK_TEST(test_pull),
		LINK_TEST(test_pull_zero),
		LINK_TEST(test_pull_cbor),
		LINK_TEST(test_pull_busy),
		LINK_TEST(test_pull_full_page),
		LINK_TEST(test_pull_goes_wrong),
		LINK_TEST(test_pull_relogin),
		LINK_TEST(test_pull_without_session),
		LINK_TEST(test_pull_refused_by_host),
		LINK_TEST(test_no_pull),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
