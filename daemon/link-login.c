/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a link gets in, and how long it stays: the plugin's login(), the terms on which the cloud lets it
 * in, and the login that follows before they end.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/link-private.h"
#include "daemon/log.h"
#include "daemon/plugin-call.h"

/* A plugin that says neither online() nor failed() is given up. */
#define LOGIN_TIMEOUT_USEC (120 * SB_USEC_PER_SEC)

/* Online for so long, and the earlier failures are forgotten. */
#define STABLE_USEC (5 * 60 * SB_USEC_PER_SEC)

/* So often may our credentials be refused before only a person can help. */
#define REFUSALS_MAX 3

/* So often may the cloud ask for a login without having taken one message in between. */
#define RELOGINS_MAX 2

static struct sb_link *link_of(struct sb_login *login)
{
	return sb_container_of(login, struct sb_link, login);
}

/* Of the login before, if it is still good. */
static void stop_terms(struct sb_login *login)
{
	sb_timer_disarm(&login->expiry);
	sb_timer_disarm(&login->keepalive);
}

/**
 * sb_login_begin() - let the plugin log in
 * @link: down, or online with nothing under way
 */
void sb_login_begin(struct sb_link *link)
{
	stop_terms(&link->login);
	sb_lent_forget(link);
	link->lent.later_s = 0;
	link->lent.by_network = false;
	if (!link->channel)
		sb_path_look(link);
	link->login.under_way = true;
	sb_link_attempt_begin(link);
	sb_timer_arm(&link->login.deadline, LOGIN_TIMEOUT_USEC);
	sb_link_enter(link, SB_LINK_STARTING, "");
	sb_plugin_login(link);
}

/**
 * sb_login_end() - the link goes down: neither a login nor its terms hold any more
 * @link: in any state
 */
void sb_login_end(struct sb_link *link)
{
	struct sb_login *login = &link->login;

	login->under_way = false;
	login->expires_ms = 0;
	sb_timer_disarm(&login->deadline);
	sb_timer_disarm(&login->stable);
	stop_terms(login);
}

/* ---- how it ended ---- */

static void take_terms(struct sb_link *link, const struct skybus_terms *terms)
{
	struct sb_login *login = &link->login;

	login->expires_ms = 0;
	if (terms->expires_s > 0) {
		login->expires_ms = sb_wall_clock_ms() + terms->expires_s * INT64_C(1000);
		/* A tenth earlier, so that no message meets a login that is over. */
		sb_timer_arm(&login->expiry, terms->expires_s * SB_USEC_PER_SEC / 10 * 9);
	}
	login->keepalive_usec =
		sb_plugin_keeps_alive(link->plugin) ? terms->keepalive_s * SB_USEC_PER_SEC : 0;
	login->answered_at = sb_loop_now(link->parts.loop);
	if (login->keepalive_usec > 0)
		sb_timer_arm(&login->keepalive, login->keepalive_usec);
}

/**
 * sb_login_on_online() - the plugin has logged in
 * @link: ignored unless a login is under way
 * @terms: the cloud's
 */
void sb_login_on_online(struct sb_link *link, const struct skybus_terms *terms)
{
	unsigned int window = sb_link_window(link);
	char reason[SB_LINK_REASON_MAX];
	bool was_up = link->up;

	if (!link->login.under_way)
		return;
	if (!link->channel || !sb_channel_session(link->channel)) {
		sb_login_on_failed(link, SKYBUS_TRANSIENT,
				   "the plugin says that it has logged in, but there is no session",
				   0);
		return;
	}
	if (terms->window > 0 && terms->window < window)
		window = terms->window;

	link->login.under_way = false;
	link->counts.logins[SB_LOGIN_SUCCEEDED]++;
	link->login.refusals = 0;
	sb_timer_disarm(&link->login.deadline);
	/* A login that follows another one does not begin them anew. */
	if (!sb_timer_armed(&link->login.stable))
		sb_timer_arm(&link->login.stable, STABLE_USEC);
	take_terms(link, terms);
	sb_link_budget_look(link);
	sb_link_budget_reason(link, reason, sizeof(reason));
	sb_link_enter(link, SB_LINK_ONLINE, reason);
	/* Another login in between is nothing new. */
	if (!was_up)
		sb_report(link, SB_EVENT_LINK_ONLINE, "", 0);
	sb_flight_begin(&link->flight, window, terms->batch_s);
}

