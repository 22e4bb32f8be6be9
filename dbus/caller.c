/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sd_bus_track does nearly this, but asks the bus daemon whether the name exists and waits for the
 * answer, and the loop waits for nobody. So the match rule and the question go out one after the
 * other and both answers come when they come: the rule is in force when the question is answered,
 * so a caller that goes at any moment is noticed by one of the two.
 */
#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/rate.h"
#include "dbus/caller.h"

#define DRIVER "org.freedesktop.DBus"
#define DRIVER_PATH "/org/freedesktop/DBus"

static struct sb_caller *caller_free(struct sb_caller *caller);

SB_DEFINE_CLEANUP(struct sb_caller *, caller_free)

static const struct {
	const char *plural;
	const char *mend;
} kinds[] = {
	[SB_HELD_SUBSCRIPTION] = { "subscriptions",
				   "end some with Unsubscribe, use filters with + and #, or raise "
				   "subscriptions in the section callers" },
	[SB_HELD_DURABLE] = { "durable subscriptions",
			      "end some with Unsubscribe, use filters with + and #, or raise "
			      "subscriptions in the section callers" },
	[SB_HELD_WAITER] = { "calls of WaitTicket waiting", "wait for some of them first" },
};

static int compare_names(const void *a, const void *b)
{
	const struct sb_caller *left = a;
	const struct sb_caller *right = b;

	return strcmp(left->name, right->name);
}

static struct sb_caller *caller_free(struct sb_caller *caller)
{
	if (!caller)
		return NULL;

	if (caller->callers) {
		(void)tdelete(caller, &caller->callers->by_name, compare_names);
		caller->callers->n--;
	}
	(void)sd_bus_slot_unref(caller->watch);
	(void)sd_bus_slot_unref(caller->check);
	free(caller->name);
	free(caller);

	return NULL;
}

/* Frees @caller with the last thing that it holds. */
static void caller_gone(struct sb_caller *caller)
{
	struct sb_held *held;
	struct sb_held *next;

	for (held = TAILQ_FIRST(&caller->held); held; held = next) {
		next = TAILQ_NEXT(held, entry);
		held->gone(held);
	}
}

static int watch_on_change(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)message;
	(void)error;
	caller_gone(userdata);

	return 0;
}

static void say_refusal(struct sb_caller *caller, sd_bus_message *answer)
{
	struct sb_callers *callers = caller->callers;

	if (sb_hourly_take(&callers->refusals, sb_loop_now(callers->loop), 1))
		sb_log_event(
			SB_EVENT_BUS_LIMITS, NULL,
			"the bus does not let us watch %s (%s), so its subscriptions and calls "
			"are ended",
			caller->name, sd_bus_message_get_error(answer)->message);
}

static int watch_on_installed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct sb_caller *caller = userdata;

	(void)error;
	if (!sd_bus_message_is_method_error(message, NULL))
		return 0;

	/* Without a reply the bus has gone, and that is logged where it concerns all. */
	if (!sd_bus_message_is_method_error(message, SD_BUS_ERROR_NO_REPLY))
		say_refusal(caller, message);
	caller_gone(caller);

	return 0;
}

static int check_on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct sb_caller *caller = userdata;
	int here = 0;

	(void)error;
	caller->check = sd_bus_slot_unref(caller->check);
	if (!sd_bus_message_is_method_error(message, NULL) &&
	    sd_bus_message_read(message, "b", &here) > 0 && !here)
		caller_gone(caller);

	return 0;
}

static int caller_watch(struct sb_caller *caller)
{
	SB_CLEANUP(sb_free) char *rule = NULL;
	sd_bus *connection = caller->callers->connection;
	int r;

	if (asprintf(&rule,
		     "type='signal',sender='" DRIVER "',path='" DRIVER_PATH "',interface='" DRIVER
		     "',member='NameOwnerChanged',arg0='%s'",
		     caller->name) < 0) {
		rule = NULL;
		return -ENOMEM;
	}
	r = sd_bus_add_match_async(connection, &caller->watch, rule, watch_on_change,
				   watch_on_installed, caller);
	if (r < 0)
		return r;

	return sd_bus_call_method_async(connection, &caller->check, DRIVER, DRIVER_PATH, DRIVER,
					"NameHasOwner", check_on_reply, caller, "s", caller->name);
}

