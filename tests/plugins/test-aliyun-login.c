/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin aliyun, from the daemon's side: its settings, how it logs in, what it makes of the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <jansson.h>

#include "plugins/aliyun/aliyun-document.h"
#include "tests/plugins/aliyun-link.h"

#define FIELDS                                                               \
	"\"clientId\":\"" CLIENT_ID "\",\"deviceName\":\"" DEVICE_NAME "\"," \
	"\"productKey\":\"" PRODUCT_KEY "\""
#define HUGE_LEN (1024 * 1024)

/* ---- settings ---- */

static void test_table(void **state)
{
	(void)state;
	expect_plugin("aliyun");
}

static void test_contradictions(void **state)
{
	static const struct {
		const struct scripted_setting *usual;
		struct scripted_setting more;
		const char *word; /* in the sentence */
	} cases[] = {
		{ symmetric, { "root_ca", "PEM", 0 }, "root_ca" },
		{ symmetric, { "security", "psk", 0 }, "security" },
		{ symmetric, { "server_name", "a.example", 0 }, "server_name" },
		{ symmetric, { "product_secret", "abcdefgh", 0 }, "product_secret" },
		{ symmetric, { "product_key", "a/b", 0 }, "product_key" },
		{ symmetric, { "device_name", "a/b", 0 }, "device_name" },
		{ symmetric, { "device_name", "a b", 0 }, "device_name" },
		{ symmetric, { "pull_interval", "30", 0 }, "pull" },
		{ symmetric, { "region", "a.b", 0 }, "region" },
		{ dtls, { "seq", "1", 0 }, "seq" },
		{ unknown_secret, { "security", "psk", 0 }, "psk" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++)
		expect_refused(state, WITH(cases[i].usual, cases[i].more), cases[i].word);
	expect_refused(state, WITH(dtls, { "security", "psk", 0 }, { "root_ca", "PEM", 0 }),
		       "root_ca");
	expect_refused(state, WITH(dtls, { "host", "a.example", 0 }, { "region", "eu", 0 }),
		       "region");
}

static void test_no_secret(void **state)
{
	static const struct scripted_setting none[] = {
		{ .key = "product_key", .value = PRODUCT_KEY },
		{ .key = "device_name", .value = DEVICE_NAME },
		{ .key = NULL },
	};

	expect_refused(state, none, "device_secret");
}

static void test_sessions(void **state)
{
	struct skybus_link *link = *state;

	(void)begin_login(link);
	assert_int_equal(link->session.security, SKYBUS_PLAIN);
	assert_string_equal(link->session.host, HOST);
	assert_int_equal(link->session.port, 5682);

	link = attach(state, dtls);
	(void)begin_login(link);
	assert_int_equal(link->session.security, SKYBUS_CERTIFICATE);
	assert_string_equal(link->session.host, HOST);
	assert_int_equal(link->session.port, 5684);
	assert_null(link->session.server_name);
	assert_int_equal(link->session.trust_len, 0);

	link = attach(state, WITH(dtls, { "root_ca", "PEM", 0 }, { "server_name", "a.example", 0 },
				  { "region", "eu-west-1", 0 }, { "port", "4711", 0 }));
	(void)begin_login(link);
	assert_string_equal(link->session.host, PRODUCT_KEY ".coap.eu-west-1.link.aliyuncs.com");
	assert_int_equal(link->session.port, 4711);
	assert_string_equal(link->session.server_name, "a.example");
	expect_text(link->session.trust, link->session.trust_len, "PEM");

	link = attach(state, WITH(dtls, { "security", "psk", 0 }, { "host", "192.0.2.1", 0 }));
	(void)begin_login(link);
	assert_int_equal(link->session.security, SKYBUS_PSK);
	assert_string_equal(link->session.host, "192.0.2.1");
	expect_text(link->session.identity, link->session.identity_len,
		    "devicename|hmacsha256|" CLIENT_ID "|2524608000000");
	expect_text(link->session.key, link->session.key_len,
		    "D63C02EF86041941240CEB586A6689D934E884D7FD491C4BFEF0A2997BCFBE04");
	assert_string_equal(link->plugin->device(link->state), PRODUCT_KEY "/" DEVICE_NAME);
}

/* ---- POST /auth ---- */

static void expect_auth(const struct skybus_request *request, const char *payload)
{
	assert_int_equal(request->method, SKYBUS_POST);
	assert_string_equal(request->segments, "/auth");
	assert_string_equal(request->query, "");
	assert_int_equal(request->n_options, 2);
	assert_int_equal(uint_option(request, 12), SKYBUS_FORMAT_JSON);
	assert_int_equal(uint_option(request, 17), SKYBUS_FORMAT_JSON);
	expect_text(request->payload, request->payload_len, payload);
}

static void test_auth(void **state)
{
	struct skybus_link *link = *state;

	expect_auth(begin_login(link),
		    "{" FIELDS ",\"seq\":\"10\",\"signmethod\":\"hmacsha1\",\"sign\":"
		    "\"cc5e94f2f255dd4982a42ca9643e91d7a209979b\"}");
	link = attach(state, WITH(symmetric, { "sign_method", "hmacmd5", 0 },
				  { "timestamp", "1524448722000", 0 }));
	expect_auth(begin_login(link), "{" FIELDS ",\"seq\":\"10\",\"timestamp\":\"1524448722000\","
				       "\"signmethod\":\"hmacmd5\",\"sign\":"
				       "\"e85f43490bdf80bde6237de8ad51b3dd\"}");
	link = attach(state, WITH(symmetric, { "sign_method", "hmacsha256", 0 }));
	expect_auth(begin_login(link),
		    "{" FIELDS ",\"seq\":\"10\",\"signmethod\":\"hmacsha256\",\"sign\":"
		    "\"5bab7c3d0c7abdcfc40c9426b8312abf43bbf19124a3bb7b4bb139d8229c3d5f\"}");
	link = attach(state, WITH(dtls, { "sign_method", "hmacmd5", 0 }));
	expect_auth(begin_login(link), "{" FIELDS ",\"signmethod\":\"hmacmd5\",\"sign\":"
				       "\"c532611baf3468d80ad40464616b671e\"}");
}

/* Whatever is submitted is signed, in the order of the alphabet. */
static void test_auth_all_fields(void **state)
{
	static const char content[] = "ackMode1clientIdmac0001deviceName" DEVICE_NAME
				      "productKey" PRODUCT_KEY "seq77timestamp5";
	const struct aliyun_secret secret = { (const uint8_t *)SECRET, strlen(SECRET) };
	struct skybus_link *link =
		attach(state, WITH(symmetric, { "ack_mode", "1", 0 }, { "client_id", "mac0001", 0 },
				   { "seq", "77", 0 }, { "timestamp", "5", 0 }));
	char sign[ALIYUN_SIGN_SIZE];
	char payload[400];

	assert_int_equal(aliyun_sign("hmacsha1", &secret, content, sign), 0);
	(void)snprintf(payload, sizeof(payload),
		       "{\"ackMode\":\"1\",\"clientId\":\"mac0001\",\"deviceName\":\"" DEVICE_NAME
		       "\",\"productKey\":\"" PRODUCT_KEY "\",\"seq\":\"77\",\"timestamp\":\"5\","
		       "\"signmethod\":\"hmacsha1\",\"sign\":\"%s\"}",
		       sign);
	expect_auth(begin_login(link), payload);
}

static void test_auth_cbor(void **state)
{
	static const uint8_t grant[] = "\xa3\x65token\x63"
				       "abc\x66random\x61r\x69seqOffset\x18\x64";
	struct skybus_reply reply = scripted_reply(CONTENT, grant, sizeof(grant) - 1);
	struct skybus_link *link = attach(state, WITH(symmetric, { "encoding", "cbor", 0 }));
	struct skybus_request *request = begin_login(link);
	json_t *sent =
		aliyun_document_read(SKYBUS_FORMAT_CBOR, request->payload, request->payload_len);

	assert_int_equal(uint_option(request, 12), SKYBUS_FORMAT_CBOR);
	assert_int_equal(uint_option(request, 17), SKYBUS_FORMAT_CBOR);
	assert_int_equal(json_object_size(sent), 6);
	assert_string_equal(aliyun_document_text(sent, "sign", 40),
			    "cc5e94f2f255dd4982a42ca9643e91d7a209979b");
	json_decref(sent);
	(void)scripted_answer(request, &reply);
	all_stored(link);
	assert_int_equal(link->n_online, 1);
}

static void test_terms(void **state)
{
	static const struct {
		struct scripted_setting more[2];
		uint32_t keepalive_s;
	} cases[] = {
		{ { { "keepalive", "9m", 0 }, { "port", "1", 0 } }, 540 },
		{ { { "keepalive", "0", 0 }, { "port", "1", 0 } }, 0 },
		{ { { "pull", "yes", 0 }, { "port", "1", 0 } }, 120 },
		{ { { "pull", "yes", 0 }, { "pull_interval", "20", 0 } }, 40 },
		{ { { "pull", "yes", 0 }, { "keepalive", "0", 0 } }, 120 },
		{ { { "pull", "yes", 0 }, { "pull_interval", "1h", 0 } }, 540 },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link =
			attach(state, WITH(symmetric, cases[i].more[0], cases[i].more[1]));

		log_in(link);
		assert_int_equal(link->terms.keepalive_s, cases[i].keepalive_s);
		assert_int_equal(link->terms.expires_s, 7 * 86400);
		assert_int_equal(link->terms.window, 0);
	}
}

static void test_refused(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t kind;
		const char *word;
	} cases[] = {
		{ SKYBUS_CODE(4, 0), SKYBUS_CONFIGURATION, "does not understand" },
		{ SKYBUS_CODE(4, 1), SKYBUS_CREDENTIALS, "and device_secret (4.01)" },
		{ SKYBUS_CODE(4, 2), SKYBUS_CREDENTIALS, "and device_secret (4.02)" },
		{ SKYBUS_CODE(4, 3), SKYBUS_CREDENTIALS, "disabled" },
		{ SKYBUS_CODE(4, 4), SKYBUS_TRANSIENT, "know no such login" },
		{ SKYBUS_CODE(4, 5), SKYBUS_TRANSIENT, "take no POST" },
		{ SKYBUS_CODE(4, 6), SKYBUS_CONFIGURATION, "(Accept): set encoding" },
		{ SKYBUS_CODE(4, 15), SKYBUS_CONFIGURATION, "(Content-Format): set encoding" },
		{ SKYBUS_CODE(4, 29), SKYBUS_TRANSIENT, "(4.29)" },
		{ SKYBUS_CODE(4, 9), SKYBUS_TRANSIENT, "(4.09)" },
		{ SKYBUS_CODE(5, 0), SKYBUS_TRANSIENT, "took Aliyun too long" },
		{ SKYBUS_CODE(5, 3), SKYBUS_TRANSIENT, "(5.03)" },
		{ SKYBUS_CODE(3, 1), SKYBUS_TRANSIENT, "(3.01)" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, symmetric);

		(void)answer(begin_login(link), cases[i].code, "");
		expect_first_failure(link, cases[i].kind);
		assert_non_null(strstr(link->failure.reason, cases[i].word));
		assert_int_equal(link->failure.wait_s, 0);
	}
}

