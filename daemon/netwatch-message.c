/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel repeats itself: each router advertisement renews addresses and routes, wireless drivers tell of
 * scans, and an interface of which nothing that matters has changed is told in full. So it is remembered what
 * was told last of each interface, address and route, as a digest, and only what differs from that is news.
 *
 * What is there at the start is not asked for, so the first word on each thing is news: whoever hears it
 * looks, and finds nothing changed.
 */
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include "daemon/cleanup.h"
#include "daemon/netwatch-message.h"

/* FNV-1a. */
#define DIGEST_BASIS UINT64_C(0xcbf29ce484222325)
#define DIGEST_PRIME UINT64_C(0x100000001b3)

/* The loopback interface, in each network namespace. */
#define LOOPBACK 1

/** struct news - what one message says */
struct news {
	bool matters;
	bool gone; /* the thing is */
	uint64_t thing;
	uint64_t state;
	uint32_t table; /* of a route */
	bool near; /* a route to neighbours alone */
};

static void digest(uint64_t *sum, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < len; i++)
		*sum = (*sum ^ byte[i]) * DIGEST_PRIME;
}

static void digest_number(uint64_t *sum, uint32_t number)
{
	digest(sum, &number, sizeof(number));
}

/* With its type and length, so that no two lists of attributes are alike. */
static void digest_attribute(uint64_t *sum, const struct nlattr *attribute)
{
	digest_number(sum, mnl_attr_get_type(attribute));
	digest_number(sum, mnl_attr_get_payload_len(attribute));
	digest(sum, mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
}

/* ---- interfaces ---- */

static int link_on_attribute(const struct nlattr *attribute, void *userdata)
{
	struct news *news = userdata;

	if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
		digest_attribute(&news->state, attribute);

	return MNL_CB_OK;
}

/* Not what bridges and protocols tell of their own side of an interface. */
static int read_link(const struct nlmsghdr *message, struct news *news)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);

	news->gone = message->nlmsg_type == RTM_DELLINK;
	news->matters = link->ifi_family == AF_UNSPEC && !(link->ifi_flags & IFF_LOOPBACK);
	digest_number(&news->thing, (uint32_t)link->ifi_index);
	digest_number(&news->state, link->ifi_flags & (IFF_UP | IFF_RUNNING));

	return mnl_attr_parse(message, sizeof(*link), link_on_attribute, news);
}

/* ---- addresses ---- */

static int address_on_attribute(const struct nlattr *attribute, void *userdata)
{
	struct news *news = userdata;

	switch (mnl_attr_get_type(attribute)) {
	case IFA_ADDRESS:
	case IFA_LOCAL:
		digest_attribute(&news->thing, attribute);
		break;
	case IFA_FLAGS:
		digest_attribute(&news->state, attribute);
		break;
	default: /* above all its lifetimes */
		break;
	}

	return MNL_CB_OK;
}

static int read_address(const struct nlmsghdr *message, struct news *news)
{
	const struct ifaddrmsg *address = mnl_nlmsg_get_payload(message);

	news->gone = message->nlmsg_type == RTM_DELADDR;
	news->matters = address->ifa_scope < RT_SCOPE_LINK && address->ifa_index != LOOPBACK;
	digest_number(&news->thing, address->ifa_index);
	digest_number(&news->thing, address->ifa_prefixlen);

	return mnl_attr_parse(message, sizeof(*address), address_on_attribute, news);
}

/* ---- routes ---- */

static bool is_near(const struct nlattr *attribute)
{
	const struct in6_addr *to = mnl_attr_get_payload(attribute);

	return mnl_attr_get_payload_len(attribute) == sizeof(*to) && IN6_IS_ADDR_LINKLOCAL(to);
}

static int route_on_attribute(const struct nlattr *attribute, void *userdata)
{
	struct news *news = userdata;

	switch (mnl_attr_get_type(attribute)) {
	case RTA_DST:
		news->near = is_near(attribute);
		digest_attribute(&news->thing, attribute);
		break;
	case RTA_TABLE:
		if (mnl_attr_get_payload_len(attribute) == sizeof(news->table))
			news->table = mnl_attr_get_u32(attribute);
		digest_attribute(&news->thing, attribute);
		break;
	case RTA_SRC:
	case RTA_PRIORITY:
		digest_attribute(&news->thing, attribute);
		break;
	case RTA_OIF:
	case RTA_GATEWAY:
	case RTA_VIA:
	case RTA_PREFSRC:
	case RTA_MULTIPATH:
	case RTA_NH_ID:
		digest_attribute(&news->state, attribute);
		break;
	default: /* above all its lifetime */
		break;
	}

	return MNL_CB_OK;
}

