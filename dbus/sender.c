/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dbus/parts.h"
#include "dbus/sender.h"

/**
 * sb_sender_of() - who has called
 * @parts: the bus
 * @call: the method call
 * @ret: the sender
 *
 * Return: @ret.
 */
const char *sb_sender_of(const struct sb_bus_parts *parts, sd_bus_message *call,
			 char ret[SB_SENDER_MAX])
{
	(void)snprintf(ret, SB_SENDER_MAX, "%s@%" PRIu64, sd_bus_message_get_sender(call),
		       parts->epoch);

	return ret;
}

/**
 * sb_sender_is_here() - can a sender be told anything
 * @parts: the bus
 * @sender: what sb_sender_of() said, perhaps long ago; or anything else
 * @ret_name: its unique name, if so
 *
 * Return: whether it called over the present connection; it may have gone since.
 */
bool sb_sender_is_here(const struct sb_bus_parts *parts, const char *sender,
		       char ret_name[SB_SENDER_MAX])
{
	const char *at = strrchr(sender, '@');
	char epoch[24];

	if (sender[0] != ':' || !at || at - sender >= SB_SENDER_MAX)
		return false;
	(void)snprintf(epoch, sizeof(epoch), "%" PRIu64, parts->epoch);
	if (strcmp(at + 1, epoch) != 0)
		return false;
	(void)snprintf(ret_name, SB_SENDER_MAX, "%.*s", (int)(at - sender), sender);

	return true;
}
