/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The method OpenStream of io.skybus.Gateway1.Link: a socket past the bus, see daemon/stream.h. The userdata
 * is a struct sb_link_object.
 */
#include <systemd/sd-bus.h>

int sb_link_stream_open(sd_bus_message *call, void *userdata, sd_bus_error *error);
