/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin 1nce, from the daemon's side: how it keeps identity and key, and when it asks for another
 * key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/plugins/nce-link.h"

/* ---- the key is kept ---- */

static void test_key_survives_a_restart(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	restart(link);
	scripted_login(link);
	expect_key(link, KEY);
	assert_int_equal(link->n_fetches, 1);
	assert_string_equal(link->plugin->device(link->state), ICCID);
}

/* What one server handed out is nothing to another. */
static void test_key_of_another_source(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	link->settings = SETTINGS({ "onboarding_url", "https://[::1]/", 0 });
	restart(link);
	scripted_login(link);
	assert_int_equal(link->n_fetches, 2);
}

/* A full disk is no reason to stay away; it is not asked for again, but written again. */
static void test_key_cannot_be_stored(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	scripted_fetched(link, 200, "", "", JSON_OF(KEY), "");
	scripted_stored(link, -ENOSPC);
	expect_key(link, KEY);
	scripted_opened(link, 0, "");
	expect_online(link, 1);

	link->refuse.store_put = -ENOMEM;
	scripted_login(link);
	expect_key(link, KEY);
	assert_non_null(strstr(link->last_log, "could not be stored"));
	scripted_opened(link, 0, "");
	expect_online(link, 2);
	link->refuse.store_put = 0;

	scripted_login(link);
	assert_false(link->opening);
	scripted_stored(link, 0);
	expect_key(link, KEY);
	scripted_opened(link, 0, "");
	scripted_login(link);
	expect_key(link, KEY);
	assert_true(TAILQ_EMPTY(&link->writes));
	assert_int_equal(link->n_fetches, 1);
}

/* The daemon gave a login up while the disk was busy; what the disk says then counts once. */
static void test_login_anew_while_storing(void **state)
{
	struct skybus_link *link = *state;

	scripted_login(link);
	scripted_fetched(link, 200, "", "", JSON_OF(KEY), "");
	scripted_login(link);
	scripted_stored(link, 0);
	assert_false(link->opening);
	scripted_stored(link, 0);
	expect_key(link, KEY);
	assert_int_equal(link->n_fetches, 1);
	assert_int_equal(link->n_sessions, 1);
}

/* ---- handshakes that fail ---- */

static void fail_handshake(struct skybus_link *link, int32_t outcome)
{
	scripted_login(link);
	assert_int_equal(link->n_fetching, 0);
	assert_true(link->opening);
	scripted_opened(link, outcome, "no handshake");
	expect_failure(link, SKYBUS_TRANSIENT, "no handshake");
}

static void fail_handshakes(struct skybus_link *link, int32_t outcome, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		fail_handshake(link, outcome);
}

/* A link with a key that is old enough for another. */
static void log_in_long_ago(struct skybus_link *link)
{
	log_in(link);
	scripted_pass(link, FIVE_MINUTES_MS);
}

static void test_one_renewal(void **state)
{
	struct skybus_link *link = *state;

	log_in_long_ago(link);
	fail_handshakes(link, -EKEYREJECTED, 3);
	scripted_login(link);
	onboard(link, JSON_OF(OTHER_KEY), OTHER_KEY);
	scripted_opened(link, -EKEYREJECTED, "no handshake");
	expect_failure(link, SKYBUS_TRANSIENT, "no handshake; the key is new, so perhaps a second");

	/* The cloud would say the same for five minutes. */
	fail_handshakes(link, -EKEYREJECTED, 10);
	assert_int_equal(link->n_fetches, 2);
	scripted_pass(link, FIVE_MINUTES_MS);
	scripted_login(link);
	assert_int_equal(link->n_fetches, 3);
}

static void test_renewal_that_helps(void **state)
{
	struct skybus_link *link = *state;

	log_in_long_ago(link);
	fail_handshakes(link, -ETIMEDOUT, 5);
	scripted_login(link);
	onboard(link, JSON_OF(OTHER_KEY), OTHER_KEY);
	scripted_opened(link, 0, "");
	expect_online(link, 2);
	fail_handshake(link, -EKEYREJECTED);
	assert_string_equal(link->failure.reason, "no handshake");
	restart(link);
	scripted_login(link);
	expect_key(link, OTHER_KEY);
}

