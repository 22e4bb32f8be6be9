/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes into a packet comes out of it, whole; and what comes out of one that somebody made up does no harm. That no
 * member of a struct is forgotten is seen by the compiler, in isolation-codec.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/isolation-private.h"

static struct sb_packer out;

static int reset(void **state)
{
	(void)state;
	sb_packer_done(&out);

	return 0;
}

static struct sb_unpacker packed(void)
{
	assert_false(out.failed);

	return (struct sb_unpacker){ .data = out.data, .len = out.len };
}

/* ---- there and back ---- */

static const uint8_t bytes[] = { 1, 0, 2 };
static const uint8_t more[] = { 0xff, 0 };
static const char some_text[] = "the body";

static void a_message(void **state)
{
	const struct skybus_message message = {
		.size = sizeof(message),
		.payload_len = sizeof(bytes),
		.ticket = UINT64_MAX - 1,
		.topic = "a/b",
		.payload = bytes,
		.time_ms = -5,
		.content_format = SKYBUS_NO_FORMAT,
		.flags = 7,
	};
	struct skybus_message got;
	struct sb_unpacker in;

	(void)state;
	sb_pack_message(&out, &message);
	in = packed();
	sb_unpack_message(&in, &got);
	assert_true(sb_unpack_ended(&in));
	assert_int_equal(got.size, sizeof(got));
	assert_int_equal(got.payload_len, sizeof(bytes));
	assert_memory_equal(got.payload, bytes, sizeof(bytes));
	assert_int_equal(got.ticket, UINT64_MAX - 1);
	assert_string_equal(got.topic, "a/b");
	assert_int_equal(got.time_ms, -5);
	assert_int_equal(got.content_format, SKYBUS_NO_FORMAT);
	assert_int_equal(got.flags, 7);
}

static void a_reply(void **state)
{
	const struct skybus_option options[] = {
		{ .number = 4, .len = sizeof(more), .value = more },
		{ .number = 12, .len = 0, .value = NULL },
	};
	const struct skybus_reply reply = {
		.size = sizeof(reply),
		.outcome = SKYBUS_ANSWERED,
		.code = SKYBUS_CODE(2, 4),
		.content_format = 50,
		.max_age = 60,
		.payload_len = sizeof(bytes),
		.payload = bytes,
		.note = 99,
		.options = options,
		.n_options = 2,
		.observed = 1,
	};
	struct skybus_reply got;
	struct skybus_option *kept;
	struct sb_unpacker in;

	(void)state;
	sb_pack_reply(&out, &reply);
	in = packed();
	kept = sb_unpack_reply(&in, &got);
	assert_true(sb_unpack_ended(&in));
	assert_int_equal(got.outcome, SKYBUS_ANSWERED);
	assert_int_equal(got.code, SKYBUS_CODE(2, 4));
	assert_int_equal(got.content_format, 50);
	assert_int_equal(got.max_age, 60);
	assert_int_equal(got.payload_len, sizeof(bytes));
	assert_int_equal(got.note, 99);
	assert_int_equal(got.observed, 1);
	assert_int_equal(got.n_options, 2);
	assert_int_equal(got.options[0].number, 4);
	assert_memory_equal(got.options[0].value, more, sizeof(more));
	assert_int_equal(got.options[1].number, 12);
	assert_int_equal(got.options[1].len, 0);
	free(kept);
}

static void a_reply_that_no_packet_holds(void **state)
{
	static uint8_t body[SB_PACKET_BODY_MAX + 1];
	struct skybus_reply reply = {
		.size = sizeof(reply),
		.outcome = SKYBUS_ANSWERED,
		.code = SKYBUS_CODE(2, 5),
		.payload = body,
		.payload_len = SB_PACKET_BODY_MAX,
		.note = 7,
		.observed = 1,
	};
	struct skybus_reply room;
	const struct skybus_reply *within;

	(void)state;
	assert_ptr_equal(sb_reply_within(&reply, &room), &reply);

	reply.payload_len++;
	within = sb_reply_within(&reply, &room);
	assert_int_equal(within->outcome, SKYBUS_ABANDONED);
	assert_int_equal(within->payload_len, 0);
	assert_int_equal(within->note, 7);
	assert_int_equal(within->observed, 1);
}

