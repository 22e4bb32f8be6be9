/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, closing, and what is known without asking the disk. For the other jobs of the loop see
 * daemon/store-submit.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/store-damage.h"
#include "daemon/store-private.h"

SB_DEFINE_CLEANUP(struct sb_store_job *, sb_store_job_free)
SB_DEFINE_CLEANUP(struct sb_store *, sb_store_close)

static int value_on_row(void *userdata, const char *link, const char *key, const void *data,
			size_t len)
{
	struct sb_store *store = userdata;

	return sb_store_memory_put(&store->memory, link, key, data, len);
}

/* Read what is known from then on without asking. */
static int read_all(struct sb_store *store, bool marked)
{
	int r = marked ? sb_db_mend(store->db) : 0;

	if (r == 0)
		r = sb_db_tidy_boots(store->db);
	if (r == 0)
		r = sb_db_boots(store->db, &store->boots);
	if (r == 0)
		r = sb_db_backlogs(store->db, &store->backlogs);
	if (r == 0)
		r = sb_db_inboxes(store->db, &store->inboxes);
	if (r == 0)
		r = sb_db_each_value(store->db, value_on_row, store);

	return r;
}

/* @marked: to be checked first */
static int load(struct sb_store *store, const char *directory,
		const struct sb_store_options *options, bool marked)
{
	const struct sb_fields fields = { .path = directory };
	int r;

	r = sb_db_open(directory, options, &store->db);
	if (r < 0)
		return r;
	r = read_all(store, marked);
	if (r == 0 && marked)
		sb_log_event(SB_EVENT_STORE_MENDED, &fields,
			     "the store in %s was mended as far as it needed that: it is sound",
			     directory);
	else if (r < 0 && r != -EBADMSG)
		sb_log_event(SB_EVENT_STORE_UNUSABLE, &fields, "the store in %s cannot be read: %s",
			     directory, strerror(-r));

	return r;
}

static void unload(struct sb_store *store)
{
	store->db = sb_db_close(store->db);
	sb_backlogs_clear(&store->backlogs);
	sb_boots_clear(&store->boots);
	sb_inbox_records_clear(&store->inboxes);
	sb_store_memory_done(&store->memory);
}

/* A disk that failed for a moment looks like damage: look again before a good database is given up. */
static int load_again(struct sb_store *store, const char *directory,
		      const struct sb_store_options *options, bool marked)
{
	int r;

	unload(store);
	r = sb_store_damage_check_disk(directory);

	return r < 0 ? r : load(store, directory, options, marked);
}

static int begin_anew(struct sb_store *store, const char *directory,
		      const struct sb_store_options *options)
{
	int r;

	unload(store);
	r = sb_store_damage_move_aside(directory);

	return r < 0 ? r : load(store, directory, options, false);
}

/* What was marked as damaged is sound, or has been moved aside, be it in a start before this one. */
static int clear_mark(struct sb_store *store, const char *directory)
{
	int r = 0;

	if (!sb_store_damage_marked(directory))
		return 0;
	if (sb_db_last_ticket(store->db) == 0)
		r = sb_db_count_from(store->db, sb_wall_clock_ms());
	if (r == 0)
		sb_store_damage_unmark(directory);

	return r;
}

/**
 * sb_store_open() - open the store and start its thread
 * @loop: where completions run; outlives the store
 * @directory: the state directory; made if only its last part is missing
 * @options: how it is kept, copied
 * @ret: the store, the caller's
 *
 * A damaged database is moved aside and a new one begun. Whatever a person should know or do has
 * been logged. This reads the disk and blocks. When damage shows later, the loop ends with EXIT_FAILURE,
 * and the next opening finds out what it is.
 *
 * Return: 0; -EPROTO when the database is a newer skybusd's or another program's; -EBUSY when another
 * process has it; or another negative errno.
 */
int sb_store_open(struct sb_loop *loop, const char *directory,
		  const struct sb_store_options *options, struct sb_store **ret)
{
	SB_CLEANUP(sb_store_close) struct sb_store *store = calloc(1, sizeof(*store));
	bool marked = sb_store_damage_marked(directory);
	int r;

	if (!store)
		return -ENOMEM;
	store->loop = loop;

	r = load(store, directory, options, marked);
	if (r == -EBADMSG)
		r = load_again(store, directory, options, marked);
	if (r == -EBADMSG)
		r = begin_anew(store, directory, options);
	if (r == 0)
		r = clear_mark(store, directory);
	if (r < 0)
		return r;
	store->last_ticket = sb_db_last_ticket(store->db);
	store->last_message = sb_db_last_message(store->db);
	r = sb_store_thread_new(loop, store->db, sb_store_job_free_base,
				options->commit_interval_s * SB_USEC_PER_SEC, &store->thread);
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
	unload(store);
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
 * sb_store_jobs_done() - how many jobs the disk's thread is done with
 * @store: the store
 *
 * Return: a number that grows while it gets anything done; whether they have completed does not matter.
 */
uint64_t sb_store_jobs_done(struct sb_store *store)
{
	return sb_store_thread_jobs_done(store->thread);
}

/**
 * sb_store_report() - how the disk is
 * @store: the store
 * @ret: filled
 */
void sb_store_report(struct sb_store *store, struct sb_store_report *ret)
{
	sb_store_thread_report(store->thread, ret);
}

/**
 * sb_store_bytes() - what the database takes on disk
 * @store: the store
 *
 * Return: bytes, after the last commit; known without asking the disk.
 */
uint64_t sb_store_bytes(struct sb_store *store)
{
	return sb_store_thread_bytes(store->thread);
}

/**
 * sb_store_last_ticket() - where numbering goes on
 * @store: the store
 *
 * Return: the highest ticket that was on disk, or reserved, when the store was opened; 0 for none.
 */
uint64_t sb_store_last_ticket(const struct sb_store *store)
{
	return store->last_ticket;
}

/**
 * sb_store_boots() - the boots that anything belongs to, and the newest
 * @store: the store
 * @ret_n: how many
 *
 * Return: as they were when the store was opened, ascending by number; lent until it is closed.
 */
const struct sb_boot *sb_store_boots(const struct sb_store *store, size_t *ret_n)
{
	*ret_n = store->boots.n;

	return store->boots.items;
}

/**
 * sb_store_each_backlog() - what waited when the store was opened
 * @store: the store
 * @each: called for each link, priority and owner that something waited for
 * @userdata: for @each
 */
void sb_store_each_backlog(struct sb_store *store, sb_store_backlog_fn *each, void *userdata)
{
	for (size_t i = 0; i < store->backlogs.n; i++)
		each(userdata, &store->backlogs.items[i]);
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
	SB_CLEANUP(sb_store_job_free) struct sb_store_job *job = NULL;
	int r;

	if (key[0] == '\0' || strlen(key) > SB_MEMORY_KEY_MAX)
		return -EINVAL;
	if (len > SB_MEMORY_VALUE_MAX)
		return -EMSGSIZE;

	job = sb_store_job_new(&sb_job_put, link, userdata);
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

	return sb_store_submit(store, SB_STEAL(job));
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
	SB_CLEANUP(sb_store_job_free)
	struct sb_store_job *job = sb_store_job_new(&sb_job_remove, link, userdata);

	if (!job)
		return -ENOMEM;
	job->done = done;
	job->key = strdup(key);
	if (!job->key)
		return -ENOMEM;
	sb_store_memory_remove(&store->memory, link, key);

	return sb_store_submit(store, SB_STEAL(job));
}
