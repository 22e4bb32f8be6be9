/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/queue.h"
#include "tests/daemon/outbox-fixture.h"

#define MANY 1000

/* ---- The way of a message ---- */

static void test_published_when_on_disk(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 3);
	assert_string_equal(f->published, "");
	assert_null(sb_queue_take(f->queue));
	assert_int_equal(stats(f).queued, 0);
	outbox_fixture_settle(f);
	assert_string_equal(f->published, "1 2 3 ");
	assert_int_equal(f->n_changed, 3);
	assert_int_equal(stats(f).queued, 3);
	assert_int_equal(stats(f).queued_bytes, 30);
}

static void test_settled_in_order(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *first;
	struct sb_message *second;

	publish(f, 2);
	outbox_fixture_settle(f);
	first = take(f, 1);
	second = take(f, 2);
	assert_null(sb_queue_take(f->queue));
	assert_int_equal(stats(f).in_flight, 2);

	deliver(f, first);
	assert_int_equal(f->n_settled, 0);
	outbox_fixture_settle(f);
	assert_string_equal(f->settled, "plant :1.7 1 delivered 2.04 ");
	reject(f, second);
	outbox_fixture_settle(f);
	assert_string_equal(f->settled, "plant :1.7 2 rejected 4.06 no such model");

	assert_int_equal(f->n_settled, 2);
	assert_int_equal(stats(f).queued, 0);
	assert_int_equal(stats(f).queued_bytes, 0);
	assert_int_equal(stats(f).in_flight, 0);
	assert_int_equal(stats(f).ended[SB_DELIVERED], 1);
	assert_int_equal(stats(f).ended[SB_REJECTED], 1);
}

static void test_given_back_in_order(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *messages[3];

	publish(f, 4);
	outbox_fixture_settle(f);
	for (uint64_t i = 0; i < 3; i++)
		messages[i] = take(f, i + 1);
	sb_queue_give_back(f->queue, messages[1]);
	sb_queue_give_back(f->queue, messages[0]);
	sb_queue_give_back(f->queue, messages[2]);
	assert_int_equal(stats(f).in_flight, 0);
	assert_int_equal(stats(f).queued, 4);

	/* Two that are in flight, and one back in its place among those that wait. */
	for (uint64_t i = 0; i < 3; i++)
		messages[i] = take(f, i + 1);
	sb_queue_give_back(f->queue, messages[1]);
	messages[1] = take(f, 2);
	for (uint64_t i = 0; i < 3; i++)
		deliver(f, messages[i]);
	deliver(f, take(f, 4));
	outbox_fixture_settle(f);
	assert_int_equal(f->n_settled, 4);
}

static void test_more_than_memory_holds(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, MANY);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, MANY);
	deliver_all(f, 1, MANY);
	outbox_fixture_settle(f);
	assert_int_equal(f->n_settled, MANY);
	assert_int_equal(stats(f).queued, 0);
	/* Also those that had to be read back know who published them. */
	assert_string_equal(f->settled, "plant :1.7 1000 delivered 2.04 ");
}

/* Publishing, reading ahead and settling at the same time. */
static void test_publishing_while_taking(void **state)
{
	struct outbox_fixture *f = *state;
	uint64_t next = 1;

	for (unsigned int round = 0; round < MANY / 10; round++) {
		struct sb_message *message;

		publish(f, 10);
		for (unsigned int i = 0; i < 7 && (message = sb_queue_take(f->queue)); i++) {
			assert_int_equal(message->ticket, next++);
			deliver(f, message);
		}
		assert_true(sb_loop_turn(f->loop, 0) >= 0);
	}
	outbox_fixture_settle(f);
	deliver_all(f, next, MANY);
	outbox_fixture_settle(f);
	assert_int_equal(f->n_settled, MANY);
}

static void test_large_messages(void **state)
{
	struct outbox_fixture *f = *state;

	for (int i = 0; i < 20; i++)
		assert_int_equal(try_draft(f, &(struct draft){ .payload_len = SB_PAYLOAD_MAX }), 0);
	outbox_fixture_settle(f);
	deliver_all(f, 1, 20);
}

static void test_memory_refills_by_itself(void **state)
{
	struct outbox_fixture *f = *state;
	unsigned int before;

	publish(f, 200);
	outbox_fixture_settle(f);
	for (uint64_t ticket = 1; ticket <= 64; ticket++)
		deliver(f, take(f, ticket));
	assert_null(sb_queue_take(f->queue));
	before = f->n_changed;
	outbox_fixture_settle(f);
	assert_true(f->n_changed > before);
	deliver(f, take(f, 65));
}

/* ---- Bounds ---- */

