/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/link.h"
#include "daemon/message.h"
#include "dbus/call-options.h"
#include "dbus/call.h"
#include "dbus/identity.h"
#include "dbus/link-object.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/publish.h"
#include "dbus/reply.h"
#include "dbus/sender.h"
#include "skybus/plugin.h"

SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)
SB_DEFINE_CLEANUP(struct sb_message *, sb_message_free)

enum {
	TTL,
	PRIORITY,
	DURABILITY,
	REPLACE,
	CONTENT_FORMAT,
	N_OPTIONS,
};

_Static_assert(SB_BULK == 0 && SB_NORMAL == 1 && SB_URGENT == 2 && SB_N_PRIORITIES == 3,
	       "as the choices below");

static const struct skybus_setting options[N_OPTIONS] = {
	[TTL] = { .key = "ttl", .kind = SKYBUS_DURATION, .min = 1, .max = INT64_C(365) * 86400 },
	[PRIORITY] = { .key = "priority", .kind = SKYBUS_CHOICE, .choices = "bulk|normal|urgent" },
	[DURABILITY] = { .key = "durability", .kind = SKYBUS_CHOICE, .choices = "disk|memory" },
	[REPLACE] = { .key = "replace", .kind = SKYBUS_CHOICE, .choices = "no|yes" },
	/* RFC 7252 section 12.3: Content-Formats have 16 bits. */
	[CONTENT_FORMAT] = { .key = "content-format",
			     .kind = SKYBUS_INTEGER,
			     .min = 0,
			     .max = UINT16_MAX },
};

static int read_options(sd_bus_message *call, struct sb_message *message,
			struct sb_error *ret_error)
{
	int64_t values[N_OPTIONS] = {
		[PRIORITY] = SB_NORMAL,
		[CONTENT_FORMAT] = SKYBUS_NO_FORMAT,
	};
	int r;

	r = sb_call_options_read(call, options, N_OPTIONS, values, ret_error);
	if (r < 0)
		return r;

	message->ttl_s = (uint32_t)values[TTL];
	message->priority = (enum sb_priority)values[PRIORITY];
	message->in_memory = values[DURABILITY] != 0;
	message->replaces = values[REPLACE] != 0;
	message->content_format = (uint32_t)values[CONTENT_FORMAT];

	return 0;
}

static int read_payload(sd_bus_message *call, const void **ret_payload, size_t *ret_len)
{
	const char *text;
	char type;
	int r;

	r = sd_bus_message_peek_type(call, &type, NULL);
	if (r < 0)
		return r;
	if (type == SD_BUS_TYPE_ARRAY)
		return sd_bus_message_read_array(call, SD_BUS_TYPE_BYTE, ret_payload, ret_len);
	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &text);
	if (r < 0)
		return r;

	*ret_payload = text;
	*ret_len = strlen(text);

	return 0;
}

static int read_message(const struct sb_bus_parts *parts, sd_bus_message *call,
			struct sb_message **ret)
{
	char sender[SB_SENDER_MAX];
	const void *payload;
	size_t payload_len;
	const char *topic;
	int r;

	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &topic);
	if (r < 0)
		return r;
	r = read_payload(call, &payload, &payload_len);
	if (r < 0)
		return r;
	*ret = sb_message_new(topic, payload, payload_len, sb_sender_of(parts, call, sender));

	return *ret ? 0 : -ENOMEM;
}

/**
 * sb_publish_read() - the message that a method call is to publish: topic, text or bytes, perhaps options
 * @parts: the bus
 * @call: the method call, of which nothing has been read
 * @sender: who calls
 * @ret: the message, the caller's
 * @ret_error: what is wrong with the options
 *
 * Return: 0; 1 with @ret_error, for the caller to reply; or a negative errno.
 */
int sb_publish_read(const struct sb_bus_parts *parts, sd_bus_message *call,
		    const struct sb_identity *sender, struct sb_message **ret,
		    struct sb_error *ret_error)
{
	SB_CLEANUP(sb_message_free) struct sb_message *message = NULL;
	int r;

	r = read_message(parts, call, &message);
	if (r < 0)
		return r;
	message->owner = sender->uid;
	if (sd_bus_message_at_end(call, true) == 0 && read_options(call, message, ret_error) < 0)
		return 1;

	*ret = SB_STEAL(message);

	return 0;
}

static int publish(sd_bus_message *call_message, void *userdata, const struct sb_identity *sender)
{
	const struct sb_link_object *object = userdata;
	SB_CLEANUP(sb_message_free) struct sb_message *message = NULL;
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	struct sb_error why = { 0 };
	int r;

	r = sb_publish_read(object->parts, call_message, sender, &message, &why);
	if (r > 0)
		return sb_bus_reply_error(call_message, &why);
	if (r < 0)
		return r;
	r = sb_permit_publish(object->parts, sender, sb_link_name(object->link), message->topic,
			      message->payload_len, &why);
	if (r < 0)
		return sb_bus_reply_error(call_message, &why);
	r = sb_bus_call_new(object->parts->calls, call_message, NULL, &call);
	if (r < 0)
		return r;
	r = sb_link_publish(object->link, message, sb_bus_reply_ticket, call, &why);
	if (r < 0)
		return sb_bus_reply_error(call_message, &why);
	(void)SB_STEAL(message);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_publish() - Publish, PublishBytes, PublishWith, PublishBytesWith
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_publish(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;

	(void)error;

	return sb_identities_ask(object->parts->identities, call, publish, userdata);
}
