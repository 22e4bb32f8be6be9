/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory that is free and not given back. A handshake with a certificate takes some megabytes for a moment, most
 * of them for the roots that the system trusts; to read a configuration takes some, too. The C library keeps
 * them, since what was allocated after them, and stays, lies above. So when links have changed and it
 * is quiet again, it is asked to give the kernel all pages in which nothing is left.
 */
#include "daemon/gateway.h"
#include "daemon/loop.h"

/** struct sb_slack - embedded in its owner */
struct sb_slack {
	struct sb_gateway *gateway;
	struct sb_gateway_listener listener;
	struct sb_timer settle; /* armed while links have changed since the last time */
};

void sb_slack_init(struct sb_slack *slack, struct sb_gateway *gateway);
void sb_slack_done(struct sb_slack *slack);
