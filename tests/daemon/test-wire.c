/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether libcoap's sockets are counted is seen by system-wire, with a relay that counts as well; here is what
 * it never does with them, too.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/wire.h"
#include "tests/daemon/tcp-figures.h"

#define V4 28 /* headers of IP and UDP */
#define V6 48

/** struct fixture - a counter, and two sockets that are connected with each other */
struct fixture {
	struct sb_wire *wire;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} ends[2];
	socklen_t len;
	int fds[2];
};

static void open_end(struct fixture *f, size_t i, int family)
{
	f->fds[i] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(f->fds[i] >= 0);
	f->ends[i].any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		f->ends[i].in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		f->len = sizeof(f->ends[i].in);
	} else {
		f->ends[i].in6.sin6_addr = in6addr_loopback;
		f->len = sizeof(f->ends[i].in6);
	}
	assert_int_equal(bind(f->fds[i], &f->ends[i].any, f->len), 0);
	assert_int_equal(getsockname(f->fds[i], &f->ends[i].any, &f->len), 0);
}

static void open_pair(struct fixture *f, int family)
{
	open_end(f, 0, family);
	open_end(f, 1, family);
	assert_int_equal(connect(f->fds[0], &f->ends[1].any, f->len), 0);
	assert_int_equal(connect(f->fds[1], &f->ends[0].any, f->len), 0);
	assert_int_equal(sb_wire_attach(f->wire, f->fds[0], &f->ends[1].any, false), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->fds[0] = f->fds[1] = -1;
	f->wire = sb_wire_new();
	assert_non_null(f->wire);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		if (f->fds[i] >= 0)
			(void)close(f->fds[i]);
	}
	/* Whatever they had of it has gone with them. */
	assert_int_equal(f->wire->refs, 1);
	(void)sb_wire_unref(f->wire);
	free(f);

	return 0;
}

static void expect(const struct fixture *f, uint64_t sent, uint64_t received)
{
	assert_int_equal(f->wire->sent, sent);
	assert_int_equal(f->wire->received, received);
}

static void datagrams_count_with_their_headers(void **state)
{
	struct fixture *f = *state;
	char buffer[16];

	open_pair(f, AF_INET);
	assert_int_equal(send(f->fds[0], "four", 4, 0), 4);
	expect(f, V4 + 4, 0);
	assert_int_equal(recv(f->fds[1], buffer, sizeof(buffer), 0), 4);
	assert_int_equal(send(f->fds[1], "", 0, 0), 0);
	expect(f, V4 + 4, 0);
	assert_int_equal(recv(f->fds[0], buffer, sizeof(buffer), 0), 0);
	expect(f, V4 + 4, V4);
}

static void those_of_ipv6_have_longer_ones(void **state)
{
	struct fixture *f = *state;
	char buffer[16];

	open_pair(f, AF_INET6);
	assert_int_equal(send(f->fds[0], "four", 4, 0), 4);
	assert_int_equal(send(f->fds[1], "seventy", 7, 0), 7);
	assert_int_equal(recv(f->fds[0], buffer, sizeof(buffer), 0), 7);
	expect(f, V6 + 4, V6 + 7);
}

static void what_the_kernel_refuses_does_not_count(void **state)
{
	struct fixture *f = *state;
	static const char huge[70000];
	char buffer[16];

	open_pair(f, AF_INET);
	assert_int_equal(send(f->fds[0], huge, sizeof(huge), 0), -1);
	assert_int_equal(recv(f->fds[0], buffer, sizeof(buffer), 0), -1);
	expect(f, 0, 0);
}

static void what_is_only_looked_at_does_not_count(void **state)
{
	struct fixture *f = *state;
	char buffer[16];

	open_pair(f, AF_INET);
	assert_int_equal(send(f->fds[1], "four", 4, 0), 4);
	assert_int_equal(recv(f->fds[0], buffer, sizeof(buffer), MSG_PEEK), 4);
	expect(f, 0, 0);
	assert_int_equal(recv(f->fds[0], buffer, sizeof(buffer), 0), 4);
	expect(f, 0, V4 + 4);
}

