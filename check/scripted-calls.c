/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin is lent: sessions, fetches, timers, the end of a login; the table of it all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

#define TIMERS_MAX 16

static void host_log(struct skybus_link *link, uint32_t level, const char *text)
{
	scripted_check_attached(link, "log");
	scripted_check_text(link, "a line of the log", text);
	if (level < SKYBUS_LOG_ERROR || level > SKYBUS_LOG_DEBUG)
		scripted_fault(link, "log() was called with the level %u", level);
	(void)snprintf(link->last_log, sizeof(link->last_log), "%s", text ? text : "");
}

/* ---- sessions ---- */

/**
 * scripted_drop_session() - close the session
 * @link: what was under way on it gets no completion, as with the daemon
 */
void scripted_drop_session(struct skybus_link *link)
{
	link->open = false;
	link->opening = false;
	scripted_drop_requests(&link->sent);
	scripted_drop_observations(link);
}

/**
 * scripted_forget_session() - free what a session's description holds
 * @session: all zero afterwards
 */
void scripted_forget_session(struct scripted_session *session)
{
	free(session->server_name);
	free(session->trust);
	*session = (struct scripted_session){ 0 };
}

static bool makes_sense(const struct skybus_session *session)
{
	if (!session->host || session->host[0] == '\0' || session->port < 1 ||
	    session->port > UINT16_MAX)
		return false;
	if (session->security != SKYBUS_CERTIFICATE &&
	    (session->trust || session->trust_len > 0 || session->server_name))
		return false;
	if ((session->trust != NULL) != (session->trust_len > 0))
		return false;
	if (session->security != SKYBUS_PSK)
		return session->identity_len == 0 && session->key_len == 0 &&
		       (session->security == SKYBUS_PLAIN ||
			session->security == SKYBUS_CERTIFICATE);

	return session->identity_len > 0 && session->key_len > 0 &&
	       session->identity_len <= SCRIPTED_PSK_MAX && session->key_len <= SCRIPTED_PSK_MAX;
}

static int32_t host_open_session(struct skybus_link *link, const struct skybus_session *session,
				 skybus_opened_fn *done, void *tag)
{
	struct scripted_session *kept = &link->session;

	scripted_check_attached(link, "open_session");
	scripted_check_size(link, "a session", session->size, sizeof(*session));
	if (!link->logging_in)
		scripted_fault(link, "open_session() was called outside of a login");
	if (!done)
		scripted_fault(link, "open_session() was given no completion");
	scripted_drop_session(link);
	if (link->refuse.open_session < 0)
		return link->refuse.open_session;
	if (!makes_sense(session)) {
		scripted_fault(link, "open_session() was given parameters that make no sense");
		return -EINVAL;
	}
	scripted_forget_session(kept);
	*kept = (struct scripted_session){ .security = session->security,
					   .port = session->port,
					   .identity_len = session->identity_len,
					   .key_len = session->key_len,
					   .server_name = scripted_text(session->server_name),
					   .trust = scripted_bytes(session->trust,
								   session->trust_len),
					   .trust_len = session->trust_len };
	(void)snprintf(kept->host, sizeof(kept->host), "%s", session->host);
	if (session->identity_len > 0)
		memcpy(kept->identity, session->identity, session->identity_len);
	if (session->key_len > 0)
		memcpy(kept->key, session->key, session->key_len);
	link->n_sessions++;
	link->opening = true;
	link->opened = done;
	link->opened_tag = tag;

	return 0;
}

/* ---- fetches, and requests from the cloud ---- */

/**
 * scripted_forget_fetch() - free what a fetch's description holds
 * @fetch: all zero afterwards
 */
void scripted_forget_fetch(struct scripted_fetch *fetch)
{
	free(fetch->url);
	free(fetch->accept);
	free(fetch->range);
	free(fetch->trust);
	*fetch = (struct scripted_fetch){ 0 };
}

/**
 * scripted_drop_fetches() - end all fetches without completion
 * @link: the link
 */
void scripted_drop_fetches(struct skybus_link *link)
{
	struct scripted_fetching *fetching;

	while ((fetching = TAILQ_FIRST(&link->fetches))) {
		TAILQ_REMOVE(&link->fetches, fetching, entry);
		link->n_fetching--;
		free(fetching);
	}
}

static int32_t host_fetch(struct skybus_link *link, const struct skybus_fetch *fetch,
			  skybus_fetched_fn *done, void *tag)
{
	struct scripted_fetching *fetching;

	scripted_check_attached(link, "fetch");
	scripted_check_size(link, "a fetch", fetch->size, sizeof(*fetch));
	if (!link->logging_in)
		scripted_fault(link, "fetch() was called outside of a login");
	if (link->refuse.fetch < 0)
		return link->refuse.fetch;
	if (!done || !fetch->url || strncmp(fetch->url, "https://", 8) != 0 ||
	    (fetch->trust != NULL) != (fetch->trust_len > 0)) {
		scripted_fault(link, "fetch() was given parameters that make no sense");
		return -EINVAL;
	}
	if (link->n_fetching == SCRIPTED_FETCHES_MAX) {
		scripted_fault(link, "fetch() was called for more than %d at a time",
			       SCRIPTED_FETCHES_MAX);
		return -ENOSPC;
	}
	scripted_forget_fetch(&link->fetch);
	link->fetch =
		(struct scripted_fetch){ .url = scripted_text(fetch->url),
					 .accept = scripted_text(fetch->accept),
					 .range = scripted_text(fetch->range),
					 .trust = scripted_bytes(fetch->trust, fetch->trust_len),
					 .trust_len = fetch->trust_len,
					 .timeout_ms = fetch->timeout_ms,
					 .max_len = fetch->max_len };
	fetching = scripted_need(calloc(1, sizeof(*fetching)));
	fetching->done = done;
	fetching->tag = tag;
	fetching->max_len = fetch->max_len > 0 ? fetch->max_len : SCRIPTED_FETCH_LEN_MAX;
	TAILQ_INSERT_TAIL(&link->fetches, fetching, entry);
	link->n_fetching++;
	link->n_fetches++;

	return 0;
}

