/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The property LastAttempt of a link: facts for programs that look for what is wrong.
 */
#include <systemd/sd-bus.h>

int sb_link_attempt_get(sd_bus *bus, const char *path, const char *interface, const char *property,
			sd_bus_message *reply, void *userdata, sd_bus_error *error);
