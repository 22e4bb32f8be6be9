/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of io.skybus.Gateway1.Manager for dead letters, messages that were rejected: to look at them,
 * to send them again, to throw them away. The userdata of each is a struct sb_manager.
 */
#include <systemd/sd-bus.h>

int sb_manager_letters_list(sd_bus_message *message, void *userdata, sd_bus_error *error);
int sb_manager_letters_read(sd_bus_message *message, void *userdata, sd_bus_error *error);
int sb_manager_letters_requeue(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_manager_letters_discard(sd_bus_message *message, void *userdata, sd_bus_error *error);
