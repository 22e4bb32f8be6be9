/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/hub.h"
#include "daemon/link.h"
#include "dbus/call.h"
#include "dbus/link-commands.h"
#include "dbus/link-object.h"
#include "dbus/parts.h"
#include "dbus/reply.h"
#include "dbus/subscription.h"

SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)

/* ---- subscribing ----------------------------------------------------------------------------- */

static int subscribe(sd_bus_message *call, const struct sb_link_object *object,
		     const struct sb_interest *interest)
{
	struct sb_error why = { 0 };
	uint32_t id;

	if (sb_subscriptions_add(object->parts->subscriptions, sd_bus_message_get_sender(call),
				 interest, &id, &why) < 0)
		return sb_bus_reply_error(call, &why);

	return sd_bus_reply_method_return(call, "u", id);
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
	struct sb_interest interest = { .link = sb_link_name(object->link) };
	int r;

	(void)error;
	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &interest.filter);
	if (r < 0)
		return r;

	return subscribe(call, object, &interest);
}

static int set_option(struct sb_interest *interest, const char *key, const char *value,
		      struct sb_error *ret_error)
{
	if (strcmp(key, "answer") != 0)
		return sb_error_set(ret_error, SB_ERROR_INVALID_OPTION,
				    "SubscribeWith has no option \"%s\": the one there is is "
				    "\"answer\", \"yes\" or \"no\"",
				    key);
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return sb_error_set(ret_error, SB_ERROR_INVALID_OPTION,
				    "the option \"answer\" is \"%s\": write \"yes\" or \"no\"",
				    value);
	interest->answers = strcmp(value, "yes") == 0;

	return 0;
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
	struct sb_interest interest = { .link = sb_link_name(object->link) };
	struct sb_error why = { 0 };
	const char *value;
	const char *key;
	int r;

	(void)error;
	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &interest.filter);
	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(call, SD_BUS_TYPE_ARRAY, "{ss}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(call, "{ss}", &key, &value)) > 0)
		if (set_option(&interest, key, value, &why) < 0)
			return sb_bus_reply_error(call, &why);
	if (r < 0)
		return r;

	return subscribe(call, object, &interest);
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
	struct sb_error why = { 0 };
	uint32_t id;
	int r;

	(void)error;
	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_UINT32, &id);
	if (r < 0)
		return r;
	r = sb_subscriptions_end(object->parts->subscriptions, sd_bus_message_get_sender(call),
				 sb_link_name(object->link), id, &why);
	if (r < 0)
		return sb_bus_reply_error(call, &why);

	return sd_bus_reply_method_return(call, NULL);
}

/* ---- answering ------------------------------------------------------------------------------- */

static int answer(sd_bus_message *call_message, const struct sb_link_object *object,
		  struct sb_answer *given)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	struct sb_error why = { 0 };
	int r;

	given->sender = sd_bus_message_get_sender(call_message);
	r = sb_subscriptions_may_answer(object->parts->subscriptions, given->sender,
					sb_link_name(object->link), &why);
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
	struct sb_answer given = { 0 };
	const char *text;
	int r;

	(void)error;
	r = sd_bus_message_read(call, "tss", &given.message, &given.code, &text);
	if (r < 0)
		return r;
	given.payload = (const uint8_t *)text;
	given.payload_len = strlen(text);

	return answer(call, userdata, &given);
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
	struct sb_answer given = { 0 };
	const void *payload;
	int r;

	(void)error;
	r = sd_bus_message_read(call, "ts", &given.message, &given.code);
	if (r < 0)
		return r;
	r = sd_bus_message_read_array(call, SD_BUS_TYPE_BYTE, &payload, &given.payload_len);
	if (r < 0)
		return r;
	given.payload = payload;

	return answer(call, userdata, &given);
}