static void test_bounds(void **state)
{
	struct outbox_fixture *f = *state;
	const struct sb_queue_limits tight = { .messages = 3, .bytes = 30 };
	struct sb_message *message;

	outbox_fixture_limit(f, &tight);
	publish(f, 2);
	assert_int_equal(try_draft(f, &(struct draft){ .payload_len = 6 }), -ENOBUFS);
	assert_int_equal(f->error.code, SB_ERROR_QUEUE_FULL);
	assert_non_null(strstr(f->error.text, "queue_bytes is 30"));
	publish(f, 1);
	assert_int_equal(try_draft(f, &(struct draft){ .payload_len = 0 }), -ENOBUFS);
	assert_non_null(strstr(f->error.text, "queue_messages is 3"));

	outbox_fixture_settle(f);
	message = take(f, 1);
	assert_int_equal(try_draft(f, &(struct draft){ .payload_len = 5 }), -ENOBUFS);
	deliver(f, message);
	outbox_fixture_settle(f);
	publish(f, 1);
	outbox_fixture_settle(f);
	assert_string_equal(f->published, "1 2 3 4 ");
}

/* ---- Restarts ---- */

static void test_backlog_of_an_earlier_run(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *message;

	publish(f, 100);
	outbox_fixture_settle(f);
	deliver(f, take(f, 1));
	message = take(f, 2);
	sb_queue_give_back(f->queue, message);
	outbox_fixture_close(f);
	assert_int_equal(f->n_settled, 0);

	f->published[0] = '\0';
	outbox_fixture_open(f);
	assert_int_equal(stats(f).queued, 99);
	publish(f, 2);
	outbox_fixture_settle(f);
	assert_string_equal(f->published, "101 102 ");
	for (uint64_t ticket = 2; ticket <= 100; ticket++) {
		deliver(f, take(f, ticket));
		outbox_fixture_settle(f);
	}
	deliver_all(f, 101, 102);
	outbox_fixture_settle(f);
	assert_int_equal(lookup(f, 1), SB_DELIVERED);
	assert_int_equal(lookup(f, 50), SB_DELIVERED);
}

/* A link whose configuration changed comes back under its name. */
static void test_queue_of_a_link_that_comes_back(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_queue *second = NULL;
	unsigned int before;

	assert_int_equal(sb_queue_new(f->outbox, "plant", &roomy, NULL, NULL, &second), -EEXIST);
	publish(f, 100);
	outbox_fixture_settle(f);
	deliver(f, take(f, 1));
	publish(f, 100);
	before = f->n_changed;
	(void)sb_queue_free(f->queue);
	outbox_fixture_settle(f);
	assert_int_equal(f->n_changed, before);
	assert_int_equal(f->n_settled, 1);

	assert_int_equal(sb_queue_new(f->outbox, "plant", &roomy, NULL, NULL, &f->queue), 0);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 199);
	deliver_all(f, 2, 200);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 0);
}

static void never_called(void *userdata, int error, const struct sb_settlement *settlement)
{
	(void)settlement;
	*(int *)userdata = error;
}

static void never_cancelled(void *userdata, const struct sb_error *error)
{
	(void)error;
	*(int *)userdata = 0;
}

static void test_freed_while_the_store_works(void **state)
{
	struct outbox_fixture *f = *state;
	int outcome = -1;

	publish(f, 200);
	outbox_fixture_settle(f);
	deliver(f, take(f, 1));
	for (uint64_t ticket = 2; ticket <= 60; ticket++)
		deliver(f, take(f, ticket));
	f->published[0] = '\0';
	publish(f, 10);
	assert_int_equal(sb_outbox_lookup(f->outbox, 7, never_called, &outcome), 0);
	assert_int_equal(sb_outbox_cancel(f->outbox, 70, NULL, never_cancelled, &outcome), 0);
	outbox_fixture_close(f);
	assert_string_equal(f->published, "");
	assert_int_equal(f->n_settled, 0);
	assert_int_equal(outcome, -1);

	outbox_fixture_open(f);
	assert_int_equal(stats(f).queued, 150);
	assert_int_equal(lookup(f, 7), SB_DELIVERED);
}

static void test_lookup(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *message;

	publish(f, 2);
	outbox_fixture_settle(f);
	message = take(f, 1);
	assert_int_equal(lookup(f, 1), SB_IN_FLIGHT);
	assert_int_equal(lookup(f, 2), SB_STORED);
	assert_int_equal(lookup(f, 3), -ENOENT);
	sb_queue_give_back(f->queue, message);
	assert_int_equal(lookup(f, 1), SB_STORED);
	reject(f, take(f, 1));
	assert_int_equal(lookup(f, 1), SB_REJECTED);
}

/* ---- Trouble ---- */

