/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin observes. */
#include <errno.h>
#include <stdlib.h>

#include "check/scripted-private.h"

static void forget(struct skybus_request *request)
{
	TAILQ_REMOVE(&request->link->observed, request, entry);
	request->link->n_observed--;
	scripted_request_free(request);
}

/**
 * scripted_drop_observations() - end all observations without a word
 * @link: the link
 */
void scripted_drop_observations(struct skybus_link *link)
{
	while (!TAILQ_EMPTY(&link->observed))
		forget(TAILQ_FIRST(&link->observed));
}

static int32_t refusal(struct skybus_request *request, skybus_replied_fn *notified)
{
	struct skybus_link *link = request->link;

	if (!notified || (request->method != SKYBUS_GET && request->method != SKYBUS_FETCH)) {
		scripted_fault(link, "observe() was given %s",
			       notified ? "neither a GET nor a FETCH" : "no completion");
		return -EINVAL;
	}
	if (link->n_observed == SCRIPTED_OBSERVED_MAX) {
		scripted_fault(link,
			       "observe() was called for more than %d at a time: stop those that "
			       "are not needed",
			       SCRIPTED_OBSERVED_MAX);
		return -ENOSPC;
	}
	if (link->refuse.send_request < 0)
		return link->refuse.send_request;

	return link->open ? request->error : -ENOTCONN;
}

/** scripted_host_observe() - host->observe() */
int64_t scripted_host_observe(struct skybus_request *request, uint32_t timeout_ms,
			      skybus_replied_fn *notified, void *tag)
{
	struct skybus_link *link = request->link;
	int32_t error;

	if (!scripted_take_to_send(request, "observe"))
		return -EINVAL;
	error = refusal(request, notified);
	if (error < 0) {
		scripted_request_free(request);
		return error;
	}
	request->timeout_ms = timeout_ms;
	request->done = notified;
	request->tag = tag;
	request->handle = ++link->last_observed;
	link->n_observed++;
	TAILQ_INSERT_TAIL(&link->observed, request, entry);

	return request->handle;
}

/** scripted_host_observe_stop() - host->observe_stop() */
void scripted_host_observe_stop(struct skybus_link *link, int64_t handle)
{
	struct skybus_request *request;

	scripted_check_attached(link, "observe_stop");
	TAILQ_FOREACH(request, &link->observed, entry) {
		if (request->handle == handle) {
			forget(request);
			return;
		}
	}
}

/**
 * scripted_notify() - an observation brings something
 * @request: out of link->observed; gone afterwards when @reply is not observed, or when the plugin stops it
 * @reply: copied, and lent to the plugin with the request's note in it
 */
void scripted_notify(struct skybus_request *request, const struct skybus_reply *reply)
{
	struct skybus_link *link = request->link;

	request->n_notified++;
	if (reply->observed) {
		scripted_complete(request, reply, "the completion of observe()");
		return;
	}
	TAILQ_REMOVE(&link->observed, request, entry);
	link->n_observed--;
	scripted_complete(request, reply, "the completion of observe()");
	scripted_request_free(request);
}
