/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How inboxes come and go.
 *
 * Opening and forgetting are jobs of the store. The order of its jobs is the order of what they mean, and
 * they complete in that order; so an inbox may be opened while it is being forgotten, and the other way
 * round. It stays in memory as long as it is on disk, is being opened, or has jobs under way.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/filter.h"
#include "daemon/inbox-private.h"

/** struct opening - an inbox on its way to disk */
struct opening {
	struct sb_inbox *inbox;
	char *filter;
	unsigned int origins;
	bool answers;
	sb_inbox_opened_fn *done;
	void *userdata;
};

/** struct forgetting - and on its way from it */
struct forgetting {
	struct sb_inbox *inbox;
	sb_inbox_forgotten_fn *done;
	void *userdata;
};

static struct opening *opening_free(struct opening *opening);

SB_DEFINE_CLEANUP(struct sb_inbox *, sb_inbox_free)
SB_DEFINE_CLEANUP(struct opening *, opening_free)

/* ---- one of them ---- */

/**
 * sb_inbox_free() - forget an inbox in memory
 * @inbox: may be NULL or half-built; without jobs of the store
 *
 * Return: NULL.
 */
struct sb_inbox *sb_inbox_free(struct sb_inbox *inbox)
{
	if (!inbox)
		return NULL;

	if (inbox->id != 0)
		TAILQ_REMOVE(&inbox->all->all, inbox, entry);
	sb_inbox_detach(inbox);
	sb_timer_disarm(&inbox->recount);
	(void)sb_subscription_free(inbox->at_hub);
	free(inbox->link);
	free(inbox->name);
	free(inbox->filter);
	free(inbox);

	return NULL;
}

/**
 * sb_inbox_new() - an inbox that is not in the set yet, gathers nothing and is nobody's
 * @all: the set
 * @link: copied
 * @name: copied
 * @filter: copied
 *
 * Return: the inbox, the caller's until sb_inboxes_enter(); NULL without memory.
 */
struct sb_inbox *sb_inbox_new(struct sb_inboxes *all, const char *link, const char *name,
			      const char *filter)
{
	SB_CLEANUP(sb_inbox_free) struct sb_inbox *inbox = calloc(1, sizeof(*inbox));

	if (!inbox)
		return NULL;
	inbox->all = all;
	sb_inbox_window_init(inbox);
	sb_inbox_intake_init(inbox);
	inbox->link = strdup(link);
	inbox->name = strdup(name);
	inbox->filter = strdup(filter);
	if (!inbox->link || !inbox->name || !inbox->filter)
		return NULL;

	return SB_STEAL(inbox);
}

static void free_if_done(struct sb_inbox *inbox)
{
	if (inbox->doomed && inbox->jobs == 0)
		(void)sb_inbox_free(inbox);
}

/* It is not on disk, and nobody is about to put it there. */
static void doom_if_unwanted(struct sb_inbox *inbox)
{
	if (!inbox->stored && inbox->openings == 0)
		inbox->doomed = true;
}

/**
 * sb_inbox_job_done() - the store has done with a job
 * @inbox: of the job; may be gone afterwards
 */
void sb_inbox_job_done(struct sb_inbox *inbox)
{
	assert(inbox->jobs > 0);
	inbox->jobs--;
	free_if_done(inbox);
}

/**
 * sb_inbox_gather() - gather what an interest matches, and nothing else, from now on
 * @inbox: the inbox
 * @interest: of the inbox's link; copied
 *
 * Return: 0; -EINVAL for a filter that breaks the rules, -ENOMEM: nothing has changed.
 */
int sb_inbox_gather(struct sb_inbox *inbox, const struct sb_interest *interest)
{
	struct sb_subscription *at_hub;
	char *filter = strdup(interest->filter);
	int r;

	if (!filter)
		return -ENOMEM;
	r = sb_hub_subscribe(inbox->all->hub, interest, sb_inbox_on_delivery, inbox, &at_hub, NULL);
	if (r < 0) {
		free(filter);
		return r;
	}
	(void)sb_subscription_free(inbox->at_hub);
	inbox->at_hub = at_hub;
	free(inbox->filter);
	inbox->filter = filter;
	inbox->origins = interest->origins;
	inbox->answers = interest->answers;

	return 0;
}

