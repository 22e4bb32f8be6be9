/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Durable subscriptions on the bus: a connection that is attached to an inbox, which outlives it. Each
 * sends it the signal Message; with its end the inbox goes on gathering.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "daemon/error.h"
#include "dbus/subscription-ended.h"

/** Numbers of durable subscriptions have this bit, and those of others do not. */
#define SB_DURABLE_ID (UINT32_C(1) << 31)

struct durable;
struct sb_bus_call;
struct sb_bus_parts;
struct sb_caller;
struct sb_delivery;
struct sb_inbox;

/** struct sb_durables - all of them; embedded in its owner */
struct sb_durables {
	const struct sb_bus_parts *parts;
	void *by_id; /* tsearch(3) */
	LIST_HEAD(, durable) list;
	uint32_t last_id;
};

void sb_durables_init(struct sb_durables *all, const struct sb_bus_parts *parts);
void sb_durables_done(struct sb_durables *all);

int sb_durables_attach(struct sb_durables *all, const char *caller, struct sb_inbox *inbox,
		       uint32_t *ret_id, struct sb_error *ret_error);
int sb_durables_end(struct sb_durables *all, const char *caller, const char *link, uint32_t id,
		    struct sb_error *ret_error);
void sb_durables_end_unless(struct sb_durables *all, sb_subscription_keep_fn *keep, void *userdata,
			    const char *reason);
int sb_durables_acknowledge(struct sb_durables *all, const char *caller, const char *link,
			    uint64_t message, struct sb_bus_call *call, struct sb_error *ret_error);

bool sb_durables_take(const struct sb_caller *caller, const struct sb_delivery *delivery);
bool sb_durables_answer(const struct sb_caller *caller, const char *link);
