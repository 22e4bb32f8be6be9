/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of io.skybus.Gateway1.Manager for tickets: what became of a message, waiting for its end,
 * and calling it back. The userdata of each is a struct sb_manager.
 */
#include <systemd/sd-bus.h>

int sb_manager_tickets_look_up(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_manager_tickets_wait(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_manager_tickets_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error);
