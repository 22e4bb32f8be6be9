/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What io.skybus.Gateway1.Manager has of plugins: which there are, and their settings. The userdata of each is
 * a struct sb_manager.
 */
#include <systemd/sd-bus.h>

int sb_manager_plugins_get(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error);
int sb_manager_plugins_get_failed(sd_bus *bus, const char *path, const char *interface,
				  const char *property, sd_bus_message *reply, void *userdata,
				  sd_bus_error *error);
int sb_manager_plugins_get_directory(sd_bus *bus, const char *path, const char *interface,
				     const char *property, sd_bus_message *reply, void *userdata,
				     sd_bus_error *error);
int sb_manager_plugins_list(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_manager_plugins_settings(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_manager_plugins_check(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_manager_plugins_lift(sd_bus_message *call, void *userdata, sd_bus_error *error);
