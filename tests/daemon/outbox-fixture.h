/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An outbox with one queue over a store of its own, in a virtual loop. The store's jobs complete only in
 * outbox_fixture_settle() and outbox_fixture_pass(): whatever a test does in between happens while the disk
 * does not answer.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "daemon/clock.h"
#include "daemon/outbox.h"
#include "tests/daemon/scratch.h"

/** struct outbox_fixture - all that a test of the outbox needs */
struct outbox_fixture {
	struct scratch scratch;
	struct rlimit file_size;
	struct sb_account_limits accounts;
	uint64_t commit_interval_s; /* of the next opening */
	struct sb_loop *loop;
	struct sb_store *store;
	struct sb_clock *clock;
	struct sb_outbox *outbox;
	struct sb_queue *queue;
	unsigned int n_changed;
	char published[256]; /* tickets */
	struct sb_error error; /* of the last message that was not stored */
	unsigned int n_settled;
	char settled[192]; /* the last one */
	enum sb_cause cause;
	char causes[256]; /* "3 ttl, 4 ttl, " */
	bool cancelled;
	struct sb_error too_late; /* why the last one was not cancelled */
};

/** struct draft - a message that a test publishes; zeros for what the test does not care about */
struct draft {
	const char *topic; /* NULL for "topic" */
	size_t payload_len;
	enum sb_priority priority;
	uint32_t owner;
	uint32_t ttl_s;
	bool in_memory;
	bool replaces;
};

extern const struct sb_queue_limits roomy;

int outbox_fixture_setup(void **state);
int outbox_fixture_teardown(void **state);
void outbox_fixture_open(struct outbox_fixture *f);
void outbox_fixture_close(struct outbox_fixture *f);
void outbox_fixture_limit(struct outbox_fixture *f, const struct sb_queue_limits *limits);
void outbox_fixture_settle(struct outbox_fixture *f);
void outbox_fixture_tasks(struct outbox_fixture *f);
void outbox_fixture_pass(struct outbox_fixture *f, unsigned int ms);
void outbox_fixture_disk_is_full(const struct outbox_fixture *f, bool full);

int try_draft(struct outbox_fixture *f, const struct draft *draft);
void publish(struct outbox_fixture *f, unsigned int n);
void publish_draft(struct outbox_fixture *f, const struct draft *draft);
struct sb_message *take(struct outbox_fixture *f, uint64_t ticket);
void deliver(struct outbox_fixture *f, struct sb_message *message);
void reject(struct outbox_fixture *f, struct sb_message *message);
void deliver_all(struct outbox_fixture *f, uint64_t first, uint64_t last);
struct sb_queue_stats stats(const struct outbox_fixture *f);
int lookup(struct outbox_fixture *f, uint64_t ticket);
void cancel(struct outbox_fixture *f, uint64_t ticket);
void cancel_of(struct outbox_fixture *f, uint64_t ticket, const uint32_t *owner);
uint64_t losses(struct outbox_fixture *f, enum sb_cause cause);

#define OUTBOX_TEST(name) \
	cmocka_unit_test_setup_teardown(name, outbox_fixture_setup, outbox_fixture_teardown)