/* A plugin that was built when the struct ended before trust_len. */
static void what_an_older_plugin_does_not_have(void **state)
{
	struct skybus_session session = {
		.size = offsetof(struct skybus_session, trust_len),
		.security = SKYBUS_PSK,
		.host = "cloud",
		.port = 5684,
		.identity_len = sizeof(more),
		.identity = more,
		.key = bytes,
		.key_len = sizeof(bytes),
		.trust_len = 12345,
		.trust = (const uint8_t *)1,
		.server_name = (const char *)1,
	};
	struct skybus_session got;
	struct sb_unpacker in;

	(void)state;
	sb_pack_session(&out, &session);
	in = packed();
	sb_unpack_session(&in, &got);
	assert_true(sb_unpack_ended(&in));
	assert_int_equal(got.size, offsetof(struct skybus_session, trust_len));
	assert_string_equal(got.host, "cloud");
	assert_memory_equal(got.key, bytes, sizeof(bytes));
	assert_int_equal(got.identity_len, sizeof(more));
	assert_int_equal(got.trust_len, 0);
	assert_null(got.trust);
	assert_null(got.server_name);
}

static void what_was_fetched_ends_as_text(void **state)
{
	const struct skybus_fetched fetched = {
		.size = sizeof(fetched),
		.status = 200,
		.content_type = "text/plain",
		.content_range = "",
		.body = (const uint8_t *)some_text,
		.reason = "",
		.body_len = sizeof(some_text) - 1,
	};
	struct skybus_fetched got;
	struct sb_unpacker in;

	(void)state;
	sb_pack_fetched(&out, &fetched);
	in = packed();
	sb_unpack_fetched(&in, &got);
	assert_true(sb_unpack_ended(&in));
	assert_int_equal(got.body_len, sizeof(some_text) - 1);
	assert_string_equal((const char *)got.body, some_text);
	assert_string_equal(got.content_range, "");
}

static void a_reason_is_cut_to_its_room(void **state)
{
	struct skybus_verdict verdict = { .size = sizeof(verdict), .kind = 2, .retry_after_ms = 9 };
	struct skybus_verdict got;
	struct sb_unpacker in;

	(void)state;
	memset(verdict.reason, 'x', sizeof(verdict.reason));
	sb_pack_verdict(&out, &verdict);
	in = packed();
	sb_unpack_verdict(&in, &got);
	assert_true(sb_unpack_ended(&in));
	assert_int_equal(strlen(got.reason), sizeof(got.reason) - 1);
	assert_int_equal(got.retry_after_ms, 9);
}

/* ---- bounds ---- */

static void text_without_end_is_none(void **state)
{
	static const char *const wrong[] = { "ab", "a\0b", "" };
	static const size_t sizes[] = { 2, 4, 0 };

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(wrong); i++) {
		struct sb_unpacker in;

		sb_packer_reset(&out);
		sb_pack_bytes(&out, wrong[i], sizes[i]);
		in = packed();
		assert_null(sb_unpack_text(&in));
		assert_true(in.bad);
		assert_int_equal(sb_unpack_u32(&in), 0);
	}
}

static void a_packet_has_a_largest_size(void **state)
{
	static const uint8_t block[64 * 1024];

	(void)state;
	for (int i = 0; i < 2; i++)
		sb_pack_bytes(&out, block, sizeof(block));
	assert_false(out.failed);
	for (int i = 0; i < 2; i++)
		sb_pack_bytes(&out, block, sizeof(block));
	assert_true(out.failed);
	sb_packer_reset(&out);
	assert_false(out.failed);
}

static void what_was_in_a_packet_is_wiped(void **state)
{
	static const char secret[] = "a secret";
	const uint8_t *place;

	(void)state;
	sb_pack_text(&out, secret);
	place = out.data;
	assert_memory_equal(place + 4, secret, sizeof(secret));
	sb_packer_reset(&out);
	assert_memory_not_equal(place + 4, secret, sizeof(secret));
}

static void packets_keep_their_bounds_in_a_socket(void **state)
{
	struct sb_packet *packet = NULL;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(sb_packet_receive(pair[0], MSG_DONTWAIT, &packet), -EAGAIN);
	assert_int_equal(send(pair[1], "one", 3, 0), 3);
	assert_int_equal(send(pair[1], "three", 5, 0), 5);
	assert_int_equal(sb_packet_receive(pair[0], 0, &packet), 0);
	assert_int_equal(packet->len, 3);
	packet = sb_packet_free(packet);
	assert_int_equal(sb_packet_receive(pair[0], 0, &packet), 0);
	assert_int_equal(packet->len, 5);
	packet = sb_packet_free(packet);
	assert_int_equal(close(pair[1]), 0);
	assert_int_equal(sb_packet_receive(pair[0], 0, &packet), -ECONNRESET);
	assert_int_equal(close(pair[0]), 0);
}

