/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/daemon/stream-fixture.h"

static int open_of(struct stream_fixture *f, struct sb_link *link, uint32_t owner)
{
	const struct sb_stream_terms terms = {
		.link = link,
		.interest = { .link = link->name, .filter = "" },
		.owner = owner,
	};
	int fd = app_open_with(f, &terms);

	stream_run(f);
	app_expect(f, fd, SB_FRAME_HELLO);

	return fd;
}

static void test_ends_find_their_stream(void **state)
{
	static const char *const strangers[] = { ":1.10001", "stream/",	  "stream/4",
						 "stream/x", "streams/1", NULL };
	struct stream_fixture *f = *state;
	int a = open_of(f, &f->link, 1);
	int b = open_of(f, &f->link, 1);
	struct sb_settled settled = { .settlement = { .ticket = 5, .code = "", .reason = "" } };

	stream_settle(f, "stream/2", 7);
	stream_run(f);
	app_expect(f, b, SB_FRAME_SETTLED);
	assert_int_equal(app_number(f, 8), 7);
	for (const char *const *stranger = strangers;; stranger++) {
		settled.sender = *stranger;
		assert_false(sb_streams_settled(&f->streams, &settled));
		if (!*stranger)
			break;
	}
	app_expect_nothing(f, a);
	app_expect_nothing(f, b);

	/* The name is not used again. */
	(void)close(b);
	stream_run(f);
	settled.sender = "stream/2";
	assert_false(sb_streams_settled(&f->streams, &settled));
	b = open_of(f, &f->link, 1);
	assert_false(sb_streams_settled(&f->streams, &settled));
	assert_string_equal(stream_last(f)->name, "stream/3");
	(void)close(a);
	(void)close(b);
}

static void set_descriptors(rlim_t n)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_descriptors_are_out_of_the_way(void **state)
{
	struct stream_fixture *f = *state;
	int fd;

	set_descriptors(4096);
	fd = open_of(f, &f->link, 1);
	assert_in_range(stream_last(f)->fd, 1024, 1100);
	(void)close(fd);
	stream_run(f);
}

static void test_without_high_descriptors_a_low_one_does(void **state)
{
	struct stream_fixture *f = *state;
	int fd;

	set_descriptors(1000);
	fd = open_of(f, &f->link, 1);
	assert_in_range(stream_last(f)->fd, 0, 999);
	(void)close(fd);
	stream_run(f);
	set_descriptors(4096);
}

static void test_without_descriptors_it_is_said(void **state)
{
	const struct sb_stream_terms terms = { .interest = { .filter = "" } };
	struct stream_fixture *f = *state;
	int next = dup(0);
	struct sb_error why;
	int fd;

	(void)close(next);
	set_descriptors((rlim_t)next);
	assert_int_equal(sb_streams_open(&f->streams, &terms, &fd, &why), -EIO);
	assert_non_null(strstr(why.text, strerror(EMFILE)));
	set_descriptors(4096);
}

static void test_bounds(void **state)
{
	struct stream_fixture *f = *state;
	const struct sb_stream_terms terms = {
		.link = &f->link,
		.interest = { .link = "plant", .filter = "" },
		.owner = 7,
	};
	static int fds[SB_STREAMS_MAX];
	struct sb_error why;
	size_t n = 0;
	int fd;

	for (; n < SB_STREAMS_MAX; n++)
		assert_int_equal(sb_streams_open(&f->streams, &terms, &fds[n], &why), 0);
	assert_int_equal(sb_streams_open(&f->streams, &terms, &fd, &why), -ENOBUFS);
	assert_non_null(strstr(why.text, "512 streams are open"));
	(void)close(fds[0]);
	stream_run(f);
	assert_int_equal(sb_streams_open(&f->streams, &terms, &fds[0], &why), 0);
	while (n > 0)
		(void)close(fds[--n]);
	stream_run(f);
	assert_int_equal(f->streams.n, 0);
}

static bool is_of(void *userdata, const struct sb_stream *stream)
{
	const uint32_t *owner = userdata;

	return stream->owner == *owner;
}

static void test_close_unless(void **state)
{
	struct stream_fixture *f = *state;
	int a = open_of(f, &f->link, 1);
	int b = open_of(f, &f->link, 2);
	int c = open_of(f, &f->link, 1);
	uint32_t stays = 2;
	struct sb_error why;

	assert_true(app_publish(a, 1, "t", 1));
	stream_run(f);
	stream_store(f, 1);
	(void)sb_error_set(&why, SB_ERROR_NOT_PERMITTED, "not any more");
	sb_streams_close_unless(&f->streams, is_of, &stays, &why);
	assert_int_equal(f->streams.n, 1);
	/* What was on its way to it comes first. */
	app_expect(f, a, SB_FRAME_TICKET);
	app_expect_closed(f, a, "NotPermitted", "not any more");
	app_expect_closed(f, c, "NotPermitted", "not any more");
	app_expect_nothing(f, b);
	(void)close(a);
	(void)close(b);
	(void)close(c);
}

static void test_link_gone(void **state)
{
	struct stream_fixture *f = *state;
	int a = open_of(f, &f->link, 1);
	int b = open_of(f, &f->other_link, 1);

	sb_streams_link_gone(&f->streams, &f->link);
	app_expect_closed(f, a, "NoSuchLink", "the link plant is no longer");
	app_expect_nothing(f, b);
	(void)close(a);
	(void)close(b);
}

/* One that is about to end for another reason says that one. */
static void test_first_reason_counts(void **state)
{
	struct stream_fixture *f = *state;
	int fd = open_of(f, &f->link, 1);

	assert_true(app_send(fd, "\x09", 1));
	while (!stream_last(f)->ending)
		assert_true(sb_loop_turn(f->loop, 0) > 0);
	sb_streams_link_gone(&f->streams, &f->link);
	app_expect_closed(f, fd, "InvalidFrame", "is 9");
	(void)close(fd);
}

static void test_daemon_ends(void **state)
{
	struct stream_fixture *f = *state;
	int fd = open_of(f, &f->link, 1);

	sb_streams_done(&f->streams);
	app_expect_closed(f, fd, "Failed", "the daemon ends");
	(void)close(fd);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, stream_fixture_setup, stream_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ends_find_their_stream),
		TEST(test_descriptors_are_out_of_the_way),
		TEST(test_without_high_descriptors_a_low_one_does),
		TEST(test_without_descriptors_it_is_said),
		TEST(test_bounds),
		TEST(test_close_unless),
		TEST(test_link_gone),
		TEST(test_first_reason_counts),
		TEST(test_daemon_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
