/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/inbox-private.h"
#include "daemon/log.h"
#include "daemon/settings.h"

SB_DEFINE_CLEANUP(struct sb_inboxes *, sb_inboxes_free)

static int compare(const struct sb_inbox *inbox, const char *link, uint32_t owner, const char *name)
{
	int r = strcmp(inbox->link, link);

	if (r != 0)
		return r;
	if (inbox->owner != owner)
		return inbox->owner < owner ? -1 : 1;

	return strcmp(inbox->name, name);
}

/**
 * sb_inboxes_enter() - an inbox is one of the set
 * @all: the set
 * @inbox: with link, owner and name; the set's from now on
 * @id: in the database
 */
void sb_inboxes_enter(struct sb_inboxes *all, struct sb_inbox *inbox, uint64_t id)
{
	struct sb_inbox *next;

	inbox->id = id;
	if (all->last_id < id)
		all->last_id = id;
	TAILQ_FOREACH(next, &all->all, entry)
		if (compare(next, inbox->link, inbox->owner, inbox->name) > 0)
			break;
	if (next)
		TAILQ_INSERT_BEFORE(next, inbox, entry);
	else
		TAILQ_INSERT_TAIL(&all->all, inbox, entry);
}

/**
 * sb_inboxes_find() - the inbox that somebody wishes for
 * @all: the set
 * @wish: its link, owner and name
 *
 * Return: the inbox, lent; NULL when there is none, or it is about to go.
 */
struct sb_inbox *sb_inboxes_find(const struct sb_inboxes *all, const struct sb_inbox_wish *wish)
{
	struct sb_inbox *inbox;

	TAILQ_FOREACH(inbox, &all->all, entry)
		if (!inbox->doomed &&
		    compare(inbox, wish->interest.link, wish->owner, wish->name) == 0)
			return inbox;

	return NULL;
}

/** struct restoring - what the store tells, on its way into the set */
struct restoring {
	struct sb_inboxes *all;
	int error;
};

static int restore(struct sb_inboxes *all, const struct sb_inbox_record *record)
{
	const struct sb_interest interest = {
		.link = record->link,
		.filter = record->filter,
		.origins = record->origins,
		.answers = record->answers,
	};
	struct sb_inbox *inbox = sb_inbox_new(all, record->link, record->name, record->filter);
	int r;

	if (!inbox)
		return -ENOMEM;
	inbox->owner = record->owner;
	inbox->stored = true;
	inbox->content.messages = record->messages;
	inbox->content.bytes = record->bytes;
	inbox->lost = record->lost;
	inbox->sent_up_to = sb_store_last_message(all->store);
	sb_inboxes_enter(all, inbox, record->id);
	r = sb_inbox_gather(inbox, &interest);
	if (r != -EINVAL)
		return r;
	sb_log_link(record->link, LOG_WARNING,
		    "the inbox %s of user %" PRIu32
		    " gathers nothing, for its filter \"%.64s\" is none: "
		    "its app must call SubscribeDurable again",
		    record->name, record->owner, record->filter);

	return 0;
}

static void restoring_on_record(void *userdata, const struct sb_inbox_record *record)
{
	struct restoring *restoring = userdata;

	if (restoring->error == 0)
		restoring->error = restore(restoring->all, record);
}

/**
 * sb_inbox_limits_of() - the limits as configured
 * @inboxes: the section "inboxes:"
 *
 * Return: the limits.
 */
struct sb_inbox_limits sb_inbox_limits_of(const struct sb_settings *inboxes)
{
	return (struct sb_inbox_limits){
		.messages = (uint64_t)sb_settings_integer(inboxes, "messages"),
		.bytes = (uint64_t)sb_settings_integer(inboxes, "bytes"),
		.drop_oldest = strcmp(sb_settings_text(inboxes, "when_full"), "drop_oldest") == 0,
		.per_user = (uint64_t)sb_settings_integer(inboxes, "per_user"),
		.ack_timeout_usec =
			(uint64_t)sb_settings_integer(inboxes, "ack_timeout") * SB_USEC_PER_SEC,
	};
}

/**
 * sb_inboxes_limit() - other limits hold from now on
 * @all: the inboxes; what is beyond them already stays
 * @limits: copied
 */
void sb_inboxes_limit(struct sb_inboxes *all, const struct sb_inbox_limits *limits)
{
	all->limits = *limits;
}

/**
 * sb_inboxes_new() - the inboxes that are on disk
 * @store: outlives them
 * @hub: outlives them; numbers messages from now on above all that were ever in an inbox
 * @limits: copied
 * @ret: the set, the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_inboxes_new(struct sb_store *store, struct sb_hub *hub, const struct sb_inbox_limits *limits,
		   struct sb_inboxes **ret)
{
	SB_CLEANUP(sb_inboxes_free) struct sb_inboxes *all = calloc(1, sizeof(*all));
	struct restoring restoring = { .all = all };

	if (!all)
		return -ENOMEM;
	all->loop = sb_store_loop(store);
	all->store = store;
	all->hub = hub;
	all->limits = *limits;
	TAILQ_INIT(&all->all);
	sb_hub_count_from(hub, sb_store_last_message(store));
	sb_store_each_inbox(store, restoring_on_record, &restoring);
	if (restoring.error < 0)
		return restoring.error;
	*ret = SB_STEAL(all);

	return 0;
}

/**
 * sb_inboxes_free() - forget what is in memory; what is on disk stays
 * @all: may be NULL; no consumer is attached any more
 *
 * Waits for the disk, since the store has jobs of theirs in hand.
 *
 * Return: NULL.
 */
struct sb_inboxes *sb_inboxes_free(struct sb_inboxes *all)
{
	if (!all)
		return NULL;

	/* Twice, since what completes at first may have something to write. */
	sb_store_drain(all->store);
	all->closing = true;
	sb_store_drain(all->store);
	while (!TAILQ_EMPTY(&all->all))
		(void)sb_inbox_free(TAILQ_FIRST(&all->all));
	free(all);

	return NULL;
}

/**
 * sb_inboxes_filter() - what an inbox gathers at present
 * @all: the set
 * @wish: which: its link, owner and name
 *
 * Return: its filter, lent until the loop runs again; NULL when there is no such inbox.
 */
const char *sb_inboxes_filter(const struct sb_inboxes *all, const struct sb_inbox_wish *wish)
{
	const struct sb_inbox *inbox = sb_inboxes_find(all, wish);

	return inbox ? inbox->filter : NULL;
}

/**
 * sb_inboxes_each() - look at all
 * @all: the set
 * @each: called for each that is on disk, by link, owner and name
 * @userdata: for @each
 */
void sb_inboxes_each(const struct sb_inboxes *all, sb_inbox_status_fn *each, void *userdata)
{
	const struct sb_inbox *inbox;
	struct sb_inbox_status status;

	TAILQ_FOREACH(inbox, &all->all, entry) {
		if (!inbox->stored)
			continue;
		sb_inbox_status(inbox, &status);
		each(userdata, &status);
	}
}