static void test_refused_for_a_while(void **state)
{
	struct skybus_reply reply = scripted_reply(SKYBUS_CODE(5, 3), NULL, 0);
	struct skybus_link *link = *state;

	reply.max_age = 77;
	(void)scripted_answer(begin_login(link), &reply);
	assert_int_equal(link->failure.wait_s, 77);
	reply.max_age = UINT32_MAX - 1;
	(void)scripted_answer(begin_login(link), &reply);
	assert_int_equal(link->failure.wait_s, 3600);
}

/* Why there was no answer is the daemon's to say. */
static void test_unanswered(void **state)
{
	static const uint32_t outcomes[] = { SKYBUS_TIMEOUT, SKYBUS_RESET, SKYBUS_UNREACHABLE,
					     SKYBUS_ABANDONED };

	for (size_t i = 0; i < SB_ELEMENTS(outcomes); i++) {
		struct skybus_link *link = attach(state, symmetric);

		answer_outcome(begin_login(link), outcomes[i]);
		expect_first_failure(link, SKYBUS_TRANSIENT);
		assert_false(link->failure.has_reason);
		log_in(link);
	}
}

static void test_without_session(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	scripted_opened(link, -EHOSTUNREACH, HOST " does not resolve");
	expect_first_failure(link, SKYBUS_TRANSIENT);
	assert_string_equal(link->failure.reason, HOST " does not resolve");

	link = attach(state, WITH(dtls, { "security", "psk", 0 }));
	scripted_login(link);
	scripted_opened(link, -EKEYREJECTED, "the handshake was refused");
	expect_first_failure(link, SKYBUS_CREDENTIALS);
}

