/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "skybus/plugin.h"
#include "tests/daemon/stream-fixture.h"

/* ---- publishing ---- */

static void test_hello(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);

	assert_int_equal(f->frame[1], SB_STREAM_VERSION);
	assert_int_equal(app_number(f, 8), (UINT64_C(256) << 32) + 131072);
	assert_int_equal(app_number(f, 16), (UINT64_C(1048576) << 32) + 1000);
	assert_string_equal((char *)f->frame + 24, "plant");
	app_expect_nothing(f, fd);
	(void)close(fd);
}

static void test_publish(void **state)
{
	static const char bytes[] =
		"\x01\x02\x03\0\x10\x0e\0\0\x07\0\0\0\0\0\0\0\x32\0\0\0\x03\0\0\0"
		"a/b{}";
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);
	const struct sb_message *message;

	assert_true(app_send(fd, bytes, sizeof(bytes) - 1));
	app_expect_nothing(f, fd);
	assert_int_equal(f->link.n_jobs, 1);
	message = TAILQ_FIRST(&f->link.jobs)->message;
	assert_string_equal(message->topic, "a/b");
	assert_int_equal(message->payload_len, 2);
	assert_memory_equal(message->payload, "{}", 2);
	assert_string_equal(message->sender, "stream/1");
	assert_int_equal(message->owner, STREAM_OWNER);
	assert_int_equal(message->priority, SB_URGENT);
	assert_true(message->in_memory);
	assert_true(message->replaces);
	assert_int_equal(message->ttl_s, 3600);
	assert_int_equal(message->content_format, 50);

	stream_store(f, 1);
	stream_run(f);
	app_expect(f, fd, SB_FRAME_TICKET);
	assert_int_equal(app_number(f, 8), 7);
	assert_int_equal(app_number(f, 16), 1);
	stream_settle(f, "stream/1", 1);
	stream_run(f);
	app_expect(f, fd, SB_FRAME_SETTLED);
	assert_int_equal(app_number(f, 8), 1);
	assert_string_equal((char *)f->frame + 16, "2.04");
	(void)close(fd);
}

static void expect_refused(struct stream_fixture *f, int fd, uint64_t tag, const char *error,
			   const char *part)
{
	stream_run(f);
	app_expect(f, fd, SB_FRAME_REFUSED);
	assert_int_equal(app_number(f, 8), tag);
	app_expect_error(f, 16, error, part);
}

static void test_refused(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);
	char topic[SB_TOPIC_MAX + 2];

	f->link.refusal = "the queue is full: wait";
	assert_true(app_publish(fd, 5, "t", 1));
	expect_refused(f, fd, 5, "QueueFull", "the queue is full: wait");
	f->link.refusal = NULL;

	assert_true(app_publish(fd, 6, "t", 1));
	stream_run(f);
	stream_refuse(f, SB_ERROR_FAILED, "the disk is full");
	expect_refused(f, fd, 6, "Failed", "the disk is full");

	memset(topic, 't', sizeof(topic) - 1);
	topic[sizeof(topic) - 1] = '\0';
	assert_true(app_publish(fd, 7, topic, 1));
	expect_refused(f, fd, 7, "InvalidTopic", "512 bytes, this one 513");
	topic[SB_TOPIC_MAX] = '\0';
	assert_true(app_publish(fd, 8, topic, 1));
	app_expect_nothing(f, fd);
	assert_int_equal(f->link.n_jobs, 1);
	assert_int_equal(strlen(TAILQ_FIRST(&f->link.jobs)->message->topic), SB_TOPIC_MAX);
	(void)close(fd);
}

/* ---- the guard ---- */

static struct {
	unsigned int asked;
	unsigned int freed;
	bool pauses; /* for a second, when it is asked */
} guard;

static int permit(void *userdata, struct sb_stream *stream, const struct sb_message *message,
		  struct sb_error *ret_error)
{
	assert_ptr_equal(userdata, &guard);
	assert_int_equal(message->payload_len, 1);
	guard.asked++;
	if (guard.pauses)
		sb_stream_pause(stream, SB_USEC_PER_SEC);
	if (strcmp(message->topic, "mine") == 0)
		return 0;

	return sb_error_set(ret_error, SB_ERROR_NOT_PERMITTED, "not this topic");
}

static void guard_free(void *userdata)
{
	assert_ptr_equal(userdata, &guard);
	guard.freed++;
}

