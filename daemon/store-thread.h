/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store's thread: takes the jobs that have gathered, runs them in one transaction, and hands them
 * back to the loop. It knows nothing of what a job does.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/loop.h"
#include "daemon/store-db.h"

struct sb_store_report;
struct sb_store_thread;
struct sb_job;

/**
 * struct sb_job_kind - what jobs of one kind do
 * @writes: whether it needs a transaction
 * @run: on the thread, more than once if a transaction came to nothing; returns 0, or a negative errno
 *	and nothing was changed
 * @complete: on the loop, when what @run did is on disk, or with job->error
 * @lesser: what a job becomes when there is no room for what it does; NULL for nothing, and it fails
 */
struct sb_job_kind {
	bool writes;
	int (*run)(struct sb_db *db, struct sb_job *job);
	void (*complete)(struct sb_job *job);
	const struct sb_job_kind *lesser;
};

/**
 * struct sb_job - one job, embedded in what it needs; freed by the thread's owner's @free
 * @patient: nobody needs it at once
 * @aside: neither reads nor writes, so it has no place in the order, and takes no patient ones along
 */
struct sb_job {
	const struct sb_job_kind *kind;
	bool patient;
	bool aside;
	int error;
	TAILQ_ENTRY(sb_job) entry;
};

typedef void sb_job_free_fn(struct sb_job *job);

int sb_store_thread_new(struct sb_loop *loop, struct sb_db *db, sb_job_free_fn *free_job,
			uint64_t patience, struct sb_store_thread **ret);
struct sb_store_thread *sb_store_thread_free(struct sb_store_thread *thread);
void sb_store_thread_submit(struct sb_store_thread *thread, struct sb_job *job);
void sb_store_thread_drain(struct sb_store_thread *thread);
uint64_t sb_store_thread_commits(struct sb_store_thread *thread);
uint64_t sb_store_thread_jobs_done(struct sb_store_thread *thread);
void sb_store_thread_report(struct sb_store_thread *thread, struct sb_store_report *ret);
uint64_t sb_store_thread_bytes(struct sb_store_thread *thread);
