/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random interleavings: whatever comes between handing a job to the store and its completion, each
 * ticket ends once, none is taken after its end, and in the end nothing is left, nor counted. The link
 * goes and comes back; and where a test wants that, jobs of the store fail. SKYBUS_TEST_SEED sets the
 * seed; a run with the same one is alike, but not the same, for the store's thread keeps its own time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/queue.h"
#include "daemon/store-job.h"
#include "tests/daemon/outbox-fixture.h"
#include "tests/daemon/troubled-job.h"

/* Handing over is as it is, but for the jobs, some of which fail. */
static struct sb_store_job *random_job_new(const struct sb_job_kind *kind, const char *link,
					   void *userdata);
#define sb_store_job_new random_job_new
#include "daemon/store-submit.c"
#undef sb_store_job_new

#define TICKETS_MAX 20000
#define STEPS 6000
#define TAKEN_MAX 12

enum state {
	WAITS, /* or is of no message */
	TAKEN,
	ENDED,
};

static struct {
	struct outbox_fixture *f;
	const struct sb_queue_limits *limits;
	struct trouble trouble;
	enum state states[TICKETS_MAX];
	bool published[TICKETS_MAX]; /* and the publisher was told */
	struct sb_message *taken[TAKEN_MAX];
	size_t n_taken;
	uint64_t last;
	unsigned int n_ended;
	unsigned int n_published;
	unsigned int n_by_cause[SB_N_CAUSES];
	unsigned int n_refused;
} run;

static unsigned int draw(unsigned int below)
{
	return trouble_draw(&run.trouble, below);
}

static struct sb_store_job *random_job_new(const struct sb_job_kind *kind, const char *link,
					   void *userdata)
{
	return troubled_job_new(&run.trouble, kind, link, userdata);
}

static void random_on_settled(void *userdata, const struct sb_settled *settled)
{
	uint64_t ticket = settled->settlement.ticket;

	(void)userdata;
	assert_in_range(ticket, 1, TICKETS_MAX - 1);
	assert_true(run.published[ticket]);
	assert_int_not_equal(run.states[ticket], ENDED);
	run.states[ticket] = ENDED;
	run.n_ended++;
	run.n_by_cause[settled->settlement.cause]++;
}

static void random_on_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	if (error) {
		run.n_refused++;
		return;
	}
	assert_in_range(ticket, 1, TICKETS_MAX - 1);
	assert_false(run.published[ticket]);
	assert_int_not_equal(run.states[ticket], ENDED);
	run.published[ticket] = true;
	run.n_published++;
	if (ticket > run.last)
		run.last = ticket;
}

static void random_on_cancelled(void *userdata, const struct sb_error *error)
{
	uint64_t ticket = (uint64_t)(uintptr_t)userdata;

	if (error)
		return;
	assert_int_equal(run.states[ticket], ENDED);
}

static void random_publish(void)
{
	static const char *const topics[] = { "a", "b", "c" };
	static const uint8_t payload[20000];
	struct sb_message *message;

	message = sb_message_new(topics[draw(3)], payload, draw(20) ? draw(20) : sizeof(payload),
				 NULL);
	assert_non_null(message);
	message->priority = draw(SB_N_PRIORITIES);
	message->in_memory = draw(4) == 0;
	message->replaces = draw(6) == 0;
	message->ttl_s = draw(4) == 0 ? 1 + draw(20) : 0;
	message->owner = 1000 + draw(3);
	message->taken = sb_clock_now(run.f->clock);
	if (sb_queue_publish(run.f->queue, message, random_on_published, NULL, NULL) < 0)
		(void)sb_message_free(message);
}

static void random_take(void)
{
	struct sb_message *message;

	if (run.n_taken == TAKEN_MAX)
		return;
	message = sb_queue_take(run.f->queue);
	if (!message)
		return;
	assert_int_equal(run.states[message->ticket], WAITS);
	assert_true(run.published[message->ticket] || message->in_memory);
	run.states[message->ticket] = TAKEN;
	run.taken[run.n_taken++] = message;
}

