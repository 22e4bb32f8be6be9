/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The object /io/skybus/Gateway1: the daemon as a whole.
 */
#include <systemd/sd-bus.h>

#include "daemon/loop.h"
#include "dbus/waiter.h"

struct sb_bus_parts;

/** struct sb_manager - the object; embedded in its owner */
struct sb_manager {
	const struct sb_bus_parts *parts;
	sd_bus_slot *vtable;
	struct sb_task tell; /* PropertiesChanged, once for all links that come or go together */
	struct sb_waiters waiters;
};

int sb_manager_init(struct sb_manager *manager, const struct sb_bus_parts *parts);
void sb_manager_done(struct sb_manager *manager);

void sb_manager_links_changed(struct sb_manager *manager);
