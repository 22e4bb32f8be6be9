/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a link. Whatever happens to it comes through one of the …_on_…() functions, here and in
 * link-login.c; each ends in sb_link_enter().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/link-private.h"
#include "daemon/log.h"
#include "daemon/plugin-call.h"

static const char *const state_words[] = {
#define STATE_WORD(constant, word) [constant] = (word),
	SB_LINK_STATES(STATE_WORD)
#undef STATE_WORD
};

static void replace_text(char **text, const char *with)
{
	char *copy = strdup(with);

	if (!copy)
		return; /* the older text is better than none */
	free(*text);
	*text = copy;
}

static void tell_changed(struct sb_link *link, uint32_t what)
{
	link->changed(link->userdata, link, what);
}

/**
 * sb_link_state_word() - a state as the bus has it
 * @state: SB_LINK_DISABLED …
 *
 * Return: static.
 */
const char *sb_link_state_word(enum sb_link_state state)
{
	return state_words[state];
}

/* A link that is online goes this way to log in again; one that fails goes another. */
static bool is_way_in(enum sb_link_state state)
{
	return state >= SB_LINK_STARTING && state <= SB_LINK_AUTHENTICATING;
}

/**
 * sb_link_enter() - enter a state
 * @link: the link
 * @state: the state
 * @reason: a sentence, or "" where there is nothing to say
 *
 * To say it in the log as well is the caller's, with sb_report().
 */
void sb_link_enter(struct sb_link *link, enum sb_link_state state, const char *reason)
{
	bool was_up = link->up;

	sb_link_attempt_enter(link, state);
	if (link->state == state && strcmp(link->state_reason, reason) == 0)
		return;

	link->state = state;
	link->up = state == SB_LINK_ONLINE || (was_up && is_way_in(state));
	link->since_ms = sb_wall_clock_ms();
	replace_text(&link->state_reason, reason);
	if (is_way_in(state))
		sb_log_link(sb_link_name(link), LOG_DEBUG, "%s", state_words[state]);
	tell_changed(link, SB_LINK_CHANGED_STATE | (link->up != was_up ? SB_LINK_CHANGED_UP : 0));
}

/**
 * sb_link_explain() - there is something else to say of a link in the state that it is in
 * @link: the link
 * @reason: a sentence, or ""
 */
void sb_link_explain(struct sb_link *link, const char *reason)
{
	if (strcmp(link->state_reason, reason) == 0)
		return;
	replace_text(&link->state_reason, reason);
	tell_changed(link, SB_LINK_CHANGED_STATE);
}

/**
 * sb_link_leave_online() - go down, to whatever state comes next
 * @link: in any state
 */
void sb_link_leave_online(struct sb_link *link)
{
	sb_timer_disarm(&link->wake);
	sb_turn_leave(&link->turn);
	sb_login_end(link);
	sb_lent_forget(link);
	sb_lent_drop_session(link);
}

/**
 * sb_link_set_error() - why a link is not online
 * @link: the link
 * @reason: a sentence, for people to look up afterwards as well
 */
void sb_link_set_error(struct sb_link *link, const char *reason)
{
	replace_text(&link->last_error, reason);
}

/* A plugin that dies has been refused by nobody. */
static enum sb_login_result result_of(enum sb_event event)
{
	return event == SB_EVENT_LINK_LOST || event == SB_EVENT_PLUGIN_DIED ? SB_LOGIN_FAILED
									    : SB_LOGIN_REFUSED;
}

/**
 * sb_link_go_down() - the link cannot go on as it is
 * @link: online, or logging in
 * @fall: why, and whether it tries again by itself or a person has to help
 */
