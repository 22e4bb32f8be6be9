/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "daemon/cleanup.h"
#include "daemon/netwatch-message.h"
#include "daemon/netwatch.h"

/* Groups count from one, their bits from zero, netlink(7). */
#define GROUP(number) ((1u << (number)) >> 1)

#define GROUPS                                                                              \
	(GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) | GROUP(RTNLGRP_IPV6_IFADDR) |    \
	 GROUP(RTNLGRP_IPV4_ROUTE) | GROUP(RTNLGRP_IPV6_ROUTE) | GROUP(RTNLGRP_IPV4_RULE) | \
	 GROUP(RTNLGRP_IPV6_RULE))

/* What is taken in one turn of the loop; the rest in the next one. */
#define READS_MAX 16

/* Messages come a few at a time; one that is longer than this is as good as lost. */
#define BUFFER_SIZE 8192

struct sb_netwatch {
	struct mnl_socket *socket;
	struct sb_watch *ready;
	struct sb_timer settle; /* armed while something is to be told */
	uint64_t latest; /* CLOCK_BOOTTIME, µs: when it is told in any case */
	struct sb_facts facts;
	sb_netwatch_fn *changed; /* NULL for nobody */
	void *userdata;
};

SB_DEFINE_CLEANUP(struct sb_netwatch *, sb_netwatch_free)

static void netwatch_on_settled(struct sb_timer *timer)
{
	struct sb_netwatch *watch = sb_container_of(timer, struct sb_netwatch, settle);

	if (watch->changed)
		watch->changed(watch->userdata);
}

static void gather(struct sb_netwatch *watch)
{
	uint64_t now = sb_loop_now(watch->settle.loop);

	if (!sb_timer_armed(&watch->settle))
		watch->latest = now + SB_NETWATCH_LATEST_USEC;
	if (now + SB_NETWATCH_SETTLE_USEC < watch->latest)
		sb_timer_arm(&watch->settle, SB_NETWATCH_SETTLE_USEC);
	else
		sb_timer_arm(&watch->settle, watch->latest > now ? watch->latest - now : 0);
}

static bool take_messages(struct sb_netwatch *watch, const void *buffer, int len)
{
	const struct nlmsghdr *message = buffer;
	bool news = false;

	while (mnl_nlmsg_ok(message, len)) {
		news |= sb_facts_on_message(&watch->facts, message);
		message = mnl_nlmsg_next(message, &len);
	}

	return news;
}

/* Something was lost, so anything may have changed, and be told now in the words of before. */
static void forget_all(struct sb_netwatch *watch)
{
	watch->facts = (struct sb_facts){ 0 };
	gather(watch);
}

static void netwatch_on_ready(void *userdata, uint32_t events)
{
	_Alignas(struct nlmsghdr) char buffer[BUFFER_SIZE];
	struct sb_netwatch *watch = userdata;

	(void)events;
	for (unsigned int i = 0; i < READS_MAX; i++) {
		ssize_t len = mnl_socket_recvfrom(watch->socket, buffer, sizeof(buffer));

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len < 0) {
			forget_all(watch); /* ENOBUFS, or ENOSPC for one that was too long */
			return;
		}
		if (take_messages(watch, buffer, (int)len))
			gather(watch);
	}
}

/**
 * sb_netwatch_new() - begin to watch the network
 * @loop: outlives the watch
 * @ret: the watch, the caller's
 *
 * Return: 0, or a negative errno: the kernel, or the sandbox that the daemon is in, has no rtnetlink.
 */
int sb_netwatch_new(struct sb_loop *loop, struct sb_netwatch **ret)
{
	SB_CLEANUP(sb_netwatch_free) struct sb_netwatch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	sb_timer_init(&watch->settle, loop, netwatch_on_settled);
	watch->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!watch->socket || mnl_socket_bind(watch->socket, GROUPS, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	r = sb_watch_new(loop, mnl_socket_get_fd(watch->socket), EPOLLIN, netwatch_on_ready, watch,
			 &watch->ready);
	if (r < 0)
		return r;
	*ret = SB_STEAL(watch);

	return 0;
}

/**
 * sb_netwatch_free() - watch no more
 * @watch: may be NULL
 *
 * Return: NULL.
 */
struct sb_netwatch *sb_netwatch_free(struct sb_netwatch *watch)
{
	if (!watch)
		return NULL;

	sb_timer_disarm(&watch->settle);
	(void)sb_watch_free(watch->ready);
	if (watch->socket)
		(void)mnl_socket_close(watch->socket);
	free(watch);

	return NULL;
}

/**
 * sb_netwatch_listen() - be told when the network may have changed; there is one listener
 * @watch: the watch
 * @changed: called from the loop; NULL for nobody
 * @userdata: for @changed
 */
void sb_netwatch_listen(struct sb_netwatch *watch, sb_netwatch_fn *changed, void *userdata)
{
	watch->changed = changed;
	watch->userdata = userdata;
}
