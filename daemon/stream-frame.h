/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The frames of a stream, as docs/stream.md has them: out of bytes, and into bytes. Nothing else is done
 * here, and nothing is copied before sb_frame_write().
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/error.h"
#include "daemon/hub.h"
#include "daemon/message.h"
#include "daemon/store.h"

/** What HELLO says; a new one when a frame of these gets another form. */
#define SB_STREAM_VERSION 1

/** The largest frame, both ways. Whether a topic or a payload in it is too long, the link says. */
#define SB_FRAME_MAX (128 * 1024)

/** The longest time-to-live, seconds; as with the option of PublishWith. */
#define SB_FRAME_TTL_MAX (UINT32_C(365) * 86400)

/* X(constant, number): the first byte of each frame */
#define SB_FRAMES(X)              \
	/* from the app */        \
	X(SB_FRAME_PUBLISH, 1)    \
	X(SB_FRAME_ANSWER, 2)     \
	/* to the app */          \
	X(SB_FRAME_HELLO, 128)    \
	X(SB_FRAME_TICKET, 129)   \
	X(SB_FRAME_REFUSED, 130)  \
	X(SB_FRAME_SETTLED, 131)  \
	X(SB_FRAME_MESSAGE, 132)  \
	X(SB_FRAME_ANSWERED, 133) \
	X(SB_FRAME_CLOSED, 134)

enum sb_frame_type {
#define SB_FRAME_CONSTANT(constant, number) constant = (number),
	SB_FRAMES(SB_FRAME_CONSTANT)
#undef SB_FRAME_CONSTANT
};

/* ---- from the app ---- */

/** struct sb_frame_text - text in a frame: UTF-8 without a zero byte, and none behind it */
struct sb_frame_text {
	const char *text;
	size_t len;
};

/** struct sb_frame_publish - a message, and the number under which the app knows it */
struct sb_frame_publish {
	uint64_t tag;
	enum sb_priority priority;
	bool in_memory;
	bool replaces;
	uint32_t ttl_s; /* 0 for never */
	uint32_t content_format; /* or SKYBUS_NO_FORMAT */
	struct sb_frame_text topic; /* may be too long, or none */
	const uint8_t *payload;
	size_t payload_len;
};

/** struct sb_frame_answer - an answer to a MESSAGE */
struct sb_frame_answer {
	uint64_t message;
	struct sb_frame_text code; /* at most 255 bytes */
	const uint8_t *payload;
	size_t payload_len;
};

/** struct sb_frame - one from the app; everything is lent by the bytes that it was read from */
struct sb_frame {
	enum sb_frame_type type; /* one of the two */
	union {
		struct sb_frame_publish publish;
		struct sb_frame_answer answer;
	};
};

int sb_frame_read(const uint8_t *bytes, size_t len, struct sb_frame *ret,
		  struct sb_error *ret_error);

/* ---- to the app ---- */

#define SB_FRAME_HEAD_MAX 24
#define SB_FRAME_PARTS 2

/** struct sb_frame_part - what follows the head; lent */
struct sb_frame_part {
	const void *data;
	size_t len;
	bool is_text; /* and is made UTF-8 if it is not */
};

/** struct sb_frame_out - a frame to the app */
struct sb_frame_out {
	uint8_t head[SB_FRAME_HEAD_MAX];
	size_t head_len;
	struct sb_frame_part parts[SB_FRAME_PARTS];
};

/** struct sb_frame_limits - what HELLO tells of bounds */
struct sb_frame_limits {
	uint32_t storing; /* messages and answers on their way */
	uint32_t waiting; /* MESSAGE frames that the app has not read */
	uint32_t waiting_bytes;
};

struct sb_frame_out sb_frame_hello(const char *link, const struct sb_frame_limits *limits);
struct sb_frame_out sb_frame_ticket(uint64_t tag, uint64_t ticket);
struct sb_frame_out sb_frame_refused(uint64_t tag, const struct sb_error *why);
struct sb_frame_out sb_frame_settled(const struct sb_settlement *settlement);
struct sb_frame_out sb_frame_message(const struct sb_delivery *delivery, bool answers);
struct sb_frame_out sb_frame_answered(uint64_t message, uint64_t ticket,
				      const struct sb_error *why);
struct sb_frame_out sb_frame_closed(const struct sb_error *why);

size_t sb_frame_size(const struct sb_frame_out *frame);
void sb_frame_write(const struct sb_frame_out *frame, uint8_t *ret);
