/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "dbus/call.h"

struct sb_bus_call {
	sd_bus_message *message; /* a reference; NULL when nobody waits any more */
	void *owner;
	LIST_ENTRY(sb_bus_call) entry;
};

/*
 * Calls that nobody waits for any more, while a completion still holds them. Whether it will come
 * is not ours to know (a store may be closed with jobs in it), so they can be neither freed nor
 * forgotten.
 */
static LIST_HEAD(, sb_bus_call) orphans = LIST_HEAD_INITIALIZER(orphans);

/**
 * sb_bus_calls_init() - no call waits
 * @calls: to be set up
 */
void sb_bus_calls_init(struct sb_bus_calls *calls)
{
	LIST_INIT(&calls->waiting);
}

/**
 * sb_bus_calls_done() - let go of all method calls that wait; they get no reply
 * @calls: of which none may be begun any more
 */
void sb_bus_calls_done(struct sb_bus_calls *calls)
{
	struct sb_bus_call *call;

	while ((call = LIST_FIRST(&calls->waiting))) {
		call->message = sd_bus_message_unref(call->message);
		LIST_REMOVE(call, entry);
		LIST_INSERT_HEAD(&orphans, call, entry);
	}
}

/**
 * sb_bus_call_new() - keep a method call until its answer comes
 * @calls: outlive the method call, not the completion
 * @message: the method call; a reference is taken
 * @owner: for the completion; outlives @calls; may be NULL
 * @ret: the call, the completion's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_bus_call_new(struct sb_bus_calls *calls, sd_bus_message *message, void *owner,
		    struct sb_bus_call **ret)
{
	struct sb_bus_call *call = calloc(1, sizeof(*call));

	if (!call)
		return -ENOMEM;

	call->message = sd_bus_message_ref(message);
	call->owner = owner;
	LIST_INSERT_HEAD(&calls->waiting, call, entry);

	*ret = call;

	return 0;
}

/**
 * sb_bus_call_new_for_ticket() - the same for a method whose one parameter, or first, is a ticket
 * @calls: as above
 * @message: the method call, of which nothing has been read
 * @owner: as above
 * @ret_ticket: the parameter
 * @ret: the call, the completion's
 *
 * Return: 0, -ENOMEM, or what reading it said.
 */
int sb_bus_call_new_for_ticket(struct sb_bus_calls *calls, sd_bus_message *message, void *owner,
			       uint64_t *ret_ticket, struct sb_bus_call **ret)
{
	int r = sd_bus_message_read_basic(message, SD_BUS_TYPE_UINT64, ret_ticket);

	return r < 0 ? r : sb_bus_call_new(calls, message, owner, ret);
}

/**
 * sb_bus_call_free() - forget a call whose completion will not come
 * @call: may be NULL
 *
 * Return: NULL.
 */
struct sb_bus_call *sb_bus_call_free(struct sb_bus_call *call)
{
	if (!call)
		return NULL;

	LIST_REMOVE(call, entry);
	(void)sd_bus_message_unref(call->message);
	free(call);

	return NULL;
}

/**
 * sb_bus_call_end() - the completion has come: free the call and take its method call
 * @call: the call
 * @ret_owner: what sb_bus_call_new() was given, if somebody still waits; may be NULL
 *
 * Return: the method call to reply to, the caller's reference; NULL if nobody waits any more.
 */
sd_bus_message *sb_bus_call_end(struct sb_bus_call *call, void **ret_owner)
{
	sd_bus_message *message = SB_STEAL(call->message);

	if (message && ret_owner)
		*ret_owner = call->owner;
	(void)sb_bus_call_free(call);

	return message;
}