/* Whatever the host cannot do ends the login, and can be tried again. */
static void test_refused_by_host(void **state)
{
	static const struct scripted_refusals refusals[] = {
		{ .open_session = -EINVAL },
		{ .new_request = true },
		{ .send_request = -ENOTCONN },
		{ .store_put = -ENOSPC },
	};

	for (size_t i = 0; i < SB_ELEMENTS(refusals); i++) {
		struct skybus_link *link = attach(state, symmetric);

		link->refuse = refusals[i];
		scripted_login(link);
		if (link->opening)
			scripted_opened(link, 0, "");
		if (!TAILQ_EMPTY(&link->sent))
			(void)answer(last_sent(link), CONTENT, GRANT);
		expect_first_failure(link, SKYBUS_TRANSIENT);
		link->refuse = (struct scripted_refusals){ 0 };
		scripted_login(link);
		scripted_opened(link, 0, "");
		if (!TAILQ_EMPTY(&link->sent))
			(void)answer(last_sent(link), CONTENT, GRANT);
		all_stored(link);
		assert_int_equal(link->n_online, 1);
	}
}

static void test_without_timer(void **state)
{
	struct skybus_link *link = *state;

	link->refuse.timer_start = -ENOSPC;
	log_in(link);
}

static void test_hostile_grants(void **state)
{
	static const char *const grants[] = {
		"",
		"{",
		"[]",
		"null",
		"{\"random\":\"r\",\"seqOffset\":1}",
		"{\"random\":\"r\",\"seqOffset\":1,\"token\":5}",
		"{\"random\":\"r\",\"seqOffset\":1,\"token\":\"\"}",
		"{\"random\":\"r\",\"seqOffset\":1,\"token\":\"a\\nb\"}",
		"{\"random\":\"r\",\"seqOffset\":1,\"token\":\"a\\u0000b\"}",
		"{\"seqOffset\":1,\"token\":\"t\"}",
		"{\"random\":7,\"seqOffset\":1,\"token\":\"t\"}",
		"{\"random\":\"0123456789012345678901234567890123\",\"seqOffset\":1,\"token\":\"t\"}",
		"{\"random\":\"r\",\"token\":\"t\"}",
		"{\"random\":\"r\",\"seqOffset\":\"1\",\"token\":\"t\"}",
		"{\"random\":\"r\",\"seqOffset\":1.5,\"token\":\"t\"}",
		"{\"random\":\"r\",\"seqOffset\":-1,\"token\":\"t\"}",
		"{\"random\":\"r\",\"seqOffset\":9223372036854775807,\"token\":\"t\"}",
		"{\"random\":\"r\",\"seqOffset\":92233720368547758079,\"token\":\"t\"}",
	};

	for (size_t i = 0; i < SB_ELEMENTS(grants); i++) {
		struct skybus_link *link = attach(state, symmetric);

		(void)answer(begin_login(link), CONTENT, grants[i]);
		if (link->n_failed == 0)
			fail_msg("taken: %s", grants[i]);
		expect_first_failure(link, SKYBUS_TRANSIENT);
	}
}

