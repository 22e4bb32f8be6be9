/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What io.skybus.Gateway1.Manager has of the configuration: where it is, reading it again, what that would change,
 * and what is in force. The userdata of each is a struct sb_manager.
 */
#include <systemd/sd-bus.h>

struct sb_manager;

int sb_manager_config_begin_reload(const struct sb_manager *manager, sd_bus_message *message);
int sb_manager_config_get_file(sd_bus *bus, const char *path, const char *interface,
			       const char *property, sd_bus_message *reply, void *userdata,
			       sd_bus_error *error);
int sb_manager_config_reload(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_manager_config_preview(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_manager_config_print(sd_bus_message *call, void *userdata, sd_bus_error *error);
