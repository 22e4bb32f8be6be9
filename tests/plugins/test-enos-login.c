/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin enos, from the daemon's side: how it logs in, and what it makes of the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/plugins/enos-link.h"

#define NESTING 5000
#define HUGE_LEN (1024 * 1024)

/* ---- logging in ---- */

static void expect_first_failure(const struct skybus_link *link, uint32_t kind)
{
	expect_failure(link, kind, "");
	assert_int_equal(link->n_failed, 1);
	assert_int_equal(link->n_online, 0);
	assert_int_equal(link->failure.wait_s, 0);
}

static void expect_auth(const struct skybus_request *request, const char *lifetime,
			const char *sign)
{
	char expected[256];

	(void)snprintf(expected, sizeof(expected),
		       "{\"secureMode\":2,\"lifetime\":%s,\"sign\":\"%s\"}", lifetime, sign);
	assert_int_equal(request->method, SKYBUS_POST);
	assert_string_equal(request->path, "/auth/pk7TestA/dev0000001");
	assert_string_equal(request->segments, request->path);
	assert_string_equal(request->query, "");
	assert_int_equal(request->n_options, 0);
	assert_int_equal(request->payload_len, strlen(expected));
	assert_memory_equal(request->payload, expected, strlen(expected));
}

static void test_login(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request = begin_login(link);

	assert_int_equal(link->session.security, SKYBUS_PLAIN);
	assert_string_equal(link->session.host, "coap.example.com");
	assert_int_equal(link->session.port, 5683);
	expect_auth(request, "3600",
		    "8879CC6E019E3210EA525F4EBE25D443CF6EEE9AD05CD8A79AE77565DD0F0E1E");
}

static void test_login_with_short_lifetime(void **state)
{
	struct skybus_link *link = attach_with(state, "lifetime", "30", 0);

	expect_auth(begin_login(link), "30",
		    "ACD713797B0C65915B8BB3C0655286648C2352CEC01546BC343976153A8DB48E");
}

/* Every byte of the secret counts, whatever it is. */
static void test_login_with_odd_secret(void **state)
{
	static const char odd[] = "%s\0\xff\x80\n\"\\\0end";
	static const char fields[] = "deviceKeydev0000001lifetime3600productKeypk7TestAsecureMode2";
	struct skybus_link *link = attach_with(state, "device_secret", odd, sizeof(odd) - 1);
	char content[sizeof(fields) + sizeof(odd)];
	uint8_t digest[32];
	char sign[2 * sizeof(digest) + 1];

	memcpy(content, fields, sizeof(fields) - 1);
	memcpy(content + sizeof(fields) - 1, odd, sizeof(odd) - 1);
	assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, content,
					  sizeof(fields) + sizeof(odd) - 2, digest),
			 0);
	enos_hex(digest, sizeof(digest), sign);
	expect_auth(begin_login(link), "3600", sign);
}

static void test_login_v1(void **state)
{
	struct skybus_link *link = *state;

	log_in_v1(link);
	assert_int_equal(link->terms.window, 1);
	assert_int_equal(link->terms.expires_s, 0);
	assert_int_equal(link->terms.keepalive_s, 2700);
	assert_true(TAILQ_EMPTY(&link->sent));
}

static void test_login_v2(void **state)
{
	static const char *const payloads[] = {
		"",
		"{}",
		"OK",
		"{\"code\":200}",
		"{\"token\":null}",
		"{\"id\":\"1\",\"code\":200,\"data\":{\"token\":\"no\"}}",
		"[\"token\"]",
	};
	struct skybus_link *link = *state;

	for (size_t i = 0; i < SB_ELEMENTS(payloads); i++) {
		link = attach(state, usual);
		log_in(link, payloads[i]);
		assert_int_equal(link->terms.window, 0);
		expect_no_sign(encode(link));
	}
}

static void test_keepalive_period(void **state)
{
	static const struct {
		const char *lifetime;
		const char *poll;
		uint32_t keepalive_s;
	} cases[] = {
		{ "30", NULL, 21 },	  { "86400", NULL, 64800 }, { "3600", "60", 60 },
		{ "3600", "2700", 2700 }, { "3600", "2701", 2700 }, { "30", "86400", 21 },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link =
			attach(state, WITH(usual, { "lifetime", cases[i].lifetime, 0 },
					   { "poll", cases[i].poll, 0 }));

		log_in_v1(link);
		assert_int_equal(link->terms.keepalive_s, cases[i].keepalive_s);
	}
}

