/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a door is: a numeric address and a port.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/** The longest text of one, "[…]:65535", with its terminating zero. */
#define SIM_ADDRESS_TEXT 64

/** struct sim_address - an address and a port */
struct sim_address {
	socklen_t len;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

int sim_address_parse(const char *text, struct sim_address *ret);
uint16_t sim_address_port(const struct sim_address *address);
void sim_address_set_port(struct sim_address *address, uint16_t port);
void sim_address_print(const struct sim_address *address, char ret_text[SIM_ADDRESS_TEXT]);
int sim_address_bind(struct sim_address *address);
