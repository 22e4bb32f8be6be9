/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "check/cloud.h"
#include "check/trial.h"
#include "check/values.h"
#include "check/walk.h"

/**
 * check_walk_begin() - a new link, attached
 * @plugin: whose
 *
 * Return: the link, the caller's; NULL: attach() refused, which another check tells.
 */
struct skybus_link *check_walk_begin(const struct check_plugin *plugin)
{
	struct skybus_link *link = scripted_new(plugin->descriptor, plugin->values->list);
	struct skybus_verdict why;

	check_cloud_begin(plugin->cloud);
	if (scripted_attach(link, &why) == 0)
		return link;
	check_link_fault(link);

	return scripted_free(link);
}

/**
 * check_walk_end() - detach and free a link; the rules that it broke are found
 * @link: may be NULL
 */
void check_walk_end(struct skybus_link *link)
{
	if (!link)
		return;
	scripted_detach(link);
	check_link_fault(link);
	(void)scripted_free(link);
}

/**
 * check_walk_request() - the oldest request of the plugin's own
 * @link: the link
 *
 * Return: the request; NULL for none.
 */
struct skybus_request *check_walk_request(const struct skybus_link *link)
{
	struct skybus_request *request;

	TAILQ_FOREACH(request, &link->sent, entry) {
		if (request->kind == SCRIPTED_OWN)
			return request;
	}

	return NULL;
}

/**
 * check_walk_observed() - the oldest observation that nothing has come of yet
 * @link: the link
 *
 * Return: its request; NULL for none.
 */
struct skybus_request *check_walk_observed(const struct skybus_link *link)
{
	struct skybus_request *request;

	TAILQ_FOREACH(request, &link->observed, entry) {
		if (request->n_notified == 0)
			return request;
	}

	return NULL;
}

/**
 * check_walk_next() - what happens next
 * @link: attached
 *
 * Return: CHECK_NOTHING …
 */
enum check_step check_walk_next(const struct skybus_link *link)
{
	if (!TAILQ_EMPTY(&link->writes))
		return CHECK_WRITE;
	if (link->opening)
		return CHECK_OPENING;
	if (!TAILQ_EMPTY(&link->fetches))
		return CHECK_FETCH;
	if (check_walk_request(link))
		return CHECK_REQUEST;
	if (check_walk_observed(link))
		return CHECK_NOTIFICATION;

	return TAILQ_EMPTY(&link->timers) ? CHECK_NOTHING : CHECK_TIMER;
}

/**
 * check_walk_goes_on() - is there a next step of the login, or of what it has begun?
 * @link: attached
 *
 * Return: whether there is; the timers of a link that is online are none.
 */
bool check_walk_goes_on(const struct skybus_link *link)
{
	enum check_step next = check_walk_next(link);

	return next != CHECK_NOTHING && (link->logging_in || next != CHECK_TIMER);
}

/**
 * check_walk_name() - what happens next, in words
 * @link: attached
 * @ret: "the answer to POST /auth"
 * @size: of @ret
 */
void check_walk_name(const struct skybus_link *link, char *ret, size_t size)
{
	static const char *const methods[] = {
		"", "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH"
	};
	const struct skybus_request *request = check_walk_request(link);

	switch (check_walk_next(link)) {
	case CHECK_WRITE:
		(void)snprintf(ret, size, "the end of store_put()");
		break;
	case CHECK_OPENING:
		(void)snprintf(ret, size, "the opening of the session with %s", link->session.host);
		break;
	case CHECK_FETCH:
		(void)snprintf(ret, size, "the answer to the fetch of %s", link->fetch.url);
		break;
	case CHECK_REQUEST:
		(void)snprintf(ret, size, "the answer to %s %s",
			       request->method < 7 ? methods[request->method] : "",
			       request->segments[0] ? request->segments : "/");
		break;
	case CHECK_NOTIFICATION:
		(void)snprintf(ret, size, "what is observed at %s",
			       check_walk_observed(link)->segments);
		break;
	case CHECK_TIMER:
		(void)snprintf(ret, size, "the end of a timer");
		break;
	case CHECK_NOTHING:
		(void)snprintf(ret, size, "nothing");
	}
}

/**
 * check_walk_well() - it happens, and well: as the cloud says
 * @plugin: whose
 * @link: with something under way
 */
void check_walk_well(const struct check_plugin *plugin, struct skybus_link *link)
{
	struct skybus_reply reply;
	const char *body;
	uint32_t status;
	int32_t opened;

	switch (check_walk_next(link)) {
	case CHECK_WRITE:
		scripted_stored(link, 0);
		break;
	case CHECK_OPENING:
		opened = check_cloud_open(plugin->cloud, &link->session);
		scripted_opened(link, opened, opened < 0 ? "the key is not the cloud's" : "");
		break;
	case CHECK_FETCH:
		body = check_cloud_fetch(plugin->cloud, link->fetch.url, &status);
		scripted_fetched(link, status, "application/json", "", body,
				 status == 0 ? "nobody answers" : "");
		break;
	case CHECK_REQUEST:
		check_cloud_reply(plugin->cloud, check_walk_request(link), &reply);
		(void)scripted_answer(check_walk_request(link), &reply);
		break;
	case CHECK_NOTIFICATION:
		check_cloud_reply(plugin->cloud, check_walk_observed(link), &reply);
		reply.observed = SKYBUS_CODE_CLASS(reply.code) == 2;
		scripted_notify(check_walk_observed(link), &reply);
		break;
	case CHECK_TIMER:
		scripted_pass_to_timer(link);
		break;
	case CHECK_NOTHING:
		break;
	}
}

/**
 * check_walk_login() - have a link log in, and let all go well
 * @plugin: whose
 * @link: attached
 * @n: stop after so many steps
 *
 * Return: how many steps there were until nothing was under way, or until there were @n.
 */
size_t check_walk_login(const struct check_plugin *plugin, struct skybus_link *link, size_t n)
{
	size_t steps = 0;

	scripted_login(link);
	while (steps < n && check_walk_goes_on(link)) {
		check_walk_well(plugin, link);
		steps++;
	}

	return steps;
}
