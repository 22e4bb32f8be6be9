/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The watch over the box's network: the kernel tells when interfaces, addresses and routes come, change or
 * go (rtnetlink). It is a hint and no more: something may have changed, and whoever hears it looks whether
 * that is any concern of his (daemon/way.h).
 *
 * What comes together is told once: a lease or a modem that comes up makes a dozen messages within a moment.
 */
#include "daemon/loop.h"

/* It is told when nothing more has come for so long, and never later than so long after the first. */
#define SB_NETWATCH_SETTLE_USEC UINT64_C(200000)
#define SB_NETWATCH_LATEST_USEC UINT64_C(1000000)

struct sb_netwatch;

typedef void sb_netwatch_fn(void *userdata);

int sb_netwatch_new(struct sb_loop *loop, struct sb_netwatch **ret);
struct sb_netwatch *sb_netwatch_free(struct sb_netwatch *watch);
void sb_netwatch_listen(struct sb_netwatch *watch, sb_netwatch_fn *changed, void *userdata);
