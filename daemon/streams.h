/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All streams of the daemon: opened for apps, and found again by the name under which they publish.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/outbox.h"
#include "daemon/stream.h"

/** How many there may be, all together. How many of one user is in the section "callers:". */
#define SB_STREAMS_MAX 512

/** struct sb_streams - embedded in its owner */
struct sb_streams {
	struct sb_stream_parts parts;
	TAILQ_HEAD(, sb_stream) all;
	size_t n;
	void *by_number; /* tsearch(3) */
	uint64_t last_number;
};

/** Is this stream to stay? */
typedef bool sb_streams_keep_fn(void *userdata, const struct sb_stream *stream);

void sb_streams_init(struct sb_streams *streams, struct sb_loop *loop, struct sb_hub *hub);
void sb_streams_done(struct sb_streams *streams);

int sb_streams_open(struct sb_streams *streams, const struct sb_stream_terms *terms, int *ret_fd,
		    struct sb_error *ret_error);
bool sb_streams_settled(struct sb_streams *streams, const struct sb_settled *settled);
void sb_streams_close_unless(struct sb_streams *streams, sb_streams_keep_fn *keep, void *userdata,
			     const struct sb_error *why);
void sb_streams_link_replaced(struct sb_streams *streams, const struct sb_link *old,
			      struct sb_link *link);
void sb_streams_link_gone(struct sb_streams *streams, struct sb_link *link);
