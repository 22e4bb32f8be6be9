/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A gateway whose links do what the test says: the functions of daemon/gateway.h, link.h, plugins.h
 * and of outbox, letters, store and clock that dbus/ calls. The hub and the streams are
 * the real ones.
 */
#include "daemon/attempt.h"
#include "daemon/gateway.h"
#include "daemon/letters.h"
#include "daemon/reload.h"
#include "daemon/store-health.h"
#include "tests/dbus/fake-inboxes.h"

#define FAKE_LINKS_MAX 4
#define FAKE_JOBS_MAX 8
#define FAKE_STORE_COMMITS 17
#define FAKE_STORE_BYTES 8192

/** struct fake_job - something that a link, the outbox or the store was asked and has not answered */
struct fake_job {
	struct sb_message *message; /* of an answer too; its topic is the answer's code */
	sb_published_fn *published;
	sb_published_all_fn *all_published;
	sb_requested_fn *requested;
	sb_lookup_fn *looked_up;
	sb_cancelled_fn *cancelled;
	sb_store_records_fn *found;
	sb_letter_done_fn *discarded;
	sb_store_losses_fn *losses;
	void *userdata;
	uint64_t ticket;
	char link[64]; /* "(all)" for NULL */
	char sender[64];
	uint32_t owner; /* of a letter that is sent again, and of an answer */
	uint64_t command; /* that is answered */
	uint64_t timeout_usec;
};

/** struct sb_link - a link; the test sets what it likes */
struct sb_link {
	struct sb_gateway *gateway;
	char name[64];
	struct sb_link_status status;
	struct sb_attempt attempt;
	struct sb_idle idle;
	const char *refusal; /* sb_link_…() fail with QueueFull and this */
	struct fake_job jobs[FAKE_JOBS_MAX];
	size_t n_jobs;
	unsigned int connects;
	const char *command_topic; /* of whichever command is answered; NULL: none waits */
	unsigned int disconnects;
	unsigned int reauthentications;
};

struct sb_outbox {
	struct fake_job jobs[FAKE_JOBS_MAX]; /* of letters and of the store, too */
	size_t n_jobs;
	int failure; /* a negative errno: nothing can be asked */
	struct sb_store_report report;
};

/** struct sb_reload - what was asked for and not answered yet; what a preview and printing answer */
struct sb_reload {
	sb_reloaded_fn *done;
	void *userdata;
	const char *refusal; /* of a preview: InvalidConfiguration */
	const char *printed; /* NULL: no memory left */
};

struct sb_clock {
	int64_t offset_ms; /* from a moment to the wall clock; 0 while that is not known */
};

struct sb_plugins {
	const struct sb_plugin *all;
	size_t n;
};

struct sb_gateway {
	struct sb_loop *loop;
	struct sb_hub *hub;
	struct sb_streams streams;
	struct sb_inboxes inboxes;
	struct sb_outbox outbox;
	struct sb_clock clock;
	struct sb_reload reload;
	struct sb_plugins plugins;
	struct sb_gateway_listener listener; /* copied; without functions for nobody */
	const char *refusal; /* sb_gateway_publish() fails with NoRoute and this */
	struct fake_job jobs[FAKE_JOBS_MAX]; /* of sb_gateway_publish() */
	size_t n_jobs;
	struct sb_link *links[FAKE_LINKS_MAX];
	size_t n_links;
};

struct sb_gateway *fake_gateway_new(struct sb_loop *loop);
struct sb_gateway *fake_gateway_free(struct sb_gateway *gateway);
struct sb_link *fake_link_add(struct sb_gateway *gateway, const char *name);
void fake_link_remove(struct sb_link *link);
struct sb_link *fake_link_replace(struct sb_link *link);
void fake_link_change(struct sb_link *link, uint32_t what);

struct fake_job fake_gateway_take_job(struct sb_gateway *gateway);
struct fake_job fake_link_take_job(struct sb_link *link);
struct fake_job fake_outbox_take_job(struct sb_gateway *gateway);
void fake_settle(struct sb_gateway *gateway, const struct sb_settled *settled);
