/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A way: how the kernel would send a packet now, from which address and through which interface. Its routing
 * tables are asked (rtnetlink, RTM_GETROUTE); nothing is sent, and nothing is waited for.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/** struct sb_way - a way; an IPv4 address is mapped into IPv6, and :: is none */
struct sb_way {
	struct in6_addr from;
	struct in6_addr via; /* the next hop; none when the peer is a neighbour */
	unsigned int interface; /* its index */
	char name[IF_NAMESIZE]; /* likewise */
	bool carrier; /* whether the interface has one */
};

/* ---- way-kernel.c ---- */

int sb_way_find(const struct sockaddr *to, const char *interface, struct sb_way *ret);
int sb_way_home(const struct in6_addr *address);

/* ---- way.c ---- */

const void *sb_way_bytes(const struct in6_addr *address, size_t *ret_len);
void sb_way_from_bytes(const void *bytes, size_t len, struct in6_addr *ret);
bool sb_way_equal(const struct sb_way *a, const struct sb_way *b);
void sb_way_address(const struct sockaddr *sockaddr, struct in6_addr *ret);
const char *sb_way_print(const struct in6_addr *address, char ret_text[INET6_ADDRSTRLEN]);

/** Is this the kernel's word that there is no way, and not only that it could not be asked? */
static inline bool sb_way_is_none(int error)
{
	return error == -ENETUNREACH || error == -ENODEV;
}