/* A cloud may be wrong once, or twice. */
static enum sb_event refused(struct sb_login *login)
{
	if (++login->refusals < REFUSALS_MAX)
		return SB_EVENT_LINK_REFUSED;
	login->refusals = 0;

	return SB_EVENT_LINK_FAILED;
}

/**
 * sb_login_on_failed() - the plugin could not log in
 * @link: ignored unless a login is under way
 * @kind: SKYBUS_TRANSIENT …
 * @reason: a sentence
 * @wait_s: not before so many seconds again
 */
void sb_login_on_failed(struct sb_link *link, uint32_t kind, const char *reason, uint32_t wait_s)
{
	char text[SB_LINK_REASON_MAX];
	struct sb_fall fall = {
		.event = SB_EVENT_LINK_LOST,
		.reason = text,
		.code = link->lent.code,
		.wait_s = wait_s,
	};

	if (!link->login.under_way)
		return;
	/* @reason may point into what goes away with the session. */
	(void)snprintf(text, sizeof(text), "%s", reason);
	if (kind == SKYBUS_CONFIGURATION) {
		fall.event = SB_EVENT_LINK_FAILED;
		sb_attempts_note_trouble(&link->attempts, SB_TROUBLE_CONFIGURATION);
	}
	if (kind == SKYBUS_CREDENTIALS)
		fall.event = refused(&link->login);
	else if (kind == SKYBUS_TRANSIENT && wait_s < link->lent.later_s)
		fall.wait_s = link->lent.later_s;
	/* The plugin says what to do about it; that it was the network, the daemon has seen itself. */
	fall.by_network = kind == SKYBUS_TRANSIENT && link->lent.by_network;
	sb_link_go_down(link, &fall);
}

/* ---- the next one ---- */

/**
 * sb_login_needed() - the cloud wants a login; the flight sees to it when it can
 * @link: online
 * @reason: a sentence
 * @code: what it answered; 0 if it is not about an answer
 */
void sb_login_needed(struct sb_link *link, const char *reason, uint32_t code)
{
	char text[SB_LINK_REASON_MAX];
	const struct sb_fall fall = {
		.event = SB_EVENT_LINK_LOST,
		.reason = text,
		.code = code,
	};

	if (link->flight.login_needed || link->state != SB_LINK_ONLINE)
		return;
	if (++link->login.relogins > RELOGINS_MAX) {
		link->login.relogins = 0;
		(void)snprintf(text, sizeof(text),
			       "the cloud lets this link in, and then refuses what it sends: %s",
			       reason);
		sb_link_go_down(link, &fall);
		return;
	}
	sb_log_link(sb_link_name(link), LOG_DEBUG, "logging in again: %s", reason);
	link->flight.login_needed = true;
}

/* Asked for or foreseen, so it says nothing against the cloud. */
static void ask_anew(struct sb_link *link, const char *reason)
{
	link->login.relogins = 0;
	sb_login_needed(link, reason, 0);
	sb_flight_pump(&link->flight);
}

/**
 * sb_link_reauthenticate() - log in again now; what is under way is answered first
 * @link: online; one that is on its way logs in anyway, and one in its back-off does it now
 * @ret_error: why not, on failure
 *
 * Return: 0; -EOPNOTSUPP when the configuration is wrong; -ENOTCONN when only Connect helps; -EDQUOT when the
 * link's budget is spent and nothing urgent waits.
 */
