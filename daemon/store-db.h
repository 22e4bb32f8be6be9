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
#include "daemon/store.h"

struct sb_db;

/** What of one link waits on disk. */
typedef int sb_db_backlog_fn(void *userdata, const char *link, const struct sb_backlog *backlog);

/** One value of a link's memory; lent. */
typedef int sb_db_value_fn(void *userdata, const char *link, const char *key, const void *data,
			   size_t len);

int sb_db_open(const char *directory, enum sb_sync sync, struct sb_db **ret);
struct sb_db *sb_db_close(struct sb_db *db);

uint64_t sb_db_last_ticket(const struct sb_db *db);
int sb_db_count_from_now(struct sb_db *db);
int sb_db_each_backlog(struct sb_db *db, sb_db_backlog_fn *each, void *userdata);
int sb_db_each_value(struct sb_db *db, sb_db_value_fn *each, void *userdata);

int sb_db_begin(struct sb_db *db);
int sb_db_commit(struct sb_db *db);
void sb_db_rollback(struct sb_db *db);
bool sb_db_in_transaction(struct sb_db *db);
void sb_db_trim(struct sb_db *db);
void sb_db_make_room(struct sb_db *db);

int sb_db_insert(struct sb_db *db, const char *link, const struct sb_message *message);
int sb_db_fetch(struct sb_db *db, const char *link, uint64_t after_ticket, size_t max_messages,
		size_t max_bytes, struct sb_message_list *list);
int sb_db_settle(struct sb_db *db, const struct sb_settlement *settlement);
int sb_db_lookup(struct sb_db *db, uint64_t ticket, enum sb_outcome *ret_outcome, char **ret_code,
		 char **ret_reason);
int sb_db_put(struct sb_db *db, const char *link, const char *key, const void *data, size_t len);
int sb_db_remove(struct sb_db *db, const char *link, const char *key);
