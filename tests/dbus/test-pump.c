/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service whose replies are a thousand times larger than the calls, on a bus that stands still at times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/loop.h"
#include "dbus/parts.h"
#include "dbus/pump.h"
#include "tests/dbus/client.h"
#include "tests/dbus/private-bus.h"

#define N_CALLS 60
#define UNSENT_MAX 4
/* Of these a socket takes 8 at most. */
#define REPLY_SIZE (1024 * 1024)
/* At least. */
#define CALL_SIZE 100

struct service {
	struct private_bus *private_bus;
	struct sb_loop *loop;
	sd_bus *bus;
	struct sb_pump pump;
	struct client *app;
	struct client_call calls[N_CALLS];
	size_t reply_size;
	size_t n_handled;
	size_t n_before_task;
	struct sb_task task;
};

static int service_on_call(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	static const uint8_t large[REPLY_SIZE];
	struct service *s = userdata;
	sd_bus_message *reply = NULL;

	(void)error;
	s->n_handled++;
	assert_true(sd_bus_message_new_method_return(call, &reply) >= 0);
	assert_true(sd_bus_message_append_array(reply, 'y', large, s->reply_size) >= 0);
	assert_true(sd_bus_send(s->bus, reply, NULL) >= 0);
	(void)sd_bus_message_unref(reply);

	return 1;
}

static const sd_bus_vtable service_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Publish", SD_BUS_NO_ARGS, SD_BUS_RESULT("ay", large),
				service_on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static void task_on_run(struct sb_task *task)
{
	struct service *s = sb_container_of(task, struct service, task);

	s->n_before_task = s->n_handled;
}

static int setup(void **state)
{
	static struct service service;
	struct service *s = &service;
	const char *address;

	*s = (struct service){ .reply_size = REPLY_SIZE };
	*state = s;
	s->private_bus = private_bus_start(PRIVATE_BUS_OPEN);
	if (!s->private_bus)
		return -1;
	address = private_bus_address(s->private_bus);
	if (sb_loop_new_virtual(&s->loop) < 0 || sd_bus_new(&s->bus) < 0 ||
	    sd_bus_set_address(s->bus, address) < 0 || sd_bus_set_bus_client(s->bus, 1) < 0 ||
	    sd_bus_start(s->bus) < 0 ||
	    sd_bus_add_object_vtable(s->bus, NULL, SB_BUS_LINKS "/plant", SB_BUS_LINK_INTERFACE,
				     service_vtable, s) < 0 ||
	    sd_bus_request_name(s->bus, SB_BUS_NAME, 0) < 0 ||
	    sb_pump_init(&s->pump, s->bus, s->loop, UNSENT_MAX) < 0)
		return -1;
	sb_task_init(&s->task, s->loop, task_on_run);
	s->app = client_new(s->loop, address);

	return s->app ? 0 : -1;
}

static int teardown(void **state)
{
	struct service *s = *state;
	size_t i;

	private_bus_resume(s->private_bus);
	for (i = 0; i < N_CALLS; i++)
		client_call_done(&s->calls[i]);
	s->app = client_free(s->app);
	sb_pump_done(&s->pump);
	s->bus = sd_bus_close_unref(s->bus);
	s->loop = sb_loop_free(s->loop);
	s->private_bus = private_bus_stop(s->private_bus);

	return 0;
}

static int count_unread(const struct service *s)
{
	int n = 0;

	assert_int_equal(ioctl(sd_bus_get_fd(s->bus), FIONREAD, &n), 0);

	return n;
}

/* All calls are in the service's socket. */
static void gather_calls(struct service *s)
{
	size_t i;

	for (i = 0; i < N_CALLS; i++)
		client_begin(s->app, &s->calls[i], SB_BUS_LINKS "/plant", "Publish", "");
	client_flush(s->app);
	while (count_unread(s) < N_CALLS * CALL_SIZE)
		(void)usleep(1000);
}

/* And the bus takes no reply. */
static void call_and_pause(struct service *s)
{
	gather_calls(s);
	private_bus_pause(s->private_bus);
	loop_settle_down(s->loop);
}

static void test_calls_wait_while_replies_do(void **state)
{
	struct service *s = *state;
	size_t i;

	call_and_pause(s);
	assert_true(s->n_handled > UNSENT_MAX);
	assert_true(s->n_handled < N_CALLS / 2);
	assert_true(s->pump.holds);
	private_bus_resume(s->private_bus);
	for (i = 0; i < N_CALLS; i++) {
		assert_non_null(client_end(s->app, &s->calls[i]));
		assert_false(sd_bus_message_is_method_error(s->calls[i].reply, NULL));
	}
	loop_settle_down(s->loop);
	assert_false(s->pump.holds);
	assert_int_equal(s->n_handled, N_CALLS);
}

