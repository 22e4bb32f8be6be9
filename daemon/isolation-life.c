/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a plugin's process comes, and what becomes of its link when it ends. Whoever finds that it is no good has it
 * killed; the link hears of it on the loop, when the kernel tells that it has ended.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "daemon/cleanup.h"
#include "daemon/isolation-private.h"
#include "daemon/running.h"

/* A plugin that is being loaded may wait for a slow disk. */
#define LOADING_DEADLINE_S 15

/* So long one that is asked to has to end itself; and the kernel to end it. */
#define END_PATIENCE_MS 100

/* What people read of it. */
static const enum sb_running_call running[SB_PACKET_KINDS] = {
	[SB_CALL_ATTACH] = SB_RUNNING_ATTACH,
	[SB_CALL_DETACH] = SB_RUNNING_DETACH,
	[SB_CALL_LOGIN] = SB_RUNNING_LOGIN,
	[SB_CALL_ENCODE] = SB_RUNNING_ENCODE,
	[SB_CALL_DECIDE] = SB_RUNNING_DECIDE,
	[SB_CALL_ACCEPT] = SB_RUNNING_ACCEPT,
	[SB_CALL_KEEPALIVE] = SB_RUNNING_KEEPALIVE,
	[SB_CALL_SERVE] = SB_RUNNING_SERVE,
	[SB_CALL_ANSWER] = SB_RUNNING_ANSWER,
	[SB_CALL_GATHER] = SB_RUNNING_GATHER,
	[SB_CALL_ENCODE_BATCH] = SB_RUNNING_ENCODE_BATCH,
	[SB_CALL_OPENED] = SB_RUNNING_OPENED,
	[SB_CALL_REPLIED] = SB_RUNNING_REPLIED,
	[SB_CALL_FETCHED] = SB_RUNNING_FETCHED,
	[SB_CALL_TIMER] = SB_RUNNING_TIMER,
	[SB_CALL_STORED] = SB_RUNNING_STORED,
	[SB_CALL_OBSERVED] = SB_RUNNING_REPLIED,
};

/**
 * sb_isolation_plugin() - what people call it
 * @isolation: of a link
 *
 * Return: the name of the plugin, lent.
 */
const char *sb_isolation_plugin(const struct sb_isolation *isolation)
{
	return isolation->link->config->loaded->name;
}

/**
 * sb_isolation_where() - in which call it is
 * @isolation: of a link
 *
 * Return: words for people, static.
 */
const char *sb_isolation_where(const struct sb_isolation *isolation)
{
	const struct sb_isolated_call *call = TAILQ_FIRST(&isolation->calls);

	return call ? sb_running_words(running[call->kind]) : "no call";
}

/**
 * sb_isolation_deadline_s() - how long it may take to come back from the call in which it is
 * @isolation: of a link
 *
 * Return: seconds.
 */
unsigned int sb_isolation_deadline_s(const struct sb_isolation *isolation)
{
	const struct sb_isolated_call *call = TAILQ_FIRST(&isolation->calls);

	return call && call->kind == SB_CALL_ATTACH ? LOADING_DEADLINE_S : SB_ISOLATION_DEADLINE_S;
}

/* ---- how it ends ---- */

static void stop_watching(struct sb_isolation *isolation)
{
	isolation->socket = sb_watch_free(isolation->socket);
	sb_timer_disarm(&isolation->deadline);
}

static void forget_process(struct sb_isolation *isolation)
{
	struct sb_isolated_call *call;

	stop_watching(isolation);
	isolation->end = sb_watch_free(isolation->end);
	sb_plugin_process_forget(&isolation->process);
	while ((call = TAILQ_FIRST(&isolation->calls))) {
		TAILQ_REMOVE(&isolation->calls, call, entry);
		free(call);
	}
	isolation->stalled = false;
	isolation->gone = false;
}

/**
 * sb_isolation_let_go() - the process ends: make sure of it
 * @isolation: of a link; hears of the end by the loop
 */
void sb_isolation_let_go(struct sb_isolation *isolation)
{
	isolation->gone = true;
	stop_watching(isolation);
	sb_plugin_process_kill(&isolation->process);
}

/**
 * sb_isolation_break() - end the process: it is no good
 * @isolation: of a link
 * @format: of a sentence that says why
 */
void sb_isolation_break(struct sb_isolation *isolation, const char *format, ...)
{
	va_list args;

	if (isolation->gone)
		return;
	va_start(args, format);
	(void)vsnprintf(isolation->why, sizeof(isolation->why), format, args);
	va_end(args);
	sb_isolation_let_go(isolation);
}

/**
 * sb_isolation_break_rules() - end the process: what it has sent is from no plugin
 * @isolation: of a link
 */
void sb_isolation_break_rules(struct sb_isolation *isolation)
{
	sb_isolation_break(isolation,
			   "the process of the plugin %s was ended: in %s it sent what no plugin "
			   "sends, so something else than the plugin may have run in it; only this "
			   "link is concerned: find out who could have",
			   sb_isolation_plugin(isolation), sb_isolation_where(isolation));
}

/**
 * sb_isolation_refuse() - the plugin says in a new process that it does not take its settings
 * @isolation: of a link
 * @reason: what to write instead
 */
void sb_isolation_refuse(struct sb_isolation *isolation, const char *reason)
{
	sb_isolation_break(isolation, "the plugin %s refuses the settings: %s",
			   sb_isolation_plugin(isolation), reason);
	isolation->refuses = true;
}

