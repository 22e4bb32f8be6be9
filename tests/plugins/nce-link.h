/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link of the plugin 1nce for its tests, and what may happen to it. Include <cmocka.h> before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/plugins/scripted-fixture.h"

#define ICCID "8988280666000001234"
#define KEY "s3cretKeyOfTheSim"
#define OTHER_KEY "anotherKeyOfTheSim"
#define JSON_OF(key) "{\"clientIdentity\":\"" ICCID "\",\"preSharedKey\":\"" key "\"}"
#define URL "https://device.connectivity-suite.cloud/device-api/onboarding/coap"
#define FIVE_MINUTES_MS (5 * 60 * 1000)

static const struct scripted_setting none[] = { { .key = NULL } };

static inline int setup(void **state)
{
	(void)attach(state, none);

	return 0;
}

static inline void expect_online(struct skybus_link *link, unsigned int n)
{
	if (link->n_online != n)
		fail_msg("online %u times, not %u: %s", link->n_online, n, link->failure.reason);
	assert_false(link->logging_in);
}

static inline void expect_key(const struct skybus_link *link, const char *key)
{
	assert_true(link->opening);
	assert_int_equal(link->session.security, SKYBUS_PSK);
	assert_int_equal(link->session.identity_len, strlen(ICCID));
	assert_memory_equal(link->session.identity, ICCID, strlen(ICCID));
	assert_int_equal(link->session.key_len, strlen(key));
	assert_memory_equal(link->session.key, key, strlen(key));
}

/* The onboarding that is under way succeeds, up to the handshake. */
static inline void onboard(struct skybus_link *link, const char *json, const char *key)
{
	assert_int_equal(link->n_fetching, 1);
	scripted_fetched(link, 200, "application/json", "", json, "");
	assert_false(link->opening);
	scripted_stored(link, 0);
	expect_key(link, key);
}

static inline void log_in(struct skybus_link *link)
{
	scripted_login(link);
	onboard(link, JSON_OF(KEY), KEY);
	scripted_opened(link, 0, "");
	expect_online(link, 1);
}
