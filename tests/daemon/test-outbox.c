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
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/outbox.h"
#include "tests/daemon/scratch.h"

#define MANY 1000

static const struct sb_queue_limits roomy = { .messages = 100000, .bytes = UINT64_C(1) << 30 };

struct fixture {
	struct scratch scratch;
	struct rlimit file_size;
	struct sb_loop *loop;
	struct sb_store *store;
	struct sb_outbox *outbox;
	struct sb_queue *queue;
	unsigned int n_changed;
	char published[256]; /* tickets */
	struct sb_error error; /* of the last message that was not stored */
	unsigned int n_settled;
	char settled[128]; /* the last one */
};

static void note_changed(void *userdata)
{
	struct fixture *f = userdata;

	f->n_changed++;
}

static void note_settled(void *userdata, const struct sb_settled *settled)
{
	struct fixture *f = userdata;

	f->n_settled++;
	(void)snprintf(f->settled, sizeof(f->settled), "%s %s %llu %s %s %s", settled->link,
		       settled->sender ? settled->sender : "-",
		       (unsigned long long)settled->settlement.ticket,
		       sb_outcome_word(settled->settlement.outcome), settled->settlement.code,
		       settled->settlement.reason);
}

static void note_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	struct fixture *f = userdata;
	size_t len = strlen(f->published);

	assert_true((ticket > 0) == (error == NULL));
	if (error)
		f->error = *error;
	else
		(void)snprintf(f->published + len, sizeof(f->published) - len, "%llu ",
			       (unsigned long long)ticket);
}

static void open_all(struct fixture *f)
{
	assert_int_equal(sb_store_open(f->loop, f->scratch.path, SB_SYNC_NORMAL, &f->store), 0);
	assert_int_equal(sb_outbox_new(f->store, &f->outbox), 0);
	sb_outbox_listen(f->outbox, note_settled, f);
	assert_int_equal(sb_queue_new(f->outbox, "plant", &roomy, note_changed, f, &f->queue), 0);
}

static void close_all(struct fixture *f)
{
	f->queue = sb_queue_free(f->queue);
	f->outbox = sb_outbox_free(f->outbox);
	f->store = sb_store_close(f->store);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	sb_log_set_level(LOG_EMERG);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)getrlimit(RLIMIT_FSIZE, &f->file_size);
	scratch_init(&f->scratch);
	assert_int_equal(sb_loop_new_virtual(&f->loop), 0);
	open_all(f);
	*state = f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)setrlimit(RLIMIT_FSIZE, &f->file_size);
	close_all(f);
	(void)sb_loop_free(f->loop);
	scratch_done(&f->scratch);
	free(f);

	return 0;
}

/* Completions hand over jobs of their own: a fetch, and the fetch after it. */
static void settle_down(struct fixture *f)
{
	for (int i = 0; i < 4; i++)
		sb_store_drain(f->store);
}

