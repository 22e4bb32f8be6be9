/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "daemon/plugin-call.h"
#include "daemon/running.h"

static void enter(const struct sb_link *link, enum sb_running_call call)
{
	sb_running_enter(&link->who, call);
}

static void end_reason(struct skybus_verdict *verdict)
{
	verdict->reason[sizeof(verdict->reason) - 1] = '\0';
}

/* ---- which optional calls there are ---- */

/**
 * sb_plugin_batches() - can a plugin put several messages into one request
 * @plugin: its descriptor
 *
 * Return: whether sb_plugin_gather() and sb_plugin_encode_batch() may be called.
 */
bool sb_plugin_batches(const struct skybus_plugin *plugin)
{
	return SKYBUS_HAS(plugin, encode_batch) && plugin->gather && plugin->encode_batch;
}

/**
 * sb_plugin_keeps_alive() - has a plugin a request that keeps the session
 * @plugin: its descriptor
 *
 * Return: whether sb_plugin_keepalive() may be called.
 */
bool sb_plugin_keeps_alive(const struct skybus_plugin *plugin)
{
	return SKYBUS_HAS(plugin, keepalive) && plugin->keepalive;
}

/**
 * sb_plugin_serves() - does a plugin take requests from the cloud
 * @plugin: its descriptor
 *
 * Return: whether sb_plugin_serve() may be called.
 */
bool sb_plugin_serves(const struct skybus_plugin *plugin)
{
	return SKYBUS_HAS(plugin, serve) && plugin->serve;
}

/**
 * sb_plugin_answers() - can apps answer what a plugin's cloud commands
 * @plugin: its descriptor
 *
 * Return: whether sb_plugin_answer() may be called.
 */
bool sb_plugin_answers(const struct skybus_plugin *plugin)
{
	return SKYBUS_HAS(plugin, answer) && plugin->answer;
}

/* ---- the calls ---- */

/**
 * sb_plugin_attach() - a link comes
 * @link: has no plugin yet; gets the state, and what the plugin has asked for
 * @plugin: whose it is to be; the caller makes it the link's
 * @why: its size is set; gets a reason on failure, perhaps ""
 *
 * Return: 0, or the plugin's negative errno.
 */
int sb_plugin_attach(struct sb_link *link, const struct skybus_plugin *plugin,
		     struct skybus_verdict *why)
{
	bool is_isolated = plugin == &link->config->loaded->isolated;
	int r;

	(void)snprintf(link->who.plugin, sizeof(link->who.plugin), "%s",
		       is_isolated ? "" : plugin->name);
	(void)snprintf(link->who.link, sizeof(link->who.link), "%s", sb_link_name(link));
	enter(link, SB_RUNNING_ATTACH);
	r = plugin->attach(&sb_link_host, (struct skybus_link *)link, &link->plugin_state, why);
	sb_running_leave();
	end_reason(why);

	return r;
}

/**
 * sb_plugin_detach() - the link goes
 * @link: has a plugin; nothing of it is called any more
 */
void sb_plugin_detach(struct sb_link *link)
{
	enter(link, SB_RUNNING_DETACH);
	link->plugin->detach(link->plugin_state);
	sb_running_leave();
}

/**
 * sb_plugin_login() - the link should come up
 * @link: has a plugin, which says how it ended, perhaps before this returns
 */
void sb_plugin_login(struct sb_link *link)
{
	enter(link, SB_RUNNING_LOGIN);
	link->plugin->login(link->plugin_state);
	sb_running_leave();
}

/**
 * sb_plugin_encode() - a message is due
 * @link: online
 * @message: as the plugin sees it
 * @request: to be filled
 * @verdict: begins as SKYBUS_REJECTED; what to do on failure
 *
 * Return: 0, or the plugin's negative errno.
 */
int sb_plugin_encode(struct sb_link *link, const struct skybus_message *message,
		     struct skybus_request *request, struct skybus_verdict *verdict)
{
	int r;

	enter(link, SB_RUNNING_ENCODE);
	r = link->plugin->encode(link->plugin_state, message, request, verdict);
	sb_running_leave();
	end_reason(verdict);

	return r;
}

/**
 * sb_plugin_decide() - the cloud has answered
 * @link: online
 * @message: which; NULL for a keepalive
 * @reply: the answer
 * @verdict: begins as SKYBUS_RETRY
 */
void sb_plugin_decide(struct sb_link *link, const struct skybus_message *message,
		      const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	enter(link, SB_RUNNING_DECIDE);
	link->plugin->decide(link->plugin_state, message, reply, verdict);
	sb_running_leave();
	end_reason(verdict);
}

/**
 * sb_plugin_accept() - could the cloud ever take a message
 * @link: in any state
 * @message: as the plugin sees it
 * @why: its size is set; gets a reason on failure, perhaps ""
 *
 * Return: 0, also where no plugin says anything of it; or the plugin's negative errno.
 */
int sb_plugin_accept(struct sb_link *link, const struct skybus_message *message,
		     struct skybus_verdict *why)
{
	const struct skybus_plugin *plugin = link->plugin;
	int r;

	if (!plugin || !SKYBUS_HAS(plugin, accept) || !plugin->accept)
		return 0;
	enter(link, SB_RUNNING_ACCEPT);
	r = plugin->accept(link->plugin_state, message, why);
	sb_running_leave();
	end_reason(why);

	return r;
}

/**
 * sb_plugin_keepalive() - nothing has come from the cloud for a while
 * @link: online; its plugin keeps alive
 * @request: to be filled
 *
 * Return: 0, or the plugin's negative errno.
 */