static void test_full_disk(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 1);
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, true);
	publish(f, 1);
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, false);
	assert_string_equal(f->published, "1 ");
	assert_int_equal(f->error.code, SB_ERROR_FAILED);
	assert_non_null(strstr(f->error.text, "the disk is full; free some space"));
	assert_int_equal(stats(f).queued, 1);

	publish(f, 1);
	outbox_fixture_settle(f);
	assert_string_equal(f->published, "1 3 ");
	deliver(f, take(f, 1));
	deliver(f, take(f, 3));
}

static void test_end_is_written_when_the_disk_lets_it(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 1);
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, true);
	deliver(f, take(f, 1));
	outbox_fixture_settle(f);
	assert_int_equal(f->n_settled, 1);
	assert_int_equal(stats(f).queued, 1);
	assert_int_equal(lookup(f, 1), SB_DELIVERED);

	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 1);
	outbox_fixture_disk_is_full(f, false);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 0);
	assert_int_equal(f->n_settled, 1);
	outbox_fixture_close(f);

	outbox_fixture_open(f);
	assert_int_equal(lookup(f, 1), SB_DELIVERED);
}

/* They are written a part at a time, but all of them once the disk works. */
/* No row tells of these, and the disk refuses to count them; also over the end of the outbox. */
static void test_losses_are_counted_when_the_disk_lets_it(void **state)
{
	struct outbox_fixture *f = *state;

	outbox_fixture_disk_is_full(f, true);
	for (unsigned int i = 0; i < 30; i++) {
		publish_draft(f, &(struct draft){ .in_memory = true, .replaces = true });
		outbox_fixture_settle(f);
	}
	assert_int_equal(f->n_settled, 29);
	assert_int_equal(losses(f, SB_CAUSE_REPLACED), 0);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	outbox_fixture_settle(f);
	assert_int_equal(losses(f, SB_CAUSE_REPLACED), 0);

	outbox_fixture_disk_is_full(f, false);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	outbox_fixture_settle(f);
	assert_int_equal(losses(f, SB_CAUSE_REPLACED), 29);
	sb_outbox_stop(f->outbox);
	outbox_fixture_close(f);
	outbox_fixture_open(f);
	assert_int_equal(losses(f, SB_CAUSE_REPLACED), 29);
	assert_int_equal(losses(f, SB_CAUSE_STOPPED), 1);
}

static void test_many_ends_are_written_when_the_disk_lets_it(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *message;
	const unsigned int n = 2 * SB_REWRITING_MAX + 100;

	for (unsigned int i = 0; i < n; i++)
		publish_draft(f, &(struct draft){ .payload_len = 5 });
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, true);
	for (unsigned int i = 0; i < n / 32; i++) {
		while ((message = sb_queue_take(f->queue)))
			deliver(f, message);
		outbox_fixture_settle(f);
	}
	assert_int_equal(f->n_settled, n);
	assert_int_equal(stats(f).queued, n);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, n);

	outbox_fixture_disk_is_full(f, false);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	outbox_fixture_settle(f);
	assert_int_equal(stats(f).queued, 0);
	assert_int_equal(f->n_settled, n);
}

/* Reading goes well all the while: that is no reason to say that the disk works. */
static void test_disk_that_can_only_be_read(void **state)
{
	struct outbox_fixture *f = *state;
	struct sb_message *taken[60];

	publish(f, 100);
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, true);
	deliver(f, take(f, 1));
	outbox_fixture_settle(f);
	assert_true(f->outbox->troubled);
	for (size_t i = 0; i < SB_ELEMENTS(taken); i++)
		taken[i] = take(f, 2 + i);
	outbox_fixture_settle(f);
	assert_int_equal(f->queue->lanes[SB_BULK].unread, 0);
	for (size_t i = 0; i < SB_ELEMENTS(taken); i++)
		sb_queue_give_back(f->queue, taken[i]);
	assert_true(f->outbox->troubled);

	outbox_fixture_disk_is_full(f, false);
	outbox_fixture_pass(f, 10 * 1000);
	assert_false(f->outbox->troubled);
	deliver_all(f, 2, 100);
}

static void test_end_is_written_at_the_last_moment(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 1);
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, true);
	deliver(f, take(f, 1));
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, false);
	outbox_fixture_close(f);

	outbox_fixture_open(f);
	outbox_fixture_settle(f);
	assert_int_equal(lookup(f, 1), SB_DELIVERED);
	assert_int_equal(stats(f).queued, 0);
}