static int caller_new(struct sb_callers *callers, const char *name, struct sb_caller **ret)
{
	SB_CLEANUP(caller_free) struct sb_caller *caller = calloc(1, sizeof(*caller));
	int r;

	if (!caller)
		return -ENOMEM;
	TAILQ_INIT(&caller->held);
	caller->name = strdup(name);
	if (!caller->name || !tsearch(caller, &callers->by_name, compare_names))
		return -ENOMEM;
	caller->callers = callers;
	callers->n++;
	r = caller_watch(caller);
	if (r < 0)
		return r;

	*ret = SB_STEAL(caller);

	return 0;
}

static int caller_get(struct sb_callers *callers, const char *name, struct sb_caller **ret,
		      struct sb_error *ret_error)
{
	struct sb_caller *known = sb_caller_find(callers, name);
	int r;

	if (known) {
		*ret = known;
		return 0;
	}
	if (callers->n >= SB_CALLERS_MAX)
		return sb_error_set(
			ret_error, SB_ERROR_QUEUE_FULL,
			"%d connections hold subscriptions or wait for tickets, the most "
			"that may: close some of them, or share one",
			SB_CALLERS_MAX);
	r = caller_new(callers, name, ret);
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "cannot watch your connection: %s",
				    strerror(-r));

	return 0;
}

/**
 * sb_callers_init() - no caller is known
 * @callers: to be set up
 * @connection: lent
 * @loop: outlives it
 * @limits: lent; may change at any time
 */
void sb_callers_init(struct sb_callers *callers, sd_bus *connection, struct sb_loop *loop,
		     const struct sb_caller_limits *limits)
{
	*callers = (struct sb_callers){
		.connection = connection,
		.loop = loop,
		.limits = limits,
	};
}

/**
 * sb_callers_done() - nothing may be held any more
 * @callers: without callers
 */
void sb_callers_done(struct sb_callers *callers)
{
	assert(callers->n == 0);
	callers->connection = NULL;
}

/**
 * sb_caller_find() - what is known of a connection
 * @callers: all of them
 * @name: its unique name
 *
 * Return: lent; NULL if it holds nothing.
 */
struct sb_caller *sb_caller_find(struct sb_callers *callers, const char *name)
{
	struct sb_caller key = { .name = (char *)name };
	struct sb_caller *const *found = tfind(&key, &callers->by_name, compare_names);

	return found ? *found : NULL;
}

static uint64_t most_of(const struct sb_callers *callers, enum sb_held_kind kind)
{
	return kind == SB_HELD_WAITER ? SB_CALLER_WAITERS_MAX : callers->limits->subscriptions;
}

static void forget_if_idle(struct sb_caller *caller)
{
	if (TAILQ_EMPTY(&caller->held))
		(void)caller_free(caller);
}

/**
 * sb_caller_hold() - tie something to a connection, within its bound
 * @callers: all of them
 * @name: the connection's unique name
 * @kind: of which a connection may hold so many
 * @gone: called when the connection has gone
 * @held: set up on success; its owner releases it
 * @ret_error: why it could not be
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_caller_hold(struct sb_callers *callers, const char *name, enum sb_held_kind kind,
		   sb_held_gone_fn *gone, struct sb_held *held, struct sb_error *ret_error)
{
	struct sb_caller *caller = NULL;
	int r;

	r = caller_get(callers, name, &caller, ret_error);
	if (r < 0)
		return r;
	if (caller->n_held[kind] >= most_of(callers, kind)) {
		(void)sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
				   "this connection has %zu %s, the most it may: %s",
				   caller->n_held[kind], kinds[kind].plural, kinds[kind].mend);
		forget_if_idle(caller);
		return -ENOBUFS;
	}

	*held = (struct sb_held){ .caller = caller, .kind = kind, .gone = gone };
	TAILQ_INSERT_TAIL(&caller->held, held, entry);
	caller->n_held[kind]++;

	return 0;
}

/**
 * sb_caller_release() - the connection holds this no longer
 * @held: what sb_caller_hold() set up, or zeroed
 */
void sb_caller_release(struct sb_held *held)
{
	struct sb_caller *caller = SB_STEAL(held->caller);

	if (!caller)
		return;

	TAILQ_REMOVE(&caller->held, held, entry);
	caller->n_held[held->kind]--;
	forget_if_idle(caller);
}
