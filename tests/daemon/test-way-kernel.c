/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of whatever the kernel may answer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/way.h"
#include "tests/daemon/fake-netlink.h"
#include "tests/daemon/netlink-message.h"

#define DAMAGES 20000

static int setup(void **state)
{
	(void)state;
	fake_netlink_reset();

	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_netlink_reset();

	return 0;
}

static struct sockaddr_storage peer(const char *text)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&storage;

	storage.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(storage.ss_family, text,
				   storage.ss_family == AF_INET ? (void *)&ipv4->sin_addr
								: (void *)&ipv6->sin6_addr),
			 1);

	return storage;
}

static int ask(const char *to, struct sb_way *ret)
{
	struct sockaddr_storage address = peer(to);

	return sb_way_find((struct sockaddr *)&address, NULL, ret);
}

static void answer(const struct message *message)
{
	fake_netlink_tell(message, message->header.nlmsg_len);
}

static struct message route(const char *to, const char *via, const char *from, uint32_t interface)
{
	struct message message = message_route(RTM_NEWROUTE, to, via, interface);

	if (from)
		message_put_address(&message, RTA_PREFSRC, from);

	return message;
}

static struct message refusal(int error)
{
	struct message message;
	struct nlmsgerr *payload = message_begin(&message, NLMSG_ERROR, sizeof(*payload));

	payload->error = -error;

	return message;
}

static void expect_address(const struct in6_addr *address, const char *text)
{
	char printed[INET6_ADDRSTRLEN];

	assert_string_equal(sb_way_print(address, printed), text);
}

/* ---- what is asked ---- */

static void expect_question(const char *to, uint32_t interface, unsigned int flags)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)fake_netlink.sent;
	const struct rtmsg *asked = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;
	struct in6_addr address = in6addr_any;
	uint32_t through = 0;

	assert_true(mnl_nlmsg_ok(header, (int)fake_netlink.sent_len));
	assert_int_equal(header->nlmsg_type, RTM_GETROUTE);
	assert_int_equal(header->nlmsg_flags, NLM_F_REQUEST);
	assert_int_equal(asked->rtm_family, strchr(to, ':') ? AF_INET6 : AF_INET);
	assert_int_equal(asked->rtm_dst_len, strchr(to, ':') ? 128 : 32);
	assert_int_equal(asked->rtm_flags, flags);
	mnl_attr_for_each(attribute, header, sizeof(*asked))
	{
		if (mnl_attr_get_type(attribute) == RTA_DST)
			sb_way_from_bytes(mnl_attr_get_payload(attribute),
					  mnl_attr_get_payload_len(attribute), &address);
		else if (mnl_attr_get_type(attribute) == RTA_OIF)
			through = mnl_attr_get_u32(attribute);
	}
	expect_address(&address, to);
	assert_int_equal(through, interface);
}

static void it_asks_for_the_peer(void **state)
{
	struct sockaddr_storage near = peer("fe80::7");
	struct sb_way way;

	(void)state;
	(void)ask("203.0.113.7", &way);
	expect_question("203.0.113.7", 0, 0);
	(void)ask("2001:db8::7", &way);
	expect_question("2001:db8::7", 0, 0);
	((struct sockaddr_in6 *)&near)->sin6_scope_id = 5;
	(void)sb_way_find((struct sockaddr *)&near, NULL, &way);
	expect_question("fe80::7", 5, 0);
	near = peer("203.0.113.7");
	(void)sb_way_find((struct sockaddr *)&near, "lo", &way);
	expect_question("203.0.113.7", if_nametoindex("lo"), 0);
	assert_int_equal(fake_netlink.opened, 0);
}

