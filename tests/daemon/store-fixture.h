/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store in a directory of its own, and short ways to ask it. Include <cmocka.h> before. What is asked
 * of the store is drained at once unless it says otherwise.
 */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/log.h"
#include "daemon/store.h"
#include "skybus/plugin.h"
#include "tests/daemon/scratch.h"

#define ENDLESS 1000000

struct fixture {
	struct scratch scratch;
	char directory[80];
	char file[96];
	struct sb_store_options options;
	struct sb_loop *loop;
	struct sb_store *store;
	struct rlimit file_size;
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	sb_log_set_level(LOG_EMERG);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)getrlimit(RLIMIT_FSIZE, &f->file_size);
	scratch_init(&f->scratch);
	(void)snprintf(f->directory, sizeof(f->directory), "%s/state", f->scratch.path);
	(void)snprintf(f->file, sizeof(f->file), "%s/skybus.db", f->directory);
	f->options = (struct sb_store_options){
		.sync = SB_SYNC_NORMAL,
		.tickets_kept = 100000,
		.letters_kept = 1000,
	};
	assert_int_equal(sb_loop_new(&f->loop), 0);
	assert_int_equal(sb_store_open(f->loop, f->directory, &f->options, &f->store), 0);
	*state = f;

	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	(void)setrlimit(RLIMIT_FSIZE, &f->file_size);
	(void)sb_store_close(f->store);
	(void)sb_loop_free(f->loop);
	scratch_done(&f->scratch);
	free(f);

	return 0;
}

static inline void reopen(struct fixture *f)
{
	f->store = sb_store_close(f->store);
	f->options.sync = SB_SYNC_FULL;
	assert_int_equal(sb_store_open(f->loop, f->directory, &f->options, &f->store), 0);
}

/* What SQL says of the closed database, as text; all its statements run. */
static inline void query(const struct fixture *f, const char *sql, char *ret, size_t size)
{
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;

	assert_null(f->store);
	assert_int_equal(sqlite3_open(f->file, &db), SQLITE_OK);
	*ret = '\0';
	while (*sql) {
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, &sql), SQLITE_OK);
		if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0))
			(void)snprintf(ret, size, "%s",
				       (const char *)sqlite3_column_text(statement, 0));
		assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline void expect_query(const struct fixture *f, const char *sql, const char *expected)
{
	char text[256];

	query(f, sql, text, sizeof(text));
	assert_string_equal(text, expected);
}

static inline void note_error(void *userdata, int error)
{
	*(int *)userdata = error;
}

static inline void count_done(void *userdata, int error)
{
	int *n = userdata;

	assert_int_equal(error, 0);
	(*n)++;
}

static inline struct sb_message *message_new(uint64_t ticket, const char *payload)
{
	struct sb_message *message = sb_message_new("t/1", payload, strlen(payload), ":1.7");

	assert_non_null(message);
	message->ticket = ticket;
	message->content_format = SKYBUS_FORMAT_JSON;
	message->taken = (struct sb_moment){ 1, 10000 };

	return message;
}

/* Not drained; @message is freed. */
static inline void insert_message(struct fixture *f, const char *link, struct sb_message *message,
				  sb_store_done_fn *done, void *userdata)
{
	assert_int_equal(sb_store_insert(f->store, link, message, done, userdata), 0);
	(void)sb_message_free(message);
}

/* Not drained. */
static inline void insert_as(struct fixture *f, const char *link, uint64_t ticket,
			     const char *payload, sb_store_done_fn *done, void *userdata)
{
	insert_message(f, link, message_new(ticket, payload), done, userdata);
}

/* Not drained. */
static inline void insert(struct fixture *f, const char *link, uint64_t ticket)
{
	insert_as(f, link, ticket, "{}", NULL, NULL);
}

static inline int settle_at(struct fixture *f, uint64_t ticket, enum sb_cause cause,
			    const char *code, const char *reason, int64_t at_ms)
{
	const struct sb_settlement settlement = {
		ticket, sb_cause_outcome(cause), cause, code, reason, at_ms,
	};
	int error = 1;

	assert_int_equal(sb_store_settle(f->store, &settlement, false, note_error, &error), 0);
	sb_store_drain(f->store);

	return error;
}

static inline int settle(struct fixture *f, uint64_t ticket, enum sb_cause cause, const char *code,
			 const char *reason)
{
	return settle_at(f, ticket, cause, code, reason, 1000);
}

static inline int deliver(struct fixture *f, uint64_t ticket)
{
	return settle(f, ticket, SB_CAUSE_DELIVERED, "2.04", "");
}

