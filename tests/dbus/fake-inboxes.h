/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inboxes that do what the test says: the functions of daemon/inboxes.h and inbox.h that dbus/ calls.
 */
#include "daemon/inboxes.h"
#include "daemon/loop.h"

#define FAKE_INBOXES_MAX 4

/** struct fake_inbox_job - what was asked and not answered */
struct fake_inbox_job {
	char text[128]; /* "open 1000 app cmd/# 1 yes", "forget 1000 app", "acknowledge app 7" */
	struct sb_inbox *inbox; /* that it concerns, or that is to be opened */
	sb_inbox_opened_fn *opened;
	sb_inbox_forgotten_fn *forgotten;
	sb_store_done_fn *acknowledged;
	void *userdata;
};

struct sb_inbox {
	char link[64];
	char name[80];
	char filter[64];
	uint32_t owner;
	bool answers;
	bool takes; /* what is being delivered */
	const struct sb_inbox_consumer *consumer;
	void *userdata;
	unsigned int n_attached;
};

struct sb_inboxes {
	struct sb_inbox all[FAKE_INBOXES_MAX];
	size_t n;
	struct fake_inbox_job jobs[FAKE_INBOXES_MAX];
	size_t n_jobs;
	const char *refusal; /* nothing can be asked: QueueFull and this */
};

struct fake_inbox_job fake_inboxes_wait_job(struct sb_loop *loop, struct sb_inboxes *all);
int fake_inbox_deliver(struct sb_inbox *inbox, uint64_t message, bool redelivered,
		       int64_t answer_by_ms);
void fake_inbox_end(struct sb_inbox *inbox, enum sb_inbox_end why);
