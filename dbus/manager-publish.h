/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of io.skybus.Gateway1.Manager that publish by topic: the routes of the configuration say to which
 * links. One handler is for all of them, as with a link (dbus/publish.h).
 */
#include <systemd/sd-bus.h>

int sb_manager_publish(sd_bus_message *call, void *userdata, sd_bus_error *error);
