/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin enos-dtls with the device's own secret: handshakes, messages, coming and going.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/plugins/enos-dtls-link.h"

#define COMMAND "/sys/pk7TestA/dev0000001/thing/service/measurepoint/set"

/* ---- logging in ---- */

static void test_login(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	expect_handshake(link, "pk7TestA,dev0000001,2,3600", SECRET_KEY);
	assert_string_equal(link->session.host, "coap.example.com");
	assert_int_equal(link->session.port, 5684);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 1);
	assert_int_equal(link->terms.expires_s, 0);
	assert_int_equal(link->terms.keepalive_s, 2700);
	assert_int_equal(link->terms.window, 0);
	/* The handshake was all. */
	assert_true(TAILQ_EMPTY(&link->sent));
}

static void test_login_with_lifetime(void **state)
{
	struct skybus_link *link = attach_with(state, "lifetime", "86400", 0);

	scripted_login(link);
	expect_handshake(link, "pk7TestA,dev0000001,2,86400", SECRET_KEY);
	scripted_opened(link, 0, "");
	assert_int_equal(link->terms.keepalive_s, 64800);

	link = attach_with(state, "lifetime", "30", 0);
	scripted_login(link);
	expect_handshake(link, "pk7TestA,dev0000001,2,30", SECRET_KEY);
	scripted_opened(link, 0, "");
	assert_int_equal(link->terms.keepalive_s, 21);
}

static void test_login_failed(void **state)
{
	static const struct {
		int32_t outcome;
		uint32_t kind;
		const char *word;
	} cases[] = {
		{ -EKEYREJECTED, SKYBUS_CREDENTIALS, "device_secret" },
		{ -ETIMEDOUT, SKYBUS_TRANSIENT, "no answer; a wrong secret" },
		{ -EHOSTUNREACH, SKYBUS_TRANSIENT, "no answer" },
		{ -ECONNREFUSED, SKYBUS_TRANSIENT, "no answer" },
		{ -EIO, SKYBUS_TRANSIENT, "no answer" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, usual);

		scripted_login(link);
		scripted_opened(link, cases[i].outcome, "no answer");
		expect_failed(link, 1, cases[i].kind, cases[i].word);
		assert_int_equal(link->failure.wait_s, 0);
		log_in_dtls(link);
	}
}

/* Whatever the host cannot do ends the login, and can be tried again. */
static void test_login_refused_by_host(void **state)
{
	static const struct scripted_refusals refusals[] = {
		{ .open_session = -EINVAL },
		{ .timer_start = -ENOSPC },
	};

	for (size_t i = 0; i < SB_ELEMENTS(refusals); i++) {
		struct skybus_link *link = attach(state, usual);

		link->refuse = refusals[i];
		for (unsigned int n = 1; n < 10; n++) {
			scripted_login(link);
			expect_failed(link, n, SKYBUS_TRANSIENT, "");
			assert_int_equal(link->failure.wait_s, 0);
		}
		link->refuse = (struct scripted_refusals){ 0 };
		log_in_dtls(link);
	}
}

/* ---- messages ---- */

static void test_message(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in_dtls(link);
	request = scripted_encode(link, TOPIC, "{\"id\":\"1\"}", 10);
	assert_int_equal(request->result, 0);
	assert_int_equal(request->method, SKYBUS_POST);
	assert_string_equal(request->path, "/topic" TOPIC);
	assert_int_equal(request->payload_len, 10);
	/* Nothing is signed: the session is proof enough. */
	assert_int_equal(request->n_options, 0);
}

static void test_decide(void **state)
{
	static const struct {
		uint32_t code;
		const char *payload;
		uint32_t kind;
	} cases[] = {
		{ CHANGED, "", SKYBUS_DELIVERED },
		{ CHANGED, "{\"id\":\"1\",\"code\":200,\"data\":{}}", SKYBUS_DELIVERED },
		{ CHANGED, "{\"code\":705}", SKYBUS_RELOGIN },
		{ CHANGED, "{\"code\":723}", SKYBUS_RELOGIN },
		{ CHANGED, "{\"code\":742}", SKYBUS_RELOGIN },
		{ CHANGED, "{\"code\":1009}", SKYBUS_RELOGIN },
		{ CHANGED, "{\"code\":1204}", SKYBUS_REJECTED },
		{ CHANGED, "{\"code\":1206}", SKYBUS_REJECTED },
		{ CHANGED, "{\"code\":1220}", SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 0), "", SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 1), "", SKYBUS_RELOGIN },
		{ SKYBUS_CODE(4, 3), "", SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 4), "", SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 5), "", SKYBUS_REJECTED },
		{ SKYBUS_CODE(4, 29), "", SKYBUS_RETRY },
		{ SKYBUS_CODE(5, 0), "", SKYBUS_RETRY },
		{ SKYBUS_CODE(5, 3), "", SKYBUS_RETRY },
	};
	struct skybus_link *link = *state;

	log_in_dtls(link);
	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		assert_int_equal(answer(encode(link), cases[i].code, cases[i].payload).kind,
				 cases[i].kind);
		assert_int_equal(
			answer(scripted_keepalive(link), cases[i].code, cases[i].payload).kind,
			cases[i].kind);
	}
}

