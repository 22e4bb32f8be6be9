/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin enos-dtls with the secret of the product: how the device is told its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/plugins/enos-product-link.h"

/* ---- being told ---- */

static void test_activation(void **state)
{
	struct skybus_link *link = *state;

	activate(link);
	assert_int_equal(link->n_sessions, 2);
	assert_int_equal(link->n_failed, 0);
	/* The session in the device's own name is one like any other. */
	assert_int_equal(answer(encode(link), SKYBUS_CODE(4, 1), "").kind, SKYBUS_RELOGIN);
}

/* The vendor's page has all four fields; the secret alone will do. */
static void test_activation_short(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	(void)answer(ask(link), CHANGED, "{\"params\":{\"deviceSecret\":\"" SECRET "\"}}");
	scripted_stored(link, 0);
	scripted_pass(link, APART_MS);
	expect_handshake(link, AS_DEVICE, SECRET_KEY);
}

static void test_activation_refused_code(void **state)
{
	static const struct {
		uint32_t code;
		uint32_t kind;
		const char *word;
	} cases[] = {
		{ SKYBUS_CODE(4, 0), SKYBUS_TRANSIENT, "dynamic registration" },
		{ SKYBUS_CODE(4, 1), SKYBUS_CREDENTIALS, "product_secret (4.01)" },
		{ SKYBUS_CODE(4, 3), SKYBUS_TRANSIENT, "dynamic registration" },
		{ SKYBUS_CODE(4, 4), SKYBUS_TRANSIENT, "(4.04)" },
		{ SKYBUS_CODE(4, 5), SKYBUS_TRANSIENT, "(4.05)" },
		{ SKYBUS_CODE(4, 29), SKYBUS_TRANSIENT, "at present (4.29)" },
		{ SKYBUS_CODE(5, 0), SKYBUS_TRANSIENT, "at present (5.00)" },
		{ SKYBUS_CODE(5, 3), SKYBUS_TRANSIENT, "at present (5.03)" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, product);

		scripted_login(link);
		(void)answer(ask(link), cases[i].code, TOLD_OURS);
		expect_failed(link, 1, cases[i].kind, cases[i].word);
		assert_true(TAILQ_EMPTY(&link->writes));
	}
}

static void test_activation_refused_inside(void **state)
{
	static const struct {
		const char *payload;
		uint32_t kind;
		const char *word;
	} cases[] = {
		{ "{\"code\":705}", SKYBUS_CREDENTIALS, "no such device" },
		{ "{\"code\":723}", SKYBUS_TRANSIENT, "disabled" },
		{ "{\"code\":742}", SKYBUS_CREDENTIALS, "(code 742)" },
		{ "{\"code\":500}", SKYBUS_TRANSIENT, "(code 500)" },
		{ "", SKYBUS_TRANSIENT, "holds none" },
		{ "x", SKYBUS_TRANSIENT, "holds none" },
		{ "[]", SKYBUS_TRANSIENT, "holds none" },
		{ "{}", SKYBUS_TRANSIENT, "holds none" },
		{ "{\"params\":[]}", SKYBUS_TRANSIENT, "holds none" },
		{ "{\"deviceSecret\":\"x\"}", SKYBUS_TRANSIENT, "holds none" },
		{ "{\"params\":{\"deviceSecret\":\"\"}}", SKYBUS_TRANSIENT, "holds none" },
		{ "{\"params\":{\"deviceSecret\":5}}", SKYBUS_TRANSIENT, "holds none" },
		{ "{\"params\":{\"deviceSecret\":\"a\\u0000b\"}}", SKYBUS_TRANSIENT, "holds none" },
		{ TOLD("pk7TestB", "dev0000001", SECRET), SKYBUS_TRANSIENT, "another device" },
		{ TOLD("pk7TestA", "dev0000002", SECRET), SKYBUS_TRANSIENT, "another device" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, product);

		scripted_login(link);
		(void)answer(ask(link), CONTENT, cases[i].payload);
		expect_failed(link, 1, cases[i].kind, cases[i].word);
		assert_true(TAILQ_EMPTY(&link->writes));
	}
}

static void test_activation_longest_secret(void **state)
{
	struct skybus_link *link = *state;
	char payload[300];

	scripted_login(link);
	(void)snprintf(payload, sizeof(payload), "{\"params\":{\"deviceSecret\":\"%0129d\"}}", 0);
	(void)answer(ask(link), CONTENT, payload);
	expect_failed(link, 1, SKYBUS_TRANSIENT, "holds none");
	rest(link);
	scripted_login(link);
	(void)snprintf(payload, sizeof(payload), "{\"params\":{\"deviceSecret\":\"%0128d\"}}", 0);
	(void)answer(ask(link), CONTENT, payload);
	scripted_stored(link, 0);
	scripted_pass(link, APART_MS);
	assert_true(link->opening);
}

