/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the service manager is told, sd_notify(3): when the daemon is ready, reloads and ends; in one line for
 * people, how its links are; and that it is alive, if it asks for that (WatchdogSec=).
 *
 * Alive means that the loop runs and that the disk's thread gets something done. A loop that hangs tells
 * nothing any more, and for a disk that hangs nothing is told, so the service manager ends the daemon and
 * starts it again. Messages that are on disk are sent then.
 *
 * Without a service manager all of this does nothing.
 */
#include "daemon/gateway.h"
#include "daemon/hourly.h"
#include "daemon/loop.h"

/** struct sb_service - embedded in its owner */
struct sb_service {
	struct sb_gateway *gateway;
	struct sb_gateway_listener listener;
	struct sb_timer settle; /* armed while links have changed since the last line */
	struct sb_timer beat;
	uint64_t beat_usec; /* between two; 0 if nobody asks for them */
	uint64_t jobs_done; /* the store's, at the last beat */
	bool ready;
	bool stalled;
	bool logged; /* this time */
	struct sb_hourly stalls; /* that were logged */
};

void sb_service_init(struct sb_service *service, struct sb_gateway *gateway);
void sb_service_done(struct sb_service *service);
void sb_service_ready(struct sb_service *service);
void sb_service_reloading(struct sb_service *service);
void sb_service_stopping(struct sb_service *service);
