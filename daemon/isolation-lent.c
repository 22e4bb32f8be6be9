/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin's process asks for: struct skybus_host on the daemon's side. What comes from there is checked for its
 * form here, and for its sense where it is from any plugin.
 */
#include <errno.h>
#include <string.h>

#include "daemon/isolation-private.h"

/*
 * Requests of its own that one process may have on their way, and what it may have on its way to disk. A plugin that is
 * called directly is trusted there.
 */
#define REQUESTS_MAX 64
#define WRITES_MAX 64

/**
 * sb_isolation_clean() - text for people that may go into a log
 * @text: control characters become question marks
 */
void sb_isolation_clean(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

/* Text that must be there. */
static const char *need_text(struct sb_unpacker *in)
{
	const char *text = sb_unpack_text(in);

	in->bad |= !text;

	return text;
}

/* ---- completions of what it has asked for; the tag is a number of its own ---- */

static void *tag_of(uint32_t number)
{
	return (void *)(uintptr_t)number;
}

static void pack_tag(struct sb_packer *out, const void *tag)
{
	sb_pack_u32(out, (uint32_t)(uintptr_t)tag);
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct sb_packer *out = sb_isolation_begin(state, SB_CALL_OPENED);

	pack_tag(out, tag);
	sb_pack_u32(out, (uint32_t)outcome);
	sb_pack_text(out, reason);
	sb_isolation_tell(state, SB_CALL_OPENED);
}

static void on_replied(void *state, void *tag, const struct skybus_reply *reply)
{
	struct sb_packer *out = sb_isolation_begin(state, SB_CALL_REPLIED);
	struct skybus_reply room;

	pack_tag(out, tag);
	sb_pack_reply(out, sb_reply_within(reply, &room));
	sb_isolation_tell(state, SB_CALL_REPLIED);
}

static void on_observed(void *state, void *tag, const struct skybus_reply *reply)
{
	struct sb_packer *out = sb_isolation_begin(state, SB_CALL_OBSERVED);
	struct skybus_reply room;

	pack_tag(out, tag);
	sb_pack_reply(out, sb_reply_within(reply, &room));
	sb_isolation_tell(state, SB_CALL_OBSERVED);
}

static void on_fetched(void *state, void *tag, const struct skybus_fetched *fetched)
{
	struct sb_packer *out = sb_isolation_begin(state, SB_CALL_FETCHED);

	pack_tag(out, tag);
	sb_pack_fetched(out, fetched);
	sb_isolation_tell(state, SB_CALL_FETCHED);
}

static void on_timer(void *state, void *tag)
{
	pack_tag(sb_isolation_begin(state, SB_CALL_TIMER), tag);
	sb_isolation_tell(state, SB_CALL_TIMER);
}

static void on_stored(void *state, void *tag, int32_t error)
{
	struct sb_packer *out = sb_isolation_begin(state, SB_CALL_STORED);

	pack_tag(out, tag);
	sb_pack_u32(out, (uint32_t)error);
	sb_isolation_tell(state, SB_CALL_STORED);
}

/* ---- what it asks for: each takes all that is in the packet before it does anything ---- */

typedef bool lend_fn(struct sb_isolation *isolation, struct sb_unpacker *in);

static struct skybus_link *handle_of(const struct sb_isolation *isolation)
{
	return (struct skybus_link *)isolation->link;
}

static void answer(struct sb_isolation *isolation, int64_t result)
{
	sb_pack_u64(sb_isolation_begin(isolation, SB_PACKET_ANSWERED), (uint64_t)result);
	(void)sb_isolation_send(isolation);
}

static void pack_lent(struct sb_packer *out, const uint8_t *data, uint32_t len)
{
	sb_pack_u32(out, data != NULL);
	sb_pack_bytes(out, data, data ? len : 0);
}

static bool lend_setting(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	const struct skybus_host *host = isolation->host;
	struct skybus_link *link = handle_of(isolation);
	const char *key = need_text(in);
	const uint8_t *secret;
	struct sb_packer *out;
	uint32_t len;

	if (!sb_unpack_ended(in))
		return false;
	out = sb_isolation_begin(isolation, SB_PACKET_ANSWERED);
	sb_pack_u64(out, (uint64_t)host->setting_integer(link, key));
	sb_pack_text(out, host->setting_text(link, key));
	secret = host->setting_secret(link, key, &len);
	pack_lent(out, secret, len);
	(void)sb_isolation_send(isolation);

	return true;
}

static bool lend_log(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	uint32_t level = sb_unpack_u32(in);
	char *text = sb_unpack_text(in);

	if (!text || !sb_unpack_ended(in))
		return false;
	sb_isolation_clean(text);
	isolation->host->log(handle_of(isolation), level, text);

	return true;
}

static bool lend_open_session(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	struct skybus_session session;
	uint32_t tag = sb_unpack_u32(in);

	sb_unpack_session(in, &session);
	if (!sb_unpack_ended(in))
		return false;
	answer(isolation, isolation->host->open_session(handle_of(isolation), &session, on_opened,
							tag_of(tag)));

	return true;
}

/* What is sent once, or observed. */
static bool lend_request(struct sb_isolation *isolation, struct sb_unpacker *in, bool observe)
{
	const struct skybus_host *host = isolation->host;
	uint32_t tag = sb_unpack_u32(in);
	uint32_t timeout_ms = sb_unpack_u32(in);
	struct sb_isolation_wants wants = { .request = host->new_request(handle_of(isolation)) };
	int64_t r = -ENOMEM;

	if (!sb_isolation_fill(host, in, &wants) || !sb_unpack_ended(in)) {
		host->free_request(wants.request);
		return false;
	}
	if (wants.request && isolation->link->lent.n_requests >= REQUESTS_MAX) {
		host->free_request(wants.request);
		r = -ENOSPC;
	} else if (wants.request && observe) {
		r = host->observe(wants.request, timeout_ms, tag ? on_observed : NULL, tag_of(tag));
	} else if (wants.request) {
		r = host->send_request(wants.request, timeout_ms, tag ? on_replied : NULL,
				       tag_of(tag));
	}
	answer(isolation, r);

	return true;
}

static bool lend_send_request(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	return lend_request(isolation, in, false);
}

static bool lend_observe(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	return lend_request(isolation, in, true);
}

static bool lend_observe_stop(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	uint64_t handle = sb_unpack_u64(in);

	if (!sb_unpack_ended(in))
		return false;
	isolation->host->observe_stop(handle_of(isolation), (int64_t)handle);

	return true;
}

static bool lend_fetch(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	struct skybus_fetch fetch;
	uint32_t tag = sb_unpack_u32(in);

	sb_unpack_fetch(in, &fetch);
	if (!sb_unpack_ended(in))
		return false;
	if (fetch.max_len > SB_PACKET_BODY_MAX)
		fetch.max_len = SB_PACKET_BODY_MAX;
	answer(isolation,
	       isolation->host->fetch(handle_of(isolation), &fetch, on_fetched, tag_of(tag)));

	return true;
}

static bool lend_listen(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	struct skybus_listen listen;

	sb_unpack_listen(in, &listen);
	if (!sb_unpack_ended(in))
		return false;
	answer(isolation, isolation->host->listen(handle_of(isolation), &listen));

	return true;
}

static bool lend_timer_start(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	uint32_t tag = sb_unpack_u32(in);
	uint32_t ms = sb_unpack_u32(in);

	if (!sb_unpack_ended(in))
		return false;
	answer(isolation,
	       isolation->host->timer_start(handle_of(isolation), ms, on_timer, tag_of(tag)));

	return true;
}

static bool lend_timer_stop(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	uint64_t handle = sb_unpack_u64(in);

	if (!sb_unpack_ended(in))
		return false;
	isolation->host->timer_stop(handle_of(isolation), (int64_t)handle);

	return true;
}

static bool lend_online(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	struct skybus_terms terms;

	sb_unpack_terms(in, &terms);
	if (!sb_unpack_ended(in))
		return false;
	isolation->host->online(handle_of(isolation), &terms);

	return true;
}

static bool lend_failed(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	uint32_t kind = sb_unpack_u32(in);
	char *reason = sb_unpack_text(in);
	uint32_t wait_s = sb_unpack_u32(in);

	if (!sb_unpack_ended(in))
		return false;
	if (reason)
		sb_isolation_clean(reason);
	isolation->host->failed(handle_of(isolation), kind, reason, wait_s);

	return true;
}

/* The cloud has been told to come again if serve() took too long. */
static bool is_late_to_serve(const struct sb_isolation *isolation)
{
	const struct sb_isolated_call *call = TAILQ_FIRST(&isolation->calls);

	return call->kind == SB_CALL_SERVE && !call->wants;
}

static bool lend_deliver(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	struct skybus_command command;

	sb_unpack_command(in, &command);
	if (!sb_unpack_ended(in))
		return false;
	answer(isolation, is_late_to_serve(isolation)
				  ? -ETIMEDOUT
				  : isolation->host->deliver(handle_of(isolation), &command));

	return true;
}

static bool lend_store_get(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	const char *key = need_text(in);
	const uint8_t *data;
	uint32_t len;

	if (!sb_unpack_ended(in))
		return false;
	data = isolation->host->store_get(handle_of(isolation), key, &len);
	pack_lent(sb_isolation_begin(isolation, SB_PACKET_ANSWERED), data, len);
	(void)sb_isolation_send(isolation);

	return true;
}

static bool may_write(const struct sb_isolation *isolation)
{
	return isolation->link->lent.n_writes < WRITES_MAX;
}

static bool lend_store_put(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	uint32_t tag = sb_unpack_u32(in);
	const char *key = need_text(in);
	uint32_t len;
	const uint8_t *data = sb_unpack_bytes(in, &len);

	if (!sb_unpack_ended(in))
		return false;
	answer(isolation, may_write(isolation)
				  ? isolation->host->store_put(handle_of(isolation), key, data, len,
							       tag ? on_stored : NULL, tag_of(tag))
				  : -ENOSPC);

	return true;
}

static bool lend_store_remove(struct sb_isolation *isolation, struct sb_unpacker *in)
{
	uint32_t tag = sb_unpack_u32(in);
	const char *key = need_text(in);

	if (!sb_unpack_ended(in))
		return false;
	answer(isolation,
	       may_write(isolation)
		       ? isolation->host->store_remove(handle_of(isolation), key,
						       tag ? on_stored : NULL, tag_of(tag))
		       : -ENOSPC);

	return true;
}

static const struct {
	lend_fn *lend;
	bool answered;
} lends[SB_PACKET_KINDS] = {
	[SB_ASK_SETTING] = { lend_setting, true },
	[SB_ASK_LOG] = { lend_log, false },
	[SB_ASK_OPEN_SESSION] = { lend_open_session, true },
	[SB_ASK_SEND_REQUEST] = { lend_send_request, true },
	[SB_ASK_FETCH] = { lend_fetch, true },
	[SB_ASK_LISTEN] = { lend_listen, true },
	[SB_ASK_TIMER_START] = { lend_timer_start, true },
	[SB_ASK_TIMER_STOP] = { lend_timer_stop, false },
	[SB_ASK_ONLINE] = { lend_online, false },
	[SB_ASK_FAILED] = { lend_failed, false },
	[SB_ASK_DELIVER] = { lend_deliver, true },
	[SB_ASK_STORE_GET] = { lend_store_get, true },
	[SB_ASK_STORE_PUT] = { lend_store_put, true },
	[SB_ASK_STORE_REMOVE] = { lend_store_remove, true },
	[SB_ASK_OBSERVE] = { lend_observe, true },
	[SB_ASK_OBSERVE_STOP] = { lend_observe_stop, false },
};

/**
 * sb_isolation_lend() - do what the process asks for, and answer it
 * @isolation: of a link; the process is in a call
 * @kind: of packet, SB_ASK_…
 * @in: what is in it
 *
 * Return: whether that made sense; otherwise nothing was done.
 */
bool sb_isolation_lend(struct sb_isolation *isolation, enum sb_packet_kind kind,
		       struct sb_unpacker *in)
{
	bool good;

	isolation->lending = lends[kind].answered;
	good = lends[kind].lend(isolation, in);
	isolation->lending = false;

	return good;
}
