/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon lends to a link's plugin: struct skybus_host of include/skybus/plugin.h.
 *
 * Whatever a plugin asks for is written down with its link, so that nothing comes back to a plugin that
 * has been detached, and nothing that belonged to an old session reaches it in a new one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/link-private.h"
#include "daemon/log.h"

#define CALL_TIMEOUT_USEC (30 * SB_USEC_PER_SEC)
#define TIMERS_MAX 16

struct sb_lent_timer {
	TAILQ_ENTRY(sb_lent_timer) entry;
	struct sb_timer timer;
	struct sb_link *link;
	int64_t handle;
	skybus_timer_fn *done;
	void *tag;
};

/* A write outlives its link if it must: the store's completion comes all the same. */
struct sb_lent_write {
	TAILQ_ENTRY(sb_lent_write) entry;
	struct sb_link *link; /* NULL once the link is gone */
	skybus_stored_fn *done;
	void *tag;
};

static struct skybus_request *call_free(struct skybus_request *call)
{
	if (!call)
		return NULL;

	(void)sb_request_free(call->filled);
	free(call);

	return NULL;
}

SB_DEFINE_CLEANUP(struct skybus_request *, call_free)

static struct sb_link *link_of(struct skybus_link *handle)
{
	return (struct sb_link *)handle;
}

/* ---- settings ---- */

static const char *host_setting_text(struct skybus_link *link, const char *key)
{
	return sb_settings_text(link_of(link)->config->own, key);
}

static int64_t host_setting_integer(struct skybus_link *link, const char *key)
{
	return sb_settings_integer(link_of(link)->config->own, key);
}

static const uint8_t *host_setting_secret(struct skybus_link *link, const char *key,
					  uint32_t *ret_len)
{
	size_t len = 0;
	const uint8_t *secret = sb_settings_secret(link_of(link)->config->own, key, &len);

	*ret_len = (uint32_t)len;

	return secret;
}

static void host_log(struct skybus_link *link, uint32_t level, const char *text)
{
	if (level < SKYBUS_LOG_ERROR)
		level = SKYBUS_LOG_ERROR;
	if (level > SKYBUS_LOG_DEBUG)
		level = SKYBUS_LOG_DEBUG;
	sb_log_link(sb_link_name(link_of(link)), (int)level, "%s", text);
}

/* ---- filling a request ---- */

static void host_request_method(struct skybus_request *request, uint32_t method)
{
	request->filled->method = method;
}

static void host_request_path(struct skybus_request *request, const char *path)
{
	sb_request_path(request->filled, path);
}

static void host_request_query(struct skybus_request *request, const char *query)
{
	sb_request_query(request->filled, query);
}

static void host_request_option(struct skybus_request *request, uint32_t number, const void *value,
				uint32_t len)
{
	sb_request_option(request->filled, number, value, len);
}

static void host_request_uint(struct skybus_request *request, uint32_t number, uint32_t value)
{
	sb_request_uint(request->filled, number, value);
}

static void host_request_payload(struct skybus_request *request, const void *data, uint32_t len)
{
	sb_request_payload(request->filled, data, len);
}

static void host_request_note(struct skybus_request *request, uint64_t note)
{
	request->filled->note = note;
}

/* ---- talking to the cloud ---- */

static int32_t host_open_session(struct skybus_link *handle, const struct skybus_session *session,
				 skybus_opened_fn *done, void *tag)
{
	struct sb_link *link = link_of(handle);
	struct sb_channel_plan plan = {
		.resolver = link->parts.resolver,
		.transport = link->parts.transport,
		.session = session,
		.attempt = link->attempts,
	};
	struct sb_channel *channel;
	int r;

	/* Nobody would end what is begun outside of a login. */
	if (!link->logging_in)
		return -EBUSY;
	r = sb_channel_open(&plan, sb_link_on_channel, link, &channel);
	if (r < 0)
		return r;
	sb_lent_drop_session(link);
	link->channel = channel;
	link->attempts++;
	link->lent.opened = done;
	link->lent.opened_tag = tag;
	sb_link_enter(link, SB_LINK_RESOLVING, "");

	return 0;
}

static struct skybus_request *host_new_request(struct skybus_link *link)
{
	SB_CLEANUP(call_free) struct skybus_request *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->link = link_of(link);
	call->filled = sb_request_new();
	if (!call->filled)
		return NULL;
	/* It is a login's or a command's: somebody can try again, so the first bad word will do. */
	call->filled->impatient = true;

