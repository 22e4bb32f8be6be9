/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The disk: one SQLite database, one thread.
 *
 * The loop hands jobs over and never waits. The thread takes whatever has gathered, runs it in one
 * transaction, and only when that is committed do the jobs come back to the loop, where their
 * completions run. So one fsync serves many callers, and a completion that says 0 means: on disk.
 * Jobs of one store run in the order in which they were handed over. With a commit interval, the ends of
 * messages and counts of losses wait for the commit of something else, so long at most.
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
struct sb_store_report;

/** How hard a commit is: with SB_SYNC_NORMAL the last moments before a power cut may be lost. */
enum sb_sync {
	SB_SYNC_FULL,
	SB_SYNC_NORMAL,
};

/** struct sb_store_options - how the store is kept */
struct sb_store_options {
	enum sb_sync sync;
	uint64_t
		commit_interval_s; /* what nobody needs at once may wait so long for another commit */
	uint64_t max_bytes; /* of the database; 0 for as much as the disk has */
	uint64_t tickets_kept; /* of messages that have ended, the newest */
	uint64_t tickets_kept_s; /* and none for longer than so many seconds; 0 for no such bound */
	uint64_t letters_kept; /* dead letters, the newest */
};

/** struct sb_settlement - the end of a message; text is lent */
struct sb_settlement {
	uint64_t ticket;
	enum sb_outcome outcome;
	enum sb_cause cause; /* counts once the message has ended */
	const char *code; /* the cloud's CoAP code, "2.04"; "" if none */
	const char *reason; /* a sentence; "" when delivered */
	int64_t at_ms; /* steady time, see daemon/clock.h */
};

/** struct sb_backlog - what waited on disk when the store was opened, of one link, priority and owner */
struct sb_backlog {
	const char *link;
	enum sb_priority priority;
	uint32_t owner;
	uint64_t messages;
	uint64_t bytes;
};

#define SB_BOOT_ID_MAX 40

/** struct sb_boot - one boot of this box, see daemon/clock.h */
struct sb_boot {
	uint32_t
		number; /* from 1 on; 0 is what was before boots were numbered: its moments are wall clock */
	char id[SB_BOOT_ID_MAX]; /* the kernel's */
	int64_t base_ms; /* steady time when it began */
	int64_t last_ms; /* the last moment that is known of it */
	int64_t offset_ms; /* a moment and this is the wall clock; 0 while that was never set */
	bool synchronised; /* the offset is right */
};

/** struct sb_record - a message as the store knows it; everything is lent */
struct sb_record {
	uint64_t ticket;
	const char *link;
	const char *topic;
	const uint8_t *payload; /* only of a letter that was asked for */
	size_t payload_len; /* always */
	uint32_t content_format;
	enum sb_priority priority;
	uint32_t owner;
	const char *sender; /* NULL for nobody, also when the daemon has been away since */
	struct sb_moment taken;
	uint32_t ttl_s; /* 0 for never */
	enum sb_outcome outcome; /* SB_STORED while it waits */
	const char *code;
	const char *reason;
	bool replaces;
	const char
		*route; /* what it was published under, if it was looked for as one that may move */
};

enum sb_search_kind {
	SB_SEARCH_TICKET, /* @ticket: one message, whether it waits or has ended */
	SB_SEARCH_OVERDUE, /* those that wait and whose time is over at @now_ms */
	SB_SEARCH_REPLACED, /* those of @link and @topic that wait and may be replaced, below @ticket */
	SB_SEARCH_LETTERS, /* dead letters above @ticket, of @link or (NULL) of all */
	SB_SEARCH_LETTER, /* @ticket: one dead letter, with its payload */
	SB_SEARCH_ROUTED, /* those of @link that wait and may move, above @ticket, with payload and route */
};

/** struct sb_search - what to look for; text is copied */
struct sb_search {
	enum sb_search_kind kind;
	uint64_t ticket;
	const char *link;
	const char *topic;
	int64_t now_ms; /* steady */
	size_t most; /* records; at least 1. With payloads there may be fewer, but one if there is any */
};

