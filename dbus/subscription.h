/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Subscriptions on the bus: each belongs to one connection, ends with it, and sends it the signal
 * Message. They are for a link's name, so they outlive its removal and return by a reload.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "daemon/error.h"
#include "dbus/subscription-ended.h"

struct sb_bus_parts;
struct sb_caller;
struct sb_delivery;
struct sb_interest;
struct subscription;

/** struct sb_subscriptions - all of them; embedded in its owner */
struct sb_subscriptions {
	const struct sb_bus_parts *parts;
	void *by_id; /* tsearch(3) */
	LIST_HEAD(, subscription) list;
	uint32_t last_id;
};

void sb_subscriptions_init(struct sb_subscriptions *all, const struct sb_bus_parts *parts);
void sb_subscriptions_done(struct sb_subscriptions *all);

int sb_subscriptions_add(struct sb_subscriptions *all, const char *caller,
			 const struct sb_interest *interest, uint32_t *ret_id,
			 struct sb_error *ret_error);
int sb_subscriptions_end(struct sb_subscriptions *all, const char *caller, const char *link,
			 uint32_t id, struct sb_error *ret_error);
void sb_subscriptions_end_unless(struct sb_subscriptions *all, sb_subscription_keep_fn *keep,
				 void *userdata, const char *reason);
int sb_subscriptions_may_answer(struct sb_subscriptions *all, const char *caller, const char *link,
				struct sb_error *ret_error);
bool sb_subscriptions_will_answer(const struct sb_caller *caller,
				  const struct sb_delivery *delivery);
