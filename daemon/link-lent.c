/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin has asked for and not yet got: requests of its own, fetches, timers; what it observes is in
 * link-observe.c, what it remembers in link-store.c.
 *
 * All of it is written down with its link, so that nothing comes back to a plugin that has been detached,
 * and nothing that belonged to an old session or an old login reaches it in a new one.
 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/https.h"
#include "daemon/link-private.h"
#include "daemon/plugin-call.h"

#define LATER_MAX_S 3600
#define REQUEST_TIMEOUT_USEC (30 * SB_USEC_PER_SEC)
#define FETCHES_MAX 4
#define TIMERS_MAX 16

struct sb_lent_fetch {
	TAILQ_ENTRY(sb_lent_fetch) entry;
	struct sb_link *link;
	struct sb_fetch *fetch;
	skybus_fetched_fn *done;
	void *tag;
};

struct sb_lent_timer {
	TAILQ_ENTRY(sb_lent_timer) entry;
	struct sb_timer timer;
	struct sb_link *link;
	int64_t handle;
	skybus_timer_fn *done;
	void *tag;
};

/* A write outlives its link if it must: the store's completion comes all the same. */

/* ---- requests ---- */

/**
 * sb_lent_request_new() - an empty request of a plugin's own
 * @link: its link
 *
 * Return: the request, the caller's; NULL without memory.
 */
struct skybus_request *sb_lent_request_new(struct sb_link *link)
{
	SB_CLEANUP(sb_lent_request_free)
	struct skybus_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->link = link;
	request->filled = sb_request_new();
	if (!request->filled)
		return NULL;
	/* It is a login's or a command's: somebody can try again, so the first bad word will do. */
	request->filled->impatient = true;

	return SB_STEAL(request);
}

/**
 * sb_lent_request_free() - free a request that is not under way
 * @request: may be NULL
 *
 * Return: NULL.
 */
struct skybus_request *sb_lent_request_free(struct skybus_request *request)
{
	if (!request)
		return NULL;

	(void)sb_request_free(request->filled);
	free(request);

	return NULL;
}

/*
 * "Later", and after how long: RFC 7252 section 5.9.3.4 (5.03) and RFC 8516 (4.29). No plugin need think of
 * it. A cloud that asks for more than an hour of a link that is down is asked again after that.
 */
static void note_patience(struct sb_lent *lent, const struct skybus_reply *reply)
{
	bool later = reply->code == SKYBUS_CODE(5, 3) || reply->code == SKYBUS_CODE(4, 29);

	if (later && reply->max_age != UINT32_MAX)
		lent->later_s = reply->max_age < LATER_MAX_S ? reply->max_age : LATER_MAX_S;
}

/**
 * sb_lent_tell() - tell a plugin what came of a request, and see what that says of the link
 * @link: its link
 * @request: may be freed by what the plugin does, unless the caller keeps it
 * @reply: lent
 */
void sb_lent_tell(struct sb_link *link, const struct skybus_request *request,
		  const struct skybus_reply *reply)
{
	uint32_t outcome = reply->outcome;

	link->lent.by_network = outcome != SKYBUS_ANSWERED && outcome != SKYBUS_RESET;
	sb_link_attempt_on_outcome(link, outcome);
	if (outcome == SKYBUS_ANSWERED) {
		sb_link_on_answer(link);
		note_patience(&link->lent, reply);
		link->lent.code = reply->code;
	} else {
		link->lent.silence = outcome;
		link->lent.silence_s = (unsigned int)(request->timeout_usec / SB_USEC_PER_SEC);
	}
	if (request->done)
		sb_plugin_on_replied(link, request->done, request->tag, reply);
	link->lent.code = 0;
	/* A login's own end is the plugin's to tell; whether a session is dead is not. */
	if (outcome != SKYBUS_ANSWERED && outcome != SKYBUS_RESET && link->state == SB_LINK_ONLINE)
		sb_flight_suspect(&link->flight);
}

static void request_on_reply(void *userdata, const struct skybus_reply *reply)
{
	SB_CLEANUP(sb_lent_request_free) struct skybus_request *request = userdata;
	struct sb_link *link = request->link;

	TAILQ_REMOVE(&link->lent.requests, request, entry);
	link->lent.n_requests--;
	sb_task_schedule(&link->flight.pump);
	sb_lent_tell(link, request, reply);
}

/**
 * sb_lent_request_prepare() - may a request of a plugin's own go out now
 * @request: gets the rest
 * @timeout_ms: for the answer; 0 for 30 s
 * @done: who is told
 * @tag: for @done
 *
 * Return: 0; -ENOTCONN without a session; -EDQUOT when the budget is spent and nothing but a timer has the plugin
 * ask.
 */
