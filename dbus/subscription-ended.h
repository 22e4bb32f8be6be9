/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The signal SubscriptionEnded of a link, by which an app hears that the daemon has ended one of its
 * subscriptions.
 */
#include <stdint.h>
#include <systemd/sd-bus.h>

int sb_subscription_ended_new(sd_bus *connection, const char *path, uint32_t subscription,
			      const char *reason, sd_bus_message **ret);
