/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "daemon/way.h"

/**
 * sb_way_bytes() - an address as it is in a packet
 * @address: the address
 * @ret_len: 4 or 16
 *
 * Return: the bytes, part of @address.
 */
const void *sb_way_bytes(const struct in6_addr *address, size_t *ret_len)
{
	bool ipv4 = IN6_IS_ADDR_V4MAPPED(address);

	*ret_len = ipv4 ? sizeof(struct in_addr) : sizeof(*address);

	return ipv4 ? &address->s6_addr[12] : address->s6_addr;
}

/**
 * sb_way_from_bytes() - the address that is so in a packet
 * @bytes: @len bytes
 * @len: 4 or 16; what is longer or shorter is no address
 * @ret: the address, or none
 */
void sb_way_from_bytes(const void *bytes, size_t len, struct in6_addr *ret)
{
	*ret = in6addr_any;
	if (len == sizeof(*ret)) {
		memcpy(ret, bytes, len);
	} else if (len == sizeof(struct in_addr)) {
		ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
		memcpy(&ret->s6_addr[12], bytes, len);
	}
}

/**
 * sb_way_address() - the address in a socket's address
 * @sockaddr: of IPv4 or IPv6
 * @ret: the address, without port; none for another family
 */
void sb_way_address(const struct sockaddr *sockaddr, struct in6_addr *ret)
{
	const void *address = sockaddr;

	*ret = in6addr_any;
	if (sockaddr->sa_family == AF_INET)
		sb_way_from_bytes(&((const struct sockaddr_in *)address)->sin_addr, 4, ret);
	else if (sockaddr->sa_family == AF_INET6)
		*ret = ((const struct sockaddr_in6 *)address)->sin6_addr;
}

/**
 * sb_way_print() - an address as people read it
 * @address: the address
 * @ret_text: the text
 *
 * Return: @ret_text.
 */
const char *sb_way_print(const struct in6_addr *address, char ret_text[INET6_ADDRSTRLEN])
{
	size_t len;
	const void *bytes = sb_way_bytes(address, &len);

	ret_text[0] = '\0';
	(void)inet_ntop(IN6_IS_ADDR_V4MAPPED(address) ? AF_INET : AF_INET6, bytes, ret_text,
			INET6_ADDRSTRLEN);

	return ret_text;
}

/**
 * sb_way_equal() - are two ways the same
 * @a: one
 * @b: the other
 *
 * Return: whether they are, in everything.
 */
bool sb_way_equal(const struct sb_way *a, const struct sb_way *b)
{
	return IN6_ARE_ADDR_EQUAL(&a->from, &b->from) && IN6_ARE_ADDR_EQUAL(&a->via, &b->via) &&
	       a->interface == b->interface && a->carrier == b->carrier;
}
