/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/queue.h"
#include "tests/daemon/outbox-fixture.h"

const struct sb_queue_limits roomy = {
	.messages = 100000,
	.bytes = UINT64_C(1) << 30,
	.memory_messages = 100000,
	.memory_bytes = UINT64_C(1) << 30,
};

static int64_t loop_ms(void *userdata)
{
	const struct outbox_fixture *f = userdata;

	return (int64_t)(sb_loop_now(f->loop) / SB_USEC_PER_MSEC);
}

static int64_t no_wall_ms(void *userdata)
{
	(void)userdata;

	return 0;
}

static bool never_synchronised(void *userdata)
{
	(void)userdata;

	return false;
}

static void note_changed(void *userdata)
{
	struct outbox_fixture *f = userdata;

	f->n_changed++;
}

static void note_settled(void *userdata, const struct sb_settled *settled)
{
	struct outbox_fixture *f = userdata;
	size_t len = strlen(f->causes);

	f->n_settled++;
	f->cause = settled->settlement.cause;
	assert_int_equal(settled->settlement.outcome, sb_cause_outcome(f->cause));
	(void)snprintf(f->settled, sizeof(f->settled), "%s %s %llu %s %s %s", settled->link,
		       settled->sender ? settled->sender : "-",
		       (unsigned long long)settled->settlement.ticket,
		       sb_outcome_word(settled->settlement.outcome), settled->settlement.code,
		       settled->settlement.reason);
	(void)snprintf(f->causes + len, sizeof(f->causes) - len, "%llu %s, ",
		       (unsigned long long)settled->settlement.ticket, sb_cause_word(f->cause));
}

static void note_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	struct outbox_fixture *f = userdata;
	size_t len = strlen(f->published);

	assert_true((ticket > 0) == (error == NULL));
	if (error)
		f->error = *error;
	else
		(void)snprintf(f->published + len, sizeof(f->published) - len, "%llu ",
			       (unsigned long long)ticket);
}

void outbox_fixture_open(struct outbox_fixture *f)
{
	const struct sb_store_options options = {
		.sync = SB_SYNC_NORMAL,
		.commit_interval_s = f->commit_interval_s,
		.tickets_kept = 100000,
		.letters_kept = 1000,
	};
	const struct sb_clock_source source = {
		.boot_ms = loop_ms,
		.wall_ms = no_wall_ms,
		.synchronised = never_synchronised,
		.boot_id = "0123456789abcdef0123456789abcdef",
		.userdata = f,
	};

	assert_int_equal(sb_store_open(f->loop, f->scratch.path, &options, &f->store), 0);
	assert_int_equal(sb_clock_new(f->loop, f->store, &source, &f->clock), 0);
	assert_int_equal(sb_outbox_new(f->store, f->clock, &f->accounts, &f->outbox), 0);
	/* Lanes keep to their share, so that a few messages are enough to have some on disk only. */
	f->outbox->in_lanes.messages = SB_LANES_MESSAGES;
	sb_outbox_listen(f->outbox, note_settled, f);
	assert_int_equal(sb_queue_new(f->outbox, "plant", &roomy, note_changed, f, &f->queue), 0);
	sb_store_drain(f->store);
}

void outbox_fixture_close(struct outbox_fixture *f)
{
	f->queue = sb_queue_free(f->queue);
	f->outbox = sb_outbox_free(f->outbox);
	f->clock = sb_clock_free(f->clock);
	f->store = sb_store_close(f->store);
}

int outbox_fixture_setup(void **state)
{
	struct outbox_fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	sb_log_set_level(LOG_EMERG);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)getrlimit(RLIMIT_FSIZE, &f->file_size);
	scratch_init(&f->scratch);
	f->accounts = (struct sb_account_limits){ .messages = UINT64_MAX, .bytes = UINT64_MAX };
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);
	outbox_fixture_open(f);
	*state = f;

	return 0;
}

int outbox_fixture_teardown(void **state)
{
	struct outbox_fixture *f = *state;

	(void)setrlimit(RLIMIT_FSIZE, &f->file_size);
	outbox_fixture_close(f);
	(void)sb_loop_free(f->loop);
	scratch_done(&f->scratch);
	free(f);

	return 0;
}

/* The queue's limits are these from now on. */
void outbox_fixture_limit(struct outbox_fixture *f, const struct sb_queue_limits *limits)
{
	(void)sb_queue_free(f->queue);
	assert_int_equal(sb_queue_new(f->outbox, "plant", limits, note_changed, f, &f->queue), 0);
}

/* Completions hand over jobs of their own: a fetch, and the fetch after it. */
void outbox_fixture_settle(struct outbox_fixture *f)
{
	for (int i = 0; i < 4; i++) {
		sb_store_drain(f->store);
		sb_loop_advance(f->loop, 0);
	}
}

/* What was put off until the stack is empty; the disk does not answer. */
void outbox_fixture_tasks(struct outbox_fixture *f)
{
	sb_loop_advance(f->loop, 0);
}

/* Time passes, and the disk answers once a second. */
void outbox_fixture_pass(struct outbox_fixture *f, unsigned int ms)
{
	outbox_fixture_settle(f);
	for (; ms > 1000; ms -= 1000) {
		sb_loop_advance(f->loop, SB_USEC_PER_SEC);
		outbox_fixture_settle(f);
	}
	sb_loop_advance(f->loop, ms * SB_USEC_PER_MSEC);
	outbox_fixture_settle(f);
}

