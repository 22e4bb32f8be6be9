/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: what the loop asks of the thread. A job owns copies of all it needs, so that whoever handed it
 * over may go. This file is the loop's side; what runs on the thread are the job_run_… functions, and
 * they touch nothing but their job and the database.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/store-db.h"
#include "daemon/store-file.h"
#include "daemon/store-memory.h"
#include "daemon/store-thread.h"
#include "daemon/store.h"

struct sb_store {
	struct sb_loop *loop;
	struct sb_db *db; /* the thread's while there is one */
	struct sb_store_thread *thread;
	struct sb_store_memory memory;
	uint64_t last_ticket;
};

/* One struct for all kinds: a few unused fields cost less than six destructors. */
struct job {
	struct sb_job base;
	union {
		sb_store_done_fn *done;
		sb_store_fetched_fn *fetched;
		sb_store_lookup_fn *found;
	};
	void *userdata;
	char *link;
	uint64_t ticket;
	struct sb_message *message; /* to insert */
	struct sb_message_list messages; /* fetched */
	size_t max_messages;
	size_t max_bytes;
	enum sb_outcome outcome; /* with @code and @reason: to settle, or looked up */
	char *code;
	char *reason;
	char *key; /* with @data: to put, or to remove */
	void *data;
	size_t len;
};

static struct job *job_free(struct job *job)
{
	if (!job)
		return NULL;

	if (job->data)
		explicit_bzero(job->data, job->len);
	free(job->data);
	free(job->key);
	free(job->reason);
	free(job->code);
	sb_message_list_clear(&job->messages);
	(void)sb_message_free(job->message);
	free(job->link);
	free(job);

	return NULL;
}

SB_DEFINE_CLEANUP(struct job *, job_free)
SB_DEFINE_CLEANUP(struct sb_store *, sb_store_close)

static struct job *job_of(struct sb_job *base)
{
	return sb_container_of(base, struct job, base);
}

static void job_free_base(struct sb_job *base)
{
	(void)job_free(job_of(base));
}

static int job_run_insert(struct sb_db *db, struct sb_job *base)
{
	return sb_db_insert(db, job_of(base)->link, job_of(base)->message);
}

static int job_run_fetch(struct sb_db *db, struct sb_job *base)
{
	struct job *job = job_of(base);

	sb_message_list_clear(&job->messages);

	return sb_db_fetch(db, job->link, job->ticket, job->max_messages, job->max_bytes,
			   &job->messages);
}

static int job_run_settle(struct sb_db *db, struct sb_job *base)
{
	const struct job *job = job_of(base);

	return sb_db_settle(db, &(struct sb_settlement){
					.ticket = job->ticket,
					.outcome = job->outcome,
					.code = job->code,
					.reason = job->reason,
				});
}

static int job_run_lookup(struct sb_db *db, struct sb_job *base)
{
	struct job *job = job_of(base);

	free(SB_STEAL(job->code));
	free(SB_STEAL(job->reason));

	return sb_db_lookup(db, job->ticket, &job->outcome, &job->code, &job->reason);
}

static int job_run_put(struct sb_db *db, struct sb_job *base)
{
	const struct job *job = job_of(base);

	return sb_db_put(db, job->link, job->key, job->data, job->len);
}

static int job_run_remove(struct sb_db *db, struct sb_job *base)
{
	return sb_db_remove(db, job_of(base)->link, job_of(base)->key);
}

static void job_complete(struct sb_job *base)
{
	const struct job *job = job_of(base);

	if (job->done)
		job->done(job->userdata, base->error);
}

static void job_complete_fetch(struct sb_job *base)
{
	struct job *job = job_of(base);

	job->fetched(job->userdata, base->error, &job->messages);
}

static void job_complete_lookup(struct sb_job *base)
{
	const struct job *job = job_of(base);
	struct sb_settlement settlement = {
		.ticket = job->ticket,
		.outcome = job->outcome,
		.code = job->code,
		.reason = job->reason,
	};

	job->found(job->userdata, base->error, base->error == 0 ? &settlement : NULL);
}