/* Many ends at once: not drained. */
static inline void hand_over_end(struct fixture *f, uint64_t ticket, enum sb_cause cause,
				 int64_t at_ms)
{
	const struct sb_settlement settlement = {
		ticket, sb_cause_outcome(cause), cause, "4.00", "bad", at_ms,
	};

	assert_int_equal(sb_store_settle(f->store, &settlement, true, NULL, NULL), 0);
}

struct fetched {
	int error;
	char tickets[256];
	struct sb_message_list messages;
};

static inline void take_fetched(void *userdata, int error, struct sb_message_list *messages)
{
	struct fetched *fetched = userdata;
	const struct sb_message *message;
	size_t len = 0;

	fetched->error = error;
	TAILQ_CONCAT(&fetched->messages, messages, entry);
	TAILQ_FOREACH(message, &fetched->messages, entry)
		len += (size_t)snprintf(fetched->tickets + len, sizeof(fetched->tickets) - len,
					"%llu ", (unsigned long long)message->ticket);
}

/* Read what waits, of normal priority. @fetched->messages are to be cleared. */
static inline void fetch(struct fixture *f, const char *link, struct fetched *fetched)
{
	*fetched = (struct fetched){ .error = 1 };
	TAILQ_INIT(&fetched->messages);
	assert_int_equal(
		sb_store_fetch(f->store, link, SB_NORMAL, 0, 9, ENDLESS, take_fetched, fetched), 0);
	sb_store_drain(f->store);
	assert_int_equal(fetched->error, 0);
}

static inline void expect_fetch_of(struct fixture *f, const char *link, enum sb_priority priority,
				   const char *tickets)
{
	struct fetched fetched = { .error = 1 };

	TAILQ_INIT(&fetched.messages);
	assert_int_equal(sb_store_fetch(f->store, link, priority, 0, 10, ENDLESS, take_fetched,
					&fetched),
			 0);
	sb_store_drain(f->store);
	assert_int_equal(fetched.error, 0);
	assert_string_equal(fetched.tickets, tickets);
	sb_message_list_clear(&fetched.messages);
}

static inline void expect_fetch(struct fixture *f, const char *link, const char *tickets)
{
	expect_fetch_of(f, link, SB_NORMAL, tickets);
}

/** struct found - what a search has found, as text */
struct found {
	int error;
	size_t n;
	enum sb_outcome outcome; /* and what follows: of the first */
	char text[256];
	char tickets[256]; /* of all */
};

static inline void note_found(void *userdata, int error, const struct sb_record *records, size_t n)
{
	struct found *found = userdata;
	size_t len = 0;

	found->error = error;
	found->n = n;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(found->tickets + len, sizeof(found->tickets) - len, "%llu ",
					(unsigned long long)records[i].ticket);
	if (n == 0)
		return;
	found->outcome = records->outcome;
	(void)snprintf(found->text, sizeof(found->text), "%s|%s|%.*s|%zu|%u|%d|%u|%s|%u+%lld|%s|%s",
		       records->link, records->topic,
		       records->payload ? (int)records->payload_len : 0,
		       records->payload ? (const char *)records->payload : "", records->payload_len,
		       records->content_format, (int)records->priority, records->owner,
		       records->sender ? records->sender : "", records->taken.boot,
		       (long long)records->taken.ms, records->code, records->reason);
}

static inline struct found search(struct fixture *f, const struct sb_search *search)
{
	struct found found = { .error = 1 };

	assert_int_equal(sb_store_search(f->store, search, note_found, &found), 0);
	sb_store_drain(f->store);
	assert_int_equal(found.error, 0);

	return found;
}

static inline struct found lookup(struct fixture *f, uint64_t ticket)
{
	return search(f, &(struct sb_search){ .ticket = ticket, .most = 1 });
}

static inline void expect_letters(struct fixture *f, const char *link, const char *tickets)
{
	const struct sb_search letters = { .kind = SB_SEARCH_LETTERS, .link = link, .most = 9 };

	assert_string_equal(search(f, &letters).tickets, tickets);
}

/* Insert until there is no room. Return: the first ticket that found none. */
static inline uint64_t fill_up(struct fixture *f, uint64_t ticket, size_t payload_len)
{
	char payload[2048];
	int error = 0;

	assert_true(payload_len < sizeof(payload));
	memset(payload, 'x', payload_len);
	payload[payload_len] = '\0';
	for (; error == 0; ticket++) {
		assert_in_range(ticket, 1, 100000);
		insert_as(f, "plant", ticket, payload, note_error, &error);
		sb_store_drain(f->store);
	}
	assert_int_equal(error, -ENOSPC);

	return ticket - 1;
}
