/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The property Store: how the disk is, for programs that look for what is wrong.
 */
#include <systemd/sd-bus.h>

int sb_manager_store_get(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error);