void sb_link_go_down(struct sb_link *link, const struct sb_fall *fall)
{
	sb_link_attempt_end(link, fall->reason, fall->code);
	if (link->login.under_way)
		link->counts.logins[result_of(fall->event)]++;
	sb_link_leave_online(link);
	link->failures++;
	sb_link_set_error(link, fall->reason);
	sb_flight_refuse(&link->flight, SB_ERROR_NOT_ONLINE, fall->reason);
	if (fall->event == SB_EVENT_LINK_FAILED) {
		/* After a restart it starts afresh: that is a person's doing, and only a person can help. */
		sb_link_backoff_forget(link);
		sb_link_enter(link, SB_LINK_FAILED, fall->reason);
	} else if (fall->by_network && sb_path_is_lost(link)) {
		sb_link_backoff_await(link, fall->reason, fall->wait_s);
	} else {
		sb_link_backoff_begin(link, fall->by_network, fall->reason, fall->wait_s);
	}
	sb_report(link, fall->event, fall->reason, fall->code);
}

/* ---- what happens to a link ---- */

/**
 * sb_link_on_channel() - the channel changed
 * @userdata: the link
 * @state: of the channel
 * @error: 0 unless it broke
 * @reason: a sentence then
 */
void sb_link_on_channel(void *userdata, enum sb_channel_state state, int error, const char *reason)
{
	struct sb_link *link = userdata;
	skybus_opened_fn *opened = link->lent.opened;

	sb_path_on_channel(link, state);
	sb_link_attempt_on_channel(link, state, error);
	if (state == SB_CHANNEL_CONNECTING) {
		sb_link_enter(link, SB_LINK_CONNECTING, "");
		return;
	}
	if (state == SB_CHANNEL_DOUBTED) {
		/* A login's own request has ended of it, if one was under way. */
		if (link->state == SB_LINK_ONLINE)
			sb_flight_suspect(&link->flight);
		return;
	}
	link->lent.opened = NULL;
	link->lent.by_network = state == SB_CHANNEL_BROKEN && sb_path_explains(error);
	if (opened && state == SB_CHANNEL_BROKEN)
		sb_lent_drop_session(link);
	if (opened)
		sb_plugin_on_opened(link, opened, link->lent.opened_tag, error, reason);
	else if (state == SB_CHANNEL_BROKEN)
		sb_link_on_lost(link, link->attempts.now.trouble, reason);
}

/**
 * sb_link_on_lost() - the session is no good any more
 * @link: online, or logging in
 * @trouble: what it is
 * @reason: a sentence
 */
void sb_link_on_lost(struct sb_link *link, enum sb_trouble trouble, const char *reason)
{
	char text[SB_LINK_REASON_MAX];
	const struct sb_fall fall = {
		.event = SB_EVENT_LINK_LOST,
		.reason = text,
		.by_network = true,
	};

	sb_attempts_note_trouble(&link->attempts, trouble);
	(void)snprintf(text, sizeof(text), "%s", reason);
	sb_link_go_down(link, &fall);
}

/**
 * sb_link_on_trouble() - the cloud says why it does not take anything at present
 * @link: online, and stays so
 * @reason: a sentence
 * @code: what it answered
 */
void sb_link_on_trouble(struct sb_link *link, const char *reason, uint32_t code)
{
	if (*reason == '\0')
		return;

	sb_report(link, SB_EVENT_LINK_WAITS, reason, code);
	if (strcmp(link->last_error, reason) == 0)
		return;
	sb_link_set_error(link, reason);
	tell_changed(link, SB_LINK_CHANGED_STATE);
}

/**
 * sb_link_on_answer() - the cloud answered something
 * @link: the link
 */
void sb_link_on_answer(struct sb_link *link)
{
	sb_login_on_answer(link);
	sb_idle_on_answer(&link->attempts.idle, sb_loop_now(link->parts.loop));
	sb_flight_on_answer(&link->flight);
	tell_changed(link, SB_LINK_CHANGED_NUMBERS);
}

static void link_on_queue(void *userdata)
{
	struct sb_link *link = userdata;

	tell_changed(link, SB_LINK_CHANGED_NUMBERS);
	/* Not from here: the queue may have changed because of what the pump does. */
	sb_task_schedule(&link->flight.pump);
}