static void random_return(bool settle)
{
	struct sb_message *message;
	size_t i;

	if (run.n_taken == 0)
		return;
	i = draw((unsigned int)run.n_taken);
	message = run.taken[i];
	run.taken[i] = run.taken[--run.n_taken];
	if (settle && draw(5) == 0) {
		reject(run.f, message);
	} else if (settle) {
		deliver(run.f, message);
	} else {
		run.states[message->ticket] = WAITS;
		sb_queue_give_back(run.f->queue, message);
	}
}

static void random_cancel(void)
{
	uint64_t ticket = run.last > 200 ? run.last - draw(200) : 1 + draw(200);

	(void)sb_outbox_cancel(run.f->outbox, ticket, NULL, random_on_cancelled,
			       (void *)(uintptr_t)ticket);
}

static void random_on_lookup(void *userdata, int error, const struct sb_settlement *settlement)
{
	uint64_t ticket = (uint64_t)(uintptr_t)userdata;

	if (error < 0)
		return;
	if (settlement->outcome == SB_IN_FLIGHT)
		assert_int_equal(run.states[ticket], TAKEN);
}

static void random_lookup(void)
{
	uint64_t ticket = run.last > 200 ? run.last - draw(200) : 1 + draw(200);

	(void)sb_outbox_lookup(run.f->outbox, ticket, random_on_lookup, (void *)(uintptr_t)ticket);
}

/* The link goes, and comes back after a while. */
static void random_relink(void)
{
	while (run.n_taken > 0)
		random_return(draw(2));
	run.f->queue = sb_queue_free(run.f->queue);
	for (unsigned int i = draw(4); i > 0; i--) {
		random_cancel();
		sb_loop_advance(run.f->loop, draw(1500) * SB_USEC_PER_MSEC);
		assert_true(sb_loop_turn(run.f->loop, 0) >= 0);
	}
	assert_int_equal(
		sb_queue_new(run.f->outbox, "plant", run.limits, NULL, NULL, &run.f->queue), 0);
}

static void random_step(void)
{
	unsigned int what = draw(100);

	if (draw(200) == 0)
		random_relink();
	else if (what < 40)
		random_publish();
	else if (what < 58)
		random_take();
	else if (what < 72)
		random_return(true);
	else if (what < 80)
		random_return(false);
	else if (what < 85)
		random_cancel();
	else if (what < 86)
		random_lookup();
	else if (what < 90)
		sb_loop_advance(run.f->loop, draw(1500) * SB_USEC_PER_MSEC);
	else if (what < 94)
		sb_loop_advance(run.f->loop, 0);
	else if (what < 99)
		assert_true(sb_loop_turn(run.f->loop, 0) >= 0);
	else
		sb_store_drain(run.f->store);
}

/* Take and deliver what is left; the disk works, and is asked again. */
static void finish(void)
{
	run.trouble.per_thousand = 0;
	for (unsigned int idle = 0; idle < 3;) {
		unsigned int before = run.n_ended;

		while (run.n_taken > 0)
			random_return(true);
		for (int i = 0; i < TAKEN_MAX; i++)
			random_take();
		outbox_fixture_pass(run.f, 11 * 1000);
		idle = run.n_ended == before && run.n_taken == 0 ? idle + 1 : 0;
	}
}

/* Nothing is counted that is not there. */
static void check_counts(void)
{
	const struct sb_queue *queue = run.f->queue;
	const struct sb_outbox *outbox = run.f->outbox;

	assert_int_equal(queue->storing.messages + queue->storing.bytes, 0);
	assert_int_equal(queue->ending.messages + queue->ending.bytes, 0);
	assert_int_equal(queue->in_memory.messages + queue->in_memory.bytes, 0);
	for (size_t i = 0; i < SB_N_PRIORITIES; i++) {
		assert_int_equal(queue->lanes[i].unread, 0);
		assert_int_equal(queue->lanes[i].n_stored.messages, 0);
		assert_int_equal(queue->lanes[i].n_in_memory.messages, 0);
	}
	assert_null(outbox->accounts.by_owner);
	assert_null(outbox->endings.by_ticket);
	assert_true(TAILQ_EMPTY(&outbox->endings.unwritten));
}

