/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A message that has come, from the signal Message until it is dealt with.
 */
#include <sys/queue.h>

#include "ctl/bus.h"

/** struct ctl_arrival - its texts are its own */
struct ctl_arrival {
	TAILQ_ENTRY(ctl_arrival) link;
	char *path; /* the link's object */
	uint64_t number;
	char *topic;
	void *payload;
	size_t size;
	json_t *properties; /* "link", "origin", and what else the signal has */
};

TAILQ_HEAD(ctl_arrivals, ctl_arrival);

int ctl_arrival_read(sd_bus_message *signal, struct ctl_arrival **ret);
struct ctl_arrival *ctl_arrival_free(struct ctl_arrival *arrival);
const char *ctl_arrival_property(const struct ctl_arrival *arrival, const char *name);
bool ctl_arrival_wants_answer(const struct ctl_arrival *arrival);
bool ctl_arrival_is_kept(const struct ctl_arrival *arrival);
enum ctl_exit ctl_arrival_print(const struct ctl *ctl, const struct ctl_arrival *arrival,
				bool with_link);

CTL_DEFINE_CLEANUP(struct ctl_arrival *, ctl_arrival_free)
