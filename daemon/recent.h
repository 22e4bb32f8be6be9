/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The latest ends of messages that were held in memory: no row on disk tells of them.
 */
#include <stddef.h>

#include "daemon/store.h"

#define SB_RECENT_MAX 256

/** struct sb_recent - embedded in its owner; zeroed is a good beginning */
struct sb_recent {
	struct sb_settlement ends[SB_RECENT_MAX]; /* their text is owned */
	size_t n; /* of them, the first */
	size_t next;
};

void sb_recent_done(struct sb_recent *recent);
int sb_recent_add(struct sb_recent *recent, const struct sb_settlement *settlement);
const struct sb_settlement *sb_recent_find(const struct sb_recent *recent, uint64_t ticket);