static void test_unwritten_end_is_sent_again_after_a_restart(void **state)
{
	struct outbox_fixture *f = *state;

	publish(f, 1);
	outbox_fixture_settle(f);
	outbox_fixture_disk_is_full(f, true);
	deliver(f, take(f, 1));
	outbox_fixture_settle(f);
	outbox_fixture_close(f);
	outbox_fixture_disk_is_full(f, false);

	outbox_fixture_open(f);
	outbox_fixture_settle(f);
	deliver_all(f, 1, 1);
}

/* ---- The promise ---- */

struct publisher {
	struct sb_queue *queue;
	int fd;
};

static void publish_next(struct publisher *publisher);

static void tell_parent(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	struct publisher *publisher = userdata;

	if (error || write(publisher->fd, &ticket, sizeof(ticket)) != sizeof(ticket))
		_exit(1);
	publish_next(publisher);
}

static void publish_next(struct publisher *publisher)
{
	struct sb_message *message = sb_message_new("topic", "payload", 7, NULL);

	if (!message || sb_queue_publish(publisher->queue, message, tell_parent, publisher, NULL))
		_exit(1);
}

static void publish_for_ever(const char *directory, int fd)
{
	struct publisher publisher = { .fd = fd };
	const struct sb_store_options options = { .sync = SB_SYNC_FULL, .tickets_kept = 1000 };
	const struct sb_account_limits accounts = { .messages = 100000, .bytes = 1 << 30 };
	struct sb_outbox *outbox;
	struct sb_store *store;
	struct sb_clock *clock;
	struct sb_loop *loop;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sb_loop_new(&loop) < 0 || sb_store_open(loop, directory, &options, &store) < 0 ||
	    sb_clock_new(loop, store, NULL, &clock) < 0 ||
	    sb_outbox_new(store, clock, &accounts, &outbox) < 0 ||
	    sb_queue_new(outbox, "plant", &roomy, NULL, NULL, &publisher.queue) < 0)
		_exit(1);
	for (int i = 0; i < 16; i++)
		publish_next(&publisher);
	while (sb_loop_turn(loop, UINT64_MAX) >= 0)
		;
	_exit(1);
}

static void test_killed_daemon_has_what_it_promised(void **state)
{
	struct outbox_fixture *f = *state;
	uint64_t ticket;
	uint64_t first = 0;
	uint64_t n = 0;
	int ends[2];
	int status;
	pid_t child;

	outbox_fixture_close(f);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		publish_for_ever(f->scratch.path, ends[1]);
	(void)close(ends[1]);

	while (read(ends[0], &ticket, sizeof(ticket)) == sizeof(ticket)) {
		first = first > 0 ? first : ticket;
		assert_int_equal(ticket, first + n++);
		if (n == 500)
			assert_int_equal(kill(child, SIGKILL), 0);
	}
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_true(n >= 500);

	outbox_fixture_open(f);
	assert_true(stats(f).queued >= n);
	for (ticket = first; ticket < first + n; ticket++)
		assert_int_equal(lookup(f, ticket), SB_STORED);
	deliver_all(f, first, first + stats(f).queued - 1);
}

int main(void)
{
	static const struct CMUnitTest way[] = {
		OUTBOX_TEST(test_published_when_on_disk),
		OUTBOX_TEST(test_settled_in_order),
		OUTBOX_TEST(test_given_back_in_order),
		OUTBOX_TEST(test_more_than_memory_holds),
		OUTBOX_TEST(test_publishing_while_taking),
		OUTBOX_TEST(test_large_messages),
		OUTBOX_TEST(test_memory_refills_by_itself),
		OUTBOX_TEST(test_bounds),
		OUTBOX_TEST(test_lookup),
	};
	static const struct CMUnitTest restarts[] = {
		OUTBOX_TEST(test_backlog_of_an_earlier_run),
		OUTBOX_TEST(test_queue_of_a_link_that_comes_back),
		OUTBOX_TEST(test_freed_while_the_store_works),
		OUTBOX_TEST(test_killed_daemon_has_what_it_promised),
	};
	static const struct CMUnitTest trouble[] = {
		OUTBOX_TEST(test_full_disk),
		OUTBOX_TEST(test_end_is_written_when_the_disk_lets_it),
		OUTBOX_TEST(test_losses_are_counted_when_the_disk_lets_it),
		OUTBOX_TEST(test_many_ends_are_written_when_the_disk_lets_it),
		OUTBOX_TEST(test_disk_that_can_only_be_read),
		OUTBOX_TEST(test_end_is_written_at_the_last_moment),
		OUTBOX_TEST(test_unwritten_end_is_sent_again_after_a_restart),
	};
	int failed = 0;

	failed += cmocka_run_group_tests_name("way", way, NULL, NULL);
	failed += cmocka_run_group_tests_name("restarts", restarts, NULL, NULL);
	failed += cmocka_run_group_tests_name("trouble", trouble, NULL, NULL);

	return failed;
}
