/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A relay between two sockets of this test, the client's and the door's. Nothing is waited for but
 * what comes: a datagram that must not come is known by the one behind it, which does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/random.h"
#include "sim/relay.h"

/** Far beyond what anything here takes. */
#define PATIENCE_US UINT64_C(10000000)

static struct fixture {
	sd_event *event;
	int door;
	int client;
	struct sim_address back; /* whom the door answers */
	struct sim_relay *relay;
	uint16_t port;
} fixture;

static int setup(void **state)
{
	struct sim_address behind, front, own;

	(void)state;
	fixture = (struct fixture){ .door = -1, .client = -1 };
	sim_random_seed(1);
	if (sd_event_new(&fixture.event) < 0 || sim_address_parse("127.0.0.1", &behind) < 0)
		return -1;
	front = behind;
	own = behind;
	fixture.door = sim_address_bind(&behind);
	fixture.client = sim_address_bind(&own);
	if (fixture.door < 0 || fixture.client < 0 ||
	    sim_relay_new(fixture.event, &front, &behind, &fixture.relay) < 0)
		return -1;
	fixture.port = sim_address_port(&front);

	return connect(fixture.client, &front.any, front.len);
}

static int teardown(void **state)
{
	(void)state;
	(void)sim_relay_free(fixture.relay);
	(void)close(fixture.door);
	(void)close(fixture.client);
	(void)sd_event_unref(fixture.event);

	return 0;
}

/* The next datagram at one of the two ends, as text. */
static const char *next(int fd)
{
	static char text[64];
	struct sim_address from = { .len = sizeof(from.in6) };
	ssize_t len;

	while ((len = recvfrom(fd, text, sizeof(text) - 1, 0, &from.any, &from.len)) < 0)
		assert_true(sd_event_run(fixture.event, PATIENCE_US) > 0);
	text[len] = '\0';
	if (fd == fixture.door)
		fixture.back = from;

	return text;
}

static void say(const char *text)
{
	assert_int_equal(send(fixture.client, text, strlen(text), 0), strlen(text));
}

static void answer(const char *text)
{
	assert_int_equal(sendto(fixture.door, text, strlen(text), 0, &fixture.back.any,
				fixture.back.len),
			 strlen(text));
}

static void impair(struct sim_impair how)
{
	sim_relay_impair(fixture.relay, &how);
}

/* What the client has sent must be in the relay before the network changes. */
static void let_it_read(void)
{
	assert_true(sd_event_run(fixture.event, PATIENCE_US) > 0);
}

static void test_both_ways(void **state)
{
	(void)state;
	say("a");
	assert_string_equal(next(fixture.door), "a");
	assert_int_not_equal(sim_address_port(&fixture.back), fixture.port);
	answer("b");
	answer("");
	assert_string_equal(next(fixture.client), "b");
	assert_string_equal(next(fixture.client), "");
}

static void test_drop(void **state)
{
	(void)state;
	impair((struct sim_impair){ .drop = 100 });
	say("lost");
	let_it_read();
	impair((struct sim_impair){ 0 });
	say("comes");
	assert_string_equal(next(fixture.door), "comes");

	impair((struct sim_impair){ .drop = 100 });
	answer("lost");
	let_it_read();
	impair((struct sim_impair){ 0 });
	answer("comes");
	assert_string_equal(next(fixture.client), "comes");
}

static void test_duplicate(void **state)
{
	(void)state;
	impair((struct sim_impair){ .duplicate = 100 });
	say("twice");
	assert_string_equal(next(fixture.door), "twice");
	assert_string_equal(next(fixture.door), "twice");
	answer("too");
	assert_string_equal(next(fixture.client), "too");
	assert_string_equal(next(fixture.client), "too");
	say("end");
	assert_string_equal(next(fixture.door), "end");
}

static void test_late_ones_are_overtaken(void **state)
{
	(void)state;
	impair((struct sim_impair){ .reorder = 100 });
	say("first");
	let_it_read();
	impair((struct sim_impair){ 0 });
	say("second");
	assert_string_equal(next(fixture.door), "second");
	assert_string_equal(next(fixture.door), "first");
}

static void test_clients_are_apart(void **state)
{
	struct sim_address own, first;
	const int former = fixture.client;

	(void)state;
	say("a");
	assert_string_equal(next(fixture.door), "a");
	first = fixture.back;

	assert_int_equal(sim_address_parse("127.0.0.1", &own), 0);
	fixture.client = sim_address_bind(&own);
	assert_true(fixture.client >= 0);
	sim_address_set_port(&own, fixture.port);
	assert_int_equal(connect(fixture.client, &own.any, own.len), 0);
	say("b");
	assert_string_equal(next(fixture.door), "b");
	assert_int_not_equal(sim_address_port(&fixture.back), sim_address_port(&first));
	answer("to b");
	assert_string_equal(next(fixture.client), "to b");
	(void)close(fixture.client);
	fixture.client = former;

	say("a again");
	assert_string_equal(next(fixture.door), "a again");
	assert_int_equal(sim_address_port(&fixture.back), sim_address_port(&first));
}

/* More than there is room for: the oldest give way, and nobody else is worse off. */
static void test_many_clients(void **state)
{
	struct sim_address front;

	(void)state;
	assert_int_equal(sim_address_parse("127.0.0.1", &front), 0);
	sim_address_set_port(&front, fixture.port);
	for (int i = 0; i < 600; i++) {
		struct sim_address own = front;
		int fd;

		sim_address_set_port(&own, 0);
		fd = sim_address_bind(&own);
		assert_true(fd >= 0);
		assert_int_equal(sendto(fd, "x", 1, 0, &front.any, front.len), 1);
		assert_string_equal(next(fixture.door), "x");
		(void)close(fd);
	}
	say("still here");
	assert_string_equal(next(fixture.door), "still here");
}

/* Freed with datagrams on their way. */
static void test_end(void **state)
{
	(void)state;
	impair((struct sim_impair){ .duplicate = 100, .delay_ms = 60000 });
	say("a");
	let_it_read();
	fixture.relay = sim_relay_free(fixture.relay);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_ways),
		TEST(test_drop),
		TEST(test_duplicate),
		TEST(test_late_ones_are_overtaken),
		TEST(test_clients_are_apart),
		TEST(test_many_clients),
		TEST(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
