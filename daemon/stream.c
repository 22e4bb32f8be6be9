/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream ends in a task of its own, never from within what noticed that: a message that finds its queue
 * full comes in the middle of a delivery.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/stream-frame.h"
#include "daemon/stream.h"

/* So many frames gather before they are written, unless the loop has nothing else to do. */
#define WRITE_AT 64

/* What CLOSED may take beyond what the socket is full of, bytes; the kernel counts an overhead too. */
#define ROOM_TO_CLOSE (256 * 1024)

SB_DEFINE_CLEANUP(struct sb_stream *, sb_stream_free)

/* Watches for what there is to do. */
static void watch(struct sb_stream *stream)
{
	uint32_t events = sb_stream_may_read(stream) ? EPOLLIN : 0;
	struct sb_error why;

	if (stream->blocked && !stream->ending)
		events |= EPOLLOUT;
	if (events == stream->events)
		return;
	stream->events = events;
	if (sb_watch_change(stream->watch, events) < 0) {
		(void)sb_error_set(&why, SB_ERROR_FAILED,
				   "the socket cannot be watched: open a stream again");
		sb_stream_end(stream, &why);
	}
}

/* ---- to the app ---- */

static void write_frames(struct sb_stream *stream)
{
	int r = sb_stream_queue_write(&stream->queue, stream->fd);

	stream->blocked = r == -EAGAIN;
	if (r == 0 || r == -EAGAIN)
		return;
	stream->deaf = true;
	sb_stream_queue_clear(&stream->queue);
	if (r == -EPIPE || r == -ECONNRESET)
		return; /* there may be more to read */
	sb_log(LOG_DEBUG, "%s cannot be written to: %s", stream->name, strerror(-r));
	sb_stream_end(stream, NULL);
}

/**
 * sb_stream_tell() - write a frame to the app, soon
 * @stream: the stream
 * @frame: copied
 */
void sb_stream_tell(struct sb_stream *stream, const struct sb_frame_out *frame)
{
	struct sb_error why;

	if (stream->deaf || stream->ending)
		return;
	if (sb_stream_queue_add(&stream->queue, frame) < 0) {
		(void)sb_error_set(&why, SB_ERROR_FAILED,
				   "no memory for what the stream has to tell: open another later");
		sb_stream_end(stream, &why);
		return;
	}
	sb_task_schedule(&stream->write);
	if (!stream->blocked && stream->queue.waiting.messages >= WRITE_AT)
		write_frames(stream);
}

static void stream_on_write(struct sb_task *task)
{
	struct sb_stream *stream = sb_container_of(task, struct sb_stream, write);

	if (!stream->blocked && !stream->deaf)
		write_frames(stream);
	watch(stream);
}

/* Would a frame of @size go beyond what may wait of its type, also when the socket has been tried again? */
static bool is_full(struct sb_stream *stream, enum sb_frame_type type, size_t size)
{
	bool ends = type == SB_FRAME_SETTLED;
	const struct sb_tally *waiting = sb_stream_queue_waiting(&stream->queue, type);
	const struct sb_tally most = {
		ends ? SB_STREAM_ENDS_MAX : SB_STREAM_MESSAGES_MAX,
		ends ? SB_STREAM_ENDS_BYTES_MAX : SB_STREAM_MESSAGES_BYTES_MAX,
	};

	if (waiting->messages < most.messages && waiting->bytes + size <= most.bytes)
		return false;
	write_frames(stream);

	return waiting->messages >= most.messages || waiting->bytes + size > most.bytes;
}