static void test_what_is_sent_at_once_holds_nothing(void **state)
{
	struct service *s = *state;
	size_t i;

	for (i = 0; i < N_CALLS; i++) {
		client_begin(s->app, &s->calls[0], SB_BUS_LINKS "/plant", "Publish", "");
		assert_non_null(client_end(s->app, &s->calls[0]));
		assert_false(s->pump.holds);
	}
}

/* Replies are small, so nothing waits to be sent. Beside the calls there is what the bus has said at first. */
static void test_others_on_the_loop_get_their_turn(void **state)
{
	struct service *s = *state;

	s->reply_size = 0;
	gather_calls(s);
	while (s->n_handled == 0)
		assert_true(sb_loop_turn(s->loop, SB_USEC_PER_SEC) > 0);
	assert_in_range(s->n_handled, SB_PUMP_TURN_MAX / 2, SB_PUMP_TURN_MAX);
	sb_task_schedule(&s->task);
	for (size_t i = 0; i < N_CALLS; i++)
		assert_non_null(client_end(s->app, &s->calls[i]));
	assert_in_range(s->n_before_task, SB_PUMP_TURN_MAX / 2, N_CALLS - 1);
	assert_int_equal(s->n_handled, N_CALLS);
}

/* What is said when a connection is over. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)message;
	(void)error;
	*(bool *)userdata = true;

	return 0;
}

static bool is_set(void *userdata)
{
	return *(bool *)userdata;
}

static void await_disconnected(sd_bus *bus, bool *disconnected)
{
	assert_true(sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local",
					"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
					"Disconnected", on_disconnected, disconnected) >= 0);
}

static void test_the_bus_dies_meanwhile(void **state)
{
	struct service *s = *state;
	bool disconnected = false;

	await_disconnected(s->bus, &disconnected);
	call_and_pause(s);
	assert_true(s->pump.holds);
	private_bus_kill(s->private_bus);
	assert_true(loop_until(s->loop, is_set, &disconnected));
	assert_false(s->pump.holds);
}

/* Two that talk to each other without a bus, since a bus says nothing that cannot be read. */
static void connect_pair(sd_bus *ends[2], int fds[2])
{
	sd_id128_t id;

	assert_int_equal(sd_id128_randomize(&id), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	for (size_t i = 0; i < 2; i++) {
		assert_true(sd_bus_new(&ends[i]) >= 0);
		assert_true(sd_bus_set_fd(ends[i], fds[i], fds[i]) >= 0);
	}
	assert_true(sd_bus_set_server(ends[1], 1, id) >= 0);
	assert_true(sd_bus_start(ends[1]) >= 0);
	assert_true(sd_bus_start(ends[0]) >= 0);
	while (sd_bus_is_ready(ends[0]) <= 0 || sd_bus_is_ready(ends[1]) <= 0)
		for (size_t i = 0; i < 2; i++)
			assert_true(sd_bus_process(ends[i], NULL) >= 0);
}

/* Then sd_bus_process() fails, and leaves the connection as it is. */
static void test_what_cannot_be_read_ends_the_connection(void **state)
{
	/* As long as a header, so that nothing is left that would wake anybody. */
	static const char nonsense[16] = "not a message..";
	struct service *s = *state;
	bool disconnected = false;
	struct sb_pump pump;
	sd_bus *ends[2];
	int fds[2];

	connect_pair(ends, fds);
	await_disconnected(ends[0], &disconnected);
	assert_int_equal(sb_pump_init(&pump, ends[0], s->loop, UNSENT_MAX), 0);
	assert_int_equal(write(fds[1], nonsense, sizeof(nonsense)), sizeof(nonsense));
	assert_true(loop_until(s->loop, is_set, &disconnected));
	assert_null(pump.connection);
	loop_settle_down(s->loop);
	assert_int_equal(sd_bus_is_open(ends[0]), 0);
	for (size_t i = 0; i < 2; i++)
		(void)sd_bus_close_unref(ends[i]);
}

static void test_it_ends_meanwhile(void **state)
{
	struct service *s = *state;

	call_and_pause(s);
	assert_true(s->pump.holds);
	sb_pump_done(&s->pump);
	loop_settle_down(s->loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_calls_wait_while_replies_do),
		TEST(test_what_is_sent_at_once_holds_nothing),
		TEST(test_others_on_the_loop_get_their_turn),
		TEST(test_the_bus_dies_meanwhile),
		TEST(test_what_cannot_be_read_ends_the_connection),
		TEST(test_it_ends_meanwhile),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
