/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/isolation-private.h"
#include "daemon/log.h"
#include "daemon/response.h"

/* Of what is given to gather(): a request has no room for more, and so the rest of a packet has it. */
#define GATHERED_MAX (2 * SB_PAYLOAD_MAX)

#define BUSY "the plugin's process has not answered in time"

/* What is not known is later, and so the message stays. */
static void say_later(struct skybus_verdict *verdict)
{
	verdict->kind = SKYBUS_RETRY;
	verdict->retry_after_ms = 0;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", BUSY);
}

/* ---- coming and going ---- */

static void pack_attach(struct sb_isolation *isolation)
{
	(void)sb_isolation_begin(isolation, SB_CALL_ATTACH);
}

static struct sb_isolation *isolation_free(struct sb_isolation *isolation)
{
	if (!isolation)
		return NULL;

	sb_isolation_end(isolation);
	free(isolation);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_isolation *, isolation_free)

/* It ends by itself then, and sooner than it would have to be ended. */
static void have_it_end(struct sb_isolation *isolation)
{
	if (isolation->stalled)
		return;
	(void)sb_isolation_begin(isolation, SB_CALL_DETACH);
	(void)sb_isolation_send(isolation);
}

/*
 * A process that cannot be made, or does not come back, is not the settings' fault: the login will have it, and waits
 * and tries again as for everything else.
 */
static int32_t proxy_attach(const struct skybus_host *host, struct skybus_link *link,
			    void **ret_state, struct skybus_verdict *why)
{
	SB_CLEANUP(isolation_free) struct sb_isolation *isolation = calloc(1, sizeof(*isolation));
	struct sb_isolation_wants wants = { .verdict = why };

	if (!isolation)
		return -ENOMEM;
	isolation->host = host;
	sb_isolation_init(isolation, (struct sb_link *)link);
	if (sb_isolation_start(isolation) == 0) {
		pack_attach(isolation);
		if (sb_isolation_ask(isolation, SB_CALL_ATTACH, &wants, SB_ISOLATION_ATTACH_MS) &&
		    wants.result < 0) {
			have_it_end(isolation);
			return wants.result;
		}
	}
	*ret_state = SB_STEAL(isolation);

	return 0;
}

static void proxy_detach(void *state)
{
	struct sb_isolation *isolation = state;

	have_it_end(isolation);
	(void)isolation_free(isolation);
}

/* It is not waited for: to be loaded takes a plugin longer than any call. */
static bool start_anew(struct sb_isolation *isolation)
{
	if (sb_isolation_start(isolation) < 0)
		return false;
	pack_attach(isolation);
	sb_isolation_tell_later(isolation, SB_CALL_ATTACH);

	return true;
}

static void proxy_login(void *state)
{
	struct sb_isolation *isolation = state;
	char why[SB_LINK_REASON_MAX];

	if (isolation->process.fd < 0 && !start_anew(isolation)) {
		memcpy(why, isolation->why, sizeof(why));
		isolation->why[0] = '\0';
		isolation->host->failed((struct skybus_link *)isolation->link, SKYBUS_TRANSIENT,
					why, 0);
		return;
	}
	(void)sb_isolation_begin(isolation, SB_CALL_LOGIN);
	sb_isolation_tell(isolation, SB_CALL_LOGIN);
}

/* ---- messages ---- */

static int32_t proxy_encode(void *state, const struct skybus_message *message,
			    struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct sb_isolation_wants wants = { .verdict = verdict, .request = request };

	sb_pack_message(sb_isolation_begin(state, SB_CALL_ENCODE), message);
	if (sb_isolation_ask(state, SB_CALL_ENCODE, &wants, SB_ISOLATION_PATIENCE_MS))
		return wants.result;
	say_later(verdict);

	return -EAGAIN;
}

static void pack_messages(struct sb_packer *out, const struct skybus_message *messages, uint32_t n)
{
	sb_pack_u32(out, n);
	for (uint32_t i = 0; i < n; i++)
		sb_pack_message(out, &messages[i]);
}

static int32_t proxy_encode_batch(void *state, const struct skybus_message *messages, uint32_t n,
				  struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct sb_isolation_wants wants = { .verdict = verdict, .request = request };

	pack_messages(sb_isolation_begin(state, SB_CALL_ENCODE_BATCH), messages, n);
	if (sb_isolation_ask(state, SB_CALL_ENCODE_BATCH, &wants, SB_ISOLATION_PATIENCE_MS))
		return wants.result;
	say_later(verdict);

	return -EAGAIN;
}

