/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The database, as the store's thread works with it: one function for each kind of job. A function
 * that fails has changed nothing; whether a change lasts is decided by the commit. One thread at a
 * time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/message.h"
#include "daemon/store-inbox.h"
#include "daemon/store.h"

struct sb_db;

/* What was read, with the text in it: zeroed at first, and for the …_clear() of its kind in the end. */

struct sb_backlogs {
	struct sb_backlog *items;
	size_t n;
};

struct sb_boots {
	struct sb_boot *items;
	size_t n;
};

struct sb_records {
	struct sb_record *items;
	size_t n;
};

struct sb_losses {
	struct sb_loss *items;
	size_t n;
};

struct sb_inbox_records {
	struct sb_inbox_record *items;
	size_t n;
};

void sb_backlogs_clear(struct sb_backlogs *backlogs);
void sb_boots_clear(struct sb_boots *boots);
void sb_records_clear(struct sb_records *records);
void sb_losses_clear(struct sb_losses *losses);
void sb_inbox_records_clear(struct sb_inbox_records *records);

/** struct sb_fetch - what to read of what waits: the parameters of sb_store_fetch() */
struct sb_fetch {
	const char *link;
	enum sb_priority priority;
	uint64_t after_ticket;
	size_t max_messages;
	size_t max_bytes;
};

/** One value of a link's memory; lent. */
typedef int sb_db_value_fn(void *userdata, const char *link, const char *key, const void *data,
			   size_t len);

int sb_db_open(const char *directory, const struct sb_store_options *options, struct sb_db **ret);
const char *sb_db_directory(const struct sb_db *db);
uint64_t sb_db_bytes(const struct sb_db *db);
struct sb_db *sb_db_close(struct sb_db *db);

int sb_db_mend(struct sb_db *db);
bool sb_db_given_up(struct sb_db *db);
uint64_t sb_db_last_ticket(const struct sb_db *db);
int sb_db_count_from(struct sb_db *db, int64_t wall_ms);
int sb_db_backlogs(struct sb_db *db, struct sb_backlogs *backlogs);
int sb_db_each_value(struct sb_db *db, sb_db_value_fn *each, void *userdata);
int sb_db_tidy_boots(struct sb_db *db);
int sb_db_boots(struct sb_db *db, struct sb_boots *boots);

int sb_db_begin(struct sb_db *db);
int sb_db_commit(struct sb_db *db);
void sb_db_rollback(struct sb_db *db);
bool sb_db_in_transaction(struct sb_db *db);
void sb_db_trim(struct sb_db *db);
void sb_db_make_room(struct sb_db *db);

int sb_db_insert(struct sb_db *db, const char *link, const struct sb_message *message);
int sb_db_insert_shared(struct sb_db *db, const struct sb_message *message,
			const struct sb_share *shares, size_t n);
int sb_db_move(struct sb_db *db, const struct sb_share *where);
int sb_db_fetch(struct sb_db *db, const struct sb_fetch *fetch, struct sb_message_list *list);
int sb_db_settle(struct sb_db *db, const struct sb_settlement *settlement);
int sb_db_forget(struct sb_db *db, const struct sb_settlement *settlement);
int sb_db_discard(struct sb_db *db, uint64_t ticket);
int sb_db_search(struct sb_db *db, const struct sb_search *search, struct sb_records *records);
int sb_db_count_loss(struct sb_db *db, const struct sb_loss *loss);
int sb_db_losses(struct sb_db *db, struct sb_losses *losses);
int sb_db_reserve(struct sb_db *db, uint64_t ticket);
int sb_db_release(struct sb_db *db, uint64_t ticket);
int sb_db_inboxes(struct sb_db *db, struct sb_inbox_records *records);
int sb_db_put_inbox(struct sb_db *db, const struct sb_inbox_record *record);
int sb_db_forget_inbox(struct sb_db *db, const struct sb_inbox_record *record,
		       struct sb_inbox_content *ret_content);
int sb_db_inbox_add(struct sb_db *db, const struct sb_inbox_entry *entry,
		    struct sb_inbox_drop *ret_dropped);
int sb_db_inbox_fetch(struct sb_db *db, const struct sb_inbox_fetch *fetch,
		      struct sb_inbox_message_list *list, bool *ret_more);
int sb_db_inbox_take(struct sb_db *db, uint64_t inbox, uint64_t message,
		     struct sb_inbox_content *ret_content);
int sb_db_inbox_lose(struct sb_db *db, uint64_t inbox, const struct sb_loss *loss);
int sb_db_reserve_message(struct sb_db *db, uint64_t message);
uint64_t sb_db_last_message(const struct sb_db *db);
int sb_db_put_boot(struct sb_db *db, const struct sb_boot *boot);
int sb_db_put(struct sb_db *db, const char *link, const char *key, const void *data, size_t len);
int sb_db_remove(struct sb_db *db, const char *link, const char *key);
