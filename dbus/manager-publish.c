/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/manager-publish.h"
#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "dbus/call.h"
#include "dbus/identity.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/publish.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)
SB_DEFINE_CLEANUP(struct sb_message *, sb_message_free)

/** struct request - what is asked of the rules for each link of a route, and of the rate once */
struct request {
	const struct sb_bus_parts *parts;
	const struct sb_identity *sender;
	size_t size;
	bool counted;
};

static int permit(void *userdata, const char *link, const char *topic, struct sb_error *ret_error)
{
	struct request *request = userdata;
	int r;

	r = sb_permit_publish_at(request->parts, request->sender, link, topic, ret_error);
	if (r < 0 || request->counted)
		return r;
	r = sb_permit_rate(request->parts, request->sender, request->size, ret_error);
	request->counted = r == 0;

	return r;
}

static int publish(sd_bus_message *call_message, void *userdata, const struct sb_identity *sender)
{
	const struct sb_manager *manager = userdata;
	struct request request = { .parts = manager->parts, .sender = sender };
	const struct sb_route_guard guard = { permit, &request };
	SB_CLEANUP(sb_message_free) struct sb_message *message = NULL;
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	struct sb_error why = { 0 };
	int r;

	r = sb_publish_read(manager->parts, call_message, sender, &message, &why);
	if (r > 0)
		return sb_bus_reply_error(call_message, &why);
	if (r < 0)
		return r;
	r = sb_bus_call_new(manager->parts->calls, call_message, NULL, &call);
	if (r < 0)
		return r;
	request.size = sb_message_size(message);
	r = sb_gateway_publish(manager->parts->gateway, message, &guard, sb_bus_reply_tickets, call,
			       &why);
	if (r < 0)
		return sb_bus_reply_error(call_message, &why);
	(void)SB_STEAL(message);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_manager_publish() - Publish, PublishBytes, PublishWith, PublishBytesWith
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_publish(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, publish, userdata);
}
