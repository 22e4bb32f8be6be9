/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bus dies, and is there again at the same address.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/hub.h"
#include "daemon/log.h"
#include "tests/dbus/fixture.h"

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	f.private_bus = private_bus_start(PRIVATE_BUS_OPEN);
	*state = &f;

	return f.private_bus ? fixture_setup(state) : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)fixture_teardown(state);
	f->private_bus = private_bus_stop(f->private_bus);

	return 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static bool is_off(void *userdata)
{
	const struct sb_gateway *gateway = userdata;

	return gateway->listener.settled == NULL;
}

static bool is_on(void *userdata)
{
	return !is_off(userdata);
}

/* The daemon has seen it. */
static void lose_bus(struct fixture *f)
{
	client_call_done(&f->call);
	client_call_done(&f->call2);
	f->app = client_free(f->app);
	f->other = client_free(f->other);
	private_bus_kill(f->private_bus);
	assert_true(loop_until(f->loop, is_off, f->gateway));
}

static void connect_apps(struct fixture *f)
{
	f->app = client_new(f->loop, private_bus_address(f->private_bus));
	f->other = client_new(f->loop, private_bus_address(f->private_bus));
	assert_non_null(f->app);
	assert_non_null(f->other);
}

static void revive_bus(struct fixture *f)
{
	assert_int_equal(private_bus_revive(f->private_bus), 0);
	sb_loop_advance(f->loop, 5 * SB_USEC_PER_SEC);
	assert_true(loop_until(f->loop, is_on, f->gateway));
	connect_apps(f);
}

static void expect_good(sd_bus_message *reply)
{
	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));
}

/* ---- it comes back --------------------------------------------------------------------------- */

static void test_it_comes_back(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 1; i <= 3; i++) {
		lose_bus(f);
		revive_bus(f);
		expect_good(fixture_call(f, f->app, PLANT_PATH, "Connect", ""));
		assert_int_equal(f->plant->connects, i);
	}
}

static void test_links_that_come_and_go_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct sb_link *second;

	lose_bus(f);
	second = fake_link_add(f->gateway, "second");
	fake_link_remove(f->plant);
	f->plant = NULL;
	revive_bus(f);
	expect_good(fixture_call(f, f->app, SB_BUS_LINKS "/second", "Connect", ""));
	assert_int_equal(second->connects, 1);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Connect", ""),
			     "org.freedesktop.DBus.Error.UnknownObject", "");
}

/* Of what is said to nobody meanwhile nothing is left behind. */
static void test_it_ends_while_the_bus_is_away(void **state)
{
	struct fixture *f = *state;

	lose_bus(f);
	sb_loop_advance(f->loop, 300 * SB_USEC_PER_MSEC);
	f->bus = sb_bus_free(f->bus);
	assert_null(f->gateway->listener.settled);
	assert_int_equal(private_bus_revive(f->private_bus), 0);
	sb_loop_advance(f->loop, 60 * SB_USEC_PER_SEC);
	loop_settle_down(f->loop);
	assert_null(f->gateway->listener.settled);
}

/* ---- what hung on it ------------------------------------------------------------------------- */

static struct sb_reach deliver(struct fixture *f)
{
	struct sb_delivery delivery = { .link = "plant", .topic = "a" };

	return sb_hub_deliver(f->gateway->hub, &delivery);
}

static void test_subscriptions_end(void **state)
{
	struct fixture *f = *state;

	expect_good(fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "#"));
	assert_int_equal(deliver(f).matched, 1);
	lose_bus(f);
	assert_int_equal(deliver(f).matched, 0);
	revive_bus(f);
	assert_int_equal(deliver(f).matched, 0);
	expect_good(fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "#"));
	assert_int_equal(deliver(f).matched, 1);
	assert_non_null(client_wait_signal(f->app, "Message"));
}

/* What they wait for comes when nobody waits any more. */
static void test_calls_that_wait_end(void **state)
{
	struct fixture *f = *state;
	struct fake_job publish, wait;
	const struct sb_settled settled = {
		.link = "plant",
		.settlement = { .ticket = 5, .outcome = SB_DELIVERED, .code = "", .reason = "" },
	};
	const struct sb_settlement stored = { .ticket = 5, .code = "", .reason = "" };

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	publish = fixture_wait_job(f, f->plant);
	client_begin(f->other, &f->call2, SB_BUS_ROOT, "WaitTicket", "tu", UINT64_C(5), 60);
	wait = fixture_wait_outbox(f);
	wait.looked_up(wait.userdata, 0, &stored);
	client_settle_down(f->other);
	lose_bus(f);
	publish.published(publish.userdata, 7, NULL);
	revive_bus(f);
	fake_settle(f->gateway, &settled);
	sb_loop_advance(f->loop, 120 * SB_USEC_PER_SEC);
	expect_good(fixture_call(f, f->app, PLANT_PATH, "Connect", ""));
}