/**
 * sb_link_come_up() - log in when it is the link's turn
 * @link: at rest
 * @first: see daemon/pace.h
 * @reason: as a rule "": the wait is one of milliseconds, or all links come up at once and it shows
 */
void sb_link_come_up(struct sb_link *link, bool first, const char *reason)
{
	sb_timer_disarm(&link->wake);
	link->budget.rests = false;
	sb_link_budget_look(link);
	if (sb_link_budget_bars_login(link)) {
		sb_link_budget_rest(link);
		return;
	}
	sb_link_enter(link, SB_LINK_STARTING, reason);
	sb_turn_await(&link->turn, first);
}

static void link_on_wake(struct sb_timer *timer)
{
	sb_link_backoff_on_wake(sb_container_of(timer, struct sb_link, wake));
}

static void link_on_turn(struct sb_turn *turn)
{
	struct sb_link *link = sb_container_of(turn, struct sb_link, turn);

	if (link->state == SB_LINK_ONLINE)
		sb_flight_on_turn(&link->flight);
	else
		sb_login_begin(link);
}

/* ---- at rest, and on its way ---- */

/**
 * sb_link_take_queue() - the link gets its queue, with what waits there
 * @link: without queue
 *
 * Return: 0; -EEXIST when another link has it; -ENOMEM, but not when there has been a link of its name.
 */
int sb_link_take_queue(struct sb_link *link)
{
	const struct sb_settings *common = link->config->common;
	struct sb_queue_limits limits = {
		.messages = (uint64_t)sb_settings_integer(common, "queue_messages"),
		.bytes = (uint64_t)sb_settings_integer(common, "queue_bytes"),
		.memory_messages = (uint64_t)sb_settings_integer(common, "memory_messages"),
		.memory_bytes = (uint64_t)sb_settings_integer(common, "memory_bytes"),
		.drop_oldest = strcmp(sb_settings_text(common, "when_full"), "drop_oldest") == 0,
	};

	return sb_queue_new(link->parts.outbox, sb_link_name(link), &limits, link_on_queue, link,
			    &link->queue);
}

/**
 * sb_link_init() - all of a link but its queue and its plugin
 * @link: zeroed, but for its parts, its configuration and whom it tells
 *
 * Return: 0, or -ENOMEM; sb_link_free() is for the caller in any case.
 */
int sb_link_init(struct sb_link *link)
{
	link->since_ms = sb_wall_clock_ms();
	link->state_reason = strdup("");
	link->last_error = strdup("");
	link->wire = sb_wire_new();
	sb_lent_init(&link->lent);
	sb_flight_init(&link->flight, link);
	sb_timer_init(&link->wake, link->parts.loop, link_on_wake);
	sb_turn_init(&link->turn, link->parts.pace, link_on_turn);
	sb_login_init(link);
	sb_serve_init(link);
	sb_report_init(link);
	sb_link_budget_init(link);

	return link->state_reason && link->last_error && link->wire ? 0 : -ENOMEM;
}

static void disable(struct sb_link *link, const char *reason)
{
	sb_link_enter(link, SB_LINK_DISABLED, reason);
	sb_report(link, SB_EVENT_LINK_DISABLED, reason, 0);
}

/**
 * sb_link_start() - let a link come up, as its configuration has it
 * @link: at rest; one that was failing before a restart waits for as long as it would have
 */
void sb_link_start(struct sb_link *link)
{
	const char *wrong = link->config->wrong;

	sb_link_budget_begin(link);
	if (wrong) {
		sb_link_set_error(link, wrong);
		sb_link_enter(link, SB_LINK_FAILED, wrong);
		sb_report(link, SB_EVENT_LINK_FAILED, wrong, 0);
	} else if (!sb_settings_integer(link->config->common, "enabled")) {
		disable(link, "the configuration says enabled: no; Connect starts it all the same");
	} else if (!sb_link_backoff_resume(link)) {
		sb_link_come_up(link, link->backoff.failures == 0, "");
	}
}