/** struct sb_share - one of several messages that have their payload in common; text is copied */
struct sb_share {
	uint64_t ticket;
	const char *link;
	const char *topic;
};

/** struct sb_loss - so many messages of a link and a user have ended like this, ever */
struct sb_loss {
	const char *link;
	uint32_t owner;
	enum sb_cause cause; /* never SB_CAUSE_DELIVERED */
	uint64_t messages;
};

/** Something that waited; lent. */
typedef void sb_store_backlog_fn(void *userdata, const struct sb_backlog *backlog);

/** A job is done. @error: 0, or a negative errno and nothing was changed. */
typedef void sb_store_done_fn(void *userdata, int error);

/** Messages were read, oldest first; the callee takes them, or leaves them to be freed. */
typedef void sb_store_fetched_fn(void *userdata, int error, struct sb_message_list *messages);

/** A search has ended: with as many as were found, oldest first, perhaps none. */
typedef void sb_store_records_fn(void *userdata, int error, const struct sb_record *records,
				 size_t n);

typedef void sb_store_losses_fn(void *userdata, int error, const struct sb_loss *losses, size_t n);

int sb_store_open(struct sb_loop *loop, const char *directory,
		  const struct sb_store_options *options, struct sb_store **ret);
struct sb_store *sb_store_close(struct sb_store *store);
void sb_store_drain(struct sb_store *store);

/* What was known when the store was opened, and what links remember. */

struct sb_loop *sb_store_loop(const struct sb_store *store);
uint64_t sb_store_commits(struct sb_store *store);
uint64_t sb_store_jobs_done(struct sb_store *store);
void sb_store_report(struct sb_store *store, struct sb_store_report *ret);
uint64_t sb_store_bytes(struct sb_store *store);
uint64_t sb_store_last_ticket(const struct sb_store *store);
const struct sb_boot *sb_store_boots(const struct sb_store *store, size_t *ret_n);
void sb_store_each_backlog(struct sb_store *store, sb_store_backlog_fn *each, void *userdata);
const uint8_t *sb_store_value(struct sb_store *store, const char *link, const char *key,
			      size_t *ret_len);

/* Jobs. */

int sb_store_insert(struct sb_store *store, const char *link, const struct sb_message *message,
		    sb_store_done_fn *done, void *userdata);
int sb_store_insert_shared(struct sb_store *store, const struct sb_message *message,
			   const struct sb_share *shares, size_t n, sb_store_done_fn *done,
			   void *userdata);
int sb_store_move(struct sb_store *store, const struct sb_share *where, sb_store_done_fn *done,
		  void *userdata);
int sb_store_fetch(struct sb_store *store, const char *link, enum sb_priority priority,
		   uint64_t after_ticket, size_t max_messages, size_t max_bytes,
		   sb_store_fetched_fn *done, void *userdata);
int sb_store_settle(struct sb_store *store, const struct sb_settlement *settlement, bool patient,
		    sb_store_done_fn *done, void *userdata);
int sb_store_search(struct sb_store *store, const struct sb_search *search,
		    sb_store_records_fn *done, void *userdata);
int sb_store_discard(struct sb_store *store, uint64_t ticket, sb_store_done_fn *done,
		     void *userdata);
int sb_store_count_loss(struct sb_store *store, const struct sb_loss *loss, sb_store_done_fn *done,
			void *userdata);
int sb_store_losses(struct sb_store *store, sb_store_losses_fn *done, void *userdata);
int sb_store_reserve(struct sb_store *store, uint64_t ticket, sb_store_done_fn *done,
		     void *userdata);
int sb_store_release(struct sb_store *store, uint64_t ticket);
int sb_store_put_boot(struct sb_store *store, const struct sb_boot *boot, sb_store_done_fn *done,
		      void *userdata);
int sb_store_put(struct sb_store *store, const char *link, const char *key, const void *data,
		 size_t len, sb_store_done_fn *done, void *userdata);
int sb_store_remove(struct sb_store *store, const char *link, const char *key,
		    sb_store_done_fn *done, void *userdata);
int sb_store_ping(struct sb_store *store);
