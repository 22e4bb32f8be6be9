/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/stream-queue.h"

struct fixture {
	struct sb_stream_queue queue;
	int fds[2];
	uint64_t added; /* the last frame's number */
	uint64_t read; /* likewise */
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f.fds), 0);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sb_stream_queue_clear(&f->queue);
	(void)close(f->fds[0]);
	if (f->fds[1] >= 0)
		(void)close(f->fds[1]);

	return 0;
}

/* MESSAGE frames with numbers, and payloads of many sizes. */
static void add(struct fixture *f)
{
	static const uint8_t payload[40000];
	const struct sb_delivery delivery = {
		.message = ++f->added,
		.topic = "t",
		.payload = payload,
		.payload_len = f->added * 7919 % sizeof(payload),
	};
	struct sb_frame_out frame = sb_frame_message(&delivery, false);

	assert_int_equal(sb_stream_queue_add(&f->queue, &frame), 0);
}

/* Reads what there is; it is in order and whole. */
static void read_all(struct fixture *f)
{
	static uint8_t bytes[SB_FRAME_MAX];
	ssize_t len;

	while ((len = recv(f->fds[1], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		uint64_t number;

		memcpy(&number, bytes + 8, sizeof(number));
		assert_int_equal(number, ++f->read);
		assert_int_equal(len, 25 + number * 7919 % 40000);
	}
}

static void test_order_over_full_sockets(void **state)
{
	struct fixture *f = *state;
	unsigned int full = 0;

	for (unsigned int i = 0; i < 1000; i++) {
		for (unsigned int n = 0; n < i % 23; n++)
			add(f);
		full += sb_stream_queue_write(&f->queue, f->fds[0]) == -EAGAIN;
		if (i % 3 == 0)
			read_all(f);
	}
	assert_true(full > 10);
	while (sb_stream_queue_write(&f->queue, f->fds[0]) == -EAGAIN)
		read_all(f);
	read_all(f);
	assert_int_equal(f->read, f->added);
	assert_int_equal(f->queue.waiting.messages, 0);
	assert_int_equal(f->queue.waiting.bytes, 0);
	assert_in_range(f->queue.room, 0, 16 * 1024);
}

/* Where the reader is always a little behind, the buffer does not grow for ever. */
static void test_memory_is_used_again(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 20; i++)
		add(f);
	for (unsigned int i = 0; i < 2000; i++) {
		add(f);
		(void)sb_stream_queue_write(&f->queue, f->fds[0]);
		while (f->queue.waiting.messages > 20) {
			read_all(f);
			(void)sb_stream_queue_write(&f->queue, f->fds[0]);
		}
	}
	assert_in_range(f->queue.room, 0, 4 * 1024 * 1024);
}

static void test_tallies(void **state)
{
	struct fixture *f = *state;
	struct sb_frame_out ticket = sb_frame_ticket(1, 2);

	add(f);
	add(f);
	assert_int_equal(sb_stream_queue_add(&f->queue, &ticket), 0);
	assert_int_equal(f->queue.waiting.messages, 3);
	assert_int_equal(sb_stream_queue_waiting(&f->queue, SB_FRAME_MESSAGE)->messages, 2);
	assert_int_equal(sb_stream_queue_waiting(&f->queue, SB_FRAME_MESSAGE)->bytes,
			 2 * 25 + 7919 + 2 * 7919);
	assert_int_equal(sb_stream_queue_waiting(&f->queue, SB_FRAME_TICKET)->messages, 1);
	assert_int_equal(sb_stream_queue_waiting(&f->queue, SB_FRAME_TICKET)->bytes, 24);
	assert_int_equal(sb_stream_queue_waiting(&f->queue, SB_FRAME_CLOSED)->messages, 0);
	assert_int_equal(sb_stream_queue_write(&f->queue, f->fds[0]), 0);
	assert_int_equal(sb_stream_queue_waiting(&f->queue, SB_FRAME_TICKET)->messages, 0);
}

static void test_nobody_reads_any_more(void **state)
{
	struct fixture *f = *state;

	add(f);
	(void)close(f->fds[1]);
	f->fds[1] = -1;
	assert_int_equal(sb_stream_queue_write(&f->queue, f->fds[0]), -EPIPE);
	assert_int_equal(f->queue.waiting.messages, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_over_full_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_is_used_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tallies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_reads_any_more, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
