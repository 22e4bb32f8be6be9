/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields are little-endian and have their places by docs/stream.md; the numbers below are those of its tables.
 */
#include <endian.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/loop.h"
#include "daemon/stream-frame.h"
#include "daemon/utf8.h"
#include "skybus/plugin.h"

/* What is before the first text or payload. */
#define PUBLISH_HEAD 24
#define ANSWER_HEAD 16
#define HELLO_HEAD 24
#define TICKET_HEAD 24
#define REFUSED_HEAD 16
#define SETTLED_HEAD 16
#define MESSAGE_HEAD 24
#define ANSWERED_HEAD 24
#define CLOSED_HEAD 8

_Static_assert(MESSAGE_HEAD <= SB_FRAME_HEAD_MAX && HELLO_HEAD <= SB_FRAME_HEAD_MAX &&
		       TICKET_HEAD <= SB_FRAME_HEAD_MAX && ANSWERED_HEAD <= SB_FRAME_HEAD_MAX,
	       "as large as the largest");

enum {
	IN_MEMORY = 1 << 0,
	REPLACES = 1 << 1,
	ALL_FLAGS = IN_MEMORY | REPLACES,
};

/* ---- numbers ---- */

static uint16_t get16(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));

	return le16toh(value);
}

static uint32_t get32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));

	return le32toh(value);
}

static uint64_t get64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));

	return le64toh(value);
}

static void put16(uint8_t *bytes, size_t value)
{
	uint16_t little = htole16((uint16_t)value);

	memcpy(bytes, &little, sizeof(little));
}

static void put32(uint8_t *bytes, uint32_t value)
{
	uint32_t little = htole32(value);

	memcpy(bytes, &little, sizeof(little));
}

static void put64(uint8_t *bytes, uint64_t value)
{
	uint64_t little = htole64(value);

	memcpy(bytes, &little, sizeof(little));
}

/* ---- from the app ---- */

/** struct field - bytes that have to be zero */
struct field {
	size_t at;
	size_t len;
};

static int check_zeros(const char *name, const uint8_t *bytes, const struct field *zeros,
		       struct sb_error *ret_error)
{
	for (size_t i = zeros->at; i < zeros->at + zeros->len; i++)
		if (bytes[i] != 0)
			return sb_error_set(
				ret_error, SB_ERROR_INVALID_FRAME,
				"byte %zu of a frame %s is %u, and it is not used: write 0", i,
				name, bytes[i]);

	return 0;
}

static int check_head(const char *name, size_t len, size_t head, struct sb_error *ret_error)
{
	if (len >= head)
		return 0;

	return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
			    "a frame %s has %zu bytes before its text, and this one ends at byte "
			    "%zu: send the frame whole, in one packet",
			    name, head, len);
}

/* The text of @text_len bytes that begins at byte @at of a frame of @len. */
static int read_text(const char *name, const uint8_t *bytes, size_t len, const struct field *field,
		     struct sb_frame_text *ret, struct sb_error *ret_error)
{
	const uint8_t *text = bytes + field->at;
	const uint8_t *zero;
	size_t good;

	if (field->len > len - field->at)
		return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
				    "the text at byte %zu of a frame %s is said to have %zu bytes, "
				    "and the frame ends at byte %zu: mend its length",
				    field->at, name, field->len, len);
	zero = memchr(text, 0, field->len);
	good = zero ? (size_t)(zero - text) : field->len;
	good = sb_utf8_good(text, good);
	if (good < field->len)
		return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
				    "byte %zu of a frame %s is %u, in a text that is to be UTF-8 "
				    "without zero bytes: mend the text",
				    field->at + good, name, text[good]);

	*ret = (struct sb_frame_text){ .text = (const char *)text, .len = field->len };

	return 0;
}

static int check_publish(const uint8_t *bytes, struct sb_error *ret_error)
{
	static const struct field zeros[] = { { 3, 1 }, { 22, 2 } };
	uint32_t ttl_s = get32(bytes + 4);
	uint32_t format = get32(bytes + 16);

	if (bytes[1] >= SB_N_PRIORITIES)
		return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
				    "byte 1 of a frame PUBLISH, its priority, is %u: write 0 "
				    "(bulk), 1 (normal) or 2 (urgent)",
				    bytes[1]);
	if (bytes[2] & ~ALL_FLAGS)
		return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
				    "byte 2 of a frame PUBLISH, its flags, is %u: add up 1 "
				    "(memory) and 2 (replace), or write 0",
				    bytes[2]);
	if (ttl_s > SB_FRAME_TTL_MAX)
		return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
				    "byte 4 of a frame PUBLISH, its time-to-live, is %u s: write 1 "
				    "to %u, or 0 for ever",
				    ttl_s, SB_FRAME_TTL_MAX);
	if (format > UINT16_MAX && format != SKYBUS_NO_FORMAT)
		return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
				    "byte 16 of a frame PUBLISH, its content-format, is %u: write "
				    "0 to %u, or %u for none",
				    format, UINT16_MAX, SKYBUS_NO_FORMAT);
	for (size_t i = 0; i < SB_ELEMENTS(zeros); i++) {
		int r = check_zeros("PUBLISH", bytes, &zeros[i], ret_error);

		if (r < 0)
			return r;
	}

	return 0;
}

