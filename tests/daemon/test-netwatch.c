/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/netwatch.h"
#include "tests/daemon/fake-netlink.h"
#include "tests/daemon/netlink-message.h"

#define MSEC SB_USEC_PER_MSEC

struct fixture {
	struct sb_loop *loop;
	struct sb_netwatch *watch;
	unsigned int told;
	unsigned int next; /* the address that nobody has told of yet */
};

static void on_changed(void *userdata)
{
	struct fixture *f = userdata;

	f->told++;
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	fake_netlink_reset();
	assert_int_equal(sb_loop_new_virtual(&f.loop), 0);
	assert_int_equal(sb_netwatch_new(f.loop, &f.watch), 0);
	sb_netwatch_listen(f.watch, on_changed, &f);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->watch = sb_netwatch_free(f->watch);
	f->loop = sb_loop_free(f->loop);
	fake_netlink_reset();

	return 0;
}

/* All that can be read is. */
static void turn(struct fixture *f)
{
	while (sb_loop_turn(f->loop, 0) > 0)
		;
}

static void tell(struct fixture *f, const struct message *message)
{
	fake_netlink_tell(message, message->header.nlmsg_len);
	turn(f);
}

static void tell_news(struct fixture *f)
{
	char text[32];
	struct message message;

	(void)snprintf(text, sizeof(text), "10.0.%u.%u", f->next / 200, f->next % 200);
	f->next++;
	message = message_address(RTM_NEWADDR, 2, text, 0, 0);
	tell(f, &message);
}

static void expect_told_after(struct fixture *f, uint64_t msec)
{
	f->told = 0;
	sb_loop_advance(f->loop, msec * MSEC - 1);
	assert_int_equal(f->told, 0);
	sb_loop_advance(f->loop, 1);
	assert_int_equal(f->told, 1);
}

/* ---- gathering ---- */

static void it_listens_to_all_that_can_matter(void **state)
{
	static const unsigned int groups[] = {
		RTNLGRP_LINK,	    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,	 RTNLGRP_IPV6_RULE,
	};
	unsigned int bits = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		bits |= 1u << (groups[i] - 1);
	assert_int_equal(fake_netlink.groups, bits);
}

static void it_tells_when_the_network_has_settled(void **state)
{
	struct fixture *f = *state;

	tell_news(f);
	expect_told_after(f, 200);
	sb_loop_advance(f->loop, 3600 * SB_USEC_PER_SEC);
	assert_int_equal(f->told, 1);
	tell_news(f);
	expect_told_after(f, 200);
}

static void what_comes_together_is_told_once(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 5; i++) {
		tell_news(f);
		sb_loop_advance(f->loop, 150 * MSEC);
		assert_int_equal(f->told, 0);
	}
	tell_news(f);
	expect_told_after(f, 200);
}

static void it_never_waits_for_longer_than_a_second(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 100; i++) {
		tell_news(f);
		sb_loop_advance(f->loop, 100 * MSEC);
	}
	/* Ten seconds without a pause; each time it begins anew with the message that follows. */
	assert_int_equal(f->told, 10);
}

static void repetitions_are_not_told(void **state)
{
	struct message message = message_address(RTM_NEWADDR, 2, "2001:db8::2", 0, 1800);
	struct fixture *f = *state;

	tell(f, &message);
	expect_told_after(f, 200);
	for (unsigned int i = 0; i < 50; i++) {
		message = message_address(RTM_NEWADDR, 2, "2001:db8::2", 0, 1800 - i);
		tell(f, &message);
		sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	}
	assert_int_equal(f->told, 1);
}

/* In one datagram, and behind some that say nothing. */
static void each_message_of_a_datagram_counts(void **state)
{
	const struct message first = message_link(RTM_NEWLINK, 1, IFF_LOOPBACK | IFF_UP, "lo");
	const struct message second = message_route(RTM_DELROUTE, NULL, "10.0.0.1", 2);
	_Alignas(struct nlmsghdr) uint8_t both[2 * MESSAGE_MAX];
	struct fixture *f = *state;

	memcpy(both, &first, first.header.nlmsg_len);
	memcpy(both + first.header.nlmsg_len, &second, second.header.nlmsg_len);
	fake_netlink_tell(both, first.header.nlmsg_len + second.header.nlmsg_len);
	turn(f);
	expect_told_after(f, 200);
}

