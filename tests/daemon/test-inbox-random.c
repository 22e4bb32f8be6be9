/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An inbox whose messages come, whose apps come and go and acknowledge, and whose disk fails, all at random.
 * Whatever happens, each message waits, or was acknowledged, or is counted as lost; and what waits reaches
 * the app in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "tests/daemon/inbox-fixture.h"

#define SEEDS 24
#define STEPS 250
#define BOUND 7

struct model {
	struct inbox_fixture *f;
	unsigned int seed;
	uint64_t delivered;
	uint64_t highest;
	uint64_t acked;
	bool full; /* the disk */
};

static unsigned int draw(struct model *model, unsigned int below)
{
	return (unsigned int)rand_r(&model->seed) / 7 % below;
}

static void deliver(struct model *model)
{
	model->highest = inbox_deliver(model->f, "t", NULL);
	model->delivered++;
}

static void set_full(struct model *model, bool full)
{
	inbox_disk_is_full(model->f, full);
	model->full = full;
}

static void mend(struct model *model)
{
	set_full(model, false);
	inbox_settle(model->f);
	inbox_pass(model->f, 10 * SB_USEC_PER_SEC);
}

static void detach(struct inbox_consumer *consumer)
{
	if (consumer->inbox)
		sb_inbox_detach(SB_STEAL(consumer->inbox));
}

static void attach(struct model *model, struct inbox_consumer *consumer)
{
	struct sb_inbox *inbox;

	if (model->full)
		return;
	inbox = inbox_open(model->f, "app", "#");
	consumer->got[0] = '\0';
	inbox_attach_to(consumer, inbox);
}

static void note_acked(void *userdata, int error)
{
	struct model *model = userdata;

	model->acked += error == 0;
}

static void acknowledge(struct model *model, const struct inbox_consumer *consumer)
{
	unsigned int back = draw(model, 2 * BOUND);

	if (consumer->inbox && model->highest > back)
		(void)sb_inbox_acknowledge(consumer->inbox, model->highest - back, note_acked,
					   model, NULL);
}

static void restart(struct model *model)
{
	mend(model);
	inbox_restart(model->f);
}

static void step(struct model *model)
{
	struct inbox_fixture *f = model->f;
	struct inbox_consumer *consumer = draw(model, 2) ? &f->app : &f->other;
	unsigned int what = draw(model, 100);

	f->app.got[0] = f->other.got[0] = '\0';
	if (what < 40)
		deliver(model);
	else if (what < 70)
		acknowledge(model, consumer);
	else if (what < 80)
		inbox_settle(f);
	else if (what < 86)
		attach(model, consumer);
	else if (what < 90)
		detach(consumer);
	else if (what < 94)
		inbox_pass(f, draw(model, 70) * SB_USEC_PER_SEC);
	else if (what < 98)
		set_full(model, !model->full && draw(model, 2));
	else
		restart(model);
}

/* Of all causes. */
static uint64_t count_losses(struct inbox_fixture *f)
{
	const char *text = inbox_losses(f);
	const char *number = strstr(text, "inbox-full ");

	return number ? strtoull(number + strlen("inbox-full "), NULL, 10) : 0;
}

static uint64_t count_waiting(struct inbox_fixture *f)
{
	unsigned long long waiting = 0;

	assert_int_equal(sscanf(inbox_list(f), "plant 1000 app # %llu", &waiting), 1);

	return waiting;
}

/* All of it, by number, to who comes then. */
static void expect_rest(struct inbox_fixture *f, uint64_t waiting)
{
	unsigned long long before = 0;
	uint64_t n = 0;

	f->app.got[0] = '\0';
	inbox_attach(f, &f->app, "app");
	for (char *word = strtok(f->app.got, " "); word; word = strtok(NULL, " ")) {
		unsigned long long number = strtoull(word, NULL, 10);

		assert_true(number > before);
		before = number;
		n++;
	}
	assert_int_equal(n, waiting);
}

static void run(struct inbox_fixture *f, unsigned int seed)
{
	struct model model = { .f = f, .seed = seed };

	f->limits.messages = BOUND;
	f->limits.drop_oldest = seed % 2;
	inbox_restart(f);
	assert_non_null(inbox_open(f, "app", "#"));
	for (unsigned int i = 0; i < STEPS; i++)
		step(&model);
	mend(&model);
	assert_in_range(count_waiting(f), 0, BOUND);
	assert_int_equal(count_waiting(f) + model.acked + count_losses(f), model.delivered);
	restart(&model);
	assert_int_equal(count_waiting(f) + model.acked + count_losses(f), model.delivered);
	expect_rest(f, count_waiting(f));
}

static void test_nothing_gets_lost_unseen(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		void *fixture = NULL;

		assert_int_equal(inbox_fixture_setup(&fixture), 0);
		print_message("seed %u\n", seed);
		run(fixture, seed);
		assert_int_equal(inbox_fixture_teardown(&fixture), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_gets_lost_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
