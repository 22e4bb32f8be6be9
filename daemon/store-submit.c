/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handing jobs over, on the loop's side. What they do is in daemon/store-job.c.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/store-private.h"

SB_DEFINE_CLEANUP(struct sb_store_job *, sb_store_job_free)

static int copy_text(const char *text, char **ret)
{
	char *copy = strdup(text ? text : "");

	if (!copy)
		return -ENOMEM;
	*ret = copy;

	return 0;
}

static int copy_shares(struct sb_store_job *job, const struct sb_share *shares, size_t n)
{
	job->shares = calloc(n, sizeof(*job->shares));
	if (!job->shares)
		return -ENOMEM;
	job->n_shares = n;
	for (size_t i = 0; i < n; i++) {
		job->shares[i] = (struct sb_share){
			.ticket = shares[i].ticket,
			.link = strdup(shares[i].link),
			.topic = strdup(shares[i].topic),
		};
		if (!job->shares[i].link || !job->shares[i].topic)
			return -ENOMEM;
	}

	return 0;
}

/**
 * sb_store_insert() - store a message
 * @store: the store
 * @link: whose it is, copied
 * @message: with its ticket, copied; not one that is held in memory. The dead letter that it requeues
 *	ends in the same transaction
 * @done: called with 0 when it is on disk; -ENOENT when there is no such dead letter, -ENOSPC, -EROFS,
 *	-EIO, -EBADMSG (damaged database), …
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_insert(struct sb_store *store, const char *link, const struct sb_message *message,
		    sb_store_done_fn *done, void *userdata)
{
	SB_CLEANUP(sb_store_job_free)
	struct sb_store_job *job = sb_store_job_new(&sb_job_insert, link, userdata);

	assert(!message->in_memory);
	if (!job)
		return -ENOMEM;
	job->done = done;
	job->message = sb_message_copy(message);
	if (!job->message)
		return -ENOMEM;

	return sb_store_submit(store, SB_STEAL(job));
}

/**
 * sb_store_insert_shared() - store several messages whose payload is one: all of them or none
 * @store: the store
 * @message: what they have in common, copied; its ticket and topic do not matter
 * @shares: their tickets, links and topics
 * @n: how many; at least 1
 * @done: called with 0 when all are on disk; -ENOSPC, -EROFS, …, and none is
 * @userdata: for @done
 *
 * The payload is on disk once, and goes with the last of them that needs it.
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_insert_shared(struct sb_store *store, const struct sb_message *message,
			   const struct sb_share *shares, size_t n, sb_store_done_fn *done,
			   void *userdata)
{
	SB_CLEANUP(sb_store_job_free)
	struct sb_store_job *job = sb_store_job_new(&sb_job_insert_shared, NULL, userdata);

	assert(!message->in_memory && message->requeues == 0 && n > 0);
	if (!job)
		return -ENOMEM;
	job->done = done;
	job->message = sb_message_copy(message);
	if (!job->message || copy_shares(job, shares, n) < 0)
		return -ENOMEM;

	return sb_store_submit(store, SB_STEAL(job));
}

/**
 * sb_store_move() - a message that waits is another link's from now on
 * @store: the store
 * @where: its ticket; the other link, and its topic there
 * @done: called with 0 when that is on disk; -ENOENT when no such message waits, -ENOSPC, …, and it is where
 *	it was
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_move(struct sb_store *store, const struct sb_share *where, sb_store_done_fn *done,
		  void *userdata)
{
	SB_CLEANUP(sb_store_job_free)
	struct sb_store_job *job = sb_store_job_new(&sb_job_move, NULL, userdata);

	if (!job)
		return -ENOMEM;
	job->done = done;
	if (copy_shares(job, where, 1) < 0)
		return -ENOMEM;

	return sb_store_submit(store, SB_STEAL(job));
}

/**
 * sb_store_fetch() - read what waits for a link at a priority, oldest first
 * @store: the store
 * @link: its name, copied
 * @priority: of the messages
 * @after_ticket: only tickets above it
 * @max_messages: so many at most
 * @max_bytes: so many at most, but one message at least if there is one
 * @done: called with what waited when all jobs handed over before were done; what it leaves in the
 *	list is freed
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_fetch(struct sb_store *store, const char *link, enum sb_priority priority,
		   uint64_t after_ticket, size_t max_messages, size_t max_bytes,
		   sb_store_fetched_fn *done, void *userdata)
{
	SB_CLEANUP(sb_store_job_free)
	struct sb_store_job *job = sb_store_job_new(&sb_job_fetch, link, userdata);

	if (!job)
		return -ENOMEM;
	job->fetched = done;
	job->fetch = (struct sb_fetch){
		.link = job->link,
		.priority = priority,
		.after_ticket = after_ticket,
		.max_messages = max_messages,
		.max_bytes = max_bytes,
	};

	return sb_store_submit(store, SB_STEAL(job));
}

/**
 * sb_store_settle() - a message has ended
 * @store: the store
 * @settlement: how, copied; the outcome is that of the cause. What was not delivered is counted as a
 *	loss in the same transaction; what was rejected becomes a dead letter
 * @patient: that may wait for the commit interval
 * @done: called with 0 when that is on disk; -ENOENT when no such message waits, -ENOSPC, …
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_settle(struct sb_store *store, const struct sb_settlement *settlement, bool patient,
		    sb_store_done_fn *done, void *userdata)
{
	SB_CLEANUP(sb_store_job_free)
	struct sb_store_job *job = sb_store_job_new(&sb_job_settle, NULL, userdata);

	assert(settlement->outcome == sb_cause_outcome(settlement->cause));
	if (!job)
		return -ENOMEM;
	job->done = done;
	job->base.patient = patient;
	job->settlement = *settlement;
	if (copy_text(settlement->code, &job->code) < 0 ||
	    copy_text(settlement->reason, &job->reason) < 0)
		return -ENOMEM;
	job->settlement.code = job->code;
	job->settlement.reason = job->reason;

	return sb_store_submit(store, SB_STEAL(job));
}

/**
 * sb_store_search() - look for messages
 * @store: the store
 * @search: for which, copied; its link and topic may be NULL where its kind allows or ignores that
 * @done: called with what was found when all jobs handed over before were done
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_search(struct sb_store *store, const struct sb_search *search,
		    sb_store_records_fn *done, void *userdata)
{
	SB_CLEANUP(sb_store_job_free)
	struct sb_store_job *job = sb_store_job_new(&sb_job_search, search->link, userdata);

	assert(search->most > 0);
	if (!job)
		return -ENOMEM;
	job->searched = done;
	job->search = *search;
	if (search->topic && copy_text(search->topic, &job->topic) < 0)
		return -ENOMEM;
	job->search.link = job->link;
	job->search.topic = job->topic;

	return sb_store_submit(store, SB_STEAL(job));
}

/* Hand over a job that is about a ticket, and no more. */
static int submit_ticket(struct sb_store *store, const struct sb_job_kind *kind, uint64_t ticket,
			 sb_store_done_fn *done, void *userdata)
{
	struct sb_store_job *job = sb_store_job_new(kind, NULL, userdata);

	if (!job)
		return -ENOMEM;
	job->done = done;
	job->ticket = ticket;

	return sb_store_submit(store, job);
}

