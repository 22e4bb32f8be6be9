/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the store keeps of inboxes, and the jobs about them. See daemon/store.h.
 */
#include "daemon/inbox-message.h"
#include "daemon/store.h"

/** struct sb_inbox_record - an inbox as the store knows it; text is lent */
struct sb_inbox_record {
	uint64_t id; /* the owner of the set gives them out, from 1 on */
	const char *link;
	uint32_t owner;
	const char *name;
	const char *filter;
	unsigned int origins; /* SB_FROM_… bits */
	bool answers;
	uint64_t lost; /* and what follows: when the store was opened */
	uint64_t messages;
	uint64_t bytes;
};

/** struct sb_inbox_content - so much of an inbox */
struct sb_inbox_content {
	uint64_t messages;
	uint64_t bytes; /* topics and payloads */
};

/** struct sb_inbox_drop - the oldest in an inbox that are to go, or have gone */
struct sb_inbox_drop {
	uint64_t above; /* only those with higher numbers */
	struct sb_inbox_content content; /* so much at least; zeros for nothing */
	uint64_t last; /* the highest number that has gone; 0 for none */
};

/** struct sb_inbox_entry - a message on its way into an inbox */
struct sb_inbox_entry {
	uint64_t inbox;
	const char *link; /* of the inbox, with @owner: who is charged with what goes for it */
	uint32_t owner;
	struct sb_inbox_message *message;
	struct sb_inbox_drop drop; /* first, to make room */
};

/** struct sb_inbox_fetch - what to read of an inbox, by number; one message at least, whatever its size */
struct sb_inbox_fetch {
	uint64_t inbox;
	uint64_t after;
	size_t max_messages;
	size_t max_bytes;
};

typedef void sb_store_inbox_fn(void *userdata, const struct sb_inbox_record *record);

/** It is written (@error 0), with what has gone for it; the callee may take *@message. */
typedef void sb_store_added_fn(void *userdata, int error, struct sb_inbox_message **message,
			       const struct sb_inbox_drop *dropped);

/**
 * Messages were read, by number; the callee takes them, or leaves them to be freed. @more: whether it was a
 * bound that ended the reading.
 */
typedef void sb_store_inbox_fetched_fn(void *userdata, int error,
				       struct sb_inbox_message_list *messages, bool more);

/** So much has left the inbox (@error 0). */
typedef void sb_store_taken_fn(void *userdata, int error, const struct sb_inbox_content *content);

uint64_t sb_store_last_message(const struct sb_store *store);
void sb_store_each_inbox(struct sb_store *store, sb_store_inbox_fn *each, void *userdata);

int sb_store_put_inbox(struct sb_store *store, const struct sb_inbox_record *record,
		       sb_store_done_fn *done, void *userdata);
int sb_store_forget_inbox(struct sb_store *store, const struct sb_inbox_record *record,
			  sb_store_taken_fn *done, void *userdata);
int sb_store_inbox_add(struct sb_store *store, const struct sb_inbox_entry *entry,
		       sb_store_added_fn *done, void *userdata);
int sb_store_inbox_fetch(struct sb_store *store, const struct sb_inbox_fetch *fetch,
			 sb_store_inbox_fetched_fn *done, void *userdata);
int sb_store_inbox_take(struct sb_store *store, uint64_t inbox, uint64_t message,
			sb_store_taken_fn *done, void *userdata);
int sb_store_inbox_lose(struct sb_store *store, uint64_t inbox, const struct sb_loss *loss,
			sb_store_done_fn *done, void *userdata);
