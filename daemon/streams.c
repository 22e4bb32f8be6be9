/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/cleanup.h"
#include "daemon/descriptor.h"
#include "daemon/streams.h"

static int compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void take_out(struct sb_streams *streams, struct sb_stream *stream)
{
	(void)tdelete(stream, &streams->by_number, compare_numbers);
	TAILQ_REMOVE(&streams->all, stream, entry);
	streams->n--;
	(void)sb_stream_free(stream);
}

static void streams_on_ended(void *userdata, struct sb_stream *stream)
{
	take_out(userdata, stream);
}

static void close_stream(struct sb_streams *streams, struct sb_stream *stream,
			 const struct sb_error *why)
{
	if (!stream->deaf)
		sb_stream_say_closed(stream, stream->ending ? &stream->why : why);
	take_out(streams, stream);
}

/**
 * sb_streams_init() - no streams
 * @streams: to be set up
 * @loop: outlives them
 * @hub: likewise
 */
void sb_streams_init(struct sb_streams *streams, struct sb_loop *loop, struct sb_hub *hub)
{
	*streams = (struct sb_streams){
		.parts = { .loop = loop,
			   .hub = hub,
			   .ended = streams_on_ended,
			   .userdata = streams },
	};
	TAILQ_INIT(&streams->all);
}

/**
 * sb_streams_done() - the daemon ends: close all streams
 * @streams: while their links are there
 */
void sb_streams_done(struct sb_streams *streams)
{
	struct sb_error why;

	(void)sb_error_set(&why, SB_ERROR_FAILED,
			   "the daemon ends: open a stream again when it is back, and ask for the "
			   "tickets that have not settled");
	while (!TAILQ_EMPTY(&streams->all))
		close_stream(streams, TAILQ_FIRST(&streams->all), &why);
	free(streams->parts.buffer);
	streams->parts.buffer = NULL;
}

/* ---- opening ---- */

/* The app's end blocks, as a descriptor does unless it is asked not to; ours is never waited for anyway. */
static int open_pair(int *ret_ours, int *ret_theirs)
{
	const int bytes = SB_STREAM_SOCKET_BYTES;
	int fds[2] = { -1, -1 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	for (size_t i = 0; i < SB_ELEMENTS(fds); i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	*ret_ours = sb_descriptor_move_up(fds[0]);
	*ret_theirs = fds[1];

	return 0;
}

static int enter(struct sb_streams *streams, struct sb_stream *stream)
{
	if (!tsearch(stream, &streams->by_number, compare_numbers))
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&streams->all, stream, entry);
	streams->n++;

	return 0;
}

static int open_stream(struct sb_streams *streams, const struct sb_stream_terms *terms, int fd,
		       struct sb_error *ret_error)
{
	struct sb_stream *stream;
	int r;

	if (!streams->parts.buffer)
		streams->parts.buffer = malloc(SB_FRAME_MAX);
	if (!streams->parts.buffer)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "no memory for a stream");
	r = sb_stream_new(&streams->parts, ++streams->last_number, terms, fd, &stream, ret_error);
	if (r < 0)
		return r;
	r = enter(streams, stream);
	if (r < 0) {
		stream->fd = -1;
		stream->guard = (struct sb_stream_guard){ 0 };
		(void)sb_stream_free(stream);
		return sb_error_set(ret_error, SB_ERROR_FAILED, "no memory for a stream");
	}

	return 0;
}

/**
 * sb_streams_open() - a new stream
 * @streams: all of them
 * @terms: what the app asks for
 * @ret_fd: the app's end of its socket, the caller's
 * @ret_error: why not, on failure
 *
 * Return: 0; -EINVAL for a filter that breaks the rules; -ENOBUFS when there are too many; -EIO.
 */
int sb_streams_open(struct sb_streams *streams, const struct sb_stream_terms *terms, int *ret_fd,
		    struct sb_error *ret_error)
{
	SB_CLEANUP(sb_close) int ours = -1;
	SB_CLEANUP(sb_close) int theirs = -1;
	int r;

	if (streams->n >= SB_STREAMS_MAX)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
				    "%d streams are open, the most that may: close some of them",
				    SB_STREAMS_MAX);
	r = open_pair(&ours, &theirs);
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "a stream cannot be made: %s",
				    strerror(-r));
	r = open_stream(streams, terms, ours, ret_error);
	if (r < 0)
		return r;
	*ret_fd = theirs;
	ours = -1; /* the stream's */
	theirs = -1; /* the caller's */

	return 0;
}

/* ---- all of them ---- */

static struct sb_stream *find(const struct sb_streams *streams, const char *sender)
{
	struct sb_stream *const *found;
	uint64_t number;

	if (!sender || strncmp(sender, SB_STREAM_NAME, strlen(SB_STREAM_NAME)) != 0)
		return NULL;
	number = strtoull(sender + strlen(SB_STREAM_NAME), NULL, 10);
	found = tfind(&number, &streams->by_number, compare_numbers);

	return found ? *found : NULL;
}

/**
 * sb_streams_settled() - tell the stream that published a message of its end
 * @streams: all of them
 * @settled: what has ended
 *
 * Return: whether it was published by a stream that is still there.
 */
bool sb_streams_settled(struct sb_streams *streams, const struct sb_settled *settled)
{
	struct sb_stream *stream = find(streams, settled->sender);

	if (!stream)
		return false;
	sb_stream_settled(stream, &settled->settlement);

	return true;
}

/**
 * sb_streams_close_unless() - close streams, and say why
 * @streams: all of them
 * @keep: asked for each
 * @userdata: for @keep
 * @why: what their apps are told
 */
void sb_streams_close_unless(struct sb_streams *streams, sb_streams_keep_fn *keep, void *userdata,
			     const struct sb_error *why)
{
	struct sb_stream *stream;
	struct sb_stream *next;

	for (stream = TAILQ_FIRST(&streams->all); stream; stream = next) {
		next = TAILQ_NEXT(stream, entry);
		if (!keep(userdata, stream))
			close_stream(streams, stream, why);
	}
}

/**
 * sb_streams_link_replaced() - another link has taken the place of one; its streams go on
 * @streams: all of them
 * @old: is about to go
 * @link: of the same name
 */
void sb_streams_link_replaced(struct sb_streams *streams, const struct sb_link *old,
			      struct sb_link *link)
{
	struct sb_stream *stream;

	TAILQ_FOREACH(stream, &streams->all, entry)
		if (stream->link == old)
			stream->link = link;
}

static bool is_of_another(void *userdata, const struct sb_stream *stream)
{
	return stream->link != userdata;
}

/**
 * sb_streams_link_gone() - close the streams of a link
 * @streams: all of them
 * @link: is about to go
 */
void sb_streams_link_gone(struct sb_streams *streams, struct sb_link *link)
{
	struct sb_error why;

	(void)sb_error_set(&why, SB_ERROR_NO_SUCH_LINK,
			   "the link %s is no longer in the configuration", sb_link_name(link));
	sb_streams_close_unless(streams, is_of_another, link, &why);
}
