/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The endpoint with a cloud that counts, and datagrams made by hand, RFC 7252 section 3. What DTLS
 * is to it, strangers test, in test-sim-doors.py.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/cleanup.h"
#include "sim/endpoint.h"
#include "sim/outgoing.h"

/** Far beyond what anything here takes. */
#define PATIENCE_MS 20000

/** Of every request here. */
#define TOKEN "\xde\xad"

enum {
	CON,
	NON,
	ACK
};

static struct fixture {
	struct sim_cloud cloud;
	struct sim_house house;
	struct sim_address address;
	struct sim_endpoint *endpoint;
	int client;
	unsigned int n_served;
	char heard[SIM_PAYLOAD_MAX + 1];
	uint8_t came[1500];
	size_t len;
	bool confirmable[UINT16_MAX +
			 1]; /* by message id: one that wants an acknowledgment has come */
} fixture;

/* ---- The cloud ------------------------------------------------------------------------------- */

/* Its answers are numbered; some are separate, and one is none. */
static void cloud_serve(struct sim_cloud *cloud, const struct sim_request *request,
			struct sim_reply *reply)
{
	char number[16];

	(void)cloud;
	(void)snprintf(number, sizeof(number), "%u", ++fixture.n_served);
	memcpy(fixture.heard, request->payload, request->payload_len);
	fixture.heard[request->payload_len] = '\0';
	reply->separate = strcmp(request->path, "/s") == 0;
	reply->code = strcmp(request->path, "/n") == 0 ? 0 : SIM_CODE(2, 5);
	assert_int_equal(sim_reply_add(reply, SIM_REPLY_PAYLOAD, number, strlen(number)), 0);
}

static const struct sim_door doors[] = { { "test", SIM_PLAIN } };
static const uint16_t critical[] = { 2089, 0 };
static const struct sim_cloud_type type = {
	.name = "test",
	.doors = doors,
	.n_doors = 1,
	.critical = critical,
	.serve = cloud_serve,
};

static int setup(void **state)
{
	const struct sim_endpoint_place place = { .house = &fixture.house };

	(void)state;
	fixture = (struct fixture){ .cloud.type = &type, .client = -1 };
	fixture.house.cloud = &fixture.cloud;
	if (sim_address_parse("127.0.0.1", &fixture.address) < 0 ||
	    sim_endpoint_new(&place, &fixture.address, &fixture.endpoint) < 0)
		return -1;
	fixture.client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return connect(fixture.client, &fixture.address.any, fixture.address.len);
}

static int teardown(void **state)
{
	(void)state;
	fixture.endpoint = sim_endpoint_free(fixture.endpoint);

	return close(fixture.client);
}

/* ---- The client ------------------------------------------------------------------------------ */

/* Sends a POST; @rest is what follows its path of one letter: options, and the payload. */
static void post(unsigned int kind, uint16_t mid, char path, const char *rest, size_t rest_len)
{
	const uint8_t head[] = {
		(uint8_t)(0x42 | kind << 4),
		2,
		(uint8_t)(mid >> 8),
		(uint8_t)mid,
		(uint8_t)TOKEN[0],
		(uint8_t)TOKEN[1],
		0xb1,
		(uint8_t)path,
	};
	uint8_t data[256];

	memcpy(data, head, sizeof(head));
	memcpy(data + sizeof(head), rest, rest_len);
	assert_int_equal(send(fixture.client, data, sizeof(head) + rest_len, 0),
			 sizeof(head) + rest_len);
}

/* What nobody acknowledges comes once more after two seconds, and a busy machine may take as long here. */
static bool came_again(void)
{
	uint16_t mid = (uint16_t)(fixture.came[2] << 8 | fixture.came[3]);
	bool again = (fixture.came[0] >> 4 & 3) == CON && fixture.confirmable[mid];

	fixture.confirmable[mid] |= (fixture.came[0] >> 4 & 3) == CON;

	return again;
}

/* Has the endpoint work until a datagram has come from it. */
static void await(void)
{
	struct pollfd fds[] = {
		{ .fd = fixture.client, .events = POLLIN },
		{ .fd = sim_endpoint_fd(fixture.endpoint), .events = POLLIN },
	};
	ssize_t len;

	while (!(fds[0].revents & POLLIN)) {
		assert_true(poll(fds, SIM_ELEMENTS(fds), PATIENCE_MS) > 0);
		if (fds[1].revents)
			sim_endpoint_process(fixture.endpoint);
	}
	len = recv(fixture.client, fixture.came, sizeof(fixture.came), 0);
	assert_true(len >= 4);
	fixture.len = (size_t)len;
}

static void receive(void)
{
	do
		await();
	while (came_again());
}

/* Whether what has come is a reply to a request here, and how it ends. */
static void assert_reply(unsigned int kind, uint8_t code, const char *end)
{
	assert_true(fixture.len >= 6 + strlen(end));
	assert_int_equal(fixture.came[0], 0x42 | kind << 4);
	assert_int_equal(fixture.came[1], code);
	assert_memory_equal(fixture.came + 4, TOKEN, 2);
	assert_memory_equal(fixture.came + fixture.len - strlen(end), end, strlen(end));
}