static void test_login_refused(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t kind;
	} cases[] = {
		{ SKYBUS_CODE(4, 0), SKYBUS_CREDENTIALS },
		{ SKYBUS_CODE(4, 1), SKYBUS_CREDENTIALS },
		{ SKYBUS_CODE(4, 3), SKYBUS_CREDENTIALS },
		{ SKYBUS_CODE(4, 4), SKYBUS_TRANSIENT },
		{ SKYBUS_CODE(4, 5), SKYBUS_TRANSIENT },
		{ SKYBUS_CODE(4, 2), SKYBUS_TRANSIENT },
		{ SKYBUS_CODE(4, 15), SKYBUS_TRANSIENT },
		{ SKYBUS_CODE(4, 29), SKYBUS_TRANSIENT },
		{ SKYBUS_CODE(5, 0), SKYBUS_TRANSIENT },
		{ SKYBUS_CODE(5, 3), SKYBUS_TRANSIENT },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, usual);
		char code[16];

		(void)snprintf(code, sizeof(code), "(%u.%02u)", cases[i].code >> 5,
			       cases[i].code & 31);
		(void)answer(begin_login(link), cases[i].code, "");
		expect_first_failure(link, cases[i].kind);
		assert_true(link->failure.has_reason);
		assert_non_null(strstr(link->failure.reason, code));
	}
}

/* EnOS reports some errors in the JSON of a 2.xx. */
static void test_login_refused_inside(void **state)
{
	static const struct {
		const char *payload;
		uint32_t kind;
	} cases[] = {
		{ "{\"code\":705}", SKYBUS_CREDENTIALS },
		{ "{\"code\":723}", SKYBUS_TRANSIENT },
		{ "{\"code\":742}", SKYBUS_CREDENTIALS },
		{ "{\"code\":1009}", SKYBUS_TRANSIENT },
		{ "{\"code\":4711}", SKYBUS_TRANSIENT },
		{ "{\"code\":742,\"token\":\"" TOKEN "\"}", SKYBUS_CREDENTIALS },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, usual);

		(void)answer(begin_login(link), CHANGED, cases[i].payload);
		expect_first_failure(link, cases[i].kind);
		assert_non_null(strstr(link->failure.reason, "(code "));
	}
}

/* Why there was no answer is the daemon's to say. */
static void test_login_unanswered(void **state)
{
	static const uint32_t outcomes[] = { SKYBUS_TIMEOUT, SKYBUS_RESET, SKYBUS_UNREACHABLE,
					     SKYBUS_ABANDONED };

	for (size_t i = 0; i < SB_ELEMENTS(outcomes); i++) {
		struct skybus_link *link = attach(state, usual);

		answer_outcome(begin_login(link), outcomes[i]);
		expect_first_failure(link, SKYBUS_TRANSIENT);
		assert_false(link->failure.has_reason);
	}
}

static void test_login_without_session(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	scripted_opened(link, -EHOSTUNREACH, "coap.example.com does not resolve");
	expect_first_failure(link, SKYBUS_TRANSIENT);
	assert_string_equal(link->failure.reason, "coap.example.com does not resolve");
}

/* Whatever the host cannot do ends the login, and can be tried again. */
static void test_login_refused_by_host(void **state)
{
	static const struct scripted_refusals refusals[] = {
		{ .open_session = -EINVAL },
		{ .timer_start = -ENOSPC },
		{ .new_request = true },
		{ .send_request = -ENOTCONN },
	};

	for (size_t i = 0; i < SB_ELEMENTS(refusals); i++) {
		struct skybus_link *link = attach(state, usual);

		link->refuse = refusals[i];
		scripted_login(link);
		if (link->opening)
			scripted_opened(link, 0, "");
		expect_first_failure(link, SKYBUS_TRANSIENT);
		link->refuse = (struct scripted_refusals){ 0 };
		log_in_v2(link);
	}
}

