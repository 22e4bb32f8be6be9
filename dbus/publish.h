/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of io.skybus.Gateway1.Link that store a message: Publish, PublishBytes and those with
 * options. One handler is for all of them, since their signatures say what they are.
 */
#include <systemd/sd-bus.h>

int sb_publish(sd_bus_message *call, void *userdata, sd_bus_error *error);
