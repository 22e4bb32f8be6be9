/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a bad network does to a datagram, as values.
 */
#include <stddef.h>
#include <stdint.h>

/** How many of one datagram can arrive. */
#define SIM_COPIES_MAX 2

/** The longest delay that can be asked for, in ms. */
#define SIM_DELAY_MAX_MS 60000

/**
 * struct sim_impair - how bad the network is; all zero: not at all
 * @drop: this many percent of the datagrams are lost
 * @duplicate: of those that are not, so many percent come twice
 * @reorder: so many are late enough to be overtaken by what follows within SIM_REORDER_MS
 * @delay_ms: every one takes so long
 * @jitter_ms: and up to so much longer
 */
struct sim_impair {
	uint32_t drop;
	uint32_t duplicate;
	uint32_t reorder;
	uint32_t delay_ms;
	uint32_t jitter_ms;
};

/** By how much a datagram is late that is to be overtaken. */
#define SIM_REORDER_MS 100

int sim_impair_set(struct sim_impair *impair, const char *text);
size_t sim_impair_copies(const struct sim_impair *impair, uint32_t ret_delays_ms[SIM_COPIES_MAX]);