/* What nobody asked for at this moment: where it finds no room, the stream ends. */
static void tell_unasked(struct sb_stream *stream, const struct sb_frame_out *frame)
{
	enum sb_frame_type type = frame->head[0];
	size_t size = sb_frame_size(frame);
	struct sb_error why;

	if (stream->deaf || stream->ending)
		return;
	if (size > SB_FRAME_MAX) {
		(void)sb_error_set(&why, SB_ERROR_TOO_LARGE,
				   "a message has come that takes %zu bytes, and a frame has at "
				   "most %d: subscribe to its topic on the bus instead",
				   size, SB_FRAME_MAX);
		sb_stream_end(stream, &why);
	} else if (is_full(stream, type, size)) {
		(void)sb_error_set(&why, SB_ERROR_QUEUE_FULL,
				   "the app does not read fast enough, and %" PRIu64 " %s wait for "
				   "it, the most that may: read while you publish, or use a "
				   "narrower filter, and open a stream again",
				   sb_stream_queue_waiting(&stream->queue, type)->messages,
				   type == SB_FRAME_MESSAGE ? "messages" : "ends of messages");
		sb_stream_end(stream, &why);
	} else {
		sb_stream_tell(stream, frame);
	}
}

/**
 * sb_stream_settled() - a message of the stream has ended
 * @stream: the stream
 * @settlement: how
 */
void sb_stream_settled(struct sb_stream *stream, const struct sb_settlement *settlement)
{
	struct sb_frame_out frame = sb_frame_settled(settlement);

	tell_unasked(stream, &frame);
}

static void stream_on_delivery(void *userdata, struct sb_subscription *subscription,
			       const struct sb_delivery *delivery)
{
	struct sb_stream *stream = userdata;
	struct sb_frame_out frame = sb_frame_message(delivery, stream->answers);

	(void)subscription;
	tell_unasked(stream, &frame);
}

/* ---- events ---- */

static void stream_on_events(void *userdata, uint32_t events)
{
	struct sb_stream *stream = userdata;

	/* Whether anybody reads any more, writing shows. */
	if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && !stream->deaf)
		write_frames(stream);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		sb_stream_take_in(stream);
	watch(stream);
}

static void stream_on_pause_over(struct sb_timer *timer)
{
	watch(sb_container_of(timer, struct sb_stream, pause));
}

/**
 * sb_stream_pause() - read nothing for a while
 * @stream: the stream; may be called from within its guard
 * @usec: how long, µs; counts from now, whatever was before
 */
void sb_stream_pause(struct sb_stream *stream, uint64_t usec)
{
	sb_timer_arm(&stream->pause, usec);
	sb_task_schedule(&stream->write);
}

/* ---- life ---- */

static void stream_on_end(struct sb_task *task)
{
	struct sb_stream *stream = sb_container_of(task, struct sb_stream, end);

	if (!stream->deaf)
		sb_stream_say_closed(stream, &stream->why);
	stream->parts->ended(stream->parts->userdata, stream);
}

/**
 * sb_stream_end() - the stream is over; soon its owner is told, who frees it
 * @stream: the stream; the first reason counts
 * @why: what the app is told; NULL when there is nobody to tell
 */
void sb_stream_end(struct sb_stream *stream, const struct sb_error *why)
{
	if (stream->ending)
		return;

	stream->ending = true;
	if (why)
		stream->why = *why;
	else
		stream->deaf = true;
	sb_log_link(sb_link_name(stream->link), LOG_DEBUG, "%s ends: %s", stream->name,
		    why ? why->text : "the app has closed it");
	sb_task_schedule(&stream->end);
	watch(stream);
}

static void say_how_many_are_lost(struct sb_error *why, uint64_t n)
{
	size_t len = strlen(why->text);

	if (n > 0)
		(void)snprintf(why->text + len, sizeof(why->text) - len,
			       " (%" PRIu64 " frames before this one were not sent)", n);
}

/*
 * A socket that is closed while it holds frames of the app would have the app's next recv() fail instead of
 * returning what we have sent. The app cannot send any more by then, so this ends.
 */
static void leave_nothing_unread(int fd)
{
	uint8_t byte;

	(void)shutdown(fd, SHUT_RD);
	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) > 0)
		;
}

/**
 * sb_stream_say_closed() - tell the app that its stream is over, as far as the socket takes it
 * @stream: to be freed next
 * @why: what the app is told
 */
