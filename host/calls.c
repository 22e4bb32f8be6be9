/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of the daemon, made to the plugin one at a time. What comes is from the daemon, which is trusted; what does
 * not make sense ends the process all the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"

/** What a call returns to the daemon. */
struct outcome {
	int32_t result;
	struct skybus_verdict verdict;
	struct skybus_request request;
	struct skybus_response response;
	bool may_rename; /* what device() says may be another by now */
};

typedef void call_fn(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome);

/* Nothing of a packet that is cut off goes to the plugin. */
static void check(const struct sb_unpacker *in)
{
	if (!sb_unpack_ended(in))
		_exit(EXIT_FAILURE);
}

/* ---- coming and going ---- */

static void call_attach(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	check(in);
	outcome->result = link->plugin->attach(&host, link, &link->state, &outcome->verdict);
	link->attached = outcome->result >= 0;
	outcome->may_rename = true;
}

static void call_detach(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	(void)outcome;
	check(in);
	if (link->attached)
		link->plugin->detach(link->state);
	settings_wipe(link);
	(void)sb_packet_free(link->stored);
	sb_packer_done(&link->out);
	_exit(EXIT_SUCCESS);
}

/* What the login before has asked for is over, but for timers and writes. */
static void call_login(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	check(in);
	awaited_forget(link, SB_CALL_REPLIED);
	awaited_forget(link, SB_CALL_OBSERVED);
	awaited_forget(link, SB_CALL_FETCHED);
	link->plugin->login(link->state);
	outcome->may_rename = true;
}

/* ---- messages ---- */

static void call_encode(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	struct skybus_message message;

	sb_unpack_message(in, &message);
	check(in);
	outcome->verdict.kind = SKYBUS_REJECTED;
	outcome->result =
		link->plugin->encode(link->state, &message, &outcome->request, &outcome->verdict);
}

/* The caller's. */
static struct skybus_message *unpack_messages(struct sb_unpacker *in, uint32_t *ret_n)
{
	uint32_t n = sb_unpack_u32(in);
	struct skybus_message *messages;

	if (n > in->len)
		_exit(EXIT_FAILURE);
	messages = calloc(n > 0 ? n : 1, sizeof(*messages));
	if (!messages)
		_exit(EXIT_FAILURE);
	for (uint32_t i = 0; i < n; i++)
		sb_unpack_message(in, &messages[i]);
	check(in);
	*ret_n = n;

	return messages;
}

static void call_encode_batch(struct skybus_link *link, struct sb_unpacker *in,
			      struct outcome *outcome)
{
	uint32_t n;
	struct skybus_message *messages = unpack_messages(in, &n);

	outcome->verdict.kind = SKYBUS_REJECTED;
	outcome->result = link->plugin->encode_batch(link->state, messages, n, &outcome->request,
						     &outcome->verdict);
	free(messages);
}

static void call_gather(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	uint32_t n;
	struct skybus_message *messages = unpack_messages(in, &n);

	outcome->result = (int32_t)link->plugin->gather(link->state, messages, n);
	free(messages);
}

static void call_decide(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	struct skybus_message message;
	struct skybus_reply reply;
	struct skybus_option *options;
	bool has_message = sb_unpack_u32(in) != 0;

	if (has_message)
		sb_unpack_message(in, &message);
	options = sb_unpack_reply(in, &reply);
	check(in);
	outcome->verdict.kind = SKYBUS_RETRY;
	link->plugin->decide(link->state, has_message ? &message : NULL, &reply, &outcome->verdict);
	free(options);
}

static void call_accept(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	struct skybus_message message;

	sb_unpack_message(in, &message);
	check(in);
	outcome->result = link->plugin->accept(link->state, &message, &outcome->verdict);
}

static void call_keepalive(struct skybus_link *link, struct sb_unpacker *in,
			   struct outcome *outcome)
{
	check(in);
	outcome->result = link->plugin->keepalive(link->state, &outcome->request);
}

/* ---- commands ---- */

static void call_serve(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	struct skybus_incoming incoming;

	sb_unpack_incoming(in, &incoming);
	check(in);
	link->plugin->serve(link->state, &incoming, &outcome->response);
}

static void call_answer(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	struct skybus_answer answer;

	sb_unpack_answer(in, &answer);
	check(in);
	outcome->result =
		link->plugin->answer(link->state, &answer, &outcome->response, &outcome->verdict);
}

/* ---- completions ---- */

static void call_opened(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	uint32_t number = sb_unpack_u32(in);
	int32_t result = (int32_t)sb_unpack_u32(in);
	const char *reason = sb_unpack_text(in);
	skybus_opened_fn *done;
	void *tag;

	check(in);
	done = (skybus_opened_fn *)awaited_take(link, SB_CALL_OPENED, number, &tag);
	if (done)
		done(link->state, tag, result, reason);
	outcome->may_rename = true;
}