static void anywhere_is_first_of_ipv4_and_then_of_ipv6(void **state)
{
	const struct message none = refusal(ENETUNREACH);
	const struct message some = route("2001:db8::1", "fe80::1", "2001:db8::2", 7);
	struct sb_way way;

	(void)state;
	answer(&none);
	answer(&some);
	assert_int_equal(sb_way_find(NULL, NULL, &way), 0);
	assert_int_equal(fake_netlink.reads, 2);
	expect_question("2001:db8::1", 0, 0);
	expect_address(&way.from, "2001:db8::2");
	answer(&none);
	answer(&none);
	assert_int_equal(sb_way_find(NULL, NULL, &way), -ENETUNREACH);
	answer(&some);
	assert_int_equal(sb_way_find(NULL, NULL, &way), 0);
	expect_question("198.51.100.1", 0, 0);
}

/* ---- what is answered ---- */

static void a_way_is_read(void **state)
{
	struct message message = route("203.0.113.7", "10.0.0.1", "10.0.0.2", 1234567);
	struct sb_way way;

	(void)state;
	answer(&message);
	assert_int_equal(ask("203.0.113.7", &way), 0);
	expect_address(&way.from, "10.0.0.2");
	expect_address(&way.via, "10.0.0.1");
	assert_int_equal(way.interface, 1234567);
	/* It has gone by now. */
	assert_string_equal(way.name, "");
	assert_false(way.carrier);

	message = route("2001:db8::7", "fe80::1", "2001:db8::2", 3);
	answer(&message);
	assert_int_equal(ask("2001:db8::7", &way), 0);
	expect_address(&way.from, "2001:db8::2");
	expect_address(&way.via, "fe80::1");
}

static void one_without_address_or_gateway_is_one(void **state)
{
	const struct message message = route("203.0.113.7", NULL, NULL, 3);
	struct sb_way way;

	(void)state;
	answer(&message);
	assert_int_equal(ask("203.0.113.7", &way), 0);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&way.from));
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&way.via));
}

/* RFC 5549: IPv4 by a gateway that has IPv6 only. */
static void a_gateway_may_be_of_the_other_family(void **state)
{
	struct message message = route("203.0.113.7", NULL, "10.0.0.2", 3);
	const uint16_t family = AF_INET6;
	uint8_t via[sizeof(family) + sizeof(struct in6_addr)];
	struct sb_way way;

	(void)state;
	memcpy(via, &family, sizeof(family));
	memcpy(via + sizeof(family), &in6addr_loopback, sizeof(in6addr_loopback));
	mnl_attr_put(&message.header, RTA_VIA, sizeof(via), via);
	answer(&message);
	assert_int_equal(ask("203.0.113.7", &way), 0);
	expect_address(&way.via, "::1");
}

static void the_kernel_says_no_in_many_ways(void **state)
{
	static const struct {
		int error;
		int result;
	} refusals[] = {
		{ ENETUNREACH, -ENETUNREACH },
		{ EHOSTUNREACH, -ENETUNREACH },
		{ EACCES, -ENETUNREACH },
		{ EINVAL, -ENETUNREACH },
		{ EOPNOTSUPP, -ENETUNREACH },
		{ ENODEV, -ENODEV },
		{ ENOMEM, -ENOMEM },
		{ ENOBUFS, -ENOBUFS },
		{ EPERM, -EPERM },
	};
	static const uint8_t types[] = { RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW };
	struct sb_way way;

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(refusals); i++) {
		const struct message message = refusal(refusals[i].error);

		answer(&message);
		assert_int_equal(ask("203.0.113.7", &way), refusals[i].result);
	}
	for (size_t i = 0; i < SB_ELEMENTS(types); i++) {
		struct message message = route("203.0.113.7", NULL, NULL, 1);
		struct rtmsg *payload = mnl_nlmsg_get_payload(&message.header);

		payload->rtm_type = types[i];
		answer(&message);
		assert_int_equal(ask("203.0.113.7", &way), -ENETUNREACH);
	}
	assert_false(sb_way_is_none(-ENOMEM));
	assert_true(sb_way_is_none(-ENETUNREACH));
}

