/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin 1nce, from the daemon's side: settings, sessions without onboarding, messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/plugins/nce-link.h"

#define TOPIC_MAX 253

/* ---- settings ---- */

static void test_table(void **state)
{
	(void)state;
	expect_plugin("1nce");
}

static void test_contradictions(void **state)
{
	expect_refused(state, SETTINGS({ "security", "plain", 0 }, { "psk", "k", 0 }),
		       "security: dtls");
	expect_refused(state, SETTINGS({ "security", "plain", 0 }, { "identity", "1", 0 }),
		       "security: dtls");
	expect_refused(state, SETTINGS({ "security", "plain", 0 }, { "range_bytes", "99", 0 }),
		       "security: dtls");
	expect_refused(state, SETTINGS({ "psk", "k", 0 }), "onboarding: manual");
	expect_refused(state, SETTINGS({ "identity", ICCID, 0 }), "onboarding: manual");
	expect_refused(state, SETTINGS({ "onboarding", "coap", 0 }, { "range_bytes", "99", 0 }),
		       "onboarding: https");
	expect_refused(state, SETTINGS({ "onboarding", "coap", 0 }, { "onboarding_ca", "x", 0 }),
		       "onboarding: https");
	expect_refused(state, SETTINGS({ "onboarding", "manual", 0 }), "write both");
	expect_refused(state, SETTINGS({ "onboarding", "manual", 0 }, { "psk", "k", 0 }),
		       "write both");
	expect_refused(state, SETTINGS({ "onboarding", "manual", 0 }, { "identity", ICCID, 0 }),
		       "write both");
	expect_refused(state, SETTINGS({ "onboarding_url", "http://a/", 0 }), "https://");
	expect_refused(state, SETTINGS({ "downlink_port", "3000", 0 }), "needs downlink_from");
	expect_refused(state, SETTINGS({ "downlink_from", "10.0.0.0/8", 0 }), "downlink_port");
}

static void test_bad_hex(void **state)
{
	static const char *const keys[] = { "s3cret", "abc", "0x00" };

	for (size_t i = 0; i < SB_ELEMENTS(keys); i++)
		expect_refused(state,
			       SETTINGS({ "onboarding", "manual", 0 }, { "identity", ICCID, 0 },
					{ "psk", keys[i], 0 }, { "psk_encoding", "hex", 0 }),
			       "psk is not hex");
}

/* ---- sessions ---- */

static struct skybus_link *attach_plain(void **state)
{
	return attach(state, SETTINGS({ "security", "plain", 0 }));
}

static void test_plain(void **state)
{
	struct skybus_link *link = attach_plain(state);

	scripted_login(link);
	assert_int_equal(link->session.security, SKYBUS_PLAIN);
	assert_string_equal(link->session.host, "coap.os.1nce.com");
	assert_int_equal(link->session.port, 5683);
	scripted_opened(link, -ECONNREFUSED, "nobody listens");
	expect_failure(link, SKYBUS_TRANSIENT, "nobody listens");
	scripted_login(link);
	scripted_opened(link, 0, "");
	expect_online(link, 1);
	assert_int_equal(link->n_fetches, 0);
	assert_string_equal(link->plugin->device(link->state), "");
	link->refuse.open_session = -EBUSY;
	scripted_login(link);
	expect_failure(link, SKYBUS_TRANSIENT, "no session");
}

static void test_manual(void **state)
{
	static const char odd[] = "k\0\xff,\n";
	struct skybus_link *link =
		attach(state, SETTINGS({ "onboarding", "manual", 0 }, { "identity", ICCID, 0 },
				       { "psk", odd, sizeof(odd) - 1 }, { "port", "15684", 0 }));

	assert_string_equal(link->plugin->device(link->state), ICCID);
	scripted_login(link);
	assert_int_equal(link->session.security, SKYBUS_PSK);
	assert_int_equal(link->session.port, 15684);
	assert_int_equal(link->session.identity_len, strlen(ICCID));
	assert_int_equal(link->session.key_len, sizeof(odd) - 1);
	assert_memory_equal(link->session.key, odd, sizeof(odd) - 1);
	scripted_opened(link, -EKEYREJECTED, "wrong key");
	expect_failure(link, SKYBUS_CREDENTIALS, "wrong key; check identity, psk");
	scripted_login(link);
	scripted_opened(link, -ETIMEDOUT, "no answer");
	expect_failure(link, SKYBUS_TRANSIENT, "no answer");
	scripted_login(link);
	scripted_opened(link, 0, "");
	expect_online(link, 1);
	assert_int_equal(link->n_fetches, 0);
}

