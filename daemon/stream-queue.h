/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The frames of a stream that its socket has not taken yet, in their order. They are bytes in one buffer,
 * which grows as they gather and shrinks when all are written. Whoever adds a frame keeps the bounds.
 */
#include <stddef.h>
#include <stdint.h>

#include "daemon/lane.h"
#include "daemon/stream-frame.h"

/* The types of frames to the app, from 0 on. */
#define SB_FRAMES_TO_APP (SB_FRAME_CLOSED - SB_FRAME_HELLO + 1)

/**
 * struct sb_stream_queue - embedded in its stream; zeroed is empty
 * @bytes: each frame with its length before it
 * @room: bytes
 * @head: where the first frame begins
 * @tail: where the last one ends
 * @waiting: of all types together
 * @by_type: the same for each, from SB_FRAME_HELLO on
 */
struct sb_stream_queue {
	uint8_t *bytes;
	size_t room;
	size_t head;
	size_t tail;
	struct sb_tally waiting;
	struct sb_tally by_type[SB_FRAMES_TO_APP];
};

void sb_stream_queue_clear(struct sb_stream_queue *queue);
int sb_stream_queue_add(struct sb_stream_queue *queue, const struct sb_frame_out *frame);
int sb_stream_queue_write(struct sb_stream_queue *queue, int fd);
const struct sb_tally *sb_stream_queue_waiting(const struct sb_stream_queue *queue,
					       enum sb_frame_type type);
