/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit needs no timer: while one commit waits for the disk, the next jobs gather. Only what is
 * patient may wait for other jobs, whose commit it then shares. It waits with the loop: any job that is not
 * patient takes it along, so the order stays, and the thread need not know of it. Only what stands aside
 * overtakes.
 *
 * A batch is one transaction. A job that fails undoes itself alone. When the transaction as a whole
 * fails, so do all its jobs that write; those that read are run again, for they may have seen what is
 * not there any more. Only when the disk is full is each job given a transaction of its own, and may do
 * with less if it can: then an end still gets in where a new message does not.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/store-health.h"
#include "daemon/store-thread.h"

/* Bounds the size of a transaction, and how long the first of its jobs waits for the last. */
#define BATCH_MAX 1024

TAILQ_HEAD(sb_job_list, sb_job);

struct sb_store_thread {
	struct sb_loop *loop;
	struct sb_db *db; /* the thread's alone while it runs */
	sb_job_free_fn *free_job;
	pthread_t thread;
	bool started;
	int wake_fd; /* an eventfd: there are finished jobs */
	struct sb_watch *watch;
	uint64_t patience; /* µs; 0: no job is patient */
	struct sb_timer patience_over; /* of the first that is held */
	struct sb_job_list held; /* the loop's: patient ones, not handed over yet */
	size_t n_held;
	struct sb_job_list completing; /* the loop's: finished, and taken over from @finished */
	struct sb_store_health health; /* the loop's */

	pthread_mutex_t mutex; /* for all that follows */
	pthread_cond_t work; /* there are waiting jobs, or it is to stop */
	pthread_cond_t progress; /* n_finished has grown */
	struct sb_job_list waiting;
	struct sb_job_list finished;
	uint64_t n_submitted;
	uint64_t n_finished;
	uint64_t n_commits;
	struct sb_store_speed speed; /* CLOCK_MONOTONIC: of transactions that change something */
	uint64_t bytes; /* of the database on disk */
	bool given_up; /* the database is damaged, and marked for the next opening */
	bool stop;
};

SB_DEFINE_CLEANUP(struct sb_store_thread *, sb_store_thread_free)

static uint64_t monotonic_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (uint64_t)now.tv_sec * SB_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static bool batch_writes(const struct sb_job_list *batch)
{
	const struct sb_job *job;

	TAILQ_FOREACH(job, batch, entry)
		if (job->kind->writes)
			return true;

	return false;
}

/* Run the jobs from @first to @last in one transaction. Return: 0, or why it is undone. */
static int run_in_transaction(struct sb_db *db, struct sb_job *first, const struct sb_job *last)
{
	int r;

	r = sb_db_begin(db);
	if (r < 0)
		return r;

	for (struct sb_job *job = first; job; job = TAILQ_NEXT(job, entry)) {
		job->error = job->kind->run(db, job);
		if (!sb_db_in_transaction(db))
			return job->error < 0 ? job->error : -EIO;
		if (job->error == -ENOSPC)
			return job->error;
		if (job == last)
			break;
	}

	return sb_db_commit(db);
}

/* Nothing else is in the way of a small change on a full disk than the large one beside it. */
static uint64_t run_one_by_one(struct sb_db *db, struct sb_job_list *batch)
{
	struct sb_job *job;
	uint64_t commits = 0;
	int r;

	TAILQ_FOREACH(job, batch, entry) {
		if (!job->kind->writes) {
			job->error = job->kind->run(db, job);
			continue;
		}
		r = run_in_transaction(db, job, job);
		if (r == -ENOSPC && job->kind->lesser) {
			sb_db_rollback(db);
			job->kind = job->kind->lesser;
			r = run_in_transaction(db, job, job);
		}
		if (r == 0) {
			commits++;
			continue;
		}
		sb_db_rollback(db);
		job->error = r;
	}

	return commits;
}

/* Return: how many transactions were committed. */
static uint64_t run_batch(struct sb_db *db, struct sb_job_list *batch)
{
	struct sb_job *job;
	int r = 0;

	if (batch_writes(batch)) {
		r = run_in_transaction(db, TAILQ_FIRST(batch), NULL);
		if (r == 0)
			return 1;
		sb_db_rollback(db);
		if (r == -ENOSPC) {
			sb_db_make_room(db);
			return run_one_by_one(db, batch);
		}
	}

	TAILQ_FOREACH(job, batch, entry)
		job->error = job->kind->writes ? r : job->kind->run(db, job);

	return 0;
}

/* Wait for jobs and take them. Return: how many; 0 when the thread is to stop. */
static uint64_t take_batch(struct sb_store_thread *thread, struct sb_job_list *batch)
{
	struct sb_job *job;
	uint64_t n = 0;

	(void)pthread_mutex_lock(&thread->mutex);
	while (TAILQ_EMPTY(&thread->waiting) && !thread->stop)
		(void)pthread_cond_wait(&thread->work, &thread->mutex);
	for (; n < BATCH_MAX && (job = TAILQ_FIRST(&thread->waiting)); n++) {
		TAILQ_REMOVE(&thread->waiting, job, entry);
		TAILQ_INSERT_TAIL(batch, job, entry);
	}
	if (batch_writes(batch))
		sb_store_speed_begin(&thread->speed, monotonic_now());
	(void)pthread_mutex_unlock(&thread->mutex);

	return n;
}