void sb_stream_say_closed(struct sb_stream *stream, const struct sb_error *why)
{
	const int room = SB_STREAM_SOCKET_BYTES + ROOM_TO_CLOSE;
	struct sb_error told = *why;
	struct sb_frame_out frame;

	(void)sb_stream_queue_write(&stream->queue, stream->fd);
	say_how_many_are_lost(&told, stream->queue.waiting.messages);
	sb_stream_queue_clear(&stream->queue);
	(void)setsockopt(stream->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	frame = sb_frame_closed(&told);
	if (sb_stream_queue_add(&stream->queue, &frame) == 0)
		(void)sb_stream_queue_write(&stream->queue, stream->fd);
	leave_nothing_unread(stream->fd);
	stream->deaf = true;
}

static int subscribe(struct sb_stream *stream, const struct sb_interest *interest,
		     struct sb_error *ret_error)
{
	if (*interest->filter == '\0')
		return 0;
	stream->answers = interest->answers;

	return sb_hub_subscribe(stream->parts->hub, interest, stream_on_delivery, stream,
				&stream->subscription, ret_error);
}

static int begin(struct sb_stream *stream, struct sb_error *ret_error)
{
	const struct sb_frame_limits limits = {
		.storing = SB_STREAM_TAGS_MAX,
		.waiting = SB_STREAM_MESSAGES_MAX,
		.waiting_bytes = SB_STREAM_MESSAGES_BYTES_MAX,
	};
	struct sb_frame_out hello = sb_frame_hello(sb_link_name(stream->link), &limits);
	int r = -ENOMEM;

	stream->events = EPOLLIN;
	stream->tags = sb_stream_tags_new(stream);
	if (stream->tags)
		r = sb_watch_new(stream->parts->loop, stream->fd, stream->events, stream_on_events,
				 stream, &stream->watch);
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "the stream cannot be made: %s",
				    strerror(-r));
	sb_stream_tell(stream, &hello);

	return 0;
}

/**
 * sb_stream_new() - a stream at our end of a socket
 * @parts: outlive it
 * @number: one that no stream ever had
 * @terms: copied, but for what is said to be lent
 * @fd: SOCK_SEQPACKET; the callee's, if it succeeds
 * @ret: the stream, the caller's
 * @ret_error: why not, on failure
 *
 * Return: 0; -EINVAL for a filter that breaks the rules, -EIO.
 */
int sb_stream_new(const struct sb_stream_parts *parts, uint64_t number,
		  const struct sb_stream_terms *terms, int fd, struct sb_stream **ret,
		  struct sb_error *ret_error)
{
	SB_CLEANUP(sb_stream_free) struct sb_stream *stream = calloc(1, sizeof(*stream));
	int r;

	if (!stream)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "no memory for a stream");
	stream->parts = parts;
	stream->number = number;
	(void)snprintf(stream->name, sizeof(stream->name), SB_STREAM_NAME "%" PRIu64, number);
	stream->link = terms->link;
	stream->owner = terms->owner;
	stream->fd = fd;
	sb_task_init(&stream->write, parts->loop, stream_on_write);
	sb_task_init(&stream->end, parts->loop, stream_on_end);
	sb_timer_init(&stream->pause, parts->loop, stream_on_pause_over);
	r = begin(stream, ret_error);
	if (r == 0)
		r = subscribe(stream, &terms->interest, ret_error);
	if (r < 0) {
		stream->fd = -1;
		return r;
	}
	stream->guard = terms->guard;
	*ret = SB_STEAL(stream);

	return 0;
}

/**
 * sb_stream_free() - free a stream; what it has published stays
 * @stream: may be NULL or half-built; not from within a delivery
 *
 * Return: NULL.
 */
struct sb_stream *sb_stream_free(struct sb_stream *stream)
{
	if (!stream)
		return NULL;

	(void)sb_subscription_free(stream->subscription);
	sb_task_cancel(&stream->write);
	sb_task_cancel(&stream->end);
	sb_timer_disarm(&stream->pause);
	(void)sb_watch_free(stream->watch);
	(void)sb_stream_tags_free(stream->tags);
	sb_stream_queue_clear(&stream->queue);
	if (stream->guard.free)
		stream->guard.free(stream->guard.userdata);
	if (stream->fd >= 0)
		(void)close(stream->fd);
	free(stream);

	return NULL;
}
