/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The signal Message of a link, by which apps get what they have subscribed to.
 */
#include <stdbool.h>
#include <systemd/sd-bus.h>

struct sb_delivery;

/** struct sb_message_waited - of a message that has waited in an inbox */
struct sb_message_waited {
	const char *inbox; /* its name */
	bool redelivered; /* it was, or may have been, sent before */
};

int sb_message_signal_new(sd_bus *connection, const char *path, const struct sb_delivery *delivery,
			  bool answers, sd_bus_message **ret);
int sb_message_signal_new_waited(sd_bus *connection, const char *path,
				 const struct sb_delivery *delivery, bool answers,
				 const struct sb_message_waited *waited, sd_bus_message **ret);
