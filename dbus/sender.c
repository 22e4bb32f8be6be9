/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dbus/parts.h"
#include "dbus/sender.h"

/* Of the D-Bus specification. */
#define NAME_MAX_LEN 255

/* Not snprintf(), which takes ten times as long, twice for each message. */
static void append_number(char *text, uint64_t number)
{
	char digits[20];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		*text++ = digits[--n];
	*text = '\0';
}

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
	const char *name = sd_bus_message_get_sender(call);
	size_t len = strnlen(name, NAME_MAX_LEN);

	memcpy(ret, name, len);
	ret[len] = '@';
	append_number(ret + len + 1, parts->epoch);

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

	if (sender[0] != ':' || !at || at - sender > NAME_MAX_LEN)
		return false;
	append_number(epoch, parts->epoch);
	if (strcmp(at + 1, epoch) != 0)
		return false;
	memcpy(ret_name, sender, (size_t)(at - sender));
	ret_name[at - sender] = '\0';

	return true;
}
