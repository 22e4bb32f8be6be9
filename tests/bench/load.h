/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the makers of load share: the clock, how long things took, and payloads that can be told apart.
 */
#include <stddef.h>

/* Where a payload has this, each message has its number, with as many digits. */
#define LOAD_MARK "@@@@@@@@"
#define LOAD_DIGITS 8
#define LOAD_MESSAGES_MAX 1000000

/**
 * struct load_times - how long each of many things took
 * @took: µs
 * @n: how many there are
 * @room: how many there may be; more are forgotten
 */
struct load_times {
	double *took;
	size_t n;
	size_t room;
};

double load_now(void);
int load_times_init(struct load_times *times, size_t room);
void load_times_done(struct load_times *times);
void load_times_add(struct load_times *times, double took);
double load_percentile(struct load_times *times, unsigned int percent);
char *load_find_mark(char *payload);
void load_number(char *mark, size_t number);
