/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/manager-inboxes.h"
#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/inboxes.h"
#include "dbus/identity.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

/** struct listing - a reply that is being filled */
struct listing {
	sd_bus_message *reply;
	uint32_t owner; /* whose inboxes are listed */
	bool all; /* everybody's are */
	int error; /* the first; 0 for none */
};

static int append(sd_bus_message *reply, const struct sb_inbox_status *status)
{
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, "susstttb");
	if (r < 0)
		return r;
	r = sd_bus_message_append(reply, "sus", status->link, status->owner, status->name);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, status->filter);
	if (r < 0)
		return r;
	r = sd_bus_message_append(reply, "tttb", status->messages, status->bytes, status->lost,
				  (int)status->attached);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}

static void listing_on_inbox(void *userdata, const struct sb_inbox_status *status)
{
	struct listing *listing = userdata;

	if (listing->error >= 0 && (listing->all || listing->owner == status->owner))
		listing->error = append(listing->reply, status);
}

static int list(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	const struct sb_manager *manager = userdata;
	struct listing listing = { .owner = sender->uid };
	int r;

	listing.all = sb_permit_administer(manager->parts, sender, call, NULL) == 0;
	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(susstttb)");
	if (r < 0)
		return r;
	listing.reply = reply;
	sb_inboxes_each(sb_gateway_inboxes(manager->parts->gateway), listing_on_inbox, &listing);
	if (listing.error < 0)
		return listing.error;
	r = sd_bus_message_close_container(reply);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

/**
 * sb_manager_inboxes_list() - ListInboxes
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_inboxes_list(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, list, userdata);
}
