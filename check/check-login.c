/* SPDX-License-Identifier: Apache-2.0 */
/* The login when all goes well. */
#include <stdio.h>

#include "check/checks.h"
#include "check/cloud.h"
#include "check/scripted-lent.h"
#include "check/trial.h"
#include "check/walk.h"

/* ---- all goes well ---- */

static void note_step(const struct check_plugin *plugin, const struct skybus_link *link,
		      struct check_way *way)
{
	struct skybus_reply reply = { .payload_len = 0 };

	if (way->n == CHECK_STEPS_MAX)
		return;
	way->steps[way->n] = (unsigned char)check_walk_next(link);
	if (way->steps[way->n] == CHECK_REQUEST)
		check_cloud_reply(plugin->cloud, check_walk_request(link), &reply);
	else if (way->steps[way->n] == CHECK_NOTIFICATION)
		check_cloud_reply(plugin->cloud, check_walk_observed(link), &reply);
	way->lengths[way->n++] = reply.payload_len;
}

/* How long the cloud's answer to a keepalive is. */
static uint32_t ask_keepalive(const struct check_plugin *plugin, struct skybus_link *link)
{
	struct skybus_request *request = scripted_keepalive(link);
	struct skybus_reply reply = { .payload_len = 0 };

	if (request->result == 0 && request->error == 0)
		check_cloud_reply(plugin->cloud, request, &reply);

	return reply.payload_len;
}

static void note_end(const struct check_plugin *plugin, struct skybus_link *link,
		     struct check_way *way)
{
	char waits[300];

	way->online = link->n_online > 0;
	way->terms = link->terms;
	way->listens = link->listen.n > 0;
	if (way->online && plugin->descriptor->keepalive && way->terms.keepalive_s > 0)
		way->keepalive_len = ask_keepalive(plugin, link);
	if (link->n_failed > 0) {
		(void)snprintf(way->failure, sizeof(way->failure), "it ended with failed(): %s",
			       link->failure.has_reason ? link->failure.reason : "no answer");
	} else if (link->logging_in) {
		check_walk_name(link, waits, sizeof(waits));
		(void)snprintf(way->failure, sizeof(way->failure),
			       "it still waited after %zu steps, for %.200s", way->n, waits);
	}
}

static void run_well(void *arg, size_t i)
{
	struct check_plugin *plugin = arg;
	struct check_way *way = check_board();
	struct skybus_link *link;

	(void)i;
	scripted_lend_guarded(true);
	check_when("when all goes well");
	link = check_walk_begin(plugin);
	if (!link)
		return;
	scripted_login(link);
	while (way->n < CHECK_STEPS_MAX && check_walk_goes_on(link)) {
		note_step(plugin, link, way);
		check_walk_well(plugin, link);
	}
	note_end(plugin, link, way);
	check_walk_end(link);
}

/* The link stays, and logs in again and again: what a login allocates goes with the next. */
static void log_in_again(void *arg)
{
	struct skybus_link **link = arg;
	const struct check_plugin *plugin = (*link)->context;

	check_cloud_begin(plugin->cloud);
	(void)check_walk_login(plugin, *link, CHECK_STEPS_MAX);
}

static void run_often(void *arg, size_t i)
{
	struct check_plugin *plugin = arg;
	struct skybus_link *link;
	size_t growth;

	(void)i;
	check_when("when a link logs in 400 times");
	scripted_lend_guarded(false);
	link = check_walk_begin(plugin);
	if (!link)
		return;
	link->context = plugin;
	growth = check_growth(log_in_again, &link, 400);
	if (growth > 0)
		check_fault("login()",
			    "%zu bytes stay on the heap with each login: free what belongs to "
			    "the last one when the next begins",
			    growth);
	check_walk_end(link);
}

/* What a link does later on: its timers run out, and what they begin goes well. */
static void stay(void *arg)
{
	struct check_plugin *plugin = arg;
	struct skybus_link *link = check_walk_begin(plugin);

	if (!link)
		return;
	(void)check_walk_login(plugin, link, CHECK_STEPS_MAX);
	check_when("when the timers of a link that is online run out");
	for (size_t n = 0; n < CHECK_STEPS_MAX && check_walk_next(link) != CHECK_NOTHING; n++)
		check_walk_well(plugin, link);
	check_walk_end(link);
}

static void run_stay(void *arg, size_t i)
{
	(void)i;
	check_case(stay, arg);
}

/**
 * check_login() - a login when all goes well
 * @plugin: attached; learns what its login is like
 * @outcome: of this check
 */
void check_login(struct check_plugin *plugin, struct check_outcome *outcome)
{
	check_run(plugin, &outcome->findings, run_well, plugin, 1);
	plugin->login = *(struct check_way *)check_board();
	if (outcome->findings.n == 0)
		check_run(plugin, &outcome->findings, run_often, plugin, 1);
	if (plugin->login.online && outcome->findings.n == 0)
		check_run(plugin, &outcome->findings, run_stay, plugin, 1);
	if (plugin->login.online)
		(void)snprintf(outcome->text, sizeof(outcome->text), "online after %zu steps",
			       plugin->login.n);
	else
		(void)snprintf(outcome->text, sizeof(outcome->text), "%zu steps, and not online",
			       plugin->login.n);
	if (!plugin->login.online)
		check_gap(outcome, "the login did not come online: %s%s",
			  plugin->login.failure[0] ? plugin->login.failure : "it broke off",
			  check_cloud_given(plugin->cloud)
				  ? ""
				  : "; it was never told what it wants to hear: give --cloud FILE");
}
