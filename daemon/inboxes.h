/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inboxes of this box. One belongs to a link, a user and a name; users do not meet. It is there
 * until it is forgotten, also if its link is not.
 */
#include "daemon/inbox.h"
#include "daemon/loop.h"

#define SB_INBOX_NAME_MAX 64

struct sb_inboxes;
struct sb_settings;

/** struct sb_inbox_limits - bounds */
struct sb_inbox_limits {
	uint64_t messages; /* of one inbox */
	uint64_t bytes; /* likewise, topics and payloads */
	bool drop_oldest; /* when full, the oldest that was not sent goes; else the new one is refused */
	uint64_t per_user; /* inboxes */
	uint64_t ack_timeout_usec; /* what is not acknowledged within it is sent again */
};

/** struct sb_inbox_wish - which inbox, and what it is to gather; text is lent */
struct sb_inbox_wish {
	struct sb_interest interest;
	uint32_t owner; /* a uid; not SB_NO_OWNER */
	const char *name;
};

/** It is there, and that is on disk; or @inbox is NULL, and @error says why not. */
typedef void sb_inbox_opened_fn(void *userdata, struct sb_inbox *inbox,
				const struct sb_error *error);

/** It is no more, and that is on disk (@error NULL); or @error says why it is. */
typedef void sb_inbox_forgotten_fn(void *userdata, const struct sb_error *error);

typedef void sb_inbox_status_fn(void *userdata, const struct sb_inbox_status *status);

struct sb_inbox_limits sb_inbox_limits_of(const struct sb_settings *inboxes);

int sb_inboxes_new(struct sb_store *store, struct sb_hub *hub, const struct sb_inbox_limits *limits,
		   struct sb_inboxes **ret);
struct sb_inboxes *sb_inboxes_free(struct sb_inboxes *all);
void sb_inboxes_limit(struct sb_inboxes *all, const struct sb_inbox_limits *limits);
int sb_inboxes_open(struct sb_inboxes *all, const struct sb_inbox_wish *wish,
		    sb_inbox_opened_fn *done, void *userdata, struct sb_error *ret_error);
int sb_inboxes_forget(struct sb_inboxes *all, const struct sb_inbox_wish *wish,
		      sb_inbox_forgotten_fn *done, void *userdata, struct sb_error *ret_error);
const char *sb_inboxes_filter(const struct sb_inboxes *all, const struct sb_inbox_wish *wish);
void sb_inboxes_each(const struct sb_inboxes *all, sb_inbox_status_fn *each, void *userdata);