/* One that waits, and another behind it. */
static void test_commands(void **state)
{
	static const struct announcement first = { .path = "/topic" COMMAND, .payload = "" };
	static const struct announcement second = { .path = "/topic//other",
						    .payload = "{\"id\":7}" };
	struct skybus_link *link = *state;
	struct skybus_request *request;
	struct skybus_verdict why;

	log_in_dtls(link);
	(void)answer_announcing(scripted_keepalive(link), CHANGED, &first);
	request = only_sent(link);
	assert_int_equal(request->method, SKYBUS_GET);
	assert_string_equal(request->path, "/topic" COMMAND);
	assert_int_equal(request->n_options, 0);
	assert_int_equal(request->payload_len, 0);
	(void)answer_announcing(request, CONTENT, &second);
	assert_int_equal(link->n_commands, 1);
	assert_string_equal(link->command.topic, COMMAND);
	assert_int_equal(link->command.flags, SKYBUS_ANSWERABLE);
	assert_int_equal(scripted_answer_command(link, "", "[1]", 3, false, &why), 0);
	assert_string_equal(link->response->topic, COMMAND "_reply");
	assert_int_equal(link->response->payload_len,
			 strlen("{\"id\":7,\"code\":200,\"data\":[1]}"));
	assert_memory_equal(link->response->payload, "{\"id\":7,\"code\":200,\"data\":[1]}",
			    link->response->payload_len);

	request = only_sent(link);
	assert_string_equal(request->path, "/topic/other");
	(void)answer(request, CONTENT, "raw");
	assert_int_equal(link->n_commands, 2);
	assert_int_equal(link->command.flags, 0);
	assert_true(TAILQ_EMPTY(&link->sent));
}

static void test_command_forgotten_by_login(void **state)
{
	static const struct announcement waiting = { .path = "/topic" COMMAND, .payload = "" };
	struct skybus_link *link = *state;

	log_in_dtls(link);
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	log_in_dtls(link);
	(void)answer_announcing(encode(link), CHANGED, &waiting);
	(void)answer(only_sent(link), CONTENT, "x");
	assert_int_equal(link->n_commands, 1);
}

static void test_envelope(void **state)
{
	static const char wrapped[] =
		"{\"id\":\"1\",\"version\":\"1.0\",\"method\":\"thing.measurepoint.post\",\"params\":"
		"{\"measurepoints\":{\"temp\": 21.5},\"time\":1700000000000}}";
	struct skybus_link *link = attach_with(state, "envelope", "measurepoint", 0);
	struct skybus_request *request;

	log_in_dtls(link);
	request = scripted_encode(link, "room1", "{\"temp\": 21.5}", 14);
	assert_string_equal(request->path, "/topic" TOPIC);
	assert_int_equal(request->payload_len, strlen(wrapped));
	assert_memory_equal(request->payload, wrapped, strlen(wrapped));
}

/* ---- the vendor's rule ---- */

static void test_handshakes_apart(void **state)
{
	static const int32_t outcomes[] = { 0, -EKEYREJECTED, -ETIMEDOUT, -EIO };
	struct tries tries = { .n = 0 };
	struct skybus_link *link = *state;

	srandom(1);
	for (unsigned int i = 0; i < 500; i++) {
		unsigned int n_failed = link->n_failed;

		scripted_login(link);
		wait_for_try(link);
		if (link->opening) {
			scripted_pass(link, (uint64_t)random() % 30000);
			note_try(&tries, link->now_ms);
			scripted_opened(link, outcomes[random() % 4], "no answer");
		}
		wait_for_login(link, n_failed);
	}
	assert_true(tries.n > 100);
}

static void test_login_waits(void **state)
{
	expect_login_waits(*state, log_in_dtls);
}

static void test_count_is_kept(void **state)
{
	expect_kept(*state, log_in_dtls);
}

static void test_count_is_forgotten(void **state)
{
	expect_forgotten(*state, log_in_dtls);
}

static void test_count_of_another_version(void **state)
{
	expect_harmless_rest(*state);
}

static void test_login_put_off(void **state)
{
	expect_put_off(*state, log_in_dtls);
	scripted_opened(*state, 0, "");
	assert_int_equal(((const struct skybus_link *)*state)->n_online, 2);
}