static void test_huge_grant(void **state)
{
	struct skybus_link *link = *state;
	char *payload = malloc(HUGE_LEN + 1);

	assert_non_null(payload);
	memset(payload, 'a', HUGE_LEN);
	memcpy(payload, "{\"token\":\"", 10);
	strcpy(payload + HUGE_LEN - 2, "\"}");
	(void)answer(begin_login(link), CONTENT, payload);
	free(payload);
	expect_first_failure(link, SKYBUS_TRANSIENT);
}

static void test_longest_token(void **state)
{
	for (int len = 192; len <= 193; len++) {
		struct skybus_link *link = attach(state, dtls);
		char payload[220];

		(void)snprintf(payload, sizeof(payload), "{\"token\":\"%0*d\"}", len, 0);
		(void)answer(begin_login(link), CONTENT, payload);
		assert_int_equal(link->n_online, len == 192);
		assert_int_equal(link->n_failed, len != 192);
	}
}

static void begin(struct skybus_link *link)
{
	(void)begin_login(link);
}

static void take_grant(struct skybus_link *link)
{
	(void)answer(only_sent(link), CONTENT, GRANT);
	assert_false(TAILQ_EMPTY(&link->writes));
}

static void take_secret(struct skybus_link *link)
{
	(void)answer(only_sent(link), CONTENT, "{\"deviceSecret\":\"" SECRET "\"}");
	assert_false(TAILQ_EMPTY(&link->writes));
}

