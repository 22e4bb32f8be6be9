/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/channel.h"
#include "daemon/log.h"
#include "tests/daemon/peer.h"

struct fixture {
	struct sb_loop *loop;
	struct sb_resolver *resolver;
	struct sb_transport *transport;
	struct sb_channel *channel;
	struct peer peer;
	struct skybus_session session;
	enum sb_channel_state states[8];
	unsigned int told;
	int error;
	char reason[320];
	bool free_when_broken;
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	sb_log_set_level(LOG_EMERG);
	assert_int_equal(sb_loop_new_virtual(&f.loop), 0);
	assert_int_equal(sb_resolver_new(f.loop, &f.resolver), 0);
	assert_int_equal(sb_transport_new(f.loop, &f.transport), 0);
	peer_init(&f.peer);
	f.session = (struct skybus_session){
		.size = sizeof(f.session),
		.security = SKYBUS_PLAIN,
		.host = "127.0.0.1",
		.port = f.peer.port,
	};
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)sb_channel_free(f->channel);
	(void)sb_transport_free(f->transport);
	(void)sb_resolver_free(f->resolver);
	(void)sb_loop_free(f->loop);
	peer_done(&f->peer);

	return 0;
}

static void on_changed(void *userdata, enum sb_channel_state state, int error, const char *reason)
{
	struct fixture *f = userdata;

	assert_true(f->told < sizeof(f->states) / sizeof(f->states[0]));
	f->states[f->told++] = state;
	f->error = error;
	(void)snprintf(f->reason, sizeof(f->reason), "%s", reason);
	if (state == SB_CHANNEL_BROKEN && f->free_when_broken)
		f->channel = sb_channel_free(f->channel);
}

static int open_channel(struct fixture *f)
{
	struct sb_channel_plan plan = {
		.resolver = f->resolver,
		.transport = f->transport,
		.session = &f->session,
	};

	return sb_channel_open(&plan, on_changed, f, &f->channel);
}

static void run_until_told(struct fixture *f, unsigned int times)
{
	for (unsigned int i = 0; i < 400 && f->told < times; i++)
		assert_true(sb_loop_turn(f->loop, 50 * SB_USEC_PER_MSEC) >= 0);
	assert_int_equal(f->told, times);
}

static void secure(struct fixture *f)
{
	f->session.security = SKYBUS_PSK;
	f->session.identity = (const uint8_t *)"device";
	f->session.identity_len = 6;
	f->session.key = (const uint8_t *)"secret";
	f->session.key_len = 6;
}

static void it_opens_in_steps(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_channel(f), 0);
	assert_int_equal(f->told, 0);
	assert_null(sb_channel_session(f->channel));
	run_until_told(f, 1);
	assert_int_equal(f->states[0], SB_CHANNEL_CONNECTING);
	assert_non_null(sb_channel_session(f->channel));
	run_until_told(f, 2);
	assert_int_equal(f->states[1], SB_CHANNEL_OPEN);
	assert_int_equal(f->error, 0);
	assert_string_equal(f->reason, "");
}