/* A call of somebody whom the bus could not name any more is as good as that of one who hung up. */
static void test_the_bus_dies_while_a_sender_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	fixture_hold_bus(f);
	lose_bus(f);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.message->owner, SB_NO_OWNER);
	job.published(job.userdata, 1, NULL);
	revive_bus(f);
	expect_good(fixture_call(f, f->app, PLANT_PATH, "Connect", ""));
}

/* ---- strangers ------------------------------------------------------------------------------- */

static void settle_for(struct fixture *f, const char *sender)
{
	const struct sb_settled settled = {
		.link = "plant",
		.sender = sender,
		.settlement = { .ticket = 5, .outcome = SB_DELIVERED, .code = "", .reason = "" },
	};

	fake_settle(f->gateway, &settled);
	client_settle_down(f->app);
	client_settle_down(f->other);
}

static void test_a_stranger_of_the_same_name_is_told_nothing(void **state)
{
	struct fixture *f = *state;
	char publisher[64];
	char name[64];

	(void)snprintf(publisher, sizeof(publisher), "%s", fixture_sender(f->app, 1));
	(void)snprintf(name, sizeof(name), "%s", client_name(f->app));
	lose_bus(f);
	revive_bus(f);
	/* Names begin anew; who comes first has the first. */
	assert_string_equal(client_name(f->app), name);

	settle_for(f, publisher);
	assert_null(client_signal(f->app, "Settled", 0));
	settle_for(f, fixture_sender(f->app, 3));
	assert_null(client_signal(f->app, "Settled", 0));
	settle_for(f, name);
	assert_null(client_signal(f->app, "Settled", 0));
	settle_for(f, fixture_sender(f->app, 2));
	assert_non_null(client_signal(f->app, "Settled", 0));
	assert_null(client_signal(f->other, "Settled", 0));
}

static void test_a_publisher_is_of_its_connection(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	lose_bus(f);
	revive_bus(f);
	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	assert_string_equal(job.message->sender, fixture_sender(f->app, 2));
	job.published(job.userdata, 1, NULL);
	assert_non_null(client_end(f->app, &f->call));
}

/* Of senders that are not ours nothing is sent. */
static void test_other_senders(void **state)
{
	struct fixture *f = *state;
	char text[512];

	settle_for(f, "");
	settle_for(f, "@1");
	settle_for(f, "stream/1");
	settle_for(f, ":1.1@");
	settle_for(f, ":1.1@18446744073709551617");
	memset(text, 'x', sizeof(text));
	memcpy(text, ":1.", 3);
	memcpy(text + sizeof(text) - 3, "@1", 3);
	settle_for(f, text);
	assert_null(client_signal(f->app, "Settled", 0));
	assert_null(client_signal(f->other, "Settled", 0));
}

/* ---- buses that do not behave ---------------------------------------------------------------- */

/* In the place of the bus, a door at which nobody stays. */
static int open_door(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		       private_bus_path(f->private_bus));
	(void)unlink(address.sun_path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);

	return fd;
}

/* How often somebody has come to the door since, each of whom is sent away. */
static unsigned int visits(struct fixture *f, int door)
{
	unsigned int n = 0;
	int fd;

	loop_settle_down(f->loop);
	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		n++;
		(void)close(fd);
		loop_settle_down(f->loop);
	}

	return n;
}

static void test_attempts_become_rarer(void **state)
{
	static const unsigned int delays_ms[] = { 100, 200, 400, 800, 1600, 3200, 5000, 5000 };
	struct fixture *f = *state;
	int door;

	lose_bus(f);
	door = open_door(f);
	for (size_t i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
		sb_loop_advance(f->loop, delays_ms[i] * SB_USEC_PER_MSEC - 1);
		assert_int_equal(visits(f, door), 0);
		sb_loop_advance(f->loop, 1);
		assert_int_equal(visits(f, door), 1);
	}
	(void)close(door);
	revive_bus(f);

	/* It has been well: the next time begins anew. */
	lose_bus(f);
	door = open_door(f);
	sb_loop_advance(f->loop, 100 * SB_USEC_PER_MSEC);
	assert_int_equal(visits(f, door), 1);
	(void)close(door);
}

/* The loop goes on, and the answer is taken when it comes. */
static void test_a_bus_that_does_not_answer(void **state)
{
	struct fixture *f = *state;

	lose_bus(f);
	assert_int_equal(private_bus_revive(f->private_bus), 0);
	private_bus_pause(f->private_bus);
	sb_loop_advance(f->loop, 100 * SB_USEC_PER_MSEC);
	loop_settle_down(f->loop);
	sb_loop_advance(f->loop, 60 * SB_USEC_PER_SEC);
	loop_settle_down(f->loop);
	assert_true(is_off(f->gateway));
	private_bus_resume(f->private_bus);
	assert_true(loop_until(f->loop, is_on, f->gateway));
	connect_apps(f);
	expect_good(fixture_call(f, f->app, PLANT_PATH, "Connect", ""));
}