static int open_guarded(struct stream_fixture *f)
{
	const struct sb_stream_terms terms = {
		.link = &f->link,
		.interest = { .link = "plant", .filter = "" },
		.guard = { .permit = permit, .free = guard_free, .userdata = &guard },
	};
	int fd;

	memset(&guard, 0, sizeof(guard));
	fd = app_open_with(f, &terms);
	stream_run(f);
	app_expect(f, fd, SB_FRAME_HELLO);

	return fd;
}

static void test_guard(void **state)
{
	struct stream_fixture *f = *state;
	int fd = open_guarded(f);

	assert_true(app_publish(fd, 1, "theirs", 1));
	assert_true(app_publish(fd, 2, "mine", 1));
	expect_refused(f, fd, 1, "NotPermitted", "not this topic");
	assert_int_equal(f->link.n_jobs, 1);
	assert_int_equal(guard.asked, 2);
	assert_int_equal(guard.freed, 0);
	(void)close(fd);
	stream_run(f);
	assert_int_equal(guard.freed, 1);
}

static void test_failed_open_leaves_the_guard_alone(void **state)
{
	struct stream_fixture *f = *state;
	const struct sb_stream_terms terms = {
		.link = &f->link,
		.interest = { .link = "plant", .filter = "a/#/b" },
		.guard = { .permit = permit, .free = guard_free, .userdata = &guard },
	};
	struct sb_error why;
	int fd = -1;

	memset(&guard, 0, sizeof(guard));
	assert_int_equal(sb_streams_open(&f->streams, &terms, &fd, &why), -EINVAL);
	assert_int_equal(why.code, SB_ERROR_INVALID_TOPIC);
	assert_int_equal(fd, -1);
	assert_int_equal(guard.freed, 0);
	assert_int_equal(f->streams.n, 0);
}

static void test_pause(void **state)
{
	struct stream_fixture *f = *state;
	int fd = open_guarded(f);

	guard.pauses = true;
	for (uint64_t tag = 0; tag < 3; tag++)
		assert_true(app_publish(fd, tag, "mine", 1));
	stream_run(f);
	assert_int_equal(f->link.n_jobs, 1);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC - 1);
	stream_run(f);
	assert_int_equal(f->link.n_jobs, 1);
	/* Nor does it keep the loop busy when the app goes meanwhile. */
	(void)close(fd);
	stream_run(f);
	sb_loop_advance(f->loop, 1);
	stream_run(f);
	assert_int_equal(f->link.n_jobs, 2);
	guard.pauses = false;
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	stream_run(f);
	assert_int_equal(f->link.n_jobs, 3);
	assert_int_equal(f->streams.n, 0);
}

/* ---- receiving and answering ---- */

static void test_message(void **state)
{
	struct stream_fixture *f = *state;
	int answering = app_open(f, "cmd/#", true);
	int hearing = app_open(f, "cmd/+", false);
	int deaf = app_open(f, "elsewhere", false);
	uint64_t number = stream_deliver(f, SB_ORIGIN_CLOUD, 3);

	(void)stream_deliver(f, SB_ORIGIN_LOCAL, 3);
	stream_run(f);
	app_expect(f, answering, SB_FRAME_MESSAGE);
	assert_int_equal(f->frame[1], SB_ORIGIN_CLOUD);
	assert_int_equal(app_number(f, 8), number);
	assert_int_equal(app_number(f, 16), 1000 * 1000);
	assert_int_equal(f->frame_len, 24 + 6 + 3);
	assert_memory_equal(f->frame + 24, "cmd/go\0\0\0", 9);
	app_expect(f, hearing, SB_FRAME_MESSAGE);
	assert_int_equal(app_number(f, 16), 0);
	app_expect_nothing(f, answering);
	app_expect_nothing(f, hearing);
	app_expect_nothing(f, deaf);
	(void)close(answering);
	(void)close(hearing);
	(void)close(deaf);
}

static void test_answer(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "cmd/#", true);
	const struct stream_job *job;

	app_answer(fd, 9, "4.04", "no");
	app_answer(fd, 10, "", "yes");
	stream_run(f);
	job = TAILQ_FIRST(&f->link.jobs);
	assert_int_equal(job->command, 9);
	assert_string_equal(job->message->topic, "4.04");
	assert_memory_equal(job->message->payload, "no", 2);
	assert_string_equal(job->message->sender, "stream/1");
	assert_int_equal(job->message->owner, STREAM_OWNER);
	stream_store(f, 1);
	stream_refuse(f, SB_ERROR_FAILED, "the disk is full");
	f->link.refusal = "the queue is full";
	app_answer(fd, 11, "", "");
	stream_run(f);

	app_expect(f, fd, SB_FRAME_ANSWERED);
	assert_int_equal(app_number(f, 8), 9);
	assert_int_equal(app_number(f, 16), 1);
	assert_int_equal(f->frame[1], 0);
	app_expect(f, fd, SB_FRAME_ANSWERED);
	assert_int_equal(app_number(f, 8), 10);
	app_expect_error(f, 24, "Failed", "the disk is full");
	app_expect(f, fd, SB_FRAME_ANSWERED);
	assert_int_equal(app_number(f, 8), 11);
	app_expect_error(f, 24, "QueueFull", "the queue is full");
	(void)close(fd);
}

