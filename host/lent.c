/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct skybus_host, as the plugin has it here: the daemon does what it stands for. What only says something is not
 * waited for.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/host.h"

static void lent_log(struct skybus_link *link, uint32_t level, const char *text)
{
	struct sb_packer *out = packet_begin(link, SB_ASK_LOG);

	sb_pack_u32(out, level);
	sb_pack_text(out, text ? text : "");
	packet_send(link);
}

/* ---- talking to the cloud ---- */

/* Sends what was begun. What was asked for comes if the daemon's answer is not negative. */
static int64_t ask_for(struct skybus_link *link, struct awaited *awaited)
{
	int64_t r = packet_ask_number(link);

	if (r < 0)
		awaited_drop(awaited);
	else
		awaited_keep(link, awaited, r);

	return r;
}

static int32_t lent_open_session(struct skybus_link *link, const struct skybus_session *session,
				 skybus_opened_fn *done, void *tag)
{
	struct awaited *awaited = awaited_new(link, SB_CALL_OPENED, (done_fn *)done, tag);
	struct sb_packer *out = packet_begin(link, SB_ASK_OPEN_SESSION);
	int64_t r;

	if (!awaited)
		return -ENOMEM;
	sb_pack_u32(out, awaited_number(awaited));
	sb_pack_session(out, session);
	r = packet_ask_number(link);
	if (r < 0) {
		awaited_drop(awaited);
		return (int32_t)r;
	}
	/* The session before is closed, with all that was under way there. */
	awaited_forget(link, SB_CALL_REPLIED);
	awaited_forget(link, SB_CALL_OBSERVED);
	awaited_forget(link, SB_CALL_OPENED);
	awaited_keep(link, awaited, 0);

	return (int32_t)r;
}

static struct skybus_request *lent_new_request(struct skybus_link *link)
{
	struct skybus_request *request = calloc(1, sizeof(*request));

	if (request)
		request->link = link;

	return request;
}

static void lent_free_request(struct skybus_request *request)
{
	if (request)
		filled_done(&request->filled);
	free(request);
}

/* Sends a request with what was begun. */
static int64_t ask_with(struct skybus_request *request, uint32_t timeout_ms,
			struct awaited *awaited)
{
	struct skybus_link *link = request->link;

	if (awaited) {
		sb_pack_u32(&link->out, awaited_number(awaited));
		sb_pack_u32(&link->out, timeout_ms);
		filled_pack(&request->filled, &link->out);
	}
	lent_free_request(request);

	return awaited ? ask_for(link, awaited) : -ENOMEM;
}

static int32_t lent_send_request(struct skybus_request *request, uint32_t timeout_ms,
				 skybus_replied_fn *done, void *tag)
{
	struct skybus_link *link = request->link;

	(void)packet_begin(link, SB_ASK_SEND_REQUEST);

	return (int32_t)ask_with(request, timeout_ms,
				 awaited_new(link, SB_CALL_REPLIED, (done_fn *)done, tag));
}

static int64_t lent_observe(struct skybus_request *request, uint32_t timeout_ms,
			    skybus_replied_fn *notified, void *tag)
{
	struct skybus_link *link = request->link;

	(void)packet_begin(link, SB_ASK_OBSERVE);

	return ask_with(request, timeout_ms,
			awaited_new(link, SB_CALL_OBSERVED, (done_fn *)notified, tag));
}

static void lent_observe_stop(struct skybus_link *link, int64_t handle)
{
	awaited_forget_handle(link, SB_CALL_OBSERVED, handle);
	sb_pack_u64(packet_begin(link, SB_ASK_OBSERVE_STOP), (uint64_t)handle);
	packet_send(link);
}

static int32_t lent_fetch(struct skybus_link *link, const struct skybus_fetch *fetch,
			  skybus_fetched_fn *done, void *tag)
{
	struct awaited *awaited = awaited_new(link, SB_CALL_FETCHED, (done_fn *)done, tag);
	struct sb_packer *out = packet_begin(link, SB_ASK_FETCH);

	if (!awaited)
		return -ENOMEM;
	sb_pack_u32(out, awaited_number(awaited));
	sb_pack_fetch(out, fetch);

	return (int32_t)ask_for(link, awaited);
}

static int32_t lent_listen(struct skybus_link *link, const struct skybus_listen *listen)
{
	sb_pack_listen(packet_begin(link, SB_ASK_LISTEN), listen);

	return (int32_t)packet_ask_number(link);
}

/* ---- timers ---- */