static void disk_is_full(const struct fixture *f, bool full)
{
	struct rlimit limit = f->file_size;

	if (full)
		limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int try_publish(struct fixture *f, size_t payload_len, struct sb_error *ret_error)
{
	static const uint8_t payload[SB_PAYLOAD_MAX];
	struct sb_message *message = sb_message_new("topic", payload, payload_len, ":1.7");
	int r;

	assert_non_null(message);
	r = sb_queue_publish(f->queue, message, note_published, f, ret_error);
	if (r < 0)
		(void)sb_message_free(message);

	return r;
}

static void publish(struct fixture *f, unsigned int n)
{
	while (n-- > 0)
		assert_int_equal(try_publish(f, 5, NULL), 0);
}

static struct sb_message *take(struct fixture *f, uint64_t ticket)
{
	struct sb_message *message = sb_queue_take(f->queue);

	assert_non_null(message);
	assert_int_equal(message->ticket, ticket);

	return message;
}

static struct sb_queue_stats stats(const struct fixture *f)
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
static int lookup(struct fixture *f, uint64_t ticket)
{
	int outcome = SB_N_OUTCOMES;

	assert_int_equal(sb_outbox_lookup(f->outbox, ticket, note_outcome, &outcome), 0);
	assert_int_equal(outcome, SB_N_OUTCOMES);
	settle_down(f);

	return outcome;
}

/* ---- The way of a message ---- */

static void test_published_when_on_disk(void **state)
{
	struct fixture *f = *state;

	publish(f, 3);
	assert_string_equal(f->published, "");
	assert_null(sb_queue_take(f->queue));
	assert_int_equal(stats(f).queued, 0);
	settle_down(f);
	assert_string_equal(f->published, "1 2 3 ");
	assert_int_equal(f->n_changed, 3);
	assert_int_equal(stats(f).queued, 3);
	assert_int_equal(stats(f).queued_bytes, 30);
}

static void test_settled_in_order(void **state)
{
	struct fixture *f = *state;
	struct sb_message *first;
	struct sb_message *second;

	publish(f, 2);
	settle_down(f);
	first = take(f, 1);
	second = take(f, 2);
	assert_null(sb_queue_take(f->queue));
	assert_int_equal(stats(f).in_flight, 2);

	sb_queue_settle(f->queue, first, SB_DELIVERED, "2.04", "");
	assert_int_equal(f->n_settled, 0);
	settle_down(f);
	assert_string_equal(f->settled, "plant :1.7 1 delivered 2.04 ");
	sb_queue_settle(f->queue, second, SB_REJECTED, "4.06", "no such model");
	settle_down(f);
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
	struct fixture *f = *state;
	struct sb_message *messages[3];

	publish(f, 4);
	settle_down(f);
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
		sb_queue_settle(f->queue, messages[i], SB_DELIVERED, "2.04", "");
	sb_queue_settle(f->queue, take(f, 4), SB_DELIVERED, "2.04", "");
	settle_down(f);
	assert_int_equal(f->n_settled, 4);
}

/* Take all there is, in waves of eight of which some come back; each ticket ends once. */
static void deliver_all(struct fixture *f, uint64_t first, uint64_t last)
{
	uint64_t next = first;

	for (unsigned int round = 0; next <= last; round++) {
		struct sb_message *wave[8];
		size_t n = 0;
		size_t keep;

		assert_in_range(round, 0, 4 * MANY);
		while (n < 8 && (wave[n] = sb_queue_take(f->queue))) {
			assert_int_equal(wave[n]->ticket, next + n);
			n++;
		}
		keep = n > 3 ? 3 : n;
		for (size_t i = 0; i < n; i++) {
			if (i < keep)
				sb_queue_settle(f->queue, wave[i], SB_DELIVERED, "2.04", "");
			else
				sb_queue_give_back(f->queue, wave[i]);
		}
		next += keep;
		if (n < 8)
			settle_down(f);
	}
	assert_null(sb_queue_take(f->queue));
}

static void test_more_than_memory_holds(void **state)
{
	struct fixture *f = *state;

	publish(f, MANY);
	settle_down(f);
	assert_int_equal(stats(f).queued, MANY);
	deliver_all(f, 1, MANY);
	settle_down(f);
	assert_int_equal(f->n_settled, MANY);
	assert_int_equal(stats(f).queued, 0);
	/* Also those that had to be read back know who published them. */
	assert_string_equal(f->settled, "plant :1.7 1000 delivered 2.04 ");
}

/* Publishing, reading ahead and settling at the same time. */
static void test_publishing_while_taking(void **state)
{
	struct fixture *f = *state;
	uint64_t next = 1;

	for (unsigned int round = 0; round < MANY / 10; round++) {
		struct sb_message *message;

		publish(f, 10);
		for (unsigned int i = 0; i < 7 && (message = sb_queue_take(f->queue)); i++) {
			assert_int_equal(message->ticket, next++);
			sb_queue_settle(f->queue, message, SB_DELIVERED, "2.04", "");
		}
		assert_true(sb_loop_turn(f->loop, 0) >= 0);
	}
	settle_down(f);
	deliver_all(f, next, MANY);
	settle_down(f);
	assert_int_equal(f->n_settled, MANY);
}

static void test_large_messages(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++)
		assert_int_equal(try_publish(f, SB_PAYLOAD_MAX, NULL), 0);
	settle_down(f);
	deliver_all(f, 1, 20);
}

static void test_memory_refills_by_itself(void **state)
{
	struct fixture *f = *state;
	unsigned int before;

	publish(f, 200);
	settle_down(f);
	for (uint64_t ticket = 1; ticket <= 64; ticket++)
		sb_queue_settle(f->queue, take(f, ticket), SB_DELIVERED, "2.04", "");
	assert_null(sb_queue_take(f->queue));
	before = f->n_changed;
	settle_down(f);
	assert_true(f->n_changed > before);
	sb_queue_settle(f->queue, take(f, 65), SB_DELIVERED, "2.04", "");
}