static void test_login_hostile_token(void **state)
{
	char too_long[300];
	const char *const tokens[] = {
		"\"\"",	  "5", "{}", "[\"" TOKEN "\"]", "true", "\"\\u0000\"", "\"abc\\u0000def\"",
		too_long,
	};
	char payload[400];

	(void)snprintf(too_long, sizeof(too_long), "\"%0257d\"", 0);
	for (size_t i = 0; i < SB_ELEMENTS(tokens); i++) {
		struct skybus_link *link = attach(state, usual);

		(void)snprintf(payload, sizeof(payload), "{\"token\":%s}", tokens[i]);
		(void)answer(begin_login(link), CONTENT, payload);
		if (link->n_failed == 0)
			fail_msg("the token %s was taken", tokens[i]);
		expect_first_failure(link, SKYBUS_TRANSIENT);
	}
}

/* Within its bound a token may be anything that a JSON text can be. */
static void test_login_odd_token(void **state)
{
	static const char longest[] = "%0256d";
	struct skybus_link *link = *state;
	char token[257];
	char payload[300];

	(void)snprintf(token, sizeof(token), longest, 0);
	(void)snprintf(payload, sizeof(payload), "{\"token\":\"%s\"}", token);
	log_in(link, payload);
	expect_sign(encode(link), token, 1);

	log_in(link, "{\"token\":\"%s\\u0001\\n\\u00e9\\\"\"}");
	expect_sign(encode(link), "%s\x01\n\xc3\xa9\"", 1);
}

/* What is no JSON holds no token, so it is taken for the second generation. */
static void test_login_hostile_payload(void **state)
{
	struct skybus_link *link = *state;
	char *payload = calloc(1, HUGE_LEN);
	struct skybus_reply reply = scripted_reply(CONTENT, payload, 2 * NESTING);

	assert_non_null(payload);
	memset(payload, '[', NESTING);
	memset(payload + NESTING, ']', NESTING);
	(void)scripted_answer(begin_auth(link), &reply);

	memset(payload, 'a', HUGE_LEN);
	memcpy(payload, "{\"token\":\"", 10);
	reply.payload_len = HUGE_LEN;
	(void)scripted_answer(begin_auth(link), &reply);
	assert_int_equal(link->n_online, 2);
	expect_no_sign(encode(link));

	memcpy(payload + HUGE_LEN - 2, "\"}", 2);
	(void)scripted_answer(begin_auth(link), &reply);
	assert_int_equal(link->n_online, 2);
	assert_int_equal(link->n_failed, 1);
	free(payload);
}

/* ---- the vendor's rules ---- */

/* One login that is answered after @ms, until the next may begin. */
static void log_in_eagerly(struct skybus_link *link, struct tries *tries, uint64_t ms,
			   uint32_t code)
{
	unsigned int n_failed = link->n_failed;

	scripted_login(link);
	wait_for_try(link);
	if (link->opening) {
		scripted_opened(link, 0, "");
		scripted_pass(link, ms);
		note_try(tries, link->now_ms);
		(void)answer(only_sent(link), code, "");
	}
	wait_for_login(link, n_failed);
}

static void test_logins_apart_when_refused(void **state)
{
	struct tries tries = { .n = 0 };
	struct skybus_link *link = *state;

	for (unsigned int i = 0; i < 100; i++)
		log_in_eagerly(link, &tries, 0, SKYBUS_CODE(5, 0));
	/* Waiting is no end in itself: about one a minute is possible. */
	assert_int_equal(tries.n, 100);
	assert_true(link->now_ms < 100 * 64 * 1000);
}

static void test_logins_apart_when_let_in(void **state)
{
	struct tries tries = { .n = 0 };
	struct skybus_link *link = *state;

	for (unsigned int i = 0; i < 100; i++)
		log_in_eagerly(link, &tries, 0, CONTENT);
	assert_true(tries.n > 30);
}

/* A lost request is repeated for half a minute, and EnOS counts when it sees it. */
static void test_logins_apart_when_answered_late(void **state)
{
	struct tries tries = { .n = 0 };
	struct skybus_link *link = *state;

	srandom(1);
	for (unsigned int i = 0; i < 500; i++) {
		uint64_t ms = (uint64_t)random() % 30000;

		log_in_eagerly(link, &tries, ms, random() % 2 ? CONTENT : SKYBUS_CODE(5, 0));
	}
	assert_true(tries.n > 100);
}