void outbox_fixture_disk_is_full(const struct outbox_fixture *f, bool full)
{
	struct rlimit limit = f->file_size;

	if (full)
		limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* 0, or a negative errno and f->error says why. */
int try_draft(struct outbox_fixture *f, const struct draft *draft)
{
	static const uint8_t payload[SB_PAYLOAD_MAX];
	struct sb_message *message = sb_message_new(draft->topic ? draft->topic : "topic", payload,
						    draft->payload_len, ":1.7");
	int r;

	assert_non_null(message);
	message->priority = draft->priority;
	message->owner = draft->owner;
	message->ttl_s = draft->ttl_s;
	message->in_memory = draft->in_memory;
	message->replaces = draft->replaces;
	message->taken = sb_clock_now(f->clock);
	r = sb_queue_publish(f->queue, message, note_published, f, &f->error);
	if (r < 0)
		(void)sb_message_free(message);

	return r;
}

void publish_draft(struct outbox_fixture *f, const struct draft *draft)
{
	assert_int_equal(try_draft(f, draft), 0);
}

/* So many of ten bytes. */
void publish(struct outbox_fixture *f, unsigned int n)
{
	while (n-- > 0)
		publish_draft(f, &(struct draft){ .payload_len = 5 });
}

struct sb_message *take(struct outbox_fixture *f, uint64_t ticket)
{
	struct sb_message *message = sb_queue_take(f->queue);

	assert_non_null(message);
	assert_int_equal(message->ticket, ticket);

	return message;
}

void deliver(struct outbox_fixture *f, struct sb_message *message)
{
	sb_queue_settle(f->queue, message,
			&(struct sb_end){ .cause = SB_CAUSE_DELIVERED, .code = "2.04" });
}

void reject(struct outbox_fixture *f, struct sb_message *message)
{
	sb_queue_settle(f->queue, message,
			&(struct sb_end){ .cause = SB_CAUSE_CLOUD,
					  .code = "4.06",
					  .reason = "no such model" });
}

/* Take all there is, in waves of eight of which some come back; each ticket ends once. */
void deliver_all(struct outbox_fixture *f, uint64_t first, uint64_t last)
{
	uint64_t next = first;

	for (unsigned int round = 0; next <= last; round++) {
		struct sb_message *wave[8];
		size_t n = 0;
		size_t keep;

		assert_in_range(round, 0, 4 * (last - first + 16));
		while (n < 8 && (wave[n] = sb_queue_take(f->queue))) {
			assert_int_equal(wave[n]->ticket, next + n);
			n++;
		}
		keep = n > 3 ? 3 : n;
		for (size_t i = 0; i < n; i++) {
			if (i < keep)
				deliver(f, wave[i]);
			else
				sb_queue_give_back(f->queue, wave[i]);
		}
		next += keep;
		if (n < 8)
			outbox_fixture_settle(f);
	}
	assert_null(sb_queue_take(f->queue));
}

struct sb_queue_stats stats(const struct outbox_fixture *f)
{
	struct sb_queue_stats ret;

	sb_queue_stats(f->queue, &ret);

	return ret;
}

static void note_outcome(void *userdata, int error, const struct sb_settlement *settlement)
{
	*(int *)userdata = error < 0 ? error : (int)settlement->outcome;
}

/* An outcome, or a negative errno. */
int lookup(struct outbox_fixture *f, uint64_t ticket)
{
	int outcome = SB_N_OUTCOMES;

	assert_int_equal(sb_outbox_lookup(f->outbox, ticket, note_outcome, &outcome), 0);
	assert_int_equal(outcome, SB_N_OUTCOMES);
	outbox_fixture_tasks(f);
	if (outcome == SB_N_OUTCOMES)
		outbox_fixture_settle(f);

	return outcome;
}

static void note_cancelled(void *userdata, const struct sb_error *error)
{
	struct outbox_fixture *f = userdata;

	f->cancelled = error == NULL;
	if (error)
		f->too_late = *error;
}

/* f->cancelled says how it went, once that is known. */
void cancel(struct outbox_fixture *f, uint64_t ticket)
{
	cancel_of(f, ticket, NULL);
}

/* The same, if it is the user's. */
void cancel_of(struct outbox_fixture *f, uint64_t ticket, const uint32_t *owner)
{
	f->cancelled = false;
	f->too_late.text[0] = '\0';
	assert_int_equal(sb_outbox_cancel(f->outbox, ticket, owner, note_cancelled, f), 0);
	assert_false(f->cancelled);
	assert_string_equal(f->too_late.text, "");
}

struct counted {
	enum sb_cause cause;
	uint64_t messages;
};

static void note_losses(void *userdata, int error, const struct sb_loss *found, size_t n)
{
	struct counted *counted = userdata;

	assert_int_equal(error, 0);
	for (size_t i = 0; i < n; i++)
		if (found[i].cause == counted->cause)
			counted->messages += found[i].messages;
}

/* How many were ever lost for this cause, as the disk knows it. */
uint64_t losses(struct outbox_fixture *f, enum sb_cause cause)
{
	struct counted counted = { .cause = cause };

	assert_int_equal(sb_store_losses(f->store, note_losses, &counted), 0);
	sb_store_drain(f->store);

	return counted.messages;
}