static void call_replied(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	uint32_t number = sb_unpack_u32(in);
	struct skybus_reply reply;
	struct skybus_option *options = sb_unpack_reply(in, &reply);
	skybus_replied_fn *done;
	void *tag;

	check(in);
	done = (skybus_replied_fn *)awaited_take(link, SB_CALL_REPLIED, number, &tag);
	if (done)
		done(link->state, tag, &reply);
	free(options);
	outcome->may_rename = true;
}

static void call_observed(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	uint32_t number = sb_unpack_u32(in);
	struct skybus_reply reply;
	struct skybus_option *options = sb_unpack_reply(in, &reply);
	skybus_replied_fn *notified;
	void *tag = NULL;

	check(in);
	notified = (skybus_replied_fn *)(reply.observed ? awaited_look : awaited_take)(
		link, SB_CALL_OBSERVED, number, &tag);
	if (notified)
		notified(link->state, tag, &reply);
	free(options);
	outcome->may_rename = true;
}

static void call_fetched(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	uint32_t number = sb_unpack_u32(in);
	struct skybus_fetched fetched;
	skybus_fetched_fn *done;
	void *tag;

	sb_unpack_fetched(in, &fetched);
	check(in);
	done = (skybus_fetched_fn *)awaited_take(link, SB_CALL_FETCHED, number, &tag);
	if (done)
		done(link->state, tag, &fetched);
	outcome->may_rename = true;
}

static void call_timer(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	uint32_t number = sb_unpack_u32(in);
	skybus_timer_fn *done;
	void *tag;

	check(in);
	done = (skybus_timer_fn *)awaited_take(link, SB_CALL_TIMER, number, &tag);
	if (done)
		done(link->state, tag);
	outcome->may_rename = true;
}

static void call_stored(struct skybus_link *link, struct sb_unpacker *in, struct outcome *outcome)
{
	uint32_t number = sb_unpack_u32(in);
	int32_t error = (int32_t)sb_unpack_u32(in);
	skybus_stored_fn *done;
	void *tag;

	check(in);
	done = (skybus_stored_fn *)awaited_take(link, SB_CALL_STORED, number, &tag);
	if (done)
		done(link->state, tag, error);
	outcome->may_rename = true;
}

/* ---- all of them ---- */

static call_fn *const calls[SB_PACKET_KINDS] = {
	[SB_CALL_ATTACH] = call_attach,
	[SB_CALL_DETACH] = call_detach,
	[SB_CALL_LOGIN] = call_login,
	[SB_CALL_ENCODE] = call_encode,
	[SB_CALL_DECIDE] = call_decide,
	[SB_CALL_ACCEPT] = call_accept,
	[SB_CALL_KEEPALIVE] = call_keepalive,
	[SB_CALL_SERVE] = call_serve,
	[SB_CALL_ANSWER] = call_answer,
	[SB_CALL_GATHER] = call_gather,
	[SB_CALL_ENCODE_BATCH] = call_encode_batch,
	[SB_CALL_OPENED] = call_opened,
	[SB_CALL_REPLIED] = call_replied,
	[SB_CALL_FETCHED] = call_fetched,
	[SB_CALL_TIMER] = call_timer,
	[SB_CALL_STORED] = call_stored,
	[SB_CALL_OBSERVED] = call_observed,
};

/* Told when it is another one: to be asked for it would cost a call. NULL when it is still the same. */
static const char *new_device(struct skybus_link *link)
{
	const struct skybus_plugin *plugin = link->plugin;
	const char *device = NULL;

	if (link->attached && SKYBUS_HAS(plugin, device) && plugin->device)
		device = plugin->device(link->state);
	if (!device || strncmp(device, link->device, sizeof(link->device) - 1) == 0)
		return NULL;
	(void)snprintf(link->device, sizeof(link->device), "%s", device);

	return link->device;
}

static bool fills_response(uint32_t kind)
{
	return kind == SB_CALL_SERVE || kind == SB_CALL_ANSWER;
}

/**
 * make_call() - make a call of the daemon to the plugin, and return from it
 * @link: the link
 * @packet: lends what is in the call
 */
void make_call(struct skybus_link *link, struct sb_packet *packet)
{
	struct sb_unpacker in = sb_packet_unpack(packet);
	uint32_t kind = sb_unpack_u32(&in);
	struct outcome outcome = { .verdict.size = sizeof(outcome.verdict) };
	const char *device;
	struct sb_packer *out;

	if (kind >= SB_PACKET_KINDS || !calls[kind])
		_exit(EXIT_FAILURE);
	outcome.request.link = link;
	/* Where attach() has failed, nothing more is called. */
	if (kind == SB_CALL_ATTACH || kind == SB_CALL_DETACH || link->attached)
		calls[kind](link, &in, &outcome);
	device = outcome.may_rename ? new_device(link) : NULL;
	out = packet_begin(link, SB_PACKET_RETURN);
	sb_pack_u32(out, kind);
	sb_pack_u32(out, (uint32_t)outcome.result);
	sb_pack_verdict(out, &outcome.verdict);
	sb_pack_text(out, device);
	filled_pack(fills_response(kind) ? &outcome.response.filled : &outcome.request.filled, out);
	packet_send(link);
	filled_done(&outcome.request.filled);
	filled_done(&outcome.response.filled);
}