/* A blocked device is perhaps refused like one with a wrong secret: three such in a row end all. */
static void test_block_is_waited_for(void **state)
{
	struct skybus_link *link = *state;

	for (unsigned int n = 1; n <= 2; n++) {
		(void)answer(begin_auth(link), SKYBUS_CODE(4, 1), "");
		assert_int_equal(link->n_failed, n);
		assert_int_equal(link->failure.kind, SKYBUS_CREDENTIALS);
	}
	assert_true(link->failure.wait_s > BLOCKED_FOR_S);
}

static void test_logins_apart_when_mixed(void **state)
{
	struct tries tries = { .n = 0 };
	struct skybus_link *link = *state;

	srandom(1);
	for (unsigned int i = 0; i < 500; i++) {
		log_in_eagerly(link, &tries, 0, random() % 2 ? CONTENT : SKYBUS_CODE(4, 1));
		scripted_pass(link, (uint64_t)random() % 50000);
	}
	assert_true(tries.n > 100);
}

static void test_login_waits(void **state)
{
	expect_login_waits(*state, log_in_v2);
}

static void test_count_is_kept(void **state)
{
	expect_kept(*state, log_in_v2);
}

static void test_count_is_forgotten(void **state)
{
	expect_forgotten(*state, log_in_v2);
}

static void test_count_of_another_version(void **state)
{
	expect_harmless_rest(*state);
}

static void test_login_put_off(void **state)
{
	expect_put_off(*state, log_in_v2);
	scripted_opened(*state, 0, "");
	(void)answer(only_sent(*state), CONTENT, "");
	assert_int_equal(((const struct skybus_link *)*state)->n_online, 2);
}

/* Nobody was there, or nothing went out at all. */
static void test_login_that_did_not_arrive_costs_nothing(void **state)
{
	struct skybus_link *link = *state;

	for (unsigned int i = 0; i < 10; i++) {
		answer_outcome(begin_login(link), SKYBUS_UNREACHABLE);
		assert_int_equal(link->failure.wait_s, 0);
	}
	link->refuse.send_request = -ENOTCONN;
	for (unsigned int i = 0; i < 10; i++) {
		scripted_login(link);
		scripted_opened(link, 0, "");
		assert_int_equal(link->failure.wait_s, 0);
	}
	link->refuse.send_request = 0;
	log_in_v2(link);
}

/* A session that never opened has asked the cloud for nothing. */
static void test_login_without_network_costs_nothing(void **state)
{
	struct skybus_link *link = *state;

	for (unsigned int i = 0; i < 10; i++) {
		scripted_login(link);
		scripted_opened(link, -EHOSTUNREACH, "no route");
		assert_int_equal(link->failure.wait_s, 0);
	}
	log_in_v2(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_login),
		LINK_TEST(test_login_with_short_lifetime),
		LINK_TEST(test_login_with_odd_secret),
		LINK_TEST(test_login_v1),
		LINK_TEST(test_login_v2),
		LINK_TEST(test_keepalive_period),
		LINK_TEST(test_login_refused),
		LINK_TEST(test_login_refused_inside),
		LINK_TEST(test_login_unanswered),
		LINK_TEST(test_login_without_session),
		LINK_TEST(test_login_refused_by_host),
		LINK_TEST(test_login_hostile_token),
		LINK_TEST(test_login_odd_token),
		LINK_TEST(test_login_hostile_payload),
		LINK_TEST(test_logins_apart_when_refused),
		LINK_TEST(test_logins_apart_when_let_in),
		LINK_TEST(test_logins_apart_when_mixed),
		LINK_TEST(test_logins_apart_when_answered_late),
		LINK_TEST(test_block_is_waited_for),
		LINK_TEST(test_login_that_did_not_arrive_costs_nothing),
		LINK_TEST(test_login_waits),
		LINK_TEST(test_login_put_off),
		LINK_TEST(test_count_is_kept),
		LINK_TEST(test_count_is_forgotten),
		LINK_TEST(test_count_of_another_version),
		LINK_TEST(test_login_without_network_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
