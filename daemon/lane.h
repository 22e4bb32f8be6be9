/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A lane: the messages of one link and one priority, in the order of their tickets. For the queue.
 *
 * Those on disk are seen through a window that moves upwards over the tickets:
 *
 *	ended, in flight | @stored: waiting, in memory | @unread: on disk | being stored
 *	                                             @seen
 *
 * Messages that were never to be on disk wait in a list of their own, bounded by its queue.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/message.h"

/** struct sb_tally - so many messages, and the bytes of their topics and payloads */
struct sb_tally {
	uint64_t messages;
	uint64_t bytes;
};

void sb_tally_add(struct sb_tally *tally, size_t size);
void sb_tally_subtract(struct sb_tally *tally, size_t size);

/**
 * SB_LANES_MESSAGES - how many messages that are on disk all lanes together hold in memory before each keeps to its
 * share. What is sent soon need not be read again; and many links that are offline must not fill the memory.
 */
#define SB_LANES_MESSAGES 2048

/**
 * struct sb_lane - embedded in its queue
 * @all: the sum of all lanes' @n_stored; lent
 * @stored: the window: waits on disk, and was read into memory
 * @n_stored: of @stored
 * @seen: every stored message up to this ticket is in @stored, in flight or ended
 * @unread: how many wait on disk beyond @seen, without those whose end is on its way to disk
 * @fetching: the store was asked for what lies beyond @seen
 * @stale: it was, and @seen has gone back since: what it brings does not count
 * @in_memory: waits, and is not on disk
 * @n_in_memory: of @in_memory
 */
struct sb_lane {
	struct sb_tally *all;
	struct sb_message_list stored;
	struct sb_tally n_stored;
	uint64_t seen;
	uint64_t unread;
	bool fetching;
	bool stale;
	struct sb_message_list in_memory;
	struct sb_tally n_in_memory;
};

/** struct sb_lane_walk - the way along a lane, in the order in which its messages go; those ahead stay in it */
struct sb_lane_walk {
	struct sb_message *stored;
	struct sb_message *in_memory;
};

void sb_lane_init(struct sb_lane *lane, struct sb_tally *all);
void sb_lane_done(struct sb_lane *lane);

void sb_lane_enter(struct sb_lane *lane, struct sb_message *message);
void sb_lane_return(struct sb_lane *lane, struct sb_message *message);
struct sb_message *sb_lane_first(const struct sb_lane *lane);
void sb_lane_walk_begin(const struct sb_lane *lane, struct sb_lane_walk *ret);
struct sb_message *sb_lane_walk_next(struct sb_lane_walk *walk);
struct sb_message *sb_lane_find(const struct sb_lane *lane, uint64_t ticket);
void sb_lane_remove(struct sb_lane *lane, struct sb_message *message);
void sb_lane_skip(struct sb_lane *lane, uint64_t ticket);
void sb_lane_join(struct sb_lane *lane, uint64_t ticket);

bool sb_lane_wants(const struct sb_lane *lane, size_t *ret_messages, size_t *ret_bytes);
void sb_lane_read(struct sb_lane *lane, uint64_t ticket, struct sb_message *message);
void sb_lane_read_all(struct sb_lane *lane);
