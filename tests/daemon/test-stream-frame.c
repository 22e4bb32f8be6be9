/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes here are those of docs/stream.md, written down and not made.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/stream-frame.h"
#include "skybus/plugin.h"

/* Bytes of a text without the zero behind it. */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

#define PUBLISH_HEAD                       \
	"\x01\x02\x03\0"                   \
	"\x10\x0e\0\0"                     \
	"\xf8\xf7\xf6\xf5\xf4\xf3\xf2\x01" \
	"\x32\0\0\0"                       \
	"\x03\0\0\0"
#define PUBLISH PUBLISH_HEAD "a/\x62{}"

#define ANSWER                 \
	"\x02\x04\0\0\0\0\0\0" \
	"\x07\0\0\0\0\0\0\x80" \
	"4.04no"

/* ---- from the app ---- */

static int parse(const uint8_t *bytes, size_t len, struct sb_frame *ret, struct sb_error *ret_error)
{
	/* In a block of its own, so that who reads beyond its end is seen. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	r = sb_frame_read(copy, len, ret, ret_error);
	free(copy);

	return r;
}

static void test_publish(void **state)
{
	struct sb_frame frame;

	(void)state;
	assert_int_equal(sb_frame_read(BYTES(PUBLISH), &frame, NULL), 0);
	assert_int_equal(frame.type, SB_FRAME_PUBLISH);
	assert_int_equal(frame.publish.priority, SB_URGENT);
	assert_true(frame.publish.in_memory);
	assert_true(frame.publish.replaces);
	assert_int_equal(frame.publish.ttl_s, 3600);
	assert_true(frame.publish.tag == UINT64_C(0x01f2f3f4f5f6f7f8));
	assert_int_equal(frame.publish.content_format, 50);
	assert_int_equal(frame.publish.topic.len, 3);
	assert_memory_equal(frame.publish.topic.text, "a/b", 3);
	assert_int_equal(frame.publish.payload_len, 2);
	assert_memory_equal(frame.publish.payload, "{}", 2);
}

static void test_publish_of_nothing(void **state)
{
	static const char bytes[] = "\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0";
	struct sb_frame frame;

	(void)state;
	assert_int_equal(sb_frame_read(BYTES(bytes), &frame, NULL), 0);
	assert_int_equal(frame.publish.priority, SB_BULK);
	assert_false(frame.publish.in_memory);
	assert_false(frame.publish.replaces);
	assert_int_equal(frame.publish.ttl_s, 0);
	assert_int_equal(frame.publish.content_format, SKYBUS_NO_FORMAT);
	assert_int_equal(frame.publish.topic.len, 0);
	assert_int_equal(frame.publish.payload_len, 0);
}

static void test_answer(void **state)
{
	struct sb_frame frame;

	(void)state;
	assert_int_equal(sb_frame_read(BYTES(ANSWER), &frame, NULL), 0);
	assert_int_equal(frame.type, SB_FRAME_ANSWER);
	assert_true(frame.answer.message == UINT64_C(0x8000000000000007));
	assert_int_equal(frame.answer.code.len, 4);
	assert_memory_equal(frame.answer.code.text, "4.04", 4);
	assert_int_equal(frame.answer.payload_len, 2);
	assert_memory_equal(frame.answer.payload, "no", 2);
}

/* What is left of a frame is one only if it ends behind its last text. */
static void check_truncations(const uint8_t *bytes, size_t len, size_t shortest)
{
	struct sb_frame frame;
	struct sb_error error;

	for (size_t n = 0; n < len; n++) {
		int r = parse(bytes, n, &frame, &error);

		assert_int_equal(r, n < shortest ? -EPROTO : 0);
		if (r == 0)
			continue;
		assert_int_equal(error.code, SB_ERROR_INVALID_FRAME);
		assert_non_null(strstr(error.text, n == 0 ? "empty" : "ends at byte"));
	}
}

static void test_truncations(void **state)
{
	(void)state;
	check_truncations(BYTES(PUBLISH), 27);
	check_truncations(BYTES(ANSWER), 20);
}

/** struct wrong - a byte that is changed, and what is said then */
struct wrong {
	size_t at;
	uint8_t value;
	const char *said;
};

static void check_wrong(const uint8_t *bytes, size_t len, const struct wrong *wrong)
{
	struct sb_frame frame = { .type = 77 };
	struct sb_error error = { 0 };
	uint8_t copy[64];

	memcpy(copy, bytes, len);
	copy[wrong->at] = wrong->value;
	assert_int_equal(parse(copy, len, &frame, &error), -EPROTO);
	assert_int_equal(frame.type, 77);
	if (!strstr(error.text, wrong->said))
		fail_msg("\"%s\" is not in \"%s\"", wrong->said, error.text);
}

static void test_wrong_fields(void **state)
{
	static const struct wrong publish[] = {
		{ 0, 0, "byte 0 of a frame, its type, is 0" },
		{ 0, 3, "byte 0 of a frame, its type, is 3" },
		{ 0, SB_FRAME_TICKET, "byte 0 of a frame, its type, is 129" },
		{ 0, 255, "is 255: an app sends 1 (PUBLISH) and 2 (ANSWER)" },
		{ 1, 3, "byte 1 of a frame PUBLISH, its priority, is 3" },
		{ 2, 4, "byte 2 of a frame PUBLISH, its flags, is 4" },
		{ 2, 0x83, "its flags, is 131" },
		{ 3, 1, "byte 3 of a frame PUBLISH is 1, and it is not used" },
		{ 7, 2, "byte 4 of a frame PUBLISH, its time-to-live" },
		{ 18, 1, "byte 16 of a frame PUBLISH, its content-format, is 65586" },
		{ 19, 255, "its content-format" },
		{ 20, 6, "the text at byte 24 of a frame PUBLISH is said to have 6 bytes" },
		{ 21, 255, "is said to have 65283 bytes, and the frame ends at byte 29" },
		{ 22, 9, "byte 22 of a frame PUBLISH is 9" },
		{ 23, 1, "byte 23 of a frame PUBLISH is 1" },
		{ 25, 0, "byte 25 of a frame PUBLISH is 0" },
		{ 26, 0xff, "byte 26 of a frame PUBLISH is 255, in a text that is to be UTF-8" },
		{ 26, 0xc3, "byte 26 of a frame PUBLISH is 195" },
	};
	static const struct wrong answer[] = {
		{ 1, 7, "the text at byte 16 of a frame ANSWER is said to have 7 bytes" },
		{ 2, 1, "byte 2 of a frame ANSWER is 1" },
		{ 7, 1, "byte 7 of a frame ANSWER is 1" },
		{ 16, 0, "byte 16 of a frame ANSWER is 0" },
		{ 19, 0xe2, "byte 19 of a frame ANSWER is 226" },
	};

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(publish); i++)
		check_wrong(BYTES(PUBLISH), &publish[i]);
	for (size_t i = 0; i < SB_ELEMENTS(answer); i++)
		check_wrong(BYTES(ANSWER), &answer[i]);
}

