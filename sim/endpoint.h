/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A CoAP door on the network: one UDP port, and between it and the cloud all that CoAP and DTLS ask
 * of a server.
 */
#include <stddef.h>

#include "sim/address.h"
#include "sim/house.h"

struct sim_endpoint;

/**
 * struct sim_endpoint_place - what an endpoint is of
 * @house: who answers; outlives the endpoint
 * @door: which of the cloud's doors, counted from 0
 * @certificate: PEM, of a door that needs one; outlives the endpoint, as does @certificate_key
 * @certificate_key: PEM
 */
struct sim_endpoint_place {
	struct sim_house *house;
	size_t door;
	const char *certificate;
	const char *certificate_key;
};

int sim_endpoint_new(const struct sim_endpoint_place *place, struct sim_address *address,
		     struct sim_endpoint **ret);
struct sim_endpoint *sim_endpoint_free(struct sim_endpoint *endpoint);
int sim_endpoint_fd(const struct sim_endpoint *endpoint);
size_t sim_endpoint_notify(struct sim_endpoint *endpoint, const char *path,
			   const struct sim_reply *reply);
void sim_endpoint_process(struct sim_endpoint *endpoint);
