/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/request.h"
#include "dbus/call.h"
#include "dbus/identity.h"
#include "dbus/link-attempt.h"
#include "dbus/link-commands.h"
#include "dbus/link-inboxes.h"
#include "dbus/link-object.h"
#include "dbus/link-stream.h"
#include "dbus/outflow.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/publish.h"
#include "dbus/reply.h"
#include "dbus/sender.h"
#include "skybus/plugin.h"

/* Numbers change with every message, but the bus is told of them at most this often. */
#define NUMBERS_INTERVAL_USEC (1 * SB_USEC_PER_SEC)

/* What Request waits when it is given no time-out. */
#define REQUEST_TIMEOUT_S 30

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)
SB_DEFINE_CLEANUP(struct sb_link_object *, sb_link_object_free)
SB_DEFINE_CLEANUP(struct sb_message *, sb_message_free)

/* ---- properties ------------------------------------------------------------------------------ */

/*
 * X(name, signature, getter, member of struct sb_link_status, the change that it is told with)
 *
 * A link keeps its name for life: a reload that changes it makes another link.
 */
#define PROPERTIES(X)                                                                       \
	X("Name", "s", get_text, name, 0)                                                   \
	X("Plugin", "s", get_text, plugin, SB_LINK_CHANGED_PLUGIN)                          \
	X("Device", "s", get_text, device, SB_LINK_CHANGED_STATE)                           \
	X("State", "s", get_text, state_word, SB_LINK_CHANGED_STATE)                        \
	X("StateReason", "s", get_text, state_reason, SB_LINK_CHANGED_STATE)                \
	X("Since", "t", get_time, since_ms, SB_LINK_CHANGED_STATE)                          \
	X("SessionExpires", "t", get_time, session_expires_ms, SB_LINK_CHANGED_STATE)       \
	X("LastError", "s", get_text, last_error, SB_LINK_CHANGED_STATE)                    \
	X("Queued", "t", get_number, queue.queued, SB_LINK_CHANGED_NUMBERS)                 \
	X("QueuedBytes", "t", get_number, queue.queued_bytes, SB_LINK_CHANGED_NUMBERS)      \
	X("InFlight", "t", get_number, queue.in_flight, SB_LINK_CHANGED_NUMBERS)            \
	X("Delivered", "t", get_number, queue.ended[SB_DELIVERED], SB_LINK_CHANGED_NUMBERS) \
	X("Rejected", "t", get_number, queue.ended[SB_REJECTED], SB_LINK_CHANGED_NUMBERS)   \
	X("Expired", "t", get_number, queue.ended[SB_EXPIRED], SB_LINK_CHANGED_NUMBERS)     \
	X("Cancelled", "t", get_number, queue.ended[SB_CANCELLED], SB_LINK_CHANGED_NUMBERS) \
	X("BytesSent", "t", get_number, traffic.sent, SB_LINK_CHANGED_NUMBERS)              \
	X("BytesReceived", "t", get_number, traffic.received, SB_LINK_CHANGED_NUMBERS)      \
	X("WireSent", "t", get_number, wire_sent, SB_LINK_CHANGED_NUMBERS)                  \
	X("WireReceived", "t", get_number, wire_received, SB_LINK_CHANGED_NUMBERS)          \
	X("Budget", "t", get_number, budget, SB_LINK_CHANGED_PLUGIN)                        \
	X("BudgetUsed", "t", get_number, budget_used, SB_LINK_CHANGED_NUMBERS)              \
	X("BudgetEnds", "t", get_time, budget_ends_ms, SB_LINK_CHANGED_NUMBERS)

static const struct property {
	const char *name;
	size_t offset; /* in struct sb_link_status */
	uint32_t what;
} properties[] = {
#define PROPERTY_ROW(property_name, signature, getter, member, change) \
	{ .name = (property_name),                                     \
	  .offset = offsetof(struct sb_link_status, member),           \
	  .what = (change) },
	PROPERTIES(PROPERTY_ROW)
#undef PROPERTY_ROW
};

