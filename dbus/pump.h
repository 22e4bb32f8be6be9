/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pump: what moves messages between a connection that is up and those that deal with them, many in a turn of
 * the loop, where sd_bus_attach_event() has a turn for each.
 *
 * While the bus does not take what we have for it, it takes nothing from the bus. A small call may have a large
 * reply, and the bus reads no more from us in a round than from each caller. Somebody who calls without end would
 * fill our memory with replies that the bus has not taken yet. So his calls wait at the bus, which has its bounds
 * for each caller.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

struct sb_loop;

/** How many messages may wait to be sent before no more are read; half as many let it go on. */
#define SB_PUMP_UNSENT_MAX 256

/** How many messages are dealt with before others on the loop get their turn. */
#define SB_PUMP_TURN_MAX 8

/**
 * struct sb_pump - embedded in its owner
 * @connection: lent; NULL when it does not pump
 * @fd: of the connection's socket, our own: sd-bus closes its own without a word to others
 * @socket: that can be read or written
 * @clock: for what is to be done without anything having come; CLOCK_MONOTONIC
 * @max: as SB_PUMP_UNSENT_MAX
 * @holds: reads nothing
 */
struct sb_pump {
	sd_bus *connection;
	struct sb_loop *loop;
	int fd;
	sd_event_source *socket;
	sd_event_source *clock;
	uint64_t max;
	bool holds;
};

int sb_pump_init(struct sb_pump *pump, sd_bus *connection, struct sb_loop *loop, uint64_t max);
void sb_pump_done(struct sb_pump *pump);
