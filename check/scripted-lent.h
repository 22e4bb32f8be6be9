/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a plugin is lent, block by block: each with the call that it was lent to, and no longer there than
 * promised. There are two ways to lend. Exact blocks of the heap are for AddressSanitizer, and for
 * measuring the heap. Guarded blocks end where an unreadable page begins, cannot be written unless they
 * are for filling, and become unreadable when their time is over; who touches one gets SIGSEGV, and the
 * address says which it was.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct skybus_link;

/** How long a block is lent, and what for. */
enum scripted_term {
	SCRIPTED_TO_READ, /* until the call that is under way returns */
	SCRIPTED_TO_FILL, /* the same, and the plugin may write */
	SCRIPTED_TO_KEEP, /* until it is taken back */
};

/**
 * struct scripted_block - what was lent
 * @start: lent
 * @len: bytes
 * @what: "the payload"
 * @call: the call that it was lent to, "encode()"
 * @returned: its time is over
 */
struct scripted_block {
	TAILQ_ENTRY(scripted_block) entry;
	uint8_t *start;
	size_t len;
	uint8_t *pages; /* NULL of one on the heap */
	size_t pages_len; /* with the guard */
	enum scripted_term term;
	unsigned int depth; /* of the call */
	bool returned;
	char what[80];
	char call[48];
};

void scripted_lend_guarded(bool guarded);
const struct scripted_block *scripted_block_at(const void *address);

void *scripted_lend(struct skybus_link *link, enum scripted_term term, const char *what,
		    const void *data, size_t len);
char *scripted_lend_text(struct skybus_link *link, const char *what, const char *text);
void scripted_take_back(const void *block);
void scripted_take_back_call(unsigned int depth);