static void assert_empty_ack(uint16_t mid)
{
	const uint8_t empty[] = { 0x60, 0, (uint8_t)(mid >> 8), (uint8_t)mid };

	assert_int_equal(fixture.len, sizeof(empty));
	assert_memory_equal(fixture.came, empty, sizeof(empty));
}

static void assert_silence(void)
{
	sim_endpoint_process(fixture.endpoint);
	assert_true(recv(fixture.client, fixture.came, sizeof(fixture.came), MSG_DONTWAIT) < 0);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_serves_a_message_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		post(CON, 7, 'a',
		     "\xff"
		     "x",
		     2);
		receive();
		assert_reply(ACK, SIM_CODE(2, 5),
			     "\xff"
			     "1");
		assert_int_equal(fixture.came[2] << 8 | fixture.came[3], 7);
	}
	assert_string_equal(fixture.heard, "x");
	assert_int_equal(fixture.house.n_requests, 1);
	assert_int_equal(fixture.house.n_repeated, 2);
	post(CON, 8, 'a', "", 0);
	receive();
	assert_reply(ACK, SIM_CODE(2, 5),
		     "\xff"
		     "2");
}

static void test_separate_reply(void **state)
{
	uint8_t acknowledgment[4] = { 0x60 };

	(void)state;
	post(CON, 7, 's', "", 0);
	receive();
	assert_empty_ack(7);
	post(CON, 7, 's', "", 0);
	receive();
	assert_reply(CON, SIM_CODE(2, 5),
		     "\xff"
		     "1");
	memcpy(acknowledgment + 2, fixture.came + 2, 2);
	receive();
	assert_empty_ack(7);
	assert_int_equal(send(fixture.client, acknowledgment, sizeof(acknowledgment), 0), 4);
	post(CON, 7, 's', "", 0);
	receive();
	assert_empty_ack(7);
	assert_silence();
	assert_int_equal(fixture.n_served, 1);
	assert_int_equal(fixture.house.n_repeated, 2);
}

static void test_no_separate_reply_without_acknowledgment(void **state)
{
	(void)state;
	post(NON, 7, 's', "", 0);
	receive();
	assert_reply(NON, SIM_CODE(2, 5),
		     "\xff"
		     "1");
	assert_silence();
}

/* The client never acknowledges: none holds up the next, and at some time there are no more. */
static void test_separate_replies_are_bounded(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SIM_SEPARATE_MAX; i++) {
		post(CON, (uint16_t)i, 's', "", 0);
		receive();
		assert_empty_ack((uint16_t)i);
		receive();
		assert_reply(CON, SIM_CODE(2, 5), "");
	}
	post(CON, SIM_SEPARATE_MAX, 's', "", 0);
	receive();
	assert_reply(ACK, SIM_CODE(2, 5), "");
}

static void test_critical_options(void **state)
{
	(void)state;
	/* 2089 is 11 + 269 + 0x0709, 2101 is 11 + 269 + 0x0715. */
	post(CON, 7, 'a',
	     "\xe1\x07\x11"
	     "1",
	     4);
	receive();
	assert_reply(ACK, SIM_CODE(2, 5),
		     "\xff"
		     "1");
	post(CON, 8, 'a',
	     "\xe1\x07\x1d"
	     "1",
	     4);
	receive();
	assert_int_equal(fixture.came[1], SIM_CODE(4, 2));
	assert_int_equal(fixture.n_served, 1);
}

static void test_cloud_without_an_answer(void **state)
{
	(void)state;
	post(CON, 7, 'n', "", 0);
	receive();
	assert_reply(ACK, SIM_CODE(5, 0), "");
	assert_int_equal(fixture.len, 6);
}

/* Option 27, Block1, is 11 + 13 + 3; blocks of 16 bytes. */
static void test_joins_blocks(void **state)
{
	static const char first[] = "\xd1\x03\x08\xff"
				    "0123456789abcdef";
	static const char second[] = "\xd1\x03\x10\xff"
				     "ghi";

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		post(CON, 7, 'a', first, sizeof(first) - 1);
		receive();
		assert_reply(ACK, SIM_CODE(2, 31), "\xd1\x0e\x08");
	}
	post(CON, 8, 'a', second, sizeof(second) - 1);
	receive();
	assert_reply(ACK, SIM_CODE(2, 5),
		     "\xd1\x0e\x10\xff"
		     "1");
	assert_string_equal(fixture.heard, "0123456789abcdefghi");
}

static void test_another_listens(void **state)
{
	const struct sim_endpoint_place place = { .house = &fixture.house };
	struct sim_endpoint *second = NULL;

	(void)state;
	assert_int_equal(sim_endpoint_new(&place, &fixture.address, &second), -EADDRINUSE);
	assert_null(second);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_serves_a_message_once),
		TEST(test_separate_reply),
		TEST(test_no_separate_reply_without_acknowledgment),
		TEST(test_separate_replies_are_bounded),
		TEST(test_critical_options),
		TEST(test_cloud_without_an_answer),
		TEST(test_joins_blocks),
		TEST(test_another_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
