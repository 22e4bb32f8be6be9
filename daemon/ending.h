/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The ends of messages, on their way to disk and to the listener. For the outbox.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/outbox.h"
#include "daemon/recent.h"

/** So many ends that the disk has refused are written again at a time: the loop has other things to do. */
#define SB_REWRITING_MAX 1024

struct sb_ending;

/** struct sb_subject - a message that ends, as far as its end needs to know it; lent */
struct sb_subject {
	uint64_t ticket;
	size_t size; /* bytes of topic and payload */
	uint32_t owner;
	const char *sender; /* NULL for nobody */
	bool in_memory;
};

/** struct sb_recall - who called the message back, and is told when it has ended; zeros for nobody */
struct sb_recall {
	sb_cancelled_fn *done;
	void *userdata;
};

/**
 * struct sb_endings - embedded in the outbox
 * @by_ticket: the ends of stored messages that are not on disk yet; tsearch(3)
 * @unwritten: of those, the ones that the disk has refused; what is being written again is at the end
 * @n_rewriting: so many are being written again
 * @untold: the ends of messages that were held in memory
 * @recent: the latest of such ends
 */
struct sb_endings {
	struct sb_outbox *outbox;
	void *by_ticket;
	TAILQ_HEAD(sb_ending_list, sb_ending) unwritten;
	size_t n_rewriting;
	struct sb_ending_list untold;
	struct sb_recent recent;
};

void sb_endings_init(struct sb_endings *endings, struct sb_outbox *outbox);
void sb_endings_done(struct sb_endings *endings);
int sb_endings_add(struct sb_queue *queue, const struct sb_subject *subject,
		   const struct sb_end *end, const struct sb_recall *recall);
void sb_endings_add_unkept(struct sb_queue *queue, const struct sb_subject *subject,
			   const struct sb_end *end);
const struct sb_settlement *sb_endings_find(const struct sb_endings *endings, uint64_t ticket);
const struct sb_settlement *sb_endings_told(const struct sb_endings *endings, uint64_t ticket);
void sb_endings_write(struct sb_endings *endings, size_t most);
void sb_endings_tell(struct sb_endings *endings);

struct sb_subject sb_subject_of_message(const struct sb_message *message);
struct sb_subject sb_subject_of_record(const struct sb_record *record);
