/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/stream-queue.h"

/* The room to begin with, and what is kept for the next frames when all are written; bytes. */
#define ROOM_MIN 4096
#define ROOM_KEPT (16 * 1024)

/* So many frames go to the kernel with one call. */
#define AT_ONCE 32

/**
 * sb_stream_queue_clear() - forget what waits
 * @queue: empty afterwards, without memory of its own
 */
void sb_stream_queue_clear(struct sb_stream_queue *queue)
{
	free(queue->bytes);
	*queue = (struct sb_stream_queue){ 0 };
}

/* What was written makes room before more memory does, unless it is so little that much is moved for it. */
static int reserve(struct sb_stream_queue *queue, size_t needed)
{
	size_t used = queue->tail - queue->head;
	size_t room = queue->room > 0 ? queue->room : ROOM_MIN;
	uint8_t *grown;

	if (queue->room - queue->tail >= needed)
		return 0;
	if (queue->head >= queue->room / 2 && queue->room - used >= needed) {
		memmove(queue->bytes, queue->bytes + queue->head, used);
	} else {
		while (room - queue->tail < needed)
			room *= 2;
		grown = realloc(queue->bytes, room);
		if (!grown)
			return -ENOMEM;
		queue->bytes = grown;
		queue->room = room;
		return 0;
	}
	queue->head = 0;
	queue->tail = used;

	return 0;
}

static struct sb_tally *tally_of(struct sb_stream_queue *queue, uint8_t type)
{
	return &queue->by_type[type - SB_FRAME_HELLO];
}

/**
 * sb_stream_queue_add() - a frame waits to be written
 * @queue: the queue
 * @frame: to the app; copied
 *
 * Return: 0, or -ENOMEM.
 */
int sb_stream_queue_add(struct sb_stream_queue *queue, const struct sb_frame_out *frame)
{
	size_t size = sb_frame_size(frame);
	int r;

	r = reserve(queue, sizeof(size) + size);
	if (r < 0)
		return r;
	memcpy(queue->bytes + queue->tail, &size, sizeof(size));
	sb_frame_write(frame, queue->bytes + queue->tail + sizeof(size));
	queue->tail += sizeof(size) + size;
	sb_tally_add(&queue->waiting, size);
	sb_tally_add(tally_of(queue, frame->head[0]), size);

	return 0;
}

static size_t size_at(const struct sb_stream_queue *queue, size_t at)
{
	size_t size;

	memcpy(&size, queue->bytes + at, sizeof(size));

	return size;
}

static void remove_first(struct sb_stream_queue *queue)
{
	size_t size = size_at(queue, queue->head);

	sb_tally_subtract(&queue->waiting, size);
	sb_tally_subtract(tally_of(queue, queue->bytes[queue->head + sizeof(size)]), size);
	queue->head += sizeof(size) + size;
}

/* Return: how many of the first frames the socket took, at least one; or a negative errno. */
static int write_some(const struct sb_stream_queue *queue, int fd)
{
	struct mmsghdr packets[AT_ONCE] = { 0 };
	struct iovec frames[AT_ONCE];
	size_t at = queue->head;
	unsigned int n = 0;

	for (; n < AT_ONCE && at < queue->tail; n++) {
		size_t size = size_at(queue, at);

		frames[n] = (struct iovec){ queue->bytes + at + sizeof(size), size };
		packets[n].msg_hdr.msg_iov = &frames[n];
		packets[n].msg_hdr.msg_iovlen = 1;
		at += sizeof(size) + size;
	}
	n = (unsigned int)sendmmsg(fd, packets, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	return (int)n < 0 ? -errno : (int)n;
}

/**
 * sb_stream_queue_write() - write as much as the socket takes
 * @queue: the queue
 * @fd: a SOCK_SEQPACKET
 *
 * Return: 0 when nothing waits any more; -EAGAIN when the socket takes no more now; another negative errno
 * when it is broken.
 */
int sb_stream_queue_write(struct sb_stream_queue *queue, int fd)
{
	while (queue->waiting.messages > 0) {
		int n = write_some(queue, fd);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		while (n-- > 0)
			remove_first(queue);
	}
	if (queue->room > ROOM_KEPT)
		sb_stream_queue_clear(queue);
	queue->head = 0;
	queue->tail = 0;

	return 0;
}

/**
 * sb_stream_queue_waiting() - how much of a type waits
 * @queue: the queue
 * @type: of frames to the app
 *
 * Return: frames, as messages, and their bytes; lent.
 */
const struct sb_tally *sb_stream_queue_waiting(const struct sb_stream_queue *queue,
					       enum sb_frame_type type)
{
	return &queue->by_type[type - SB_FRAME_HELLO];
}