static uint32_t proxy_gather(void *state, const struct skybus_message *messages, uint32_t n)
{
	struct sb_isolation_wants wants = { 0 };
	size_t bytes = 0;
	uint32_t offered = 0;

	while (offered < n && bytes + messages[offered].payload_len <= GATHERED_MAX)
		bytes += messages[offered++].payload_len;
	pack_messages(sb_isolation_begin(state, SB_CALL_GATHER), messages, offered);
	if (sb_isolation_ask(state, SB_CALL_GATHER, &wants, SB_ISOLATION_PATIENCE_MS))
		return (uint32_t)wants.result;

	return 0;
}

static void proxy_decide(void *state, const struct skybus_message *message,
			 const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	struct sb_isolation_wants wants = { .verdict = verdict };
	struct sb_packer *out = sb_isolation_begin(state, SB_CALL_DECIDE);

	sb_pack_u32(out, message != NULL);
	if (message)
		sb_pack_message(out, message);
	sb_pack_reply(out, reply);
	if (!sb_isolation_ask(state, SB_CALL_DECIDE, &wants, SB_ISOLATION_PATIENCE_MS))
		say_later(verdict);
}

static int32_t proxy_accept(void *state, const struct skybus_message *message,
			    struct skybus_verdict *why)
{
	struct sb_isolation_wants wants = { .verdict = why };

	sb_pack_message(sb_isolation_begin(state, SB_CALL_ACCEPT), message);
	if (sb_isolation_ask(state, SB_CALL_ACCEPT, &wants, SB_ISOLATION_PATIENCE_MS))
		return wants.result;

	return 0;
}

static int32_t proxy_keepalive(void *state, struct skybus_request *request)
{
	struct sb_isolation_wants wants = { .request = request };

	(void)sb_isolation_begin(state, SB_CALL_KEEPALIVE);
	if (sb_isolation_ask(state, SB_CALL_KEEPALIVE, &wants, SB_ISOLATION_PATIENCE_MS))
		return wants.result;

	return -EAGAIN;
}

/* ---- commands ---- */

static void proxy_serve(void *state, const struct skybus_incoming *incoming,
			struct skybus_response *response)
{
	struct sb_isolation *isolation = state;
	struct sb_isolation_wants wants = { .response = response };

	sb_pack_incoming(sb_isolation_begin(isolation, SB_CALL_SERVE), incoming);
	if (sb_isolation_ask(isolation, SB_CALL_SERVE, &wants, SB_ISOLATION_PATIENCE_MS))
		return;
	isolation->host->response_code(response, SKYBUS_CODE(5, 3));
	isolation->host->response_payload(response, SKYBUS_NO_FORMAT, NULL, 0);
}

static int32_t proxy_answer(void *state, const struct skybus_answer *answer,
			    struct skybus_response *response, struct skybus_verdict *why)
{
	struct sb_isolation_wants wants = { .verdict = why, .response = response };

	sb_pack_answer(sb_isolation_begin(state, SB_CALL_ANSWER), answer);
	if (sb_isolation_ask(state, SB_CALL_ANSWER, &wants, SB_ISOLATION_PATIENCE_MS))
		return wants.result;
	(void)snprintf(why->reason, sizeof(why->reason), BUSY ": answer again in a while");

	return -EBUSY;
}

static const char *proxy_device(void *state)
{
	const struct sb_isolation *isolation = state;

	return isolation->device;
}

/**
 * sb_isolation_proxy() - a descriptor that has a process do everything
 * @plugin: has passed the loader's checks
 * @ret: the descriptor; has the optional calls that @plugin has, and lends its text from it
 */
void sb_isolation_proxy(const struct skybus_plugin *plugin, struct skybus_plugin *ret)
{
#define HAS(call) (SKYBUS_HAS(plugin, call) && plugin->call ? proxy_##call : NULL)
	*ret = (struct skybus_plugin){
		.size = sizeof(*ret),
		.n_settings = plugin->n_settings,
		.name = plugin->name,
		.version = plugin->version,
		.summary = plugin->summary,
		.settings = plugin->settings,
		.attach = proxy_attach,
		.detach = proxy_detach,
		.login = proxy_login,
		.encode = proxy_encode,
		.decide = proxy_decide,
		.accept = HAS(accept),
		.keepalive = HAS(keepalive),
		.serve = HAS(serve),
		.answer = HAS(answer),
		.device = HAS(device),
		.gather = HAS(gather),
		.encode_batch = HAS(encode_batch),
	};
#undef HAS
	_Static_assert(offsetof(struct skybus_plugin, encode_batch) + sizeof(ret->encode_batch) ==
			       sizeof(*ret),
		       "a call is not carried");
	_Static_assert(offsetof(struct skybus_host, observe_stop) +
				       sizeof(((struct skybus_host *)0)->observe_stop) ==
			       sizeof(struct skybus_host),
		       "a call to the daemon is not carried");
}
