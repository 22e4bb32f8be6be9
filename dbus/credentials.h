/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Credentials: what the bus answers when it is asked who is behind a connection.
 */
#include <systemd/sd-bus.h>

#include "daemon/identity.h"
#include "daemon/process.h"

struct sb_identity sb_credentials_read(sd_bus_message *reply, const char *name,
				       struct sb_process *ret_process);
