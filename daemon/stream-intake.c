/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the app hands in by its stream.
 *
 * An app may write, close its end and go. What it has written is read all the same and published, as are the
 * calls of an app that leaves the bus at once; only the answers have nobody to go to.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/stream-frame.h"
#include "daemon/stream.h"

/* Then others get their turn. */
#define FRAMES_A_TURN 64

SB_DEFINE_CLEANUP(struct sb_message *, sb_message_free)

/**
 * sb_stream_may_read() - is there room for another frame of the app
 * @stream: the stream
 *
 * Return: whether.
 */
bool sb_stream_may_read(const struct sb_stream *stream)
{
	return !stream->ending && !sb_timer_armed(&stream->pause) &&
	       sb_stream_tags_used(stream->tags) < SB_STREAM_TAGS_MAX &&
	       sb_stream_tags_bytes(stream->tags) < SB_STREAM_TAGS_BYTES_MAX &&
	       stream->queue.waiting.messages < SB_STREAM_UNREAD_MAX;
}

static void stream_on_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	struct sb_frame_out frame;
	struct sb_stream *stream;
	uint64_t tag;

	stream = sb_stream_tag_end(userdata, &tag);
	if (!stream)
		return;
	frame = error ? sb_frame_refused(tag, error) : sb_frame_ticket(tag, ticket);
	sb_stream_tell(stream, &frame);
	sb_task_schedule(&stream->write);
}

static struct sb_message *make_message(const struct sb_stream *stream,
				       const struct sb_frame_publish *frame)
{
	char topic[SB_TOPIC_MAX + 1];
	struct sb_message *message;

	memcpy(topic, frame->topic.text, frame->topic.len);
	topic[frame->topic.len] = '\0';
	message = sb_message_new(topic, frame->payload, frame->payload_len, stream->name);
	if (!message)
		return NULL;
	message->owner = stream->owner;
	message->priority = frame->priority;
	message->in_memory = frame->in_memory;
	message->replaces = frame->replaces;
	message->ttl_s = frame->ttl_s;
	message->content_format = frame->content_format;

	return message;
}

static int permit(struct sb_stream *stream, const struct sb_message *message,
		  struct sb_error *ret_error)
{
	const struct sb_stream_guard *guard = &stream->guard;

	return guard->permit ? guard->permit(guard->userdata, stream, message, ret_error) : 0;
}

static int publish(struct sb_stream *stream, const struct sb_frame_publish *frame,
		   struct sb_error *ret_error)
{
	SB_CLEANUP(sb_message_free) struct sb_message *message = NULL;
	struct sb_stream_tag *tag;
	int r;

	if (frame->topic.len > SB_TOPIC_MAX)
		return sb_error_set(ret_error, SB_ERROR_INVALID_TOPIC,
				    "a topic has 1 to %d bytes, this one %zu", SB_TOPIC_MAX,
				    frame->topic.len);
	message = make_message(stream, frame);
	if (!message)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: publish again in a while");
	r = permit(stream, message, ret_error);
	if (r < 0)
		return r;
	tag = sb_stream_tag_new(stream->tags, frame->tag, sb_message_size(message));
	r = sb_link_publish(stream->link, message, stream_on_published, tag, ret_error);
	if (r < 0)
		(void)sb_stream_tag_end(tag, NULL);
	else
		(void)SB_STEAL(message);

	return r;
}

static void take_publish(struct sb_stream *stream, const struct sb_frame_publish *frame)
{
	struct sb_error why = { 0 };
	struct sb_frame_out refused;

	if (publish(stream, frame, &why) == 0)
		return;
	refused = sb_frame_refused(frame->tag, &why);
	sb_stream_tell(stream, &refused);
}

static void stream_on_answered(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	struct sb_frame_out frame;
	struct sb_stream *stream;
	uint64_t message;

	stream = sb_stream_tag_end(userdata, &message);
	if (!stream)
		return;
	frame = sb_frame_answered(message, ticket, error);
	sb_stream_tell(stream, &frame);
	sb_task_schedule(&stream->write);
}