/* ---- more than one can take ---- */

static void one_turn_takes_so_many_and_no_more(void **state)
{
	const struct message message = message_route(RTM_NEWROUTE, NULL, "10.0.0.1", 2);
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 40; i++)
		fake_netlink_tell(&message, message.header.nlmsg_len);
	assert_true(sb_loop_turn(f->loop, 0) > 0);
	assert_int_equal(fake_netlink.reads, 16);
	turn(f);
	assert_int_equal(fake_netlink.reads, 40);
}

static void what_was_lost_may_be_anything(void **state)
{
	static const int errors[] = { ENOBUFS, ENOSPC };
	const struct message message = message_route(RTM_NEWROUTE, NULL, "10.0.0.1", 2);
	struct fixture *f = *state;

	tell(f, &message);
	expect_told_after(f, 200);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake_netlink_fail(errors[i]);
		turn(f);
		expect_told_after(f, 200);
		/* The route may have gone and come again. */
		tell(f, &message);
		expect_told_after(f, 200);
		tell(f, &message);
		sb_loop_advance(f->loop, SB_USEC_PER_SEC);
		assert_int_equal(f->told, 1);
	}
}

static void a_call_that_was_disturbed_means_nothing(void **state)
{
	struct fixture *f = *state;

	fake_netlink_fail(EINTR);
	turn(f);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_int_equal(f->told, 0);
	assert_int_equal(fake_netlink.reads, 1);
}

static void garbage_means_nothing(void **state)
{
	static const uint8_t garbage[64] = { 5, 0, 0, 0, 0xff, 0xff };
	struct fixture *f = *state;

	for (size_t len = 0; len <= sizeof(garbage); len++)
		fake_netlink_tell(garbage, len);
	turn(f);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_int_equal(f->told, 0);
	tell_news(f);
	expect_told_after(f, 200);
}

/* ---- without ---- */

static void without_netlink_there_is_no_watch(void **state)
{
	struct fixture *f = *state;
	struct sb_netwatch *watch = NULL;

	fake_netlink.open_error = EAFNOSUPPORT;
	assert_int_equal(sb_netwatch_new(f->loop, &watch), -EAFNOSUPPORT);
	assert_null(watch);
	fake_netlink.open_error = 0;
	fake_netlink.bind_error = EPERM;
	assert_int_equal(sb_netwatch_new(f->loop, &watch), -EPERM);
	assert_null(watch);
	assert_int_equal(fake_netlink.opened, 1);
	assert_null(sb_netwatch_free(NULL));
}

static void it_may_go_at_any_time(void **state)
{
	struct fixture *f = *state;

	tell_news(f);
	f->watch = sb_netwatch_free(f->watch);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_int_equal(f->told, 0);
	assert_int_equal(fake_netlink.opened, 0);
}

static void so_may_who_listens(void **state)
{
	struct fixture *f = *state;

	tell_news(f);
	sb_netwatch_listen(f->watch, NULL, NULL);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_int_equal(f->told, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_listens_to_all_that_can_matter),
		TEST(it_tells_when_the_network_has_settled),
		TEST(what_comes_together_is_told_once),
		TEST(it_never_waits_for_longer_than_a_second),
		TEST(repetitions_are_not_told),
		TEST(each_message_of_a_datagram_counts),
		TEST(one_turn_takes_so_many_and_no_more),
		TEST(what_was_lost_may_be_anything),
		TEST(a_call_that_was_disturbed_means_nothing),
		TEST(garbage_means_nothing),
		TEST(without_netlink_there_is_no_watch),
		TEST(it_may_go_at_any_time),
		TEST(so_may_who_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
