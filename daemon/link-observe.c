/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin observes: requests of its own that go on being answered. */
#include <errno.h>

#include "daemon/cleanup.h"
#include "daemon/link-private.h"

#define OBSERVATIONS_MAX 8

static void on_first_answer(struct skybus_request *request)
{
	struct sb_link *link = request->link;

	request->answered = true;
	link->lent.n_requests--;
	sb_task_schedule(&link->flight.pump);
}

static void forget(struct skybus_request *request)
{
	struct sb_lent *lent = &request->link->lent;

	TAILQ_REMOVE(&lent->observations, request, entry);
	lent->n_observations--;
	if (!request->answered)
		on_first_answer(request);
}

static void observation_on_reply(void *userdata, const struct skybus_reply *reply)
{
	SB_CLEANUP(sb_lent_request_free) struct skybus_request *over = NULL;
	struct skybus_request *request = userdata;

	if (!reply->observed) {
		forget(request);
		over = request;
	} else if (!request->answered) {
		on_first_answer(request);
	}
	sb_lent_tell(request->link, request, reply);
}

static bool can_be_observed(const struct skybus_request *request)
{
	return request->filled->method == SKYBUS_GET || request->filled->method == SKYBUS_FETCH;
}

/**
 * sb_lent_observe() - observe a resource for a plugin
 * @request: the callee's from now on, whatever this returns
 * @timeout_ms: for the first answer; 0 for 30 s
 * @notified: called for each notification, unless the session or the login ends before
 * @tag: for @notified
 *
 * Return: a handle > 0; -EINVAL for another method than GET and FETCH, -ENOSPC when there are eight; or as
 * sb_lent_request_send().
 */
int64_t sb_lent_observe(struct skybus_request *request, uint32_t timeout_ms,
			skybus_replied_fn *notified, void *tag)
{
	SB_CLEANUP(sb_lent_request_free) struct skybus_request *owned = request;
	struct sb_link *link = request->link;
	int r;

	if (!notified || !can_be_observed(request))
		return -EINVAL;
	if (link->lent.n_observations >= OBSERVATIONS_MAX)
		return -ENOSPC;
	r = sb_lent_request_prepare(request, timeout_ms, notified, tag);
	if (r < 0)
		return r;
	sb_request_uint(request->filled, SB_OPTION_OBSERVE, 0);
	r = sb_session_observe(sb_channel_session(link->channel), request->filled,
			       request->timeout_usec, observation_on_reply, request,
			       &request->exchange);
	if (r < 0)
		return r;
	request->handle = ++link->lent.last_observation;
	link->lent.n_observations++;
	TAILQ_INSERT_TAIL(&link->lent.observations, request, entry);
	owned = NULL;
	sb_lent_on_sent(link);

	return request->handle;
}

static void stop(struct skybus_request *request)
{
	struct sb_link *link = request->link;

	sb_session_observe_stop(sb_channel_session(link->channel), request->exchange);
	forget(request);
	(void)sb_lent_request_free(request);
}

/**
 * sb_lent_observe_stop() - a plugin does not want to observe something any more
 * @link: its link
 * @handle: of the observation; one that is over is ignored
 */
void sb_lent_observe_stop(struct sb_link *link, int64_t handle)
{
	struct skybus_request *request;

	TAILQ_FOREACH(request, &link->lent.observations, entry) {
		if (request->handle == handle) {
			stop(request);
			return;
		}
	}
}

/**
 * sb_lent_observe_forget() - a login begins, or the session is about to be closed: end all observations
 * @link: with the session on which they are
 */
void sb_lent_observe_forget(struct sb_link *link)
{
	struct skybus_request *request;

	while ((request = TAILQ_FIRST(&link->lent.observations)))
		stop(request);
}