static void test_activation_unanswered(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	answer_outcome(ask(link), SKYBUS_TIMEOUT);
	expect_failed(link, 1, SKYBUS_TRANSIENT, "");
	assert_false(link->failure.has_reason);
}

static void test_product_refused(void **state)
{
	static const struct {
		int32_t outcome;
		uint32_t kind;
		const char *word;
	} cases[] = {
		{ -EKEYREJECTED, SKYBUS_CREDENTIALS, "product_secret" },
		{ -ETIMEDOUT, SKYBUS_TRANSIENT, "no answer; a wrong secret" },
		{ -EHOSTUNREACH, SKYBUS_TRANSIENT, "no answer" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(cases); i++) {
		struct skybus_link *link = attach(state, product);

		scripted_login(link);
		scripted_opened(link, cases[i].outcome, "no answer");
		expect_failed(link, 1, cases[i].kind, cases[i].word);
	}
}

static void test_fresh_secret_refused(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	be_told(link);
	scripted_opened(link, -EKEYREJECTED, "no");
	expect_failed(link, 1, SKYBUS_CREDENTIALS, "just handed out");
	/* Two handshakes went out. */
	assert_true(link->failure.wait_s > 0);
}

static void test_refused_by_host(void **state)
{
	static const struct scripted_refusals refusals[] = {
		{ .new_request = true },
		{ .send_request = -ENOTCONN },
		{ .store_put = -ENOSPC },
	};

	for (size_t i = 0; i < SB_ELEMENTS(refusals); i++) {
		struct skybus_link *link = attach(state, product);

		scripted_login(link);
		link->refuse = refusals[i];
		scripted_opened(link, 0, "");
		if (!TAILQ_EMPTY(&link->sent))
			(void)answer(only_sent(link), CONTENT, TOLD_OURS);
		expect_failed(link, 1, SKYBUS_TRANSIENT, "");
		assert_true(link->failure.has_reason);
		link->refuse = (struct scripted_refusals){ 0 };
		rest(link);
		activate(link);
	}
}

/* A full disk is no reason to stay away. */
static void test_not_on_disk(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	(void)answer(ask(link), CONTENT, TOLD_OURS);
	scripted_stored(link, -ENOSPC);
	assert_non_null(strstr(link->last_log, "disk"));
	scripted_pass(link, APART_MS);
	expect_handshake(link, AS_DEVICE, SECRET_KEY);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 1);
}

/* The write of a login that is over moves none of a later one. */
static void test_late_write(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	(void)answer(ask(link), CONTENT, TOLD_OURS);
	begin_stored(link);
	scripted_stored(link, 0);
	scripted_pass(link, APART_MS);
	assert_int_equal(link->n_sessions, 2);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 1);
	assert_int_equal(link->n_failed, 0);
}

/* A new login in the second before the handshake in the device's own name. */
static void test_put_off(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	(void)answer(ask(link), CONTENT, TOLD_OURS);
	scripted_stored(link, 0);
	scripted_login(link);
	scripted_pass(link, APART_MS - 1);
	assert_int_equal(link->n_sessions, 1);
	scripted_pass(link, 1);
	expect_handshake(link, AS_DEVICE, SECRET_KEY);
	scripted_pass(link, APART_MS);
	assert_int_equal(link->n_sessions, 2);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 1);
	assert_int_equal(link->n_failed, 0);
}

/* ---- going ---- */

static void open_and_ask(struct skybus_link *link)
{
	(void)ask(link);
}

static void take_secret(struct skybus_link *link)
{
	(void)answer(only_sent(link), CONTENT, TOLD_OURS);
}

static void write_secret(struct skybus_link *link)
{
	scripted_stored(link, 0);
	assert_true(link->logging_in && !link->opening);
}

static void open_well(struct skybus_link *link)
{
	wait_for_try(link);
	scripted_opened(link, 0, "");
}

static void test_detach_at_each_step(void **state)
{
	static step_fn *const steps[] = { scripted_login, open_and_ask, take_secret,  write_secret,
					  open_well,	  rest,		begin_stored, NULL };

	expect_detachable(state, product, steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PRODUCT_TEST(test_activation),
		PRODUCT_TEST(test_activation_short),
		PRODUCT_TEST(test_activation_refused_code),
		PRODUCT_TEST(test_activation_refused_inside),
		PRODUCT_TEST(test_activation_longest_secret),
		PRODUCT_TEST(test_activation_unanswered),
		PRODUCT_TEST(test_product_refused),
		PRODUCT_TEST(test_fresh_secret_refused),
		PRODUCT_TEST(test_refused_by_host),
		PRODUCT_TEST(test_not_on_disk),
		PRODUCT_TEST(test_late_write),
		PRODUCT_TEST(test_put_off),
		PRODUCT_TEST(test_detach_at_each_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
