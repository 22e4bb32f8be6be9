/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Method calls whose answer comes later: when a message is on disk, when the cloud has replied.
 *
 * A call is the userdata of the completion that will answer it. The completion takes the method
 * call back with sb_bus_call_end() and replies. The calls may be done away with first: then the
 * completion, if it still comes, gets NULL and has nobody to reply to.
 */
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

struct sb_bus_call;

/** struct sb_bus_calls - all calls that wait; embedded in its owner */
struct sb_bus_calls {
	LIST_HEAD(, sb_bus_call) waiting;
};

void sb_bus_calls_init(struct sb_bus_calls *calls);
void sb_bus_calls_done(struct sb_bus_calls *calls);

int sb_bus_call_new(struct sb_bus_calls *calls, sd_bus_message *message, void *owner,
		    struct sb_bus_call **ret);
int sb_bus_call_new_for_ticket(struct sb_bus_calls *calls, sd_bus_message *message, void *owner,
			       uint64_t *ret_ticket, struct sb_bus_call **ret);
struct sb_bus_call *sb_bus_call_free(struct sb_bus_call *call);
sd_bus_message *sb_bus_call_end(struct sb_bus_call *call, void **ret_owner);