int sb_link_reauthenticate(struct sb_link *link, struct sb_error *ret_error)
{
	switch (link->state) {
	case SB_LINK_DISABLED:
	case SB_LINK_FAILED:
		if (!link->plugin)
			break;
		return sb_error_set(ret_error, SB_ERROR_NOT_ONLINE,
				    "the link %s is %s, so there is no login to renew: call "
				    "Connect, which logs in (%s)",
				    sb_link_name(link),
				    link->state == SB_LINK_FAILED ? "failed" : "disabled",
				    link->state_reason);
	case SB_LINK_ONLINE:
		if (sb_link_budget_bars_login(link))
			return sb_error_set(ret_error, SB_ERROR_BUDGET_SPENT, "%s",
					    link->state_reason);
		ask_anew(link, "Reauthenticate was called");
		return 0;
	case SB_LINK_BACKOFF:
	case SB_LINK_STARTING:
	case SB_LINK_RESOLVING:
	case SB_LINK_CONNECTING:
	case SB_LINK_AUTHENTICATING:
		break;
	}

	return sb_link_connect(link, ret_error);
}

/**
 * sb_login_renew() - begin the login that was needed
 * @link: online, with nothing under way
 */
void sb_login_renew(struct sb_link *link)
{
	link->flight.login_needed = false;
	sb_login_begin(link);
}

/**
 * sb_login_on_answer() - the cloud answered something: it need not be asked for a sign of life
 * @link: the link
 */
void sb_login_on_answer(struct sb_link *link)
{
	link->login.answered_at = sb_loop_now(link->parts.loop);
}

/**
 * sb_login_on_delivered() - the cloud took a message: the login was worth something
 * @link: the link
 */
void sb_login_on_delivered(struct sb_link *link)
{
	link->login.relogins = 0;
}

/* ---- timers ---- */

static void login_on_deadline(struct sb_timer *timer)
{
	struct sb_login *login = sb_container_of(timer, struct sb_login, deadline);

	sb_login_on_failed(link_of(login), SKYBUS_TRANSIENT,
			   "the login did not come to an end within 120 s", 0);
}

static void login_on_stable(struct sb_timer *timer)
{
	struct sb_link *link = link_of(sb_container_of(timer, struct sb_login, stable));

	sb_backoff_reset(&link->backoff);
	sb_hurry_reset(&link->hurry);
	sb_link_backoff_forget(link);
}

static void login_on_expiry(struct sb_timer *timer)
{
	struct sb_link *link = link_of(sb_container_of(timer, struct sb_login, expiry));

	/* What is sent when there is a budget again tells that the login is over. */
	if (!sb_link_budget_bars_login(link))
		ask_anew(link, "the present login is about to expire");
}

/* Answers only note their time; the timer looks whether the last one was long enough ago. */
static void login_on_keepalive(struct sb_timer *timer)
{
	struct sb_login *login = sb_container_of(timer, struct sb_login, keepalive);
	struct sb_link *link = link_of(login);
	uint64_t quiet = sb_loop_now(link->parts.loop) - login->answered_at;

	if (quiet < login->keepalive_usec) {
		sb_timer_arm(&login->keepalive, login->keepalive_usec - quiet);
		return;
	}
	sb_timer_arm(&login->keepalive, login->keepalive_usec);
	sb_flight_keepalive(&link->flight);
}

/**
 * sb_login_init() - a link that has not logged in yet
 * @link: its login is embedded in it
 */
void sb_login_init(struct sb_link *link)
{
	struct sb_login *login = &link->login;
	struct sb_loop *loop = link->parts.loop;

	*login = (struct sb_login){ 0 };
	sb_timer_init(&login->deadline, loop, login_on_deadline);
	sb_timer_init(&login->stable, loop, login_on_stable);
	sb_timer_init(&login->expiry, loop, login_on_expiry);
	sb_timer_init(&login->keepalive, loop, login_on_keepalive);
}
