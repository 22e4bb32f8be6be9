/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of a link, shared by its parts: link.c (states), link-life.c (coming and going), link-attempt.c (the facts),
 * link-login.c (logins, their terms and their end), link-backoff.c (the wait between them), link-budget.c
 * (what it may cost), link-network.c
 * (changes of the box's network), link-report.c (what the log has of it), link-status.c (what
 * everybody else has of it), link-host.c, link-lent.c, link-observe.c and link-store.c (what the
 * plugin is lent), link-serve.c (what the cloud asks and commands), link-publish.c (what apps hand in) and flight.c
 * (what is on its way). Nobody else includes this.
 */
#include "daemon/attempt.h"
#include "daemon/backoff.h"
#include "daemon/budget.h"
#include "daemon/calls.h"
#include "daemon/channel.h"
#include "daemon/event.h"
#include "daemon/flight.h"
#include "daemon/hourly.h"
#include "daemon/link.h"
#include "daemon/networks.h"
#include "daemon/pace.h"
#include "daemon/running.h"
#include "daemon/way.h"

/* Room for a sentence on why a link is not online. */
#define SB_LINK_REASON_MAX 320

struct sb_lent_fetch;
struct sb_lent_timer;
struct sb_lent_write;
struct sb_serving;

TAILQ_HEAD(sb_lent_requests, skybus_request);

/** struct skybus_request - a request in a plugin's hands: of its own, or a message's being encoded */
struct skybus_request {
	TAILQ_ENTRY(skybus_request) entry; /* while it is on its way */
	struct sb_link *link;
	struct sb_request *filled;
	uint64_t timeout_usec;
	skybus_replied_fn *done; /* NULL when nobody wants to know any more */
	void *tag;

	/* Of an observation. */
	int64_t handle;
	struct sb_exchange *exchange;
	bool answered;
};

/** struct sb_lent - what a plugin has asked for and not yet got; embedded in its link */
struct sb_lent {
	struct sb_lent_requests requests;
	struct sb_lent_requests observations;
	unsigned int n_observations;
	unsigned int
		n_requests; /* without answer, observations too; they count against the window */
	TAILQ_HEAD(, sb_lent_timer) timers;
	TAILQ_HEAD(, sb_lent_write) writes;
	unsigned int n_writes;
	TAILQ_HEAD(, sb_lent_fetch) fetches;
	unsigned int n_fetches;
	int64_t last_timer;
	int64_t last_observation;
	skybus_opened_fn *opened; /* who waits for the session; NULL when nobody does */
	void *opened_tag;
	uint32_t silence; /* how the last request that nobody answered ended */
	unsigned int silence_s; /* and after how long */
	bool by_timer; /* a timer of the plugin's has it act */
	bool by_network; /* the last word in this login was the network's, and not the cloud's */
	uint32_t later_s; /* what the cloud has asked for during this login: not before so long */
	uint32_t code; /* what the plugin is being told that the cloud answered; else 0 */
};

/** struct sb_login - how a link gets in, and how long it stays; embedded in it */
struct sb_login {
	bool under_way;
	unsigned int refusals; /* of our credentials, in a row */
	unsigned int relogins; /* since a message was delivered */
	int64_t expires_ms; /* wall clock; 0 for never */
	uint64_t answered_at; /* when the cloud last answered anything */
	uint64_t keepalive_usec; /* 0: never */
	struct sb_timer deadline;
	struct sb_timer stable;
	struct sb_timer expiry;
	struct sb_timer keepalive;
};

/** struct sb_path - how the packets of a link leave the box; embedded in it */
struct sb_path {
	struct sockaddr_storage peer; /* of the last session; without family if there was none */
	struct sb_way way; /* of the session; without one, as it was seen last */
	int error; /* in the place of a way, negative */
	bool blind; /* the last session went another way: rules that the kernel was not asked by */
};

/**
 * struct sb_fall - why a link goes down
 * @event: SB_EVENT_LINK_LOST, SB_EVENT_PLUGIN_DIED, or SB_EVENT_LINK_REFUSED for its credentials, and it tries
 *	again by itself; or …_FAILED
 * @reason: a sentence; not one that goes away with the session
 * @code: what the cloud answered; 0 if that is not why
 * @by_network: it could not be reached, or has fallen silent, so a change of the network may mend it; otherwise
 *	the cloud does not want it now, or its rules, or ours, do not
 * @wait_s: not before so many seconds again
 */
struct sb_fall {
	enum sb_event event;
	const char *reason;
	uint32_t code;
	bool by_network;
	uint32_t wait_s;
};

