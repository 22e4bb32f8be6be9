/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages as the kernel writes them, each in a buffer of its own. Include <cmocka.h> before.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>

#define MESSAGE_MAX 512

/** struct message - one message */
struct message {
	union {
		struct nlmsghdr header;
		uint8_t bytes[MESSAGE_MAX];
	};
};

static inline void *message_begin(struct message *message, uint16_t type, size_t begins_with)
{
	struct nlmsghdr *header;

	memset(message, 0, sizeof(*message));
	header = mnl_nlmsg_put_header(message->bytes);
	header->nlmsg_type = type;

	return mnl_nlmsg_put_extra_header(header, begins_with);
}

/* An address of either family, as text. */
static inline void message_put_address(struct message *message, uint16_t type, const char *text)
{
	bool ipv4 = strchr(text, ':') == NULL;
	struct in6_addr address;

	assert_int_equal(inet_pton(ipv4 ? AF_INET : AF_INET6, text, &address), 1);
	mnl_attr_put(&message->header, type, ipv4 ? 4 : 16, &address);
}

static inline struct message message_link(uint16_t type, int index, unsigned int flags,
					  const char *name)
{
	struct message message;
	struct ifinfomsg *link = message_begin(&message, type, sizeof(*link));

	link->ifi_index = index;
	link->ifi_flags = flags;
	mnl_attr_put_strz(&message.header, IFLA_IFNAME, name);

	return message;
}

/* With lifetimes, which count down. */
static inline struct message message_address(uint16_t type, unsigned int index, const char *text,
					     uint32_t flags, uint32_t lifetime)
{
	const struct ifa_cacheinfo times = { .ifa_prefered = lifetime, .ifa_valid = lifetime };
	struct message message;
	struct ifaddrmsg *address = message_begin(&message, type, sizeof(*address));

	address->ifa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	address->ifa_prefixlen = 24;
	address->ifa_index = index;
	message_put_address(&message, IFA_ADDRESS, text);
	mnl_attr_put(&message.header, IFA_CACHEINFO, sizeof(times), &times);
	mnl_attr_put_u32(&message.header, IFA_FLAGS, flags);

	return message;
}

/* @to: NULL for the default route; @via: NULL for none. */
static inline struct message message_route(uint16_t type, const char *to, const char *via,
					   uint32_t interface)
{
	struct message message;
	struct rtmsg *route = message_begin(&message, type, sizeof(*route));
	const char *some = to ? to : via;

	route->rtm_family = some && strchr(some, ':') ? AF_INET6 : AF_INET;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_type = RTN_UNICAST;
	if (to) {
		route->rtm_dst_len = route->rtm_family == AF_INET ? 32 : 128;
		message_put_address(&message, RTA_DST, to);
	}
	mnl_attr_put_u32(&message.header, RTA_TABLE, RT_TABLE_MAIN);
	if (via)
		message_put_address(&message, RTA_GATEWAY, via);
	mnl_attr_put_u32(&message.header, RTA_OIF, interface);

	return message;
}
