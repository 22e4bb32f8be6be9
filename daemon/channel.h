/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A channel: the way to a cloud by its name. It resolves, chooses an address, opens the session, and
 * puts what happens into sentences that a person can act on.
 */
#include "daemon/resolver.h"
#include "daemon/transport.h"
#include "skybus/plugin.h"

struct sb_channel;

enum sb_channel_state {
	SB_CHANNEL_RESOLVING,
	SB_CHANNEL_CONNECTING,
	SB_CHANNEL_OPEN,
	SB_CHANNEL_DOUBTED, /* open, although the cloud's host says that nobody listens */
	SB_CHANNEL_BROKEN, /* could not be opened, or broke later; only good for being freed */
};

/** @error is 0 unless broken, @reason then a sentence. Never called from within sb_channel_open(). */
typedef void sb_channel_fn(void *userdata, enum sb_channel_state state, int error,
			   const char *reason);

/** struct sb_channel_plan - how to open a channel */
struct sb_channel_plan {
	struct sb_resolver *resolver;
	struct sb_transport *transport;
	const struct skybus_session *session; /* copied */
	const char *interface; /* the name of the one to go through; NULL for any; copied */
	struct sb_wire
		*wire; /* counts what it carries; NULL for nobody; lent, as long as the channel */
	unsigned int attempt; /* of several addresses, each attempt takes the next */
};

/** struct sb_channel_ends - between what a channel is; without family what is not known yet */
struct sb_channel_ends {
	const char *host; /* as the plugin has it; lent until the channel is freed */
	uint16_t port;
	uint32_t security; /* SKYBUS_PLAIN … */
	struct sockaddr_storage local;
	struct sockaddr_storage peer; /* also when no session could be opened to it */
	struct sb_session_facts facts; /* of the session, if there is one */
};

int sb_channel_open(const struct sb_channel_plan *plan, sb_channel_fn *changed, void *userdata,
		    struct sb_channel **ret);
struct sb_channel *sb_channel_free(struct sb_channel *channel);
struct sb_session *sb_channel_session(const struct sb_channel *channel);
void sb_channel_ends(const struct sb_channel *channel, struct sb_channel_ends *ret);
void sb_channel_explain(const struct sb_channel *channel, uint32_t outcome, unsigned int waited_s,
			char *ret_reason, size_t size);