static void test_answer_of_who_may_not(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "cmd/#", false);

	app_answer(fd, 9, "", "");
	stream_run(f);
	app_expect(f, fd, SB_FRAME_ANSWERED);
	app_expect_error(f, 24, "NoSuchMessage", "answer=yes");
	assert_int_equal(f->link.n_jobs, 0);
	(void)close(fd);
}

/* ---- too fast ---- */

/* Sends messages from number @*sent on, as many as the socket takes, while the daemon reads what it wants. */
static void send_all(struct stream_fixture *f, int fd, uint64_t *sent, uint64_t until,
		     size_t payload_len)
{
	uint64_t before;

	do {
		before = *sent;
		while (*sent < until && app_publish(fd, *sent, "t", payload_len))
			++*sent;
		stream_run(f);
	} while (*sent > before);
}

static void test_slow_disk(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);
	uint64_t sent = 0;

	send_all(f, fd, &sent, 2000, 1);
	assert_int_equal(f->link.n_jobs, SB_STREAM_TAGS_MAX);
	assert_in_range(sent, SB_STREAM_TAGS_MAX, 1999);
	stream_store(f, 10);
	stream_run(f);
	assert_int_equal(f->link.n_jobs, SB_STREAM_TAGS_MAX);
	for (uint64_t tag = 0; tag < 2000; tag++) {
		send_all(f, fd, &sent, 2000, 1);
		if (!app_receive(f, fd)) {
			assert_in_range(f->link.n_jobs, 1, SB_STREAM_TAGS_MAX);
			stream_store(f, f->link.n_jobs);
			stream_run(f);
			assert_true(app_receive(f, fd));
		}
		assert_int_equal(f->frame[0], SB_FRAME_TICKET);
		assert_int_equal(app_number(f, 8), tag);
		assert_int_equal(app_number(f, 16), tag + 1);
	}
	(void)close(fd);
}

static void test_slow_disk_and_large_messages(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);
	uint64_t sent = 0;

	send_all(f, fd, &sent, 100, SB_PAYLOAD_MAX);
	assert_int_equal(f->link.n_jobs, SB_STREAM_TAGS_BYTES_MAX / SB_PAYLOAD_MAX);
	assert_in_range(sent, f->link.n_jobs, 40);
	(void)close(fd);
}

/* Publishes and never reads: it is slowed down, and loses nothing. */
static void test_app_that_does_not_read(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);
	uint64_t sent = 0;
	uint64_t before;

	do {
		before = f->last_ticket;
		send_all(f, fd, &sent, 10000, 1);
		stream_store(f, f->link.n_jobs);
		stream_run(f);
	} while (f->last_ticket > before);
	assert_in_range(f->last_ticket, SB_STREAM_UNREAD_MAX, 3000);
	assert_in_range(stream_last(f)->queue.waiting.messages, SB_STREAM_UNREAD_MAX,
			SB_STREAM_UNREAD_MAX + SB_STREAM_TAGS_MAX);
	assert_in_range(sent, f->last_ticket, 9999);

	for (uint64_t tag = 0; tag < 10000; tag++) {
		send_all(f, fd, &sent, 10000, 1);
		stream_store(f, f->link.n_jobs);
		stream_run(f);
		app_expect(f, fd, SB_FRAME_TICKET);
		assert_int_equal(app_number(f, 8), tag);
	}
	app_expect_nothing(f, fd);
	(void)close(fd);
}

/* Return: the number of the last of @n messages. The app @reads them, or -1. */
static uint64_t deliver_many(struct stream_fixture *f, unsigned int n, size_t payload_len,
			     int reads)
{
	uint64_t number = 0;

	while (n-- > 0) {
		number = stream_deliver(f, SB_ORIGIN_CLOUD, payload_len);
		stream_run(f);
		if (reads < 0)
			continue;
		app_expect(f, reads, SB_FRAME_MESSAGE);
		assert_int_equal(app_number(f, 8), number);
	}

	return number;
}

