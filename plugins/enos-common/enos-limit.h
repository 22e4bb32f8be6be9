/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * EnOS blocks a device for five minutes when it asks four times in two to be let in, and asking
 * with success counts too. One quick second try is safe if every later one keeps a distance; and
 * whatever the reasons, no more than three go out in two minutes, and some seconds for what the
 * network delays.
 *
 * EnOS takes one try a second, too: the next one starts when the second after the last is over.
 *
 * EnOS does not forget when the daemon ends, so the number of those that count is kept on disk.
 */
#include <stdbool.h>
#include <stdint.h>

#include "skybus/plugin.h"

/** Why a login fails when there is no room. */
#define ENOS_LIMIT_REASON \
	"the login waits: EnOS blocks a device that logs in four times in two minutes"

/** A try: its state is the plugin's. */
typedef void enos_limit_try_fn(void *state);

/**
 * struct enos_limit - the tries of one device that still count; embedded
 * @n: so many
 * @kept: so many of them are on disk, or on their way there
 * @last: the timer of the last
 * @apart: the timer of the second after it; 0 when that is over
 * @put_off: starts when it is over; NULL for none
 */
struct enos_limit {
	const struct skybus_host *host;
	struct skybus_link *link;
	unsigned int n;
	uint8_t kept;
	int64_t last;
	int64_t apart;
	enos_limit_try_fn *put_off;
};

void enos_limit_init(struct enos_limit *limit, const struct skybus_host *host,
		     struct skybus_link *link);
void enos_limit_resume(struct enos_limit *limit);
bool enos_limit_has_room(const struct enos_limit *limit, unsigned int tries);
void enos_limit_start(struct enos_limit *limit, enos_limit_try_fn *start, void *state);
int enos_limit_take(struct enos_limit *limit);
void enos_limit_ended(struct enos_limit *limit, bool reached);
uint32_t enos_limit_wait_s(const struct enos_limit *limit, bool refused);
