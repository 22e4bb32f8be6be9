/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/loop.h"
#include "daemon/store.h"
#include "dbus/caller.h"
#include "dbus/reply.h"
#include "dbus/waiter.h"

struct sb_waiter {
	struct sb_waiters *waiters;
	sd_bus_message *call;
	uint64_t ticket;
	uint32_t timeout_s;
	struct sb_timer timer;
	struct sb_held held;
	LIST_ENTRY(sb_waiter) entry;
};

static struct sb_waiter *waiter_free(struct sb_waiter *waiter)
{
	LIST_REMOVE(waiter, entry);
	waiter->waiters->n--;
	sb_timer_disarm(&waiter->timer);
	sb_caller_release(&waiter->held);
	(void)sd_bus_message_unref(waiter->call);
	free(waiter);

	return NULL;
}

static void waiter_on_gone(struct sb_held *held)
{
	(void)waiter_free(sb_container_of(held, struct sb_waiter, held));
}

static int set_timeout_error(struct sb_error *error, uint64_t ticket, uint32_t timeout_s)
{
	return sb_error_set(error, SB_ERROR_TIMEOUT,
			    "ticket %" PRIu64 " is not settled after %" PRIu32 " s; its message "
			    "stays queued, so ask again with WaitTicket or Ticket",
			    ticket, timeout_s);
}

static void waiter_on_timeout(struct sb_timer *timer)
{
	struct sb_waiter *waiter = sb_container_of(timer, struct sb_waiter, timer);
	struct sb_error error;

	(void)set_timeout_error(&error, waiter->ticket, waiter->timeout_s);
	(void)sb_bus_reply_error(waiter->call, &error);
	(void)waiter_free(waiter);
}

/**
 * sb_waiters_init() - nobody waits
 * @waiters: to be set up
 * @loop: outlives it
 * @callers: outlive it
 */
void sb_waiters_init(struct sb_waiters *waiters, struct sb_loop *loop, struct sb_callers *callers)
{
	*waiters = (struct sb_waiters){ .loop = loop, .callers = callers };
}

/**
 * sb_waiters_done() - let go of all waiters; they get no reply
 * @waiters: all of them
 */
void sb_waiters_done(struct sb_waiters *waiters)
{
	struct sb_waiter *waiter;
	size_t i;

	for (i = 0; i < SB_ELEMENTS(waiters->buckets); i++)
		while ((waiter = LIST_FIRST(&waiters->buckets[i])))
			(void)waiter_free(waiter);
}

/**
 * sb_waiters_add() - answer a call when its ticket is settled
 * @waiters: all of them
 * @call: a call of WaitTicket, answered with sb_bus_reply_settlement() or with Timeout; referenced
 * @ticket: not settled yet
 * @timeout_s: how long to wait, in seconds; 0 does not wait
 * @ret_error: why it cannot wait
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_waiters_add(struct sb_waiters *waiters, sd_bus_message *call, uint64_t ticket,
		   uint32_t timeout_s, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_free) struct sb_waiter *waiter = NULL;
	int r;

	if (timeout_s == 0)
		return set_timeout_error(ret_error, ticket, timeout_s);
	if (waiters->n >= SB_WAITERS_MAX)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
				    "%d calls of WaitTicket are waiting, the most that may: ask "
				    "later, or take the signal Settled",
				    SB_WAITERS_MAX);
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "no memory for a waiting call");
	r = sb_caller_hold(waiters->callers, sd_bus_message_get_sender(call), SB_HELD_WAITER,
			   waiter_on_gone, &waiter->held, ret_error);
	if (r < 0)
		return r;

	waiter->waiters = waiters;
	waiter->call = sd_bus_message_ref(call);
	waiter->ticket = ticket;
	waiter->timeout_s = timeout_s;
	sb_timer_init(&waiter->timer, waiters->loop, waiter_on_timeout);
	sb_timer_arm(&waiter->timer, timeout_s * SB_USEC_PER_SEC);
	LIST_INSERT_HEAD(&waiters->buckets[ticket % SB_WAITERS_BUCKETS], waiter, entry);
	waiters->n++;
	(void)SB_STEAL(waiter);

	return 0;
}

/**
 * sb_waiters_settled() - answer everybody who waits for a ticket
 * @waiters: all of them
 * @settlement: what became of it
 */
void sb_waiters_settled(struct sb_waiters *waiters, const struct sb_settlement *settlement)
{
	struct sb_waiter *waiter =
		LIST_FIRST(&waiters->buckets[settlement->ticket % SB_WAITERS_BUCKETS]);

	while (waiter) {
		struct sb_waiter *next = LIST_NEXT(waiter, entry);

		if (waiter->ticket == settlement->ticket) {
			(void)sb_bus_reply_settlement(waiter->call, settlement);
			(void)waiter_free(waiter);
		}
		waiter = next;
	}
}
