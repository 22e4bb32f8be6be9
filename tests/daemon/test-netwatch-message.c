/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/netwatch-message.h"
#include "tests/daemon/netlink-message.h"

#define RUNNING (IFF_UP | IFF_RUNNING)

/* Damaged messages of each kind that are read. */
#define DAMAGES 20000

/*
 * What Linux 6.18 says of fresh and of repeated things: an address that a router advertisement renews, and a
 * default route likewise. Only lifetimes differ.
 */
static const char *const address_first =
	"480000001400000000000000000000000a400200030000001400010020010db800000000000000000000"
	"0002140006008403000008070000d9930200d99302000800080002000000";
static const char *const address_again =
	"480000001400000000000000000000000a400200030000001400010020010db800000000000000000000"
	"0002140006008403000008070000d9930200fc9302000800080002000000";
static const char *const route_first =
	"740000001800000625f00d6bb84900000a000000fe0300010000000008000f00fe000000080006000004"
	"000014000500fe800000000000000000000000000001080004000300000024000c000000000000000000"
	"20bf020000000000000000000000000000000000000000000500140000000000";
static const char *const route_again =
	"740000001800000126f00d6bda4900000a000000fe0300010000000008000f00fe000000080006000004"
	"000014000500fe800000000000000000000000000001080004000300000024000c000000000000000000"
	"20bf020000000000000000000000000000000000000000000500140000000000";

static int setup(void **state)
{
	static struct sb_facts facts;

	facts = (struct sb_facts){ 0 };
	*state = &facts;

	return 0;
}

static bool is_news(struct sb_facts *facts, struct message message)
{
	return sb_facts_on_message(facts, &message.header);
}

/* ---- what is new ---- */

static void an_interface_is_new_when_it_comes_or_loses_its_carrier(void **state)
{
	struct sb_facts *facts = *state;

	assert_true(is_news(facts, message_link(RTM_NEWLINK, 3, RUNNING, "eth0")));
	assert_false(is_news(facts, message_link(RTM_NEWLINK, 3, RUNNING, "eth0")));
	/* Whatever else its flags say. */
	assert_false(is_news(facts, message_link(RTM_NEWLINK, 3, RUNNING | IFF_PROMISC, "eth0")));
	assert_true(is_news(facts, message_link(RTM_NEWLINK, 3, IFF_UP, "eth0")));
	assert_true(is_news(facts, message_link(RTM_NEWLINK, 3, 0, "eth0")));
	assert_true(is_news(facts, message_link(RTM_NEWLINK, 3, RUNNING, "eth0")));
	assert_true(is_news(facts, message_link(RTM_NEWLINK, 3, RUNNING, "wwan0")));
	assert_true(is_news(facts, message_link(RTM_DELLINK, 3, 0, "wwan0")));
	assert_true(is_news(facts, message_link(RTM_NEWLINK, 3, RUNNING, "wwan0")));
	/* Another one. */
	assert_true(is_news(facts, message_link(RTM_NEWLINK, 4, RUNNING, "wwan0")));
}

static void loopback_and_the_side_of_bridges_do_not_matter(void **state)
{
	struct message bridge = message_link(RTM_NEWLINK, 5, RUNNING, "br0");
	struct ifinfomsg *link = mnl_nlmsg_get_payload(&bridge.header);
	struct sb_facts *facts = *state;

	link->ifi_family = AF_BRIDGE;
	assert_false(is_news(facts, bridge));
	assert_false(is_news(facts, message_link(RTM_NEWLINK, 1, RUNNING | IFF_LOOPBACK, "lo")));
	assert_false(is_news(facts, message_link(RTM_DELLINK, 1, IFF_LOOPBACK, "lo")));
}

static void an_address_is_new_once(void **state)
{
	static const char *const texts[] = { "10.0.0.2", "2001:db8::2" };
	struct sb_facts *facts = *state;

	for (size_t i = 0; i < SB_ELEMENTS(texts); i++) {
		assert_true(is_news(facts, message_address(RTM_NEWADDR, 3, texts[i], 0, 1800)));
		assert_false(is_news(facts, message_address(RTM_NEWADDR, 3, texts[i], 0, 1799)));
		/* On another interface it is another one. */
		assert_true(is_news(facts, message_address(RTM_NEWADDR, 4, texts[i], 0, 1800)));
		assert_true(is_news(facts, message_address(RTM_NEWADDR, 3, texts[i],
							   IFA_F_DEPRECATED, 1800)));
		assert_true(is_news(facts, message_address(RTM_DELADDR, 3, texts[i], 0, 0)));
		assert_true(is_news(facts, message_address(RTM_NEWADDR, 3, texts[i], 0, 1800)));
	}
}