static void test_slow_reader_is_ended(void **state)
{
	struct stream_fixture *f = *state;
	int slow = app_open(f, "#", false);
	int other = app_open(f, "#", false);
	uint64_t read = 0;

	assert_true(app_publish(slow, 1, "t", 1));
	assert_int_equal(deliver_many(f, 3000, 10, other), 3000);
	assert_int_equal(f->streams.n, 1);
	while (app_receive(f, slow) && f->frame[0] == SB_FRAME_MESSAGE)
		assert_int_equal(app_number(f, 8), ++read);
	assert_in_range(read, 100, 1999);
	assert_int_equal(f->frame[0], SB_FRAME_CLOSED);
	app_expect_error(f, 8, "QueueFull", "1000 messages wait");
	app_expect_error(f, 8, "QueueFull", "(1000 frames before this one were not sent)");
	assert_int_equal(recv(slow, f->frame, 1, 0), 0);
	/* What it has published stays. */
	assert_int_equal(f->link.n_jobs, 1);
	(void)close(slow);
	(void)close(other);
}

static void test_bytes_that_are_not_read(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "#", false);

	(void)deliver_many(f, 10, 60000, -1);
	assert_int_equal(f->streams.n, 1);
	(void)deliver_many(f, 20, 60000, -1);
	assert_int_equal(f->streams.n, 0);
	while (app_receive(f, fd) && f->frame[0] == SB_FRAME_MESSAGE)
		;
	assert_int_equal(f->frame[0], SB_FRAME_CLOSED);
	app_expect_error(f, 8, "QueueFull", "17 messages wait");
	(void)close(fd);
}

static void test_message_that_fits_no_frame(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "#", false);

	(void)stream_deliver(f, SB_ORIGIN_CLOUD, SB_FRAME_MAX - 24 - 6);
	stream_run(f);
	app_expect(f, fd, SB_FRAME_MESSAGE);
	assert_int_equal(f->frame_len, SB_FRAME_MAX);
	(void)stream_deliver(f, SB_ORIGIN_CLOUD, SB_FRAME_MAX - 24 - 5);
	app_expect_closed(f, fd, "TooLarge", "takes 131073 bytes");
	(void)close(fd);
}

/* All that an app has published may end at once. */
static void test_many_ends(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);

	for (uint64_t ticket = 1; ticket <= 8000; ticket++)
		stream_settle(f, "stream/1", ticket);
	stream_run(f);
	for (uint64_t ticket = 1; ticket <= 8000; ticket++) {
		app_expect(f, fd, SB_FRAME_SETTLED);
		assert_int_equal(app_number(f, 8), ticket);
		stream_run(f);
	}
	for (uint64_t ticket = 1; ticket <= 9000; ticket++)
		stream_settle(f, "stream/1", ticket);
	stream_run(f);
	assert_int_equal(f->streams.n, 0);
	while (app_receive(f, fd) && f->frame[0] == SB_FRAME_SETTLED)
		;
	assert_int_equal(f->frame[0], SB_FRAME_CLOSED);
	app_expect_error(f, 8, "QueueFull", "8192 ends of messages wait");
	(void)close(fd);
}

/* One that has much to say lets the others have their turn. */
static void test_turns(void **state)
{
	struct stream_fixture *f = *state;
	int a = app_open(f, "", false);
	int b = app_open(f, "", false);
	const struct stream_job *job;
	size_t n = 0;

	for (uint64_t tag = 0; tag < 200; tag++)
		assert_true(app_publish(a, tag, "a", 1) && app_publish(b, tag, "b", 1));
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_int_equal(f->link.n_jobs, 64);
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_int_equal(f->link.n_jobs, 128);
	TAILQ_FOREACH(job, &f->link.jobs, entry)
		assert_string_equal(job->message->topic, n++ < 64 ? "a" : "b");
	stream_run(f);
	assert_int_equal(f->link.n_jobs, 400);
	(void)close(a);
	(void)close(b);
}

/* ---- what is wrong ---- */