/* ---- Bounds ---- */

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	const struct sb_queue_limits tight = { .messages = 3, .bytes = 30 };
	struct sb_message *message;
	struct sb_error error;

	(void)sb_queue_free(f->queue);
	assert_int_equal(sb_queue_new(f->outbox, "plant", &tight, note_changed, f, &f->queue), 0);
	publish(f, 2);
	assert_int_equal(try_publish(f, 6, &error), -ENOBUFS);
	assert_int_equal(error.code, SB_ERROR_QUEUE_FULL);
	assert_non_null(strstr(error.text, "queue_bytes is 30"));
	publish(f, 1);
	assert_int_equal(try_publish(f, 0, &error), -ENOBUFS);
	assert_non_null(strstr(error.text, "queue_messages is 3"));

	settle_down(f);
	message = take(f, 1);
	assert_int_equal(try_publish(f, 5, &error), -ENOBUFS);
	sb_queue_settle(f->queue, message, SB_DELIVERED, "2.04", "");
	settle_down(f);
	publish(f, 1);
	settle_down(f);
	assert_string_equal(f->published, "1 2 3 4 ");
}

/* ---- Restarts ---- */

static void test_backlog_of_an_earlier_run(void **state)
{
	struct fixture *f = *state;
	struct sb_message *message;

	publish(f, 100);
	settle_down(f);
	sb_queue_settle(f->queue, take(f, 1), SB_DELIVERED, "2.04", "");
	message = take(f, 2);
	sb_queue_give_back(f->queue, message);
	close_all(f);
	assert_int_equal(f->n_settled, 0);

	f->published[0] = '\0';
	open_all(f);
	assert_int_equal(stats(f).queued, 99);
	publish(f, 2);
	settle_down(f);
	assert_string_equal(f->published, "101 102 ");
	deliver_all(f, 2, 102);
	settle_down(f);
	assert_int_equal(lookup(f, 1), SB_DELIVERED);
	assert_int_equal(lookup(f, 50), SB_DELIVERED);
}

/* A link whose configuration changed comes back under its name. */
static void test_queue_of_a_link_that_comes_back(void **state)
{
	struct fixture *f = *state;
	struct sb_queue *second = NULL;
	unsigned int before;

	assert_int_equal(sb_queue_new(f->outbox, "plant", &roomy, NULL, NULL, &second), -EEXIST);
	publish(f, 100);
	settle_down(f);
	sb_queue_settle(f->queue, take(f, 1), SB_DELIVERED, "2.04", "");
	publish(f, 100);
	before = f->n_changed;
	(void)sb_queue_free(f->queue);
	settle_down(f);
	assert_int_equal(f->n_changed, before);
	assert_int_equal(f->n_settled, 1);

	assert_int_equal(sb_queue_new(f->outbox, "plant", &roomy, note_changed, f, &f->queue), 0);
	settle_down(f);
	assert_int_equal(stats(f).queued, 199);
	deliver_all(f, 2, 200);
	settle_down(f);
	assert_int_equal(stats(f).queued, 0);
}

static void test_freed_while_the_store_works(void **state)
{
	struct fixture *f = *state;
	int outcome = SB_N_OUTCOMES;

	publish(f, 200);
	settle_down(f);
	sb_queue_settle(f->queue, take(f, 1), SB_DELIVERED, "2.04", "");
	for (uint64_t ticket = 2; ticket <= 60; ticket++)
		sb_queue_settle(f->queue, take(f, ticket), SB_DELIVERED, "2.04", "");
	f->published[0] = '\0';
	publish(f, 10);
	assert_int_equal(sb_outbox_lookup(f->outbox, 7, note_outcome, &outcome), 0);
	close_all(f);
	assert_string_equal(f->published, "");
	assert_int_equal(f->n_settled, 0);
	assert_int_equal(outcome, SB_N_OUTCOMES);

	open_all(f);
	assert_int_equal(stats(f).queued, 150);
	assert_int_equal(lookup(f, 7), SB_DELIVERED);
}

static void test_lookup(void **state)
{
	struct fixture *f = *state;
	struct sb_message *message;

	publish(f, 2);
	settle_down(f);
	message = take(f, 1);
	assert_int_equal(lookup(f, 1), SB_IN_FLIGHT);
	assert_int_equal(lookup(f, 2), SB_STORED);
	assert_int_equal(lookup(f, 3), -ENOENT);
	sb_queue_give_back(f->queue, message);
	assert_int_equal(lookup(f, 1), SB_STORED);
	sb_queue_settle(f->queue, take(f, 1), SB_EXPIRED, "", "too late");
	assert_int_equal(lookup(f, 1), SB_EXPIRED);
}

