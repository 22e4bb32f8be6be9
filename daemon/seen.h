/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keys that were seen, so that one that comes again is noticed, and both places can be told.
 */
#include "daemon/problems.h"

/** struct sb_seen - keys that were seen, each with its place; zeroed is empty */
struct sb_seen {
	void *root; /* a tree, tsearch(3) */
};

int sb_seen_add(struct sb_seen *seen, const char *key, const struct sb_place *place,
		struct sb_place *ret_first);
void sb_seen_done(struct sb_seen *seen);