/* Every byte with every value: whatever is taken lies within the frame. */
static void test_any_byte(void **state)
{
	static const uint8_t bytes[] = PUBLISH;
	uint8_t copy[sizeof(bytes) - 1];
	struct sb_frame frame;

	(void)state;
	for (size_t at = 0; at < sizeof(copy); at++) {
		for (unsigned int value = 0; value < 256; value++) {
			memcpy(copy, bytes, sizeof(copy));
			copy[at] = (uint8_t)value;
			if (sb_frame_read(copy, sizeof(copy), &frame, NULL) < 0)
				continue;
			assert_in_range(frame.type, SB_FRAME_PUBLISH, SB_FRAME_ANSWER);
			if (frame.type != SB_FRAME_PUBLISH)
				continue;
			assert_ptr_equal(frame.publish.payload + frame.publish.payload_len,
					 copy + sizeof(copy));
			assert_in_range(frame.publish.topic.len, 0, 5);
		}
	}
}

/* ---- to the app ---- */

static void check_bytes(const struct sb_frame_out *frame, const uint8_t *bytes, size_t len)
{
	uint8_t *made = malloc(sb_frame_size(frame));

	assert_non_null(made);
	assert_int_equal(sb_frame_size(frame), len);
	sb_frame_write(frame, made);
	assert_memory_equal(made, bytes, len);
	free(made);
}

static struct sb_error make_error(enum sb_error_code code, const char *text)
{
	struct sb_error error;

	(void)sb_error_set(&error, code, "%s", text);

	return error;
}

static void test_hello(void **state)
{
	const struct sb_frame_limits limits = { 256, 1000, 0x04030201 };
	struct sb_frame_out frame = sb_frame_hello("plant", &limits);

	(void)state;
	check_bytes(&frame, BYTES("\x80\x01\0\x02"
				  "\0\0\x01\0"
				  "\0\0\x02\0"
				  "\0\x01\0\0"
				  "\xe8\x03\0\0"
				  "\x01\x02\x03\x04"
				  "plant"));
}

