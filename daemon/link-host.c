/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon lends to a link's plugin: struct skybus_host of include/skybus/plugin.h.
 *
 * Thin: what takes longer than a call is in link-lent.c and link-observe.c, what the cloud begins in link-serve.c.
 */
#include <errno.h>
#include <string.h>

#include "daemon/link-private.h"

static struct sb_link *link_of(struct skybus_link *handle)
{
	return (struct sb_link *)handle;
}

static struct sb_response *response_of(struct skybus_response *handle)
{
	return (struct sb_response *)handle;
}

/*
 * What a plugin hands over. One that is older than we has a shorter struct, and what it does not know is
 * 0, as if it had not been set; of a newer one's we take what we know. Nothing beyond its size is read,
 * and no half of a field: the size of a struct is a multiple of its alignment.
 */
static void take(void *ret, uint32_t size, uint32_t alignment, const void *given)
{
	uint32_t its_size;

	memcpy(&its_size, given, sizeof(its_size));
	if (its_size > size)
		its_size = size;
	memset(ret, 0, size);
	memcpy(ret, given, its_size - its_size % alignment);
	memcpy(ret, &size, sizeof(size));
}

#define TAKE(copy, given) take(&(copy), sizeof(copy), _Alignof(__typeof__(copy)), given)

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
	sb_report_of_plugin(link_of(link), (int)level, text);
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

static int32_t host_open_session(struct skybus_link *handle, const struct skybus_session *given,
				 skybus_opened_fn *done, void *tag)
{
	struct sb_link *link = link_of(handle);
	struct skybus_session session;
	struct sb_channel_plan plan = {
		.resolver = link->parts.resolver,
		.transport = link->parts.transport,
		.session = &session,
		.interface = sb_link_interface(link),
		.wire = link->wire,
		.attempt = link->failures,
	};
	struct sb_channel *channel;
	int r;

	/* Nobody would end what is begun outside of a login. */
	if (!link->login.under_way)
		return -EBUSY;
	TAKE(session, given);
	r = sb_channel_open(&plan, sb_link_on_channel, link, &channel);
	if (r < 0)
		return r;
	sb_lent_drop_session(link);
	link->channel = channel;
	link->lent.opened = done;
	link->lent.opened_tag = tag;
	sb_link_enter(link, SB_LINK_RESOLVING, "");

	return 0;
}

static struct skybus_request *host_new_request(struct skybus_link *link)
{
	return sb_lent_request_new(link_of(link));
}

static void host_free_request(struct skybus_request *request)
{
	(void)sb_lent_request_free(request);
}

static int32_t host_send_request(struct skybus_request *request, uint32_t timeout_ms,
				 skybus_replied_fn *done, void *tag)
{
	return sb_lent_request_send(request, timeout_ms, done, tag);
}

static int64_t host_observe(struct skybus_request *request, uint32_t timeout_ms,
			    skybus_replied_fn *notified, void *tag)
{
	return sb_lent_observe(request, timeout_ms, notified, tag);
}

static void host_observe_stop(struct skybus_link *link, int64_t handle)
{
	sb_lent_observe_stop(link_of(link), handle);
}

static int32_t host_fetch(struct skybus_link *link, const struct skybus_fetch *given,
			  skybus_fetched_fn *done, void *tag)
{
	struct skybus_fetch fetch;

	TAKE(fetch, given);

	return sb_lent_fetch_start(link_of(link), &fetch, done, tag);
}

static int32_t host_listen(struct skybus_link *link, const struct skybus_listen *given)
{
	struct skybus_listen listen;

	TAKE(listen, given);

	return sb_serve_listen(link_of(link), &listen);
}

/* ---- timers ---- */

static int64_t host_timer_start(struct skybus_link *link, uint32_t ms, skybus_timer_fn *done,
				void *tag)
{
	return sb_lent_timer_start(link_of(link), ms, done, tag);
}

static void host_timer_stop(struct skybus_link *link, int64_t handle)
{
	sb_lent_timer_stop(link_of(link), handle);
}

/* ---- how the login ended ---- */

static void host_online(struct skybus_link *link, const struct skybus_terms *given)
{
	struct skybus_terms terms;

	TAKE(terms, given);
	sb_login_on_online(link_of(link), &terms);
}

static void host_failed(struct skybus_link *handle, uint32_t kind, const char *reason,
			uint32_t wait_s)
{
	struct sb_link *link = link_of(handle);
	char explained[SB_LINK_REASON_MAX] = "the cloud did not answer";

	if (!reason && link->channel)
		sb_channel_explain(link->channel, link->lent.silence, link->lent.silence_s,
				   explained, sizeof(explained));
	sb_login_on_failed(link, kind, reason ? reason : explained, wait_s);
}

/* ---- commands ---- */

static int32_t host_deliver(struct skybus_link *link, const struct skybus_command *given)
{
	struct skybus_command command;

	TAKE(command, given);

	return sb_serve_deliver(link_of(link), &command);
}

static void host_response_code(struct skybus_response *response, uint32_t code)
{
	sb_response_code(response_of(response), code);
}

static void host_response_payload(struct skybus_response *response, uint32_t content_format,
				  const void *data, uint32_t len)
{
	sb_response_payload(response_of(response), content_format, data, len);
}

static void host_response_topic(struct skybus_response *response, const char *topic)
{
	sb_response_topic(response_of(response), topic);
}

/* ---- memory ---- */

/* The daemon remembers things of a link beside its plugin's, see link-backoff.c. */
static bool is_the_daemons(const char *key)
{
	return key[0] == '.';
}

static const uint8_t *host_store_get(struct skybus_link *handle, const char *key, uint32_t *ret_len)
{
	const struct sb_link *link = link_of(handle);
	const uint8_t *value = NULL;
	size_t len = 0;

	if (!is_the_daemons(key))
		value = sb_store_value(link->parts.store, sb_link_name(link), key, &len);
	*ret_len = (uint32_t)len;

	return value;
}

static int32_t host_store_put(struct skybus_link *link, const char *key, const void *data,
			      uint32_t len, skybus_stored_fn *done, void *tag)
{
	if (is_the_daemons(key))
		return -EINVAL;

	return sb_lent_put(link_of(link), key, data, len, done, tag);
}

static int32_t host_store_remove(struct skybus_link *link, const char *key, skybus_stored_fn *done,
				 void *tag)
{
	if (is_the_daemons(key))
		return -EINVAL;

	return sb_lent_remove(link_of(link), key, done, tag);
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
	.fetch = host_fetch,
	.listen = host_listen,
	.timer_start = host_timer_start,
	.timer_stop = host_timer_stop,
	.online = host_online,
	.failed = host_failed,
	.deliver = host_deliver,
	.response_code = host_response_code,
	.response_payload = host_response_payload,
	.response_topic = host_response_topic,
	.store_get = host_store_get,
	.store_put = host_store_put,
	.store_remove = host_store_remove,
	.observe = host_observe,
	.observe_stop = host_observe_stop,
};