/* ---- Trouble ---- */

static void test_full_disk(void **state)
{
	struct fixture *f = *state;

	publish(f, 1);
	settle_down(f);
	disk_is_full(f, true);
	publish(f, 1);
	settle_down(f);
	disk_is_full(f, false);
	assert_string_equal(f->published, "1 ");
	assert_int_equal(f->error.code, SB_ERROR_FAILED);
	assert_non_null(strstr(f->error.text, "the disk is full; free some space"));
	assert_int_equal(stats(f).queued, 1);

	publish(f, 1);
	settle_down(f);
	assert_string_equal(f->published, "1 3 ");
	sb_queue_settle(f->queue, take(f, 1), SB_DELIVERED, "2.04", "");
	sb_queue_settle(f->queue, take(f, 3), SB_DELIVERED, "2.04", "");
}

static void test_end_is_written_when_the_disk_lets_it(void **state)
{
	struct fixture *f = *state;

	publish(f, 1);
	settle_down(f);
	disk_is_full(f, true);
	sb_queue_settle(f->queue, take(f, 1), SB_DELIVERED, "2.04", "");
	settle_down(f);
	assert_int_equal(f->n_settled, 1);
	assert_int_equal(stats(f).queued, 1);
	assert_int_equal(lookup(f, 1), SB_DELIVERED);

	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	settle_down(f);
	assert_int_equal(stats(f).queued, 1);
	disk_is_full(f, false);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	settle_down(f);
	assert_int_equal(stats(f).queued, 0);
	assert_int_equal(f->n_settled, 1);
	close_all(f);

	open_all(f);
	assert_int_equal(lookup(f, 1), SB_DELIVERED);
}

static void test_unwritten_end_is_sent_again_after_a_restart(void **state)
{
	struct fixture *f = *state;

	publish(f, 1);
	settle_down(f);
	disk_is_full(f, true);
	sb_queue_settle(f->queue, take(f, 1), SB_DELIVERED, "2.04", "");
	settle_down(f);
	close_all(f);
	disk_is_full(f, false);

	open_all(f);
	settle_down(f);
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
	struct sb_outbox *outbox;
	struct sb_store *store;
	struct sb_loop *loop;

	if (sb_loop_new(&loop) < 0 || sb_store_open(loop, directory, SB_SYNC_FULL, &store) < 0 ||
	    sb_outbox_new(store, &outbox) < 0 ||
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
	struct fixture *f = *state;
	uint64_t ticket;
	uint64_t n = 0;
	int ends[2];
	int status;
	pid_t child;

	close_all(f);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		publish_for_ever(f->scratch.path, ends[1]);
	(void)close(ends[1]);

	while (read(ends[0], &ticket, sizeof(ticket)) == sizeof(ticket)) {
		assert_int_equal(ticket, ++n);
		if (n == 500)
			assert_int_equal(kill(child, SIGKILL), 0);
	}
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_true(n >= 500);

	open_all(f);
	assert_true(stats(f).queued >= n);
	for (ticket = 1; ticket <= n; ticket++) {
		int outcome = SB_N_OUTCOMES;

		assert_int_equal(sb_outbox_lookup(f->outbox, ticket, note_outcome, &outcome), 0);
		sb_store_drain(f->store);
		assert_int_equal(outcome, SB_STORED);
	}
	deliver_all(f, 1, stats(f).queued);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest way[] = {
		TEST(test_published_when_on_disk),
		TEST(test_settled_in_order),
		TEST(test_given_back_in_order),
		TEST(test_more_than_memory_holds),
		TEST(test_publishing_while_taking),
		TEST(test_large_messages),
		TEST(test_memory_refills_by_itself),
		TEST(test_bounds),
		TEST(test_lookup),
	};
	static const struct CMUnitTest restarts[] = {
		TEST(test_backlog_of_an_earlier_run),
		TEST(test_queue_of_a_link_that_comes_back),
		TEST(test_freed_while_the_store_works),
		TEST(test_killed_daemon_has_what_it_promised),
	};
	static const struct CMUnitTest trouble[] = {
		TEST(test_full_disk),
		TEST(test_end_is_written_when_the_disk_lets_it),
		TEST(test_unwritten_end_is_sent_again_after_a_restart),
	};
	int failed = 0;

	failed += cmocka_run_group_tests_name("way", way, NULL, NULL);
	failed += cmocka_run_group_tests_name("restarts", restarts, NULL, NULL);
	failed += cmocka_run_group_tests_name("trouble", trouble, NULL, NULL);

	return failed;
}
