/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of a link, shared by its three parts: link.c (states), link-host.c (what the plugin is
 * lent) and flight.c (what is on its way). Nobody else includes this.
 */
#include "daemon/backoff.h"
#include "daemon/channel.h"
#include "daemon/flight.h"
#include "daemon/link.h"

struct sb_lent_timer;
struct sb_lent_write;

TAILQ_HEAD(sb_call_list, skybus_request);

/** struct skybus_request - a request in a plugin's hands: of its own, or a message's being encoded */
struct skybus_request {
	TAILQ_ENTRY(skybus_request) entry; /* while it is on its way */
	struct sb_link *link;
	struct sb_request *filled;
	uint64_t timeout_usec;
	skybus_replied_fn *done; /* NULL when nobody wants to know any more */
	void *tag;
};

/** struct sb_lent - what a plugin has asked for and not yet got; embedded in its link */
struct sb_lent {
	struct sb_call_list calls;
	unsigned int n_calls; /* they count against the window */
	TAILQ_HEAD(, sb_lent_timer) timers;
	TAILQ_HEAD(, sb_lent_write) writes;
	int64_t last_timer;
	skybus_opened_fn *opened; /* who waits for the session; NULL when nobody does */
	void *opened_tag;
};

struct sb_link {
	struct sb_link_parts parts;
	struct sb_link_config *config;
	sb_link_changed_fn *changed;
	void *userdata;

	const struct skybus_plugin *plugin; /* NULL while the configuration is wrong */
	void *plugin_state;

	enum sb_link_state state;
	char *state_reason;
	char *last_error;
	int64_t since_ms;
	int64_t session_expires_ms;

	struct sb_queue *queue;
	struct sb_channel *channel;
	struct sb_traffic past; /* of the sessions that are closed */
	struct sb_flight flight;
	struct sb_lent lent;

	struct sb_backoff backoff;
	unsigned int attempts; /* of opening a channel, since the link came */
	unsigned int refusals; /* of our credentials, in a row */
	unsigned int relogins; /* since a message was delivered */
	uint32_t silence; /* how the plugin's last unanswered request ended */
	unsigned int silence_s; /* and after how long */
	bool logging_in;
	uint64_t answered_at; /* when the cloud last answered anything */
	uint64_t keepalive_usec; /* 0: never */
	struct sb_timer wake; /* the start, or the back-off, is over */
	struct sb_timer login_deadline;
	struct sb_timer stable;
	struct sb_timer expiry;
	struct sb_timer keepalive;
};

extern const struct skybus_host sb_link_host;

void sb_lent_init(struct sb_lent *lent);
void sb_lent_forget_calls(struct sb_link *link);
void sb_lent_drop_session(struct sb_link *link);
void sb_lent_done(struct sb_link *link);

void sb_link_enter(struct sb_link *link, enum sb_link_state state, const char *reason);
void sb_link_on_channel(void *userdata, enum sb_channel_state state, int error, const char *reason);
void sb_link_on_online(struct sb_link *link, const struct skybus_terms *terms);
void sb_link_on_failed(struct sb_link *link, uint32_t kind, const char *reason, uint32_t wait_s);
void sb_link_on_lost(struct sb_link *link, const char *reason);
void sb_link_on_login_needed(struct sb_link *link, const char *reason);
void sb_link_log_in_again(struct sb_link *link);
void sb_link_on_trouble(struct sb_link *link, const char *reason);
void sb_link_on_answer(struct sb_link *link);
void sb_link_on_delivered(struct sb_link *link);
