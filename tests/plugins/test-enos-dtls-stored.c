/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin enos-dtls with the secret that the device was told once: when it serves, and when it
 * is asked for anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/plugins/enos-product-link.h"

/* ---- the stored secret ---- */

static void test_stored(void **state)
{
	struct skybus_link *link = *state;

	activate(link);
	begin_stored(link);
	scripted_opened(link, 0, "");
	restart(link);
	begin_stored(link);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 3);
}

static void test_configured_wins(void **state)
{
	struct skybus_link *link = *state;

	activate(link);
	link->settings = WITH(usual, { "device_secret", OTHER_SECRET, 0 });
	restart(link);
	scripted_login(link);
	expect_handshake(link, AS_DEVICE, OTHER_SECRET_KEY);
	scripted_opened(link, -EKEYREJECTED, "no");
	expect_failed(link, 1, SKYBUS_CREDENTIALS, "device_secret");
	assert_false(link->opening);
}

/* The link has become another device's. */
static void test_stored_of_another(void **state)
{
	struct skybus_link *link = *state;

	activate(link);
	link->settings = WITH(product, { "device_key", "dev000000", 0 });
	restart(link);
	scripted_login(link);
	expect_handshake(link, "pk7TestA,dev000000,3,3600", PRODUCT_SECRET_KEY);
}

static void test_stored_refused(void **state)
{
	struct skybus_link *link = *state;

	activate(link);
	begin_stored(link);
	scripted_opened(link, -EKEYREJECTED, "no");
	assert_non_null(strstr(link->last_log, "anew"));
	(void)answer(ask(link), CONTENT, TOLD("pk7TestA", "dev0000001", OTHER_SECRET));
	scripted_stored(link, 0);
	scripted_pass(link, APART_MS);
	expect_handshake(link, AS_DEVICE, OTHER_SECRET_KEY);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_failed, 0);
	rest(link);
	scripted_login(link);
	expect_handshake(link, AS_DEVICE, OTHER_SECRET_KEY);
}

/* Once is the network; twice in a row may be the key. */
static void test_stored_silent(void **state)
{
	struct skybus_link *link = *state;

	activate(link);
	begin_stored(link);
	scripted_opened(link, -ETIMEDOUT, "no answer");
	expect_failed(link, 1, SKYBUS_TRANSIENT, "no answer");
	rest(link);
	begin_stored(link);
	scripted_opened(link, -EHOSTUNREACH, "no route");
	begin_stored(link);
	scripted_opened(link, -ETIMEDOUT, "no answer");
	rest(link);
	begin_stored(link);
	scripted_opened(link, 0, "");
	begin_stored(link);
	scripted_opened(link, -ETIMEDOUT, "no answer");
	expect_failed(link, 4, SKYBUS_TRANSIENT, "no answer");

	rest(link);
	begin_stored(link);
	scripted_opened(link, -ETIMEDOUT, "no answer");
	be_told(link);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 3);
}

/* An outage costs no secret: who knows whether EnOS would tell it again. */
static void test_stored_outlives_trouble(void **state)
{
	static const int32_t outcomes[] = { -EKEYREJECTED, -ETIMEDOUT };
	struct skybus_link *link = *state;

	activate(link);
	for (size_t i = 0; i < SB_ELEMENTS(outcomes); i++) {
		begin_stored(link);
		scripted_opened(link, -EKEYREJECTED, "no");
		wait_for_try(link);
		expect_handshake(link, AS_PRODUCT, PRODUCT_SECRET_KEY);
		scripted_opened(link, outcomes[i], "no");
		rest(link);
	}
	begin_stored(link);
	scripted_opened(link, -EKEYREJECTED, "no");
	(void)answer(ask(link), SKYBUS_CODE(4, 3), "");
	/* And the box must not need anybody to try again. */
	expect_failed(link, 3, SKYBUS_TRANSIENT, "dynamic registration");
	rest(link);
	begin_stored(link);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 2);
}

/* ---- the vendor's rule ---- */

/* Asking for a secret takes two handshakes, and begins only when both may go out. */
static void test_activation_waits(void **state)
{
	struct skybus_link *link = *state;

	activate(link);
	begin_stored(link);
	scripted_opened(link, 0, "");
	begin_stored(link);
	scripted_opened(link, -EKEYREJECTED, "no");
	expect_failed(link, 1, SKYBUS_TRANSIENT, "two minutes");
	assert_true(link->failure.wait_s > 0);
	rest(link);
	/* The refusal is not forgotten meanwhile. */
	scripted_login(link);
	be_told(link);
}

/* One random turn of a login that is under way. */
static void turn(struct skybus_link *link, struct tries *tries)
{
	static const int32_t outcomes[] = { 0, 0, 0, -EKEYREJECTED, -ETIMEDOUT };

	if (link->opening) {
		scripted_pass(link, (uint64_t)random() % 20000);
		note_try(tries, link->now_ms);
		scripted_opened(link, outcomes[random() % 5], "no answer");
	} else if (!TAILQ_EMPTY(&link->writes)) {
		scripted_stored(link, 0);
	} else if (TAILQ_EMPTY(&link->sent)) {
		wait_for_try(link);
	} else {
		(void)answer(only_sent(link), random() % 3 ? CONTENT : SKYBUS_CODE(4, 3),
			     TOLD_OURS);
	}
}

static void test_handshakes_apart(void **state)
{
	struct tries tries = { .n = 0 };
	struct skybus_link *link = *state;

	srandom(1);
	for (unsigned int i = 0; i < 500; i++) {
		unsigned int n_failed = link->n_failed;

		scripted_login(link);
		while (link->logging_in)
			turn(link, &tries);
		wait_for_login(link, n_failed);
	}
	assert_true(tries.n > 100);
	assert_true(link->n_online > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PRODUCT_TEST(test_stored),
		PRODUCT_TEST(test_configured_wins),
		PRODUCT_TEST(test_stored_of_another),
		PRODUCT_TEST(test_stored_refused),
		PRODUCT_TEST(test_stored_silent),
		PRODUCT_TEST(test_stored_outlives_trouble),
		PRODUCT_TEST(test_activation_waits),
		PRODUCT_TEST(test_handshakes_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
