/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link of the plugin enos for its tests, and what may happen to it. Include <cmocka.h> before.
 */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "plugins/enos-common/enos.h"
#include "tests/plugins/scripted-host.h"

#define SECRET "AbCdEfGhIjKlMnOpQrSt"
#define IV "543yhjy97ae7fyfg"
#define TOKEN "T0kEn123456789"
#define TOPIC "/sys/pk7TestA/dev0000001/thing/measurepoint/post"
#define CONTENT SKYBUS_CODE(2, 5)
#define CHANGED SKYBUS_CODE(2, 4)

#define LINK_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

extern const struct skybus_plugin skybus_plugin_v1;

static const struct scripted_setting usual[] = {
	{ .key = "host", .value = "coap.example.com" },
	{ .key = "product_key", .value = "pk7TestA" },
	{ .key = "device_key", .value = "dev0000001" },
	{ .key = "device_secret", .value = SECRET },
	{ .key = NULL },
};

/* ---- a link, and what happens to it ---- */

/* The rules that the plugin broke are told when its link goes. */
static inline void detach_and_free(struct skybus_link *link)
{
	char fault[sizeof(link->fault)];

	scripted_detach(link);
	(void)strcpy(fault, link->fault);
	(void)scripted_free(link);
	if (fault[0])
		fail_msg("the plugin broke a rule: %s", fault);
}

/* A new link in the place of the present one. */
static inline struct skybus_link *attach(void **state, const struct scripted_setting *settings)
{
	struct skybus_link *link = scripted_new(&skybus_plugin_v1, settings);
	struct skybus_link *former = *state;
	struct skybus_verdict why;

	*state = link;
	if (former)
		detach_and_free(former);
	assert_int_equal(scripted_attach(link, &why), 0);

	return link;
}

static inline int setup(void **state)
{
	(void)attach(state, usual);

	return 0;
}

static inline int teardown(void **state)
{
	detach_and_free(*state);

	return 0;
}

/* The usual settings and one more, or one that stands before its like. */
static inline struct skybus_link *attach_with(void **state, const char *key, const char *value,
					      uint32_t len)
{
	static struct scripted_setting settings[SB_ELEMENTS(usual) + 1];

	settings[0] = (struct scripted_setting){ key, value, len };
	memcpy(settings + 1, usual, sizeof(usual));

	return attach(state, settings);
}

static inline struct skybus_request *only_sent(struct skybus_link *link)
{
	struct skybus_request *request = TAILQ_FIRST(&link->sent);

	assert_non_null(request);
	assert_null(TAILQ_NEXT(request, entry));

	return request;
}

/* Up to the request for a login, which is returned. */
static inline struct skybus_request *begin_login(struct skybus_link *link)
{
	scripted_login(link);
	assert_true(link->opening);
	scripted_opened(link, 0, "");

	return only_sent(link);
}

static inline struct skybus_verdict answer(struct skybus_request *request, uint32_t code,
					   const char *payload)
{
	struct skybus_reply reply = scripted_reply(code, payload, (uint32_t)strlen(payload));

	return scripted_answer(request, &reply);
}

static inline void answer_outcome(struct skybus_request *request, uint32_t outcome)
{
	struct skybus_reply reply = scripted_reply(0, NULL, 0);

	reply.outcome = outcome;
	(void)scripted_answer(request, &reply);
}

struct announcement {
	const char *path; /* option 2100; NULL for none */
	const char *command; /* option 2102; NULL for none */
	const char *payload;
};

static inline struct skybus_verdict answer_announcing(struct skybus_request *request, uint32_t code,
						      const struct announcement *announcement)
{
	struct skybus_reply reply = scripted_reply(code, announcement->payload,
						   (uint32_t)strlen(announcement->payload));
	struct skybus_option options[2];

	reply.options = options;
	if (announcement->path)
		options[reply.n_options++] =
			(struct skybus_option){ ENOS_OPTION_COMMAND_PATH,
						(uint32_t)strlen(announcement->path),
						(const uint8_t *)announcement->path };
	if (announcement->command)
		options[reply.n_options++] =
			(struct skybus_option){ ENOS_OPTION_COMMAND,
						(uint32_t)strlen(announcement->command),
						(const uint8_t *)announcement->command };

	return scripted_answer(request, &reply);
}

static inline void log_in(struct skybus_link *link, const char *payload)
{
	unsigned int n_online = link->n_online;

	(void)answer(begin_login(link), CONTENT, payload);
	assert_int_equal(link->n_online, n_online + 1);
	assert_false(link->logging_in);
}

static inline void log_in_v1(struct skybus_link *link)
{
	log_in(link, "{\"token\":\"" TOKEN "\"}");
}

static inline void log_in_v2(struct skybus_link *link)
{
	log_in(link, "");
}

static inline struct skybus_request *encode(struct skybus_link *link)
{
	struct skybus_request *request = scripted_encode(link, TOPIC, "{}", 2);

	assert_int_equal(request->result, 0);
	assert_int_equal(request->error, 0);

	return request;
}

/* ---- signs ---- */

static inline size_t unhex(const struct scripted_option *option, uint8_t *ret_bytes, size_t size)
{
	char digits[3] = "";

	assert_true(option->len / 2 <= size);
	for (size_t i = 0; i < option->len / 2; i++) {
		memcpy(digits, option->value + 2 * i, 2);
		assert_int_equal(strspn(digits, "0123456789ABCDEF"), 2);
		ret_bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}

	return option->len / 2;
}

/* Decrypts option 2101, RFC 5652 section 6.3 for the padding. */
static inline void read_sign(const struct skybus_request *request, const char *vector,
			     char *ret_clear, size_t size)
{
	const struct scripted_option *option = scripted_option(request, ENOS_OPTION_SIGN);
	uint8_t key[ENOS_KEY_LEN];
	gnutls_datum_t secret = { key, sizeof(key) };
	gnutls_datum_t iv = { (unsigned char *)(uintptr_t)vector, 16 };
	gnutls_cipher_hd_t cipher;
	size_t len;
	uint8_t pad;

	assert_non_null(option);
	len = unhex(option, (uint8_t *)ret_clear, size);
	assert_true(len > 0 && len % 16 == 0);
	assert_int_equal(enos_key((const uint8_t *)SECRET, strlen(SECRET), key), 0);
	assert_int_equal(gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_128_CBC, &secret, &iv), 0);
	assert_int_equal(gnutls_cipher_decrypt(cipher, ret_clear, len), 0);
	gnutls_cipher_deinit(cipher);
	pad = (uint8_t)ret_clear[len - 1];
	assert_in_range(pad, 1, 16);
	for (size_t i = len - pad; i < len; i++)
		assert_int_equal((uint8_t)ret_clear[i], pad);
	ret_clear[len - pad] = '\0';
}

static inline void expect_sign(const struct skybus_request *request, const char *token,
			       unsigned int sequence)
{
	char expected[400];
	char clear[400];

	(void)snprintf(expected, sizeof(expected), "token%ssequence%u", token, sequence);
	read_sign(request, IV, clear, sizeof(clear));
	assert_string_equal(clear, expected);
}

static inline void expect_no_sign(const struct skybus_request *request)
{
	assert_null(scripted_option(request, ENOS_OPTION_SIGN));
}
