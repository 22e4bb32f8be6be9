/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A cloud on the network: one UDP port, and between it and the cloud all that CoAP asks of a
 * server.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "sim/cloud.h"

struct sim_endpoint;

/** struct sim_address - where to listen, but for the port */
struct sim_address {
	socklen_t len;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

int sim_address_parse(const char *text, struct sim_address *ret);

int sim_endpoint_new(struct sim_cloud *cloud, const struct sim_address *address, uint16_t port,
		     struct sim_endpoint **ret);
struct sim_endpoint *sim_endpoint_free(struct sim_endpoint *endpoint);
const char *sim_endpoint_url(const struct sim_endpoint *endpoint);
int sim_endpoint_fd(const struct sim_endpoint *endpoint);
void sim_endpoint_process(struct sim_endpoint *endpoint);
