/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * May the sender of a method call do this? One line in each handler, before anything is done: within the
 * rules (daemon/access.h), and for what is handed in, within the rate (daemon/rate.h).
 */
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "daemon/error.h"

struct sb_bus_parts;
struct sb_identity;
struct sb_inbox_wish;

int sb_permit_publish(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		      const char *link, const char *topic, size_t payload_len,
		      struct sb_error *ret_error);
int sb_permit_publish_at(const struct sb_bus_parts *parts, const struct sb_identity *sender,
			 const char *link, const char *topic, struct sb_error *ret_error);
int sb_permit_rate(const struct sb_bus_parts *parts, const struct sb_identity *sender, size_t size,
		   struct sb_error *ret_error);
int sb_permit_subscribe(const struct sb_bus_parts *parts, const struct sb_identity *sender,
			const char *link, const char *filter, struct sb_error *ret_error);
int sb_permit_inbox(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		    const struct sb_inbox_wish *wish, struct sb_error *ret_error);
int sb_permit_answer(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		     const char *link, const char *topic, size_t payload_len,
		     struct sb_error *ret_error);
int sb_permit_administer(const struct sb_bus_parts *parts, const struct sb_identity *sender,
			 sd_bus_message *call, struct sb_error *ret_error);
int sb_permit_cancel(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		     sd_bus_message *call, const uint32_t **ret_owner, struct sb_error *ret_error);
