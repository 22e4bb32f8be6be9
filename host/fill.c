/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin does to requests and responses is written down, and goes to the daemon at the end, which does it again.
 * So it is checked there, and remembered there if it fails.
 */
#include "daemon/message.h"
#include "host/host.h"

/* More steps than that make no request. */
#define STEPS_MAX (64 * 1024)

/**
 * filled_done() - forget what was done
 * @filled: zeroed, or in use
 */
void filled_done(struct filled *filled)
{
	sb_packer_done(&filled->steps);
	sb_packer_done(&filled->payload);
}

/**
 * filled_pack() - put all that was done into a packet
 * @filled: zeroed, or in use; may be NULL
 * @out: the packet
 */
void filled_pack(const struct filled *filled, struct sb_packer *out)
{
	if (filled &&
	    (filled->steps.failed || filled->payload.failed || filled->steps.len > STEPS_MAX)) {
		sb_pack_u32(out, SB_FILL_TOO_LARGE);
	} else if (filled) {
		sb_pack_all(out, &filled->steps);
		sb_pack_all(out, &filled->payload);
	}
	sb_pack_u32(out, SB_FILL_END);
}

static struct sb_packer *step(struct filled *filled, enum sb_fill what)
{
	sb_pack_u32(&filled->steps, what);

	return &filled->steps;
}

/* NULL when it is too large for anything. */
static struct sb_packer *begin_payload(struct filled *filled, enum sb_fill what, uint32_t len)
{
	sb_packer_reset(&filled->payload);
	sb_pack_u32(&filled->payload, len > SB_PAYLOAD_MAX ? SB_FILL_TOO_LARGE : what);

	return len > SB_PAYLOAD_MAX ? NULL : &filled->payload;
}

void fill_request_method(struct skybus_request *request, uint32_t method)
{
	sb_pack_u32(step(&request->filled, SB_FILL_METHOD), method);
}

void fill_request_path(struct skybus_request *request, const char *path)
{
	sb_pack_text(step(&request->filled, SB_FILL_PATH), path);
}

void fill_request_query(struct skybus_request *request, const char *query)
{
	sb_pack_text(step(&request->filled, SB_FILL_QUERY), query);
}

void fill_request_option(struct skybus_request *request, uint32_t number, const void *value,
			 uint32_t len)
{
	struct sb_packer *out = step(&request->filled, SB_FILL_OPTION);

	sb_pack_u32(out, number);
	sb_pack_bytes(out, value, len);
}

void fill_request_uint(struct skybus_request *request, uint32_t number, uint32_t value)
{
	struct sb_packer *out = step(&request->filled, SB_FILL_UINT);

	sb_pack_u32(out, number);
	sb_pack_u32(out, value);
}

void fill_request_payload(struct skybus_request *request, const void *data, uint32_t len)
{
	struct sb_packer *out = begin_payload(&request->filled, SB_FILL_PAYLOAD, len);

	if (out)
		sb_pack_bytes(out, data, len);
}

void fill_request_note(struct skybus_request *request, uint64_t note)
{
	sb_pack_u64(step(&request->filled, SB_FILL_NOTE), note);
}

void fill_response_code(struct skybus_response *response, uint32_t code)
{
	sb_pack_u32(step(&response->filled, SB_FILL_CODE), code);
}

void fill_response_payload(struct skybus_response *response, uint32_t content_format,
			   const void *data, uint32_t len)
{
	struct sb_packer *out = begin_payload(&response->filled, SB_FILL_BODY, len);

	if (!out)
		return;
	sb_pack_u32(out, content_format);
	sb_pack_bytes(out, data, len);
}

void fill_response_topic(struct skybus_response *response, const char *topic)
{
	sb_pack_text(step(&response->filled, SB_FILL_TOPIC), topic);
}