static void hand_back(struct sb_store_thread *thread, struct sb_job_list *batch, uint64_t n,
		      uint64_t commits)
{
	bool given_up = sb_db_given_up(thread->db);
	uint64_t bytes = commits > 0 ? sb_db_bytes(thread->db) : 0;
	bool wake;

	(void)pthread_mutex_lock(&thread->mutex);
	wake = TAILQ_EMPTY(&thread->finished);
	TAILQ_CONCAT(&thread->finished, batch, entry);
	thread->n_finished += n;
	thread->n_commits += commits;
	if (thread->speed.busy_since > 0)
		sb_store_speed_end(&thread->speed, monotonic_now());
	if (commits > 0)
		thread->bytes = bytes;
	thread->given_up = given_up;
	(void)pthread_cond_broadcast(&thread->progress);
	(void)pthread_mutex_unlock(&thread->mutex);

	if (wake)
		(void)eventfd_write(thread->wake_fd, 1);
}

static void *thread_main(void *userdata)
{
	struct sb_store_thread *thread = userdata;
	struct sb_job_list batch = TAILQ_HEAD_INITIALIZER(batch);
	uint64_t commits;
	uint64_t n;

	while ((n = take_batch(thread, &batch)) > 0) {
		commits = run_batch(thread->db, &batch);
		hand_back(thread, &batch, n, commits);
		sb_db_trim(thread->db);
	}

	return NULL;
}

/*
 * Jobs leave the list one by one, so a completion may drain the rest. A database that was given up can
 * be mended only while nobody has it open, so the process ends for the sake of its next start.
 */
static void complete_finished(struct sb_store_thread *thread)
{
	struct sb_job *job;
	bool given_up;

	(void)pthread_mutex_lock(&thread->mutex);
	TAILQ_CONCAT(&thread->completing, &thread->finished, entry);
	given_up = thread->given_up;
	(void)pthread_mutex_unlock(&thread->mutex);

	while ((job = TAILQ_FIRST(&thread->completing))) {
		TAILQ_REMOVE(&thread->completing, job, entry);
		sb_store_health_note(&thread->health, sb_loop_now(thread->loop), job->kind->writes,
				     job->error);
		job->kind->complete(job);
		thread->free_job(job);
	}
	if (given_up)
		sb_loop_exit(thread->loop, EXIT_FAILURE);
}

static void thread_on_wake(void *userdata, uint32_t events)
{
	struct sb_store_thread *thread = userdata;
	eventfd_t count;

	(void)events;
	(void)eventfd_read(thread->wake_fd, &count);
	complete_finished(thread);
}

static void hand_over(struct sb_store_thread *thread, struct sb_job_list *jobs, size_t n)
{
	(void)pthread_mutex_lock(&thread->mutex);
	TAILQ_CONCAT(&thread->waiting, jobs, entry);
	thread->n_submitted += n;
	(void)pthread_cond_signal(&thread->work);
	(void)pthread_mutex_unlock(&thread->mutex);
}

static void hand_over_held(struct sb_store_thread *thread)
{
	sb_timer_disarm(&thread->patience_over);
	hand_over(thread, &thread->held, thread->n_held);
	thread->n_held = 0;
}

static void thread_on_patience_over(struct sb_timer *timer)
{
	hand_over_held(sb_container_of(timer, struct sb_store_thread, patience_over));
}

/* Signals are for the loop's thread: all are blocked in this one, from its first moment. */
static int start(struct sb_store_thread *thread)
{
	sigset_t all;
	sigset_t before;
	int r;

	(void)sigfillset(&all);
	r = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r != 0)
		return -r;
	r = pthread_create(&thread->thread, NULL, thread_main, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return -r;
	(void)pthread_setname_np(thread->thread, "skybus-store");
	thread->started = true;

	return 0;
}

/**
 * sb_store_thread_new() - start the thread
 * @loop: where jobs complete; ends with EXIT_FAILURE when the database is damaged; outlives the thread
 * @db: the thread's until sb_store_thread_free() has returned
 * @free_job: called for each job in the end, on the loop's thread
 * @patience: how long a job that is patient may wait for others, µs by the loop's time; 0 for not at all
 * @ret: the thread, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_store_thread_new(struct sb_loop *loop, struct sb_db *db, sb_job_free_fn *free_job,
			uint64_t patience, struct sb_store_thread **ret)
{
	SB_CLEANUP(sb_store_thread_free)
	struct sb_store_thread *thread = calloc(1, sizeof(*thread));
	int r;

	if (!thread)
		return -ENOMEM;
	thread->loop = loop;
	thread->db = db;
	thread->bytes = sb_db_bytes(db);
	sb_store_health_init(&thread->health, sb_db_directory(db));
	thread->free_job = free_job;
	thread->patience = patience;
	sb_timer_init(&thread->patience_over, loop, thread_on_patience_over);
	TAILQ_INIT(&thread->held);
	TAILQ_INIT(&thread->completing);
	TAILQ_INIT(&thread->waiting);
	TAILQ_INIT(&thread->finished);
	(void)pthread_mutex_init(&thread->mutex, NULL);
	(void)pthread_cond_init(&thread->work, NULL);
	(void)pthread_cond_init(&thread->progress, NULL);

	thread->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (thread->wake_fd < 0)
		return -errno;
	r = sb_watch_new(loop, thread->wake_fd, EPOLLIN, thread_on_wake, thread, &thread->watch);
	if (r < 0)
		return r;
	r = start(thread);
	if (r < 0)
		return r;

	*ret = SB_STEAL(thread);

	return 0;
}

static void free_jobs(struct sb_store_thread *thread, struct sb_job_list *list)
{
	struct sb_job *job;

	while ((job = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, job, entry);
		thread->free_job(job);
	}
}

/**
 * sb_store_thread_free() - let the thread finish what it was given, and end it
 * @thread: may be NULL or half-built
 *
 * Jobs are run and committed, but do not complete any more.
 *
 * Return: NULL.
 */
