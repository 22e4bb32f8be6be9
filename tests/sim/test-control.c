/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Orders through a real socket, to the plain clouds on real ports. The world runs in this process, one
 * step at a time, until what is waited for has come.
 */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/clock.h"
#include "sim/control.h"
#include "sim/world.h"

/** Far beyond what anything here takes. */
#define PATIENCE_US UINT64_C(20000000)

#define DEVICE "pk7TestA,dev0000001,AbCdEfGhIjKlMnOpQrSt"
#define SET "/sys/pk7TestA/dev0000001/thing/service/measurepoint/set"

static const struct sim_cloud_type *const types[] = { &sim_enos_v1, &sim_enos_v2 };

static struct fixture {
	char folder[32];
	char path[48];
	struct sim_setup setup;
	struct sim_world_options options;
	struct sim_world world;
	int control;
	int client;
	char line[SIM_CONTROL_LINE_MAX];
	size_t len;
	json_t *reply;
} fixture;

static int open_control(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)strcpy(address.sun_path, fixture.path);

	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : fd;
}

static int setup_world(bool impairable)
{
	struct sim_address own;

	fixture = (struct fixture){ .folder = "/tmp/sim-control-XXXXXX", .control = -1 };
	if (!mkdtemp(fixture.folder) || sim_setup_add_device(&fixture.setup, DEVICE) < 0 ||
	    sim_address_parse("127.0.0.1", &own) < 0)
		return -1;
	(void)snprintf(fixture.path, sizeof(fixture.path), "%s/control", fixture.folder);
	fixture.options = (struct sim_world_options){
		.types = types,
		.n_types = 2,
		.address = own,
		.impairable = impairable,
		.control_path = fixture.path,
		.setup = &fixture.setup,
	};
	fixture.client = sim_address_bind(&own);
	if (fixture.client < 0 || sim_world_init(&fixture.world, &fixture.options) < 0)
		return -1;
	fixture.control = open_control();

	return fixture.control < 0 ? -1 : 0;
}

static int setup(void **state)
{
	(void)state;

	return setup_world(false);
}

static int setup_impairable(void **state)
{
	(void)state;

	return setup_world(true);
}

static int teardown(void **state)
{
	(void)state;
	json_decref(fixture.reply);
	sim_world_done(&fixture.world);
	sim_setup_done(&fixture.setup);
	(void)close(fixture.control);
	(void)close(fixture.client);

	/* The socket in it is gone, or this fails. */
	return rmdir(fixture.folder);
}

static void step(void)
{
	assert_true(sd_event_run(fixture.world.site.event, PATIENCE_US) > 0);
}

/* ---- The two sides --------------------------------------------------------------------------- */

