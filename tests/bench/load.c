/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/load.h"

/**
 * load_now() - a moment
 *
 * Return: µs since some moment in the past, which is the same for all processes.
 */
double load_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/**
 * load_times_init() - room for many
 * @times: to be released by load_times_done()
 * @room: how many
 *
 * Return: 0, or -ENOMEM.
 */
int load_times_init(struct load_times *times, size_t room)
{
	*times = (struct load_times){
		.took = calloc(room, sizeof(*times->took)),
		.room = room,
	};

	return times->took ? 0 : -ENOMEM;
}

/**
 * load_times_done() - release them
 * @times: may be empty
 */
void load_times_done(struct load_times *times)
{
	free(times->took);
	*times = (struct load_times){ 0 };
}

/**
 * load_times_add() - one more
 * @times: where
 * @took: µs
 */
void load_times_add(struct load_times *times, double took)
{
	if (times->n < times->room)
		times->took[times->n++] = took;
}

static int by_value(const void *a, const void *b)
{
	const double *left = a;
	const double *right = b;

	return (*left > *right) - (*left < *right);
}

/**
 * load_percentile() - how long the slowest of so many took
 * @times: sorted by this
 * @percent: of them
 *
 * Return: µs; 0 if there are none.
 */
double load_percentile(struct load_times *times, unsigned int percent)
{
	if (times->n == 0)
		return 0;

	qsort(times->took, times->n, sizeof(*times->took), by_value);

	return times->took[(times->n - 1) * percent / 100];
}

/**
 * load_find_mark() - where the number of a message goes
 * @payload: text
 *
 * Return: LOAD_MARK in it, or NULL.
 */
char *load_find_mark(char *payload)
{
	return strstr(payload, LOAD_MARK);
}

/**
 * load_number() - give a message its number
 * @mark: in its payload, see load_find_mark(); NULL for nowhere
 * @number: of up to LOAD_DIGITS digits
 */
void load_number(char *mark, size_t number)
{
	if (!mark)
		return;

	for (size_t i = LOAD_DIGITS; i > 0; i--, number /= 10)
		mark[i - 1] = (char)('0' + number % 10);
}
