/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/tickets.h"

/* A store that reserves when the test says so. */
static struct {
	uint64_t last;
	uint64_t asked;
	uint64_t released;
	unsigned int n_asked;
	sb_store_done_fn *done;
	void *userdata;
} disk;

uint64_t sb_store_last_ticket(const struct sb_store *store)
{
	(void)store;

	return disk.last;
}

int sb_store_reserve(struct sb_store *store, uint64_t ticket, sb_store_done_fn *done,
		     void *userdata)
{
	(void)store;
	assert_null(disk.done);
	disk.asked = ticket;
	disk.n_asked++;
	disk.done = done;
	disk.userdata = userdata;

	return 0;
}

int sb_store_release(struct sb_store *store, uint64_t ticket)
{
	(void)store;
	disk.released = ticket;

	return 0;
}

static void answer(int error)
{
	sb_store_done_fn *done = disk.done;

	assert_non_null(done);
	disk.done = NULL;
	done(disk.userdata, error);
}

static int setup(void **state)
{
	struct sb_tickets *tickets = calloc(1, sizeof(*tickets));

	assert_non_null(tickets);
	memset(&disk, 0, sizeof(disk));
	disk.last = 41;
	sb_tickets_init(tickets, NULL);
	*state = tickets;

	return 0;
}

static int teardown(void **state)
{
	free(*state);

	return 0;
}

static void test_stored_need_no_reservation(void **state)
{
	struct sb_tickets *tickets = *state;

	for (uint64_t ticket = 42; ticket < 20000; ticket++)
		assert_int_equal(sb_tickets_next(tickets), ticket);
	assert_int_equal(disk.n_asked, 1);
}

static bool is_spare(uint64_t ticket)
{
	return ticket >> 52 == 1;
}

static void test_in_memory_only_what_is_reserved(void **state)
{
	struct sb_tickets *tickets = *state;
	uint64_t last;
	uint64_t n = 0;

	assert_true(is_spare(sb_tickets_next_in_memory(tickets)));
	answer(0);
	assert_int_equal(sb_tickets_next_in_memory(tickets), 42);
	assert_int_equal(sb_tickets_next(tickets), 43);
	assert_int_equal(sb_tickets_next_in_memory(tickets), 44);

	/* The disk does not answer any more. */
	while (!is_spare(last = sb_tickets_next_in_memory(tickets)))
		n++;
	assert_true(sb_tickets_next_in_memory(tickets) == last + 1);
	assert_int_equal(tickets->last, 41 + 4096);
	assert_in_range(n, 3000, 4096);
	assert_int_equal(disk.n_asked, 2);
	answer(0);
	assert_int_equal(sb_tickets_next_in_memory(tickets), 41 + 4096 + 1);
}

static void test_refused_is_asked_again(void **state)
{
	struct sb_tickets *tickets = *state;

	answer(-ENOSPC);
	assert_true(is_spare(sb_tickets_next_in_memory(tickets)));
	assert_int_equal(disk.n_asked, 2);
	answer(0);
	assert_int_equal(sb_tickets_next_in_memory(tickets), 42);
}

static void test_what_is_left_is_given_back(void **state)
{
	struct sb_tickets *tickets = *state;

	answer(0);
	assert_int_equal(sb_tickets_next_in_memory(tickets), 42);
	sb_tickets_done(tickets);
	assert_int_equal(disk.released, 42);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_stored_need_no_reservation),
		TEST(test_in_memory_only_what_is_reserved),
		TEST(test_refused_is_asked_again),
		TEST(test_what_is_left_is_given_back),
	};

	return cmocka_run_group_tests_name("tickets", tests, NULL, NULL);
}