/**
 * sb_store_discard() - throw a dead letter away; what became of the ticket is still known
 * @store: the store
 * @ticket: of the letter
 * @done: called with 0 when that is on disk; -ENOENT when there is none, -ENOSPC, …
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_discard(struct sb_store *store, uint64_t ticket, sb_store_done_fn *done,
		     void *userdata)
{
	return submit_ticket(store, &sb_job_discard, ticket, done, userdata);
}

/**
 * sb_store_count_loss() - count messages that were lost without ever having been on disk
 * @store: the store
 * @loss: of which link and owner, why, and how many; copied
 * @done: called with 0 when that is on disk, or a negative errno; may be NULL
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_count_loss(struct sb_store *store, const struct sb_loss *loss, sb_store_done_fn *done,
			void *userdata)
{
	struct sb_store_job *job = sb_store_job_new(&sb_job_count_loss, loss->link, userdata);

	assert(loss->cause != SB_CAUSE_DELIVERED);
	if (!job)
		return -ENOMEM;
	job->done = done;
	job->base.patient = true;
	job->loss = *loss;
	job->loss.link = job->link;

	return sb_store_submit(store, job);
}

/**
 * sb_store_losses() - all that was ever lost
 * @store: the store
 * @done: called with the losses by link, owner and cause, in this order
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_losses(struct sb_store *store, sb_store_losses_fn *done, void *userdata)
{
	struct sb_store_job *job = sb_store_job_new(&sb_job_losses, NULL, userdata);

	if (!job)
		return -ENOMEM;
	job->listed = done;

	return sb_store_submit(store, job);
}

/**
 * sb_store_reserve() - numbering goes on above a ticket, even if no message of that number is stored
 * @store: the store
 * @ticket: the highest that may be given out; less than what was reserved before changes nothing
 * @done: called with 0 when that is on disk, or a negative errno
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_reserve(struct sb_store *store, uint64_t ticket, sb_store_done_fn *done,
		     void *userdata)
{
	return submit_ticket(store, &sb_job_reserve, ticket, done, userdata);
}

/**
 * sb_store_release() - what was reserved above a ticket will not be used
 * @store: the store
 * @ticket: the highest that was given out
 *
 * Return: 0, or -ENOMEM.
 */
int sb_store_release(struct sb_store *store, uint64_t ticket)
{
	return submit_ticket(store, &sb_job_release, ticket, NULL, NULL);
}

/**
 * sb_store_put_boot() - note a boot, or what is new of it
 * @store: the store
 * @boot: copied; replaces the one of its number. sb_store_boots() does not show it
 * @done: called with 0 when that is on disk, or a negative errno; may be NULL
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_put_boot(struct sb_store *store, const struct sb_boot *boot, sb_store_done_fn *done,
		      void *userdata)
{
	struct sb_store_job *job = sb_store_job_new(&sb_job_put_boot, NULL, userdata);

	if (!job)
		return -ENOMEM;
	job->done = done;
	job->boot = *boot;

	return sb_store_submit(store, job);
}

/**
 * sb_store_ping() - give the disk's thread something to be done with
 * @store: the store; see sb_store_jobs_done()
 *
 * Nothing is read or written for it, nor does what may wait for the commit interval go with it.
 *
 * Return: 0, or -ENOMEM.
 */
int sb_store_ping(struct sb_store *store)
{
	struct sb_store_job *job = sb_store_job_new(&sb_job_ping, NULL, NULL);

	if (!job)
		return -ENOMEM;
	job->base.aside = true;

	return sb_store_submit(store, job);
}