static int64_t lent_timer_start(struct skybus_link *link, uint32_t ms, skybus_timer_fn *done,
				void *tag)
{
	struct awaited *awaited = awaited_new(link, SB_CALL_TIMER, (done_fn *)done, tag);
	struct sb_packer *out = packet_begin(link, SB_ASK_TIMER_START);

	if (!awaited)
		return -ENOMEM;
	sb_pack_u32(out, awaited_number(awaited));
	sb_pack_u32(out, ms);

	return ask_for(link, awaited);
}

static void lent_timer_stop(struct skybus_link *link, int64_t handle)
{
	awaited_forget_handle(link, SB_CALL_TIMER, handle);
	sb_pack_u64(packet_begin(link, SB_ASK_TIMER_STOP), (uint64_t)handle);
	packet_send(link);
}

/* ---- how the login ended; commands ---- */

static void lent_online(struct skybus_link *link, const struct skybus_terms *terms)
{
	sb_pack_terms(packet_begin(link, SB_ASK_ONLINE), terms);
	packet_send(link);
}

static void lent_failed(struct skybus_link *link, uint32_t kind, const char *reason,
			uint32_t wait_s)
{
	struct sb_packer *out = packet_begin(link, SB_ASK_FAILED);

	sb_pack_u32(out, kind);
	sb_pack_text(out, reason);
	sb_pack_u32(out, wait_s);
	packet_send(link);
}

static int32_t lent_deliver(struct skybus_link *link, const struct skybus_command *command)
{
	sb_pack_command(packet_begin(link, SB_ASK_DELIVER), command);

	return (int32_t)packet_ask_number(link);
}

/* ---- memory ---- */

static const uint8_t *lent_store_get(struct skybus_link *link, const char *key, uint32_t *ret_len)
{
	struct sb_unpacker in;
	const uint8_t *data;
	bool there;

	sb_pack_text(packet_begin(link, SB_ASK_STORE_GET), key);
	(void)sb_packet_free(link->stored);
	link->stored = packet_ask(link, &in);
	there = sb_unpack_u32(&in) != 0;
	data = sb_unpack_bytes(&in, ret_len);

	return there && !data ? (const uint8_t *)"" : data;
}

static int32_t lent_store_put(struct skybus_link *link, const char *key, const void *data,
			      uint32_t len, skybus_stored_fn *done, void *tag)
{
	struct awaited *awaited = awaited_new(link, SB_CALL_STORED, (done_fn *)done, tag);
	struct sb_packer *out = packet_begin(link, SB_ASK_STORE_PUT);

	if (!awaited)
		return -ENOMEM;
	sb_pack_u32(out, awaited_number(awaited));
	sb_pack_text(out, key);
	sb_pack_bytes(out, data, len);

	return (int32_t)ask_for(link, awaited);
}

static int32_t lent_store_remove(struct skybus_link *link, const char *key, skybus_stored_fn *done,
				 void *tag)
{
	struct awaited *awaited = awaited_new(link, SB_CALL_STORED, (done_fn *)done, tag);
	struct sb_packer *out = packet_begin(link, SB_ASK_STORE_REMOVE);

	if (!awaited)
		return -ENOMEM;
	sb_pack_u32(out, awaited_number(awaited));
	sb_pack_text(out, key);

	return (int32_t)ask_for(link, awaited);
}

const struct skybus_host host = {
	.size = sizeof(host),
	.setting_text = setting_text,
	.setting_integer = setting_integer,
	.setting_secret = setting_secret,
	.log = lent_log,
	.request_method = fill_request_method,
	.request_path = fill_request_path,
	.request_query = fill_request_query,
	.request_option = fill_request_option,
	.request_uint = fill_request_uint,
	.request_payload = fill_request_payload,
	.request_note = fill_request_note,
	.open_session = lent_open_session,
	.new_request = lent_new_request,
	.free_request = lent_free_request,
	.send_request = lent_send_request,
	.fetch = lent_fetch,
	.listen = lent_listen,
	.timer_start = lent_timer_start,
	.timer_stop = lent_timer_stop,
	.online = lent_online,
	.failed = lent_failed,
	.deliver = lent_deliver,
	.response_code = fill_response_code,
	.response_payload = fill_response_payload,
	.response_topic = fill_response_topic,
	.store_get = lent_store_get,
	.store_put = lent_store_put,
	.store_remove = lent_store_remove,
	.observe = lent_observe,
	.observe_stop = lent_observe_stop,
};