static void test_manual_hex(void **state)
{
	struct skybus_link *link =
		attach(state, SETTINGS({ "onboarding", "manual", 0 }, { "identity", ICCID, 0 },
				       { "psk", "00Ff10", 0 }, { "psk_encoding", "hex", 0 }));

	scripted_login(link);
	assert_int_equal(link->session.key_len, 3);
	assert_memory_equal(link->session.key, "\x00\xff\x10", 3);
}

static void test_keepalive(void **state)
{
	struct skybus_link *link =
		attach(state, SETTINGS({ "security", "plain", 0 }, { "keepalive", "90", 0 }));
	struct skybus_reply reply = scripted_reply(SKYBUS_CODE(4, 5), NULL, 0);
	struct skybus_request *request;
	struct skybus_verdict verdict;

	scripted_login(link);
	scripted_opened(link, 0, "");
	assert_int_equal(link->terms.keepalive_s, 90);
	request = scripted_keepalive(link);
	assert_int_equal(request->result, 0);
	assert_int_equal(request->method, SKYBUS_GET);
	assert_string_equal(request->segments, "");
	assert_int_equal(request->payload_len, 0);
	verdict = scripted_answer(request, &reply);
	assert_int_equal(verdict.kind, SKYBUS_DELIVERED);
}

/* ---- messages ---- */

static struct skybus_link *online(void **state)
{
	struct skybus_link *link = attach_plain(state);

	scripted_login(link);
	scripted_opened(link, 0, "");

	return link;
}

static void test_encode(void **state)
{
	struct skybus_link *link = online(state);
	struct skybus_request *request = scripted_encode(link, "plant/a_1", "21.5", 4);

	assert_int_equal(request->result, 0);
	assert_int_equal(request->method, SKYBUS_POST);
	assert_string_equal(request->segments, "");
	assert_string_equal(request->query, "t=plant/a_1");
	assert_int_equal(request->n_options, 0);
	assert_int_equal(request->payload_len, 4);
	assert_memory_equal(request->payload, "21.5", 4);

	request = scripted_encode(link, "/", "", 0);
	assert_int_equal(request->result, 0);
	assert_string_equal(request->query, "");

	request = scripted_encode(link, "a//b", "", 0);
	assert_int_equal(request->result, -EINVAL);
	assert_int_equal(request->verdict.kind, SKYBUS_REJECTED);
}

static void test_topics(void **state)
{
	static const char *const good[] = { "/", "a", "/a", "a/", "/a/B_9/", "_", "0" };
	static const struct {
		const char *topic;
		const char *part;
	} bad[] = {
		{ "a-b", "byte 2 of the topic is \"-\"" },
		{ "a b", "byte 2 of the topic is 0x20" },
		{ "a.b//", "byte 2 of the topic is \".\"" },
		{ "gr\xc3\xbcn", "byte 3 of the topic is 0xc3" },
		{ "a%b", "\"%\"" },
		{ "a&t=b", "\"&\"" },
		{ "//", "byte 2 of the topic is a second slash" },
		{ "a/b//c", "byte 5 of the topic is a second slash" },
	};
	struct skybus_link *link = *state;
	struct skybus_verdict why;

	for (size_t i = 0; i < SB_ELEMENTS(good); i++)
		assert_int_equal(scripted_accept(link, good[i], 0, &why), 0);
	for (size_t i = 0; i < SB_ELEMENTS(bad); i++) {
		assert_int_equal(scripted_accept(link, bad[i].topic, 0, &why), -EINVAL);
		if (!strstr(why.reason, bad[i].part))
			fail_msg("\"%s\" does not say \"%s\"", why.reason, bad[i].part);
	}
}

static void test_longest_topic(void **state)
{
	struct skybus_link *link = online(state);
	char topic[TOPIC_MAX + 2];
	struct skybus_request *request;
	struct skybus_verdict why;

	memset(topic, 'a', sizeof(topic));
	topic[TOPIC_MAX + 1] = '\0';
	assert_int_equal(scripted_accept(link, topic, 0, &why), -EINVAL);
	assert_non_null(strstr(why.reason, "1 to 253 bytes, this one 254"));
	topic[TOPIC_MAX] = '\0';
	assert_int_equal(scripted_accept(link, topic, 0, &why), 0);
	request = scripted_encode(link, topic, "", 0);
	assert_int_equal(request->result, 0);
	assert_int_equal(request->error, 0);
	assert_int_equal(strlen(request->query), 255);
}

