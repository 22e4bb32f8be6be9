/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The options by which a subscriber says what it wants, for all methods that have them.
 */
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "daemon/hub.h"
#include "skybus/plugin.h"

enum {
	SB_INTEREST_ANSWER,
	SB_INTEREST_ORIGIN,
	SB_N_INTEREST, /* a method's own options come after */
};

/** Rows for sb_call_options_read(), at the beginning of the method's own; the first choice is the default. */
#define SB_INTEREST_ROWS                                                                        \
	[SB_INTEREST_ANSWER] = { .key = "answer", .kind = SKYBUS_CHOICE, .choices = "no|yes" }, \
	[SB_INTEREST_ORIGIN] = { .key = "origin",                                               \
				 .kind = SKYBUS_CHOICE,                                         \
				 .choices = "cloud|local|any" }

void sb_interest_set(struct sb_interest *interest, const int64_t *values);
int sb_interest_read(sd_bus_message *call, struct sb_interest *interest,
		     struct sb_error *ret_error);