int sb_lent_request_prepare(struct skybus_request *request, uint32_t timeout_ms,
			    skybus_replied_fn *done, void *tag)
{
	struct sb_link *link = request->link;

	if (!link->channel || !sb_channel_session(link->channel))
		return -ENOTCONN;
	if (link->lent.by_timer && !link->login.under_way && sb_link_budget_holds(link))
		return -EDQUOT;
	request->done = done;
	request->tag = tag;
	request->timeout_usec =
		timeout_ms > 0 ? timeout_ms * SB_USEC_PER_MSEC : REQUEST_TIMEOUT_USEC;

	return 0;
}

/**
 * sb_lent_on_sent() - a request of a plugin's own is on its way
 * @link: its link
 */
void sb_lent_on_sent(struct sb_link *link)
{
	sb_link_attempt_on_sent(link);
	if (link->login.under_way)
		sb_link_enter(link, SB_LINK_AUTHENTICATING, "");
	link->lent.n_requests++;
}

/**
 * sb_lent_request_send() - send a request of a plugin's own
 * @request: the callee's from now on, whatever this returns
 * @timeout_ms: for the answer; 0 for 30 s
 * @done: called once, unless the session or the login ends before
 * @tag: for @done
 *
 * Return: 0, or what sb_lent_request_prepare() says, or what went wrong while filling.
 */
int sb_lent_request_send(struct skybus_request *request, uint32_t timeout_ms,
			 skybus_replied_fn *done, void *tag)
{
	SB_CLEANUP(sb_lent_request_free) struct skybus_request *owned = request;
	struct sb_link *link = request->link;
	int r = sb_lent_request_prepare(request, timeout_ms, done, tag);

	if (r < 0)
		return r;
	r = sb_session_send(sb_channel_session(link->channel), request->filled,
			    request->timeout_usec, request_on_reply, request);
	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&link->lent.requests, request, entry);
	owned = NULL;
	sb_lent_on_sent(link);

	return 0;
}

/* ---- fetches ---- */

static void fetch_forget(struct sb_lent_fetch *fetch)
{
	TAILQ_REMOVE(&fetch->link->lent.fetches, fetch, entry);
	fetch->link->lent.n_fetches--;
	free(fetch);
}

static void fetch_on_done(void *userdata, const struct skybus_fetched *fetched)
{
	struct sb_lent_fetch *fetch = userdata;
	struct sb_link *link = fetch->link;
	skybus_fetched_fn *done = fetch->done;
	void *tag = fetch->tag;

	/* First, for the plugin may end the login now, which forgets what is under way. */
	fetch_forget(fetch);
	link->lent.by_network = fetched->status == 0;
	sb_attempts_note_trouble(&link->attempts,
				 fetched->status == 0 ? SB_TROUBLE_HTTPS : SB_TROUBLE_NONE);
	sb_plugin_on_fetched(link, done, tag, fetched);
}

/**
 * sb_lent_fetch_start() - begin an HTTPS GET for a plugin
 * @link: its link, logging in
 * @plan: copied
 * @done: called once, unless the login ends before
 * @tag: for @done
 *
 * Return: 0; -EBUSY outside of a login, -ENOSPC when there are four, -ENOTSUP without HTTPS, or what
 * sb_https_get() says.
 */
int sb_lent_fetch_start(struct sb_link *link, const struct skybus_fetch *plan,
			skybus_fetched_fn *done, void *tag)
{
	SB_CLEANUP(sb_free) struct sb_lent_fetch *fetch = NULL;
	const struct sb_fetch_way way = {
		.interface = sb_link_interface(link),
		.wire = link->wire,
	};
	int r;

	if (!link->parts.https)
		return -ENOTSUP;
	if (!link->login.under_way)
		return -EBUSY;
	if (link->lent.n_fetches >= FETCHES_MAX)
		return -ENOSPC;
	fetch = calloc(1, sizeof(*fetch));
	if (!fetch)
		return -ENOMEM;
	fetch->link = link;
	fetch->done = done;
	fetch->tag = tag;
	r = sb_https_get(link->parts.https, plan, &way, fetch_on_done, fetch, &fetch->fetch);
	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&link->lent.fetches, fetch, entry);
	link->lent.n_fetches++;
	fetch = NULL;

	return 0;
}

/* ---- timers ---- */

