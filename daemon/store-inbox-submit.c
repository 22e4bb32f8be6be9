/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs about inboxes: what they run on the thread, how they complete on the loop, and how they are
 * handed over. What they do is in daemon/store-inbox.c.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/store-private.h"

SB_DEFINE_CLEANUP(struct sb_store_job *, sb_store_job_free)

/* ---- on the thread, and back ---- */

static struct sb_store_job *job_of(struct sb_job *base)
{
	return sb_container_of(base, struct sb_store_job, base);
}

static int run_put(struct sb_db *db, struct sb_job *base)
{
	return sb_db_put_inbox(db, &job_of(base)->inbox.record);
}

static int run_forget(struct sb_db *db, struct sb_job *base)
{
	struct sb_job_inbox *inbox = &job_of(base)->inbox;

	return sb_db_forget_inbox(db, &inbox->record, &inbox->content);
}

static int run_add(struct sb_db *db, struct sb_job *base)
{
	struct sb_job_inbox *inbox = &job_of(base)->inbox;

	return sb_db_inbox_add(db, &inbox->entry, &inbox->dropped);
}

static int run_fetch(struct sb_db *db, struct sb_job *base)
{
	struct sb_job_inbox *inbox = &job_of(base)->inbox;

	sb_inbox_message_list_clear(&inbox->fetched);

	return sb_db_inbox_fetch(db, &inbox->fetch, &inbox->fetched, &inbox->more);
}

static int run_take(struct sb_db *db, struct sb_job *base)
{
	struct sb_store_job *job = job_of(base);

	return sb_db_inbox_take(db, job->inbox.record.id, job->inbox.message, &job->inbox.content);
}

static int run_lose(struct sb_db *db, struct sb_job *base)
{
	struct sb_store_job *job = job_of(base);

	return sb_db_inbox_lose(db, job->inbox.record.id, &job->loss);
}

static void complete(struct sb_job *base)
{
	const struct sb_store_job *job = job_of(base);

	if (job->done)
		job->done(job->userdata, base->error);
}

static void complete_add(struct sb_job *base)
{
	struct sb_store_job *job = job_of(base);

	job->added(job->userdata, base->error, &job->inbox.entry.message, &job->inbox.dropped);
}

static void complete_fetch(struct sb_job *base)
{
	struct sb_store_job *job = job_of(base);

	job->inbox_fetched(job->userdata, base->error, &job->inbox.fetched, job->inbox.more);
}

static void complete_taken(struct sb_job *base)
{
	const struct sb_store_job *job = job_of(base);

	job->taken(job->userdata, base->error, &job->inbox.content);
}

static const struct sb_job_kind job_put = { true, run_put, complete, NULL };
static const struct sb_job_kind job_forget = { true, run_forget, complete_taken, NULL };
static const struct sb_job_kind job_add = { true, run_add, complete_add, NULL };
static const struct sb_job_kind job_fetch = { false, run_fetch, complete_fetch, NULL };
static const struct sb_job_kind job_take = { true, run_take, complete_taken, NULL };
static const struct sb_job_kind job_lose = { true, run_lose, complete, NULL };

/* ---- on the loop ---- */

/**
 * sb_store_last_message() - where the numbering of messages goes on
 * @store: the store
 *
 * Return: a number that no message that was ever in an inbox exceeds; 0 for none.
 */
uint64_t sb_store_last_message(const struct sb_store *store)
{
	return store->last_message;
}

/**
 * sb_store_each_inbox() - the inboxes that there were when the store was opened
 * @store: the store
 * @each: called for each
 * @userdata: for @each
 */
void sb_store_each_inbox(struct sb_store *store, sb_store_inbox_fn *each, void *userdata)
{
	for (size_t i = 0; i < store->inboxes.n; i++)
		each(userdata, &store->inboxes.items[i]);
}

static struct sb_store_job *job_of_record(const struct sb_job_kind *kind,
					  const struct sb_inbox_record *record, void *userdata)
{
	SB_CLEANUP(sb_store_job_free)
	struct sb_store_job *job = sb_store_job_new(kind, record->link, userdata);

	if (!job)
		return NULL;
	job->key = strdup(record->name);
	job->topic = strdup(record->filter);
	if (!job->key || !job->topic)
		return NULL;
	job->inbox.record = *record;
	job->inbox.record.link = job->link;
	job->inbox.record.name = job->key;
	job->inbox.record.filter = job->topic;

	return SB_STEAL(job);
}

