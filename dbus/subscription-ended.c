/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/subscription-ended.h"
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "dbus/parts.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

/**
 * sb_subscription_ended_new() - make the signal
 * @connection: the bus
 * @path: the link's object
 * @subscription: its number
 * @reason: a sentence for whoever had subscribed
 * @ret: the signal, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_subscription_ended_new(sd_bus *connection, const char *path, uint32_t subscription,
			      const char *reason, sd_bus_message **ret)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *signal = NULL;
	int r;

	r = sd_bus_message_new_signal(connection, &signal, path, SB_BUS_LINK_INTERFACE,
				      "SubscriptionEnded");
	if (r < 0)
		return r;
	r = sd_bus_message_append_basic(signal, SD_BUS_TYPE_UINT32, &subscription);
	if (r < 0)
		return r;
	r = sb_bus_append_text(signal, reason);
	if (r < 0)
		return r;
	*ret = SB_STEAL(signal);

	return 0;
}

/**
 * sb_subscription_ended_tell() - tell a subscriber, past all that waits for it
 * @connection: the bus
 * @path: the link's object
 * @subscriber: unique name
 * @subscription: its number
 * @reason: a sentence for it
 *
 * Not by way of the outflow: that may just have given the connection up. What one that does not read gets like
 * this is bounded by its subscriptions.
 */
void sb_subscription_ended_tell(sd_bus *connection, const char *path, const char *subscriber,
				uint32_t subscription, const char *reason)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *signal = NULL;
	int r;

	r = sb_subscription_ended_new(connection, path, subscription, reason, &signal);
	if (r >= 0)
		r = sd_bus_send_to(connection, signal, subscriber, NULL);
	if (r < 0)
		sb_log(LOG_DEBUG, "%s could not be told of the end of its subscription: %s",
		       subscriber, strerror(-r));
}
