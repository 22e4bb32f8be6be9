/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin aliyun over restarts and new logins: the token stays as long as it may, and no sequence number
 * is used twice with it, whatever the disk has lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "check/scripted-private.h"
#include "plugins/aliyun/aliyun-sequence.h"
#include "plugins/aliyun/aliyun-settings.h"
#include "tests/plugins/aliyun-link.h"

#define KEY "token"
#define DAY_MS (UINT64_C(86400) * 1000)
#define NUMBERS_MAX 100000

/* Up to online, without a request. */
static void resume(struct skybus_link *link)
{
	unsigned int n_online = link->n_online;

	scripted_login(link);
	assert_true(link->opening);
	scripted_opened(link, 0, "");
	assert_true(TAILQ_EMPTY(&link->sent));
	all_stored(link);
	assert_int_equal(link->n_online, n_online + 1);
}

/* A new login asks for a new token. */
static void expect_auth(struct skybus_link *link)
{
	assert_string_equal(begin_login(link)->segments, "/auth");
}

static void test_resume(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in(link);
	assert_int_equal(sequence_of(encode(link, TOPIC, "")), 2);
	restart(link);
	resume(link);
	request = encode(link, TOPIC, "hello");
	/* Behind the whole block, of which nobody knows how much was used. */
	assert_int_equal(sequence_of(request), 2 + ALIYUN_SEQUENCE_BLOCK);
	expect_encrypted(request->payload, request->payload_len, "hello");
	assert_int_equal(answer(request, CONTENT, "").kind, SKYBUS_DELIVERED);
}

static void test_resume_dtls(void **state)
{
	struct skybus_link *link = attach(state, dtls);

	(void)answer(begin_login(link), CONTENT, "{\"token\":\"" TOKEN "\"}");
	assert_int_equal(link->n_online, 1);
	restart(link);
	resume(link);
	assert_int_equal(encode(link, TOPIC, "")->n_options, 3);
}

/* A session that is lost costs no login, and no numbers. */
static void test_resume_in_one_run(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	(void)encode(link, TOPIC, "");
	scripted_login(link);
	scripted_opened(link, 0, "");
	assert_int_equal(link->n_online, 2);
	assert_int_equal(sequence_of(encode(link, TOPIC, "")), 3);
}

static void test_other_settings(void **state)
{
	static const struct scripted_setting others[] = {
		{ "product_key", "other", 0 },	 { "device_name", "other", 0 },
		{ "device_secret", "other", 0 }, { "client_id", "other", 0 },
		{ "host", "other.example", 0 },	 { "mode", "dtls", 0 },
	};

	for (size_t i = 0; i < SB_ELEMENTS(others); i++) {
		struct skybus_link *link = attach(state, symmetric);

		log_in(link);
		link->settings = WITH(symmetric, others[i]);
		restart(link);
		expect_auth(link);
	}
}

static void test_damaged_memory(void **state)
{
	for (size_t at = 0; at < 120; at++) {
		struct skybus_link *link = attach(state, symmetric);
		struct scripted_entry *entry;

		log_in(link);
		entry = TAILQ_FIRST(&link->store);
		assert_string_equal(entry->key, KEY);
		if (at < entry->len)
			entry->value[at] ^= 0x80;
		/* Also shorter and shorter. */
		if (at % 2 == 1 && at < entry->len)
			entry->len = (uint32_t)at;
		restart(link);
		scripted_login(link);
		scripted_opened(link, 0, "");
		all_stored(link);
	}
}

/* Of the numbers' end on disk; near the largest there is nothing left to count up to. */
static void test_damaged_sequence(void **state)
{
	struct skybus_link *link = *state;
	struct scripted_entry *entry;

	log_in(link);
	entry = TAILQ_FIRST(&link->store);
	memset(entry->value + 1 + ALIYUN_BINDING_LEN, 0xff, 8);
	restart(link);
	expect_auth(link);
}

/* ---- the token's end ---- */

