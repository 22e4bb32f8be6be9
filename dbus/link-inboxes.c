/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/link-inboxes.h"
#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/inboxes.h"
#include "dbus/call.h"
#include "dbus/durable.h"
#include "dbus/identity.h"
#include "dbus/interest.h"
#include "dbus/link-object.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

static int ask(sd_bus_message *call, struct sb_link_object *object, sb_identified_fn *handle)
{
	return sb_identities_ask(object->parts->identities, call, handle, object);
}

/* ---- SubscribeDurable, SubscribeDurableWith ---- */

/* The rules may have changed while the disk was at work. */
static int attach(struct sb_durables *durables, const char *caller, struct sb_inbox *inbox,
		  uint32_t *ret_id, struct sb_error *ret_error)
{
	const struct sb_bus_parts *parts = durables->parts;
	const struct sb_identity *sender = sb_identities_find(parts->identities, caller);
	struct sb_inbox_status status;
	int r;

	if (!sender)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "the bus does not say any more who calls: subscribe again");
	sb_inbox_status(inbox, &status);
	r = sb_permit_subscribe(parts, sender, status.link, status.filter, ret_error);
	if (r < 0)
		return r;

	return sb_durables_attach(durables, caller, inbox, ret_id, ret_error);
}

static void subscribe_on_opened(void *userdata, struct sb_inbox *inbox,
				const struct sb_error *error)
{
	void *durables = NULL;
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, &durables);
	struct sb_error why = { 0 };
	uint32_t id;

	if (!call)
		return;

	if (error)
		(void)sb_bus_reply_error(call, error);
	else if (attach(durables, sd_bus_message_get_sender(call), inbox, &id, &why) < 0)
		(void)sb_bus_reply_error(call, &why);
	else
		(void)sd_bus_reply_method_return(call, "u", id);
}

static int open_inbox(sd_bus_message *message, const struct sb_link_object *object,
		      const struct sb_inbox_wish *wish)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	const struct sb_bus_parts *parts = object->parts;
	struct sb_error why = { 0 };
	int r;

	r = sb_bus_call_new(parts->calls, message, parts->durables, &call);
	if (r < 0)
		return r;
	r = sb_inboxes_open(sb_gateway_inboxes(parts->gateway), wish, subscribe_on_opened, call,
			    &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);
	(void)SB_STEAL(call);

	return 1;
}

static int subscribe(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	const struct sb_link_object *object = userdata;
	struct sb_inbox_wish wish = {
		.interest = { .link = sb_link_name(object->link), .origins = SB_FROM_CLOUD },
		.owner = sender->uid,
	};
	struct sb_error why = { 0 };
	int r;

	r = sd_bus_message_read(call, "ss", &wish.name, &wish.interest.filter);
	if (r < 0)
		return r;
	if (sd_bus_message_at_end(call, true) == 0 &&
	    sb_interest_read(call, &wish.interest, &why) < 0)
		return sb_bus_reply_error(call, &why);
	if (sb_permit_inbox(object->parts, sender, &wish, &why) < 0)
		return sb_bus_reply_error(call, &why);

	return open_inbox(call, object, &wish);
}

/**
 * sb_link_inboxes_subscribe() - SubscribeDurable, SubscribeDurableWith
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_inboxes_subscribe(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return ask(call, userdata, subscribe);
}

/* ---- Acknowledge ---- */

static int acknowledge(sd_bus_message *message, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	const struct sb_link_object *object = userdata;
	const struct sb_bus_parts *parts = object->parts;
	struct sb_error why = { 0 };
	uint64_t number;
	int r;

	(void)sender; /* the connection is what counts */
	r = sd_bus_message_read_basic(message, SD_BUS_TYPE_UINT64, &number);
	if (r < 0)
		return r;
	r = sb_bus_call_new(parts->calls, message, NULL, &call);
	if (r < 0)
		return r;
	r = sb_durables_acknowledge(parts->durables, sd_bus_message_get_sender(message),
				    sb_link_name(object->link), number, call, &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_link_inboxes_acknowledge() - Acknowledge
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_inboxes_acknowledge(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return ask(call, userdata, acknowledge);
}

/* ---- ForgetDurable ---- */

static int forget(sd_bus_message *message, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	const struct sb_link_object *object = userdata;
	const struct sb_bus_parts *parts = object->parts;
	struct sb_inbox_wish wish = {
		.interest = { .link = sb_link_name(object->link) },
		.owner = sender->uid,
	};
	struct sb_error why = { 0 };
	int r;

	r = sd_bus_message_read_basic(message, SD_BUS_TYPE_STRING, &wish.name);
	if (r < 0)
		return r;
	r = sb_bus_call_new(parts->calls, message, NULL, &call);
	if (r < 0)
		return r;
	r = sb_inboxes_forget(sb_gateway_inboxes(parts->gateway), &wish, sb_bus_reply_done, call,
			      &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_link_inboxes_forget() - ForgetDurable
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_inboxes_forget(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return ask(call, userdata, forget);
}
