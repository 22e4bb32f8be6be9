/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Losses of messages that were never on disk. No row tells of their end, so they are counted by
 * themselves: added up in memory, by link, user and cause, while the disk is slow or refuses, however many
 * they are. For the outbox.
 */
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/message.h"

struct sb_outbox;
struct sb_queue;

/** struct sb_ledger - embedded in the outbox */
struct sb_ledger {
	struct sb_outbox *outbox;
	TAILQ_HEAD(, sb_loss_count) counts; /* that are not on disk yet */
	void *by_key; /* the same; tsearch(3) */
};

void sb_ledger_init(struct sb_ledger *ledger, struct sb_outbox *outbox);
void sb_ledger_done(struct sb_ledger *ledger);
void sb_ledger_add(struct sb_ledger *ledger, const struct sb_queue *queue, uint32_t owner,
		   enum sb_cause cause);
void sb_ledger_write(struct sb_ledger *ledger);
