/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of an inbox, shared by its parts: inbox.c (what the consumer gets), inbox-intake.c (what
 * comes in), inbox-life.c (coming and going) and inboxes.c (the set). Nobody else includes this.
 */
#include "daemon/hourly.h"
#include "daemon/inbox-message.h"
#include "daemon/inbox.h"
#include "daemon/inboxes.h"
#include "daemon/store-inbox.h"

/** How long to wait before asking the disk again. */
#define SB_INBOX_RETRY_USEC (10 * SB_USEC_PER_SEC)

struct sb_inbox_ack;

/** struct sb_inbox_window - what the consumer may get, in memory; embedded in the inbox */
struct sb_inbox_window {
	struct sb_inbox_message_list messages; /* by number */
	size_t n;
	size_t bytes;
	uint64_t last; /* all up to this number that wait are in it */
	bool more; /* there may be others on disk */
	bool reading; /* and they are being read */
	bool paused; /* the consumer takes nothing at present */
	struct sb_timer due; /* something is to be sent again, or the disk to be asked again */
};

/**
 * struct sb_inbox - one
 * @id: in the database, for ever
 * @origins: SB_FROM_… bits
 * @stored: it is on disk, as far as is known
 * @at_hub: NULL while it is not on disk, and where its filter is none
 * @content: what waits, with what is on its way to disk
 * @lost: messages that it could not keep, ever
 * @uncounted: of those, so many whose loss is not on disk
 * @counting: and so many whose loss is on its way there
 * @complaints: that it loses messages is in the log
 * @last_taken: the number of the last message that it took
 * @sent_up_to: no message above it was ever sent to anybody
 * @generation: counts up with each consumer, so that what is read for one never reaches the next
 * @consumer: NULL while nobody is attached
 * @acks: that wait for the disk
 * @openings: by whom it is being opened
 * @jobs: that the store has of it
 * @doomed: it goes with the last of them
 */
struct sb_inbox {
	struct sb_inboxes *all;
	TAILQ_ENTRY(sb_inbox) entry;
	uint64_t id;
	char *link;
	uint32_t owner;
	char *name;
	char *filter;
	unsigned int origins;
	bool answers;
	bool stored;
	struct sb_subscription *at_hub;

	struct sb_inbox_content content;
	uint64_t lost;
	uint64_t uncounted;
	uint64_t counting;
	struct sb_hourly complaints;
	struct sb_timer recount;
	uint64_t last_taken;

	uint64_t sent_up_to;
	unsigned int generation;
	const struct sb_inbox_consumer *consumer;
	void *userdata;
	struct sb_inbox_window window;
	TAILQ_HEAD(, sb_inbox_ack) acks;
	unsigned int n_acks;

	unsigned int openings;
	unsigned int jobs;
	bool doomed;
};

/** struct sb_inboxes - the set, see daemon/inboxes.h */
struct sb_inboxes {
	struct sb_loop *loop;
	struct sb_store *store;
	struct sb_hub *hub;
	struct sb_inbox_limits limits;
	TAILQ_HEAD(, sb_inbox) all; /* by link, owner and name */
	uint64_t last_id;
	bool closing; /* the disk is asked for nothing more */
};

/* ---- inboxes.c ---- */

void sb_inboxes_enter(struct sb_inboxes *all, struct sb_inbox *inbox, uint64_t id);
struct sb_inbox *sb_inboxes_find(const struct sb_inboxes *all, const struct sb_inbox_wish *wish);

/* ---- inbox-life.c ---- */

struct sb_inbox *sb_inbox_new(struct sb_inboxes *all, const char *link, const char *name,
			      const char *filter);
struct sb_inbox *sb_inbox_free(struct sb_inbox *inbox);
int sb_inbox_gather(struct sb_inbox *inbox, const struct sb_interest *interest);
void sb_inbox_job_done(struct sb_inbox *inbox);

/* ---- inbox.c ---- */

void sb_inbox_window_init(struct sb_inbox *inbox);
void sb_inbox_end(struct sb_inbox *inbox, enum sb_inbox_end why);
void sb_inbox_arrived(struct sb_inbox *inbox, struct sb_inbox_message **message);
void sb_inbox_dropped(struct sb_inbox *inbox, const struct sb_inbox_drop *dropped);

/* ---- inbox-intake.c ---- */

void sb_inbox_intake_init(struct sb_inbox *inbox);
void sb_inbox_close_losses(struct sb_inbox *inbox);
void sb_inbox_on_delivery(void *userdata, struct sb_subscription *at_hub,
			  const struct sb_delivery *delivery);
