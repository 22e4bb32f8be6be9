/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ways lead to one address, in a network of this process's own: a0 is what the routing table
 * prefers, b0 is not. Their other ends, a1 and b1, show what really left, and from which address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "daemon/transport-bind.h"
#include "daemon/transport-listener.h"
#include "tests/daemon/transport-fixture.h"

#define CLOUD "192.0.2.1"

static const char script[] =
	"exec >/dev/null 2>&1; set -e; ip link set lo up\n"
	"way() {\n"
	"	ip link add $1 type veth peer name $2; ip link set $1 up; ip link set $2 up\n"
	"	ip address add $3/24 dev $1; ip route add 192.0.2.0/24 dev $1 metric $4\n"
	"	ip neighbour add " CLOUD " lladdr 02:00:00:00:00:01 dev $1 nud permanent\n"
	"}\n"
	"way a0 a1 10.1.0.1 10; way b0 b1 10.2.0.1 20\n";

static bool have_network;

/* Only root may have one. */
static int make_network(void **state)
{
	(void)state;
	have_network = system("ip link >/dev/null 2>&1") == 0 && unshare(CLONE_NEWNET) == 0 &&
		       system(script) == 0;

	return 0;
}

/* All that leaves through the other end of @interface. */
static int watch_interface(const char *interface)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_IP));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);

	return fd;
}

/* Packets to the cloud, and who sent the last one. */
static unsigned int count_packets(int fd, char *ret_from)
{
	unsigned int n = 0;
	union {
		struct iphdr header;
		uint8_t bytes[2048];
	} packet;

	while (recv(fd, &packet, sizeof(packet), 0) >= (ssize_t)sizeof(packet.header)) {
		if (packet.header.daddr != inet_addr(CLOUD) ||
		    packet.header.protocol != IPPROTO_UDP)
			continue;
		assert_non_null(
			inet_ntop(AF_INET, &packet.header.saddr, ret_from, INET_ADDRSTRLEN));
		n++;
	}

	return n;
}

static struct sb_peer cloud_through(const char *interface)
{
	struct sb_peer peer = transport_peer_at(5683);

	((struct sockaddr_in *)&peer.address)->sin_addr.s_addr = inet_addr(CLOUD);
	peer.interface = interface;

	return peer;
}

static void send_something(struct transport_fixture *f, const struct sb_peer *peer)
{
	assert_int_equal(sb_session_new(f->transport, peer, transport_on_session, f, &f->session),
			 0);
	if (peer->security == SKYBUS_PLAIN) {
		transport_run_until_told(f, 1);
		transport_send_text(f, "hello");
	}
	transport_run_a_while(f);
}

static void expect_way(struct transport_fixture *f, const struct sb_peer *peer, const char *way,
		       const char *other, const char *address)
{
	char from[INET_ADDRSTRLEN] = "";
	int taken;
	int avoided;

	if (!have_network)
		skip();
	taken = watch_interface(way);
	avoided = watch_interface(other);
	send_something(f, peer);
	assert_int_equal(count_packets(avoided, from), 0);
	assert_in_range(count_packets(taken, from), 1, 3);
	assert_string_equal(from, address);
	(void)close(taken);
	(void)close(avoided);
}

static void without_a_wish_the_routing_table_decides(void **state)
{
	struct sb_peer peer = cloud_through(NULL);

	expect_way(*state, &peer, "a1", "b1", "10.1.0.1");
}

static void a_plain_session_leaves_through_its_interface(void **state)
{
	struct sb_peer peer = cloud_through("b0");

	expect_way(*state, &peer, "b1", "a1", "10.2.0.1");
}

/* Its first message leaves while the session is being made. */
static void a_session_with_a_key_leaves_through_its_interface(void **state)
{
	struct sb_peer peer = cloud_through("b0");

	peer.security = SKYBUS_PSK;
	peer.identity = peer.key = (const uint8_t *)"x";
	peer.identity_len = peer.key_len = 1;
	expect_way(*state, &peer, "b1", "a1", "10.2.0.1");
}

static void a_session_with_a_certificate_leaves_through_its_interface(void **state)
{
	struct sb_peer peer = cloud_through("b0");

	peer.security = SKYBUS_CERTIFICATE;
	expect_way(*state, &peer, "b1", "a1", "10.2.0.1");
}

