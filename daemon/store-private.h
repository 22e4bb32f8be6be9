/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store on the loop's side, for daemon/store.c and daemon/store-submit.c.
 */
#include "daemon/store-db.h"
#include "daemon/store-job.h"
#include "daemon/store-memory.h"
#include "daemon/store-thread.h"
#include "daemon/store.h"

struct sb_store {
	struct sb_loop *loop;
	struct sb_db *db; /* the thread's while there is one */
	struct sb_store_thread *thread;
	struct sb_store_memory memory;
	struct sb_backlogs backlogs; /* and what follows: as they were at the opening */
	struct sb_boots boots;
	struct sb_inbox_records inboxes;
	uint64_t last_ticket;
	uint64_t last_message;
};

/** Hand a job over; it is the thread's from now on. Return: 0, for the sake of who calls this last. */
static inline int sb_store_submit(struct sb_store *store, struct sb_store_job *job)
{
	sb_store_thread_submit(store->thread, &job->base);

	return 0;
}