static int remember_bus(void *userdata, sd_bus *bus)
{
	*(sd_bus **)userdata = bus;

	return 0;
}

static void forget_bus(void *userdata)
{
	*(sd_bus **)userdata = NULL;
}

static bool bus_is_remembered(void *userdata)
{
	sd_bus *const *bus = userdata;

	return *bus != NULL;
}

/* Answers that we have not read yet are not missing. */
static void assert_waits_for_ever(sd_bus *bus)
{
	uint64_t timeout = 0;

	assert_true(sd_bus_get_method_call_timeout(bus, &timeout) >= 0);
	assert_true(timeout == UINT64_MAX);
}

static void test_no_answer_is_given_up(void **state)
{
	static const struct sb_connection_events events = { remember_bus, forget_bus };
	struct fixture *f = *state;
	struct sb_bus_options options = fixture_bus_options(f);
	struct sb_connection *connection = NULL;
	sd_bus *bus = NULL;

	f->bus = sb_bus_free(f->bus);
	assert_int_equal(sb_connection_new(&options, f->loop, &events, &bus, &connection), 0);
	assert_waits_for_ever(bus);
	private_bus_kill(f->private_bus);
	loop_settle_down(f->loop);
	assert_null(bus);
	assert_int_equal(private_bus_revive(f->private_bus), 0);
	sb_loop_advance(f->loop, 5 * SB_USEC_PER_SEC);
	assert_true(loop_until(f->loop, bus_is_remembered, &bus));
	assert_waits_for_ever(bus);
	(void)sb_connection_free(connection);
}

/* More is to be sent than its socket takes. */
static void test_it_ends_while_the_bus_stands_still(void **state)
{
	static const uint8_t payload[16 * 1024 * 1024];
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = "a",
		.payload = payload,
		.payload_len = sizeof(payload),
	};
	struct fixture *f = *state;

	expect_good(fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "#"));
	expect_good(fixture_call(f, f->other, PLANT_PATH, "Subscribe", "s", "#"));
	client_call_done(&f->call);
	private_bus_pause(f->private_bus);
	assert_int_equal(sb_hub_deliver(f->gateway->hub, &delivery).matched, 2);
	f->bus = sb_bus_free(f->bus);
	assert_null(f->gateway->listener.settled);
}

static unsigned int count(const char *text, const char *part)
{
	unsigned int n = 0;

	while ((text = strstr(text, part))) {
		n++;
		text += strlen(part);
	}

	return n;
}

/* The bus is back, and somebody else was quicker; nothing of the daemon's is to be seen until he goes. */
static void wait_for_name(struct fixture *f)
{
	lose_bus(f);
	assert_int_equal(private_bus_revive(f->private_bus), 0);
	connect_apps(f);
	assert_true(sd_bus_request_name(f->other->bus, SB_BUS_NAME, 0) >= 0);
	for (unsigned int i = 0; i < 20; i++) {
		sb_loop_advance(f->loop, 5 * SB_USEC_PER_SEC);
		loop_settle_down(f->loop);
	}
	assert_true(is_off(f->gateway));
	f->other = client_free(f->other);
	sb_loop_advance(f->loop, 5 * SB_USEC_PER_SEC);
	assert_true(loop_until(f->loop, is_on, f->gateway));
}

static void test_the_name_is_taken_meanwhile(void **state)
{
	struct fixture *f = *state;
	FILE *console = stderr;
	char *text = NULL;
	size_t len;

	stderr = open_memstream(&text, &len);
	assert_non_null(stderr);
	sb_log_set_level(LOG_NOTICE);
	wait_for_name(f);
	(void)fclose(stderr);
	stderr = console;
	assert_int_equal(count(text, "closed the connection"), 1);
	assert_int_equal(count(text, "another process has the name"), 1);
	assert_int_equal(count(text, "the message bus is back"), 1);
	assert_int_equal(count(text, "\n"), 3);
	free(text);
	expect_good(fixture_call(f, f->app, PLANT_PATH, "Connect", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_it_comes_back),
		TEST(test_links_that_come_and_go_meanwhile),
		TEST(test_it_ends_while_the_bus_is_away),
		TEST(test_subscriptions_end),
		TEST(test_calls_that_wait_end),
		TEST(test_the_bus_dies_while_a_sender_is_asked_for),
		TEST(test_a_stranger_of_the_same_name_is_told_nothing),
		TEST(test_a_publisher_is_of_its_connection),
		TEST(test_other_senders),
		TEST(test_attempts_become_rarer),
		TEST(test_a_bus_that_does_not_answer),
		TEST(test_no_answer_is_given_up),
		TEST(test_it_ends_while_the_bus_stands_still),
		TEST(test_the_name_is_taken_meanwhile),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