/* Not the box's own addresses, which are told as such, and not what is remembered of single peers. */
static int read_route(const struct nlmsghdr *message, struct news *news)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	int r;

	news->gone = message->nlmsg_type == RTM_DELROUTE;
	news->table = route->rtm_table;
	digest_number(&news->thing, route->rtm_dst_len);
	digest_number(&news->thing, route->rtm_tos);
	digest_number(&news->state, route->rtm_type);
	digest_number(&news->state, route->rtm_flags);
	r = mnl_attr_parse(message, sizeof(*route), route_on_attribute, news);
	news->matters = !(route->rtm_flags & RTM_F_CLONED) && news->table != RT_TABLE_LOCAL &&
			route->rtm_type != RTN_MULTICAST && !news->near;

	return r;
}

/* Which table is asked for which packets: rare, so any word is news. */
static int read_rule(const struct nlmsghdr *message, struct news *news)
{
	(void)message;
	news->matters = true;
	news->gone = true;

	return MNL_CB_OK;
}

/* ---- what is new ---- */

typedef int read_fn(const struct nlmsghdr *message, struct news *news);

/* By what the kernel begins its messages with. */
static const struct {
	uint16_t type;
	uint8_t kind; /* of the thing */
	uint8_t begins_with; /* bytes */
	read_fn *read;
} readers[] = {
	{ RTM_NEWLINK, 'l', sizeof(struct ifinfomsg), read_link },
	{ RTM_DELLINK, 'l', sizeof(struct ifinfomsg), read_link },
	{ RTM_NEWADDR, 'a', sizeof(struct ifaddrmsg), read_address },
	{ RTM_DELADDR, 'a', sizeof(struct ifaddrmsg), read_address },
	{ RTM_NEWROUTE, 'r', sizeof(struct rtmsg), read_route },
	{ RTM_DELROUTE, 'r', sizeof(struct rtmsg), read_route },
	{ RTM_NEWRULE, 'p', sizeof(struct rtgenmsg), read_rule },
	{ RTM_DELRULE, 'p', sizeof(struct rtgenmsg), read_rule },
};

/*
 * A message that is broken off, or whose attributes are, says nothing. The kernel fills attributes up to four
 * bytes, and libmnl takes it for granted that a message ends so.
 */
static bool read_news(const struct nlmsghdr *message, struct news *ret)
{
	if (message->nlmsg_len % MNL_ALIGNTO != 0)
		return false;
	*ret = (struct news){ .thing = DIGEST_BASIS, .state = DIGEST_BASIS };
	for (size_t i = 0; i < SB_ELEMENTS(readers); i++) {
		if (readers[i].type != message->nlmsg_type)
			continue;
		if (mnl_nlmsg_get_payload_len(message) < readers[i].begins_with)
			return false;
		digest_number(&ret->thing, readers[i].kind);
		digest(&ret->thing, mnl_nlmsg_get_payload(message), 1); /* the family */
		return readers[i].read(message, ret) == MNL_CB_OK && ret->matters;
	}

	return false;
}

static struct sb_fact *find_fact(struct sb_facts *facts, uint64_t thing)
{
	for (size_t i = 0; i < SB_ELEMENTS(facts->all); i++) {
		if (facts->all[i].thing == thing)
			return &facts->all[i];
	}

	return NULL;
}

static struct sb_fact *forget_oldest(struct sb_facts *facts)
{
	struct sb_fact *fact = &facts->all[facts->oldest];

	facts->oldest = (facts->oldest + 1) % SB_ELEMENTS(facts->all);

	return fact;
}

/**
 * sb_facts_on_message() - take note of a message of the kernel's
 * @facts: what it said before
 * @message: whole, as mnl_nlmsg_ok() has it; its content may be anything
 *
 * Return: whether it says something new that can matter to the way of a packet to another box.
 */
bool sb_facts_on_message(struct sb_facts *facts, const struct nlmsghdr *message)
{
	struct sb_fact *fact;
	struct news news;

	if (!read_news(message, &news))
		return false;
	fact = find_fact(facts, news.thing);
	if (news.gone) {
		if (fact)
			*fact = (struct sb_fact){ 0 };
		return true;
	}
	if (fact && fact->state == news.state)
		return false;
	if (!fact)
		fact = forget_oldest(facts);
	*fact = (struct sb_fact){ .thing = news.thing, .state = news.state };

	return true;
}
