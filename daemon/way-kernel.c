/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question is one message to the kernel, which has answered when the call returns: a socket for each, since
 * they are rare. Neither the question nor the two ioctls wait for the lock under which interfaces are
 * configured, and which a driver may hold for seconds.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/ioctl.h>

#include "daemon/cleanup.h"
#include "daemon/way.h"

/* One route, with all that can be said of it. */
#define ANSWER_MAX 4096

/* An answer is no longer than that, and begins like the message that it is. */
union buffer {
	struct nlmsghdr header;
	char bytes[ANSWER_MAX];
};

/** struct question - what the kernel is asked */
struct question {
	struct in6_addr to;
	unsigned int interface; /* the only one; 0 for any */
	unsigned int flags; /* RTM_F_… */
};

/** struct answer - what it says */
struct answer {
	unsigned int type; /* RTN_… */
	unsigned int interface;
	struct in6_addr from;
	struct in6_addr via;
};

/* Addresses that are nobody's, RFC 5737 and RFC 3849: who has a default route has a way to them. */
static const struct in6_addr anywhere[] = {
	{ .s6_addr = { [10] = 0xff, 0xff, 198, 51, 100, 1 } },
	{ .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } },
};

static struct mnl_socket *close_socket(struct mnl_socket *socket)
{
	(void)mnl_socket_close(socket);

	return NULL;
}

SB_DEFINE_CLEANUP(struct mnl_socket *, close_socket)

/* ---- asking ---- */

static void write_question(const struct question *question, union buffer *ret)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(ret);
	struct rtmsg *route;
	size_t len;
	const void *to = sb_way_bytes(&question->to, &len);

	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST;
	route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	route->rtm_family = IN6_IS_ADDR_V4MAPPED(&question->to) ? AF_INET : AF_INET6;
	route->rtm_dst_len = (unsigned char)(8 * len);
	route->rtm_flags = question->flags;
	mnl_attr_put(message, RTA_DST, len, to);
	if (question->interface > 0)
		mnl_attr_put_u32(message, RTA_OIF, question->interface);
}

static int answer_on_attribute(const struct nlattr *attribute, void *userdata)
{
	struct answer *answer = userdata;
	const void *payload = mnl_attr_get_payload(attribute);
	size_t len = mnl_attr_get_payload_len(attribute);
	size_t family_len = offsetof(struct rtvia, rtvia_addr);

	switch (mnl_attr_get_type(attribute)) {
	case RTA_OIF:
		if (len == sizeof(answer->interface))
			answer->interface = mnl_attr_get_u32(attribute);
		break;
	case RTA_PREFSRC:
		sb_way_from_bytes(payload, len, &answer->from);
		break;
	case RTA_GATEWAY:
		sb_way_from_bytes(payload, len, &answer->via);
		break;
	case RTA_VIA:
		if (len > family_len)
			sb_way_from_bytes((const char *)payload + family_len, len - family_len,
					  &answer->via);
		break;
	default:
		break;
	}

	return MNL_CB_OK;
}

/* Why there is no route: the kernel has a number for each kind of a forbidden one, and for no IPv6. */
static int refusal(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
		return -EBADMSG;
	switch (-error->error) {
	case ENODEV:
	case ENOMEM:
	case ENOBUFS:
	case EPERM:
		return error->error;
	default:
		return -ENETUNREACH;
	}
}

static int read_answer(const struct nlmsghdr *message, struct answer *ret)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type == NLMSG_ERROR)
		return refusal(message);
	if (message->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*route))
		return -EBADMSG;
	*ret = (struct answer){ .type = route->rtm_type };
	if (mnl_attr_parse(message, sizeof(*route), answer_on_attribute, ret) != MNL_CB_OK)
		return -EBADMSG;
	if (ret->type != RTN_UNICAST && ret->type != RTN_LOCAL)
		return -ENETUNREACH;

	return ret->interface > 0 ? 0 : -EBADMSG;
}