/* One bad frame among good ones; those before it are published. */
static void check_bad(struct stream_fixture *f, const void *bytes, size_t len, const char *part)
{
	int other = app_open(f, "#", false);
	int fd = app_open(f, "#", false);
	size_t before = f->link.n_jobs;

	assert_true(app_publish(fd, 1, "t", 1));
	assert_true(app_send(fd, bytes, len));
	assert_true(app_publish(fd, 2, "t", 1));
	assert_true(app_publish(fd, 3, "t", 1));
	app_expect_closed(f, fd, "InvalidFrame", part);
	assert_int_equal(f->link.n_jobs, before + 1);
	assert_int_equal(send(fd, bytes, 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	(void)close(fd);
	(void)deliver_many(f, 1, 1, other);
	(void)close(other);
	stream_run(f);
}

static void test_bad_frames(void **state)
{
	static const uint8_t large[SB_FRAME_MAX + 1] = { SB_FRAME_PUBLISH };
	struct stream_fixture *f = *state;

	check_bad(f, "\x09", 1, "byte 0 of a frame, its type, is 9");
	check_bad(f, "\x01\x07", 2, "ends at byte 2");
	check_bad(f, "\x02\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0", 16, "byte 7 of a frame ANSWER is 1");
	check_bad(f, "", 0, "a packet is empty");
	check_bad(f, large, sizeof(large), "a frame has 131073 bytes, and it may have 131072");
}

static void test_frame_that_is_as_large_as_can_be(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);

	assert_true(app_publish(fd, 1, "t", SB_FRAME_MAX - 25));
	app_expect_nothing(f, fd);
	assert_int_equal(TAILQ_FIRST(&f->link.jobs)->message->payload_len, SB_FRAME_MAX - 25);
	(void)close(fd);
}

/* ---- the app goes ---- */

static void test_app_writes_and_goes(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "", false);
	uint64_t sent = 0;

	while (app_publish(fd, sent, "t", 1))
		sent++;
	(void)close(fd);
	for (unsigned int i = 0; i < 10; i++) {
		stream_run(f);
		assert_in_range(f->link.n_jobs, 0, SB_STREAM_TAGS_MAX);
		stream_store(f, f->link.n_jobs);
	}
	assert_int_equal(f->last_ticket, sent);
	assert_int_equal(f->streams.n, 0);
}

static int publish_and_leave_tickets_unread(struct stream_fixture *f)
{
	int fd = app_open(f, "#", false);

	for (uint64_t tag = 0; tag < 3; tag++)
		assert_true(app_publish(fd, tag, "t", 1));
	stream_run(f);
	stream_store(f, 3);
	stream_run(f);
	for (uint64_t tag = 3; tag < 6; tag++)
		assert_true(app_publish(fd, tag, "t", 1));

	return fd;
}

/* The kernel says so once, to whom reads or to whom writes next. */
static void test_app_goes_with_tickets_unread(void **state)
{
	struct stream_fixture *f = *state;

	(void)close(publish_and_leave_tickets_unread(f));
	stream_run(f);
	assert_int_equal(f->link.n_jobs, 3);
	assert_int_equal(f->streams.n, 0);
}

static void test_app_goes_when_it_is_told(void **state)
{
	struct stream_fixture *f = *state;

	(void)close(publish_and_leave_tickets_unread(f));
	while (stream_deliver(f, SB_ORIGIN_CLOUD, 1) < 64)
		;
	stream_run(f);
	assert_int_equal(f->link.n_jobs, 3);
	assert_int_equal(f->streams.n, 0);
}

/* While its socket is full, and frames wait. */
static void test_app_goes_behind_a_full_socket(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "#", false);

	(void)deliver_many(f, 1200, 1, -1);
	assert_true(stream_last(f)->blocked);
	(void)close(fd);
	stream_run(f);
	assert_int_equal(f->streams.n, 0);
}

static void test_completions_after_the_stream(void **state)
{
	struct stream_fixture *f = *state;
	int fd = app_open(f, "#", true);

	assert_true(app_publish(fd, 1, "t", 1));
	app_answer(fd, 1, "", "");
	assert_true(app_publish(fd, 2, "t", 1));
	stream_run(f);
	(void)close(fd);
	stream_run(f);
	assert_int_equal(f->streams.n, 0);
	stream_store(f, 2);
	stream_refuse(f, SB_ERROR_FAILED, "the disk is full");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, stream_fixture_setup, stream_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hello),
		TEST(test_publish),
		TEST(test_refused),
		TEST(test_guard),
		TEST(test_failed_open_leaves_the_guard_alone),
		TEST(test_pause),
		TEST(test_message),
		TEST(test_answer),
		TEST(test_answer_of_who_may_not),
		TEST(test_slow_disk),
		TEST(test_slow_disk_and_large_messages),
		TEST(test_app_that_does_not_read),
		TEST(test_slow_reader_is_ended),
		TEST(test_bytes_that_are_not_read),
		TEST(test_message_that_fits_no_frame),
		TEST(test_many_ends),
		TEST(test_turns),
		TEST(test_bad_frames),
		TEST(test_frame_that_is_as_large_as_can_be),
		TEST(test_app_writes_and_goes),
		TEST(test_app_goes_with_tickets_unread),
		TEST(test_app_goes_when_it_is_told),
		TEST(test_app_goes_behind_a_full_socket),
		TEST(test_completions_after_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