static int read_publish(const uint8_t *bytes, size_t len, struct sb_frame_publish *ret,
			struct sb_error *ret_error)
{
	struct field topic = { .at = PUBLISH_HEAD };
	int r;

	r = check_head("PUBLISH", len, PUBLISH_HEAD, ret_error);
	if (r == 0)
		r = check_publish(bytes, ret_error);
	if (r < 0)
		return r;
	topic.len = get16(bytes + 20);
	r = read_text("PUBLISH", bytes, len, &topic, &ret->topic, ret_error);
	if (r < 0)
		return r;

	ret->priority = (enum sb_priority)bytes[1];
	ret->in_memory = (bytes[2] & IN_MEMORY) != 0;
	ret->replaces = (bytes[2] & REPLACES) != 0;
	ret->ttl_s = get32(bytes + 4);
	ret->tag = get64(bytes + 8);
	ret->content_format = get32(bytes + 16);
	ret->payload = bytes + topic.at + topic.len;
	ret->payload_len = len - topic.at - topic.len;

	return 0;
}

static int read_answer(const uint8_t *bytes, size_t len, struct sb_frame_answer *ret,
		       struct sb_error *ret_error)
{
	static const struct field zeros = { 2, 6 };
	struct field code = { .at = ANSWER_HEAD };
	int r;

	r = check_head("ANSWER", len, ANSWER_HEAD, ret_error);
	if (r == 0)
		r = check_zeros("ANSWER", bytes, &zeros, ret_error);
	if (r < 0)
		return r;
	code.len = bytes[1];
	r = read_text("ANSWER", bytes, len, &code, &ret->code, ret_error);
	if (r < 0)
		return r;

	ret->message = get64(bytes + 8);
	ret->payload = bytes + code.at + code.len;
	ret->payload_len = len - code.at - code.len;

	return 0;
}

/**
 * sb_frame_read() - a frame out of a packet
 * @bytes: @len bytes, which lend their text to the frame
 * @len: bytes
 * @ret: the frame
 * @ret_error: what is wrong at which byte
 *
 * Return: 0, or -EPROTO.
 */
int sb_frame_read(const uint8_t *bytes, size_t len, struct sb_frame *ret,
		  struct sb_error *ret_error)
{
	struct sb_frame frame = { 0 };
	int r;

	if (len == 0)
		return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
				    "a packet is empty: send a frame in each, and close the socket "
				    "to end the stream");
	switch (bytes[0]) {
	case SB_FRAME_PUBLISH:
		frame.type = SB_FRAME_PUBLISH;
		r = read_publish(bytes, len, &frame.publish, ret_error);
		break;
	case SB_FRAME_ANSWER:
		frame.type = SB_FRAME_ANSWER;
		r = read_answer(bytes, len, &frame.answer, ret_error);
		break;
	default:
		return sb_error_set(ret_error, SB_ERROR_INVALID_FRAME,
				    "byte 0 of a frame, its type, is %u: an app sends %d (PUBLISH) "
				    "and %d (ANSWER)",
				    bytes[0], SB_FRAME_PUBLISH, SB_FRAME_ANSWER);
	}
	if (r == 0)
		*ret = frame;

	return r;
}

/* ---- to the app ---- */

static struct sb_frame_out begin(enum sb_frame_type type, size_t head_len)
{
	struct sb_frame_out frame = { .head_len = head_len };

	frame.head[0] = (uint8_t)type;

	return frame;
}

/* Its length is in the byte @at; what does not fit is cut. */
static void add_short_text(struct sb_frame_out *frame, size_t at, const char *text)
{
	size_t len = strnlen(text, UINT8_MAX);

	frame->head[at] = (uint8_t)len;
	frame->parts[0] = (struct sb_frame_part){ .data = text, .len = len, .is_text = true };
}

/* Up to the end of the frame. */
static void add_last_text(struct sb_frame_out *frame, const char *text)
{
	frame->parts[1] =
		(struct sb_frame_part){ .data = text, .len = strlen(text), .is_text = true };
}

static void add_error(struct sb_frame_out *frame, const struct sb_error *why)
{
	add_short_text(frame, 1, sb_error_name(why->code));
	add_last_text(frame, why->text);
}

/**
 * sb_frame_hello() - HELLO, the first frame
 * @link: the link's name, lent to the frame
 * @limits: the bounds of the stream
 *
 * Return: the frame.
 */
struct sb_frame_out sb_frame_hello(const char *link, const struct sb_frame_limits *limits)
{
	struct sb_frame_out frame = begin(SB_FRAME_HELLO, HELLO_HEAD);

	frame.head[1] = SB_STREAM_VERSION;
	put16(frame.head + 2, SB_TOPIC_MAX);
	put32(frame.head + 4, SB_PAYLOAD_MAX);
	put32(frame.head + 8, SB_FRAME_MAX);
	put32(frame.head + 12, limits->storing);
	put32(frame.head + 16, limits->waiting);
	put32(frame.head + 20, limits->waiting_bytes);
	add_last_text(&frame, link);

