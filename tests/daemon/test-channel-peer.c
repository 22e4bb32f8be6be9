/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a channel asks the transport for, and in which words it tells what the transport says. Names and
 * sessions are the test's own; daemon/resolver.c and daemon/transport*.c are not linked.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/channel.h"

#define ADDRESSES_MAX 3

struct sb_lookup {
	sb_resolved_fn *done;
	void *userdata;
};

struct sb_session {
	sb_session_fn *changed;
	void *userdata;
};

static struct fixture {
	struct sb_channel *channel;
	struct skybus_session session;
	struct sb_channel_plan plan;
	struct sb_lookup lookup;
	struct sb_session opened;
	int refusals[ADDRESSES_MAX]; /* of sb_session_new(), for each address */
	char tried[128]; /* addresses */
	char interface[16];
	char host[64];
	char trust[64];
	enum sb_channel_state state;
	int error;
	char reason[320];
} f;

/* ---- in place of the core ---- */

int sb_resolver_ask(struct sb_resolver *resolver, const char *host, uint16_t port,
		    sb_resolved_fn *done, void *userdata, struct sb_lookup **ret)
{
	(void)resolver;
	assert_string_equal(host, "cloud.example");
	assert_int_equal(port, 5684);
	f.lookup.done = done;
	f.lookup.userdata = userdata;
	*ret = &f.lookup;

	return 0;
}

struct sb_lookup *sb_lookup_cancel(struct sb_lookup *lookup)
{
	(void)lookup;

	return NULL;
}

int sb_session_new(struct sb_transport *transport, const struct sb_peer *peer,
		   sb_session_fn *changed, void *userdata, struct sb_session **ret)
{
	const struct sockaddr_in *address = (const struct sockaddr_in *)&peer->address;
	unsigned int last = ntohl(address->sin_addr.s_addr) & 0xff;
	size_t len = strlen(f.tried);

	(void)transport;
	(void)snprintf(f.tried + len, sizeof(f.tried) - len, "%u ", last);
	(void)snprintf(f.interface, sizeof(f.interface), "%s",
		       peer->interface ? peer->interface : "");
	(void)snprintf(f.host, sizeof(f.host), "%s", peer->host);
	(void)snprintf(f.trust, sizeof(f.trust), "%.*s", (int)peer->trust_len,
		       peer->trust ? (const char *)peer->trust : "");
	if (f.refusals[last - 1] < 0)
		return f.refusals[last - 1];
	f.opened.changed = changed;
	f.opened.userdata = userdata;
	*ret = &f.opened;

	return 0;
}

void sb_session_local(const struct sb_session *session, struct sockaddr_storage *ret)
{
	assert_ptr_equal(session, &f.opened);
	*ret = (struct sockaddr_storage){ .ss_family = AF_INET };
}

void sb_session_facts(const struct sb_session *session, struct sb_session_facts *ret)
{
	assert_ptr_equal(session, &f.opened);
	*ret = (struct sb_session_facts){ .answered = true, .handshake = "SERVER HELLO" };
}

struct sb_session *sb_session_free(struct sb_session *session)
{
	(void)session;

	return NULL;
}

/* ---- the tests ---- */

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){
		.session = {
			.size = sizeof(f.session),
			.security = SKYBUS_CERTIFICATE,
			.host = "cloud.example",
			.port = 5684,
		},
		.plan = { .session = &f.session },
	};

	return 0;
}

static int teardown(void **state)
{
	(void)state;
	f.channel = sb_channel_free(f.channel);

	return 0;
}

static void on_changed(void *userdata, enum sb_channel_state state, int error, const char *reason)
{
	(void)userdata;
	f.state = state;
	f.error = error;
	(void)snprintf(f.reason, sizeof(f.reason), "%s", reason);
}

static int open_channel(void)
{
	f.channel = sb_channel_free(f.channel);
	f.tried[0] = '\0';
	f.state = SB_CHANNEL_RESOLVING;

	return sb_channel_open(&f.plan, on_changed, NULL, &f.channel);
}

/* The name has so many addresses, 192.0.2.1 and on. */
static void resolve(size_t n)
{
	struct sb_address addresses[ADDRESSES_MAX] = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct sockaddr_in *address = (struct sockaddr_in *)&addresses[i].sockaddr;

		address->sin_family = AF_INET;
		address->sin_addr.s_addr = htonl(0xc0000201 + (uint32_t)i);
		addresses[i].len = sizeof(*address);
	}
	f.lookup.done(f.lookup.userdata, 0, "", addresses, n);
}

static void expect_tried(unsigned int attempt, const char *tried)
{
	f.plan.attempt = attempt;
	assert_int_equal(open_channel(), 0);
	resolve(ADDRESSES_MAX);
	assert_string_equal(f.tried, tried);
}

