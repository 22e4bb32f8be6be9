/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link of the plugin aliyun for its tests, and what may happen to it. Include <cmocka.h> before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/aliyun/aliyun-crypto.h"
#include "tests/plugins/scripted-fixture.h"

#define SECRET "mRPVdzSMu2nVBxzK77ERPIMxSYIv0123"
#define PRODUCT_KEY "a1NUjcVkHZS"
#define DEVICE_NAME "ff1a11e7c08d4b3db2b1500d8e0e55"
#define CLIENT_ID PRODUCT_KEY "&" DEVICE_NAME
#define RANDOM "ad2b3a5eb51d64f7"
#define TOKEN "MZ8m37hp01w1SSqoDFzo0010500d00.ad2b"
#define TOPIC "/" PRODUCT_KEY "/" DEVICE_NAME "/user/update"
#define PROPERTIES "/sys/" PRODUCT_KEY "/" DEVICE_NAME "/thing/event/property/post"
#define HOST PRODUCT_KEY ".coap.cn-shanghai.link.aliyuncs.com"
#define GRANT "{\"random\":\"" RANDOM "\",\"seqOffset\":1,\"token\":\"" TOKEN "\"}"

#define OPTION_TOKEN 2088
#define OPTION_SEQUENCE 2089
#define OPTION_MESSAGE_ID 2090

static const struct scripted_setting symmetric[] = {
	{ .key = "mode", .value = "symmetric" },
	{ .key = "product_key", .value = PRODUCT_KEY },
	{ .key = "device_name", .value = DEVICE_NAME },
	{ .key = "device_secret", .value = SECRET },
	{ .key = NULL },
};

static const struct scripted_setting dtls[] = {
	{ .key = "product_key", .value = PRODUCT_KEY },
	{ .key = "device_name", .value = DEVICE_NAME },
	{ .key = "device_secret", .value = SECRET },
	{ .key = NULL },
};

static const struct scripted_setting unknown_secret[] = {
	{ .key = "product_key", .value = PRODUCT_KEY },
	{ .key = "device_name", .value = DEVICE_NAME },
	{ .key = "product_secret", .value = "pRoDuCtSeCrEt012" },
	{ .key = NULL },
};

/* ---- a link, and what happens to it ---- */

static inline int setup(void **state)
{
	(void)attach(state, symmetric);

	return 0;
}

/* The last one of the plugin's own. */
static inline struct skybus_request *last_sent(struct skybus_link *link)
{
	struct skybus_request *request = TAILQ_LAST(&link->sent, scripted_requests);

	assert_non_null(request);

	return request;
}

static inline void all_stored(struct skybus_link *link)
{
	while (!TAILQ_EMPTY(&link->writes))
		scripted_stored(link, 0);
}

static inline void log_in(struct skybus_link *link)
{
	unsigned int n_online = link->n_online;

	(void)answer(begin_login(link), CONTENT, GRANT);
	all_stored(link);
	assert_int_equal(link->n_online, n_online + 1);
	assert_false(link->logging_in);
}

static inline void expect_first_failure(const struct skybus_link *link, uint32_t kind)
{
	expect_failure(link, kind, "");
	assert_int_equal(link->n_online, 0);
	assert_int_equal(link->n_failed, 1);
}

static inline struct skybus_request *encode(struct skybus_link *link, const char *topic,
					    const char *payload)
{
	struct skybus_request *request =
		scripted_encode(link, topic, payload, (uint32_t)strlen(payload));

	if (request->result < 0)
		fail_msg("encode() refused: %s", request->verdict.reason);
	assert_int_equal(request->error, 0);

	return request;
}

/* ---- what is in a request ---- */

static inline uint32_t uint_option(const struct skybus_request *request, uint32_t number)
{
	const struct scripted_option *option = scripted_option(request, number);
	uint32_t value = 0;

	assert_non_null(option);
	for (uint32_t i = 0; i < option->len; i++)
		value = value << 8 | option->value[i];

	return value;
}

static inline void session_key(uint8_t ret_key[ALIYUN_KEY_LEN])
{
	const struct aliyun_secret secret = { (const uint8_t *)SECRET, strlen(SECRET) };

	assert_int_equal(aliyun_session_key(&secret, RANDOM, ret_key), 0);
}

static inline void expect_encrypted(const void *data, size_t len, const char *text)
{
	uint8_t key[ALIYUN_KEY_LEN];
	uint8_t clear[2048];
	size_t clear_len;

	assert_true(len <= sizeof(clear));
	session_key(key);
	assert_int_equal(aliyun_decrypt(key, data, len, clear, &clear_len), 0);
	expect_text(clear, clear_len, text);
}

static inline uint64_t sequence_of(const struct skybus_request *request)
{
	const struct scripted_option *option = scripted_option(request, OPTION_SEQUENCE);
	uint8_t key[ALIYUN_KEY_LEN];
	char text[33] = "";
	size_t len;

	assert_non_null(option);
	assert_true(option->len < sizeof(text));
	session_key(key);
	assert_int_equal(aliyun_decrypt(key, option->value, option->len, (uint8_t *)text, &len), 0);
	text[len] = '\0';
	assert_int_equal(strspn(text, "0123456789"), len);

	return strtoull(text, NULL, 10);
}