static void test_ticket(void **state)
{
	struct sb_frame_out frame = sb_frame_ticket(UINT64_MAX - 1, 258);

	(void)state;
	check_bytes(&frame, BYTES("\x81\0\0\0\0\0\0\0"
				  "\xfe\xff\xff\xff\xff\xff\xff\xff"
				  "\x02\x01\0\0\0\0\0\0"));
}

static void test_refused(void **state)
{
	struct sb_error error = make_error(SB_ERROR_QUEUE_FULL, "wait");
	struct sb_frame_out frame = sb_frame_refused(5, &error);

	(void)state;
	check_bytes(&frame, BYTES("\x82\x09\0\0\0\0\0\0"
				  "\x05\0\0\0\0\0\0\0"
				  "QueueFullwait"));
}

static void test_settled(void **state)
{
	struct sb_settlement end = {
		.ticket = 9, .outcome = SB_REJECTED, .code = "4.00", .reason = "no \xff"
	};
	struct sb_frame_out frame = sb_frame_settled(&end);

	(void)state;
	check_bytes(&frame, BYTES("\x83\x04\x04\0\0\0\0\0"
				  "\x09\0\0\0\0\0\0\0"
				  "4.00no ?"));
	end = (struct sb_settlement){
		.ticket = 9, .outcome = SB_EXPIRED, .code = "", .reason = ""
	};
	frame = sb_frame_settled(&end);
	check_bytes(&frame, BYTES("\x83\x03\0\0\0\0\0\0\x09\0\0\0\0\0\0\0"));
}

static void test_long_code_is_cut(void **state)
{
	char code[300];
	const struct sb_settlement end = { .ticket = 9, .code = code, .reason = "r" };
	struct sb_frame_out frame;

	(void)state;
	memset(code, 'c', sizeof(code));
	code[sizeof(code) - 1] = '\0';
	frame = sb_frame_settled(&end);
	assert_int_equal(frame.head[2], 255);
	assert_int_equal(sb_frame_size(&frame), 16 + 255 + 1);
}

static void test_message(void **state)
{
	struct sb_delivery delivery = {
		.message = 3,
		.origin = SB_ORIGIN_LOCAL,
		.topic = "a/\xff",
		.payload = (const uint8_t *)"\xff",
		.payload_len = 1,
		.content_format = 60,
		.answer_by_ms = 1,
	};
	struct sb_frame_out frame = sb_frame_message(&delivery, true);

	(void)state;
	check_bytes(&frame, BYTES("\x84\x01\x03\0"
				  "\x3c\0\0\0"
				  "\x03\0\0\0\0\0\0\0"
				  "\xe8\x03\0\0\0\0\0\0"
				  "a/?\xff"));
	delivery.origin = SB_ORIGIN_CLOUD;
	delivery.content_format = SKYBUS_NO_FORMAT;
	delivery.payload_len = 0;
	frame = sb_frame_message(&delivery, false);
	check_bytes(&frame, BYTES("\x84\0\x03\0"
				  "\xff\xff\xff\xff"
				  "\x03\0\0\0\0\0\0\0"
				  "\0\0\0\0\0\0\0\0"
				  "a/?"));
}

static void test_answered(void **state)
{
	struct sb_error error = make_error(SB_ERROR_INVALID_ANSWER, "mend it");
	struct sb_frame_out frame = sb_frame_answered(3, 7, NULL);

	(void)state;
	check_bytes(&frame, BYTES("\x85\0\0\0\0\0\0\0"
				  "\x03\0\0\0\0\0\0\0"
				  "\x07\0\0\0\0\0\0\0"));
	frame = sb_frame_answered(3, 7, &error);
	check_bytes(&frame, BYTES("\x85\x0d\0\0\0\0\0\0"
				  "\x03\0\0\0\0\0\0\0"
				  "\0\0\0\0\0\0\0\0"
				  "InvalidAnswermend it"));
}

static void test_closed(void **state)
{
	struct sb_error error = make_error(SB_ERROR_NO_SUCH_LINK, "gone");
	struct sb_frame_out frame = sb_frame_closed(&error);

	(void)state;
	check_bytes(&frame, BYTES("\x86\x0a\0\0\0\0\0\0"
				  "NoSuchLinkgone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_publish_of_nothing),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_any_byte),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_ticket),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_settled),
		cmocka_unit_test(test_long_code_is_cut),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
