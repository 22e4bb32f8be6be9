/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

static const char publish[] = "\x01\x01\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\xff\xff\xff\xff\x03\0\0\0"
			      "a/b{}";

/* The frame that was read last, with a zero behind it. */
static uint8_t frame[4096];

static void expect_frame(struct fixture *f, int fd, enum sb_frame_type type)
{
	ssize_t len;

	loop_settle_down(f->loop);
	len = recv(fd, frame, sizeof(frame) - 1, MSG_DONTWAIT);
	assert_true(len > 0);
	frame[len] = '\0';
	assert_int_equal(frame[0], type);
}

static int take_fd(sd_bus_message *reply)
{
	int fd;

	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	assert_true(sd_bus_message_read(reply, "h", &fd) > 0);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	assert_true(fd >= 0);

	return fd;
}

/* With its HELLO read, and nothing kept by the reply. */
static int open_stream(struct fixture *f, const char *filter, const char *option, const char *value)
{
	int fd = take_fd(fixture_call(f, f->app, PLANT_PATH, "OpenStream", "sa{ss}", filter, 1,
				      option, value));

	client_call_done(&f->call);
	expect_frame(f, fd, SB_FRAME_HELLO);
	assert_string_equal((char *)frame + 24, "plant");

	return fd;
}

static void test_socket(void **state)
{
	struct fixture *f = *state;
	int fd = take_fd(fixture_call(f, f->app, PLANT_PATH, "OpenStream", "sa{ss}", "", 0));
	socklen_t len = sizeof(int);
	int type;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len), 0);
	assert_int_equal(type, SOCK_SEQPACKET);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(f->gateway->streams.n, 1);
	/* The reply has one, too. */
	(void)close(fd);
	loop_settle_down(f->loop);
	assert_int_equal(f->gateway->streams.n, 1);
	client_call_done(&f->call);
	loop_settle_down(f->loop);
	assert_int_equal(f->gateway->streams.n, 0);
}

static void test_publish_and_settled(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, "", "origin", "any");
	struct sb_settled settled = {
		.link = "plant",
		.settlement = { .ticket = 42,
				.outcome = SB_DELIVERED,
				.code = "2.04",
				.reason = "" },
	};
	struct fake_job job;

	/* It outlives the connection that it was opened with. */
	f->app = client_free(f->app);
	assert_int_equal(send(fd, publish, sizeof(publish) - 1, 0), sizeof(publish) - 1);
	job = fixture_wait_job(f, f->plant);
	assert_string_equal(job.message->topic, "a/b");
	assert_int_equal(job.message->owner, getuid());
	job.published(job.userdata, 42, NULL);
	expect_frame(f, fd, SB_FRAME_TICKET);
	settled.sender = job.message->sender;
	fake_settle(f->gateway, &settled);
	expect_frame(f, fd, SB_FRAME_SETTLED);
	assert_null(client_signal(f->other, "Settled", 0));

	(void)close(fd);
	loop_settle_down(f->loop);
	fake_settle(f->gateway, &settled);
	f->app = client_new(f->loop, private_bus_address(f->private_bus));
}

static void deliver(struct fixture *f, enum sb_origin origin)
{
	struct sb_delivery delivery = {
		.origin = origin,
		.link = "plant",
		.topic = "cmd/go",
		.content_format = SKYBUS_NO_FORMAT,
		.answer_by_ms = 5,
	};

	(void)sb_hub_deliver(f->gateway->hub, &delivery);
}

static void test_options(void **state)
{
	struct fixture *f = *state;
	int cloud = open_stream(f, "cmd/#", "answer", "yes");
	int local = open_stream(f, "cmd/#", "origin", "local");
	int any = open_stream(f, "cmd/#", "origin", "any");
	uint64_t answer_by;

	deliver(f, SB_ORIGIN_CLOUD);
	deliver(f, SB_ORIGIN_LOCAL);
	expect_frame(f, cloud, SB_FRAME_MESSAGE);
	assert_int_equal(frame[1], SB_ORIGIN_CLOUD);
	memcpy(&answer_by, frame + 16, sizeof(answer_by));
	assert_int_equal(answer_by, 5000);
	assert_int_equal(recv(cloud, frame, 1, MSG_DONTWAIT), -1);
	expect_frame(f, local, SB_FRAME_MESSAGE);
	assert_int_equal(frame[1], SB_ORIGIN_LOCAL);
	assert_int_equal(recv(local, frame, 1, MSG_DONTWAIT), -1);
	expect_frame(f, any, SB_FRAME_MESSAGE);
	expect_frame(f, any, SB_FRAME_MESSAGE);
	(void)close(cloud);
	(void)close(local);
	(void)close(any);
}

static void expect_refusal(struct fixture *f, const char *filter, const char *option,
			   const char *value, const char *error, const char *part)
{
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "OpenStream", "sa{ss}", filter, 1,
					  option, value),
			     error, part);
	assert_int_equal(f->gateway->streams.n, 0);
}

static void test_refusals(void **state)
{
	struct fixture *f = *state;

	expect_refusal(f, "a/#/b", "answer", "no", ERROR "InvalidTopic", "#");
	expect_refusal(f, "#", "answer", "maybe", ERROR "InvalidOption", "answer");
	expect_refusal(f, "#", "origins", "any", ERROR "InvalidOption",
		       "OpenStream has no option \"origins\", only \"answer\", \"origin\"");
	expect_refusal(f, "", "answer", "yes", ERROR "InvalidOption", "give a filter");
}

static void test_link_goes(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, "#", "answer", "no");

	fake_link_remove(f->plant);
	expect_frame(f, fd, SB_FRAME_CLOSED);
	assert_memory_equal(frame + 8, "NoSuchLink", 10);
	(void)close(fd);
}

/* Many apps open and leave: no descriptor stays behind. */
static void test_no_descriptor_is_left(void **state)
{
	struct fixture *f = *state;
	int before = dup(0);
	int after;

	(void)close(before);
	for (unsigned int i = 0; i < 20; i++)
		(void)close(open_stream(f, "#", "answer", "yes"));
	loop_settle_down(f->loop);
	assert_int_equal(f->gateway->streams.n, 0);
	after = dup(0);
	(void)close(after);
	assert_int_equal(after, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_socket),    TEST(test_publish_and_settled),
		TEST(test_options),   TEST(test_refusals),
		TEST(test_link_goes), TEST(test_no_descriptor_is_left),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