static void check(void)
{
	struct sb_queue_stats left = stats(run.f);
	uint64_t lost = 0;
	uint64_t not_delivered = run.n_ended - run.n_by_cause[SB_CAUSE_DELIVERED];

	for (uint64_t ticket = 1; ticket < TICKETS_MAX; ticket++)
		assert_int_equal(run.states[ticket] == ENDED, run.published[ticket]);
	assert_int_equal(run.n_ended, run.n_published);
	assert_int_equal(left.queued, 0);
	assert_int_equal(left.queued_bytes, 0);
	assert_int_equal(left.in_flight, 0);
	for (int cause = 0; cause < SB_N_CAUSES; cause++)
		lost += losses(run.f, (enum sb_cause)cause);
	assert_int_equal(lost, not_delivered);
	check_counts();
}

static void run_with(struct outbox_fixture *f, const struct sb_queue_limits *limits,
		     unsigned int per_thousand, unsigned int seed)
{
	memset(&run, 0, sizeof(run));
	run.f = f;
	run.limits = limits;
	run.trouble.ways = TROUBLE_WITH_FULL_DISK;
	run.trouble.per_thousand = per_thousand;
	run.trouble.seed = seed;
	outbox_fixture_limit(f, limits);
	sb_outbox_listen(f->outbox, random_on_settled, NULL);
	for (int i = 0; i < STEPS; i++)
		random_step();
	finish();
	check();
	print_message("seed %u: %u published, %u delivered, %u ttl, %u evicted, %u replaced, %u "
		      "cancelled\n",
		      seed, run.n_published, run.n_by_cause[SB_CAUSE_DELIVERED],
		      run.n_by_cause[SB_CAUSE_TTL], run.n_by_cause[SB_CAUSE_EVICTED],
		      run.n_by_cause[SB_CAUSE_REPLACED], run.n_by_cause[SB_CAUSE_CALLER]);
	assert_true(run.n_by_cause[SB_CAUSE_TTL] > 0);
	assert_true(run.n_by_cause[SB_CAUSE_REPLACED] > 0);
	assert_true(run.n_by_cause[SB_CAUSE_CALLER] > 0);
}

static unsigned int seed_of(unsigned int fallback)
{
	const char *seed = getenv("SKYBUS_TEST_SEED");

	return seed ? (unsigned int)strtoul(seed, NULL, 10) : fallback;
}

static void test_roomy(void **state)
{
	struct outbox_fixture *f = *state;

	f->outbox->in_lanes = (struct sb_tally){ 0 };
	run_with(*state, &roomy, 0, seed_of(1));
}

static void test_roomy_in_trouble(void **state)
{
	run_with(*state, &roomy, 30, seed_of(4));
	assert_true(run.n_refused > 0);
}

static void test_tight(void **state)
{
	const struct sb_queue_limits tight = {
		.messages = 150, .bytes = 400000, .memory_messages = 20, .memory_bytes = 50000
	};

	run_with(*state, &tight, 0, seed_of(2));
}

static const struct sb_queue_limits dropping = { .messages = 150,
						 .bytes = 400000,
						 .memory_messages = 20,
						 .memory_bytes = 50000,
						 .drop_oldest = true };

static void test_tight_and_dropping(void **state)
{
	run_with(*state, &dropping, 0, seed_of(3));
	assert_true(run.n_by_cause[SB_CAUSE_EVICTED] > 0);
}

static void test_dropping_in_trouble(void **state)
{
	run_with(*state, &dropping, 100, seed_of(5));
	assert_true(run.n_refused > 0);
	assert_true(run.n_by_cause[SB_CAUSE_EVICTED] > 0);
}

/* Ends wait, but not where there is little room. */
static void test_patient(void **state)
{
	struct outbox_fixture *f = *state;

	outbox_fixture_close(f);
	f->commit_interval_s = 2;
	outbox_fixture_open(f);
	run_with(f, &dropping, 30, seed_of(6));
	assert_true(run.n_by_cause[SB_CAUSE_EVICTED] > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		OUTBOX_TEST(test_roomy),
		OUTBOX_TEST(test_tight),
		OUTBOX_TEST(test_tight_and_dropping),
		OUTBOX_TEST(test_roomy_in_trouble),
		OUTBOX_TEST(test_dropping_in_trouble),
		OUTBOX_TEST(test_patient),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