/* ---- whatever comes ---- */

static unsigned int filled;

static void count_number(struct skybus_request *request, uint32_t number)
{
	(void)request;
	(void)number;
	filled++;
}

static void count_text(struct skybus_request *request, const char *text)
{
	(void)request;
	filled += strlen(text) < SB_PACKET_MAX;
}

static void count_option(struct skybus_request *request, uint32_t number, const void *value,
			 uint32_t len)
{
	(void)request;
	(void)number;
	assert_true(len == 0 || value);
	filled += len > 0 && *(const uint8_t *)value;
}

static void count_uint(struct skybus_request *request, uint32_t number, uint32_t value)
{
	(void)request;
	(void)number;
	(void)value;
	filled++;
}

static void count_payload(struct skybus_request *request, const void *data, uint32_t len)
{
	count_option(request, 0, data, len);
}

static void count_note(struct skybus_request *request, uint64_t note)
{
	(void)request;
	(void)note;
	filled++;
}

static const struct skybus_host counting_host = {
	.size = sizeof(counting_host),
	.request_method = count_number,
	.request_path = count_text,
	.request_query = count_text,
	.request_option = count_option,
	.request_uint = count_uint,
	.request_payload = count_payload,
	.request_note = count_note,
};

/* Numbers that are small often, so that something of it makes sense. */
static size_t make_up(uint8_t *data, size_t size)
{
	size_t len = (size_t)random() % size;

	for (size_t i = 0; i < len; i += sizeof(uint32_t)) {
		uint32_t word = (uint32_t)random();

		if (word % 8 > 0)
			word = (uint32_t)random() % 13;
		memcpy(data + i, &word, len - i < sizeof(word) ? len - i : sizeof(word));
	}

	return len;
}

static void take_all(const struct sb_unpacker *packet)
{
	const struct sb_isolation_wants wants = { .request = (struct skybus_request *)&filled };
	struct skybus_command command;
	struct skybus_session session;
	struct skybus_verdict verdict;
	struct skybus_reply reply;
	struct skybus_fetch fetch;
	struct sb_unpacker in;

	in = *packet;
	sb_unpack_command(&in, &command);
	assert_true(!command.topic || strlen(command.topic) < packet->len);
	in = *packet;
	sb_unpack_session(&in, &session);
	assert_true(session.size <= sizeof(session));
	in = *packet;
	sb_unpack_fetch(&in, &fetch);
	assert_true(!fetch.trust == (fetch.trust_len == 0));
	in = *packet;
	sb_unpack_verdict(&in, &verdict);
	assert_true(strlen(verdict.reason) < sizeof(verdict.reason));
	in = *packet;
	free(sb_unpack_reply(&in, &reply));
	in = *packet;
	(void)sb_isolation_fill(&counting_host, &in, &wants);
}

/* In memory that ends where the packet does, so that the sanitizer sees what is read beyond. */
static void what_somebody_made_up_does_no_harm(void **state)
{
	uint8_t data[256];

	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		size_t len = make_up(data, sizeof(data));
		uint8_t *copy = malloc(len > 0 ? len : 1);
		const struct sb_unpacker packet = { .data = copy, .len = len };

		assert_non_null(copy);
		memcpy(copy, data, len);
		take_all(&packet);
		free(copy);
	}
	/* Some of it made sense. */
	assert_true(filled > 1000);
}

static void text_for_people_is_one_line(void **state)
{
	char text[] = "one\ntwo\x1b[31m\x7f";

	(void)state;
	sb_isolation_clean(text);
	assert_string_equal(text, "one?two?[31m?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_message, reset),
		cmocka_unit_test_teardown(a_reply, reset),
		cmocka_unit_test(a_reply_that_no_packet_holds),
		cmocka_unit_test_teardown(what_an_older_plugin_does_not_have, reset),
		cmocka_unit_test_teardown(what_was_fetched_ends_as_text, reset),
		cmocka_unit_test_teardown(a_reason_is_cut_to_its_room, reset),
		cmocka_unit_test_teardown(text_without_end_is_none, reset),
		cmocka_unit_test_teardown(a_packet_has_a_largest_size, reset),
		cmocka_unit_test_teardown(what_was_in_a_packet_is_wiped, reset),
		cmocka_unit_test(packets_keep_their_bounds_in_a_socket),
		cmocka_unit_test(what_somebody_made_up_does_no_harm),
		cmocka_unit_test(text_for_people_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