static void what_cannot_be_asked_is_not_known(void **state)
{
	struct sb_way way;

	(void)state;
	assert_int_equal(ask("203.0.113.7", &way), -EAGAIN);
	fake_netlink_fail(ENOSPC);
	assert_int_equal(ask("203.0.113.7", &way), -ENOSPC);
	fake_netlink.send_error = ENOBUFS;
	assert_int_equal(ask("203.0.113.7", &way), -ENOBUFS);
	fake_netlink.open_error = EMFILE;
	assert_int_equal(ask("203.0.113.7", &way), -EMFILE);
	assert_int_equal(sb_way_home(&in6addr_loopback), -EMFILE);
	assert_false(sb_way_is_none(-EMFILE));
}

static void the_home_of_an_address_is_asked_for(void **state)
{
	struct message message = route("10.0.0.2", NULL, NULL, 3);
	struct rtmsg *payload = mnl_nlmsg_get_payload(&message.header);
	const struct message none = refusal(ENETUNREACH);
	const struct message trouble = refusal(ENOMEM);
	struct in6_addr address;

	(void)state;
	sb_way_from_bytes(&(uint8_t[]){ 10, 0, 0, 2 }, 4, &address);
	payload->rtm_type = RTN_LOCAL;
	answer(&message);
	assert_int_equal(sb_way_home(&address), 3);
	expect_question("10.0.0.2", 0, RTM_F_FIB_MATCH);
	/* It is another box's. */
	payload->rtm_type = RTN_UNICAST;
	answer(&message);
	assert_int_equal(sb_way_home(&address), 0);
	answer(&none);
	assert_int_equal(sb_way_home(&address), 0);
	answer(&trouble);
	assert_int_equal(sb_way_home(&address), -ENOMEM);
}

/* ---- damaged ---- */

static void an_answer_of_another_kind_is_none(void **state)
{
	const struct message link = message_link(RTM_NEWLINK, 3, IFF_UP, "eth0");
	const struct message nowhere = route("203.0.113.7", NULL, "10.0.0.2", 0);
	struct sb_way way;

	(void)state;
	answer(&link);
	assert_int_equal(ask("203.0.113.7", &way), -EBADMSG);
	answer(&nowhere);
	assert_int_equal(ask("203.0.113.7", &way), -EBADMSG);
}

static void an_answer_that_breaks_off_harms_nobody(void **state)
{
	const struct message messages[] = {
		route("203.0.113.7", "10.0.0.1", "10.0.0.2", 3),
		refusal(ENETUNREACH),
	};
	struct sb_way way;

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(messages); i++) {
		struct message message = messages[i];
		uint32_t whole = message.header.nlmsg_len;

		for (uint32_t len = 0; len < whole; len++) {
			message.header.nlmsg_len = whole;
			fake_netlink_tell(&message, len);
			assert_int_equal(ask("203.0.113.7", &way), -EBADMSG);
			message.header.nlmsg_len = len;
			fake_netlink_tell(&message, len);
			(void)ask("203.0.113.7", &way);
		}
	}
}

static void nor_does_a_damaged_one(void **state)
{
	const struct message whole = route("203.0.113.7", "10.0.0.1", "10.0.0.2", 3);
	uint32_t len = whole.header.nlmsg_len;
	struct sb_way way;

	(void)state;
	srand(7);
	for (unsigned int i = 0; i < DAMAGES; i++) {
		struct message message = whole;

		for (unsigned int k = 0; k < 4; k++)
			message.bytes[16 + (uint32_t)rand() % (len - 16)] = (uint8_t)rand();
		answer(&message);
		(void)ask("203.0.113.7", &way);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_asks_for_the_peer),
		TEST(anywhere_is_first_of_ipv4_and_then_of_ipv6),
		TEST(a_way_is_read),
		TEST(one_without_address_or_gateway_is_one),
		TEST(a_gateway_may_be_of_the_other_family),
		TEST(the_kernel_says_no_in_many_ways),
		TEST(what_cannot_be_asked_is_not_known),
		TEST(the_home_of_an_address_is_asked_for),
		TEST(an_answer_of_another_kind_is_none),
		TEST(an_answer_that_breaks_off_harms_nobody),
		TEST(nor_does_a_damaged_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
