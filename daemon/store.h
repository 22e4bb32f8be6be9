/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The disk: one SQLite database, one thread.
 *
 * The loop hands jobs over and never waits. The thread takes whatever has gathered, runs it in one
 * transaction, and only when that is committed do the jobs come back to the loop, where their
 * completions run. So one fsync serves many callers, and a completion that says 0 means: on disk.
 * Jobs of one store run in the order in which they were handed over.
 *
 * SQLite appears in the daemon/store*.c files and nowhere else.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/loop.h"
#include "daemon/message.h"

/* Bounds of what one link may remember. */
#define SB_MEMORY_KEY_MAX 64
#define SB_MEMORY_VALUE_MAX 4096
#define SB_MEMORY_VALUES_MAX 64

struct sb_store;

/** How hard a commit is: with SB_SYNC_NORMAL the last moments before a power cut may be lost. */
enum sb_sync {
	SB_SYNC_FULL,
	SB_SYNC_NORMAL,
};

/** struct sb_settlement - the end of a message; text is lent */
struct sb_settlement {
	uint64_t ticket;
	enum sb_outcome outcome;
	const char *code; /* the cloud's CoAP code, "2.04"; "" if none */
	const char *reason; /* a sentence; "" when delivered */
};

/** struct sb_backlog - what of one link waited on disk when the store was opened */
struct sb_backlog {
	uint64_t messages;
	uint64_t bytes;
};

/** What waited for one link; everything is lent. */
typedef void sb_store_backlog_fn(void *userdata, const char *link,
				 const struct sb_backlog *backlog);

/** A job is done. @error: 0, or a negative errno and nothing was changed. */
typedef void sb_store_done_fn(void *userdata, int error);

/** Messages were read, oldest first; the callee takes them, or leaves them to be freed. */
typedef void sb_store_fetched_fn(void *userdata, int error, struct sb_message_list *messages);

/** A ticket was looked up: -ENOENT when it is unknown. @settlement is lent. */
typedef void sb_store_lookup_fn(void *userdata, int error, const struct sb_settlement *settlement);

int sb_store_open(struct sb_loop *loop, const char *directory, enum sb_sync sync,
		  struct sb_store **ret);
struct sb_store *sb_store_close(struct sb_store *store);
void sb_store_drain(struct sb_store *store);

struct sb_loop *sb_store_loop(const struct sb_store *store);
uint64_t sb_store_commits(struct sb_store *store);
uint64_t sb_store_last_ticket(struct sb_store *store);
void sb_store_each_backlog(struct sb_store *store, sb_store_backlog_fn *each, void *userdata);
int sb_store_backlog(struct sb_store *store, const char *link, struct sb_backlog *ret);
const uint8_t *sb_store_value(struct sb_store *store, const char *link, const char *key,
			      size_t *ret_len);

int sb_store_insert(struct sb_store *store, const char *link, const struct sb_message *message,
		    sb_store_done_fn *done, void *userdata);
int sb_store_fetch(struct sb_store *store, const char *link, uint64_t after_ticket,
		   size_t max_messages, size_t max_bytes, sb_store_fetched_fn *done,
		   void *userdata);
int sb_store_settle(struct sb_store *store, const struct sb_settlement *settlement,
		    sb_store_done_fn *done, void *userdata);
int sb_store_lookup(struct sb_store *store, uint64_t ticket, sb_store_lookup_fn *done,
		    void *userdata);
int sb_store_put(struct sb_store *store, const char *link, const char *key, const void *data,
		 size_t len, sb_store_done_fn *done, void *userdata);
int sb_store_remove(struct sb_store *store, const char *link, const char *key,
		    sb_store_done_fn *done, void *userdata);
