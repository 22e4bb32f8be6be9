/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon on D-Bus: the objects below /io/skybus/Gateway1, which follow the gateway's links, and all that
 * hangs on a connection to the bus. When the connection is lost it is let go of, and made anew for the next.
 */
#include "dbus/connection.h"

struct sb_access;
struct sb_bus;
struct sb_gateway;
struct sb_rates;
struct sb_reload;

/** struct sb_bus_host - whom the objects speak for; all of it outlives the bus */
struct sb_bus_host {
	struct sb_gateway *gateway; /* the bus listens to it */
	struct sb_access *access; /* who may do what */
	struct sb_rates *rates; /* and how much of it */
	struct sb_reload *reload;
};

int sb_bus_new(const struct sb_bus_options *options, const struct sb_bus_host *host,
	       struct sb_bus **ret);
struct sb_bus *sb_bus_free(struct sb_bus *bus);
