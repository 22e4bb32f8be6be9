/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin has done to a request or a response in its process is done to the daemon's own here.
 */
#include "daemon/cleanup.h"
#include "daemon/isolation-private.h"
#include "daemon/message.h"

typedef void fill_fn(const struct skybus_host *host, const struct sb_isolation_wants *wants,
		     struct sb_unpacker *in);

static void fill_method(const struct skybus_host *host, const struct sb_isolation_wants *wants,
			struct sb_unpacker *in)
{
	uint32_t method = sb_unpack_u32(in);

	if (wants->request)
		host->request_method(wants->request, method);
}

/* Text that must be there. */
static const char *need_text(struct sb_unpacker *in)
{
	const char *text = sb_unpack_text(in);

	in->bad |= !text;

	return text;
}

static void fill_path(const struct skybus_host *host, const struct sb_isolation_wants *wants,
		      struct sb_unpacker *in)
{
	const char *path = need_text(in);

	if (wants->request && path)
		host->request_path(wants->request, path);
}

static void fill_query(const struct skybus_host *host, const struct sb_isolation_wants *wants,
		       struct sb_unpacker *in)
{
	const char *query = need_text(in);

	if (wants->request && query)
		host->request_query(wants->request, query);
}

static void fill_option(const struct skybus_host *host, const struct sb_isolation_wants *wants,
			struct sb_unpacker *in)
{
	uint32_t number = sb_unpack_u32(in);
	uint32_t len;
	const void *value = sb_unpack_bytes(in, &len);

	if (wants->request)
		host->request_option(wants->request, number, value, len);
}

static void fill_uint(const struct skybus_host *host, const struct sb_isolation_wants *wants,
		      struct sb_unpacker *in)
{
	uint32_t number = sb_unpack_u32(in);
	uint32_t value = sb_unpack_u32(in);

	if (wants->request)
		host->request_uint(wants->request, number, value);
}

static void fill_payload(const struct skybus_host *host, const struct sb_isolation_wants *wants,
			 struct sb_unpacker *in)
{
	uint32_t len;
	const void *data = sb_unpack_bytes(in, &len);

	if (wants->request)
		host->request_payload(wants->request, data, len);
}

/* What did not fit into a packet fits into no request either; nothing is read of it. */
static void fill_too_large(const struct skybus_host *host, const struct sb_isolation_wants *wants,
			   struct sb_unpacker *in)
{
	(void)in;
	if (wants->request)
		host->request_payload(wants->request, "", SB_PAYLOAD_MAX + 1);
	if (wants->response)
		host->response_payload(wants->response, SKYBUS_NO_FORMAT, "", SB_PAYLOAD_MAX + 1);
}

static void fill_note(const struct skybus_host *host, const struct sb_isolation_wants *wants,
		      struct sb_unpacker *in)
{
	uint64_t note = sb_unpack_u64(in);

	if (wants->request)
		host->request_note(wants->request, note);
}

static void fill_code(const struct skybus_host *host, const struct sb_isolation_wants *wants,
		      struct sb_unpacker *in)
{
	uint32_t code = sb_unpack_u32(in);

	if (wants->response)
		host->response_code(wants->response, code);
}

static void fill_body(const struct skybus_host *host, const struct sb_isolation_wants *wants,
		      struct sb_unpacker *in)
{
	uint32_t format = sb_unpack_u32(in);
	uint32_t len;
	const void *data = sb_unpack_bytes(in, &len);

	if (wants->response)
		host->response_payload(wants->response, format, data, len);
}

static void fill_topic(const struct skybus_host *host, const struct sb_isolation_wants *wants,
		       struct sb_unpacker *in)
{
	const char *topic = need_text(in);

	if (wants->response && topic)
		host->response_topic(wants->response, topic);
}

static fill_fn *const fills[SB_FILLS] = {
	[SB_FILL_METHOD] = fill_method,	      [SB_FILL_PATH] = fill_path,
	[SB_FILL_QUERY] = fill_query,	      [SB_FILL_OPTION] = fill_option,
	[SB_FILL_UINT] = fill_uint,	      [SB_FILL_PAYLOAD] = fill_payload,
	[SB_FILL_TOO_LARGE] = fill_too_large, [SB_FILL_NOTE] = fill_note,
	[SB_FILL_CODE] = fill_code,	      [SB_FILL_BODY] = fill_body,
	[SB_FILL_TOPIC] = fill_topic,
};

/**
 * sb_isolation_fill() - do to a request or a response what the plugin did to its own
 * @host: does it
 * @in: what the plugin did, up to SB_FILL_END
 * @wants: the request or response; if it is neither, nothing is done
 *
 * Return: whether that made sense.
 */
bool sb_isolation_fill(const struct skybus_host *host, struct sb_unpacker *in,
		       const struct sb_isolation_wants *wants)
{
	uint32_t what;

	while ((what = sb_unpack_u32(in)) != SB_FILL_END) {
		if (what >= SB_FILLS || !fills[what])
			return false;
		fills[what](host, wants, in);
		if (in->bad)
			return false;
	}

	return !in->bad;
}
