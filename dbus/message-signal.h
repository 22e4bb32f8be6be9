/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The signal Message of a link, by which apps get what they have subscribed to.
 */
#include <stdbool.h>
#include <systemd/sd-bus.h>

struct sb_delivery;

int sb_message_signal_new(sd_bus *connection, const char *path, const struct sb_delivery *delivery,
			  bool answers, sd_bus_message **ret);