static void test_same_key_again(void **state)
{
	struct skybus_link *link = *state;

	log_in_long_ago(link);
	fail_handshakes(link, -EKEYREJECTED, 3);
	scripted_login(link);
	onboard(link, JSON_OF(KEY), KEY);
	scripted_opened(link, -ETIMEDOUT, "no handshake");
	expect_failure(link, SKYBUS_TRANSIENT, "the same key as before");
	fail_handshake(link, -ECONNREFUSED);
	assert_string_equal(link->failure.reason, "no handshake");
}

static void test_no_renewal_without_need(void **state)
{
	struct skybus_link *link = *state;

	log_in_long_ago(link);
	fail_handshakes(link, -EKEYREJECTED, 2);
	fail_handshakes(link, -ETIMEDOUT, 4);
	fail_handshakes(link, -EHOSTUNREACH, 20);
	fail_handshakes(link, -ECONNREFUSED, 20);
	scripted_login(link);
	scripted_opened(link, 0, "");
	expect_online(link, 2);
	fail_handshakes(link, -EKEYREJECTED, 2);
	fail_handshakes(link, -ETIMEDOUT, 4);
	assert_int_equal(link->n_fetches, 1);
}

/* The old key has its tries again: the network may be what is wrong. */
static void test_renewal_that_fails(void **state)
{
	struct skybus_link *link = *state;

	log_in_long_ago(link);
	fail_handshakes(link, -ETIMEDOUT, 5);
	scripted_login(link);
	scripted_fetched(link, 0, "", "", "", "no network");
	expect_failure(link, SKYBUS_TRANSIENT, "no network");
	scripted_login(link);
	expect_key(link, KEY);
	scripted_opened(link, 0, "");
	expect_online(link, 2);
}

static void test_no_timer_left(void **state)
{
	struct skybus_link *link = *state;

	link->refuse.timer_start = -ENOSPC;
	log_in(link);
}

static void test_key_as_hex(void **state)
{
	struct skybus_link *link = attach(state, SETTINGS({ "psk_encoding", "hex", 0 }));

	scripted_login(link);
	onboard(link, JSON_OF("736B"), "sk");
	scripted_opened(link, 0, "");
	expect_online(link, 1);

	link = attach(state, SETTINGS({ "psk_encoding", "hex", 0 }));
	scripted_login(link);
	scripted_fetched(link, 200, "", "", JSON_OF(KEY), "");
	scripted_stored(link, 0);
	expect_failure(link, SKYBUS_CONFIGURATION, "psk_encoding: raw");
}

/* The owner has chosen another in the portal, and says so in the configuration. */
static void test_key_that_was_not_hex(void **state)
{
	static const struct scripted_setting hex[] = { { .key = "psk_encoding", .value = "hex" },
						       { .key = NULL } };
	struct skybus_link *link = *state;

	log_in(link);
	link->settings = hex;
	restart(link);
	scripted_login(link);
	assert_int_equal(link->n_fetches, 2);
	scripted_fetched(link, 200, "", "", JSON_OF(KEY), "");
	scripted_stored(link, 0);
	expect_failure(link, SKYBUS_CONFIGURATION, "psk_encoding: raw");

	/* Or chooses it now. */
	scripted_pass(link, FIVE_MINUTES_MS);
	scripted_login(link);
	onboard(link, JSON_OF("736B"), "sk");
	restart(link);
	scripted_login(link);
	expect_key(link, "sk");
	assert_int_equal(link->n_fetches, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_key_survives_a_restart),
		LINK_TEST(test_key_of_another_source),
		LINK_TEST(test_key_cannot_be_stored),
		LINK_TEST(test_login_anew_while_storing),
		LINK_TEST(test_one_renewal),
		LINK_TEST(test_renewal_that_helps),
		LINK_TEST(test_same_key_again),
		LINK_TEST(test_no_renewal_without_need),
		LINK_TEST(test_renewal_that_fails),
		LINK_TEST(test_no_timer_left),
		LINK_TEST(test_key_as_hex),
		LINK_TEST(test_key_that_was_not_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
