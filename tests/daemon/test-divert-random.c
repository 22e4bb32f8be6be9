/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random interleavings of three queues between which messages move as links come and go: each ticket
 * ends once, is at one queue at a time and never taken after its end; in the end nothing is left at the
 * wrong queue, nor counted. Where a test wants that, jobs of the store fail; and where it wants that,
 * the daemon is killed now and then: what was published is there, whatever was on its way.
 * SKYBUS_TEST_SEED sets the seed; a run with the same one is alike, but not the same, for the store's
 * thread keeps its own time.
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
#define TAKEN_MAX 8
#define LINKS 3

enum state {
	WAITS, /* or is of no message */
	TAKEN,
	ENDED,
};

struct link {
	const char *name;
	struct sb_queue *queue;
	bool online;
	struct sb_message *taken[TAKEN_MAX];
	size_t n_taken;
};

static struct {
	struct outbox_fixture *f;
	struct trouble trouble;
	bool restarts;
	struct sb_queue_limits limits;
	struct link links[LINKS];
	enum state states[TICKETS_MAX];
	bool published[TICKETS_MAX]; /* and the publisher was told */
	bool in_memory[TICKETS_MAX];
	bool lost[TICKETS_MAX]; /* nobody was told of its end: the daemon was not there */
	uint64_t last;
	unsigned int n_ended;
	unsigned int n_published;
	unsigned int n_refused;
	unsigned int n_diverted;
	unsigned int n_restarts;
	unsigned int n_by_cause[SB_N_CAUSES];
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

/* ---- Links that come and go ---- */

static struct link *find_link(const char *name)
{
	for (size_t i = 0; i < LINKS; i++)
		if (strcmp(run.links[i].name, name) == 0)
			return &run.links[i];
	fail();

	return NULL;
}

static struct link *choose(void)
{
	for (size_t i = 0; i < LINKS; i++)
		if (run.links[i].online)
			return &run.links[i];

	return &run.links[0];
}

static void topic_at(const struct link *link, const char *route, char topic[SB_TOPIC_MAX + 1])
{
	(void)snprintf(topic, SB_TOPIC_MAX + 1, "%s/%s", link->name, route);
}

static bool random_direct(void *userdata, const char *name, const struct sb_record *record,
			  struct sb_direction *ret)
{
	const struct link *to = choose();

	(void)userdata;
	if (find_link(name)->online || !to->online)
		return false;
	ret->queue = to->queue;
	topic_at(to, record->route, ret->topic);
	run.n_diverted++;