static void explain_end(struct sb_isolation *isolation, const siginfo_t *end)
{
	char how[96];

	if (isolation->why[0])
		return;
	if (end->si_code == CLD_EXITED)
		(void)snprintf(how, sizeof(how), "ended itself (exit status %d)", end->si_status);
	else
		(void)snprintf(how, sizeof(how), "crashed (signal %d, %s)", end->si_status,
			       strsignal(end->si_status));
	(void)snprintf(isolation->why, sizeof(isolation->why),
		       "the plugin %s %s in %s; it ran in a process of its own, so only this link "
		       "is concerned: tell whoever makes the plugin",
		       sb_isolation_plugin(isolation), how, sb_isolation_where(isolation));
}

/* It may have said why it has to. */
static void take_last_words(struct sb_isolation *isolation)
{
	struct sb_packet *packet = NULL;

	while (!isolation->why[0] && sb_plugin_process_receive(&isolation->process, &packet) == 0) {
		struct sb_unpacker in = sb_packet_unpack(packet);
		char *why = NULL;

		if (sb_unpack_u32(&in) == SB_PACKET_CANNOT)
			why = sb_unpack_text(&in);
		if (why) {
			sb_isolation_clean(why);
			(void)snprintf(isolation->why, sizeof(isolation->why),
				       "the plugin %s has no process: %s",
				       sb_isolation_plugin(isolation), why);
		}
		packet = sb_packet_free(packet);
	}
}

static void link_falls(struct sb_link *link, const char *reason, bool refuses)
{
	const struct sb_fall fall = {
		.event = refuses ? SB_EVENT_LINK_FAILED : SB_EVENT_PLUGIN_DIED,
		.reason = reason,
	};

	if (link->state >= SB_LINK_STARTING && link->state <= SB_LINK_ONLINE) {
		sb_link_go_down(link, &fall);
	} else {
		sb_link_set_error(link, reason);
		sb_report(link, fall.event, reason, 0);
	}
	/* Of what it has asked for nothing comes to the next one. */
	sb_lent_done(link);
}

/* There is no process any more, and the link hears of it. */
static void isolation_fall(struct sb_isolation *isolation)
{
	char why[SB_LINK_REASON_MAX];
	bool refuses = isolation->refuses;

	memcpy(why, isolation->why, sizeof(why));
	isolation->why[0] = '\0';
	isolation->refuses = false;
	forget_process(isolation);
	link_falls(isolation->link, why, refuses);
}

static void isolation_on_end(void *userdata, uint32_t events)
{
	struct sb_isolation *isolation = userdata;
	siginfo_t end;

	(void)events;
	if (!sb_plugin_process_reap(&isolation->process, 0, &end))
		return;
	take_last_words(isolation);
	explain_end(isolation, &end);
	isolation_fall(isolation);
}

static void isolation_on_deadline(struct sb_timer *timer)
{
	struct sb_isolation *isolation = sb_container_of(timer, struct sb_isolation, deadline);

	sb_isolation_break(isolation,
			   "the plugin %s hung in %s, and its process was ended after %u s; only "
			   "this link is concerned: tell whoever makes the plugin",
			   sb_isolation_plugin(isolation), sb_isolation_where(isolation),
			   sb_isolation_deadline_s(isolation));
}

/* ---- coming and going ---- */

/**
 * sb_isolation_init() - a plugin that has no process yet
 * @isolation: zeroed
 * @link: its link
 */
void sb_isolation_init(struct sb_isolation *isolation, struct sb_link *link)
{
	isolation->link = link;
	TAILQ_INIT(&isolation->calls);
	sb_plugin_process_init(&isolation->process);
	sb_timer_init(&isolation->deadline, link->parts.loop, isolation_on_deadline);
}

/**
 * sb_isolation_end() - have no process any more: it ends itself, or is ended
 * @isolation: nobody waits in it; its link does not hear of this
 */
void sb_isolation_end(struct sb_isolation *isolation)
{
	siginfo_t end;

	if (isolation->process.fd >= 0 &&
	    !sb_plugin_process_reap(&isolation->process,
				    isolation->gone || isolation->stalled ? 0 : END_PATIENCE_MS,
				    &end)) {
		sb_plugin_process_kill(&isolation->process);
		(void)sb_plugin_process_reap(&isolation->process, END_PATIENCE_MS, &end);
	}
	forget_process(isolation);
	sb_packer_done(&isolation->out);
	isolation->why[0] = '\0';
}

/**
 * sb_isolation_start() - make a process
 * @isolation: of a link, without one
 *
 * Return: 0, or a negative errno, and a sentence says why.
 */
int sb_isolation_start(struct sb_isolation *isolation)
{
	struct sb_link *link = isolation->link;
	const struct sb_plugin *plugin = link->config->loaded;
	const char *program = link->parts.plugin_host;
	int r;

	r = sb_plugin_process_start(&isolation->process, program, plugin->name, plugin->file);
	if (r == 0)
		r = sb_watch_new(link->parts.loop, isolation->process.socket, EPOLLIN,
				 sb_isolation_on_socket, isolation, &isolation->socket);
	if (r >= 0)
		r = sb_watch_new(link->parts.loop, isolation->process.fd, EPOLLIN, isolation_on_end,
				 isolation, &isolation->end);
	if (r >= 0)
		return 0;
	sb_isolation_end(isolation);
	(void)snprintf(isolation->why, sizeof(isolation->why),
		       "the plugin %s has no process: %s: %s", plugin->name, program, strerror(-r));

	return r;
}