/**
 * sb_link_start_anew() - start a link whose configuration somebody has just changed
 * @link: at rest; does not wait for the back-off of its predecessor, for that may be mended
 */
void sb_link_start_anew(struct sb_link *link)
{
	if (link->plugin && sb_settings_integer(link->config->common, "enabled"))
		sb_link_backoff_waive(link);
	sb_link_start(link);
}

/* ---- what people ask and say ---- */

/**
 * sb_link_name() - the name in the configuration
 * @link: the link
 *
 * Return: lent.
 */
const char *sb_link_name(const struct sb_link *link)
{
	return link->config->name;
}

/**
 * sb_link_configuration() - how a link is configured
 * @link: the link
 *
 * Return: lent.
 */
const struct sb_link_config *sb_link_configuration(const struct sb_link *link)
{
	return link->config;
}

/**
 * sb_link_up() - do messages go up, or will they in a moment
 * @link: the link
 *
 * Return: whether it is online, or is only logging in again: what waits for it is not in need of another link.
 */
bool sb_link_up(const struct sb_link *link)
{
	return link->up;
}

/**
 * sb_link_queue() - where the messages of a link wait
 * @link: the link
 *
 * Return: lent.
 */
struct sb_queue *sb_link_queue(const struct sb_link *link)
{
	return link->queue;
}

/**
 * sb_link_interface() - the network interface that everything of a link goes through
 * @link: the link
 *
 * Return: its name, lent; NULL for any.
 */
const char *sb_link_interface(const struct sb_link *link)
{
	return sb_settings_text(link->config->common, "interface");
}

/**
 * sb_link_window() - how many messages may be under way at once, as the configuration has it
 * @link: the link
 *
 * Return: at least 1.
 */
unsigned int sb_link_window(const struct sb_link *link)
{
	const struct sb_settings *common = link->config->common;

	return sb_settings_integer(common, "ordered")
		       ? 1
		       : (unsigned int)sb_settings_integer(common, "window");
}

/**
 * sb_link_connect() - try now, whatever the back-off says
 * @link: in any state; one that is up, or on its way, is left alone
 * @ret_error: why not, on failure
 *
 * Return: 0; -EOPNOTSUPP when the configuration is wrong.
 */
int sb_link_connect(struct sb_link *link, struct sb_error *ret_error)
{
	if (!link->plugin)
		return sb_error_set(
			ret_error, SB_ERROR_UNSUPPORTED,
			"the link %s cannot start until its configuration is mended: %s",
			sb_link_name(link), link->config->wrong);

	switch (link->state) {
	case SB_LINK_DISABLED:
	case SB_LINK_BACKOFF:
	case SB_LINK_FAILED:
		sb_link_backoff_waive(link);
		sb_link_come_up(link, true, "");
		break;
	case SB_LINK_STARTING:
	case SB_LINK_RESOLVING:
	case SB_LINK_CONNECTING:
	case SB_LINK_AUTHENTICATING:
	case SB_LINK_ONLINE:
		break;
	}

	return 0;
}

/**
 * sb_link_disconnect() - end the session, serve nobody, and stay down until sb_link_connect() or a restart
 * @link: in any state; what is published meanwhile is stored
 * @ret_error: why not, on failure
 *
 * Return: 0; -EOPNOTSUPP when the configuration is wrong.
 */
int sb_link_disconnect(struct sb_link *link, struct sb_error *ret_error)
{
	if (!link->plugin)
		return sb_error_set(ret_error, SB_ERROR_UNSUPPORTED,
				    "the link %s is down until its configuration is mended: %s",
				    sb_link_name(link), link->config->wrong);

	sb_link_attempt_end(link, "disconnected by request", 0);
	sb_link_leave_online(link);
	sb_serve_stop(link);
	sb_flight_refuse(&link->flight, SB_ERROR_NOT_ONLINE, "the link has been disconnected");
	disable(link, "disconnected by request; Connect starts it again");

	return 0;
}