static void test_relogin(void **state)
{
	struct skybus_link *link = *state;
	unsigned int n_sessions;

	log_in(link);
	n_sessions = link->n_sessions;
	assert_int_equal(answer(encode(link, TOPIC, ""), SKYBUS_CODE(4, 1), "").kind,
			 SKYBUS_RELOGIN);
	assert_int_equal(scripted_encode(link, TOPIC, "", 0)->verdict.kind, SKYBUS_RELOGIN);
	/* The session is good. */
	scripted_login(link);
	assert_int_equal(link->n_sessions, n_sessions);
	assert_string_equal(last_sent(link)->segments, "/auth");
	answer_outcome(last_sent(link), SKYBUS_TIMEOUT);
	assert_int_equal(link->n_failed, 1);
	/* After a failure there is a new one. */
	log_in(link);
	assert_int_equal(link->n_sessions, n_sessions + 1);
}

static void test_relogin_without_session(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	(void)answer(encode(link, TOPIC, ""), SKYBUS_CODE(4, 2), "");
	scripted_drop_session(link);
	expect_auth(link);
}

static void test_refused_token_is_forgotten(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	(void)answer(encode(link, TOPIC, ""), SKYBUS_CODE(4, 1), "");
	restart(link);
	expect_auth(link);
}

/* Of a token from before a restart nobody knows how old it is. */
static void test_untried_token(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	restart(link);
	resume(link);
	assert_int_equal(answer(encode(link, TOPIC, ""), SKYBUS_CODE(4, 3), "").kind,
			 SKYBUS_RELOGIN);
	scripted_login(link);
	(void)answer(last_sent(link), CONTENT, GRANT);
	all_stored(link);
	assert_int_equal(answer(encode(link, TOPIC, ""), SKYBUS_CODE(4, 3), "").kind,
			 SKYBUS_REJECTED);
	restart(link);
	resume(link);
	(void)answer(encode(link, TOPIC, ""), CONTENT, "");
	assert_int_equal(answer(encode(link, TOPIC, ""), SKYBUS_CODE(4, 0), "").kind,
			 SKYBUS_REJECTED);
}

static void test_old_token(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	scripted_pass(link, 6 * DAY_MS - 1);
	(void)encode(link, TOPIC, "");
	scripted_pass(link, 1);
	assert_int_equal(scripted_encode(link, TOPIC, "", 0)->verdict.kind, SKYBUS_RELOGIN);
	/* It still has a day. */
	assert_int_equal(scripted_keepalive(link)->result, 0);
	log_in(link);
	(void)encode(link, TOPIC, "");
	scripted_pass(link, 6 * DAY_MS - 1);
	(void)encode(link, TOPIC, "");
	assert_int_equal(link->n_timers, 1);
}

/* ---- the disk ---- */

static void test_disk_is_slow(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request;

	log_in(link);
	for (unsigned int i = 0; i < ALIYUN_SEQUENCE_BLOCK; i++)
		assert_int_equal(sequence_of(encode(link, TOPIC, "")), 2 + i);
	request = scripted_encode(link, TOPIC, "", 0);
	assert_int_equal(request->result, -EAGAIN);
	assert_int_equal(request->verdict.kind, SKYBUS_RETRY);
	assert_true(request->verdict.retry_after_ms > 0);
	scripted_stored(link, -EIO);
	assert_int_equal(scripted_encode(link, TOPIC, "", 0)->result, -EAGAIN);
	scripted_stored(link, 0);
	assert_int_equal(sequence_of(encode(link, TOPIC, "")), 2 + ALIYUN_SEQUENCE_BLOCK);
}

static void test_disk_is_full_at_login(void **state)
{
	struct skybus_link *link = *state;

	(void)answer(begin_login(link), CONTENT, GRANT);
	scripted_stored(link, -ENOSPC);
	expect_first_failure(link, SKYBUS_TRANSIENT);
	/* The token is good, only its numbers are missing. */
	resume(link);
	assert_int_equal(sequence_of(encode(link, TOPIC, "")), 2);
}