/* As libcoap's endpoint: of IPv6, and whoever has IPv4 comes with a mapped address. */
static void a_port_tells_its_senders_apart(void **state)
{
	struct fixture *f = *state;
	const int off = 0;
	char buffer[16];
	struct iovec part = { buffer, sizeof(buffer) };
	struct sockaddr_in6 peer;
	struct msghdr message = {
		.msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = &part, .msg_iovlen = 1
	};
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(any);

	f->fds[0] = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(f->fds[0], IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	assert_int_equal(bind(f->fds[0], (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(f->fds[0], (struct sockaddr *)&any, &len), 0);
	assert_int_equal(sb_wire_attach(f->wire, f->fds[0], (struct sockaddr *)&any, false), 0);

	open_end(f, 1, AF_INET);
	f->ends[0].in = (struct sockaddr_in){ .sin_family = AF_INET,
					      .sin_port = any.sin6_port,
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(sendto(f->fds[1], "four", 4, 0, &f->ends[0].any, sizeof(f->ends[0].in)),
			 4);
	assert_int_equal(recvmsg(f->fds[0], &message, 0), 4);
	expect(f, 0, V4 + 4);
	part.iov_len = 7;
	assert_int_equal(sendmsg(f->fds[0], &message, 0), 7);
	expect(f, V4 + 7, V4 + 4);
	peer.sin6_addr = in6addr_loopback;
	assert_int_equal(sendmsg(f->fds[0], &message, 0), 7);
	expect(f, V4 + 7 + V6 + 7, V4 + 4);
}

static void another_socket_with_the_same_number_is_nobodys(void **state)
{
	struct fixture *f = *state;
	int former;

	open_pair(f, AF_INET);
	former = f->fds[0];
	(void)close(f->fds[0]);
	assert_int_equal(f->wire->refs, 1);
	(void)close(f->fds[1]);
	open_end(f, 0, AF_INET);
	assert_int_equal(f->fds[0], former);
	open_end(f, 1, AF_INET);
	assert_int_equal(connect(f->fds[0], &f->ends[1].any, f->len), 0);
	assert_int_equal(send(f->fds[0], "four", 4, 0), 4);
	expect(f, 0, 0);
}

static void *send_elsewhere(void *userdata)
{
	const struct fixture *f = userdata;

	return send(f->fds[0], "four", 4, 0) == 4 ? NULL : userdata;
}

/* Each has a table of its own, so that none waits for another; a link's sockets are the loop's. */
static void other_threads_count_nothing(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *failed;

	open_pair(f, AF_INET);
	assert_int_equal(pthread_create(&thread, NULL, send_elsewhere, f), 0);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	expect(f, 0, 0);
}

static void send_message(const struct fixture *f, uint8_t first, uint16_t number)
{
	const uint8_t bytes[] = { first, 1, (uint8_t)(number >> 8), (uint8_t)number };

	assert_int_equal(send(f->fds[0], bytes, sizeof(bytes), 0), sizeof(bytes));
}

#define CON 0x40
#define NON 0x50
#define ACK 0x60

static void messages_that_are_sent_again_are_known(void **state)
{
	struct fixture *f = *state;

	open_pair(f, AF_INET);
	send_message(f, CON, 0xfffe);
	send_message(f, CON, 0xffff);
	send_message(f, CON, 0);
	assert_int_equal(f->wire->repeated, 0);
	send_message(f, CON, 0xffff);
	assert_int_equal(f->wire->repeated, 1);
	send_message(f, CON, 0);
	assert_int_equal(f->wire->repeated, 2);
	/* Numbers of the cloud's, of which an old one is none of ours. */
	send_message(f, ACK, 0xff00);
	send_message(f, NON, 0xff00);
	assert_int_equal(f->wire->repeated, 2);
	send_message(f, CON, 1);
	assert_int_equal(f->wire->repeated, 2);
}

/* Nobody can tell. */
static void records_have_no_number(void **state)
{
	struct fixture *f = *state;

	open_pair(f, AF_INET);
	assert_int_equal(sb_wire_attach(f->wire, f->fds[0], &f->ends[1].any, true), 0);
	send_message(f, CON, 5);
	send_message(f, CON, 5);
	assert_int_equal(f->wire->repeated, 0);
}

/* Three segments at least, each with 52 bytes of headers; what the kernel tells is taken as it is. */
static void a_connection_counts_when_it_is_closed(void **state)
{
	struct fixture *f = *state;
	char data[1000] = { 0 };
	int port;

	if (!has_tcp_figures()) {
		print_message("the kernel does not tell what a connection has carried\n");
		skip();
	}
	port = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	f->ends[0].in = (struct sockaddr_in){ .sin_family = AF_INET,
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	f->len = sizeof(f->ends[0].in);
	assert_int_equal(bind(port, &f->ends[0].any, f->len), 0);
	assert_int_equal(listen(port, 1), 0);
	assert_int_equal(getsockname(port, &f->ends[0].any, &f->len), 0);
	f->fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(sb_wire_attach_stream(f->wire, f->fds[0]), 0);
	assert_int_equal(connect(f->fds[0], &f->ends[0].any, f->len), 0);
	f->fds[1] = accept(port, NULL, NULL);
	assert_true(f->fds[1] >= 0);
	assert_int_equal(send(f->fds[0], data, 700, 0), 700);
	assert_int_equal(recv(f->fds[1], data, 700, MSG_WAITALL), 700);
	assert_int_equal(send(f->fds[1], data, 300, 0), 300);
	assert_int_equal(recv(f->fds[0], data, 300, MSG_WAITALL), 300);
	expect(f, 0, 0);
	(void)close(f->fds[0]);
	f->fds[0] = -1;
	(void)close(port);
	assert_in_range(f->wire->sent, 700 + 3 * 52, 700 + 7 * 52);
	assert_in_range(f->wire->received, 300 + 2 * 52, 300 + 7 * 52);
}

static void it_outlives_its_owner(void **state)
{
	struct fixture *f = *state;
	struct sb_wire *wire = sb_wire_ref(f->wire);

	open_pair(f, AF_INET);
	assert_int_equal(wire->refs, 3);
	f->wire = sb_wire_unref(f->wire);
	assert_int_equal(send(f->fds[0], "four", 4, 0), 4);
	assert_int_equal(wire->sent, V4 + 4);
	f->wire = wire;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(datagrams_count_with_their_headers),
		TEST(those_of_ipv6_have_longer_ones),
		TEST(what_the_kernel_refuses_does_not_count),
		TEST(what_is_only_looked_at_does_not_count),
		TEST(a_port_tells_its_senders_apart),
		TEST(another_socket_with_the_same_number_is_nobodys),
		TEST(other_threads_count_nothing),
		TEST(messages_that_are_sent_again_are_known),
		TEST(records_have_no_number),
		TEST(a_connection_counts_when_it_is_closed),
		TEST(it_outlives_its_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
