/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A bad network: a UDP port that hands on what it gets, both ways, and impairs it on the way.
 *
 * Every client has a socket of its own towards the door behind, as it would behind a NAT. So the
 * door, and with it the record, sees the address of that socket instead of the client's.
 */
#include <stdint.h>
#include <systemd/sd-event.h>

#include "sim/address.h"
#include "sim/impair.h"

struct sim_relay;

int sim_relay_new(sd_event *event, struct sim_address *address, const struct sim_address *behind,
		  struct sim_relay **ret);
struct sim_relay *sim_relay_free(struct sim_relay *relay);
void sim_relay_impair(struct sim_relay *relay, const struct sim_impair *how);