/* ---- opening ---- */

static struct opening *opening_free(struct opening *opening)
{
	if (!opening)
		return NULL;

	free(opening->filter);
	free(opening);

	return NULL;
}

static int apply(const struct opening *opening)
{
	struct sb_inbox *inbox = opening->inbox;
	const struct sb_interest interest = {
		.link = inbox->link,
		.filter = opening->filter,
		.origins = opening->origins,
		.answers = opening->answers,
	};

	return sb_inbox_gather(inbox, &interest);
}

static void inbox_on_opened(void *userdata, int error)
{
	SB_CLEANUP(opening_free) struct opening *opening = userdata;
	struct sb_inbox *inbox = opening->inbox;
	struct sb_error why;
	int r = error < 0 ? error : apply(opening);

	inbox->stored |= error == 0;
	inbox->openings--;
	if (r < 0) {
		(void)sb_error_set(&why, SB_ERROR_FAILED,
				   "the inbox cannot be brought to disk: %s. Subscribe again in a "
				   "while",
				   strerror(-r));
		doom_if_unwanted(inbox);
	}
	opening->done(opening->userdata, r < 0 ? NULL : inbox, r < 0 ? &why : NULL);
	sb_inbox_job_done(inbox);
}

static int check_name(const char *name, struct sb_error *ret_error)
{
	size_t len = strlen(name);

	if (len >= 1 && len <= SB_INBOX_NAME_MAX &&
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		    len)
		return 0;

	return sb_error_set(
		ret_error, SB_ERROR_INVALID_OPTION,
		"the name \"%.64s\" is none for an inbox: write 1 to %d of A-Z a-z 0-9 . "
		"_ -",
		name, SB_INBOX_NAME_MAX);
}

static int check_number(const struct sb_inboxes *all, uint32_t owner, struct sb_error *ret_error)
{
	const struct sb_inbox *inbox;
	uint64_t n = 0;

	TAILQ_FOREACH(inbox, &all->all, entry)
		n += inbox->owner == owner && !inbox->doomed;
	if (n < all->limits.per_user)
		return 0;

	return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
			    "user %lu has %llu inboxes, the most that a user may have: forget some "
			    "with ForgetDurable, or raise per_user in the configuration",
			    (unsigned long)owner, (unsigned long long)n);
}

static int check(const struct sb_inboxes *all, const struct sb_inbox_wish *wish,
		 struct sb_error *ret_error)
{
	int r;

	if (wish->owner == SB_NO_OWNER)
		return sb_error_set(
			ret_error, SB_ERROR_NOT_PERMITTED,
			"the bus does not say which user calls, and an inbox belongs to a "
			"user: stay connected until this call is answered");
	r = check_name(wish->name, ret_error);
	if (r == 0)
		r = sb_filter_check(wish->interest.filter, ret_error);
	if (r == 0 && !sb_inboxes_find(all, wish))
		r = check_number(all, wish->owner, ret_error);

	return r;
}

static struct opening *opening_new(const struct sb_inbox_wish *wish, sb_inbox_opened_fn *done,
				   void *userdata)
{
	struct opening *opening = calloc(1, sizeof(*opening));

	if (!opening)
		return NULL;
	opening->filter = strdup(wish->interest.filter);
	opening->origins = wish->interest.origins;
	opening->answers = wish->interest.answers;
	opening->done = done;
	opening->userdata = userdata;

	return opening->filter ? opening : opening_free(opening);
}

static struct sb_inbox_record record_of(const struct sb_inbox *inbox)
{
	return (struct sb_inbox_record){
		.id = inbox->id,
		.link = inbox->link,
		.owner = inbox->owner,
		.name = inbox->name,
		.filter = inbox->filter,
		.origins = inbox->origins,
		.answers = inbox->answers,
	};
}

static int put(struct sb_inbox *inbox, struct opening *opening)
{
	struct sb_inbox_record record = record_of(inbox);
	int r;

	record.filter = opening->filter;
	record.origins = opening->origins;
	record.answers = opening->answers;
	opening->inbox = inbox;
	r = sb_store_put_inbox(inbox->all->store, &record, inbox_on_opened, opening);
	if (r < 0)
		return r;
	inbox->openings++;
	inbox->jobs++;

	return 0;
}