static void test_detach_at_each_step(void **state)
{
	static step_fn *const known[] = { begin, take_grant, all_stored, scripted_login, NULL };
	static step_fn *const told[] = { begin, take_secret, all_stored, NULL };

	expect_detachable(state, symmetric, known);
	expect_detachable(state, unknown_secret, told);
}

/* ---- dynamic registration ---- */

static void expect_register(const struct skybus_request *request)
{
	const struct aliyun_secret secret = { (const uint8_t *)unknown_secret[2].value,
					      (uint32_t)strlen(unknown_secret[2].value) };
	json_t *asked =
		aliyun_document_read(SKYBUS_FORMAT_JSON, request->payload, request->payload_len);
	const char *random = aliyun_document_text(asked, "random", 64);
	char content[300];
	char sign[ALIYUN_SIGN_SIZE];

	assert_string_equal(request->segments, "/auth/register/device");
	assert_non_null(random);
	(void)snprintf(content, sizeof(content),
		       "deviceName" DEVICE_NAME "productKey" PRODUCT_KEY "random%s", random);
	assert_int_equal(aliyun_sign("hmacsha1", &secret, content, sign), 0);
	assert_string_equal(aliyun_document_text(asked, "sign", 64), sign);
	assert_string_equal(aliyun_document_text(asked, "signmethod", 64), "hmacsha1");
	assert_int_equal(json_object_size(asked), 5);
	json_decref(asked);
}

/* On disk before it is used, and from then on known. */
static void test_register(void **state)
{
	struct skybus_link *link = attach(state, unknown_secret);
	struct skybus_request *request = begin_login(link);

	expect_register(request);
	(void)answer(request, CONTENT, "{\"deviceSecret\":\"" SECRET "\"}");
	assert_true(TAILQ_EMPTY(&link->sent));
	scripted_stored(link, 0);
	expect_auth(last_sent(link), "{" FIELDS ",\"signmethod\":\"hmacsha1\",\"sign\":"
				     "\"815e811b1837e900627cf1d2b16cc58167f00d5a\"}");
	(void)answer(last_sent(link), CONTENT, "{\"token\":\"t\"}");
	assert_int_equal(link->n_online, 1);

	restart(link);
	scripted_login(link);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 2);
}

static void test_register_wrapped(void **state)
{
	struct skybus_link *link = attach(state, unknown_secret);

	(void)answer(begin_login(link), CONTENT,
		     "{\"code\":200,\"data\":{\"deviceSecret\":\"" SECRET "\"}}");
	scripted_stored(link, 0);
	assert_string_equal(last_sent(link)->segments, "/auth");
}

