/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of the plugin enos-dtls have in common. Include <cmocka.h> before.
 */
#include "tests/plugins/enos-link.h"

/* The keys that come of SECRET and of PRODUCT_SECRET. */
#define SECRET_KEY "6BBAB0D6090A08BCDDEEBD695A5523D1"
#define PRODUCT_SECRET "ZyXwVuTsRqPoNmLkJiHg"
#define PRODUCT_SECRET_KEY "DA5C898F20CE6716F59D6C9A25020510"

static inline void expect_handshake(const struct skybus_link *link, const char *identity,
				    const char *key)
{
	char hex[2 * SCRIPTED_PSK_MAX + 1];

	assert_true(link->opening);
	assert_int_equal(link->session.security, SKYBUS_PSK);
	assert_int_equal(link->session.identity_len, strlen(identity));
	assert_memory_equal(link->session.identity, identity, strlen(identity));
	enos_hex(link->session.key, link->session.key_len, hex);
	assert_string_equal(hex, key);
}

static inline void log_in_dtls(struct skybus_link *link)
{
	unsigned int n_online = link->n_online;

	scripted_pass(link, APART_MS);
	scripted_login(link);
	assert_true(link->opening);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, n_online + 1);
}

static inline void expect_failed(const struct skybus_link *link, unsigned int n, uint32_t kind,
				 const char *part)
{
	assert_int_equal(link->n_failed, n);
	expect_failure(link, kind, part);
}
