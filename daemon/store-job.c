/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs on the thread are the run_… functions, and they touch nothing but their job and the
 * database; a job may run more than once. The complete_… functions run on the loop.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/store-job.h"

SB_DEFINE_CLEANUP(struct sb_store_job *, sb_store_job_free)

static struct sb_store_job *job_of(struct sb_job *base)
{
	return sb_container_of(base, struct sb_store_job, base);
}

static int run_insert(struct sb_db *db, struct sb_job *base)
{
	return sb_db_insert(db, job_of(base)->link, job_of(base)->message);
}

static int run_insert_shared(struct sb_db *db, struct sb_job *base)
{
	const struct sb_store_job *job = job_of(base);

	return sb_db_insert_shared(db, job->message, job->shares, job->n_shares);
}

static int run_move(struct sb_db *db, struct sb_job *base)
{
	return sb_db_move(db, job_of(base)->shares);
}

static int run_fetch(struct sb_db *db, struct sb_job *base)
{
	struct sb_store_job *job = job_of(base);

	sb_message_list_clear(&job->messages);

	return sb_db_fetch(db, &job->fetch, &job->messages);
}

static int run_settle(struct sb_db *db, struct sb_job *base)
{
	return sb_db_settle(db, &job_of(base)->settlement);
}

static int run_forget(struct sb_db *db, struct sb_job *base)
{
	return sb_db_forget(db, &job_of(base)->settlement);
}

static int run_search(struct sb_db *db, struct sb_job *base)
{
	struct sb_store_job *job = job_of(base);

	sb_records_clear(&job->records);

	return sb_db_search(db, &job->search, &job->records);
}

static int run_discard(struct sb_db *db, struct sb_job *base)
{
	return sb_db_discard(db, job_of(base)->ticket);
}

static int run_count_loss(struct sb_db *db, struct sb_job *base)
{
	return sb_db_count_loss(db, &job_of(base)->loss);
}

static int run_losses(struct sb_db *db, struct sb_job *base)
{
	struct sb_store_job *job = job_of(base);

	sb_losses_clear(&job->losses);

	return sb_db_losses(db, &job->losses);
}

static int run_reserve(struct sb_db *db, struct sb_job *base)
{
	return sb_db_reserve(db, job_of(base)->ticket);
}

static int run_release(struct sb_db *db, struct sb_job *base)
{
	return sb_db_release(db, job_of(base)->ticket);
}

static int run_put_boot(struct sb_db *db, struct sb_job *base)
{
	return sb_db_put_boot(db, &job_of(base)->boot);
}

static int run_put(struct sb_db *db, struct sb_job *base)
{
	const struct sb_store_job *job = job_of(base);

	return sb_db_put(db, job->link, job->key, job->data, job->len);
}

static int run_remove(struct sb_db *db, struct sb_job *base)
{
	return sb_db_remove(db, job_of(base)->link, job_of(base)->key);
}

static void complete(struct sb_job *base)
{
	const struct sb_store_job *job = job_of(base);

	if (job->done)
		job->done(job->userdata, base->error);
}

static void complete_fetch(struct sb_job *base)
{
	struct sb_store_job *job = job_of(base);

	job->fetched(job->userdata, base->error, &job->messages);
}

static void complete_search(struct sb_job *base)
{
	const struct sb_store_job *job = job_of(base);

	job->searched(job->userdata, base->error, job->records.items, job->records.n);
}

static void complete_losses(struct sb_job *base)
{
	const struct sb_store_job *job = job_of(base);

	job->listed(job->userdata, base->error, job->losses.items, job->losses.n);
}

/* The disk's thread has come to it, and that was all. */
static int run_ping(struct sb_db *db, struct sb_job *base)
{
	(void)db;
	(void)base;

	return 0;
}

static const struct sb_job_kind job_forget = { true, run_forget, complete, NULL };

const struct sb_job_kind sb_job_insert = { true, run_insert, complete, NULL };
const struct sb_job_kind sb_job_insert_shared = { true, run_insert_shared, complete, NULL };
const struct sb_job_kind sb_job_move = { true, run_move, complete, NULL };
const struct sb_job_kind sb_job_fetch = { false, run_fetch, complete_fetch, NULL };
const struct sb_job_kind sb_job_settle = { true, run_settle, complete, &job_forget };
const struct sb_job_kind sb_job_search = { false, run_search, complete_search, NULL };
const struct sb_job_kind sb_job_discard = { true, run_discard, complete, NULL };
const struct sb_job_kind sb_job_count_loss = { true, run_count_loss, complete, NULL };
const struct sb_job_kind sb_job_losses = { false, run_losses, complete_losses, NULL };
const struct sb_job_kind sb_job_reserve = { true, run_reserve, complete, NULL };
const struct sb_job_kind sb_job_release = { true, run_release, complete, NULL };
const struct sb_job_kind sb_job_put_boot = { true, run_put_boot, complete, NULL };
const struct sb_job_kind sb_job_put = { true, run_put, complete, NULL };
const struct sb_job_kind sb_job_remove = { true, run_remove, complete, NULL };
const struct sb_job_kind sb_job_ping = { false, run_ping, complete, NULL };

/**
 * sb_store_job_new() - an empty job
 * @kind: what it does
 * @link: whose it is, copied; NULL for nobody's
 * @userdata: for its completion
 *
 * Return: the job, the caller's; NULL without memory.
 */
struct sb_store_job *sb_store_job_new(const struct sb_job_kind *kind, const char *link,
				      void *userdata)
{
	SB_CLEANUP(sb_store_job_free) struct sb_store_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->base.kind = kind;
	job->userdata = userdata;
	TAILQ_INIT(&job->messages);
	TAILQ_INIT(&job->inbox.fetched);
	job->link = link ? strdup(link) : NULL;
	if (link && !job->link)
		return NULL;

	return SB_STEAL(job);
}

static void shares_free(struct sb_share *shares, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free((char *)shares[i].link);
		free((char *)shares[i].topic);
	}
	free(shares);
}

/**
 * sb_store_job_free() - free a job
 * @job: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_store_job *sb_store_job_free(struct sb_store_job *job)
{
	if (!job)
		return NULL;

	if (job->data)
		explicit_bzero(job->data, job->len);
	free(job->data);
	free(job->key);
	sb_losses_clear(&job->losses);
	sb_records_clear(&job->records);
	free(job->topic);
	free(job->reason);
	free(job->code);
	sb_message_list_clear(&job->messages);
	shares_free(job->shares, job->n_shares);
	(void)sb_message_free(job->message);
	sb_inbox_message_list_clear(&job->inbox.fetched);
	(void)sb_inbox_message_free(job->inbox.entry.message);
	free(job->link);
	free(job);

	return NULL;
}

/**
 * sb_store_job_free_base() - free the job that embeds another
 * @base: of a struct sb_store_job
 */
void sb_store_job_free_base(struct sb_job *base)
{
	(void)sb_store_job_free(job_of(base));
}