static void addresses_that_reach_nobody_do_not_matter(void **state)
{
	static const uint8_t scopes[] = { RT_SCOPE_LINK, RT_SCOPE_HOST, RT_SCOPE_NOWHERE };
	struct sb_facts *facts = *state;

	for (size_t i = 0; i < SB_ELEMENTS(scopes); i++) {
		struct message message = message_address(RTM_NEWADDR, 3, "fe80::2", 0, 0);
		struct ifaddrmsg *address = mnl_nlmsg_get_payload(&message.header);

		address->ifa_scope = scopes[i];
		assert_false(is_news(facts, message));
	}
	assert_false(is_news(facts, message_address(RTM_NEWADDR, 1, "10.0.0.2", 0, 0)));
}

static void a_route_is_new_when_it_leads_elsewhere(void **state)
{
	static const char *const via[] = { "10.0.0.1", "10.0.0.9" };
	static const char *const via6[] = { "fe80::1", "fe80::9" };
	struct sb_facts *facts = *state;

	for (unsigned int i = 0; i < 2; i++) {
		const char *const *gateways = i == 0 ? via : via6;

		assert_true(is_news(facts, message_route(RTM_NEWROUTE, NULL, gateways[0], 3)));
		assert_false(is_news(facts, message_route(RTM_NEWROUTE, NULL, gateways[0], 3)));
		/* Replaced, and the other one is not told to have gone. */
		assert_true(is_news(facts, message_route(RTM_NEWROUTE, NULL, gateways[1], 3)));
		assert_true(is_news(facts, message_route(RTM_NEWROUTE, NULL, gateways[0], 3)));
		assert_true(is_news(facts, message_route(RTM_NEWROUTE, NULL, gateways[0], 4)));
		assert_true(is_news(facts, message_route(RTM_DELROUTE, NULL, gateways[0], 4)));
		assert_true(is_news(facts, message_route(RTM_NEWROUTE, NULL, gateways[0], 4)));
	}
	assert_true(is_news(facts, message_route(RTM_NEWROUTE, "203.0.113.7", NULL, 3)));
	assert_true(is_news(facts, message_route(RTM_NEWROUTE, "203.0.113.8", NULL, 3)));
}

static struct message special_route(uint8_t type, uint8_t table, unsigned int flags, const char *to)
{
	struct message message = message_route(RTM_NEWROUTE, to, NULL, 3);
	struct rtmsg *route = mnl_nlmsg_get_payload(&message.header);
	struct nlattr *attribute;

	route->rtm_type = type;
	route->rtm_table = table;
	route->rtm_flags = flags;
	mnl_attr_for_each(attribute, &message.header, sizeof(*route))
	{
		uint32_t number = table;

		if (mnl_attr_get_type(attribute) == RTA_TABLE)
			memcpy(mnl_attr_get_payload(attribute), &number, sizeof(number));
	}

	return message;
}

static void routes_to_oneself_and_to_neighbours_do_not_matter(void **state)
{
	struct sb_facts *facts = *state;
	const char *to = "203.0.113.7";

	assert_false(is_news(facts, special_route(RTN_LOCAL, RT_TABLE_LOCAL, 0, to)));
	assert_false(is_news(facts, special_route(RTN_BROADCAST, RT_TABLE_LOCAL, 0, to)));
	assert_false(is_news(facts, special_route(RTN_MULTICAST, RT_TABLE_MAIN, 0, "ff00::")));
	assert_false(is_news(facts, special_route(RTN_UNICAST, RT_TABLE_MAIN, RTM_F_CLONED, to)));
	assert_false(is_news(facts, special_route(RTN_UNICAST, RT_TABLE_MAIN, 0, "fe80::")));
	/* These do, as do tables that only some packets are sent by. */
	assert_true(is_news(facts, special_route(RTN_UNREACHABLE, RT_TABLE_MAIN, 0, to)));
	assert_true(is_news(facts, special_route(RTN_BLACKHOLE, RT_TABLE_MAIN, 0, to)));
	assert_true(is_news(facts, special_route(RTN_UNICAST, 100, 0, to)));
}

static void rules_are_always_new(void **state)
{
	struct sb_facts *facts = *state;
	struct message message;

	for (unsigned int i = 0; i < 4; i++) {
		(void)message_begin(&message, i % 2 == 0 ? RTM_NEWRULE : RTM_DELRULE,
				    sizeof(struct rtmsg));
		assert_true(is_news(facts, message));
	}
}

static void nothing_else_matters(void **state)
{
	struct sb_facts *facts = *state;
	struct message message;

	for (uint16_t type = 0; type < 200; type++) {
		if (type >= RTM_NEWLINK && type <= RTM_DELRULE)
			continue;
		(void)message_begin(&message, type, sizeof(struct rtmsg));
		assert_false(is_news(facts, message));
	}
}