static void timer_free(struct sb_lent_timer *timer)
{
	sb_timer_disarm(&timer->timer);
	TAILQ_REMOVE(&timer->link->lent.timers, timer, entry);
	free(timer);
}

static void timer_on_fire(struct sb_timer *fired)
{
	struct sb_lent_timer *timer = sb_container_of(fired, struct sb_lent_timer, timer);
	struct sb_link *link = timer->link;
	skybus_timer_fn *done = timer->done;
	void *tag = timer->tag;

	timer_free(timer);
	link->lent.by_timer = true;
	sb_plugin_on_timer(link, done, tag);
	link->lent.by_timer = false;
}

/**
 * sb_lent_timer_start() - call a plugin back
 * @link: its link
 * @ms: when
 * @done: called once
 * @tag: for @done
 *
 * Return: a handle > 0; -ENOSPC when there are sixteen; -ENOMEM.
 */
int64_t sb_lent_timer_start(struct sb_link *link, uint32_t ms, skybus_timer_fn *done, void *tag)
{
	struct sb_lent_timer *timer;
	unsigned int n = 0;

	TAILQ_FOREACH(timer, &link->lent.timers, entry)
		n++;
	if (n >= TIMERS_MAX)
		return -ENOSPC;
	timer = calloc(1, sizeof(*timer));
	if (!timer)
		return -ENOMEM;
	timer->link = link;
	timer->handle = ++link->lent.last_timer;
	timer->done = done;
	timer->tag = tag;
	sb_timer_init(&timer->timer, link->parts.loop, timer_on_fire);
	sb_timer_arm(&timer->timer, ms * SB_USEC_PER_MSEC);
	TAILQ_INSERT_TAIL(&link->lent.timers, timer, entry);

	return timer->handle;
}

/**
 * sb_lent_timer_stop() - do not call a plugin back
 * @link: its link
 * @handle: of the timer; one that has run out is ignored
 */
void sb_lent_timer_stop(struct sb_link *link, int64_t handle)
{
	struct sb_lent_timer *timer;

	TAILQ_FOREACH(timer, &link->lent.timers, entry) {
		if (timer->handle == handle) {
			timer_free(timer);
			return;
		}
	}
}

/* ---- all of it ---- */

/**
 * sb_lent_init() - a plugin that has asked for nothing yet
 * @lent: embedded in its link
 */
void sb_lent_init(struct sb_lent *lent)
{
	*lent = (struct sb_lent){ 0 };
	TAILQ_INIT(&lent->requests);
	TAILQ_INIT(&lent->observations);
	TAILQ_INIT(&lent->timers);
	TAILQ_INIT(&lent->writes);
	TAILQ_INIT(&lent->fetches);
}

/**
 * sb_lent_forget() - a login begins, or the link goes down: what the last login asked for is over
 * @link: its link; the session stays, and requests that are under way on it end unheard
 */
void sb_lent_forget(struct sb_link *link)
{
	struct skybus_request *request;
	struct sb_lent_fetch *fetch;

	sb_lent_observe_forget(link);
	TAILQ_FOREACH(request, &link->lent.requests, entry)
		request->done = NULL;
	while ((fetch = TAILQ_FIRST(&link->lent.fetches))) {
		(void)sb_fetch_cancel(fetch->fetch);
		fetch_forget(fetch);
	}
}

/**
 * sb_lent_drop_session() - close the link's session, if it has one
 * @link: messages that were under way go back to their queue; the plugin's own requests on it are
 *	forgotten, and their completions do not come
 */
void sb_lent_drop_session(struct sb_link *link)
{
	struct skybus_request *request;

	sb_flight_recall(&link->flight);
	link->lent.opened = NULL;
	sb_lent_observe_forget(link);
	while ((request = TAILQ_FIRST(&link->lent.requests))) {
		TAILQ_REMOVE(&link->lent.requests, request, entry);
		(void)sb_lent_request_free(request);
	}
	link->lent.n_requests = 0;
	if (link->channel && sb_channel_session(link->channel)) {
		struct sb_traffic traffic;

		sb_session_traffic(sb_channel_session(link->channel), &traffic);
		link->past.sent += traffic.sent;
		link->past.received += traffic.received;
	}
	link->channel = sb_channel_free(link->channel);
}

/**
 * sb_lent_done() - the plugin is detached: nothing comes back to it any more
 * @link: its link, without session and fetches
 */
void sb_lent_done(struct sb_link *link)
{
	while (!TAILQ_EMPTY(&link->lent.timers))
		timer_free(TAILQ_FIRST(&link->lent.timers));
	sb_lent_forget_writes(link);
}