/* What never reached EnOS is none of its business. */
static void test_unreachable_costs_nothing(void **state)
{
	static const int32_t outcomes[] = { -EHOSTUNREACH, -ECONNREFUSED, -ENODEV };
	struct skybus_link *link = *state;

	for (unsigned int i = 1; i < 10; i++) {
		scripted_login(link);
		scripted_opened(link, outcomes[i % 3], "no route");
		expect_failed(link, i, SKYBUS_TRANSIENT, "no route");
		assert_int_equal(link->failure.wait_s, 0);
	}
	log_in_dtls(link);
}

/* So slow that it is out of the count before it ends. */
static void test_slow_handshake(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	scripted_pass(link, BLOCKED_WITHIN_MS + 10000);
	scripted_opened(link, -EHOSTUNREACH, "no route");
	assert_int_equal(link->failure.wait_s, 0);
	log_in_dtls(link);
}

static void test_block_is_waited_for(void **state)
{
	struct skybus_link *link = *state;

	for (unsigned int n = 1; n <= 2; n++) {
		scripted_login(link);
		wait_for_try(link);
		scripted_opened(link, -EKEYREJECTED, "no");
		expect_failed(link, n, SKYBUS_CREDENTIALS, "");
	}
	assert_true(link->failure.wait_s > BLOCKED_FOR_S);
}

/* ---- coming and going ---- */

static void test_settings(void **state)
{
	(void)state;
	expect_plugin("enos-dtls");
}

static void test_attach_refused(void **state)
{
	static const struct scripted_setting no_secret[] = {
		{ .key = "host", .value = "coap.example.com" },
		{ .key = "product_key", .value = "pk7TestA" },
		{ .key = "device_key", .value = "dev0000001" },
		{ .key = NULL },
	};
	static const char *const keys[] = { "product_key", "device_key" };
	static const char *const values[] = { "a,b", "a/b" };

	expect_refused(state, no_secret, "set device_secret, or product_secret");
	expect_refused(state, WITH(usual, { "product_secret", PRODUCT_SECRET, 0 }),
		       "leave product_secret out");
	for (size_t i = 0; i < 4; i++)
		expect_refused(state, WITH(usual, { keys[i % 2], values[i / 2], 0 }), keys[i % 2]);
}

static void test_longest_keys(void **state)
{
	struct longest longest;
	struct skybus_link *link = attach_longest(state, &longest);
	char expected[200];

	(void)snprintf(expected, sizeof(expected), "%s,%s,2,86400", longest.product_key,
		       longest.device_key);
	scripted_login(link);
	expect_text(link->session.identity, link->session.identity_len, expected);
	scripted_opened(link, 0, "");
	assert_int_equal(scripted_keepalive(link)->result, 0);
}

static void open_well(struct skybus_link *link)
{
	scripted_opened(link, 0, "");
}

static void refuse(struct skybus_link *link)
{
	scripted_opened(link, -EKEYREJECTED, "no");
}

static void hear_of_command(struct skybus_link *link)
{
	static const struct announcement waiting = { .path = "/topic" COMMAND, .payload = "" };

	(void)answer_announcing(encode(link), CHANGED, &waiting);
	(void)only_sent(link);
}

static void put_off(struct skybus_link *link)
{
	scripted_login(link);
	assert_true(link->logging_in && !link->opening);
}

static void test_detach_at_each_step(void **state)
{
	static step_fn *const steps[] = { scripted_login, open_well, hear_of_command, put_off,
					  NULL };
	static step_fn *const refused[] = { scripted_login, refuse, put_off, NULL };

	expect_detachable(state, usual, steps);
	expect_detachable(state, usual, refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_login),
		LINK_TEST(test_login_with_lifetime),
		LINK_TEST(test_login_failed),
		LINK_TEST(test_login_refused_by_host),
		LINK_TEST(test_message),
		LINK_TEST(test_decide),
		LINK_TEST(test_commands),
		LINK_TEST(test_command_forgotten_by_login),
		LINK_TEST(test_envelope),
		LINK_TEST(test_handshakes_apart),
		LINK_TEST(test_login_waits),
		LINK_TEST(test_login_put_off),
		LINK_TEST(test_count_is_kept),
		LINK_TEST(test_count_is_forgotten),
		LINK_TEST(test_count_of_another_version),
		LINK_TEST(test_unreachable_costs_nothing),
		LINK_TEST(test_slow_handshake),
		LINK_TEST(test_block_is_waited_for),
		LINK_TEST(test_settings),
		LINK_TEST(test_attach_refused),
		LINK_TEST(test_longest_keys),
		LINK_TEST(test_detach_at_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
