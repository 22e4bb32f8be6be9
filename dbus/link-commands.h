/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of io.skybus.Gateway1.Link for commands from the cloud: who hears them, and who answers.
 * The userdata of each is a struct sb_link_object.
 */
#include <systemd/sd-bus.h>

struct sb_error;
struct sb_interest;

int sb_link_commands_subscribe(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_link_commands_subscribe_with(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_link_commands_unsubscribe(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_link_commands_answer(sd_bus_message *call, void *userdata, sd_bus_error *error);
int sb_link_commands_answer_bytes(sd_bus_message *call, void *userdata, sd_bus_error *error);
