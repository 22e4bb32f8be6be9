/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Jobs: what the loop asks of the store's thread. A job owns copies of all it needs, so that whoever
 * handed it over may go. daemon/store-submit.c fills most of them in.
 */
#include <stddef.h>
#include <stdint.h>

#include "daemon/store-db.h"
#include "daemon/store-thread.h"

/**
 * struct sb_job_inbox - what jobs about inboxes need
 * @record: to put, to forget, or its id alone
 * @entry: to add
 * @dropped: what has gone for it
 * @fetch: to fetch; into @fetched, and @more
 * @message: to take
 * @content: what was taken or forgotten
 */
struct sb_job_inbox {
	struct sb_inbox_record record;
	struct sb_inbox_entry entry;
	struct sb_inbox_drop dropped;
	struct sb_inbox_fetch fetch;
	struct sb_inbox_message_list fetched;
	bool more;
	uint64_t message;
	struct sb_inbox_content content;
};

/**
 * struct sb_store_job - a job; one struct for all kinds, since a few unused fields cost less than a
 * destructor each
 * @ticket: to discard, to reserve, or to release above
 * @message: to insert
 * @shares: if there are any, the messages that share the payload of @message; or where one moves
 * @fetch: to fetch, with @link; into @messages
 * @settlement: with @code and @reason
 * @search: with @link and @topic; into @records
 * @loss: to count, with @link
 * @losses: found
 * @boot: to put
 * @key: with @data: to put, or to remove
 * @inbox: of jobs about inboxes; with @link, @key (its name), @topic (its filter) and @loss
 */
struct sb_store_job {
	struct sb_job base;
	union {
		sb_store_done_fn *done;
		sb_store_fetched_fn *fetched;
		sb_store_records_fn *searched;
		sb_store_losses_fn *listed;
		sb_store_added_fn *added;
		sb_store_inbox_fetched_fn *inbox_fetched;
		sb_store_taken_fn *taken;
	};
	void *userdata;
	char *link;
	uint64_t ticket;
	struct sb_message *message;
	struct sb_share *shares;
	size_t n_shares;
	struct sb_fetch fetch;
	struct sb_message_list messages;
	struct sb_settlement settlement;
	char *code;
	char *reason;
	struct sb_search search;
	char *topic;
	struct sb_records records;
	struct sb_loss loss;
	struct sb_losses losses;
	struct sb_boot boot;
	char *key;
	void *data;
	size_t len;
	struct sb_job_inbox inbox;
};

extern const struct sb_job_kind sb_job_insert;
extern const struct sb_job_kind sb_job_insert_shared;
extern const struct sb_job_kind sb_job_move;
extern const struct sb_job_kind sb_job_fetch;
extern const struct sb_job_kind sb_job_settle;
extern const struct sb_job_kind sb_job_search;
extern const struct sb_job_kind sb_job_discard;
extern const struct sb_job_kind sb_job_count_loss;
extern const struct sb_job_kind sb_job_losses;
extern const struct sb_job_kind sb_job_reserve;
extern const struct sb_job_kind sb_job_release;
extern const struct sb_job_kind sb_job_put_boot;
extern const struct sb_job_kind sb_job_put;
extern const struct sb_job_kind sb_job_remove;
extern const struct sb_job_kind sb_job_ping;

struct sb_store_job *sb_store_job_new(const struct sb_job_kind *kind, const char *link,
				      void *userdata);
struct sb_store_job *sb_store_job_free(struct sb_store_job *job);
void sb_store_job_free_base(struct sb_job *base);