/* What the box's network makes of it: from where to where. */
static void it_knows_its_ends(void **state)
{
	struct fixture *f = *state;
	struct sb_channel_ends ends;
	const struct sockaddr_in *local = (const struct sockaddr_in *)&ends.local;
	const struct sockaddr_in *peer = (const struct sockaddr_in *)&ends.peer;

	assert_int_equal(open_channel(f), 0);
	sb_channel_ends(f->channel, &ends);
	assert_string_equal(ends.host, "127.0.0.1");
	assert_int_equal(ends.local.ss_family, AF_UNSPEC);
	assert_int_equal(ends.peer.ss_family, AF_UNSPEC);
	run_until_told(f, 1);
	sb_channel_ends(f->channel, &ends);
	assert_int_equal(local->sin_family, AF_INET);
	assert_int_equal(local->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_true(local->sin_port != 0);
	assert_int_equal(peer->sin_family, AF_INET);
	assert_int_equal(peer->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(peer->sin_port, htons(f->peer.port));
}

static void a_name_that_does_not_resolve_is_told(void **state)
{
	struct fixture *f = *state;

	f->session.host = "skybus.invalid";
	f->free_when_broken = true;
	assert_int_equal(open_channel(f), 0);
	run_until_told(f, 1);
	assert_int_equal(f->states[0], SB_CHANNEL_BROKEN);
	assert_int_equal(f->error, -EHOSTUNREACH);
	assert_non_null(strstr(f->reason, "the name skybus.invalid does not resolve ("));
	assert_non_null(strstr(f->reason, "check the host in the configuration"));
	assert_null(f->channel);
}

static void a_closed_port_is_told(void **state)
{
	struct fixture *f = *state;
	char expected[160];

	secure(f);
	peer_done(&f->peer);
	f->free_when_broken = true;
	assert_int_equal(open_channel(f), 0);
	run_until_told(f, 2);
	assert_int_equal(f->states[1], SB_CHANNEL_BROKEN);
	assert_int_equal(f->error, -ECONNREFUSED);
	(void)snprintf(expected, sizeof(expected),
		       "127.0.0.1 answers that nothing listens on UDP port %u: wrong port, or the "
		       "service is down",
		       f->session.port);
	assert_string_equal(f->reason, expected);
}

static void silence_is_told(void **state)
{
	struct fixture *f = *state;
	char expected[160];

	secure(f);
	assert_int_equal(open_channel(f), 0);
	run_until_told(f, 1);
	sb_loop_advance(f->loop, 30 * SB_USEC_PER_SEC);
	run_until_told(f, 2);
	assert_int_equal(f->error, -ETIMEDOUT);
	(void)snprintf(expected, sizeof(expected),
		       "no answer from 127.0.0.1:%u for 30 s: wrong address, blocked UDP port, no "
		       "route, or a wrong key that the server meets with silence",
		       f->session.port);
	assert_string_equal(f->reason, expected);
}

static void it_may_go_at_any_time(void **state)
{
	struct fixture *f = *state;

	secure(f);
	assert_int_equal(open_channel(f), 0);
	f->channel = sb_channel_free(f->channel);
	assert_int_equal(open_channel(f), 0);
	run_until_told(f, 1);
	f->channel = sb_channel_free(f->channel);
	for (unsigned int i = 0; i < 5; i++)
		(void)sb_loop_turn(f->loop, SB_USEC_PER_MSEC);
	assert_int_equal(f->told, 1);
	assert_null(sb_channel_free(NULL));
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct skybus_session good = f->session;

	f->session.host = NULL;
	assert_int_equal(open_channel(f), -EINVAL);
	f->session = good;
	f->session.port = 0;
	assert_int_equal(open_channel(f), -EINVAL);
	f->session.port = 65536;
	assert_int_equal(open_channel(f), -EINVAL);
	f->session = good;
	f->session.security = 99;
	assert_int_equal(open_channel(f), -EINVAL);
	secure(f);
	f->session.key_len = 0;
	assert_int_equal(open_channel(f), -EINVAL);
	secure(f);
	f->session.key = NULL;
	assert_int_equal(open_channel(f), -EINVAL);
	secure(f);
	f->session.identity = NULL;
	assert_int_equal(open_channel(f), -EINVAL);
	/* Without DTLS nobody looks at these. */
	f->session = good;
	f->session.identity_len = f->session.key_len = 10;
	assert_int_equal(open_channel(f), 0);
}

static void silence_has_its_words(void **state)
{
	struct fixture *f = *state;
	char expected[160];
	char reason[320];

	assert_int_equal(open_channel(f), 0);
	sb_channel_explain(f->channel, SKYBUS_RESET, 0, reason, sizeof(reason));
	(void)snprintf(expected, sizeof(expected),
		       "127.0.0.1:%u answered with a Reset: it does not know this session",
		       f->session.port);
	assert_string_equal(reason, expected);
	sb_channel_explain(f->channel, SKYBUS_TIMEOUT, 7, reason, sizeof(reason));
	(void)snprintf(expected, sizeof(expected),
		       "no answer from 127.0.0.1:%u for 7 s: wrong address, blocked UDP port, or "
		       "no route",
		       f->session.port);
	assert_string_equal(reason, expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_opens_in_steps),     TEST(a_name_that_does_not_resolve_is_told),
		TEST(a_closed_port_is_told), TEST(silence_is_told),
		TEST(it_may_go_at_any_time), TEST(what_makes_no_sense_is_refused),
		TEST(silence_has_its_words), TEST(it_knows_its_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