static const struct sb_job_kind insert_kind = { true, job_run_insert, job_complete };
static const struct sb_job_kind fetch_kind = { false, job_run_fetch, job_complete_fetch };
static const struct sb_job_kind settle_kind = { true, job_run_settle, job_complete };
static const struct sb_job_kind lookup_kind = { false, job_run_lookup, job_complete_lookup };
static const struct sb_job_kind put_kind = { true, job_run_put, job_complete };
static const struct sb_job_kind remove_kind = { true, job_run_remove, job_complete };

/* A job, for @link if that is not NULL. NULL without memory. */
static struct job *job_new(const struct sb_job_kind *kind, const char *link, void *userdata)
{
	SB_CLEANUP(job_free) struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->base.kind = kind;
	job->userdata = userdata;
	TAILQ_INIT(&job->messages);
	job->link = link ? strdup(link) : NULL;
	if (link && !job->link)
		return NULL;

	return SB_STEAL(job);
}

static int submit(struct sb_store *store, struct job *job)
{
	sb_store_thread_submit(store->thread, &job->base);

	return 0;
}

static struct sb_message *copy_message(const struct sb_message *message)
{
	struct sb_message *copy = sb_message_new(message->topic, message->payload,
						 message->payload_len, message->sender);

	if (!copy)
		return NULL;
	copy->ticket = message->ticket;
	copy->time_ms = message->time_ms;
	copy->content_format = message->content_format;

	return copy;
}

static int backlog_on_row(void *userdata, const char *link, const struct sb_backlog *backlog)
{
	struct sb_store *store = userdata;

	return sb_store_memory_set_backlog(&store->memory, link, backlog);
}

static int value_on_row(void *userdata, const char *link, const char *key, const void *data,
			size_t len)
{
	struct sb_store *store = userdata;

	return sb_store_memory_put(&store->memory, link, key, data, len);
}

/* Open the database and read what is known from it without asking. */
static int load(struct sb_store *store, const char *directory, enum sb_sync sync)
{
	int r;

	r = sb_db_open(directory, sync, &store->db);
	if (r < 0)
		return r;
	r = sb_db_each_backlog(store->db, backlog_on_row, store);
	if (r < 0)
		return r;

	return sb_db_each_value(store->db, value_on_row, store);
}

static int begin_anew(struct sb_store *store, const char *directory, enum sb_sync sync)
{
	int r;

	store->db = sb_db_close(store->db);
	sb_store_memory_done(&store->memory);
	r = sb_store_file_move_aside(directory);
	if (r < 0)
		return r;
	r = sb_db_open(directory, sync, &store->db);
	if (r < 0)
		return r;

	return sb_db_count_from_now(store->db);
}

/**
 * sb_store_open() - open the store and start its thread
 * @loop: where completions run; outlives the store
 * @directory: the state directory; made if only its last part is missing
 * @sync: how hard a commit is
 * @ret: the store, the caller's
 *
 * A damaged database is moved aside and a new one begun. Whatever a person should know or do has
 * been logged. This reads the disk and blocks.
 *
 * Return: 0; -EPROTO when the database is a newer skybusd's or another program's; -EBUSY when another
 * process has it; or another negative errno.
 */
int sb_store_open(struct sb_loop *loop, const char *directory, enum sb_sync sync,
		  struct sb_store **ret)
{
	SB_CLEANUP(sb_store_close) struct sb_store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->loop = loop;

	r = load(store, directory, sync);
	if (r == -EBADMSG)
		r = begin_anew(store, directory, sync);
	if (r < 0)
		return r;
	store->last_ticket = sb_db_last_ticket(store->db);
	r = sb_store_thread_new(loop, store->db, job_free_base, &store->thread);
	if (r < 0)
		return r;

	*ret = SB_STEAL(store);

	return 0;
}

/**
 * sb_store_close() - finish what was handed over, and close the store
 * @store: may be NULL or half-built
 *
 * What was handed over is committed, but nothing completes any more: completions' userdata may be
 * gone. Call sb_store_drain() before if somebody waits for them.
 *
 * Return: NULL.
 */
struct sb_store *sb_store_close(struct sb_store *store)
{
	if (!store)
		return NULL;

