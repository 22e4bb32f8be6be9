/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An inbox: messages wait in it, on disk, for an app that may be away, until it acknowledges each.
 *
 * It gathers whether or not somebody is attached. One consumer at a time may be: it gets the messages by
 * number, a bounded part of them ahead of what it has acknowledged, and what it does not acknowledge in
 * time once more. The rest stays on disk. Which inboxes there are is in daemon/inboxes.h.
 *
 * Whether a message was sent is not written down, since that would cost a write for each: after a restart of
 * the daemon all that waits counts as sent before.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/error.h"
#include "daemon/hub.h"
#include "daemon/store.h"

/** So much is sent ahead of what is acknowledged; one message at least. */
#define SB_INBOX_AHEAD_MESSAGES 64
#define SB_INBOX_AHEAD_BYTES (1024 * 1024)

/** So many acknowledgements of one inbox may wait for the disk. */
#define SB_INBOX_ACKNOWLEDGING_MAX 256

struct sb_inbox;

/* Why a consumer gets nothing any more. */
enum sb_inbox_end {
	SB_INBOX_TAKEN_OVER, /* by another consumer */
	SB_INBOX_FORGOTTEN, /* the inbox is no more */
};

/** struct sb_inbox_consumer - who gets the messages; called on the loop's thread */
struct sb_inbox_consumer {
	/**
	 * Here is a message; everything is lent. It may detach. Returns 0; or a negative errno when it
	 * takes nothing at present: then nothing more comes until the time to acknowledge has passed.
	 */
	int (*deliver)(void *userdata, const struct sb_delivery *delivery, bool redelivered);
	/** It is over: the consumer is detached, and must not name the inbox any more. */
	void (*ended)(void *userdata, enum sb_inbox_end why);
};

/** struct sb_inbox_status - an inbox as people see it; text is lent */
struct sb_inbox_status {
	const char *link;
	uint32_t owner;
	const char *name;
	const char *filter;
	uint64_t messages; /* that wait */
	uint64_t bytes;
	uint64_t lost; /* that it could not keep, ever */
	bool attached;
};

void sb_inbox_attach(struct sb_inbox *inbox, const struct sb_inbox_consumer *consumer,
		     void *userdata);
void sb_inbox_detach(struct sb_inbox *inbox);
int sb_inbox_acknowledge(struct sb_inbox *inbox, uint64_t message, sb_store_done_fn *done,
			 void *userdata, struct sb_error *ret_error);

void sb_inbox_status(const struct sb_inbox *inbox, struct sb_inbox_status *ret);
bool sb_inbox_answers(const struct sb_inbox *inbox);
bool sb_inbox_takes(const struct sb_inbox *inbox, const struct sb_delivery *delivery);
