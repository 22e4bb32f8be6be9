/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The options by which a subscriber says what it wants, for all methods that have them.
 */
#include <systemd/sd-bus.h>

#include "daemon/hub.h"

int sb_interest_read(sd_bus_message *call, struct sb_interest *interest,
		     struct sb_error *ret_error);