	(void)sb_store_thread_free(store->thread);
	(void)sb_db_close(store->db);
	sb_store_memory_done(&store->memory);
	free(store);

	return NULL;
}

/**
 * sb_store_drain() - wait until all that was handed over so far is done, and run its completions
 * @store: the store
 *
 * This blocks for as long as the disk does. What the completions hand over is not waited for.
 */
void sb_store_drain(struct sb_store *store)
{
	sb_store_thread_drain(store->thread);
}

/**
 * sb_store_loop() - where completions run
 * @store: the store
 *
 * Return: lent.
 */
struct sb_loop *sb_store_loop(const struct sb_store *store)
{
	return store->loop;
}

/**
 * sb_store_commits() - how many transactions were committed
 * @store: the store
 *
 * Return: a number that grows, by less than the number of jobs when there is much to do.
 */
uint64_t sb_store_commits(struct sb_store *store)
{
	return sb_store_thread_commits(store->thread);
}

/**
 * sb_store_last_ticket() - where numbering goes on
 * @store: the store
 *
 * Return: the highest ticket on disk when the store was opened; 0 when there was none.
 */
uint64_t sb_store_last_ticket(struct sb_store *store)
{
	return store->last_ticket;
}

/**
 * sb_store_backlog() - what waited for a link when the store was opened
 * @store: the store
 * @link: its name
 * @ret: zeros for a link that had nothing waiting
 *
 * Return: 0.
 */
int sb_store_backlog(struct sb_store *store, const char *link, struct sb_backlog *ret)
{
	sb_store_memory_backlog(&store->memory, link, ret);

	return 0;
}

/**
 * sb_store_each_backlog() - what waited for each link when the store was opened
 * @store: the store
 * @each: called for each link that something waited for
 * @userdata: for @each
 */
void sb_store_each_backlog(struct sb_store *store, sb_store_backlog_fn *each, void *userdata)
{
	sb_store_memory_each_backlog(&store->memory, each, userdata);
}

/**
 * sb_store_value() - what a link remembers under a key
 * @store: the store
 * @link: its name
 * @key: the value's name
 * @ret_len: bytes, set when there is one
 *
 * Return: the value as it was last put, whether or not that is on disk yet; lent until the next call for
 * this link; NULL when there is none.
 */
const uint8_t *sb_store_value(struct sb_store *store, const char *link, const char *key,
			      size_t *ret_len)
{
	return sb_store_memory_get(&store->memory, link, key, ret_len);
}

/**
 * sb_store_insert() - store a message
 * @store: the store
 * @link: whose it is, copied
 * @message: with its ticket, copied
 * @done: called with 0 when it is on disk; -ENOSPC, -EROFS, -EIO, -EBADMSG (damaged database), …
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_insert(struct sb_store *store, const char *link, const struct sb_message *message,
		    sb_store_done_fn *done, void *userdata)
{
	SB_CLEANUP(job_free) struct job *job = job_new(&insert_kind, link, userdata);

	if (!job)
		return -ENOMEM;
	job->done = done;
	job->message = copy_message(message);
	if (!job->message)
		return -ENOMEM;

	return submit(store, SB_STEAL(job));
}

/**
 * sb_store_fetch() - read what waits for a link, oldest first
 * @store: the store
 * @link: its name, copied
 * @after_ticket: only tickets above it
 * @max_messages: so many at most
 * @max_bytes: so many at most, but one message at least if there is one
 * @done: called with what waited when all jobs handed over before were done; what it leaves in the
 *	list is freed
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_fetch(struct sb_store *store, const char *link, uint64_t after_ticket,
		   size_t max_messages, size_t max_bytes, sb_store_fetched_fn *done, void *userdata)
{
	SB_CLEANUP(job_free) struct job *job = job_new(&fetch_kind, link, userdata);

	if (!job)
		return -ENOMEM;
	job->fetched = done;
	job->ticket = after_ticket;
	job->max_messages = max_messages;
	job->max_bytes = max_bytes;

	return submit(store, SB_STEAL(job));
}

/**
 * sb_store_settle() - a message has ended
 * @store: the store
 * @settlement: how; copied, and beyond SB_IN_FLIGHT
 * @done: called with 0 when that is on disk; -ENOENT when no such message waits, -ENOSPC, …
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_settle(struct sb_store *store, const struct sb_settlement *settlement,
		    sb_store_done_fn *done, void *userdata)
{
	SB_CLEANUP(job_free) struct job *job = job_new(&settle_kind, NULL, userdata);

	assert(settlement->outcome > SB_IN_FLIGHT && settlement->outcome < SB_N_OUTCOMES);
	if (!job)
		return -ENOMEM;
	job->done = done;
	job->ticket = settlement->ticket;
	job->outcome = settlement->outcome;
	job->code = strdup(settlement->code ? settlement->code : "");
	job->reason = strdup(settlement->reason ? settlement->reason : "");
	if (!job->code || !job->reason)
		return -ENOMEM;

	return submit(store, SB_STEAL(job));
}

/**
 * sb_store_lookup() - what became of a message
 * @store: the store
 * @ticket: of the message
 * @done: called with the settlement, whose outcome is SB_STORED while the message waits; -ENOENT
 *	when the ticket is unknown or was forgotten
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM and @done is not called.
 */
