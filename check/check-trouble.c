/* SPDX-License-Identifier: Apache-2.0 */
/* The login when something else happens at one of its steps. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check/checks.h"
#include "check/cloud.h"
#include "check/replies.h"
#include "check/trial.h"
#include "check/walk.h"
#include "daemon/cleanup.h"

/* ---- the cloud says something else ---- */

/**
 * struct disturbance - what happens at a step
 * @step: so many went well before
 * @i: which of those that there are for this kind of step
 */
struct disturbance {
	const struct check_plugin *plugin;
	size_t step;
	size_t i;
};

static const struct {
	int32_t error;
	const char *what;
} openings[] = {
	{ -EHOSTUNREACH, "no way to the host" },
	{ -ETIMEDOUT, "no answer" },
	{ -ECONNREFUSED, "nobody listens" },
	{ -EKEYREJECTED, "the handshake was refused" },
	{ -EBADMSG, "the certificate is not to be trusted" },
	{ -ENODEV, "no such network interface" },
	{ -EIO, "another error" },
};

static const struct {
	uint32_t status;
	const char *body; /* NULL: one of the replies' */
} fetches[] = {
	{ 0, "" },   { 200, "" },	  { 204, "" }, { 301, "" }, { 400, "{}" }, { 401, "" },
	{ 403, "" }, { 404, "not here" }, { 429, "" }, { 500, "" }, { 503, "" },   { 206, "" },
};

static const int32_t writes[] = { -EIO, -ENOSPC };

static bool happen_opening(const struct disturbance *disturbance, struct skybus_link *link)
{
	if (disturbance->i >= SB_ELEMENTS(openings))
		return false;
	check_when("when %s ended with: %s", "the opening of the session",
		   openings[disturbance->i].what);
	scripted_opened(link, openings[disturbance->i].error, openings[disturbance->i].what);

	return true;
}

static bool happen_fetch(const struct disturbance *disturbance, struct skybus_link *link)
{
	size_t i = disturbance->i;

	if (i < SB_ELEMENTS(fetches)) {
		check_when("when a fetch ended with the status %u", fetches[i].status);
		scripted_fetched(link, fetches[i].status, "", "", fetches[i].body,
				 fetches[i].status == 0 ? "nobody answers" : "");
		return true;
	}
	i -= SB_ELEMENTS(fetches);
	if (i >= check_replies_bodies())
		return false;
	check_when("when a fetch brought %.60s", check_replies_body(i));
	scripted_fetched(link, 200, "application/json", "", check_replies_body(i), "");

	return true;
}

/* What comes to @request instead of the good reply. Return: whether there is one more. */
static bool make_reply(const struct disturbance *disturbance, struct skybus_link *link,
		       const struct skybus_request *request, struct skybus_reply *ret)
{
	struct skybus_reply good;
	char name[120], what[1100];

	check_walk_name(link, what, sizeof(what));
	check_cloud_reply(disturbance->plugin->cloud, request, &good);
	if (!check_replies_make(disturbance->i, &good, ret, name, sizeof(name)))
		return false;
	check_when("when %.80s %s", what, name);

	return true;
}

static bool happen_reply(const struct disturbance *disturbance, struct skybus_link *link)
{
	struct skybus_request *request = check_walk_request(link);
	struct skybus_reply reply;

	if (!make_reply(disturbance, link, request, &reply))
		return false;
	(void)scripted_answer(request, &reply);

	return true;
}

/* It may be the last, or more may come: then the same comes again. */
static bool happen_notification(const struct disturbance *disturbance, struct skybus_link *link)
{
	struct skybus_request *request = check_walk_observed(link);
	struct skybus_reply reply;

	if (!make_reply(disturbance, link, request, &reply))
		return false;
	reply.observed = reply.outcome == SKYBUS_ANSWERED && SKYBUS_CODE_CLASS(reply.code) == 2;
	scripted_notify(request, &reply);
	request = TAILQ_FIRST(&link->observed);
	if (request)
		scripted_notify(request, &reply);

	return true;
}

