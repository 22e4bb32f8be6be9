/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The connection to the message bus, and the daemon's name on it. When it is lost it is made again,
 * as often as it takes; nothing waits for the bus meanwhile.
 */
#include <stdbool.h>
#include <systemd/sd-bus.h>

struct sb_connection;
struct sb_loop;

/**
 * struct sb_bus_options - which bus
 * @address: of a bus, as in DBUS_SESSION_BUS_ADDRESS; NULL for a well-known one
 * @session: without @address, the session bus and not the system bus
 * @instance: of the daemon, whose name is then io.skybus.Gateway1.INSTANCE; NULL for the one without
 */
struct sb_bus_options {
	const char *address;
	bool session;
	const char *instance;
};

/**
 * struct sb_connection_events - what its owner is told
 * @up: @bus is connected, and the name is ours; nobody has called us yet, so what is put on it now is there
 *	for whoever finds the name. A negative errno gives the connection up, to try again.
 * @down: it was lost: nobody can be told anything, and all that hangs on it is to be let go of; not called
 *	unless it was up
 */
struct sb_connection_events {
	int (*up)(void *userdata, sd_bus *bus);
	void (*down)(void *userdata);
};

int sb_connection_new(const struct sb_bus_options *options, struct sb_loop *loop,
		      const struct sb_connection_events *events, void *userdata,
		      struct sb_connection **ret);
struct sb_connection *sb_connection_free(struct sb_connection *connection);