	return frame;
}

/**
 * sb_frame_ticket() - TICKET: a message was accepted
 * @tag: the app's, of the message
 * @ticket: its ticket
 *
 * Return: the frame.
 */
struct sb_frame_out sb_frame_ticket(uint64_t tag, uint64_t ticket)
{
	struct sb_frame_out frame = begin(SB_FRAME_TICKET, TICKET_HEAD);

	put64(frame.head + 8, tag);
	put64(frame.head + 16, ticket);

	return frame;
}

/**
 * sb_frame_refused() - REFUSED: a message was not accepted
 * @tag: the app's, of the message
 * @why: lent to the frame
 *
 * Return: the frame.
 */
struct sb_frame_out sb_frame_refused(uint64_t tag, const struct sb_error *why)
{
	struct sb_frame_out frame = begin(SB_FRAME_REFUSED, REFUSED_HEAD);

	put64(frame.head + 8, tag);
	add_error(&frame, why);

	return frame;
}

/**
 * sb_frame_settled() - SETTLED: a message has ended
 * @settlement: how; lends its text to the frame
 *
 * Return: the frame.
 */
struct sb_frame_out sb_frame_settled(const struct sb_settlement *settlement)
{
	struct sb_frame_out frame = begin(SB_FRAME_SETTLED, SETTLED_HEAD);

	frame.head[1] = (uint8_t)settlement->outcome;
	put64(frame.head + 8, settlement->ticket);
	add_short_text(&frame, 2, settlement->code);
	add_last_text(&frame, settlement->reason);

	return frame;
}

/**
 * sb_frame_message() - MESSAGE: what matches the stream's filter
 * @delivery: lends its text to the frame
 * @answers: whether the stream may answer, and is told until when
 *
 * Return: the frame.
 */
struct sb_frame_out sb_frame_message(const struct sb_delivery *delivery, bool answers)
{
	struct sb_frame_out frame = begin(SB_FRAME_MESSAGE, MESSAGE_HEAD);
	size_t topic_len = strnlen(delivery->topic, UINT16_MAX);

	frame.head[1] = (uint8_t)delivery->origin;
	put16(frame.head + 2, topic_len);
	put32(frame.head + 4, delivery->content_format);
	put64(frame.head + 8, delivery->message);
	/* Times are milliseconds inside and microseconds outside, as on the bus. */
	if (answers)
		put64(frame.head + 16, (uint64_t)delivery->answer_by_ms * SB_USEC_PER_MSEC);
	frame.parts[0] = (struct sb_frame_part){ delivery->topic, topic_len, true };
	frame.parts[1] = (struct sb_frame_part){ delivery->payload, delivery->payload_len, false };

	return frame;
}

/**
 * sb_frame_answered() - ANSWERED: what became of an ANSWER
 * @message: that was answered
 * @ticket: of the message that carries the answer; 0 if it went to the cloud at once
 * @why: why not, lent to the frame; NULL for success
 *
 * Return: the frame.
 */
struct sb_frame_out sb_frame_answered(uint64_t message, uint64_t ticket, const struct sb_error *why)
{
	struct sb_frame_out frame = begin(SB_FRAME_ANSWERED, ANSWERED_HEAD);

	put64(frame.head + 8, message);
	if (why)
		add_error(&frame, why);
	else
		put64(frame.head + 16, ticket);

	return frame;
}

/**
 * sb_frame_closed() - CLOSED, the last frame
 * @why: lent to the frame
 *
 * Return: the frame.
 */
struct sb_frame_out sb_frame_closed(const struct sb_error *why)
{
	struct sb_frame_out frame = begin(SB_FRAME_CLOSED, CLOSED_HEAD);

	add_error(&frame, why);

	return frame;
}

/**
 * sb_frame_size() - how large a frame is
 * @frame: the frame
 *
 * Return: bytes.
 */
size_t sb_frame_size(const struct sb_frame_out *frame)
{
	size_t size = frame->head_len;

	for (size_t i = 0; i < SB_FRAME_PARTS; i++)
		size += frame->parts[i].len;

	return size;
}

/* Readers may rely on it. As with text on the bus, all that is not ASCII goes where something is wrong. */
static void make_utf8(uint8_t *text, size_t len)
{
	if (sb_utf8_good(text, len) == len)
		return;

	for (size_t i = 0; i < len; i++)
		if (text[i] >= 0x80)
			text[i] = '?';
}

/**
 * sb_frame_write() - a frame into bytes
 * @frame: the frame
 * @ret: has room for sb_frame_size() bytes
 */
void sb_frame_write(const struct sb_frame_out *frame, uint8_t *ret)
{
	memcpy(ret, frame->head, frame->head_len);
	ret += frame->head_len;
	for (size_t i = 0; i < SB_FRAME_PARTS; i++) {
		const struct sb_frame_part *part = &frame->parts[i];

		if (part->len == 0)
			continue;
		memcpy(ret, part->data, part->len);
		if (part->is_text)
			make_utf8(ret, part->len);
		ret += part->len;
	}
}
