/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How the makers of load, and what they are compared with, come to a message bus: all in the same way.
 */
#include <systemd/sd-bus.h>

int load_bus_open(const char *address, sd_bus **ret);
