/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The names on the bus, and what the objects there work with.
 */
#include <stdint.h>
#include <systemd/sd-bus.h>

#define SB_BUS_NAME "io.skybus.Gateway1"
#define SB_BUS_ROOT "/io/skybus/Gateway1"
#define SB_BUS_LINKS SB_BUS_ROOT "/link"
#define SB_BUS_MANAGER_INTERFACE SB_BUS_NAME ".Manager"
#define SB_BUS_LINK_INTERFACE SB_BUS_NAME ".Link"
#define SB_BUS_ERROR_PREFIX SB_BUS_NAME ".Error."

struct sb_access;
struct sb_bus_calls;
struct sb_callers;
struct sb_durables;
struct sb_gateway;
struct sb_identities;
struct sb_outflow;
struct sb_rates;
struct sb_reload;
struct sb_subscriptions;

/**
 * struct sb_bus_parts - what an object on the bus works with; all of it outlives the object
 * @epoch: the number of the connection, counted from the start of the daemon
 */
struct sb_bus_parts {
	sd_bus *connection;
	uint64_t epoch;
	struct sb_gateway *gateway;
	struct sb_access *access;
	struct sb_rates *rates;
	struct sb_reload *reload;
	struct sb_bus_calls *calls;
	struct sb_callers *callers;
	struct sb_identities *identities;
	struct sb_outflow *outflow;
	struct sb_subscriptions *subscriptions;
	struct sb_durables *durables;
};