static void test_register_fails(void **state)
{
	static const char *const payloads[] = { "", "{}", "{\"deviceSecret\":5}",
						"{\"deviceSecret\":\"\"}", "[" };
	struct skybus_link *link;

	for (size_t i = 0; i < SB_ELEMENTS(payloads); i++) {
		link = attach(state, unknown_secret);
		(void)answer(begin_login(link), CONTENT, payloads[i]);
		expect_first_failure(link, SKYBUS_TRANSIENT);
	}
	link = attach(state, unknown_secret);
	(void)answer(begin_login(link), SKYBUS_CODE(4, 1), "");
	expect_first_failure(link, SKYBUS_CREDENTIALS);
	assert_non_null(strstr(link->failure.reason, "and product_secret (4.01)"));
	link = attach(state, unknown_secret);
	answer_outcome(begin_login(link), SKYBUS_TIMEOUT);
	expect_first_failure(link, SKYBUS_TRANSIENT);
}

/* The cloud may tell it but once, so a full disk must not lose it. */
static void test_register_disk_full(void **state)
{
	struct skybus_link *link = attach(state, unknown_secret);

	(void)answer(begin_login(link), CONTENT, "{\"deviceSecret\":\"" SECRET "\"}");
	scripted_stored(link, -ENOSPC);
	expect_first_failure(link, SKYBUS_TRANSIENT);
	scripted_login(link);
	scripted_opened(link, 0, "");
	assert_true(TAILQ_EMPTY(&link->sent));
	scripted_stored(link, 0);
	assert_string_equal(last_sent(link)->segments, "/auth");
}

/* Asked for once more when an earlier one is refused, and not again and again. */
static void test_register_again(void **state)
{
	struct skybus_link *link = attach(state, unknown_secret);

	(void)answer(begin_login(link), CONTENT, "{\"deviceSecret\":\"former\"}");
	scripted_stored(link, 0);
	restart(link);
	(void)answer(begin_login(link), SKYBUS_CODE(4, 1), "");
	assert_string_equal(last_sent(link)->segments, "/auth/register/device");
	(void)answer(last_sent(link), CONTENT, "{\"deviceSecret\":\"" SECRET "\"}");
	all_stored(link);
	(void)answer(last_sent(link), SKYBUS_CODE(4, 1), "");
	assert_true(TAILQ_EMPTY(&link->sent));
	expect_first_failure(link, SKYBUS_CREDENTIALS);
	assert_non_null(strstr(link->failure.reason, "and product_secret (4.01)"));
}

/* The daemon gives a login up while the disk writes: the next one waits for the same write. */
static void test_register_slow_disk(void **state)
{
	struct skybus_link *link = attach(state, unknown_secret);

	(void)answer(begin_login(link), CONTENT, "{\"deviceSecret\":\"" SECRET "\"}");
	scripted_login(link);
	scripted_opened(link, 0, "");
	assert_true(TAILQ_EMPTY(&link->sent));
	scripted_stored(link, 0);
	assert_true(TAILQ_EMPTY(&link->writes));
	assert_string_equal(last_sent(link)->segments, "/auth");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		LINK_TEST(test_contradictions),
		LINK_TEST(test_no_secret),
		LINK_TEST(test_sessions),
		LINK_TEST(test_auth),
		LINK_TEST(test_auth_all_fields),
		LINK_TEST(test_auth_cbor),
		LINK_TEST(test_terms),
		LINK_TEST(test_refused),
		LINK_TEST(test_refused_for_a_while),
		LINK_TEST(test_unanswered),
		LINK_TEST(test_without_session),
		LINK_TEST(test_refused_by_host),
		LINK_TEST(test_without_timer),
		LINK_TEST(test_hostile_grants),
		LINK_TEST(test_huge_grant),
		LINK_TEST(test_longest_token),
		LINK_TEST(test_detach_at_each_step),
		LINK_TEST(test_register),
		LINK_TEST(test_register_wrapped),
		LINK_TEST(test_register_fails),
		LINK_TEST(test_register_disk_full),
		LINK_TEST(test_register_again),
		LINK_TEST(test_register_slow_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
