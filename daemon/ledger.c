/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "daemon/ledger.h"
#include "daemon/queue.h"

/** struct sb_loss_count - one link, user and cause */
struct sb_loss_count {
	struct sb_ledger *ledger;
	TAILQ_ENTRY(sb_loss_count) entry;
	const struct sb_queue *queue;
	uint32_t owner;
	enum sb_cause cause;
	uint64_t here; /* not handed to the store */
	uint64_t there; /* handed over; one job at a time */
};

static int compare_counts(const void *a, const void *b)
{
	const struct sb_loss_count *left = a;
	const struct sb_loss_count *right = b;

	if (left->queue != right->queue)
		return left->queue < right->queue ? -1 : 1;
	if (left->owner != right->owner)
		return left->owner < right->owner ? -1 : 1;

	return (int)left->cause - (int)right->cause;
}

static void count_free(struct sb_loss_count *count)
{
	(void)tdelete(count, &count->ledger->by_key, compare_counts);
	TAILQ_REMOVE(&count->ledger->counts, count, entry);
	free(count);
}

static void count_write(struct sb_loss_count *count);

static void count_on_written(void *userdata, int error)
{
	struct sb_loss_count *count = userdata;
	struct sb_outbox *outbox = count->ledger->outbox;

	if (error < 0)
		count->here += count->there;
	count->there = 0;
	if (outbox->closing)
		return;
	if (error < 0) {
		sb_outbox_store_failed(outbox, error);
	} else if (count->here > 0) {
		count_write(count);
	} else {
		count_free(count);
		sb_outbox_store_works(outbox);
	}
}

static void count_write(struct sb_loss_count *count)
{
	const struct sb_loss loss = {
		.link = count->queue->link,
		.owner = count->owner,
		.cause = count->cause,
		.messages = count->here,
	};
	struct sb_outbox *outbox = count->ledger->outbox;
	int r = sb_store_count_loss(outbox->store, &loss, count_on_written, count);

	if (r < 0) {
		sb_outbox_store_failed(outbox, r);
		return;
	}
	count->there = count->here;
	count->here = 0;
}

/* Return: the count, one of zero if need be; NULL without memory. */
static struct sb_loss_count *count_get(struct sb_ledger *ledger, const struct sb_loss_count *key)
{
	struct sb_loss_count *const *found = tfind(key, &ledger->by_key, compare_counts);
	struct sb_loss_count *count;

	if (found)
		return *found;
	count = malloc(sizeof(*count));
	if (!count)
		return NULL;
	*count = *key;
	if (!tsearch(count, &ledger->by_key, compare_counts)) {
		free(count);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&ledger->counts, count, entry);

	return count;
}

/**
 * sb_ledger_init() - nothing was lost
 * @ledger: to be undone with sb_ledger_done()
 * @outbox: the outbox that they are embedded in
 */
void sb_ledger_init(struct sb_ledger *ledger, struct sb_outbox *outbox)
{
	*ledger = (struct sb_ledger){ .outbox = outbox };
	TAILQ_INIT(&ledger->counts);
}

/**
 * sb_ledger_done() - forget what never came to disk
 * @ledger: the store has none of them in hand
 */
void sb_ledger_done(struct sb_ledger *ledger)
{
	struct sb_loss_count *count;

	while ((count = TAILQ_FIRST(&ledger->counts)))
		count_free(count);
}

/**
 * sb_ledger_add() - a message that was held in memory was lost
 * @ledger: where that is counted
 * @queue: the message's; outlives @ledger
 * @owner: the message's
 * @cause: why; not SB_CAUSE_DELIVERED
 */
void sb_ledger_add(struct sb_ledger *ledger, const struct sb_queue *queue, uint32_t owner,
		   enum sb_cause cause)
{
	const struct sb_loss_count key = {
		.ledger = ledger,
		.queue = queue,
		.owner = owner,
		.cause = cause,
	};
	struct sb_loss_count *count = count_get(ledger, &key);

	if (!count) {
		sb_outbox_out_of_memory(ledger->outbox, queue->link, "a loss (%s) was not counted",
					sb_cause_word(cause));
		return;
	}
	count->here++;
	if (ledger->outbox->troubled)
		sb_outbox_retry(ledger->outbox);
	else
		sb_task_schedule(&ledger->outbox->news);
}

/**
 * sb_ledger_write() - hand over what is not, or what the disk has refused
 * @ledger: of each count, one job at a time
 */
void sb_ledger_write(struct sb_ledger *ledger)
{
	struct sb_loss_count *count;

	TAILQ_FOREACH(count, &ledger->counts, entry)
		if (count->there == 0 && count->here > 0)
			count_write(count);
}