static void test_payload(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_verdict why;

	assert_int_equal(scripted_accept(link, "a", 1024, &why), 0);
	assert_int_equal(scripted_accept(link, "a", 1025, &why), -EMSGSIZE);
	assert_non_null(strstr(why.reason, "1025 bytes and 1NCE takes 1024"));
	link = attach(state, SETTINGS({ "max_payload", "2000", 0 }));
	assert_int_equal(scripted_accept(link, "a", 2000, &why), 0);
	assert_int_equal(scripted_accept(link, "a", 2001, &why), -EMSGSIZE);
}

static void test_replies(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t max_age;
		uint32_t kind;
		uint32_t retry_after_ms;
		const char *part;
	} cases[] = {
		{ SKYBUS_CODE(2, 4), UINT32_MAX, SKYBUS_DELIVERED, 0, "" },
		{ SKYBUS_CODE(2, 1), UINT32_MAX, SKYBUS_DELIVERED, 0, "" },
		{ SKYBUS_CODE(2, 5), UINT32_MAX, SKYBUS_DELIVERED, 0, "" },
		{ SKYBUS_CODE(4, 0), 9, SKYBUS_REJECTED, 0, "topic or the payload (4.00)" },
		{ SKYBUS_CODE(4, 1), UINT32_MAX, SKYBUS_RELOGIN, 0, "not active" },
		{ SKYBUS_CODE(4, 2), UINT32_MAX, SKYBUS_REJECTED, 0, "(4.02)" },
		{ SKYBUS_CODE(4, 3), UINT32_MAX, SKYBUS_RELOGIN, 0, "(4.03)" },
		{ SKYBUS_CODE(4, 4), UINT32_MAX, SKYBUS_RETRY, 0, "check them (4.04)" },
		{ SKYBUS_CODE(4, 5), UINT32_MAX, SKYBUS_RETRY, 0, "check them (4.05)" },
		{ SKYBUS_CODE(4, 6), UINT32_MAX, SKYBUS_REJECTED, 0, "(4.06)" },
		{ SKYBUS_CODE(4, 8), UINT32_MAX, SKYBUS_RETRY, 0, "(4.08)" },
		{ SKYBUS_CODE(4, 13), UINT32_MAX, SKYBUS_REJECTED, 0, "larger" },
		{ SKYBUS_CODE(4, 15), UINT32_MAX, SKYBUS_REJECTED, 0, "(4.15)" },
		{ SKYBUS_CODE(4, 29), 7, SKYBUS_RETRY, 7000, "(4.29)" },
		{ SKYBUS_CODE(4, 29), UINT32_MAX, SKYBUS_RETRY, 0, "(4.29)" },
		{ SKYBUS_CODE(4, 29), UINT32_MAX - 1, SKYBUS_RETRY, 3600000, "(4.29)" },
		{ SKYBUS_CODE(5, 0), 60, SKYBUS_RETRY, 60000, "(5.00)" },
		{ SKYBUS_CODE(5, 3), UINT32_MAX, SKYBUS_RETRY, 0, "(5.03)" },
		{ SKYBUS_CODE(0, 0), UINT32_MAX, SKYBUS_RETRY, 0, "(0.00)" },
		{ SKYBUS_CODE(3, 1), UINT32_MAX, SKYBUS_RETRY, 0, "does not have (3.01)" },
		{ SKYBUS_CODE(7, 31), UINT32_MAX, SKYBUS_RETRY, 0, "(7.31)" },
	};
	struct skybus_link *link = online(state);

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_reply reply = scripted_reply(cases[i].code, NULL, 0);
		struct skybus_verdict verdict;

		reply.max_age = cases[i].max_age;
		verdict = scripted_answer(scripted_encode(link, "a", "x", 1), &reply);
		if (verdict.kind != cases[i].kind ||
		    verdict.retry_after_ms != cases[i].retry_after_ms ||
		    !strstr(verdict.reason, cases[i].part))
			fail_msg("%u.%02u gave %u after %u ms: \"%s\"", cases[i].code >> 5,
				 cases[i].code & 31, verdict.kind, verdict.retry_after_ms,
				 verdict.reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), LINK_TEST(test_contradictions),
		LINK_TEST(test_bad_hex),      LINK_TEST(test_plain),
		LINK_TEST(test_manual),	      LINK_TEST(test_manual_hex),
		LINK_TEST(test_keepalive),    LINK_TEST(test_encode),
		LINK_TEST(test_topics),	      LINK_TEST(test_longest_topic),
		LINK_TEST(test_payload),      LINK_TEST(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
