/* SPDX-License-Identifier: Apache-2.0 */
/* A frame of an app: what is taken lies within the packet, and is what docs/stream.md allows. */
#include <string.h>

#include "daemon/stream-frame.h"
#include "daemon/utf8.h"
#include "skybus/plugin.h"
#include "tests/fuzz/input.h"

static void require_within(const struct fuzz_input *in, const void *at, size_t len)
{
	const uint8_t *begin = at;

	fuzz_require(begin >= in->at && len <= in->left && begin <= in->at + in->left - len,
		     "a field lies outside the packet");
}

static void check_text(const struct fuzz_input *in, const struct sb_frame_text *text)
{
	require_within(in, text->text, text->len);
	fuzz_require(!memchr(text->text, '\0', text->len), "a text has a zero byte");
	fuzz_require(sb_utf8_good(text->text, text->len) == text->len, "a text is no UTF-8");
}

static void check_publish(const struct fuzz_input *in, const struct sb_frame_publish *frame)
{
	check_text(in, &frame->topic);
	require_within(in, frame->payload, frame->payload_len);
	fuzz_require(frame->payload + frame->payload_len == in->at + in->left,
		     "the payload ends before the packet");
	fuzz_require(frame->priority < SB_N_PRIORITIES, "a priority is none");
	fuzz_require(frame->ttl_s <= SB_FRAME_TTL_MAX, "a time-to-live is too long");
	fuzz_require(frame->content_format <= UINT16_MAX ||
			     frame->content_format == SKYBUS_NO_FORMAT,
		     "a content-format is none");
}

void fuzz_target(struct fuzz_input *in)
{
	struct sb_error error = { 0 };
	struct sb_frame frame;

	if (sb_frame_read(in->at, in->left, &frame, &error) < 0) {
		fuzz_require(error.text[0] != '\0', "a frame is refused without a word");
		return;
	}
	if (frame.type == SB_FRAME_PUBLISH) {
		check_publish(in, &frame.publish);
	} else {
		check_text(in, &frame.answer.code);
		require_within(in, frame.answer.payload, frame.answer.payload_len);
		fuzz_require(frame.answer.payload + frame.answer.payload_len == in->at + in->left,
			     "the payload ends before the packet");
	}
}
