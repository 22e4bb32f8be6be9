/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One door of a cloud as a port of this machine, which can be closed and opened again. What listens
 * there depends on the door's lock; in front of it may be a relay, which can be impaired.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "sim/address.h"
#include "sim/house.h"
#include "sim/impair.h"

struct sim_authority;
struct sim_endpoint;
struct sim_https_door;
struct sim_relay;

/**
 * struct sim_site - what all ports have in common
 * @event: the loop
 * @address: where they are; its port is ignored
 * @authority: who made the certificate of those that show one
 * @impairable: whether there is a relay in front of each
 */
struct sim_site {
	sd_event *event;
	struct sim_address address;
	struct sim_authority *authority;
	bool impairable;
};

/**
 * struct sim_port - a port
 * @site: lent
 * @house: who answers; lent
 * @door: which of the cloud's doors, counted from 0
 * @outside: where clients go
 * @inside: where the endpoint is, if there is a relay
 * @impair: of the relay
 * @relay: while the port is open, and if there is one
 * @endpoint: while the port is open
 * @source: of @endpoint
 * @https: instead of @endpoint
 */
struct sim_port {
	const struct sim_site *site;
	struct sim_house *house;
	size_t door;
	struct sim_address outside;
	struct sim_address inside;
	struct sim_impair impair;
	struct sim_relay *relay;
	struct sim_endpoint *endpoint;
	sd_event_source *source;
	struct sim_https_door *https;
};

/** A URL with its terminating zero. */
#define SIM_URL_SIZE (SIM_ADDRESS_TEXT + 8)

void sim_port_init(struct sim_port *port, const struct sim_site *site, struct sim_house *house,
		   size_t door, uint16_t number);
int sim_port_open(struct sim_port *port);
void sim_port_close(struct sim_port *port);
bool sim_port_is_open(const struct sim_port *port);
int sim_port_forget(struct sim_port *port);
int sim_port_impair(struct sim_port *port, const struct sim_impair *impair);
size_t sim_port_notify(struct sim_port *port, const char *path, const struct sim_reply *reply);
const char *sim_port_name(const struct sim_port *port);
void sim_port_url(const struct sim_port *port, char ret_url[SIM_URL_SIZE]);
