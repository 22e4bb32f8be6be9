/* SPDX-License-Identifier: Apache-2.0 */
/*
 * There is one line of numbers, for messages of both kinds, so that their order is the order in which they
 * were taken. What is reserved and not used is given back when the daemon ends; after a crash nobody
 * knows how much of it was, and the numbers go on above it.
 */
#include <stdlib.h>

#include "daemon/tickets.h"

/*
 * So many are reserved ahead, and topped up when a quarter is gone: one small write for each thousand
 * messages, and at least three thousand messages while the disk does not answer.
 */
#define AHEAD 4096
#define LOW (AHEAD / 4 * 3)

/* Where the numbers begin that need no reservation. */
#define SPARE (UINT64_C(1) << 52)

static void tickets_on_reserved(void *userdata, int error)
{
	struct sb_tickets *tickets = userdata;

	tickets->reserving = false;
	if (error == 0)
		tickets->reserved = tickets->asked;
}

/* A reservation that fails is asked for again with the next ticket. */
static void top_up(struct sb_tickets *tickets)
{
	if (tickets->reserving || tickets->reserved >= tickets->last + LOW)
		return;

	tickets->asked = tickets->last + AHEAD;
	tickets->reserving =
		sb_store_reserve(tickets->store, tickets->asked, tickets_on_reserved, tickets) == 0;
}

/**
 * sb_tickets_init() - go on where numbering stood when the store was opened
 * @tickets: its owner drains @store before it goes
 * @store: outlives the tickets
 */
void sb_tickets_init(struct sb_tickets *tickets, struct sb_store *store)
{
	uint64_t last = sb_store_last_ticket(store);

	*tickets = (struct sb_tickets){ .store = store, .last = last, .reserved = last };
	top_up(tickets);
}

/**
 * sb_tickets_done() - no more numbers are given out
 * @tickets: the tickets
 */
void sb_tickets_done(struct sb_tickets *tickets)
{
	(void)sb_store_release(tickets->store, tickets->last);
}

/**
 * sb_tickets_next() - the number of a message that is about to be stored
 * @tickets: the tickets
 *
 * Return: a number that was never given out.
 */
uint64_t sb_tickets_next(struct sb_tickets *tickets)
{
	tickets->last++;
	top_up(tickets);

	return tickets->last;
}

/* Below 2^53, which is as far as JSON's numbers go; above what a box gives out in a thousand years. */
static uint64_t next_spare(struct sb_tickets *tickets)
{
	if (tickets->spare == 0)
		tickets->spare = SPARE + arc4random() * (SPARE / 2 / UINT32_MAX);

	return ++tickets->spare;
}

/**
 * sb_tickets_next_in_memory() - the number of a message that is never on disk
 * @tickets: the tickets
 *
 * Return: a number that was never given out and never will be, also after a crash.
 */
uint64_t sb_tickets_next_in_memory(struct sb_tickets *tickets)
{
	bool reserved = tickets->last < tickets->reserved;
	uint64_t ticket = reserved ? ++tickets->last : next_spare(tickets);

	top_up(tickets);

	return ticket;
}