static void send_text(const char *text)
{
	assert_int_equal(send(fixture.control, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The next reply; NULL when the other side has closed. */
static json_t *next_reply(void)
{
	char *end;

	while (!(end = memchr(fixture.line, '\n', fixture.len))) {
		ssize_t len = recv(fixture.control, fixture.line + fixture.len,
				   sizeof(fixture.line) - fixture.len, 0);

		if (len == 0)
			return NULL;
		if (len < 0)
			step();
		else
			fixture.len += (size_t)len;
	}
	json_decref(fixture.reply);
	fixture.reply = json_loadb(fixture.line, (size_t)(end - fixture.line), 0, NULL);
	assert_non_null(fixture.reply);
	fixture.len -= (size_t)(end + 1 - fixture.line);
	memmove(fixture.line, end + 1, fixture.len);

	return fixture.reply;
}

static bool was_done(void)
{
	json_t *reply = next_reply();

	assert_non_null(reply);
	if (!json_is_true(json_object_get(reply, "ok")))
		assert_true(json_string_length(json_object_get(reply, "error")) > 10);

	return json_is_true(json_object_get(reply, "ok"));
}

/* @args is the inside of a JSON array. */
static bool order(const char *verb, const char *args)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{\"verb\":\"%s\",\"args\":[%s]}\n", verb, args);
	send_text(text);

	return was_done();
}

static void go_to(const char *door)
{
	const struct sim_port *port = sim_world_port(&fixture.world, door);

	assert_non_null(port);
	assert_int_equal(connect(fixture.client, &port->outside.any, port->outside.len), 0);
}

static void send_get(uint8_t mid, char segment)
{
	const uint8_t get[] = { 0x40, 1, 0, mid, 0xb1, (uint8_t)segment };

	assert_int_equal(send(fixture.client, get, sizeof(get), 0), sizeof(get));
}

/* GET /{segment}; the code of the reply. */
static uint8_t get(uint8_t mid, char segment)
{
	uint8_t reply[64];

	send_get(mid, segment);
	while (recv(fixture.client, reply, sizeof(reply), 0) < 4)
		step();
	assert_int_equal(reply[3], mid);

	return reply[1];
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_socket_is_the_owners(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(stat(fixture.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_bad_orders(void **state)
{
	static const char *const bad[] = {
		"\n",
		"status\n",
		"[]\n",
		"{}\n",
		"{\"verb\":1}\n",
		"{\"verb\":\"status\",\"args\":\"\"}\n",
		"{\"verb\":\"status\",\"args\":[1]}\n",
		"{\"verb\":\"status\",\"args\":[\"1\"]}\n",
		"{\"verb\":\"expire\"}\n",
		"{\"verb\":\"call\",\"args\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]}\n",
		"{\"verb\":\"dance\"}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		send_text(bad[i]);
		assert_false(was_done());
	}
	assert_true(order("status", ""));
}

static void test_bad_arguments(void **state)
{
	(void)state;
	assert_false(order("expire", "\"enos\""));
	assert_false(order("forget", "\"enos\""));
	assert_false(order("stop", "\"enos\""));
	assert_false(order("start", "\"enos\""));
	assert_false(order("rotate", "\"enos-v1\",\"pk/dk\",\"secret\""));
	assert_false(order("rotate", "\"enos-v1\",\"pk7TestA/dev0000001\",\"\""));
	assert_false(order("answer", "\"enos-v1\",\"2.04\",\"1\""));
	assert_false(order("answer", "\"enos-v1\",\"4.32\",\"1\""));
	assert_false(order("answer", "\"enos-v1\",\"404\",\"1\""));
	assert_false(order("answer", "\"enos-v1\",\"4.04\",\"-1\""));
	assert_false(order("answer", "\"enos-v1\",\"4.04\",\"1\",\"x\""));
	assert_false(order("answer", "\"enos-v1\",\"5.03\",\"1\",\"max-age=\""));
	assert_false(order("answer", "\"enos-v1\",\"5.03\",\"1\",\"max-age=256\""));
	assert_false(order("impair", "\"enos-v1\",\"drop=1\""));
	assert_false(order("clock", "\"-1\""));
	assert_false(order("clock", "\"99999999999\""));
	assert_false(order("command", "\"/sys/pk/dk/x=1\""));
	assert_false(order("command", "\"" SET "\""));
	assert_false(order("call", "\"DANCE\",\"coap://127.0.0.1/\""));
	assert_false(order("call", "\"GET\",\"coaps://127.0.0.1/\""));
	assert_false(order("call", "\"GET\",\"coap://localhost/\""));
	assert_false(order("call", "\"GET\",\"coap://127.0.0.1/\",\"repeat=9\""));
}

static void test_lines(void **state)
{
	(void)state;
	send_text("{\"verb\":");
	step();
	send_text("\"status\"}\n{\"verb\":\"expire\",\"args\":[\"enos-v1\"]}\n{}\n");
	assert_true(was_done());
	assert_int_equal(json_array_size(json_object_get(fixture.reply, "clouds")), 2);
	assert_true(was_done());
	assert_false(was_done());
}

static void test_line_too_long(void **state)
{
	static char text[SIM_CONTROL_LINE_MAX + 1];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	send_text(text);
	assert_false(was_done());
	assert_null(next_reply());
}

static void test_many_connections(void **state)
{
	int fds[32];
	char byte;

	(void)state;
	for (size_t i = 0; i < 32; i++) {
		fds[i] = open_control();
		if (fds[i] >= 0)
			step();
	}
	assert_true(fds[14] >= 0);
	assert_int_equal(recv(fds[14], &byte, 1, 0), -1);
	assert_true(fds[15] >= 0);
	assert_int_equal(recv(fds[15], &byte, 1, 0), 0);
	for (size_t i = 0; i < 32; i++)
		(void)close(fds[i]);
	assert_true(order("status", ""));
}

static void test_answer(void **state)
{
	(void)state;
	go_to("enos-v1");
	assert_int_equal(get(1, 'x'), SIM_CODE(4, 4));
	assert_true(order("answer", "\"enos-v1\",\"5.03\",\"2\",\"/x\""));
	assert_int_equal(get(2, 'y'), SIM_CODE(4, 4));
	assert_int_equal(get(3, 'x'), SIM_CODE(5, 3));
	assert_int_equal(get(3, 'x'), SIM_CODE(5, 3));
	assert_int_equal(get(4, 'x'), SIM_CODE(5, 3));
	assert_int_equal(get(5, 'x'), SIM_CODE(4, 4));
	assert_true(order("answer", "\"enos-v1\",\"4.01\",\"1\""));
	assert_int_equal(get(6, 'z'), SIM_CODE(4, 1));
}

static void test_answer_with_max_age(void **state)
{
	/* Type, code, message id; Max-Age is the first option, of one byte. */
	static const uint8_t expected[] = { 0x60, SIM_CODE(4, 29), 0, 1, 0xd1, 1, 7 };
	uint8_t reply[64];

	(void)state;
	go_to("enos-v1");
	assert_true(order("answer", "\"enos-v1\",\"4.29\",\"1\",\"max-age=7\",\"/x\""));
	assert_int_equal(get(2, 'y'), SIM_CODE(4, 4));
	send_get(1, 'x');
	while (recv(fixture.client, reply, sizeof(reply), 0) < 0)
		step();
	assert_memory_equal(reply, expected, sizeof(expected));
}

static void test_forget(void **state)
{
	struct sim_house *house = sim_world_house(&fixture.world, "enos-v2");

	(void)state;
	go_to("enos-v2");
	assert_int_equal(get(1, 'x'), SIM_CODE(4, 4));
	assert_int_equal(get(1, 'x'), SIM_CODE(4, 4));
	assert_int_equal(house->n_requests, 1);
	assert_int_equal(house->n_repeated, 1);
	assert_true(order("forget", "\"enos-v2\""));
	assert_int_equal(get(1, 'x'), SIM_CODE(4, 4));
	assert_int_equal(house->n_requests, 2);
}

static void test_stop_and_start(void **state)
{
	(void)state;
	go_to("enos-v1");
	assert_int_equal(get(1, 'x'), SIM_CODE(4, 4));
	assert_true(order("stop", "\"enos-v1\""));
	assert_true(order("stop", "\"enos-v1\""));
	send_get(2, 'x');
	assert_int_equal(recv(fixture.client, fixture.line, sizeof(fixture.line), 0), -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_true(order("forget", "\"enos-v1\""));
	assert_true(order("start", "\"enos-v1\""));
	assert_true(order("start", "\"enos-v1\""));
	assert_int_equal(get(3, 'x'), SIM_CODE(4, 4));
}

static void test_start_where_another_listens(void **state)
{
	struct sim_address taken;
	int fd;

	(void)state;
	assert_true(order("stop", "\"enos-v1\""));
	taken = sim_world_port(&fixture.world, "enos-v1")->outside;
	fd = sim_address_bind(&taken);
	assert_true(fd >= 0);
	assert_false(order("start", "\"enos-v1\""));
	(void)close(fd);
	assert_true(order("start", "\"enos-v1\""));
}

static void test_command(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		assert_true(order("command", "\"" SET "=1\""));
	assert_false(order("command", "\"" SET "=1\""));
}

static void test_secrets_and_sessions(void **state)
{
	(void)state;
	assert_true(order("rotate", "\"enos-v1\",\"pk7TestA/dev0000001\",\"another\""));
	assert_true(order("expire", "\"enos-v1\""));
}

static void test_clock(void **state)
{
	uint64_t before = sim_clock_now();

	(void)state;
	assert_true(order("clock", "\"3600\""));
	assert_true(sim_clock_now() >= before + 3600 * SIM_USEC_PER_SEC);
	assert_true(sim_clock_now() < before + 3700 * SIM_USEC_PER_SEC);
}

static void test_impair(void **state)
{
	(void)state;
	go_to("enos-v1");
	assert_int_equal(get(1, 'x'), SIM_CODE(4, 4));
	assert_false(order("impair", "\"enos\",\"drop=100\""));
	assert_false(order("impair", "\"enos-v1\",\"drop=101\""));
	assert_true(order("impair", "\"enos-v1\",\"drop=100\""));
	send_get(2, 'x');
	step();
	assert_true(order("stop", "\"enos-v1\""));
	assert_true(order("start", "\"enos-v1\""));
	send_get(3, 'x');
	step();
	assert_true(order("impair", "\"enos-v1\""));
	assert_int_equal(get(4, 'x'), SIM_CODE(4, 4));
	assert_int_equal(sim_world_house(&fixture.world, "enos-v1")->n_requests, 2);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* A device: takes a request, as bytes, and remembers from where. */
static size_t take_call(uint8_t ret[64], struct sim_address *ret_from)
{
	ssize_t len;

	for (;;) {
		ret_from->len = sizeof(ret_from->in6);
		len = recvfrom(fixture.client, ret, 64, 0, &ret_from->any, &ret_from->len);
		if (len >= 0)
			return (size_t)len;
		step();
	}
}

/* 2.05 in the acknowledgement. */
static void answer_call(const uint8_t *call, const struct sim_address *to, const char *payload)
{
	uint8_t reply[64] = { 0x68, SIM_CODE(2, 5), call[2], call[3] };
	size_t len = 12;

	memcpy(reply + 4, call + 4, 8);
	reply[len++] = 0xff;
	memcpy(reply + len, payload, strlen(payload));
	len += strlen(payload);
	assert_int_equal(sendto(fixture.client, reply, len, 0, &to->any, to->len), len);
}

static void send_call(const char *rest)
{
	struct sim_address own = { .len = sizeof(own.in6) };
	char text[256];

	assert_int_equal(getsockname(fixture.client, &own.any, &own.len), 0);
	(void)snprintf(text, sizeof(text),
		       "{\"verb\":\"call\",\"args\":[\"POST\",\"coap://127.0.0.1:%u%s]}\n",
		       sim_address_port(&own), rest);
	send_text(text);
}

static void test_call(void **state)
{
	/* Behind the token: Uri-Path a, Content-Format 0, Uri-Query b=1, and the payload. */
	static const uint8_t rest[] = { 0xb1, 'a', 0x10, 0x33, 'b', '=', '1', 0xff, 'h', 'i' };
	struct sim_address from;
	uint8_t call[64];

	(void)state;
	send_call("/a?b=1\",\"hi\"");
	assert_int_equal(take_call(call, &from), 12 + sizeof(rest));
	assert_int_equal(call[0], 0x48);
	assert_int_equal(call[1], SIM_POST);
	assert_memory_equal(call + 12, rest, sizeof(rest));
	answer_call(call, &from, "well");
	assert_true(was_done());
	assert_string_equal(json_string_value(json_object_get(fixture.reply, "code")), "2.05");
	assert_string_equal(json_string_value(json_object_get(fixture.reply, "payload")), "well");
	assert_string_equal(json_string_value(json_object_get(fixture.reply, "text")), "2.05 well");
	assert_true(order("status", ""));
}

static void test_call_of_the_root(void **state)
{
	static const uint8_t rest[] = { 0xc0 };
	struct sim_address from;
	uint8_t call[64];

	(void)state;
	send_call("\"");
	assert_int_equal(take_call(call, &from), 12 + sizeof(rest));
	assert_memory_equal(call + 12, rest, sizeof(rest));
	answer_call(call, &from, "\xff");
	assert_true(was_done());
	assert_null(json_object_get(fixture.reply, "payload"));
	assert_string_equal(json_string_value(json_object_get(fixture.reply, "payload_base64")),
			    "/w==");
}

static void test_call_repeated(void **state)
{
	struct sim_address from;
	uint8_t first[64], again[64];
	size_t len;

	(void)state;
	send_call("/a\",\"hi\",\"repeat=2\"");
	len = take_call(first, &from);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(take_call(again, &from), len);
		assert_memory_equal(first, again, len);
	}
	for (int i = 0; i < 3; i++)
		answer_call(first, &from, "well");
	assert_true(was_done());
	assert_string_equal(json_string_value(json_object_get(fixture.reply, "code")), "2.05");
}

/* While a call is on its way, the next order waits, and the connection may go. */
static void test_call_forgotten(void **state)
{
	struct sim_address from;
	uint8_t call[64];

	(void)state;
	send_call("/a\"");
	(void)take_call(call, &from);
	(void)close(fixture.control);
	fixture.control = open_control();
	assert_true(order("status", ""));
}

static void test_call_of_nobody(void **state)
{
	(void)state;
	send_call("/a\"");
	(void)close(fixture.client);
	fixture.client = -1;
	assert_false(was_done());
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_socket_is_the_owners),
		TEST(test_bad_orders),
		TEST(test_bad_arguments),
		TEST(test_lines),
		TEST(test_line_too_long),
		TEST(test_many_connections),
		TEST(test_answer),
		TEST(test_answer_with_max_age),
		TEST(test_forget),
		TEST(test_stop_and_start),
		TEST(test_start_where_another_listens),
		TEST(test_command),
		TEST(test_secrets_and_sessions),
		TEST(test_clock),
		cmocka_unit_test_setup_teardown(test_impair, setup_impairable, teardown),
		TEST(test_call),
		TEST(test_call_of_the_root),
		TEST(test_call_repeated),
		TEST(test_call_forgotten),
		TEST(test_call_of_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
