/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Senders: who is told of the end of a message, as text that the core keeps with it, ":1.5@2": a unique name,
 * and the number of our connection to the bus. Unique names begin anew with each bus daemon, so what was
 * published over one connection is nobody's business on the next.
 */
#include <stdbool.h>
#include <systemd/sd-bus.h>

struct sb_bus_parts;

/** The longest name, of the D-Bus specification, and the number. */
#define SB_SENDER_MAX (255 + 24)

const char *sb_sender_of(const struct sb_bus_parts *parts, sd_bus_message *call,
			 char ret[SB_SENDER_MAX]);
bool sb_sender_is_here(const struct sb_bus_parts *parts, const char *sender,
		       char ret_name[SB_SENDER_MAX]);