int sb_store_lookup(struct sb_store *store, uint64_t ticket, sb_store_lookup_fn *done,
		    void *userdata)
{
	SB_CLEANUP(job_free) struct job *job = job_new(&lookup_kind, NULL, userdata);

	if (!job)
		return -ENOMEM;
	job->found = done;
	job->ticket = ticket;

	return submit(store, SB_STEAL(job));
}

/**
 * sb_store_put() - let a link remember a value
 * @store: the store
 * @link: its name, copied
 * @key: the value's name, 1 to SB_MEMORY_KEY_MAX bytes, copied; a value of the same name is replaced
 * @data: @len bytes, copied; the copies are wiped in the end
 * @len: at most SB_MEMORY_VALUE_MAX
 * @done: called with 0 when the value is on disk, or a negative errno; may be NULL
 * @userdata: for @done
 *
 * sb_store_value() shows the value at once, also if it never reaches the disk.
 *
 * Return: 0; -EINVAL for the key, -EMSGSIZE for the value, -ENOSPC when the link remembers
 * SB_MEMORY_VALUES_MAX others, -ENOMEM: nothing has changed and @done is not called.
 */
int sb_store_put(struct sb_store *store, const char *link, const char *key, const void *data,
		 size_t len, sb_store_done_fn *done, void *userdata)
{
	SB_CLEANUP(job_free) struct job *job = NULL;
	int r;

	if (key[0] == '\0' || strlen(key) > SB_MEMORY_KEY_MAX)
		return -EINVAL;
	if (len > SB_MEMORY_VALUE_MAX)
		return -EMSGSIZE;

	job = job_new(&put_kind, link, userdata);
	if (!job)
		return -ENOMEM;
	job->done = done;
	job->key = strdup(key);
	job->data = malloc(len > 0 ? len : 1);
	if (!job->key || !job->data)
		return -ENOMEM;
	if (len > 0)
		memcpy(job->data, data, len);
	job->len = len;
	r = sb_store_memory_put(&store->memory, link, key, data, len);
	if (r < 0)
		return r;

	return submit(store, SB_STEAL(job));
}

/**
 * sb_store_remove() - let a link forget a value
 * @store: the store
 * @link: its name, copied
 * @key: the value's name, copied; one that is not there is forgotten already
 * @done: called with 0 when that is on disk, or a negative errno; may be NULL
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM: nothing has changed and @done is not called.
 */
int sb_store_remove(struct sb_store *store, const char *link, const char *key,
		    sb_store_done_fn *done, void *userdata)
{
	SB_CLEANUP(job_free) struct job *job = job_new(&remove_kind, link, userdata);

	if (!job)
		return -ENOMEM;
	job->done = done;
	job->key = strdup(key);
	if (!job->key)
		return -ENOMEM;
	sb_store_memory_remove(&store->memory, link, key);

	return submit(store, SB_STEAL(job));
}
