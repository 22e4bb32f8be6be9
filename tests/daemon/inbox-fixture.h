/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inboxes over a store and a hub of their own, in virtual time, and a consumer that writes down what it
 * gets. The store's jobs complete only in inbox_settle(). Include <cmocka.h> before.
 */
#include "daemon/inboxes.h"
#include "daemon/landing.h"
#include "tests/daemon/scratch.h"

#include <sys/resource.h>

/** struct inbox_consumer - one; the text gathers what it got: "2 ", and "2r " for what was sent before */
struct inbox_consumer {
	struct sb_inbox *inbox; /* NULL while it is not attached */
	char got[4096];
	int refusal; /* it takes nothing: a negative errno */
	bool leaves; /* it detaches with the next message */
	int ended; /* an enum sb_inbox_end; -1 for not yet */
	struct sb_delivery last; /* its texts are not valid any more */
	char topic[64];
};

struct inbox_fixture {
	struct scratch scratch;
	struct rlimit file_size;
	struct sb_inbox_limits limits;
	struct sb_loop *loop;
	struct sb_store *store;
	struct sb_hub *hub;
	struct sb_inboxes *all;
	struct inbox_consumer app;
	struct inbox_consumer other;
	struct sb_error error; /* of the last that was refused */
	char acked[256]; /* errors, 0 for success */
	char losses[256]; /* of the last inbox_losses() */
	char listed[512]; /* of the last inbox_list() */
};

int inbox_fixture_setup(void **state);
int inbox_fixture_teardown(void **state);

void inbox_settle(struct inbox_fixture *f);
void inbox_pass(struct inbox_fixture *f, uint64_t usec);
void inbox_restart(struct inbox_fixture *f);
void inbox_disk_is_full(const struct inbox_fixture *f, bool full);

struct sb_inbox *inbox_open(struct inbox_fixture *f, const char *name, const char *filter);
void inbox_attach_to(struct inbox_consumer *consumer, struct sb_inbox *inbox);
void inbox_attach(struct inbox_fixture *f, struct inbox_consumer *consumer, const char *name);
void inbox_forget(struct inbox_fixture *f, const char *name);
uint64_t inbox_deliver(struct inbox_fixture *f, const char *topic, struct sb_landing *landing);
void inbox_deliver_many(struct inbox_fixture *f, unsigned int n, size_t payload_len);
void inbox_ack(struct inbox_fixture *f, struct inbox_consumer *consumer, uint64_t message);
const char *inbox_losses(struct inbox_fixture *f);
const char *inbox_list(struct inbox_fixture *f);
void inbox_expect(struct inbox_consumer *consumer, const char *got);
