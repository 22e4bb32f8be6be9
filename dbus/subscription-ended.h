/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The signal SubscriptionEnded of a link, by which an app hears that the daemon has ended one of its
 * subscriptions.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/** Is the subscription of a connection to a filter of a link to stay? */
typedef bool sb_subscription_keep_fn(void *userdata, const char *caller, const char *link,
				     const char *filter);

int sb_subscription_ended_new(sd_bus *connection, const char *path, uint32_t subscription,
			      const char *reason, sd_bus_message **ret);
void sb_subscription_ended_tell(sd_bus *connection, const char *path, const char *subscriber,
				uint32_t subscription, const char *reason);