static void what_is_forgotten_is_new_again(void **state)
{
	struct sb_facts *facts = *state;

	for (int i = 0; i < SB_NETWATCH_FACTS; i++)
		assert_true(is_news(facts, message_link(RTM_NEWLINK, 2 + i, RUNNING, "x")));
	for (int i = 0; i < SB_NETWATCH_FACTS; i++)
		assert_false(is_news(facts, message_link(RTM_NEWLINK, 2 + i, RUNNING, "x")));
	assert_true(is_news(facts, message_link(RTM_NEWLINK, 1000, RUNNING, "x")));
	assert_false(is_news(facts, message_link(RTM_NEWLINK, 3, RUNNING, "x")));
	assert_true(is_news(facts, message_link(RTM_NEWLINK, 2, RUNNING, "x")));
}

/* ---- recorded ---- */

static struct message unhex(const char *text)
{
	struct message message = { 0 };
	size_t len = strlen(text) / 2;

	assert_true(len <= sizeof(message.bytes));
	for (size_t i = 0; i < len; i++) {
		char byte[3] = { text[2 * i], text[2 * i + 1], '\0' };

		message.bytes[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	assert_true(mnl_nlmsg_ok(&message.header, (int)len));

	return message;
}

static void a_router_advertisement_renews_and_changes_nothing(void **state)
{
	struct sb_facts *facts = *state;

	assert_true(is_news(facts, unhex(address_first)));
	assert_false(is_news(facts, unhex(address_again)));
	assert_true(is_news(facts, unhex(route_first)));
	assert_false(is_news(facts, unhex(route_again)));
}

/* ---- damaged ---- */

/* In memory of exactly its size, so that whoever reads on is found out. */
static void feed(struct sb_facts *facts, const void *bytes, size_t len)
{
	SB_CLEANUP(sb_free) void *exact = malloc(len > 0 ? len : 1);

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	if (mnl_nlmsg_ok(exact, (int)len))
		(void)sb_facts_on_message(facts, exact);
}

static size_t each_kind(struct message ret[6])
{
	ret[0] = message_link(RTM_NEWLINK, 3, RUNNING, "eth0");
	ret[1] = message_address(RTM_NEWADDR, 3, "10.0.0.2", 0, 1800);
	ret[2] = message_address(RTM_DELADDR, 3, "2001:db8::2", 0, 1800);
	ret[3] = message_route(RTM_NEWROUTE, "203.0.113.7", "10.0.0.1", 3);
	ret[4] = message_route(RTM_DELROUTE, "2001:db8::7", "fe80::1", 3);
	(void)message_begin(&ret[5], RTM_NEWRULE, sizeof(struct rtmsg));

	return 6;
}

/* Cut off anywhere, and saying so, or not. */
static void a_message_that_breaks_off_harms_nobody(void **state)
{
	struct sb_facts *facts = *state;
	struct message messages[6];
	size_t n = each_kind(messages);

	for (size_t i = 0; i < n; i++) {
		struct message message = messages[i];
		uint32_t whole = message.header.nlmsg_len;

		for (uint32_t len = 0; len < whole; len++) {
			message.header.nlmsg_len = whole;
			feed(facts, &message, len);
			message.header.nlmsg_len = len;
			feed(facts, &message, len);
		}
	}
}

/* A broken header of the kernel's own kind says nothing, so nobody is woken by it. */
static void without_its_beginning_a_message_says_nothing(void **state)
{
	struct sb_facts *facts = *state;
	struct message messages[6];
	size_t n = each_kind(messages);

	for (size_t i = 0; i < n; i++) {
		messages[i].header.nlmsg_len = NLMSG_HDRLEN;
		assert_false(is_news(facts, messages[i]));
	}
}

static void nor_does_a_damaged_one(void **state)
{
	struct sb_facts *facts = *state;
	struct message messages[6];
	size_t n = each_kind(messages);

	srand(7);
	for (unsigned int i = 0; i < DAMAGES; i++) {
		struct message message = messages[(size_t)i % n];
		uint32_t len = message.header.nlmsg_len;

		for (unsigned int k = 0; k < 4; k++)
			message.bytes[16 + (uint32_t)rand() % (len - 16)] = (uint8_t)rand();
		feed(facts, &message, len);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_interface_is_new_when_it_comes_or_loses_its_carrier),
		TEST(loopback_and_the_side_of_bridges_do_not_matter),
		TEST(an_address_is_new_once),
		TEST(addresses_that_reach_nobody_do_not_matter),
		TEST(a_route_is_new_when_it_leads_elsewhere),
		TEST(routes_to_oneself_and_to_neighbours_do_not_matter),
		TEST(rules_are_always_new),
		TEST(nothing_else_matters),
		TEST(what_is_forgotten_is_new_again),
		TEST(a_router_advertisement_renews_and_changes_nothing),
		TEST(a_message_that_breaks_off_harms_nobody),
		TEST(without_its_beginning_a_message_says_nothing),
		TEST(nor_does_a_damaged_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