static int permit_answer(struct sb_stream *stream, const struct sb_frame_answer *frame,
			 struct sb_error *ret_error)
{
	const char *topic = sb_link_command_topic(stream->link, frame->message);
	const struct sb_stream_guard *guard = &stream->guard;

	if (!guard->permit_answer)
		return 0;

	return guard->permit_answer(guard->userdata, stream, topic, frame->payload_len, ret_error);
}

static int answer(struct sb_stream *stream, const struct sb_frame_answer *frame,
		  struct sb_error *ret_error)
{
	char code[UINT8_MAX + 1];
	const struct sb_answer given = {
		.message = frame->message,
		.code = code,
		.payload = frame->payload,
		.payload_len = frame->payload_len,
		.sender = stream->name,
		.owner = stream->owner,
	};
	struct sb_stream_tag *tag;
	int r;

	if (!stream->answers)
		return sb_error_set(ret_error, SB_ERROR_NO_SUCH_MESSAGE,
				    "this stream was not opened to answer: call OpenStream with "
				    "the option answer=yes");
	r = permit_answer(stream, frame, ret_error);
	if (r < 0)
		return r;
	(void)snprintf(code, sizeof(code), "%.*s", (int)frame->code.len, frame->code.text);
	tag = sb_stream_tag_new(stream->tags, frame->message, frame->payload_len);
	r = sb_link_answer(stream->link, &given, stream_on_answered, tag, ret_error);
	if (r < 0)
		(void)sb_stream_tag_end(tag, NULL);

	return r;
}

static void take_answer(struct sb_stream *stream, const struct sb_frame_answer *frame)
{
	struct sb_error why = { 0 };
	struct sb_frame_out failed;

	if (answer(stream, frame, &why) == 0)
		return;
	failed = sb_frame_answered(frame->message, 0, &why);
	sb_stream_tell(stream, &failed);
}

static void take_frame(struct sb_stream *stream, const uint8_t *bytes, size_t len)
{
	struct sb_error why = { 0 };
	struct sb_frame frame;

	if (len > SB_FRAME_MAX) {
		(void)sb_error_set(&why, SB_ERROR_INVALID_FRAME,
				   "a frame has %zu bytes, and it may have %d: see HELLO for what "
				   "topics and payloads may have",
				   len, SB_FRAME_MAX);
		sb_stream_end(stream, &why);
	} else if (sb_frame_read(bytes, len, &frame, &why) < 0) {
		sb_stream_end(stream, &why);
	} else if (frame.type == SB_FRAME_PUBLISH) {
		take_publish(stream, &frame.publish);
	} else {
		take_answer(stream, &frame.answer);
	}
}

/* The end of the app's side looks like an empty packet, and then there is nobody to complain to. */
static bool read_frame(struct sb_stream *stream)
{
	uint8_t *bytes = stream->parts->buffer;
	ssize_t len;

	do
		len = recv(stream->fd, bytes, SB_FRAME_MAX, MSG_DONTWAIT | MSG_TRUNC);
	while (len < 0 && errno == EINTR);
	if (len >= 0) {
		take_frame(stream, bytes, (size_t)len);
		return true;
	}
	if (errno == EAGAIN)
		return false;
	/* It went and left some of ours unread, which the kernel says once; its own come next. */
	if (errno == ECONNRESET)
		return true;
	sb_log(LOG_DEBUG, "%s cannot be read from: %s", stream->name, strerror(errno));
	sb_stream_end(stream, NULL);

	return false;
}

/**
 * sb_stream_take_in() - read what the app has sent, as much as its turn allows
 * @stream: the stream
 */
void sb_stream_take_in(struct sb_stream *stream)
{
	unsigned int n = 0;

	while (n++ < FRAMES_A_TURN && sb_stream_may_read(stream) && read_frame(stream))
		;
}
