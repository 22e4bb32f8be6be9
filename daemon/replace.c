/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message that replaces those before it. What is on disk is found by a search that is handed over when
 * the new one is stored, so it finds all that came before. What is taken before the search is done is in
 * flight: it is left alone, and ends if it comes back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"

#define BATCH 256

/* Above all tickets, and a number to SQLite. */
#define NEWEST ((uint64_t)INT64_MAX)

/** struct replacement - the search for what a stored message replaces */
struct replacement {
	struct sb_queue *queue;
	uint64_t ticket; /* the new one's; NEWEST for whichever it is */
	char *topic;
};

static struct replacement *replacement_free(struct replacement *replacement)
{
	if (!replacement)
		return NULL;

	free(replacement->topic);
	free(replacement);

	return NULL;
}

SB_DEFINE_CLEANUP(struct replacement *, replacement_free)

/**
 * sb_replaced_end() - the end of a message that was replaced
 * @by: the ticket of the new one
 * @reason: where the sentence goes
 * @size: of @reason
 * @ret: the end, which lends @reason
 */
void sb_replaced_end(uint64_t by, char *reason, size_t size, struct sb_end *ret)
{
	(void)snprintf(reason, size, "replaced by ticket %" PRIu64, by);
	*ret = (struct sb_end){ .cause = SB_CAUSE_REPLACED, .reason = reason };
}

static void replace(struct sb_queue *queue, struct sb_message *message, uint64_t by,
		    const struct sb_end *end)
{
	struct sb_in_flight *in_flight = sb_queue_find_in_flight(queue, message->ticket);

	if (in_flight)
		in_flight->replaced_by = by;
	else
		(void)sb_queue_end(queue, message, end, NULL);
}

/* The new one need not be in the outbox yet. */
static void replace_in_memory(struct sb_queue *queue, const struct sb_message *by)
{
	struct sb_message *message = LIST_FIRST(sb_outbox_bucket(queue, by->topic));
	struct sb_end end;
	char reason[64];

	sb_replaced_end(by->ticket, reason, sizeof(reason), &end);
	while (message) {
		struct sb_message *next = LIST_NEXT(message, same_topic);

		if (message != by && message->queue == queue &&
		    strcmp(message->topic, by->topic) == 0)
			replace(queue, message, by->ticket, &end);
		message = next;
	}
}

static int search(struct replacement *replacement);

/* Return: whether it has ended now. */
static bool replace_record(struct sb_queue *queue, const struct sb_record *record, uint64_t by)
{
	struct sb_in_flight *in_flight = sb_queue_find_in_flight(queue, record->ticket);
	struct sb_end end;
	char reason[64];

	if (record->ticket >= by)
		return false;
	if (in_flight)
		in_flight->replaced_by = by;
	sb_replaced_end(by, reason, sizeof(reason), &end);

	return sb_queue_end_record(queue, record, &end, NULL) == 0;
}

static void replacement_on_found(void *userdata, int error, const struct sb_record *records,
				 size_t n)
{
	SB_CLEANUP(replacement_free) struct replacement *replacement = userdata;
	struct sb_outbox *outbox = replacement->queue->outbox;
	uint64_t by = replacement->ticket;
	size_t n_ended = 0;

	if (outbox->closing || outbox->stopped)
		return;
	if (error < 0) {
		sb_outbox_store_failed(outbox, error);
		return;
	}
	if (by == NEWEST && n > 0)
		by = records[n - 1].ticket;
	for (size_t i = 0; i < n; i++)
		n_ended += replace_record(replacement->queue, &records[i], by);

	/* More of them: they are found once these ends are on disk, or never if the disk refuses. */
	if (n == BATCH && n_ended > 0 && search(replacement) == 0)
		(void)SB_STEAL(replacement);
}

static int search(struct replacement *replacement)
{
	const struct sb_search search = {
		.kind = SB_SEARCH_REPLACED,
		.ticket = replacement->ticket,
		.link = replacement->queue->link,
		.topic = replacement->topic,
		.most = BATCH,
	};

	return sb_store_search(replacement->queue->outbox->store, &search, replacement_on_found,
			       replacement);
}

static int replace_stored(struct sb_queue *queue, uint64_t by, const char *topic)
{
	SB_CLEANUP(replacement_free) struct replacement *replacement = NULL;
	int r;

	replacement = calloc(1, sizeof(*replacement));
	if (!replacement)
		return -ENOMEM;
	replacement->queue = queue;
	replacement->ticket = by;
	replacement->topic = strdup(topic);
	if (!replacement->topic)
		return -ENOMEM;
	r = search(replacement);
	if (r < 0)
		return r;
	(void)SB_STEAL(replacement);

	return 0;
}

/**
 * sb_queue_replace() - end what a message replaces
 * @queue: the message's
 * @by: stored, or held in memory and not entered yet
 */
void sb_queue_replace(struct sb_queue *queue, const struct sb_message *by)
{
	if (!by->replaces)
		return;

	if (by->in_memory)
		replace_in_memory(queue, by);
	else if (replace_stored(queue, by->ticket, by->topic) < 0)
		sb_outbox_out_of_memory(queue->outbox, queue->link,
					"what ticket %" PRIu64 " replaces is sent as well",
					by->ticket);
}

/* Return: the newest message of the topic that is held in memory and replaces others; NULL for none. */
static const struct sb_message *newest_in_memory(struct sb_queue *queue, const char *topic)
{
	const struct sb_message *newest = NULL;
	const struct sb_message *message;

	LIST_FOREACH(message, sb_outbox_bucket(queue, topic), same_topic)
	if (message->queue == queue && strcmp(message->topic, topic) == 0 &&
	    (!newest || message->ticket > newest->ticket))
		newest = message;

	return newest;
}

/**
 * sb_queue_replace_older() - a message that replaces others has come from another queue: the newest stays
 * @queue: where it is now; it need not be the newest
 * @topic: its topic there
 * @in_memory: it is held in memory
 */
void sb_queue_replace_older(struct sb_queue *queue, const char *topic, bool in_memory)
{
	const struct sb_message *newest = in_memory ? newest_in_memory(queue, topic) : NULL;

	if (newest)
		replace_in_memory(queue, newest);
	else if (!in_memory && replace_stored(queue, NEWEST, topic) < 0)
		sb_outbox_out_of_memory(queue->outbox, queue->link,
					"of the topic %.64s more than the newest is sent", topic);
}
