/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link of an EnOS plugin for its tests, and what may happen to it. Include <cmocka.h> before.
 */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"
#include "plugins/enos-common/enos.h"
#include "tests/plugins/scripted-fixture.h"

#define SECRET "AbCdEfGhIjKlMnOpQrSt"
#define IV "543yhjy97ae7fyfg"
#define TOKEN "T0kEn123456789"
#define TOPIC "/sys/pk7TestA/dev0000001/thing/measurepoint/post"

/* The vendor's rules: who tries so often within that time is blocked; and one try a second. */
#define BLOCKED_TRIES 4
#define BLOCKED_WITHIN_MS (120 * 1000)
#define BLOCKED_FOR_S (5 * 60)
#define APART_MS 1000

static const struct scripted_setting usual[] = {
	{ .key = "host", .value = "coap.example.com" },
	{ .key = "product_key", .value = "pk7TestA" },
	{ .key = "device_key", .value = "dev0000001" },
	{ .key = "device_secret", .value = SECRET },
	{ .key = NULL },
};

/* ---- a link, and what happens to it ---- */

static inline int setup(void **state)
{
	(void)attach(state, usual);

	return 0;
}

/* The usual settings and one more, or one that stands before its like. */
static inline struct skybus_link *attach_with(void **state, const char *key, const char *value,
					      uint32_t len)
{
	return attach(state, WITH(usual, { key, value, len }));
}

/** struct longest - keys and a secret as long as the table lets them be */
struct longest {
	char product_key[65];
	char device_key[65];
	char secret[129];
};

static inline struct skybus_link *attach_longest(void **state, struct longest *ret_longest)
{
	char name[200];
	struct skybus_link *link;

	(void)snprintf(ret_longest->product_key, sizeof(ret_longest->product_key), "%064d", 1);
	(void)snprintf(ret_longest->device_key, sizeof(ret_longest->device_key), "%064d", 2);
	(void)snprintf(ret_longest->secret, sizeof(ret_longest->secret), "%0128d", 3);
	link = attach(state, WITH(usual, { "lifetime", "86400", 0 },
				  { "product_key", ret_longest->product_key, 0 },
				  { "device_key", ret_longest->device_key, 0 },
				  { "device_secret", ret_longest->secret, 0 }));
	(void)snprintf(name, sizeof(name), "%s/%s", ret_longest->product_key,
		       ret_longest->device_key);
	assert_string_equal(skybus_plugin_v1.device(link->state), name);

	return link;
}

