/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon says on the bus: errors with a sentence, how a message ended, text from
 * outside.
 */
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "daemon/error.h"

struct sb_settlement;

int sb_bus_append_text(sd_bus_message *message, const char *text);
int sb_bus_append_pair(sd_bus_message *message, const char *key, const char *value);
int sb_bus_append_number_pair(sd_bus_message *message, const char *key, uint64_t value);
int sb_bus_reply_error(sd_bus_message *call, const struct sb_error *error);
int sb_bus_reply_failed(sd_bus_message *call, int r);
int sb_bus_append_settlement(sd_bus_message *message, const struct sb_settlement *settlement);
int sb_bus_reply_settlement(sd_bus_message *call, const struct sb_settlement *settlement);
void sb_bus_reply_ticket(void *call, uint64_t ticket, const struct sb_error *error);
void sb_bus_reply_tickets(void *call, const uint64_t *tickets, size_t n,
			  const struct sb_error *error);
void sb_bus_reply_done(void *call, const struct sb_error *error);