/* Where a property's value is; sd-bus asks for those of the vtable alone, so it is there. */
static const void *find_value(const struct sb_link_status *status, const char *name)
{
	size_t i = 0;

	while (strcmp(properties[i].name, name) != 0)
		i++;

	return (const char *)status + properties[i].offset;
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;
	struct sb_link_status status;
	const char *const *value;

	(void)bus;
	(void)path;
	(void)interface;
	(void)error;
	sb_link_status(object->link, &status);
	value = find_value(&status, property);

	return sb_bus_append_text(reply, *value);
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property,
		      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;
	struct sb_link_status status;

	(void)bus;
	(void)path;
	(void)interface;
	(void)error;
	sb_link_status(object->link, &status);

	return sd_bus_message_append_basic(reply, SD_BUS_TYPE_UINT64,
					   find_value(&status, property));
}

/* Times are milliseconds inside and, as everywhere on the system bus, microseconds outside. */
static int get_time(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;
	struct sb_link_status status;
	const int64_t *ms;
	uint64_t usec;

	(void)bus;
	(void)path;
	(void)interface;
	(void)error;
	sb_link_status(object->link, &status);
	ms = find_value(&status, property);
	usec = (uint64_t)*ms * SB_USEC_PER_MSEC;

	return sd_bus_message_append_basic(reply, SD_BUS_TYPE_UINT64, &usec);
}

static void tell_properties(const struct sb_link_object *object, uint32_t what)
{
	const char *names[SB_ELEMENTS(properties) + 1];
	size_t n = 0;
	size_t i;

	for (i = 0; i < SB_ELEMENTS(properties); i++)
		if (properties[i].what & what)
			names[n++] = properties[i].name;
	names[n] = NULL;
	(void)sd_bus_emit_properties_changed_strv(object->parts->connection, object->path,
						  SB_BUS_LINK_INTERFACE, (char **)names);
}

static void numbers_on_time(struct sb_timer *timer)
{
	tell_properties(sb_container_of(timer, struct sb_link_object, tell_numbers),
			SB_LINK_CHANGED_NUMBERS);
}

/* ---- request --------------------------------------------------------------------------------- */

static int reply_with_answer(sd_bus_message *call, const struct skybus_reply *answer)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	char code[8];
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_append_basic(reply, SD_BUS_TYPE_STRING,
					sb_code_text(answer->code, code));
	if (r < 0)
		return r;
	r = sd_bus_message_append_array(reply, SD_BUS_TYPE_BYTE, answer->payload,
					answer->payload_len);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

static void request_on_answer(void *userdata, const struct skybus_reply *answer,
			      const struct sb_error *error)
{
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, NULL);

	if (!call)
		return;

	if (answer)
		(void)reply_with_answer(call, answer);
	else
		(void)sb_bus_reply_error(call, error);
}

static int request(const struct sb_link_object *object, sd_bus_message *call_message,
		   struct sb_message *taken, uint32_t timeout_s)
{
	SB_CLEANUP(sb_message_free) struct sb_message *message = taken;
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	struct sb_error error = { 0 };
	int r;

	if (!message)
		return -ENOMEM;
	r = sb_bus_call_new(object->parts->calls, call_message, NULL, &call);
	if (r < 0)
		return r;
	r = sb_link_request(object->link, message,
			    (timeout_s > 0 ? timeout_s : REQUEST_TIMEOUT_S) * SB_USEC_PER_SEC,
			    request_on_answer, call, &error);
	if (r < 0)
		return sb_bus_reply_error(call_message, &error);
	(void)SB_STEAL(message);
	(void)SB_STEAL(call);

	return 1;
}

static int request_when_known(sd_bus_message *call, void *userdata,
			      const struct sb_identity *sender)
{
	const struct sb_link_object *object = userdata;
	struct sb_error why = { 0 };
	const char *topic;
	const char *text;
	uint32_t timeout_s;
	int r;

	r = sd_bus_message_read(call, "ssu", &topic, &text, &timeout_s);
	if (r < 0)
		return r;
	r = sb_permit_publish(object->parts, sender, sb_link_name(object->link), topic,
			      strlen(text), &why);
	if (r < 0)
		return sb_bus_reply_error(call, &why);

	return request(object, call, sb_message_new(topic, text, strlen(text), NULL), timeout_s);
}

static int method_request(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;

	(void)error;

	return sb_identities_ask(object->parts->identities, call, request_when_known, userdata);
}

/* ---- the other methods ----------------------------------------------------------------------- */