/**
 * struct sb_report - what the log has of a link; embedded in it
 * @event, @state, @code, @reason: of the last change, also if it was left out
 * @said_at: when the log got the last one
 * @changes: that were said
 * @left_out: that came after the last one that was said
 * @later: says how it is by then
 * @lines: of the plugin's own
 */
struct sb_report {
	bool any;
	enum sb_event event;
	enum sb_link_state state;
	uint32_t code;
	char reason[SB_LINK_REASON_MAX];
	uint64_t said_at;
	struct sb_hourly changes;
	unsigned int left_out;
	struct sb_timer later;
	struct sb_hourly lines;
};

/** struct sb_serve - what the cloud asks of a link; embedded in it */
struct sb_serve {
	struct sb_listener *listener; /* NULL when it does not listen */
	uint16_t port;
	unsigned int interface; /* the index of the one it is bound to; 0 for any */
	struct sb_networks from;
	bool from_all;
	struct sb_serving *serving; /* the request that serve() has in hand; NULL outside of it */
	bool answering; /* answer() has a call in hand */
	struct sb_calls calls;
};

/**
 * struct sb_link_budget - what the link may cost; embedded in it
 * @money: without plan if there is no budget
 * @seen: so much of what the link has carried counts in it
 * @holds: it is spent: only what is urgent is sent
 * @rests: the link has not logged in for that
 * @timer: looks whether the period is over
 */
struct sb_link_budget {
	struct sb_budget money;
	uint64_t seen;
	bool holds;
	bool rests;
	struct sb_timer timer;
};

struct sb_link {
	struct sb_link_parts parts;
	struct sb_link_config *config;
	sb_link_changed_fn *changed;
	void *userdata;

	const struct skybus_plugin *plugin; /* NULL while the configuration is wrong */
	void *plugin_state;
	struct sb_running_who who; /* runs then */

	enum sb_link_state state;
	bool up;
	char *state_reason;
	char *last_error;
	int64_t since_ms;

	struct sb_queue *queue;
	struct sb_channel *channel;
	struct sb_traffic past; /* of the sessions that are closed */
	struct sb_wire *wire; /* goes on with a successor */
	struct sb_link_counts counts; /* likewise */
	struct sb_link_budget budget;
	struct sb_flight flight;
	struct sb_lent lent;
	struct sb_login login;
	struct sb_serve serve;
	struct sb_path path;
	struct sb_attempts attempts;

	struct sb_backoff backoff;
	struct sb_hurry hurry;
	bool hurries; /* the wait was cut short, as far as it may be */
	uint64_t kept_until; /* CLOCK_BOOTTIME, µs: so much of the wait is never cut short */
	unsigned int
		failures; /* since the link came: each moves on to the next address of a name */
	struct sb_timer wake; /* the back-off is over */
	struct sb_turn turn; /* the other links that would log in now have begun */
	struct sb_report report;
};

/* ---- link.c ---- */

int sb_link_init(struct sb_link *link);
int sb_link_take_queue(struct sb_link *link);
void sb_link_leave_online(struct sb_link *link);

void sb_link_enter(struct sb_link *link, enum sb_link_state state, const char *reason);
void sb_link_explain(struct sb_link *link, const char *reason);
void sb_link_set_error(struct sb_link *link, const char *reason);
void sb_link_come_up(struct sb_link *link, bool first, const char *reason);
void sb_link_go_down(struct sb_link *link, const struct sb_fall *fall);
void sb_link_on_channel(void *userdata, enum sb_channel_state state, int error, const char *reason);
void sb_link_on_lost(struct sb_link *link, enum sb_trouble trouble, const char *reason);
void sb_link_on_trouble(struct sb_link *link, const char *reason, uint32_t code);
void sb_link_on_answer(struct sb_link *link);
const char *sb_link_interface(const struct sb_link *link);
unsigned int sb_link_window(const struct sb_link *link);

/* ---- link-attempt.c ---- */

void sb_link_attempt_begin(struct sb_link *link);
void sb_link_attempt_enter(struct sb_link *link, enum sb_link_state state);
void sb_link_attempt_on_channel(struct sb_link *link, enum sb_channel_state state, int error);
void sb_link_attempt_on_outcome(struct sb_link *link, uint32_t outcome);
void sb_link_attempt_on_sent(struct sb_link *link);
void sb_link_attempt_end(struct sb_link *link, const char *reason, uint32_t code);

/* ---- link-backoff.c ---- */

void sb_link_backoff_begin(struct sb_link *link, bool by_network, const char *reason,
			   uint32_t wait_s);
