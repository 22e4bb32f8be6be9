/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/hub.h"
#include "daemon/link.h"
#include "dbus/call.h"
#include "dbus/durable.h"
#include "dbus/identity.h"
#include "dbus/interest.h"
#include "dbus/link-commands.h"
#include "dbus/link-object.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/reply.h"
#include "dbus/sender.h"
#include "dbus/subscription.h"

SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)

/* ---- subscribing ----------------------------------------------------------------------------- */

static int subscribe(sd_bus_message *call, const struct sb_link_object *object,
		     const struct sb_identity *sender, const struct sb_interest *interest)
{
	struct sb_error why = { 0 };
	uint32_t id;

	if (sb_permit_subscribe(object->parts, sender, interest->link, interest->filter, &why) <
		    0 ||
	    sb_subscriptions_add(object->parts->subscriptions, sd_bus_message_get_sender(call),
				 interest, &id, &why) < 0)
		return sb_bus_reply_error(call, &why);

	return sd_bus_reply_method_return(call, "u", id);
}

static int subscribe_plainly(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	const struct sb_link_object *object = userdata;
	struct sb_interest interest = {
		.link = sb_link_name(object->link),
		.origins = SB_FROM_CLOUD,
	};
	int r;

	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &interest.filter);
	if (r < 0)
		return r;

	return subscribe(call, object, sender, &interest);
}

static int subscribe_with(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	const struct sb_link_object *object = userdata;
	struct sb_interest interest = {
		.link = sb_link_name(object->link),
		.origins = SB_FROM_CLOUD,
	};
	struct sb_error why = { 0 };
	int r;

	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &interest.filter);
	if (r < 0)
		return r;
	r = sb_interest_read(call, &interest, &why);
	if (r < 0)
		return sb_bus_reply_error(call, &why);

	return subscribe(call, object, sender, &interest);
}

/**
 * sb_link_commands_subscribe() - Subscribe
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_commands_subscribe(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;

	(void)error;

	return sb_identities_ask(object->parts->identities, call, subscribe_plainly, userdata);
}

/**
 * sb_link_commands_subscribe_with() - SubscribeWith
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_commands_subscribe_with(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;

	(void)error;

	return sb_identities_ask(object->parts->identities, call, subscribe_with, userdata);
}

/**
 * sb_link_commands_unsubscribe() - Unsubscribe
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_commands_unsubscribe(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;
	const char *caller = sd_bus_message_get_sender(call);
	const char *link = sb_link_name(object->link);
	struct sb_error why = { 0 };
	uint32_t id;
	int r;

	(void)error;
	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_UINT32, &id);
	if (r < 0)
		return r;
	if (id & SB_DURABLE_ID)
		r = sb_durables_end(object->parts->durables, caller, link, id, &why);
	else
		r = sb_subscriptions_end(object->parts->subscriptions, caller, link, id, &why);
	if (r < 0)
		return sb_bus_reply_error(call, &why);

	return sd_bus_reply_method_return(call, NULL);
}

/* ---- answering ------------------------------------------------------------------------------- */

static int answer(sd_bus_message *call_message, const struct sb_link_object *object,
		  const struct sb_identity *sender, const struct sb_answer *given)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	const char *topic = sb_link_command_topic(object->link, given->message);
	struct sb_error why = { 0 };
	int r;

	r = sb_permit_answer(object->parts, sender, sb_link_name(object->link), topic,
			     given->payload_len, &why);
	if (r < 0)
		return sb_bus_reply_error(call_message, &why);
	r = sb_bus_call_new(object->parts->calls, call_message, NULL, &call);
	if (r < 0)
		return r;
	r = sb_link_answer(object->link, given, sb_bus_reply_ticket, call, &why);
	if (r < 0)
		return sb_bus_reply_error(call_message, &why);
	(void)SB_STEAL(call);

	return 1;
}

static int answer_text(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	const struct sb_link_object *object = userdata;
	char publisher[SB_SENDER_MAX];
	struct sb_answer given = {
		.sender = sb_sender_of(object->parts, call, publisher),
		.owner = sender->uid,
	};
	const char *text;
	int r;

	r = sd_bus_message_read(call, "tss", &given.message, &given.code, &text);
	if (r < 0)
		return r;
	given.payload = (const uint8_t *)text;
	given.payload_len = strlen(text);

	return answer(call, object, sender, &given);
}

static int answer_bytes(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	const struct sb_link_object *object = userdata;
	char publisher[SB_SENDER_MAX];
	struct sb_answer given = {
		.sender = sb_sender_of(object->parts, call, publisher),
		.owner = sender->uid,
	};
	const void *payload;
	int r;

	r = sd_bus_message_read(call, "ts", &given.message, &given.code);
	if (r < 0)
		return r;
	r = sd_bus_message_read_array(call, SD_BUS_TYPE_BYTE, &payload, &given.payload_len);
	if (r < 0)
		return r;
	given.payload = payload;

	return answer(call, object, sender, &given);
}

/*
 * Whether the caller may answer is decided when it calls: by the time the bus has said who it is,
 * it may have unsubscribed or gone.
 */
static int ask_to_answer(sd_bus_message *call, struct sb_link_object *object,
			 sb_identified_fn *handle)
{
	const struct sb_bus_parts *parts = object->parts;
	struct sb_error why = { 0 };
	int r;

	r = sb_subscriptions_may_answer(parts->subscriptions, sd_bus_message_get_sender(call),
					sb_link_name(object->link), &why);
	if (r < 0)
		return sb_bus_reply_error(call, &why);

	return sb_identities_ask(parts->identities, call, handle, object);
}

/**
 * sb_link_commands_answer() - Answer
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_commands_answer(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return ask_to_answer(call, userdata, answer_text);
}

/**
 * sb_link_commands_answer_bytes() - AnswerBytes
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_commands_answer_bytes(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return ask_to_answer(call, userdata, answer_bytes);
}