static void an_interface_that_is_not_there(void **state)
{
	static const char *const names[] = { "nothere0", "", "a-name-beyond-what-fits" };
	struct transport_fixture *f = *state;
	struct sb_peer peer = transport_peer_at(f->peer.port);

	for (size_t i = 0; i < SB_ELEMENTS(names); i++) {
		peer.interface = names[i];
		for (peer.security = SKYBUS_PLAIN; peer.security <= SKYBUS_CERTIFICATE;
		     peer.security++) {
			peer.identity = peer.key = (const uint8_t *)"x";
			peer.identity_len = peer.key_len = 1;
			assert_int_equal(sb_session_new(f->transport, &peer, transport_on_session,
							f, &f->session),
					 -ENODEV);
		}
	}
	assert_null(f->session);
}

/* ---- the listener ---- */

static void on_incoming(void *userdata, struct sb_incoming *incoming)
{
	struct transport_fixture *f = userdata;

	f->replies++;
	sb_incoming_drop(incoming);
}

static void ask_listener(struct transport_fixture *f, const char *interface, unsigned int heard)
{
	struct sb_listener_plan plan = { .interface = interface };
	struct sb_listener *listener = NULL;
	struct peer chosen;

	peer_init(&chosen);
	peer_done(&chosen);
	plan.port = chosen.port;
	f->replies = 0;
	assert_int_equal(sb_listener_new(f->transport, &plan, on_incoming, f, &listener), 0);
	f->peer.from = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(plan.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	peer_send_bytes(&f->peer, "\x44\x02\x00\x01tokn", 8);
	transport_run_a_while(f);
	(void)sb_listener_free(listener);
	assert_int_equal(f->replies, heard);
	assert_int_equal(peer_receive(&f->peer, &f->message), heard);
}

static void a_listener_hears_its_interface_only(void **state)
{
	struct transport_fixture *f = *state;

	if (!have_network)
		skip();
	ask_listener(f, NULL, 1);
	ask_listener(f, "lo", 1);
	ask_listener(f, "b0", 0);
}

/* ---- the rest of the process ---- */

static int connect_somewhere(void)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)close(fd);

	return r;
}

static void *connect_in_thread(void *result)
{
	*(int *)result = connect_somewhere();

	return NULL;
}

static void a_binding_is_one_threads(void **state)
{
	struct sb_bind bind = { .interface = "nothere0" };
	pthread_t thread;
	int result = 1;

	(void)state;
	sb_bind_begin(&bind);
	assert_int_equal(pthread_create(&thread, NULL, connect_in_thread, &result), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(result, 0);
	assert_int_equal(bind.error, 0);
	assert_int_equal(connect_somewhere(), -ENODEV);
	assert_int_equal(bind.error, -ENODEV);
	sb_bind_end();
	assert_int_equal(connect_somewhere(), 0);
}

/* As a library does that tells the journal, or asks a store of keys. */
static void local_sockets_are_left_alone(void **state)
{
	struct sb_bind wish = { .interface = "nothere0" };
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_true(fd >= 0);
	sb_bind_begin(&wish);
	/* The abstract name that the kernel chooses. */
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	sb_bind_end();
	assert_int_equal(wish.error, 0);
	(void)close(fd);
}

static void a_descriptor_that_is_too_high(void **state)
{
	struct sb_bind bind = { .fd_limit = 1 };

	(void)state;
	sb_bind_begin(&bind);
	assert_int_equal(connect_somewhere(), -EMFILE);
	sb_bind_end();
	assert_int_equal(bind.error, -EMFILE);
}

static void without_dtls_no_descriptor_is_low(void **state)
{
	struct sb_bind plain = { .secure = false }, secure = { .secure = true };
	struct rlimit limit;
	int fds[4];

	(void)state;
	sb_bind_begin(&plain);
	fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
	fds[1] = socket(AF_UNIX, SOCK_DGRAM, 0);
	sb_bind_begin(&secure);
	fds[2] = socket(AF_INET6, SOCK_DGRAM, 0);
	sb_bind_end();
	fds[3] = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur <= 1024)
		print_message("the limit of descriptors is too low to try this\n");
	else
		assert_true(fds[0] >= 1024);
	for (size_t i = 0; i < SB_ELEMENTS(fds); i++) {
		assert_true(fds[i] >= 0);
		assert_true(i == 0 || fds[i] < 1024);
		(void)close(fds[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, transport_setup, transport_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_wish_the_routing_table_decides),
		TEST(a_plain_session_leaves_through_its_interface),
		TEST(a_session_with_a_key_leaves_through_its_interface),
		TEST(a_session_with_a_certificate_leaves_through_its_interface),
		TEST(an_interface_that_is_not_there),
		TEST(a_listener_hears_its_interface_only),
		TEST(a_binding_is_one_threads),
		TEST(local_sockets_are_left_alone),
		TEST(a_descriptor_that_is_too_high),
		TEST(without_dtls_no_descriptor_is_low),
	};

	return cmocka_run_group_tests(tests, make_network, NULL);
}