static bool happen(const struct disturbance *disturbance, struct skybus_link *link)
{
	switch (check_walk_next(link)) {
	case CHECK_WRITE:
		if (disturbance->i >= SB_ELEMENTS(writes))
			return false;
		check_when("when store_put() could not write: %s",
			   strerror(-writes[disturbance->i]));
		scripted_stored(link, writes[disturbance->i]);
		return true;
	case CHECK_OPENING:
		return happen_opening(disturbance, link);
	case CHECK_FETCH:
		return happen_fetch(disturbance, link);
	case CHECK_REQUEST:
		return happen_reply(disturbance, link);
	case CHECK_NOTIFICATION:
		return happen_notification(disturbance, link);
	case CHECK_TIMER:
	case CHECK_NOTHING:
		return false;
	}

	return false;
}

/* So many go well, then this; the login goes on, and another one must work. */
static void disturb(void *arg)
{
	struct disturbance *disturbance = arg;
	const struct check_plugin *plugin = disturbance->plugin;
	struct skybus_link *link = check_walk_begin(plugin);

	if (!link)
		return;
	(void)check_walk_login(plugin, link, disturbance->step);
	if (happen(disturbance, link)) {
		for (size_t n = 0; n < CHECK_STEPS_MAX && link->logging_in &&
				   check_walk_next(link) != CHECK_NOTHING;
		     n++)
			check_walk_well(plugin, link);
		(void)check_walk_login(plugin, link, CHECK_STEPS_MAX);
	}
	check_walk_end(link);
}

/* How many there may be at a step. */
static size_t count_disturbances(const struct check_way *way, size_t step)
{
	switch ((enum check_step)way->steps[step]) {
	case CHECK_WRITE:
		return SB_ELEMENTS(writes);
	case CHECK_OPENING:
		return SB_ELEMENTS(openings);
	case CHECK_FETCH:
		return SB_ELEMENTS(fetches) + check_replies_bodies();
	case CHECK_REQUEST:
	case CHECK_NOTIFICATION:
		return check_replies_count(way->lengths[step]);
	case CHECK_TIMER:
	case CHECK_NOTHING:
		return 0;
	}

	return 0;
}

static void run_disturbed(void *arg, size_t i)
{
	struct check_plugin *plugin = arg;
	struct disturbance disturbance = { .plugin = plugin, .i = i };

	while (disturbance.i >= count_disturbances(&plugin->login, disturbance.step))
		disturbance.i -= count_disturbances(&plugin->login, disturbance.step++);
	check_case(disturb, &disturbance);
}

/**
 * check_answers() - time-outs, refusals and nonsense at each step of the login
 * @plugin: whose login is known
 * @outcome: of this check
 */
void check_answers(struct check_plugin *plugin, struct check_outcome *outcome)
{
	size_t n = 0;

	for (size_t step = 0; step < plugin->login.n; step++)
		n += count_disturbances(&plugin->login, step);
	check_run(plugin, &outcome->findings, run_disturbed, plugin, n);
	(void)snprintf(outcome->text, sizeof(outcome->text),
		       "%zu other answers at %zu steps of the login", n, plugin->login.n);
}

/* ---- the host refuses ---- */

static const struct {
	const char *call;
	size_t offset; /* in struct scripted_refusals */
	int32_t error;
} refusals[] = {
	{ "open_session", offsetof(struct scripted_refusals, open_session), -EBUSY },
	{ "open_session", offsetof(struct scripted_refusals, open_session), -ENOMEM },
	{ "send_request", offsetof(struct scripted_refusals, send_request), -ENOTCONN },
	{ "send_request", offsetof(struct scripted_refusals, send_request), -EMSGSIZE },
	{ "send_request", offsetof(struct scripted_refusals, send_request), -ENOMEM },
	{ "timer_start", offsetof(struct scripted_refusals, timer_start), -ENOSPC },
	{ "timer_start", offsetof(struct scripted_refusals, timer_start), -ENOMEM },
	{ "fetch", offsetof(struct scripted_refusals, fetch), -ENOTSUP },
	{ "fetch", offsetof(struct scripted_refusals, fetch), -ENOSPC },
	{ "listen", offsetof(struct scripted_refusals, listen), -EADDRINUSE },
	{ "listen", offsetof(struct scripted_refusals, listen), -ENODEV },
	{ "store_put", offsetof(struct scripted_refusals, store_put), -ENOSPC },
	{ "store_put", offsetof(struct scripted_refusals, store_put), -ENOMEM },
};