struct sb_store_thread *sb_store_thread_free(struct sb_store_thread *thread)
{
	if (!thread)
		return NULL;

	if (thread->started) {
		hand_over_held(thread);
		(void)pthread_mutex_lock(&thread->mutex);
		thread->stop = true;
		(void)pthread_cond_signal(&thread->work);
		(void)pthread_mutex_unlock(&thread->mutex);
		(void)pthread_join(thread->thread, NULL);
	}
	(void)sb_watch_free(thread->watch);
	if (thread->wake_fd >= 0)
		(void)close(thread->wake_fd);
	free_jobs(thread, &thread->completing);
	free_jobs(thread, &thread->finished);
	(void)pthread_cond_destroy(&thread->progress);
	(void)pthread_cond_destroy(&thread->work);
	(void)pthread_mutex_destroy(&thread->mutex);
	free(thread);

	return NULL;
}

/**
 * sb_store_thread_submit() - hand a job over
 * @thread: the thread
 * @job: the thread's from now on; a patient one waits until its time is over, another one is not patient, or
 *	they fill a transaction
 */
void sb_store_thread_submit(struct sb_store_thread *thread, struct sb_job *job)
{
	struct sb_job_list alone = TAILQ_HEAD_INITIALIZER(alone);

	if (job->aside) {
		TAILQ_INSERT_TAIL(&alone, job, entry);
		hand_over(thread, &alone, 1);
		return;
	}
	TAILQ_INSERT_TAIL(&thread->held, job, entry);
	thread->n_held++;
	if (thread->patience == 0 || !job->patient || thread->n_held >= BATCH_MAX)
		hand_over_held(thread);
	else if (!sb_timer_armed(&thread->patience_over))
		sb_timer_arm(&thread->patience_over, thread->patience);
}

/**
 * sb_store_thread_drain() - wait until all jobs handed over so far are done, and complete them
 * @thread: the thread
 */
void sb_store_thread_drain(struct sb_store_thread *thread)
{
	uint64_t until;

	hand_over_held(thread);
	(void)pthread_mutex_lock(&thread->mutex);
	until = thread->n_submitted;
	while (thread->n_finished < until)
		(void)pthread_cond_wait(&thread->progress, &thread->mutex);
	(void)pthread_mutex_unlock(&thread->mutex);

	complete_finished(thread);
}

/**
 * sb_store_thread_commits() - how many transactions were committed
 * @thread: the thread
 *
 * Return: a number that grows.
 */
uint64_t sb_store_thread_commits(struct sb_store_thread *thread)
{
	uint64_t n;

	(void)pthread_mutex_lock(&thread->mutex);
	n = thread->n_commits;
	(void)pthread_mutex_unlock(&thread->mutex);

	return n;
}

/**
 * sb_store_thread_jobs_done() - how many jobs have been run
 * @thread: the thread
 *
 * Return: a number that grows.
 */
uint64_t sb_store_thread_jobs_done(struct sb_store_thread *thread)
{
	uint64_t n;

	(void)pthread_mutex_lock(&thread->mutex);
	n = thread->n_finished;
	(void)pthread_mutex_unlock(&thread->mutex);

	return n;
}

/**
 * sb_store_thread_report() - how the disk is
 * @thread: the thread
 * @ret: filled
 */
void sb_store_thread_report(struct sb_store_thread *thread, struct sb_store_report *ret)
{
	(void)pthread_mutex_lock(&thread->mutex);
	sb_store_speed_report(&thread->speed, monotonic_now(), ret);
	(void)pthread_mutex_unlock(&thread->mutex);
	sb_store_health_report(&thread->health, sb_loop_now(thread->loop), ret);
}

/**
 * sb_store_thread_bytes() - what the database takes on disk
 * @thread: the thread
 *
 * Return: bytes, after the last commit.
 */
uint64_t sb_store_thread_bytes(struct sb_store_thread *thread)
{
	uint64_t n;

	(void)pthread_mutex_lock(&thread->mutex);
	n = thread->bytes;
	(void)pthread_mutex_unlock(&thread->mutex);

	return n;
}