static int act(sd_bus_message *call, const struct sb_link_object *object,
	       const struct sb_identity *sender,
	       int (*action)(struct sb_link *link, struct sb_error *ret_error))
{
	struct sb_error why = { 0 };

	if (sb_permit_administer(object->parts, sender, call, &why) < 0 ||
	    action(object->link, &why) < 0)
		return sb_bus_reply_error(call, &why);

	return sd_bus_reply_method_return(call, NULL);
}

static int connect_link(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	return act(call, userdata, sender, sb_link_connect);
}

static int disconnect_link(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	return act(call, userdata, sender, sb_link_disconnect);
}

static int method_connect(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;

	(void)error;

	return sb_identities_ask(object->parts->identities, call, connect_link, userdata);
}

static int method_disconnect(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;

	(void)error;

	return sb_identities_ask(object->parts->identities, call, disconnect_link, userdata);
}

static int reauthenticate(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	return act(call, userdata, sender, sb_link_reauthenticate);
}

static int method_reauthenticate(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;

	(void)error;

	return sb_identities_ask(object->parts->identities, call, reauthenticate, userdata);
}

/* ---- the interface --------------------------------------------------------------------------- */

static const sd_bus_vtable link_vtable[] = {
	SD_BUS_VTABLE_START(0),
#define VTABLE_ROW(property_name, signature, getter, member, change)   \
	SD_BUS_PROPERTY(property_name, signature, getter, 0,           \
			(change) ? SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE \
				 : SD_BUS_VTABLE_PROPERTY_CONST),
	PROPERTIES(VTABLE_ROW)
#undef VTABLE_ROW
		SD_BUS_PROPERTY("LastAttempt", "a{ss}", sb_link_attempt_get, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("Publish", SD_BUS_ARGS("s", topic, "s", text),
				SD_BUS_RESULT("t", ticket), sb_publish, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("PublishBytes", SD_BUS_ARGS("s", topic, "ay", payload),
				SD_BUS_RESULT("t", ticket), sb_publish, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("PublishWith", SD_BUS_ARGS("s", topic, "s", text, "a{ss}", options),
				SD_BUS_RESULT("t", ticket), sb_publish, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("PublishBytesWith",
				SD_BUS_ARGS("s", topic, "ay", payload, "a{ss}", options),
				SD_BUS_RESULT("t", ticket), sb_publish, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Request", SD_BUS_ARGS("s", topic, "s", text, "u", timeout_s),
				SD_BUS_RESULT("s", code, "ay", payload), method_request,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Subscribe", SD_BUS_ARGS("s", filter),
				SD_BUS_RESULT("u", subscription), sb_link_commands_subscribe,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SubscribeWith", SD_BUS_ARGS("s", filter, "a{ss}", options),
				SD_BUS_RESULT("u", subscription), sb_link_commands_subscribe_with,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SubscribeDurable", SD_BUS_ARGS("s", name, "s", filter),
				SD_BUS_RESULT("u", subscription), sb_link_inboxes_subscribe,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("SubscribeDurableWith",
				SD_BUS_ARGS("s", name, "s", filter, "a{ss}", options),
				SD_BUS_RESULT("u", subscription), sb_link_inboxes_subscribe,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Acknowledge", SD_BUS_ARGS("t", message), SD_BUS_NO_RESULT,
				sb_link_inboxes_acknowledge, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ForgetDurable", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT,
				sb_link_inboxes_forget, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Unsubscribe", SD_BUS_ARGS("u", subscription), SD_BUS_NO_RESULT,
				sb_link_commands_unsubscribe, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Answer", SD_BUS_ARGS("t", message, "s", code, "s", text),
				SD_BUS_RESULT("t", ticket), sb_link_commands_answer,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("AnswerBytes", SD_BUS_ARGS("t", message, "s", code, "ay", payload),
				SD_BUS_RESULT("t", ticket), sb_link_commands_answer_bytes,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("OpenStream", SD_BUS_ARGS("s", filter, "a{ss}", options),
				SD_BUS_RESULT("h", stream), sb_link_stream_open,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Connect", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_connect,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Disconnect", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_disconnect,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reauthenticate", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
				method_reauthenticate, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("Settled",
				SD_BUS_ARGS("t", ticket, "s", outcome, "s", code, "s", reason), 0),
	SD_BUS_SIGNAL_WITH_ARGS(
		"Message",
		SD_BUS_ARGS("t", message, "s", topic, "ay", payload, "a{sv}", properties), 0),
	SD_BUS_SIGNAL_WITH_ARGS("SubscriptionEnded", SD_BUS_ARGS("u", subscription, "s", reason),
				0),
	SD_BUS_VTABLE_END,
};

/**
 * sb_link_object_new() - put a link on the bus
 * @parts: outlive it
 * @link: outlives it
 * @ret: the object, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_link_object_new(const struct sb_bus_parts *parts, struct sb_link *link,
		       struct sb_link_object **ret)
{
	SB_CLEANUP(sb_link_object_free)
	struct sb_link_object *object = calloc(1, sizeof(*object));
	int r;

	if (!object)
		return -ENOMEM;
	object->parts = parts;
	object->link = link;
	sb_timer_init(&object->tell_numbers, sb_gateway_loop(parts->gateway), numbers_on_time);
	r = sd_bus_path_encode(SB_BUS_LINKS, sb_link_name(link), &object->path);
	if (r < 0)
		return r;
	r = sd_bus_add_object_vtable(parts->connection, &object->vtable, object->path,
				     SB_BUS_LINK_INTERFACE, link_vtable, object);
	if (r < 0)
		return r;

	*ret = SB_STEAL(object);

	return 0;
}

/* Of senders that are not known yet. */
static void forget_calls(const struct sb_link_object *object)
{
	struct sb_error why;

	(void)sb_error_set(&why, SB_ERROR_NO_SUCH_LINK,
			   "the link %s is no longer in the configuration",
			   sb_link_name(object->link));
	sb_identities_forget(object->parts->identities, object, &why);
}

/**
 * sb_link_object_free() - take a link off the bus
 * @object: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_link_object *sb_link_object_free(struct sb_link_object *object)
{
	if (!object)
		return NULL;

	forget_calls(object);
	sb_timer_disarm(&object->tell_numbers);
	(void)sd_bus_slot_unref(object->vtable);
	free(object->path);
	free(object);

	return NULL;
}

/**
 * sb_link_object_changed() - tell the bus: of the state at once, of numbers within a second
 * @object: the link's object
 * @what: SB_LINK_CHANGED_… bits
 */
void sb_link_object_changed(struct sb_link_object *object, uint32_t what)
{
	if ((what & SB_LINK_CHANGED_NUMBERS) && !sb_timer_armed(&object->tell_numbers))
		sb_timer_arm(&object->tell_numbers, NUMBERS_INTERVAL_USEC);
	if (what & ~(uint32_t)SB_LINK_CHANGED_NUMBERS)
		tell_properties(object, what & ~(uint32_t)SB_LINK_CHANGED_NUMBERS);
}

/**
 * sb_link_object_tell_settled() - send the signal Settled to the publisher, when it reads
 * @parts: the bus
 * @settled: what has ended
 * @path: of its link's object; NULL if that is gone by now
 *
 * Return: >= 0, also when there is nobody to tell; or a negative errno.
 */
int sb_link_object_tell_settled(const struct sb_bus_parts *parts, const struct sb_settled *settled,
				const char *path)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *signal = NULL;
	SB_CLEANUP(sb_free) char *encoded = NULL;
	char name[SB_SENDER_MAX];
	int r = 0;

	/* A stream is told by the core, and is not here. */
	if (!settled->sender || !sb_sender_is_here(parts, settled->sender, name))
		return 0;

	if (!path)
		r = sd_bus_path_encode(SB_BUS_LINKS, settled->link, &encoded);
	if (r < 0)
		return r;
	r = sd_bus_message_new_signal(parts->connection, &signal, path ? path : encoded,
				      SB_BUS_LINK_INTERFACE, "Settled");
	if (r < 0)
		return r;
	r = sd_bus_message_append_basic(signal, SD_BUS_TYPE_UINT64, &settled->settlement.ticket);
	if (r < 0)
		return r;
	r = sb_bus_append_settlement(signal, &settled->settlement);
	if (r < 0)
		return r;

	return sb_outflow_send(parts->outflow, name, signal, strlen(settled->settlement.reason));
}