	return SB_STEAL(call);
}

static void host_free_request(struct skybus_request *request)
{
	(void)call_free(request);
}

static void call_on_reply(void *userdata, const struct skybus_reply *reply)
{
	SB_CLEANUP(call_free) struct skybus_request *call = userdata;
	struct sb_link *link = call->link;

	TAILQ_REMOVE(&link->lent.calls, call, entry);
	link->lent.n_calls--;
	sb_task_schedule(&link->flight.pump);
	if (reply->outcome == SKYBUS_ANSWERED) {
		sb_link_on_answer(link);
	} else {
		link->silence = reply->outcome;
		link->silence_s = (unsigned int)(call->timeout_usec / SB_USEC_PER_SEC);
	}
	if (call->done)
		call->done(link->plugin_state, call->tag, reply);
}

static int32_t host_send_request(struct skybus_request *request, uint32_t timeout_ms,
				 skybus_replied_fn *done, void *tag)
{
	SB_CLEANUP(call_free) struct skybus_request *call = request;
	struct sb_link *link = call->link;
	struct sb_session *session = link->channel ? sb_channel_session(link->channel) : NULL;
	int r;

	if (!session)
		return -ENOTCONN;
	call->done = done;
	call->tag = tag;
	call->timeout_usec = timeout_ms > 0 ? timeout_ms * SB_USEC_PER_MSEC : CALL_TIMEOUT_USEC;
	r = sb_session_send(session, call->filled, call->timeout_usec, call_on_reply, call);
	if (r < 0)
		return r;
	if (link->logging_in)
		sb_link_enter(link, SB_LINK_AUTHENTICATING, "");
	TAILQ_INSERT_TAIL(&link->lent.calls, call, entry);
	link->lent.n_calls++;
	call = NULL;

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
	done(link->plugin_state, tag);
}

