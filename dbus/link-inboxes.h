/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of io.skybus.Gateway1.Link for messages that wait for their app on disk. The userdata of each
 * is a struct sb_link_object.
 */
#include <systemd/sd-bus.h>

int sb_link_inboxes_subscribe(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_link_inboxes_acknowledge(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_link_inboxes_forget(sd_bus_message *call, void *userdata, sd_bus_error *error);
