/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/address.h"

/**
 * sim_address_parse() - read a numeric address
 * @text: "127.0.0.1", "::1"
 * @ret: the address, with port 0
 *
 * Return: 0; -EINVAL when @text is no such thing.
 */
int sim_address_parse(const char *text, struct sim_address *ret)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found = NULL;
	int result = -EINVAL;

	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return -EINVAL;

	if (found->ai_family == AF_INET || found->ai_family == AF_INET6) {
		memcpy(&ret->any, found->ai_addr, found->ai_addrlen);
		ret->len = found->ai_addrlen;
		result = 0;
	}
	freeaddrinfo(found);

	return result;
}

/**
 * sim_address_port() - the port
 * @address: the address
 *
 * Return: the port, 0 for none.
 */
uint16_t sim_address_port(const struct sim_address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->in.sin_port
						       : address->in6.sin6_port);
}

/**
 * sim_address_set_port() - the same address at another port
 * @address: changed
 * @port: 0 for one of the kernel's choice
 */
void sim_address_set_port(struct sim_address *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET)
		address->in.sin_port = htons(port);
	else
		address->in6.sin6_port = htons(port);
}

/**
 * sim_address_print() - an address as a URL has it
 * @address: the address
 * @ret_text: "127.0.0.1:40000", "[::1]:40000"
 */
void sim_address_print(const struct sim_address *address, char ret_text[SIM_ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";
	uint16_t port = sim_address_port(address);

	if (address->any.sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
		(void)snprintf(ret_text, SIM_ADDRESS_TEXT, "%s:%u", host, port);
	} else {
		(void)inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof(host));
		(void)snprintf(ret_text, SIM_ADDRESS_TEXT, "[%s]:%u", host, port);
	}
}

/**
 * sim_address_bind() - a UDP socket at a port that is nobody else's
 * @address: gets the port that the kernel chose if it has none
 *
 * Return: the socket, the caller's, which does not block; -EADDRINUSE or what else bind() says.
 */
int sim_address_bind(struct sim_address *address)
{
	int error,
		fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;

	if (bind(fd, &address->any, address->len) < 0 ||
	    getsockname(fd, &address->any, &address->len) < 0) {
		error = -errno;
		(void)close(fd);
		return error;
	}

	return fd;
}