static int32_t host_listen(struct skybus_link *link, const struct skybus_listen *listen)
{
	scripted_check_attached(link, "listen");
	scripted_check_size(link, "the terms of listening", listen->size, sizeof(*listen));
	if (!link->plugin->serve)
		scripted_fault(link, "listen() was called by a plugin without serve()");
	if (listen->port < 1 || listen->port > UINT16_MAX) {
		scripted_fault(link, "listen() was given the port %u", listen->port);
		return -EINVAL;
	}
	if (link->refuse.listen < 0)
		return link->refuse.listen;
	link->listen.port = listen->port;
	link->listen.has_from = listen->from;
	(void)snprintf(link->listen.from, sizeof(link->listen.from), "%s",
		       listen->from ? listen->from : "");
	link->listen.n++;

	return 0;
}

/* ---- timers ---- */

static int64_t host_timer_start(struct skybus_link *link, uint32_t ms, skybus_timer_fn *done,
				void *tag)
{
	struct scripted_timer *timer;

	scripted_check_attached(link, "timer_start");
	if (link->refuse.timer_start < 0)
		return link->refuse.timer_start;
	if (!done)
		scripted_fault(link, "timer_start() was given no completion");
	if (link->n_timers == TIMERS_MAX) {
		scripted_fault(link, "timer_start() was called for more than %d at a time",
			       TIMERS_MAX);
		return -ENOSPC;
	}
	timer = scripted_need(calloc(1, sizeof(*timer)));
	timer->handle = ++link->last_timer;
	timer->due_ms = link->now_ms + ms;
	timer->done = done;
	timer->tag = tag;
	TAILQ_INSERT_TAIL(&link->timers, timer, entry);
	link->n_timers++;

	return timer->handle;
}

/**
 * scripted_remove_timer() - take a timer away
 * @link: its link
 * @timer: gone afterwards
 */
void scripted_remove_timer(struct skybus_link *link, struct scripted_timer *timer)
{
	TAILQ_REMOVE(&link->timers, timer, entry);
	link->n_timers--;
	free(timer);
}

static void host_timer_stop(struct skybus_link *link, int64_t handle)
{
	struct scripted_timer *timer;

	scripted_check_attached(link, "timer_stop");
	TAILQ_FOREACH(timer, &link->timers, entry) {
		if (timer->handle == handle) {
			scripted_remove_timer(link, timer);
			return;
		}
	}
}

/* ---- the login's end ---- */

static void end_login(struct skybus_link *link, const char *call)
{
	scripted_check_attached(link, call);
	if (!link->logging_in)
		scripted_fault(link, "%s() was called while no login() was under way", call);
	link->logging_in = false;
}

static void host_online(struct skybus_link *link, const struct skybus_terms *terms)
{
	end_login(link, "online");
	scripted_check_size(link, "the terms", terms->size, sizeof(*terms));
	link->terms = *terms;
	link->n_online++;
	if (link->when_online)
		link->when_online(link);
}

static void host_failed(struct skybus_link *link, uint32_t kind, const char *reason,
			uint32_t wait_s)
{
	end_login(link, "failed");
	if (kind < SKYBUS_TRANSIENT || kind > SKYBUS_CONFIGURATION)
		scripted_fault(link, "failed() was given the kind %u", kind);
	if (reason)
		scripted_check_text(link, "a failure's reason", reason);
	else if (!link->unanswered)
		scripted_fault(
			link, "failed() gave no reason, and no request was left without an answer");
	link->failure =
		(struct scripted_failure){ .kind = kind, .has_reason = reason, .wait_s = wait_s };
	(void)snprintf(link->failure.reason, sizeof(link->failure.reason), "%s",
		       reason ? reason : "");
	link->n_failed++;
	scripted_drop_session(link);
	scripted_drop_fetches(link);
}

const struct skybus_host scripted_calls = {
	.size = sizeof(scripted_calls),
	.setting_text = scripted_setting_text,
	.setting_integer = scripted_setting_integer,
	.setting_secret = scripted_setting_secret,
	.log = host_log,
	.request_method = scripted_host_request_method,
	.request_path = scripted_host_request_path,
	.request_query = scripted_host_request_query,
	.request_option = scripted_host_request_option,
	.request_uint = scripted_host_request_uint,
	.request_payload = scripted_host_request_payload,
	.request_note = scripted_host_request_note,
	.open_session = host_open_session,
	.new_request = scripted_host_new_request,
	.free_request = scripted_host_free_request,
	.send_request = scripted_host_send_request,
	.fetch = host_fetch,
	.listen = host_listen,
	.timer_start = host_timer_start,
	.timer_stop = host_timer_stop,
	.online = host_online,
	.failed = host_failed,
	.deliver = scripted_host_deliver,
	.response_code = scripted_host_response_code,
	.response_payload = scripted_host_response_payload,
	.response_topic = scripted_host_response_topic,
	.store_get = scripted_host_store_get,
	.store_put = scripted_host_store_put,
	.store_remove = scripted_host_store_remove,
	.observe = scripted_host_observe,
	.observe_stop = scripted_host_observe_stop,
};
