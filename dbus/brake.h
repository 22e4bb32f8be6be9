/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Brake: while the bus does not take what we have for it, we take nothing from the bus.
 *
 * A small call may have a large reply, and the bus reads no more from us in a round than from each
 * caller. Somebody who calls without end would fill our memory with replies that the bus has not
 * taken yet. With the brake his calls wait at the bus, which has its bounds for each caller.
 */
#include <systemd/sd-bus.h>

struct sb_loop;
struct sb_watch;

/** How many messages may wait to be sent before the brake is pulled; it is let go at half of that. */
#define SB_BRAKE_UNSENT_MAX 256

/**
 * struct sb_brake - embedded in its owner
 * @connection: lent, and attached to the loop
 * @filter: sees all that is read
 * @max: as SB_BRAKE_UNSENT_MAX
 * @writable: set while the brake is pulled, and the connection is detached from the loop
 */
struct sb_brake {
	sd_bus *connection;
	struct sb_loop *loop;
	sd_bus_slot *filter;
	uint64_t max;
	struct sb_watch *writable;
};

int sb_brake_init(struct sb_brake *brake, sd_bus *connection, struct sb_loop *loop, uint64_t max);
void sb_brake_done(struct sb_brake *brake);