static void each_attempt_takes_the_next_address(void **state)
{
	(void)state;
	expect_tried(0, "1 ");
	expect_tried(1, "2 ");
	expect_tried(2, "3 ");
	expect_tried(3, "1 ");
	assert_int_equal(f.state, SB_CHANNEL_CONNECTING);
}

static void what_the_box_refuses_at_once_is_passed_over(void **state)
{
	(void)state;
	f.refusals[0] = -EHOSTUNREACH;
	expect_tried(0, "1 2 ");
	assert_int_equal(f.state, SB_CHANNEL_CONNECTING);
	f.refusals[2] = -EADDRNOTAVAIL;
	expect_tried(2, "3 1 2 ");
	assert_int_equal(f.state, SB_CHANNEL_CONNECTING);
	f.refusals[1] = -EIO;
	expect_tried(0, "1 2 3 ");
	assert_int_equal(f.state, SB_CHANNEL_BROKEN);
	assert_int_equal(f.error, -EHOSTUNREACH);
	assert_string_equal(f.reason, "no route to cloud.example:5684: is the network up?");
	assert_null(sb_channel_session(f.channel));
}

static void expect_peer(const char *text)
{
	struct sb_channel_ends ends;
	char address[INET_ADDRSTRLEN];

	sb_channel_ends(f.channel, &ends);
	assert_non_null(inet_ntop(AF_INET, &((const struct sockaddr_in *)&ends.peer)->sin_addr,
				  address, sizeof(address)));
	assert_string_equal(address, text);
}

/* Of the session; and without one, of the first that was tried. */
static void the_peer_is_known(void **state)
{
	(void)state;
	expect_tried(1, "2 ");
	expect_peer("192.0.2.2");
	f.refusals[1] = -EHOSTUNREACH;
	expect_tried(1, "2 3 ");
	expect_peer("192.0.2.3");
	f.refusals[0] = f.refusals[2] = -EHOSTUNREACH;
	expect_tried(1, "2 3 1 ");
	expect_peer("192.0.2.2");
}

static void the_peer_is_as_the_plan_says(void **state)
{
	char trust[] = "PEM";
	char interface[] = "wwan0";
	char name[] = "other.example";

	(void)state;
	expect_tried(0, "1 ");
	assert_string_equal(f.interface, "");
	assert_string_equal(f.host, "cloud.example");
	assert_string_equal(f.trust, "");

	f.plan.interface = interface;
	f.session.server_name = name;
	f.session.trust = (const uint8_t *)trust;
	f.session.trust_len = 3;
	assert_int_equal(open_channel(), 0);
	/* Everything was copied. */
	trust[0] = interface[0] = name[0] = 'X';
	resolve(1);
	assert_string_equal(f.interface, "wwan0");
	assert_string_equal(f.host, "other.example");
	assert_string_equal(f.trust, "PEM");
}

static void roots_without_bytes_make_no_sense(void **state)
{
	(void)state;
	f.session.trust_len = 5;
	assert_int_equal(open_channel(), -EINVAL);
}

static void expect_reason(int error, const char *detail, const char *reason)
{
	expect_tried(0, "1 ");
	f.opened.changed(f.opened.userdata, error, detail);
	assert_int_equal(f.state, SB_CHANNEL_BROKEN);
	assert_int_equal(f.error, error);
	assert_string_equal(f.reason, reason);
}

static void what_is_wrong_has_its_words(void **state)
{
	(void)state;
	f.plan.interface = "wwan0";
	expect_reason(-EBADMSG, "has expired",
		      "cloud.example:5684 shows a certificate that has expired");
	expect_reason(-EBADMSG, "",
		      "cloud.example:5684 shows a certificate that is not to be trusted");
	expect_reason(-ENODEV, "",
		      "the box has no network interface wwan0: is the modem up? The link's setting "
		      "\"interface\" names it");
	expect_reason(
		-EPERM, "",
		"the kernel does not let this daemon choose the network interface wwan0: give "
		"its unit AmbientCapabilities=CAP_NET_RAW");
	expect_reason(
		-ETIMEDOUT, "",
		"no answer from cloud.example:5684 for 30 s: wrong address, blocked UDP port, "
		"or no route");
}

static void an_interface_that_is_not_there_is_told(void **state)
{
	(void)state;
	f.plan.interface = "wwan0";
	f.refusals[0] = f.refusals[1] = f.refusals[2] = -ENODEV;
	expect_tried(0, "1 2 3 ");
	assert_int_equal(f.error, -ENODEV);
	assert_non_null(strstr(f.reason, "the box has no network interface wwan0"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_attempt_takes_the_next_address),
		TEST(what_the_box_refuses_at_once_is_passed_over),
		TEST(the_peer_is_known),
		TEST(the_peer_is_as_the_plan_says),
		TEST(roots_without_bytes_make_no_sense),
		TEST(what_is_wrong_has_its_words),
		TEST(an_interface_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
