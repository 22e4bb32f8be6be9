/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of io.skybus.Gateway1.Link that store a message: Publish, PublishBytes and those with
 * options. One handler is for all of them, since their signatures say what they are.
 */
#include <systemd/sd-bus.h>

struct sb_bus_parts;
struct sb_error;
struct sb_identity;
struct sb_message;

int sb_publish_read(const struct sb_bus_parts *parts, sd_bus_message *call,
		    const struct sb_identity *sender, struct sb_message **ret,
		    struct sb_error *ret_error);
int sb_publish(sd_bus_message *call, void *userdata, sd_bus_error *error);