static int ask(struct mnl_socket *socket, const struct question *question, struct answer *ret)
{
	union buffer buffer;
	ssize_t len;

	write_question(question, &buffer);
	if (mnl_socket_sendto(socket, &buffer, buffer.header.nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(socket, &buffer, sizeof(buffer));
	if (len < 0)
		return -errno;

	return mnl_nlmsg_ok(&buffer.header, (int)len) ? read_answer(&buffer.header, ret) : -EBADMSG;
}

static struct mnl_socket *open_socket(void)
{
	return mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* ---- ways ---- */

/* An interface that has just gone has no carrier. */
static void describe_interface(const struct mnl_socket *socket, struct sb_way *way)
{
	struct ifreq request = { .ifr_ifindex = (int)way->interface };
	int fd = mnl_socket_get_fd(socket);

	if (ioctl(fd, SIOCGIFNAME, &request) < 0)
		return;
	memcpy(way->name, request.ifr_name, sizeof(way->name));
	way->name[sizeof(way->name) - 1] = '\0';
	way->carrier = ioctl(fd, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_RUNNING;
}

static int find(struct mnl_socket *socket, const struct question *question, struct sb_way *ret)
{
	struct answer answer;
	int r = ask(socket, question, &answer);

	if (r < 0)
		return r;
	*ret = (struct sb_way){
		.from = answer.from,
		.via = answer.via,
		.interface = answer.interface,
	};
	describe_interface(socket, ret);

	return 0;
}

static int find_any(struct mnl_socket *socket, unsigned int interface, struct sb_way *ret)
{
	int r = -ENETUNREACH;

	for (size_t i = 0; i < SB_ELEMENTS(anywhere) && r == -ENETUNREACH; i++) {
		const struct question question = { .to = anywhere[i], .interface = interface };

		r = find(socket, &question, ret);
	}

	return r;
}

/* Of an address that is good on one interface only. */
static unsigned int scope_of(const struct sockaddr *to)
{
	const void *address = to;

	return to->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_scope_id
					 : 0;
}

/**
 * sb_way_find() - how a packet would leave the box now
 * @to: its destination; NULL for anybody who is far away
 * @interface: the name of the one to go through; NULL for the routing table's choice
 * @ret: the way
 *
 * An interface that is the only choice takes packets to anybody, as the kernel has it, with or without a
 * route, and with an address that is another's if it has none: see sb_way_home().
 *
 * Return: 0; -ENETUNREACH or -ENODEV (there is no such interface) when there is no way; another negative
 * errno when the kernel could not be asked.
 */
int sb_way_find(const struct sockaddr *to, const char *interface, struct sb_way *ret)
{
	SB_CLEANUP(close_socket) struct mnl_socket *socket = open_socket();
	struct question question = { 0 };

	if (!socket)
		return -errno;
	if (interface) {
		question.interface = if_nametoindex(interface);
		if (question.interface == 0)
			return -errno;
	}
	if (!to)
		return find_any(socket, question.interface, ret);
	sb_way_address(to, &question.to);
	if (question.interface == 0)
		question.interface = scope_of(to);

	return find(socket, &question, ret);
}

/**
 * sb_way_home() - which interface has an address
 * @address: the address
 *
 * Return: its index; 0 when it is none of this box's; a negative errno when the kernel could not be asked.
 */
int sb_way_home(const struct in6_addr *address)
{
	SB_CLEANUP(close_socket) struct mnl_socket *socket = open_socket();
	/* The entry, of the table of the box's own addresses; the way to them would be by loopback. */
	const struct question question = { .to = *address, .flags = RTM_F_FIB_MATCH };
	struct answer answer;
	int r;

	if (!socket)
		return -errno;
	r = ask(socket, &question, &answer);
	if (r < 0)
		return sb_way_is_none(r) ? 0 : r;

	return answer.type == RTN_LOCAL ? (int)answer.interface : 0;
}