static void set_refusal(struct skybus_link *link, size_t i)
{
	link->refuse = (struct scripted_refusals){ 0 };
	if (i == SB_ELEMENTS(refusals)) {
		check_when("when new_request() returned NULL");
		link->refuse.new_request = true;
		return;
	}
	check_when("when %s() returned %s", refusals[i].call, strerrorname_np(-refusals[i].error));
	memcpy((char *)&link->refuse + refusals[i].offset, &refusals[i].error,
	       sizeof(refusals[i].error));
}

/* From a step on all such calls are refused; then no more, and the next login must work. */
static void refuse(void *arg)
{
	struct disturbance *disturbance = arg;
	const struct check_plugin *plugin = disturbance->plugin;
	struct skybus_link *link = check_walk_begin(plugin);
	size_t n = 0;

	if (!link)
		return;
	if (disturbance->step == 0)
		set_refusal(link, disturbance->i);
	(void)check_walk_login(plugin, link, disturbance->step);
	set_refusal(link, disturbance->i);
	while (n++ < CHECK_STEPS_MAX && link->logging_in && check_walk_next(link) != CHECK_NOTHING)
		check_walk_well(plugin, link);
	link->refuse = (struct scripted_refusals){ 0 };
	(void)check_walk_login(plugin, link, CHECK_STEPS_MAX);
	check_walk_end(link);
}

static void run_refused(void *arg, size_t i)
{
	size_t n = SB_ELEMENTS(refusals) + 1;
	struct disturbance disturbance = { .plugin = arg, .step = i / n, .i = i % n };

	check_case(refuse, &disturbance);
}

/**
 * check_refusals() - host calls that fail, at each step of the login
 * @plugin: whose login is known
 * @outcome: of this check
 */
void check_refusals(struct check_plugin *plugin, struct check_outcome *outcome)
{
	size_t n = (plugin->login.n + 1) * (SB_ELEMENTS(refusals) + 1);

	check_run(plugin, &outcome->findings, run_refused, plugin, n);
	(void)snprintf(outcome->text, sizeof(outcome->text), "host calls refused in %zu ways", n);
}

/* ---- the link goes, or logs in anew ---- */

static void break_off(void *arg)
{
	struct disturbance *disturbance = arg;
	const struct check_plugin *plugin = disturbance->plugin;
	struct skybus_link *link = check_walk_begin(plugin);

	if (!link)
		return;
	(void)check_walk_login(plugin, link, disturbance->step);
	check_when("when after step %zu of the login the link %s", disturbance->step,
		   disturbance->i == 0 ? "goes" : "logs in anew");
	if (disturbance->i > 0) {
		check_cloud_begin(plugin->cloud);
		(void)check_walk_login(plugin, link, CHECK_STEPS_MAX);
	}
	check_walk_end(link);
}

static void run_broken_off(void *arg, size_t i)
{
	struct disturbance disturbance = { .plugin = arg, .step = i / 2, .i = i % 2 };

	check_case(break_off, &disturbance);
}

/**
 * check_detach() - the link goes, or logs in anew, at each step of the login
 * @plugin: whose login is known
 * @outcome: of this check
 */
void check_detach(struct check_plugin *plugin, struct check_outcome *outcome)
{
	check_run(plugin, &outcome->findings, run_broken_off, plugin, 2 * (plugin->login.n + 1));
	(void)snprintf(outcome->text, sizeof(outcome->text), "the link went at each of %zu steps",
		       plugin->login.n + 1);
}