	return true;
}

static void random_return(struct link *link, bool settle)
{
	struct sb_message *message;
	size_t i;

	if (link->n_taken == 0)
		return;
	i = draw((unsigned int)link->n_taken);
	message = link->taken[i];
	link->taken[i] = link->taken[--link->n_taken];
	if (settle) {
		sb_queue_settle(link->queue, message,
				&(struct sb_end){ .cause = draw(5) ? SB_CAUSE_DELIVERED
								   : SB_CAUSE_CLOUD });
	} else {
		run.states[message->ticket] = WAITS;
		sb_queue_give_back(link->queue, message);
	}
}

static void random_toggle(struct link *link)
{
	link->online = !link->online;
	while (!link->online && link->n_taken > 0)
		random_return(link, false);
	if (!link->online)
		sb_outbox_divert(run.f->outbox, link->name);
	else
		for (size_t i = 0; i < LINKS; i++)
			if (!run.links[i].online)
				sb_outbox_divert(run.f->outbox, run.links[i].name);
}

static void random_take(struct link *link)
{
	struct sb_message *message;
	char topic[SB_TOPIC_MAX + 1];

	if (!link->online || link->n_taken == TAKEN_MAX)
		return;
	message = sb_queue_take(link->queue);
	if (!message)
		return;
	assert_int_equal(run.states[message->ticket], WAITS);
	topic_at(link, strrchr(message->topic, '/') + 1, topic);
	assert_string_equal(message->topic, topic);
	run.states[message->ticket] = TAKEN;
	link->taken[link->n_taken++] = message;
}

/* ---- Messages ---- */

static void random_on_settled(void *userdata, const struct sb_settled *settled)
{
	uint64_t ticket = settled->settlement.ticket;

	(void)userdata;
	assert_in_range(ticket, 1, TICKETS_MAX - 1);
	/* Its publisher may have waited for its ticket when the daemon was killed. */
	if (run.n_restarts > 0 && !run.published[ticket]) {
		run.published[ticket] = true;
		run.n_published++;
	}
	assert_true(run.published[ticket]);
	assert_int_not_equal(run.states[ticket], ENDED);
	run.states[ticket] = ENDED;
	run.n_ended++;
	run.n_by_cause[settled->settlement.cause]++;
}

static void random_on_published(void *userdata, const uint64_t *tickets, size_t n,
				const struct sb_error *error)
{
	if (error) {
		run.n_refused++;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		assert_in_range(tickets[i], 1, TICKETS_MAX - 1);
		assert_false(run.published[tickets[i]]);
		run.published[tickets[i]] = true;
		run.in_memory[tickets[i]] = userdata != NULL;
		run.n_published++;
		if (tickets[i] > run.last)
			run.last = tickets[i];
	}
}

static void random_publish(void)
{
	static const char *const routes[] = { "a", "bb", "ccc" };
	static const uint8_t payload[20000];
	const char *route = routes[draw(3)];
	char topic[SB_TOPIC_MAX + 1];
	struct sb_parcel parcel = { .queue = choose()->queue };

	topic_at(choose(), route, topic);
	parcel.message =
		sb_message_new(topic, payload, draw(20) ? draw(20) : sizeof(payload), NULL);
	assert_non_null(parcel.message);
	parcel.message->route = strdup(route);
	parcel.message->priority = draw(SB_N_PRIORITIES);
	parcel.message->in_memory = draw(4) == 0;
	parcel.message->replaces = draw(6) == 0;
	parcel.message->ttl_s = draw(4) == 0 ? 1 + draw(60) : 0;
	parcel.message->owner = 1000 + draw(3);
	parcel.message->taken = sb_clock_now(run.f->clock);
	if (sb_outbox_publish(run.f->outbox, &parcel, 1, random_on_published,
			      parcel.message->in_memory ? &run : NULL, NULL) < 0)
		(void)sb_message_free(parcel.message);
}

static void random_on_cancelled(void *userdata, const struct sb_error *error)
{
	if (!error)
		assert_int_equal(run.states[(uintptr_t)userdata], ENDED);
}

static void random_cancel(void)
{
	uint64_t ticket = run.last > 200 ? run.last - draw(200) : 1 + draw(200);

	(void)sb_outbox_cancel(run.f->outbox, ticket, NULL, random_on_cancelled,
			       (void *)(uintptr_t)ticket);
}

/* ---- The daemon ---- */

static void open_queues(void)
{
	sb_outbox_listen(run.f->outbox, random_on_settled, NULL);
	sb_outbox_direct(run.f->outbox, random_direct, NULL);
	for (size_t i = 0; i < LINKS; i++)
		assert_int_equal(sb_queue_new(run.f->outbox, run.links[i].name, &run.limits, NULL,
					      NULL, &run.links[i].queue),
				 0);
}

static void close_queues(void)
{
	for (size_t i = 0; i < LINKS; i++) {
		while (run.links[i].n_taken > 0)
			random_return(&run.links[i], false);
		run.links[i].queue = sb_queue_free(run.links[i].queue);
	}
}

static void note_outcome(void *userdata, int error, const struct sb_settlement *settlement)
{
	*(int *)userdata = error < 0 ? error : (int)settlement->outcome;
}

/* What had ended, and was told to nobody; what was in memory is lost. */
static void take_stock(void)
{
	for (uint64_t ticket = 1; ticket <= run.last; ticket++) {
		int outcome = SB_N_OUTCOMES;

		if (!run.published[ticket] || run.states[ticket] == ENDED)
			continue;
		assert_int_equal(sb_outbox_lookup(run.f->outbox, ticket, note_outcome, &outcome),
				 0);
		sb_store_drain(run.f->store);
		assert_int_equal(outcome == -ENOENT, run.in_memory[ticket]);
		if (outcome == SB_STORED)
			continue;
		run.states[ticket] = ENDED;
		run.lost[ticket] = true;
		run.n_ended++;
	}
}

/* With jobs in its hands, which are done, and complete no more. */
static void random_restart(void)
{
	unsigned int per_thousand = run.trouble.per_thousand;

	run.n_restarts++;
	close_queues();
	run.trouble.per_thousand = 0;
	(void)sb_queue_free(run.f->queue);
	run.f->queue = NULL;
	outbox_fixture_close(run.f);
	outbox_fixture_open(run.f);
	open_queues();
	take_stock();
	for (size_t i = 0; i < LINKS; i++)
		run.links[i].online = draw(2) == 0;
	sb_outbox_divert(run.f->outbox, NULL);
	run.trouble.per_thousand = per_thousand;
}

static void random_step(void)
{
	struct link *link = &run.links[draw(LINKS)];
	unsigned int what = draw(1000);

	if (what < 3 && run.restarts)
		random_restart();
	else if (what < 15)
		random_toggle(link);
	else if (what < 400)
		random_publish();
	else if (what < 600)
		random_take(link);
	else if (what < 720)
		random_return(link, true);
	else if (what < 800)
		random_return(link, false);
	else if (what < 850)
		random_cancel();
	else if (what < 890)
		sb_loop_advance(run.f->loop, draw(1500) * SB_USEC_PER_MSEC);
	else if (what < 930)
		sb_loop_advance(run.f->loop, 0);
	else if (what < 990)
		assert_true(sb_loop_turn(run.f->loop, 0) >= 0);
	else
		sb_store_drain(run.f->store);
}

/* One link is online in the end, and all has to go there. */
static void finish(void)
{
	run.trouble.per_thousand = 0;
	for (size_t i = 0; i < LINKS; i++)
		if (run.links[i].online != (i == 1))
			random_toggle(&run.links[i]);
	for (unsigned int idle = 0; idle < 3;) {
		unsigned int before = run.n_ended;

		for (int i = 0; i < TAKEN_MAX; i++)
			random_take(&run.links[1]);
		while (run.links[1].n_taken > 0)
			random_return(&run.links[1], true);
		outbox_fixture_pass(run.f, 11 * 1000);
		idle = run.n_ended == before ? idle + 1 : 0;
	}
}

static void check(void)
{
	const struct sb_outbox *outbox = run.f->outbox;
	struct sb_queue_stats left;

	for (uint64_t ticket = 1; ticket < TICKETS_MAX; ticket++)
		assert_int_equal(run.states[ticket] == ENDED, run.published[ticket]);
	assert_int_equal(run.n_ended, run.n_published);
	for (size_t i = 0; i < LINKS; i++) {
		const struct sb_queue *queue = run.links[i].queue;

		sb_queue_stats(queue, &left);
		assert_int_equal(left.queued + left.queued_bytes + left.in_flight, 0);
		assert_int_equal(queue->storing.messages + queue->storing.bytes, 0);
		assert_int_equal(queue->ending.messages + queue->ending.bytes, 0);
		assert_int_equal(queue->in_memory.messages + queue->in_memory.bytes, 0);
		for (size_t j = 0; j < SB_N_PRIORITIES; j++)
			assert_int_equal(queue->lanes[j].unread + queue->lanes[j].n_stored.messages,
					 0);
	}
	assert_null(outbox->accounts.by_owner);
	assert_null(outbox->endings.by_ticket);
	assert_null(outbox->moves);
}

static void run_with(struct outbox_fixture *f, unsigned int per_thousand, bool restarts,
		     unsigned int seed)
{
	const char *given = getenv("SKYBUS_TEST_SEED");

	memset(&run, 0, sizeof(run));
	run.f = f;
	run.limits = roomy;
	run.limits.messages = 400;
	run.trouble.ways = TROUBLE_ON_DISK;
	run.trouble.per_thousand = per_thousand;
	run.restarts = restarts;
	run.trouble.seed = given ? (unsigned int)strtoul(given, NULL, 10) : seed;
	run.links[0].name = "first";
	run.links[1].name = "second";
	run.links[2].name = "the-third";
	open_queues();
	seed = run.trouble.seed;
	for (int i = 0; i < STEPS; i++)
		random_step();
	finish();
	check();
	print_message("seed %u: %u published, %u diverted, %u delivered, %u restarts\n", seed,
		      run.n_published, run.n_diverted, run.n_by_cause[SB_CAUSE_DELIVERED],
		      run.n_restarts);
	assert_true(run.n_diverted > 100);
	assert_true(run.n_by_cause[SB_CAUSE_TTL] > 0);
	assert_true(run.n_by_cause[SB_CAUSE_REPLACED] > 0);
	assert_true(run.n_by_cause[SB_CAUSE_CALLER] > 0);
}

static void test_in_order(void **state)
{
	run_with(*state, 0, false, 1);
}

static void test_in_trouble(void **state)
{
	run_with(*state, 40, false, 2);
	assert_true(run.n_refused > 0);
}

static void test_with_restarts(void **state)
{
	run_with(*state, 0, true, 3);
	assert_true(run.n_restarts > 3);
}

/* A test may have failed. */
static int teardown(void **state)
{
	if (run.links[0].queue)
		close_queues();

	return outbox_fixture_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, outbox_fixture_setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_in_order),
		TEST(test_in_trouble),
		TEST(test_with_restarts),
	};

	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