/* A write for the token before says nothing about this one. */
static void test_late_write(void **state)
{
	struct skybus_link *link = *state;

	log_in(link);
	for (unsigned int i = 0; i <= ALIYUN_SEQUENCE_BLOCK / 2; i++)
		(void)encode(link, TOPIC, "");
	assert_false(TAILQ_EMPTY(&link->writes));
	(void)answer(last_sent(link), SKYBUS_CODE(4, 1), "");
	scripted_login(link);
	(void)answer(last_sent(link), CONTENT, GRANT);
	scripted_stored(link, 0); /* the block of the former token */
	scripted_stored(link, 0); /* its removal */
	assert_int_equal(link->n_online, 1);
	scripted_stored(link, 0);
	assert_int_equal(link->n_online, 2);
	assert_int_equal(sequence_of(encode(link, TOPIC, "")), 2);
}

/* What is really on disk: what the last write that has ended well has put there. */
struct disk {
	uint8_t value[512];
	uint32_t len;
};

static void write_ends(struct skybus_link *link, struct disk *disk, int32_t error)
{
	const struct scripted_entry *entry = TAILQ_FIRST(&link->store);

	if (error == 0) {
		assert_true(entry->len <= sizeof(disk->value));
		memcpy(disk->value, entry->value, entry->len);
		disk->len = entry->len;
	}
	scripted_stored(link, error);
}

static void crash(struct skybus_link *link, const struct disk *disk)
{
	struct scripted_entry *entry = TAILQ_FIRST(&link->store);

	scripted_detach(link);
	free(entry->value);
	entry->value = scripted_bytes(disk->value, disk->len);
	entry->len = disk->len;
	restart(link);
	scripted_login(link);
	scripted_opened(link, 0, "");
	assert_true(TAILQ_EMPTY(&link->sent));
}

static void use_numbers(struct skybus_link *link, uint8_t *used)
{
	for (long n = random() % 400; n > 0; n--) {
		struct skybus_request *request = scripted_encode(link, TOPIC, "", 0);
		uint64_t number;

		if (request->result == -EAGAIN)
			return;
		assert_int_equal(request->result, 0);
		number = sequence_of(request);
		assert_true(number < NUMBERS_MAX);
		if (used[number]++)
			fail_msg("the number %" PRIu64 " was used twice", number);
		(void)answer(request, CONTENT, "");
	}
}

/* Crashes at any time, with writes that were lost, that failed, and that went well. */
static void test_no_number_twice(void **state)
{
	static uint8_t used[NUMBERS_MAX];
	struct skybus_link *link = *state;
	struct disk disk = { .len = 0 };
	unsigned int n_used = 0;

	memset(used, 0, sizeof(used));
	srandom(1);
	(void)answer(begin_login(link), CONTENT, GRANT);
	write_ends(link, &disk, 0);
	for (unsigned int i = 0; i < 300; i++) {
		if (!link->logging_in)
			use_numbers(link, used);
		if (!TAILQ_EMPTY(&link->writes) && random() % 3 > 0)
			write_ends(link, &disk, random() % 4 > 0 ? 0 : -EIO);
		if (!link->logging_in && TAILQ_EMPTY(&link->sent) && !link->open) {
			scripted_login(link); /* it failed for the disk */
			scripted_opened(link, 0, "");
		}
		if (random() % 3 == 0)
			crash(link, &disk);
	}
	for (unsigned int i = 0; i < NUMBERS_MAX; i++)
		n_used += used[i];
	assert_true(n_used > 5000);
	assert_int_equal(used[0] + used[1], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(test_resume),
		LINK_TEST(test_resume_dtls),
		LINK_TEST(test_resume_in_one_run),
		LINK_TEST(test_other_settings),
		LINK_TEST(test_damaged_memory),
		LINK_TEST(test_damaged_sequence),
		LINK_TEST(test_relogin),
		LINK_TEST(test_relogin_without_session),
		LINK_TEST(test_refused_token_is_forgotten),
		LINK_TEST(test_untried_token),
		LINK_TEST(test_old_token),
		LINK_TEST(test_disk_is_slow),
		LINK_TEST(test_disk_is_full_at_login),
		LINK_TEST(test_late_write),
		LINK_TEST(test_no_number_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