int sb_plugin_keepalive(struct sb_link *link, struct skybus_request *request)
{
	int r;

	enter(link, SB_RUNNING_KEEPALIVE);
	r = link->plugin->keepalive(link->plugin_state, request);
	sb_running_leave();

	return r;
}

/**
 * sb_plugin_serve() - the cloud asks something
 * @link: its plugin serves
 * @incoming: what
 * @response: begins as 5.01
 */
void sb_plugin_serve(struct sb_link *link, const struct skybus_incoming *incoming,
		     struct skybus_response *response)
{
	enter(link, SB_RUNNING_SERVE);
	link->plugin->serve(link->plugin_state, incoming, response);
	sb_running_leave();
}

/**
 * sb_plugin_answer() - an app answers a command
 * @link: its plugin answers
 * @answer: what
 * @response: begins as 2.04
 * @why: its size is set; gets a reason on failure, perhaps ""
 *
 * Return: 0, or the plugin's negative errno.
 */
int sb_plugin_answer(struct sb_link *link, const struct skybus_answer *answer,
		     struct skybus_response *response, struct skybus_verdict *why)
{
	int r;

	enter(link, SB_RUNNING_ANSWER);
	r = link->plugin->answer(link->plugin_state, answer, response, why);
	sb_running_leave();
	end_reason(why);

	return r;
}

/**
 * sb_plugin_device() - which device a link is at its cloud
 * @link: in any state
 *
 * Return: for people, lent until the plugin is detached; NULL where no plugin says it.
 */
const char *sb_plugin_device(struct sb_link *link)
{
	const struct skybus_plugin *plugin = link->plugin;
	const char *name;

	if (!plugin || !SKYBUS_HAS(plugin, device) || !plugin->device)
		return NULL;

	enter(link, SB_RUNNING_DEVICE);
	name = plugin->device(link->plugin_state);
	sb_running_leave();

	return name;
}

/**
 * sb_plugin_gather() - how many of these messages could go in one request
 * @link: online; its plugin batches
 * @messages: @n of them, in their order
 * @n: 1 or more
 *
 * Return: at most @n; 0 if nothing could ever go together with the first.
 */
size_t sb_plugin_gather(struct sb_link *link, const struct skybus_message *messages, size_t n)
{
	uint32_t together;

	enter(link, SB_RUNNING_GATHER);
	together = link->plugin->gather(link->plugin_state, messages, (uint32_t)n);
	sb_running_leave();

	return together < n ? together : n;
}

/**
 * sb_plugin_encode_batch() - several messages are due together
 * @link: online; its plugin batches
 * @messages: @n of them
 * @n: 2 or more
 * @request: to be filled
 * @verdict: begins as SKYBUS_REJECTED; what to do on failure
 *
 * Return: 0, or the plugin's negative errno.
 */
int sb_plugin_encode_batch(struct sb_link *link, const struct skybus_message *messages, size_t n,
			   struct skybus_request *request, struct skybus_verdict *verdict)
{
	int r;

	enter(link, SB_RUNNING_ENCODE_BATCH);
	r = link->plugin->encode_batch(link->plugin_state, messages, (uint32_t)n, request, verdict);
	sb_running_leave();
	end_reason(verdict);

	return r;
}

/* ---- the completions ---- */

/**
 * sb_plugin_on_opened() - a session was opened, or was not
 * @link: whose
 * @done: the plugin's
 * @tag: for @done
 * @outcome: 0, or a negative errno
 * @reason: a sentence then
 */
void sb_plugin_on_opened(struct sb_link *link, skybus_opened_fn *done, void *tag, int outcome,
			 const char *reason)
{
	enter(link, SB_RUNNING_OPENED);
	done(link->plugin_state, tag, outcome, reason);
	sb_running_leave();
}

/**
 * sb_plugin_on_replied() - a request of the plugin's own has ended
 * @link: whose
 * @done: the plugin's
 * @tag: for @done
 * @reply: how
 */
void sb_plugin_on_replied(struct sb_link *link, skybus_replied_fn *done, void *tag,
			  const struct skybus_reply *reply)
{
	enter(link, SB_RUNNING_REPLIED);
	done(link->plugin_state, tag, reply);
	sb_running_leave();
}

/**
 * sb_plugin_on_fetched() - a fetch has ended
 * @link: whose
 * @done: the plugin's
 * @tag: for @done
 * @fetched: how
 */
void sb_plugin_on_fetched(struct sb_link *link, skybus_fetched_fn *done, void *tag,
			  const struct skybus_fetched *fetched)
{
	enter(link, SB_RUNNING_FETCHED);
	done(link->plugin_state, tag, fetched);
	sb_running_leave();
}

/**
 * sb_plugin_on_timer() - a timer has run out
 * @link: whose
 * @done: the plugin's
 * @tag: for @done
 */
void sb_plugin_on_timer(struct sb_link *link, skybus_timer_fn *done, void *tag)
{
	enter(link, SB_RUNNING_TIMER);
	done(link->plugin_state, tag);
	sb_running_leave();
}

/**
 * sb_plugin_on_stored() - what the plugin wanted to remember, or to forget, is on disk, or is not
 * @link: whose
 * @done: the plugin's
 * @tag: for @done
 * @error: 0, or a negative errno
 */
void sb_plugin_on_stored(struct sb_link *link, skybus_stored_fn *done, void *tag, int error)
{
	enter(link, SB_RUNNING_STORED);
	done(link->plugin_state, tag, error);
	sb_running_leave();
}
