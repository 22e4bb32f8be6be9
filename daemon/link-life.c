/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How links come, give way to others, and go.
 *
 * A link whose configuration has changed is replaced by another one of its name. The other one is made while
 * the first still runs, up to what the plugin says of its settings, so that whatever is wrong is known
 * before anything has changed; only the queue changes hands last.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/link-private.h"
#include "daemon/plugin-call.h"

SB_DEFINE_CLEANUP(struct sb_link *, sb_link_free)

static const struct skybus_plugin *plugin_of(const struct sb_link_config *config)
{
	const char *isolation = sb_settings_text(config->common, "plugin_isolation");

	return strcmp(isolation, "process") == 0 ? &config->loaded->isolated
						 : config->loaded->descriptor;
}

/* The configuration says afterwards if the plugin refuses it. */
static int attach_plugin(struct sb_link *link)
{
	const struct skybus_plugin *plugin = plugin_of(link->config);
	struct skybus_verdict why = { .size = sizeof(why) };
	char *wrong = NULL;
	int r;

	r = sb_plugin_attach(link, plugin, &why);
	if (r < 0) {
		sb_lent_done(link);
		if (asprintf(&wrong, "the plugin %s refuses the settings: %s", plugin->name,
			     why.reason[0] ? why.reason : strerror(-r)) < 0)
			return -ENOMEM;
		link->config->wrong = wrong;
		return 0;
	}
	link->plugin = plugin;

	return 0;
}

/**
 * sb_link_new() - a link, at rest until sb_link_start()
 * @parts: what it works with; copied, and outliving it
 * @config: the callee's from now on, when this returns 0
 * @changed: told of every change, on the loop's thread
 * @userdata: for @changed
 * @ret: the link, the caller's
 *
 * A configuration that is wrong makes a link all the same: it says why it is failed, and stores what
 * is published until somebody has mended it.
 *
 * Return: 0, or a negative errno.
 */
int sb_link_new(const struct sb_link_parts *parts, struct sb_link_config *config,
		sb_link_changed_fn *changed, void *userdata, struct sb_link **ret)
{
	SB_CLEANUP(sb_link_free) struct sb_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return -ENOMEM;
	link->parts = *parts;
	link->config = config;
	link->changed = changed;
	link->userdata = userdata;
	r = sb_link_init(link);
	if (r == 0)
		r = sb_link_take_queue(link);
	if (r == 0 && !config->wrong)
		r = attach_plugin(link);
	if (r < 0) {
		link->config = NULL; /* stays the caller's */
		return r;
	}
	*ret = SB_STEAL(link);

	return 0;
}

/**
 * sb_link_new_successor() - a link that is to take the place of another
 * @old: the other; goes on
 * @config: of the same name; the callee's from now on, when this returns 0
 * @ret: the link, the caller's; good for nothing but sb_link_configuration(), which says if its plugin
 *	refuses it, sb_link_succeed() and sb_link_free()
 *
 * Return: 0, or -ENOMEM.
 */
int sb_link_new_successor(const struct sb_link *old, struct sb_link_config *config,
			  struct sb_link **ret)
{
	SB_CLEANUP(sb_link_free) struct sb_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return -ENOMEM;
	link->parts = old->parts;
	link->config = config;
	link->changed = old->changed;
	link->userdata = old->userdata;
	r = sb_link_init(link);
	if (r == 0 && !config->wrong)
		r = attach_plugin(link);
	if (r < 0) {
		link->config = NULL; /* stays the caller's */
		return r;
	}
	*ret = SB_STEAL(link);

	return 0;
}

/* Ends all that is under way. Messages go back to the queue, which another link can take. */
static void rest(struct sb_link *link)
{
	sb_link_budget_done(link);
	sb_link_leave_online(link);
	sb_report_done(link);
	sb_serve_done(link);
	sb_flight_done(&link->flight);
	sb_lent_done(link);
	link->queue = sb_queue_free(link->queue);
}

/**
 * sb_link_succeed() - take the place of another link
 * @link: what sb_link_new_successor() made; at rest until sb_link_start_anew()
 * @old: what was under way there goes back to the queue, which is @link's from now on, as
 *	what it has carried is; who waits for the
 *	answer to a request is told that it is not online; what no app has answered is answered otherwise;
 *	only to be freed
 */
void sb_link_succeed(struct sb_link *link, struct sb_link *old)
{
	int r;

	/* While there is a queue for that. */
	sb_calls_give_up(&old->serve.calls);
	rest(old);
	link->past = old->past;
	link->counts = old->counts;
	(void)sb_wire_unref(link->wire);
	link->wire = sb_wire_ref(old->wire);
	r = sb_link_take_queue(link);
	assert(r == 0);
	(void)r;
}

/**
 * sb_link_stop() - the daemon is about to end: send nothing any more
 * @link: in any state
 *
 * What is under way would be sent again after the restart, so give it the time to be answered. A login would
 * only be cut short, so none begins.
 *
 * Return: whether something is under way.
 */
bool sb_link_stop(struct sb_link *link)
{
	sb_timer_disarm(&link->wake);
	sb_turn_leave(&link->turn);

	return sb_flight_stop(&link->flight);
}

/**
 * sb_link_free() - take a link away; what is queued stays on disk
 * @link: may be NULL
 *
 * Return: NULL.
 */
struct sb_link *sb_link_free(struct sb_link *link)
{
	if (!link)
		return NULL;

	rest(link);
	if (link->plugin)
		sb_plugin_detach(link);
	(void)sb_link_config_free(link->config);
	free(link->state_reason);
	free(link->last_error);
	(void)sb_wire_unref(link->wire);
	free(link);

	return NULL;
}
