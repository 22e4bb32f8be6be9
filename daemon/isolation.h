/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A plugin in a process of its own, for links with "plugin_isolation: process". To the rest of the daemon it is a
 * descriptor like any other, whose functions have the process do it.
 *
 * The loop does not wait for a process that hangs. A call has SB_ISOLATION_PATIENCE_MS; what is asked of the process
 * meanwhile is done within the call, as it is for a plugin that is called directly. After that the process counts as
 * stalled. What wants no answer goes on by itself, and what comes to a stalled process waits there; whoever wants an
 * answer gets one that does no harm:
 *
 *	encode, encode_batch, keepalive, decide	later: the message stays where it is, or goes again
 *	accept					yes: what the cloud cannot take ends when it is sent
 *	serve					5.03
 *	answer					busy
 *	gather					each goes alone
 *
 * A process that has not come back SB_ISOLATION_DEADLINE_S after it has stalled is ended. When a process has ended, by
 * itself or not, its link fails, and the next login begins with another process.
 */
#include "skybus/plugin.h"

/** What a call may cost everybody else: far more than any takes, also on a small box that is busy. */
#define SB_ISOLATION_PATIENCE_MS 100

/** While links are made: so long a process has to load its plugin and to look at its settings. */
#define SB_ISOLATION_ATTACH_MS 1000

#define SB_ISOLATION_DEADLINE_S 5

extern const char sb_isolation_program[];

void sb_isolation_proxy(const struct skybus_plugin *plugin, struct skybus_plugin *ret);
