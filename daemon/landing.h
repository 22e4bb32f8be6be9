/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A landing: who brought a message waits until all that keep it have it on disk, before it tells the cloud,
 * or the publisher, that it is taken. Whoever keeps the message holds the landing and lets go once.
 */
#include <stdbool.h>
#include <stddef.h>

#include "daemon/cleanup.h"

struct sb_landing;

/** struct sb_landed - how it ended */
struct sb_landed {
	size_t held; /* so many wanted to keep it */
	size_t failed; /* and so many of these could not */
	int error; /* of the first of them, negative; 0 if there was none */
};

/** All have let go. The landing is the owner's to free, also from within. */
typedef void sb_landing_fn(void *userdata, const struct sb_landed *landed);

struct sb_landing *sb_landing_new(void);
struct sb_landing *sb_landing_free(struct sb_landing *landing);
SB_DEFINE_CLEANUP(struct sb_landing *, sb_landing_free)
void sb_landing_hold(struct sb_landing *landing);
void sb_landing_let_go(struct sb_landing *landing, int error);
bool sb_landing_await(struct sb_landing *landing, sb_landing_fn *landed, void *userdata);
struct sb_landed sb_landing_state(const struct sb_landing *landing);
