/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How long things took: so many up to each of these bounds. They are the same for all, and reach from a cloud in
 * the next room to an answer after all repetitions of a request.
 */
#include <stdint.h>

/* X(µs, seconds as OpenMetrics writes a number) */
#define SB_HISTOGRAM_BOUNDS(X) \
	X(5000, "0.005")       \
	X(10000, "0.01")       \
	X(25000, "0.025")      \
	X(50000, "0.05")       \
	X(100000, "0.1")       \
	X(250000, "0.25")      \
	X(500000, "0.5")       \
	X(1000000, "1.0")      \
	X(2500000, "2.5")      \
	X(5000000, "5.0")      \
	X(10000000, "10.0")    \
	X(30000000, "30.0")    \
	X(60000000, "60.0")

enum {
#define SB_HISTOGRAM_COUNT(usec, text) +1
	SB_N_BOUNDS = 0 SB_HISTOGRAM_BOUNDS(SB_HISTOGRAM_COUNT),
#undef SB_HISTOGRAM_COUNT
};

/**
 * struct sb_histogram - embedded in its owner; all zero is an empty one
 * @counts: those within each bound that are within no lower one; the last is of those beyond all
 * @sum_usec: of all of them
 */
struct sb_histogram {
	uint64_t counts[SB_N_BOUNDS + 1];
	uint64_t sum_usec;
};

void sb_histogram_add(struct sb_histogram *histogram, uint64_t usec);
const char *sb_histogram_bound(unsigned int index);
