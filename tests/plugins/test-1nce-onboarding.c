/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin 1nce, from the daemon's side: how it comes by identity and key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/plugins/nce-link.h"

#define ENDPOINT "coaps://dtls.example.com:15684"

/* ---- HTTPS ---- */

static void test_https(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	assert_int_equal(link->n_sessions, 0);
	assert_string_equal(link->fetch.url, URL);
	assert_string_equal(link->fetch.accept, "application/json");
	assert_null(link->fetch.range);
	assert_int_equal(link->fetch.trust_len, 0);
	onboard(link, JSON_OF(KEY), KEY);
	assert_string_equal(link->session.host, "coap.os.1nce.com");
	assert_int_equal(link->session.port, 5684);
	assert_string_equal(link->plugin->device(link->state), ICCID);
	scripted_opened(link, 0, "");
	expect_online(link, 1);
	assert_int_equal(link->terms.expires_s, 0);
	assert_int_equal(link->terms.keepalive_s, 0);
}

static void test_csv_from_own_server(void **state)
{
	struct skybus_link *link =
		attach(state, SETTINGS({ "onboarding_url", "https://[::1]:8443/key", 0 },
				       { "onboarding_format", "csv", 0 },
				       { "onboarding_ca", "-----BEGIN", 0 }, { "host", "::1", 0 },
				       { "port", "15684", 0 }));

	scripted_login(link);
	assert_string_equal(link->fetch.url, "https://[::1]:8443/key");
	assert_string_equal(link->fetch.accept, "text/csv");
	assert_int_equal(link->fetch.trust_len, strlen("-----BEGIN"));
	scripted_fetched(link, 200, "", "", KEY "," ICCID, "");
	scripted_stored(link, 0);
	expect_key(link, KEY);
	assert_string_equal(link->session.host, "::1");
	assert_int_equal(link->session.port, 15684);
}

/* A server may send what it likes best. */
static void test_content_type_decides(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	scripted_fetched(link, 200, "text/csv; charset=utf-8", "", ICCID "," KEY, "");
	scripted_stored(link, 0);
	expect_key(link, KEY);
}

/* The portal is where it is mended, so the box must not need anybody to try again. */
static void test_refused(void **state)
{
	static const struct {
		unsigned int status;
		const char *body;
		uint32_t kind;
		const char *part;
	} cases[] = {
		{ 401,
		  "{\"statusText\":\"Unauthorized\",\"errors\":[{\"code\":7,\"text\":\"Accept the "
		  "terms\"}]}",
		  SKYBUS_TRANSIENT, "(HTTP 401: Unauthorized, Accept the terms)" },
		{ 401, "{\"errors\":[\"no licence\"]}", SKYBUS_TRANSIENT, "401: no licence)" },
		{ 401, "<html>", SKYBUS_TRANSIENT, "(HTTP 401)" },
		{ 500, "{\"statusText\":\"Oh\\u0001 no\\n\"}", SKYBUS_TRANSIENT,
		  "(HTTP 500: Oh? no?)" },
		{ 503, "", SKYBUS_TRANSIENT, "(HTTP 503)" },
		{ 429, "{\"errors\":[]}", SKYBUS_TRANSIENT, "at present (HTTP 429)" },
		{ 404, "{\"errors\":{}}", SKYBUS_TRANSIENT, "check it" },
		{ 302, "", SKYBUS_TRANSIENT, "check it" },
		{ 416, "", SKYBUS_TRANSIENT, "check it" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, none);

		scripted_login(link);
		scripted_fetched(link, cases[i].status, "", "", cases[i].body, "");
		expect_failure(link, cases[i].kind, cases[i].part);
	}
}

static void test_nonsense(void **state)
{
	static const struct {
		const char *type;
		const char *body;
		const char *part;
	} cases[] = {
		{ "", "", "as JSON" },
		{ "text/html", "<html>", "as JSON" },
		{ "application/json", "{\"clientIdentity\":\"\"}", "as JSON" },
		{ "text/csv", "a", "as CSV" },
		{ "text/csv", "a,b", "which is the identity" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, none);

		scripted_login(link);
		scripted_fetched(link, 200, cases[i].type, "", cases[i].body, "");
		expect_failure(link, SKYBUS_TRANSIENT, cases[i].part);
	}
}

static void test_no_answer(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	scripted_fetched(link, 0, "", "", "", "nobody listens there");
	expect_failure(link, SKYBUS_TRANSIENT, "nobody listens there");
	scripted_login(link);
	onboard(link, JSON_OF(KEY), KEY);
}

static void test_fetch_refused(void **state)
{
	static const struct {
		int32_t error;
		uint32_t kind;
		const char *part;
	} cases[] = {
		{ -EINVAL, SKYBUS_CONFIGURATION, "onboarding_url" },
		{ -ENOTSUP, SKYBUS_CONFIGURATION, "libcurl" },
		{ -ENOMEM, SKYBUS_TRANSIENT, "could not be asked" },
	};
	struct skybus_link *link = *state;

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		link->refuse.fetch = cases[i].error;
		scripted_login(link);
		expect_failure(link, cases[i].kind, cases[i].part);
	}
}

