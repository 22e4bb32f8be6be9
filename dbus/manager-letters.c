/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "daemon/cleanup.h"
#include "daemon/clock.h"
#include "daemon/gateway.h"
#include "daemon/letters.h"
#include "dbus/call.h"
#include "dbus/identity.h"
#include "dbus/manager-letters.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/permit.h"
#include "dbus/reply.h"
#include "dbus/sender.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
SB_DEFINE_CLEANUP(struct sb_bus_call *, sb_bus_call_free)

/* Times are milliseconds inside and, as everywhere on the system bus, microseconds outside. */
static uint64_t taken_usec(const struct sb_manager *manager, const struct sb_record *letter)
{
	const struct sb_clock *clock = sb_gateway_clock(manager->parts->gateway);

	return (uint64_t)sb_clock_wall_ms(clock, letter->taken) * SB_USEC_PER_MSEC;
}

/* ---- looking at them ------------------------------------------------------------------------- */

static int append_letter(sd_bus_message *reply, const struct sb_manager *manager,
			 const struct sb_record *letter)
{
	int r;

	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_STRUCT, "tssttss");
	if (r < 0)
		return r;
	r = sd_bus_message_append_basic(reply, SD_BUS_TYPE_UINT64, &letter->ticket);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, letter->link);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, letter->topic);
	if (r < 0)
		return r;
	r = sd_bus_message_append(reply, "tt", (uint64_t)letter->payload_len,
				  taken_usec(manager, letter));
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, letter->code);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, letter->reason);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}

static int reply_letters(sd_bus_message *call, const struct sb_manager *manager,
			 const struct sb_record *letters, size_t n)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	size_t i;
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "(tssttss)");
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		r = append_letter(reply, manager, &letters[i]);
		if (r < 0)
			return r;
	}
	r = sd_bus_message_close_container(reply);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

static void list_on_found(void *userdata, int outcome, const struct sb_record *letters, size_t n)
{
	void *manager = NULL;
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, &manager);

	if (!call)
		return;

	if (outcome < 0)
		(void)sb_bus_reply_failed(call, outcome);
	else
		(void)reply_letters(call, manager, letters, n);
}

static int list_letters(sd_bus_message *message, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	struct sb_manager *manager = userdata;
	const char *link;
	uint64_t after;
	struct sb_error why = { 0 };
	int r;

	r = sb_permit_administer(manager->parts, sender, message, &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);
	r = sd_bus_message_read(message, "st", &link, &after);
	if (r < 0)
		return r;
	r = sb_bus_call_new(manager->parts->calls, message, manager, &call);
	if (r < 0)
		return r;
	r = sb_letters_list(manager->parts->gateway, *link ? link : NULL, after, list_on_found,
			    call);
	if (r < 0)
		return sb_bus_reply_failed(message, r);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_manager_letters_list() - ListDeadLetters
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_letters_list(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, list_letters, userdata);
}

static int reply_letter(sd_bus_message *call, const struct sb_manager *manager,
			const struct sb_record *letter)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	uint64_t taken = taken_usec(manager, letter);
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, letter->link);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, letter->topic);
	if (r < 0)
		return r;
	r = sd_bus_message_append_array(reply, SD_BUS_TYPE_BYTE, letter->payload,
					letter->payload_len);
	if (r < 0)
		return r;
	r = sd_bus_message_append_basic(reply, SD_BUS_TYPE_UINT64, &taken);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, letter->code);
	if (r < 0)
		return r;
	r = sb_bus_append_text(reply, letter->reason);
	if (r < 0)
		return r;

	return sd_bus_send(NULL, reply, NULL);
}

static int reply_no_letter(sd_bus_message *call)
{
	struct sb_error why;
	uint64_t ticket;
	int r;

	/* The call carries its own parameters while it waits. */
	r = sd_bus_message_rewind(call, true);
	if (r < 0)
		return r;
	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_UINT64, &ticket);
	if (r < 0)
		return r;
	(void)sb_error_set(&why, SB_ERROR_NO_SUCH_TICKET,
			   "ticket %" PRIu64
			   " is no dead letter: it was never rejected, or was queued again, "
			   "discarded, or pushed out by newer ones; see ListDeadLetters",
			   ticket);

	return sb_bus_reply_error(call, &why);
}

static void letter_on_read(void *userdata, int outcome, const struct sb_record *letter, size_t n)
{
	void *manager = NULL;
	SB_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = sb_bus_call_end(userdata, &manager);

	if (!call)
		return;

	if (outcome < 0)
		(void)sb_bus_reply_failed(call, outcome);
	else if (n == 0)
		(void)reply_no_letter(call);
	else
		(void)reply_letter(call, manager, letter);
}

static int read_letter(sd_bus_message *message, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	struct sb_manager *manager = userdata;
	uint64_t ticket;
	struct sb_error why = { 0 };
	int r;

	r = sb_permit_administer(manager->parts, sender, message, &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);
	r = sb_bus_call_new_for_ticket(manager->parts->calls, message, manager, &ticket, &call);
	if (r < 0)
		return r;
	r = sb_letters_read(manager->parts->gateway, ticket, letter_on_read, call);
	if (r < 0)
		return sb_bus_reply_failed(message, r);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_manager_letters_read() - DeadLetter
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_letters_read(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, read_letter, userdata);
}

/* ---- what becomes of them -------------------------------------------------------------------- */

static int requeue(sd_bus_message *message, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	const struct sb_manager *manager = userdata;
	struct sb_error why = { 0 };
	char publisher[SB_SENDER_MAX];
	uint64_t ticket;
	int r;

	r = sb_permit_administer(manager->parts, sender, message, &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);
	r = sb_bus_call_new_for_ticket(manager->parts->calls, message, NULL, &ticket, &call);
	if (r < 0)
		return r;
	r = sb_letters_requeue(manager->parts->gateway, ticket,
			       sb_sender_of(manager->parts, message, publisher), sender->uid,
			       sb_bus_reply_ticket, call);
	if (r < 0)
		return sb_bus_reply_failed(message, r);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_manager_letters_requeue() - Requeue
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_letters_requeue(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, requeue, userdata);
}

static int discard(sd_bus_message *message, void *userdata, const struct sb_identity *sender)
{
	SB_CLEANUP(sb_bus_call_free) struct sb_bus_call *call = NULL;
	const struct sb_manager *manager = userdata;
	uint64_t ticket;
	struct sb_error why = { 0 };
	int r;

	r = sb_permit_administer(manager->parts, sender, message, &why);
	if (r < 0)
		return sb_bus_reply_error(message, &why);
	r = sb_bus_call_new_for_ticket(manager->parts->calls, message, NULL, &ticket, &call);
	if (r < 0)
		return r;
	r = sb_letters_discard(manager->parts->gateway, ticket, sb_bus_reply_done, call);
	if (r < 0)
		return sb_bus_reply_failed(message, r);
	(void)SB_STEAL(call);

	return 1;
}

/**
 * sb_manager_letters_discard() - Discard
 * @call: the method call
 * @userdata: the manager
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_manager_letters_discard(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;

	(void)error;

	return sb_identities_ask(manager->parts->identities, call, discard, userdata);
}
