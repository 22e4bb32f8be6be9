/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon on D-Bus: one connection, the name io.skybus.Gateway1, and the objects below
 * /io/skybus/Gateway1, which follow the gateway's links.
 */
#include <stdbool.h>

struct sb_access;
struct sb_bus;
struct sb_gateway;
struct sb_rates;

/**
 * struct sb_bus_options - which bus, and who may do what on it
 * @address: of a bus, as in DBUS_SESSION_BUS_ADDRESS; NULL for a well-known one
 * @session: without @address, the session bus and not the system bus
 * @access: who may do what; outlives the bus
 * @rates: how much; outlives the bus
 */
struct sb_bus_options {
	const char *address;
	bool session;
	struct sb_access *access;
	struct sb_rates *rates;
};

int sb_bus_new(const struct sb_bus_options *options, struct sb_gateway *gateway,
	       struct sb_bus **ret);
struct sb_bus *sb_bus_free(struct sb_bus *bus);
