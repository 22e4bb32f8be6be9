/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link of the plugin enos-dtls that knows the secret of the product only, and how it is told its
 * own. Include <cmocka.h> before.
 */
#include "tests/plugins/enos-dtls-link.h"

#define AS_PRODUCT "pk7TestA,dev0000001,3,3600"
#define AS_DEVICE "pk7TestA,dev0000001,2,3600"
#define INFO "/topic/ext/session/pk7TestA/dev0000001/thing/activate/info"

#define OTHER_SECRET "0123456789"
#define OTHER_SECRET_KEY "FB6BF91A16F0248F2FD573E6AF05C19F" /* of sha256sum, bytes 9 to 24 */

/* The reply as the vendor prints it. */
#define TOLD(product_key, device_key, secret)                                               \
	"{\"id\":\"1\",\"version\":\"1.0\",\"method\":\"thing.activate.info\",\"params\":{" \
	"\"assetId\":\"a\",\"productKey\":\"" product_key "\",\"deviceKey\":\"" device_key  \
	"\",\"deviceSecret\":\"" secret "\"}}"
#define TOLD_OURS TOLD("pk7TestA", "dev0000001", SECRET)

static const struct scripted_setting product[] = {
	{ .key = "host", .value = "coap.example.com" },
	{ .key = "product_key", .value = "pk7TestA" },
	{ .key = "device_key", .value = "dev0000001" },
	{ .key = "product_secret", .value = PRODUCT_SECRET },
	{ .key = NULL },
};

static inline int setup_product(void **state)
{
	(void)attach(state, product);

	return 0;
}

/* No sentence tells the secret that came from the cloud. */
static inline int teardown_product(void **state)
{
	const struct skybus_link *link = *state;

	assert_null(strstr(link->failure.reason, SECRET));
	assert_null(strstr(link->last_log, SECRET));

	return teardown(state);
}

#define PRODUCT_TEST(test) cmocka_unit_test_setup_teardown(test, setup_product, teardown_product)

/* Time enough that no handshake counts any more. */
static inline void rest(struct skybus_link *link)
{
	scripted_pass(link, BLOCKED_WITHIN_MS + 5000);
}

/* From the handshake for the product up to the request for the secret, which is returned. */
static inline struct skybus_request *ask(struct skybus_link *link)
{
	struct skybus_request *request;

	wait_for_try(link);
	expect_handshake(link, AS_PRODUCT, PRODUCT_SECRET_KEY);
	scripted_opened(link, 0, "");
	(void)take_writes(link); /* of the count */
	request = only_sent(link);
	assert_int_equal(request->method, SKYBUS_GET);
	assert_string_equal(request->path, INFO);
	assert_int_equal(request->n_options, 0);
	assert_int_equal(request->payload_len, 0);

	return request;
}

/* A first login as far as the handshake in the device's own name. */
static inline void be_told(struct skybus_link *link)
{
	(void)answer(ask(link), CONTENT, TOLD_OURS);
	/* Not before the secret is on disk, however long that takes. */
	scripted_pass(link, APART_MS);
	assert_false(link->opening);
	scripted_stored(link, 0);
	expect_handshake(link, AS_DEVICE, SECRET_KEY);
}

static inline void activate(struct skybus_link *link)
{
	unsigned int n_online = link->n_online;

	scripted_login(link);
	be_told(link);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, n_online + 1);
	assert_int_equal(link->terms.keepalive_s, 2700);
	rest(link);
}

static inline void begin_stored(struct skybus_link *link)
{
	scripted_pass(link, APART_MS);
	scripted_login(link);
	expect_handshake(link, AS_DEVICE, SECRET_KEY);
}