/* ---- in pieces ---- */

static struct skybus_link *attach_for_pieces(void **state)
{
	return attach(state, SETTINGS({ "range_bytes", "32", 0 }));
}

static void answer_piece(struct skybus_link *link, const char *range, const char *body)
{
	char piece[64];

	(void)snprintf(piece, sizeof(piece), "%.63s", body);
	scripted_fetched(link, 206, "application/json", range, piece, "");
}

static void test_pieces(void **state)
{
	static const char json[] = JSON_OF(KEY); /* 76 bytes */
	struct skybus_link *link = attach_for_pieces(state);
	char range[64], piece[33];

	scripted_login(link);
	for (unsigned int from = 0; from < sizeof(json) - 1; from += 32) {
		unsigned int to = from + 31;

		(void)snprintf(range, sizeof(range), "%u-%u", from, to);
		assert_string_equal(link->fetch.range, range);
		if (to > sizeof(json) - 2)
			to = sizeof(json) - 2;
		(void)snprintf(range, sizeof(range), "bytes %u-%u/%zu", from, to, sizeof(json) - 1);
		(void)snprintf(piece, sizeof(piece), "%.32s", json + from);
		scripted_fetched(link, 206, "application/json", range, piece, "");
	}
	assert_int_equal(link->n_fetches, 3);
	scripted_stored(link, 0);
	expect_key(link, KEY);
}

/* Range is a wish: a server may send all of it, at once or on second thoughts. */
static void test_whole_instead_of_pieces(void **state)
{
	struct skybus_link *link = attach_for_pieces(state);

	scripted_login(link);
	onboard(link, JSON_OF(KEY), KEY);
	link = attach_for_pieces(state);
	scripted_login(link);
	answer_piece(link, "bytes 0-3/76", "xxxx");
	assert_string_equal(link->fetch.range, "4-35");
	onboard(link, JSON_OF(KEY), KEY);
}

static void test_lies_about_the_first_piece(void **state)
{
	static const char *const ranges[] = {
		"",
		"bytes",
		"bytes 0-3",
		"bytes 0-3/",
		"bytes 0-3/*",
		"bytes */8",
		"bytes 0-3/8 ",
		"bytes -3/8",
		"bytes +0-3/8",
		"octets 0-3/8",
		"bytes 0-2/8",
		"bytes 0-4/8",
		"bytes 1-4/8",
		"bytes 3-0/8",
		"bytes 0-3/3",
		"bytes 0-3/0",
		"bytes 0-4294967299/4294967304",
	};

	for (size_t i = 0; i < SB_ELEMENTS(ranges); i++) {
		struct skybus_link *link = attach_for_pieces(state);

		scripted_login(link);
		answer_piece(link, ranges[i], "xxxx");
		expect_failure(link, SKYBUS_TRANSIENT, "do not fit together");
		assert_int_equal(link->n_fetches, 1);
	}
}

static void test_lies_about_the_second_piece(void **state)
{
	static const char *const ranges[] = {
		"bytes 4-7/9", /* another total */
		"bytes 3-6/8", /* overlaps */
		"bytes 0-3/8", /* the first once more */
		"bytes 5-8/12", /* leaves a hole */
		"bytes 4-8/8",
	};

	for (size_t i = 0; i < SB_ELEMENTS(ranges); i++) {
		struct skybus_link *link = attach_for_pieces(state);

		scripted_login(link);
		answer_piece(link, "bytes 0-3/8", "xxxx");
		answer_piece(link, ranges[i], "yyyy");
		expect_failure(link, SKYBUS_TRANSIENT, "do not fit together");
	}
}

static void test_endless_pieces(void **state)
{
	struct skybus_link *link = attach_for_pieces(state);

	scripted_login(link);
	answer_piece(link, "bytes 0-3/999999999", "xxxx");
	expect_failure(link, SKYBUS_TRANSIENT, "more than 4096 bytes");
}

/* Nobody asked for one: all of it, or nothing. */
static void test_piece_without_wish(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	answer_piece(link, "bytes 0-3/8", "xxxx");
	answer_piece(link, "bytes 0-3/8", "xxxx");
	expect_failure(link, SKYBUS_TRANSIENT, "do not fit together");
}

/* ---- CoAP ---- */

static struct skybus_request *ask_bootstrap(struct skybus_link *link)
{
	scripted_login(link);
	assert_int_equal(link->session.security, SKYBUS_PLAIN);
	assert_string_equal(link->session.host, "coap.os.1nce.com");
	assert_int_equal(link->session.port, 5683);
	scripted_opened(link, 0, "");

	return only_sent(link);
}

static struct skybus_link *attach_for_coap(void **state)
{
	return attach(state, SETTINGS({ "onboarding", "coap", 0 }));
}