void sb_link_backoff_await(struct sb_link *link, const char *reason, uint32_t wait_s);
void sb_link_backoff_hurry(struct sb_link *link);
void sb_link_backoff_on_wake(struct sb_link *link);
bool sb_link_backoff_resume(struct sb_link *link);
void sb_link_backoff_waive(struct sb_link *link);
void sb_link_backoff_forget(struct sb_link *link);

/* ---- link-budget.c ---- */

void sb_link_budget_init(struct sb_link *link);
void sb_link_budget_begin(struct sb_link *link);
void sb_link_budget_done(struct sb_link *link);
void sb_link_budget_look(struct sb_link *link);
bool sb_link_budget_holds(const struct sb_link *link);
bool sb_link_budget_bars_login(const struct sb_link *link);
void sb_link_budget_rest(struct sb_link *link);
uint64_t sb_link_budget_used(const struct sb_link *link);
void sb_link_budget_reason(const struct sb_link *link, char *ret_text, size_t size);

/* ---- link-network.c ---- */

void sb_path_on_channel(struct sb_link *link, enum sb_channel_state state);
void sb_path_look(struct sb_link *link);
bool sb_path_is_lost(struct sb_link *link);
bool sb_path_explains(int error);
const char *sb_path_lacks(const struct sb_link *link, char *ret_text, size_t size);

/* ---- link-report.c ---- */

void sb_report_init(struct sb_link *link);
void sb_report_done(struct sb_link *link);
void sb_report(struct sb_link *link, enum sb_event event, const char *reason, uint32_t code);
void sb_report_of_plugin(struct sb_link *link, int level, const char *text);

/* ---- link-login.c ---- */

void sb_login_init(struct sb_link *link);
void sb_login_begin(struct sb_link *link);
void sb_login_end(struct sb_link *link);
void sb_login_needed(struct sb_link *link, const char *reason, uint32_t code);
void sb_login_renew(struct sb_link *link);
void sb_login_on_online(struct sb_link *link, const struct skybus_terms *terms);
void sb_login_on_failed(struct sb_link *link, uint32_t kind, const char *reason, uint32_t wait_s);
void sb_login_on_answer(struct sb_link *link);
void sb_login_on_delivered(struct sb_link *link);

/* ---- link-publish.c ---- */

struct skybus_message sb_link_view(const struct sb_link *link, const struct sb_message *message);

/* ---- link-host.c, link-lent.c, link-observe.c, link-store.c ---- */

extern const struct skybus_host sb_link_host;

void sb_lent_init(struct sb_lent *lent);
struct skybus_request *sb_lent_request_new(struct sb_link *link);
struct skybus_request *sb_lent_request_free(struct skybus_request *request);
SB_DEFINE_CLEANUP(struct skybus_request *, sb_lent_request_free)
int sb_lent_request_send(struct skybus_request *request, uint32_t timeout_ms,
			 skybus_replied_fn *done, void *tag);
int sb_lent_request_prepare(struct skybus_request *request, uint32_t timeout_ms,
			    skybus_replied_fn *done, void *tag);
void sb_lent_on_sent(struct sb_link *link);
void sb_lent_tell(struct sb_link *link, const struct skybus_request *request,
		  const struct skybus_reply *reply);
int64_t sb_lent_observe(struct skybus_request *request, uint32_t timeout_ms,
			skybus_replied_fn *notified, void *tag);
void sb_lent_observe_stop(struct sb_link *link, int64_t handle);
void sb_lent_observe_forget(struct sb_link *link);
int sb_lent_fetch_start(struct sb_link *link, const struct skybus_fetch *plan,
			skybus_fetched_fn *done, void *tag);
int64_t sb_lent_timer_start(struct sb_link *link, uint32_t ms, skybus_timer_fn *done, void *tag);
void sb_lent_timer_stop(struct sb_link *link, int64_t handle);
int sb_lent_put(struct sb_link *link, const char *key, const void *data, uint32_t len,
		skybus_stored_fn *done, void *tag);
int sb_lent_remove(struct sb_link *link, const char *key, skybus_stored_fn *done, void *tag);
void sb_lent_forget_writes(struct sb_link *link);
void sb_lent_forget(struct sb_link *link);
void sb_lent_drop_session(struct sb_link *link);
void sb_lent_done(struct sb_link *link);

/* ---- link-serve.c ---- */

void sb_serve_init(struct sb_link *link);
int sb_serve_listen(struct sb_link *link, const struct skybus_listen *listen);
int sb_serve_deliver(struct sb_link *link, const struct skybus_command *command);
void sb_serve_stop(struct sb_link *link);
void sb_serve_done(struct sb_link *link);