/* begin_login(), a second after whatever was before, so that it need not wait. */
static inline struct skybus_request *begin_auth(struct skybus_link *link)
{
	scripted_pass(link, APART_MS);

	return begin_login(link);
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

	(void)answer(begin_auth(link), CONTENT, payload);
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

/* ---- the vendor's rules ---- */

/** struct tries - when EnOS has seen the last ones, in a ring */
struct tries {
	uint64_t at[BLOCKED_TRIES];
	unsigned int n;
};

static inline void note_try(struct tries *tries, uint64_t now_ms)
{
	uint64_t before = tries->at[(tries->n + BLOCKED_TRIES - 1) % BLOCKED_TRIES];
	uint64_t oldest;

	if (tries->n > 0 && now_ms - before < APART_MS)
		fail_msg("try %u comes %llu ms after the one before", tries->n + 1,
			 (unsigned long long)(now_ms - before));
	tries->at[tries->n++ % BLOCKED_TRIES] = now_ms;
	oldest = tries->at[tries->n % BLOCKED_TRIES];
	if (tries->n >= BLOCKED_TRIES && now_ms - oldest <= BLOCKED_WITHIN_MS)
		fail_msg("try %u is the fourth within %llu ms", tries->n,
			 (unsigned long long)(now_ms - oldest));
}

/* Until a try that was put off goes out. */
static inline void wait_for_try(struct skybus_link *link)
{
	if (link->logging_in && !link->opening)
		scripted_pass(link, APART_MS);
}

/* A daemon that is as eager as the plugin lets it: until it may log in again. */
static inline void wait_for_login(struct skybus_link *link, unsigned int n_failed_before)
{
	bool failed = link->n_failed > n_failed_before;

	scripted_pass(link, 1 + 1000 * (uint64_t)(failed ? link->failure.wait_s : 0));
}

/* After three logins the fourth does not go out. */
static inline void expect_login_waits(struct skybus_link *link, step_fn *log_in_well)
{
	for (unsigned int i = 1; i < BLOCKED_TRIES; i++)
		log_in_well(link);
	scripted_login(link);
	assert_false(link->opening);
	assert_int_equal(link->n_failed, 1);
	expect_failure(link, SKYBUS_TRANSIENT, "two minutes");
	assert_true(link->failure.wait_s > 0);
	scripted_pass(link, BLOCKED_WITHIN_MS + 5000);
	log_in_well(link);
}

/* What is on disk by now. */
static inline unsigned int take_writes(struct skybus_link *link)
{
	unsigned int n = 0;

	for (; !TAILQ_EMPTY(&link->writes); n++)
		scripted_stored(link, 0);

	return n;
}

/* A daemon that starts again and again logs in three times, and then not until all are over. */
static inline void expect_kept(struct skybus_link *link, step_fn *log_in_well)
{
	for (unsigned int i = 1; i < BLOCKED_TRIES; i++) {
		log_in_well(link);
		assert_int_equal(take_writes(link), 1);
		restart(link);
	}
	scripted_login(link);
	assert_false(link->opening);
	expect_failure(link, SKYBUS_TRANSIENT, "two minutes");
	assert_true(link->failure.wait_s > 0);
	assert_int_equal(take_writes(link), 0);
	/* Each restart begins the count anew, for nobody knows how long it took. */
	scripted_pass(link, BLOCKED_WITHIN_MS - 1);
	restart(link);
	scripted_pass(link, BLOCKED_WITHIN_MS);
	scripted_login(link);
	assert_int_equal(link->n_failed, 2);
	scripted_pass(link, 5000);
	log_in_well(link);
}

/* After a restart the next try keeps its second, and what is over leaves nothing on disk. */
static inline void expect_forgotten(struct skybus_link *link, step_fn *log_in_well)
{
	unsigned int n_sessions;

	log_in_well(link);
	n_sessions = link->n_sessions;
	restart(link);
	scripted_login(link);
	scripted_pass(link, APART_MS - 1);
	assert_int_equal(link->n_sessions, n_sessions);
	scripted_pass(link, 1);
	assert_int_equal(link->n_sessions, n_sessions + 1);
	restart(link);
	scripted_pass(link, BLOCKED_WITHIN_MS + 5000);
	assert_true(TAILQ_EMPTY(&link->store));
	restart(link);
	scripted_login(link);
	assert_int_equal(link->n_sessions, n_sessions + 2);
}

/* Other versions may have left anything. */
static inline void expect_harmless_rest(struct skybus_link *link)
{
	static const char *const rests[] = { "", "\xff", "12" };

	for (size_t i = 0; i < SB_ELEMENTS(rests); i++) {
		(void)scripted_host_store_put(link, "logins", rests[i], (uint32_t)strlen(rests[i]),
					      NULL, NULL);
		restart(link);
		scripted_pass(link, BLOCKED_WITHIN_MS + 5000);
		scripted_login(link);
		assert_true(link->opening);
	}
}

/* A second login at once is put off; another that comes meanwhile takes its place. */
static inline void expect_put_off(struct skybus_link *link, step_fn *log_in_well)
{
	unsigned int n_sessions;

	log_in_well(link);
	n_sessions = link->n_sessions;
	scripted_login(link);
	scripted_pass(link, APART_MS / 2);
	scripted_login(link);
	scripted_pass(link, APART_MS / 2 - 1);
	assert_int_equal(link->n_sessions, n_sessions);
	assert_true(link->logging_in);
	scripted_pass(link, 1);
	assert_int_equal(link->n_sessions, n_sessions + 1);
	assert_true(link->opening);
	/* It has gone out once and for all. */
	scripted_pass(link, 10 * APART_MS);
	assert_int_equal(link->n_sessions, n_sessions + 1);
	assert_int_equal(link->n_failed, 0);
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