static void test_bootstrap(void **state)
{
	struct skybus_link *link = attach(state, SETTINGS({ "onboarding", "coap", 0 }));
	struct skybus_request *request = ask_bootstrap(link);

	assert_int_equal(request->method, SKYBUS_GET);
	assert_string_equal(request->segments, "/bootstrap");
	assert_string_equal(request->query, "");
	(void)answer(request, CONTENT, ICCID "," KEY "," ENDPOINT);
	assert_int_equal(link->n_sessions, 1);
	scripted_stored(link, 0);
	expect_key(link, KEY);
	assert_string_equal(link->session.host, "dtls.example.com");
	assert_int_equal(link->session.port, 15684);
	scripted_opened(link, 0, "");
	expect_online(link, 1);

	/* Where the key is good is remembered with it. */
	restart(link);
	scripted_login(link);
	expect_key(link, KEY);
	assert_string_equal(link->session.host, "dtls.example.com");
}

static void test_bootstrap_with_odd_endpoint(void **state)
{
	struct skybus_link *link = attach_for_coap(state);

	(void)answer(ask_bootstrap(link), CONTENT, ICCID "," KEY ",coaps://:x");
	scripted_stored(link, 0);
	expect_key(link, KEY);
	assert_string_equal(link->session.host, "coap.os.1nce.com");
	assert_int_equal(link->session.port, 5684);
}

static void test_bootstrap_refused(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t kind;
		const char *part;
	} cases[] = {
		{ SKYBUS_CODE(4, 1), SKYBUS_TRANSIENT, "(4.01)" },
		{ SKYBUS_CODE(4, 3), SKYBUS_TRANSIENT, "(4.03)" },
		{ SKYBUS_CODE(4, 4), SKYBUS_TRANSIENT, "(4.04): check them" },
		{ SKYBUS_CODE(4, 29), SKYBUS_TRANSIENT, "at present (4.29)" },
		{ SKYBUS_CODE(5, 0), SKYBUS_TRANSIENT, "at present (5.00)" },
		{ CONTENT, SKYBUS_TRANSIENT, "as CSV" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach_for_coap(state);

		(void)answer(ask_bootstrap(link), cases[i].code, "");
		expect_failure(link, cases[i].kind, cases[i].part);
	}
}

static void test_bootstrap_unanswered(void **state)
{
	struct skybus_link *link = attach_for_coap(state);
	struct skybus_reply reply = scripted_reply(0, NULL, 0);

	reply.outcome = SKYBUS_TIMEOUT;
	(void)scripted_answer(ask_bootstrap(link), &reply);
	expect_failure(link, SKYBUS_TRANSIENT, "");
	assert_false(link->failure.has_reason);

	scripted_login(link);
	scripted_opened(link, -EHOSTUNREACH, "no route");
	expect_failure(link, SKYBUS_TRANSIENT, "no route");

	link->refuse.open_session = -EINVAL;
	scripted_login(link);
	expect_failure(link, SKYBUS_TRANSIENT, "no session");
	link->refuse.open_session = 0;

	link->refuse.new_request = true;
	scripted_login(link);
	scripted_opened(link, 0, "");
	expect_failure(link, SKYBUS_TRANSIENT, "no memory");
	link->refuse.new_request = false;

	link->refuse.send_request = -ENOTCONN;
	scripted_login(link);
	scripted_opened(link, 0, "");
	expect_failure(link, SKYBUS_TRANSIENT, "could not be sent");
}

/* ---- going ---- */

static void be_told(struct skybus_link *link)
{
	scripted_fetched(link, 200, "", "", JSON_OF(KEY), "");
	assert_false(TAILQ_EMPTY(&link->writes));
}

static void write_key(struct skybus_link *link)
{
	scripted_stored(link, 0);
	expect_key(link, KEY);
}

static void ask(struct skybus_link *link)
{
	(void)ask_bootstrap(link);
}

static void take_first_piece(struct skybus_link *link)
{
	answer_piece(link, "bytes 0-3/8", "xxxx");
}

static void test_detach_at_each_step(void **state)
{
	static step_fn *const https[] = { scripted_login, be_told, write_key, NULL };
	static step_fn *const coap[] = { scripted_login, ask, NULL };
	static step_fn *const pieces[] = { scripted_login, take_first_piece, NULL };

	expect_detachable(state, none, https);
	expect_detachable(state, SETTINGS({ "onboarding", "coap", 0 }), coap);
	expect_detachable(state, SETTINGS({ "range_bytes", "32", 0 }), pieces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_https),
		LINK_TEST(test_csv_from_own_server),
		LINK_TEST(test_content_type_decides),
		LINK_TEST(test_refused),
		LINK_TEST(test_nonsense),
		LINK_TEST(test_no_answer),
		LINK_TEST(test_fetch_refused),
		LINK_TEST(test_pieces),
		LINK_TEST(test_whole_instead_of_pieces),
		LINK_TEST(test_lies_about_the_first_piece),
		LINK_TEST(test_lies_about_the_second_piece),
		LINK_TEST(test_endless_pieces),
		LINK_TEST(test_piece_without_wish),
		LINK_TEST(test_bootstrap),
		LINK_TEST(test_bootstrap_with_odd_endpoint),
		LINK_TEST(test_bootstrap_refused),
		LINK_TEST(test_bootstrap_unanswered),
		LINK_TEST(test_detach_at_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