/**
 * sb_inboxes_open() - make an inbox, or change what one gathers; what waits in it stays
 * @all: the set
 * @wish: copied
 * @done: called once, never from within this call
 * @userdata: for @done
 * @ret_error: why not, on failure
 *
 * Return: 0; -EPERM (nobody's), -EINVAL (name or filter), -ENOBUFS (the user has too many), -EIO (no
 * memory), and @done is not called.
 */
int sb_inboxes_open(struct sb_inboxes *all, const struct sb_inbox_wish *wish,
		    sb_inbox_opened_fn *done, void *userdata, struct sb_error *ret_error)
{
	SB_CLEANUP(opening_free) struct opening *opening = NULL;
	struct sb_inbox *inbox;
	int r;

	r = check(all, wish, ret_error);
	if (r < 0)
		return r;
	opening = opening_new(wish, done, userdata);
	inbox = sb_inboxes_find(all, wish);
	if (opening && !inbox) {
		inbox = sb_inbox_new(all, wish->interest.link, wish->name, wish->interest.filter);
		if (inbox) {
			inbox->owner = wish->owner;
			sb_inboxes_enter(all, inbox, all->last_id + 1);
		}
	}
	if (!opening || !inbox || put(inbox, opening) < 0) {
		if (inbox && !inbox->stored && inbox->openings == 0 && inbox->jobs == 0)
			(void)sb_inbox_free(inbox);
		return sb_error_set(ret_error, SB_ERROR_FAILED, "no memory for an inbox");
	}
	(void)SB_STEAL(opening);

	return 0;
}

/* ---- forgetting ---- */

static void inbox_on_forgotten(void *userdata, int error, const struct sb_inbox_content *content)
{
	SB_CLEANUP(sb_free) struct forgetting *forgetting = userdata;
	struct sb_inbox *inbox = forgetting->inbox;
	struct sb_error why;

	if (error < 0 && error != -ENOENT) {
		(void)sb_error_set(
			&why, SB_ERROR_FAILED,
			"the inbox cannot be removed from disk: %s. Forget it again in a "
			"while",
			strerror(-error));
		forgetting->done(forgetting->userdata, &why);
		sb_inbox_job_done(inbox);
		return;
	}
	inbox->content.messages -= content->messages;
	inbox->content.bytes -= content->bytes;
	inbox->stored = false;
	inbox->at_hub = sb_subscription_free(inbox->at_hub);
	sb_inbox_close_losses(inbox);
	sb_inbox_end(inbox, SB_INBOX_FORGOTTEN);
	doom_if_unwanted(inbox);
	forgetting->done(forgetting->userdata, NULL);
	sb_inbox_job_done(inbox);
}

static int submit_forget(struct sb_inbox *inbox, sb_inbox_forgotten_fn *done, void *userdata)
{
	const struct sb_inbox_record record = record_of(inbox);
	struct forgetting *forgetting = malloc(sizeof(*forgetting));
	int r;

	if (!forgetting)
		return -ENOMEM;
	*forgetting = (struct forgetting){ inbox, done, userdata };
	r = sb_store_forget_inbox(inbox->all->store, &record, inbox_on_forgotten, forgetting);
	if (r < 0) {
		free(forgetting);
		return r;
	}
	inbox->jobs++;

	return 0;
}

/**
 * sb_inboxes_forget() - remove an inbox, with what waits in it, which counts as lost
 * @all: the set
 * @wish: which: its link, owner and name
 * @done: called once, never from within this call
 * @userdata: for @done
 * @ret_error: why not, on failure
 *
 * Return: 0; -ESRCH (there is none), -EIO (no memory), and @done is not called.
 */
int sb_inboxes_forget(struct sb_inboxes *all, const struct sb_inbox_wish *wish,
		      sb_inbox_forgotten_fn *done, void *userdata, struct sb_error *ret_error)
{
	struct sb_inbox *inbox = sb_inboxes_find(all, wish);

	if (!inbox)
		return sb_error_set(ret_error, SB_ERROR_NO_SUCH_SUBSCRIPTION,
				    "this user has no inbox \"%.64s\" on link %s: see ListInboxes",
				    wish->name, wish->interest.link);
	if (submit_forget(inbox, done, userdata) < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: forget it again in a while");

	return 0;
}
