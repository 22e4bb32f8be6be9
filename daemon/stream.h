/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A stream: a SOCK_SEQPACKET socket by which an app publishes to one link, and gets messages of it, past the
 * bus. docs/stream.md has its frames.
 *
 *   app ──PUBLISH, ANSWER──▶ socket ──▶ read, while few are on their way ──▶ the link
 *   app ◀──TICKET, MESSAGE … socket ◀── queue, bounded ◀── completions, ends, the hub
 *
 * An app that publishes too fast is slowed down: nothing is read while much of its own is on its way to
 * disk, or while it does not read itself. An app that does not read what others send loses its stream.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/error.h"
#include "daemon/hub.h"
#include "daemon/link.h"
#include "daemon/loop.h"
#include "daemon/stream-queue.h"
#include "daemon/stream-tags.h"

struct sb_stream;

/** What its messages have as their sender, before its number. */
#define SB_STREAM_NAME "stream/"

/** What is asked of the kernel as the buffer of each end: room for a few of the largest frames. */
#define SB_STREAM_SOCKET_BYTES (128 * 1024)

/** What may wait for an app to read it. Of ends, many may come at once: those of all that it published. */
#define SB_STREAM_MESSAGES_MAX 1000
#define SB_STREAM_MESSAGES_BYTES_MAX (1024 * 1024)
#define SB_STREAM_ENDS_MAX 8192
#define SB_STREAM_ENDS_BYTES_MAX (1024 * 1024)

/** Nothing is read from an app for which so many frames of all kinds wait. */
#define SB_STREAM_UNREAD_MAX 1000

/**
 * struct sb_stream_guard - what the app may do; the stream's
 * @permit: asked for each message, and may pause the stream; returns 0, or a negative errno with @ret_error.
 *	NULL: all is permitted
 * @permit_answer: likewise for each answer, with the topic of the command; NULL where no such command waits
 * @free: called when the stream goes; may be NULL
 * @userdata: for all of them
 */
struct sb_stream_guard {
	int (*permit)(void *userdata, struct sb_stream *stream, const struct sb_message *message,
		      struct sb_error *ret_error);
	int (*permit_answer)(void *userdata, struct sb_stream *stream, const char *topic,
			     size_t payload_len, struct sb_error *ret_error);
	void (*free)(void *userdata);
	void *userdata;
};

/** struct sb_stream_terms - what an app asks for */
struct sb_stream_terms {
	struct sb_link *link; /* outlives the stream */
	struct sb_interest interest; /* in messages of this link; the filter is "" for none */
	uint32_t owner; /* a uid, or SB_NO_OWNER */
	struct sb_stream_guard guard; /* the callee's, if it succeeds */
};

typedef void sb_stream_ended_fn(void *userdata, struct sb_stream *stream);

/** struct sb_stream_parts - what streams work with; all of it outlives them */
struct sb_stream_parts {
	struct sb_loop *loop;
	struct sb_hub *hub;
	uint8_t *buffer; /* SB_FRAME_MAX bytes, for a frame that is being read */
	sb_stream_ended_fn *ended; /* the stream has ended and is to be freed */
	void *userdata;
};

/**
 * struct sb_stream - one
 * @number: never used again; the key, at the beginning
 * @entry: its owner's
 * @name: as the sender of its messages
 * @link: lent
 * @fd: our end of the socket
 * @events: what is watched there
 * @subscription: NULL if it only publishes
 * @queue: frames that the socket has not taken yet
 * @blocked: it takes none at present
 * @deaf: the app has closed its end, or has been told the last: there is nobody to tell
 * @write: writes what has gathered, and looks whether more can be read
 * @pause: runs while nothing is read
 * @ending: it is over, and @end tells its owner
 * @why: what the app is told of that, if it can be told
 */
struct sb_stream {
	uint64_t number;
	TAILQ_ENTRY(sb_stream) entry;
	const struct sb_stream_parts *parts;
	char name[32];
	struct sb_link *link;
	uint32_t owner;
	bool answers;
	struct sb_stream_guard guard;
	int fd;
	struct sb_watch *watch;
	uint32_t events;
	struct sb_subscription *subscription;
	struct sb_stream_tags *tags;
	struct sb_stream_queue queue;
	bool blocked;
	bool deaf;
	struct sb_task write;
	struct sb_timer pause;
	bool ending;
	struct sb_task end;
	struct sb_error why;
};

int sb_stream_new(const struct sb_stream_parts *parts, uint64_t number,
		  const struct sb_stream_terms *terms, int fd, struct sb_stream **ret,
		  struct sb_error *ret_error);
struct sb_stream *sb_stream_free(struct sb_stream *stream);
void sb_stream_settled(struct sb_stream *stream, const struct sb_settlement *settlement);
void sb_stream_pause(struct sb_stream *stream, uint64_t usec);
void sb_stream_end(struct sb_stream *stream, const struct sb_error *why);
void sb_stream_say_closed(struct sb_stream *stream, const struct sb_error *why);

/* ---- between stream.c and stream-intake.c ---- */

void sb_stream_tell(struct sb_stream *stream, const struct sb_frame_out *frame);
bool sb_stream_may_read(const struct sb_stream *stream);
void sb_stream_take_in(struct sb_stream *stream);
