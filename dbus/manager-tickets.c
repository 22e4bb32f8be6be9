/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/outbox.h"
#include "dbus/call.h"
#include "dbus/identity.h"
#include "dbus/manager-tickets.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/reply.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)

static int reply_lookup_failed(sd_bus_message *call, uint64_t ticket, int r)
{
	struct sb_error error;

	if (r == -ENOENT)
		(void)sb_error_set(&error, SB_ERROR_NO_SUCH_TICKET,
				   "ticket %" PRIu64
				   " is not known: it was never given, or settled "
				   "so long ago that it is forgotten",
				   ticket);
	else
		(void)sb_error_set(&error, SB_ERROR_FAILED,
				   "ticket %" PRIu64
				   " could not be looked up (%s): see the journal",
				   ticket, strerror(-r));

	return sb_bus_reply_error(call, &error);
}

/* Read again what the handler has read once: the call carries its own parameters while it waits. */
static int read_ticket(sd_bus_message *call, uint64_t *ret_ticket)
{
	int r;

	r = sd_bus_message_rewind(call, true);
	if (r < 0)
		return r;

	return sd_bus_message_read_basic(call, SD_BUS_TYPE_UINT64, ret_ticket);
}

static void ticket_on_lookup(void *userdata, int outcome, const struct sb_settlement *settlement)
{
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, NULL);
	uint64_t ticket;

	if (!call || read_ticket(call, &ticket) < 0)
		return;

	if (outcome < 0)
		(void)reply_lookup_failed(call, ticket, outcome);
	else
		(void)sb_bus_reply_settlement(call, settlement);
}

static bool is_settled(const struct sb_settlement *settlement)
{
	return settlement->outcome != SB_STORED && settlement->outcome != SB_IN_FLIGHT;
}

/*
 * Jobs of the store complete in the order in which they were handed over. A ticket that the lookup
 * found unsettled is thus settled after this, and the waiter will be told.
 */
static void wait_on_lookup(void *userdata, int outcome, const struct sb_settlement *settlement)
{
	void *owner = NULL;
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, &owner);
	struct sb_manager *manager = owner;
	struct sb_error error;
	uint64_t ticket;
	uint32_t timeout_s;

	if (!call || read_ticket(call, &ticket) < 0 ||
	    sd_bus_message_read_basic(call, SD_BUS_TYPE_UINT32, &timeout_s) < 0)
		return;

	if (outcome < 0)
		(void)reply_lookup_failed(call, ticket, outcome);
	else if (is_settled(settlement))
		(void)sb_bus_reply_settlement(call, settlement);
	else if (sb_waiters_add(&manager->waiters, call, ticket, timeout_s, &error) < 0)
		(void)sb_bus_reply_error(call, &error);
}

static int look_up(struct sb_manager *manager, sd_bus_message *message, sb_lookup_fn *done)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	uint64_t ticket;
	int r;

	r = sb_bus_call_new_for_ticket(manager->parts->calls, message, manager, &ticket, &call);
	if (r < 0)
		return r;
	r = sb_outbox_lookup(sb_gateway_outbox(manager->parts->gateway), ticket, done, call);
	if (r < 0)
		return reply_lookup_failed(message, ticket, r);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_manager_tickets_look_up() - Ticket
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_tickets_look_up(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return look_up(userdata, call, ticket_on_lookup);
}

/**
 * sb_manager_tickets_wait() - WaitTicket
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_tickets_wait(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	(void)error;

	return look_up(userdata, call, wait_on_lookup);
}

static int cancel(sd_bus_message *message, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	const struct sb_manager *manager = userdata;
	struct sb_error why = { 0 };
	const uint32_t *owner;
	uint64_t ticket;
	int r;

	r = sb_permit_cancel(manager->parts, sender, message, &owner, &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);
	r = sb_bus_call_new_for_ticket(manager->parts->calls, message, NULL, &ticket, &call);
	if (r < 0)
		return r;
	r = sb_outbox_cancel(sb_gateway_outbox(manager->parts->gateway), ticket, owner,
			     sb_bus_reply_done, call);
	if (r < 0)
		return reply_lookup_failed(message, ticket, r);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_manager_tickets_cancel() - CancelTicket
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_tickets_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, cancel, userdata);
}