/**
 * sb_store_put_inbox() - make an inbox, or change what it gathers
 * @store: the store
 * @record: copied; of one that is there, filter, origins and answers are taken
 * @done: called with 0 when that is on disk, or a negative errno
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_put_inbox(struct sb_store *store, const struct sb_inbox_record *record,
		       sb_store_done_fn *done, void *userdata)
{
	struct sb_store_job *job = job_of_record(&job_put, record, userdata);

	if (!job)
		return -ENOMEM;
	job->done = done;

	return sb_store_submit(store, job);
}

/**
 * sb_store_forget_inbox() - remove an inbox; what waits in it goes, and is counted as a loss
 * @store: the store
 * @record: copied
 * @done: called with 0 and what has waited when that is on disk; -ENOENT when there is none, -ENOSPC, …
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_forget_inbox(struct sb_store *store, const struct sb_inbox_record *record,
			  sb_store_taken_fn *done, void *userdata)
{
	struct sb_store_job *job = job_of_record(&job_forget, record, userdata);

	if (!job)
		return -ENOMEM;
	job->taken = done;

	return sb_store_submit(store, job);
}

/**
 * sb_store_inbox_add() - put a message into an inbox
 * @store: the store
 * @entry: its message is the store's when this returns 0; what goes for it is counted as a loss in the
 *	same transaction
 * @done: called with 0 when it is on disk; -ENOENT when the inbox was forgotten, -ENOBUFS when too little
 *	could go, -ENOSPC, …
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_inbox_add(struct sb_store *store, const struct sb_inbox_entry *entry,
		       sb_store_added_fn *done, void *userdata)
{
	struct sb_store_job *job = sb_store_job_new(&job_add, entry->link, userdata);

	if (!job)
		return -ENOMEM;
	job->added = done;
	job->inbox.entry = *entry;
	job->inbox.entry.link = job->link;

	return sb_store_submit(store, job);
}

/**
 * sb_store_inbox_fetch() - read what waits in an inbox, by number
 * @store: the store
 * @fetch: of which, and how much; copied
 * @done: called with what waited when all jobs handed over before were done; what it leaves in the
 *	list is freed
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_inbox_fetch(struct sb_store *store, const struct sb_inbox_fetch *fetch,
			 sb_store_inbox_fetched_fn *done, void *userdata)
{
	struct sb_store_job *job = sb_store_job_new(&job_fetch, NULL, userdata);

	if (!job)
		return -ENOMEM;
	job->inbox_fetched = done;
	job->inbox.fetch = *fetch;

	return sb_store_submit(store, job);
}

/**
 * sb_store_inbox_take() - a message is done with, and leaves its inbox
 * @store: the store
 * @inbox: which
 * @message: its number
 * @done: called with 0 and what has left when that is on disk; -ENOENT when no such message waits there,
 *	-ENOSPC, …
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_inbox_take(struct sb_store *store, uint64_t inbox, uint64_t message,
			sb_store_taken_fn *done, void *userdata)
{
	struct sb_store_job *job = sb_store_job_new(&job_take, NULL, userdata);

	if (!job)
		return -ENOMEM;
	job->taken = done;
	job->inbox.record.id = inbox;
	job->inbox.message = message;

	return sb_store_submit(store, job);
}

/**
 * sb_store_inbox_lose() - count messages that an inbox could not keep
 * @store: the store
 * @inbox: which
 * @loss: of its link and owner, why, and how many; copied
 * @done: called with 0 when that is on disk, or a negative errno
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_inbox_lose(struct sb_store *store, uint64_t inbox, const struct sb_loss *loss,
			sb_store_done_fn *done, void *userdata)
{
	struct sb_store_job *job = sb_store_job_new(&job_lose, loss->link, userdata);

	if (!job)
		return -ENOMEM;
	job->done = done;
	job->inbox.record.id = inbox;
	job->loss = *loss;
	job->loss.link = job->link;

	return sb_store_submit(store, job);
}