static int64_t host_timer_start(struct skybus_link *handle, uint32_t ms, skybus_timer_fn *done,
				void *tag)
{
	struct sb_link *link = link_of(handle);
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

static void host_timer_stop(struct skybus_link *handle, int64_t number)
{
	struct sb_link *link = link_of(handle);
	struct sb_lent_timer *timer;

	TAILQ_FOREACH(timer, &link->lent.timers, entry) {
		if (timer->handle == number) {
			timer_free(timer);
			return;
		}
	}
}

/* ---- how the login ended ---- */

static void host_online(struct skybus_link *link, const struct skybus_terms *terms)
{
	sb_link_on_online(link_of(link), terms);
}

static void host_failed(struct skybus_link *handle, uint32_t kind, const char *reason,
			uint32_t wait_s)
{
	struct sb_link *link = link_of(handle);
	char explained[320] = "the cloud did not answer";

	if (!reason && link->channel)
		sb_channel_explain(link->channel, link->silence, link->silence_s, explained,
				   sizeof(explained));
	sb_link_on_failed(link, kind, reason ? reason : explained, wait_s);
}

/* ---- commands ---- */

static int32_t host_deliver(struct skybus_link *handle, const struct skybus_command *command)
{
	struct sb_link *link = link_of(handle);
	struct sb_delivery delivery = {
		.link = sb_link_name(link),
		.topic = command->topic,
		.payload = command->payload,
		.payload_len = command->payload_len,
		.content_format = command->content_format,
	};
	size_t n = sb_hub_deliver(link->parts.hub, &delivery);

	if (n == 0)
		sb_log_link(sb_link_name(link), LOG_DEBUG,
			    "a command for %s came, and no app has subscribed to that topic",
			    command->topic);

	return (int32_t)n;
}

/* ---- memory ---- */

static void write_on_done(void *userdata, int error)
{
	SB_CLEANUP(sb_free) struct sb_lent_write *write = userdata;

	if (!write->link)
		return;
	TAILQ_REMOVE(&write->link->lent.writes, write, entry);
	if (error < 0)
		sb_log_link(
			sb_link_name(write->link), LOG_ERR,
			"what the cloud told us could not be stored: %s; after a restart the link "
			"has to log in anew",
			strerror(-error));
	if (write->done)
		write->done(write->link->plugin_state, write->tag, error);
}

static struct sb_lent_write *write_new(struct sb_link *link, skybus_stored_fn *done, void *tag)
{
	struct sb_lent_write *write = calloc(1, sizeof(*write));

	if (!write)
		return NULL;
	write->link = link;
	write->done = done;
	write->tag = tag;

	return write;
}

static int32_t write_handed_over(struct sb_link *link, struct sb_lent_write *write, int error)
{
	if (error < 0)
		free(write);
	else
		TAILQ_INSERT_TAIL(&link->lent.writes, write, entry);

	return error;
}

static const uint8_t *host_store_get(struct skybus_link *link, const char *key, uint32_t *ret_len)
{
	size_t len = 0;
	const uint8_t *value =
		sb_store_value(link_of(link)->parts.store, sb_link_name(link_of(link)), key, &len);

	*ret_len = (uint32_t)len;

	return value;
}

static int32_t host_store_put(struct skybus_link *handle, const char *key, const void *data,
			      uint32_t len, skybus_stored_fn *done, void *tag)
{
	struct sb_link *link = link_of(handle);
	struct sb_lent_write *write = write_new(link, done, tag);

	if (!write)
		return -ENOMEM;

	return write_handed_over(link, write,
				 sb_store_put(link->parts.store, sb_link_name(link), key, data, len,
					      write_on_done, write));
}

static int32_t host_store_remove(struct skybus_link *handle, const char *key,
				 skybus_stored_fn *done, void *tag)
{
	struct sb_link *link = link_of(handle);
	struct sb_lent_write *write = write_new(link, done, tag);

	if (!write)
		return -ENOMEM;

	return write_handed_over(link, write,
				 sb_store_remove(link->parts.store, sb_link_name(link), key,
						 write_on_done, write));
}

const struct skybus_host sb_link_host = {
	.size = sizeof(sb_link_host),
	.setting_text = host_setting_text,
	.setting_integer = host_setting_integer,
	.setting_secret = host_setting_secret,
	.log = host_log,
	.request_method = host_request_method,
	.request_path = host_request_path,
	.request_query = host_request_query,
	.request_option = host_request_option,
	.request_uint = host_request_uint,
	.request_payload = host_request_payload,
	.request_note = host_request_note,
	.open_session = host_open_session,
	.new_request = host_new_request,
	.free_request = host_free_request,
	.send_request = host_send_request,
	.timer_start = host_timer_start,
	.timer_stop = host_timer_stop,
	.online = host_online,
	.failed = host_failed,
	.deliver = host_deliver,
	.store_get = host_store_get,
	.store_put = host_store_put,
	.store_remove = host_store_remove,
};

/**
 * sb_lent_init() - a plugin that has asked for nothing yet
 * @lent: embedded in its link
 */
void sb_lent_init(struct sb_lent *lent)
{
	*lent = (struct sb_lent){ 0 };
	TAILQ_INIT(&lent->calls);
	TAILQ_INIT(&lent->timers);
	TAILQ_INIT(&lent->writes);
}

/**
 * sb_lent_forget_calls() - a new login begins: the plugin's own requests are none of its business any more
 * @link: its link; the session stays, and what is under way on it ends unheard
 */
void sb_lent_forget_calls(struct sb_link *link)
{
	struct skybus_request *call;

	TAILQ_FOREACH(call, &link->lent.calls, entry)
		call->done = NULL;
}

/**
 * sb_lent_drop_session() - close the link's session, if it has one
 * @link: messages that were under way go back to their queue; the plugin's own requests on it are
 *	forgotten, and their completions do not come
 */
void sb_lent_drop_session(struct sb_link *link)
{
	struct skybus_request *call;

	sb_flight_recall(&link->flight);
	link->lent.opened = NULL;
	while ((call = TAILQ_FIRST(&link->lent.calls))) {
		TAILQ_REMOVE(&link->lent.calls, call, entry);
		(void)call_free(call);
	}
	link->lent.n_calls = 0;
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
 * @link: its link, without session
 */
void sb_lent_done(struct sb_link *link)
{
	struct sb_lent_write *write;

	while (!TAILQ_EMPTY(&link->lent.timers))
		timer_free(TAILQ_FIRST(&link->lent.timers));
	while ((write = TAILQ_FIRST(&link->lent.writes))) {
		TAILQ_REMOVE(&link->lent.writes, write, entry);
		write->link = NULL;
	}
}
