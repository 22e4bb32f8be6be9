/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An HTTPS door on the network: one TCP port, and between it and the cloud all that HTTP and TLS
 * ask of a server. It hangs on the loop by itself.
 */
#include <systemd/sd-event.h>

#include "sim/address.h"
#include "sim/authority.h"
#include "sim/house.h"

struct sim_https_door;

int sim_https_door_new(sd_event *event, struct sim_house *house,
		       const struct sim_authority *authority, struct sim_address *address,
		       struct sim_https_door **ret);
struct sim_https_door *sim_https_door_free(struct sim_https_door *door);
