/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin as it was written when 0.1.0 was new, with the header that lies here. It uses most of what the
 * daemon lends, and every later daemon must be able to run it: this file is not to change either.
 *
 * Its cloud is a server on which things can be put. A message is PUT at its topic; that it was comes back
 * as the command "stored". What somebody else puts at /command is observed, and what he posts to the box is
 * served.
 */
#include <errno.h>
#include <skybus/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct early {
	const struct skybus_host *host;
	struct skybus_link *link;
};

static const struct skybus_setting settings[] = {
	{ "host", SKYBUS_HOST, SKYBUS_REQUIRED, NULL, 0, 0, NULL, "the server" },
	{ "port", SKYBUS_PORT, 0, "5683", 0, 0, NULL, "its UDP port" },
	{ "listen", SKYBUS_PORT, SKYBUS_REQUIRED, NULL, 0, 0, NULL, "the box's own" },
	{ "from", SKYBUS_NETWORKS, 0, "127.0.0.0/8", 0, 0, NULL, "who may ask there" },
	{ "url", SKYBUS_TEXT, SKYBUS_REQUIRED, NULL, 0, 0, NULL, "what is fetched before" },
	{ "mode", SKYBUS_CHOICE, 0, "one", 0, 0, "one|two", "a choice" },
	{ "pause", SKYBUS_DURATION, 0, "1s", 0, 60, NULL, "between keepalives" },
	{ "secret", SKYBUS_SECRET, SKYBUS_REQUIRED, NULL, 0, 0, NULL, "a secret" },
};

static int32_t attach(const struct skybus_host *host, struct skybus_link *link, void **ret_state,
		      struct skybus_verdict *why)
{
	struct early *early = calloc(1, sizeof(*early));
	uint32_t len = 0;

	if (!early)
		return -ENOMEM;
	if (!host->setting_secret(link, "secret", &len) || len == 0 ||
	    strcmp(host->setting_text(link, "mode"), "one") != 0) {
		(void)snprintf(why->reason, sizeof(why->reason), "the settings are not as written");
		free(early);
		return -EINVAL;
	}
	early->host = host;
	early->link = link;
	*ret_state = early;

	return 0;
}

static void detach(void *state)
{
	free(state);
}

static void hand_on(struct early *early, const char *topic, const uint8_t *payload, uint32_t len,
		    uint32_t flags)
{
	const struct skybus_command command = {
		.size = sizeof(command),
		.topic = topic,
		.payload = payload,
		.payload_len = len,
		.content_format = SKYBUS_FORMAT_TEXT,
		.flags = flags,
		.context = (const uint8_t *)topic,
		.context_len = (uint32_t)strlen(topic),
		.answer_s = 20,
	};

	(void)early->host->deliver(early->link, &command);
}

/* ---- the login: a fetch, a session, a timer, a request, an observation ---- */

static void on_notified(void *state, void *tag, const struct skybus_reply *reply)
{
	struct early *early = state;

	(void)tag;
	if (reply->observed)
		hand_on(early, "observed", reply->payload, reply->payload_len, 0);
}

static void observe(struct early *early)
{
	struct skybus_request *request = early->host->new_request(early->link);

	if (!request)
		return;
	early->host->request_method(request, SKYBUS_GET);
	early->host->request_path(request, "/command");
	(void)early->host->observe(request, 5000, on_notified, NULL);
}

static void on_stored(void *state, void *tag, int32_t error)
{
	struct early *early = state;
	const struct skybus_terms terms = {
		.size = sizeof(terms),
		.keepalive_s = (uint32_t)early->host->setting_integer(early->link, "pause"),
		.window = 4,
	};
	uint32_t len = 0;

	(void)tag;
	if (error < 0 || !early->host->store_get(early->link, "logins", &len) || len != 1) {
		early->host->failed(early->link, SKYBUS_TRANSIENT, "the disk forgets", 0);
		return;
	}
	early->host->online(early->link, &terms);
	observe(early);
}

static void on_greeted(void *state, void *tag, const struct skybus_reply *reply)
{
	struct early *early = state;

	if (reply->outcome != SKYBUS_ANSWERED || SKYBUS_CODE_CLASS(reply->code) != 2 ||
	    reply->note != 7 || tag != early) {
		early->host->failed(early->link, SKYBUS_TRANSIENT, NULL, 0);
		return;
	}
	if (early->host->store_put(early->link, "logins", "1", 1, on_stored, NULL) < 0)
		early->host->failed(early->link, SKYBUS_TRANSIENT, "nothing can be stored", 0);
}

static void on_timer(void *state, void *tag)
{
	struct early *early = state;
	struct skybus_request *request = early->host->new_request(early->link);

	(void)tag;
	if (!request)
		return;
	early->host->request_method(request, SKYBUS_GET);
	early->host->request_path(request, "/.well-known/core");
	early->host->request_query(request, "rt=nothing");
	early->host->request_uint(request, 17, 40);
	early->host->request_note(request, 7);
	if (early->host->send_request(request, 5000, on_greeted, early) < 0)
		early->host->failed(early->link, SKYBUS_TRANSIENT, "it cannot be sent", 0);
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct early *early = state;
	int64_t never = early->host->timer_start(early->link, 1, on_timer, NULL);

	(void)tag;
	early->host->timer_stop(early->link, never);
	if (outcome < 0)
		early->host->failed(early->link, SKYBUS_TRANSIENT, reason, 0);
	else
		(void)early->host->timer_start(early->link, 1, on_timer, NULL);
}

/* There is nobody where it looks; it only must be told. */
static void on_fetched(void *state, void *tag, const struct skybus_fetched *fetched)
{
	struct early *early = state;
	const struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = early->host->setting_text(early->link, "host"),
		.port = (uint32_t)early->host->setting_integer(early->link, "port"),
	};

	(void)tag;
	if (fetched->status != 0 || fetched->reason[0] == '\0' ||
	    early->host->open_session(early->link, &session, on_opened, NULL) < 0)
		early->host->failed(early->link, SKYBUS_CONFIGURATION, "no session", 0);
}

static void login(void *state)
{
	struct early *early = state;
	const struct skybus_fetch fetch = {
		.size = sizeof(fetch),
		.timeout_ms = 5000,
		.url = early->host->setting_text(early->link, "url"),
		.max_len = 100,
	};
	const struct skybus_listen listen = {
		.size = sizeof(listen),
		.port = (uint32_t)early->host->setting_integer(early->link, "listen"),
		.from = early->host->setting_text(early->link, "from"),
	};

	early->host->log(early->link, SKYBUS_LOG_INFO, "a plugin of 0.1.0 logs in");
	if (early->host->listen(early->link, &listen) < 0 ||
	    early->host->fetch(early->link, &fetch, on_fetched, NULL) < 0)
		early->host->failed(early->link, SKYBUS_CONFIGURATION, "nothing works", 0);
}

/* ---- messages ---- */

static int32_t accept_message(void *state, const struct skybus_message *message,
			      struct skybus_verdict *why)
{
	(void)state;
	if (message->payload_len > 0)
		return 0;
	(void)snprintf(why->reason, sizeof(why->reason), "an empty message: put something in");

	return -EMSGSIZE;
}

static int32_t encode(void *state, const struct skybus_message *message,
		      struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct early *early = state;

	(void)verdict;
	early->host->request_method(request, SKYBUS_PUT);
	early->host->request_path(request, message->topic);
	early->host->request_note(request, message->ticket);

	return 0;
}

static void decide(void *state, const struct skybus_message *message,
		   const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	struct early *early = state;

	if (SKYBUS_CODE_CLASS(reply->code) != 2) {
		verdict->kind = SKYBUS_REJECTED;
		(void)snprintf(verdict->reason, sizeof(verdict->reason), "it answers %u.%02u",
			       SKYBUS_CODE_CLASS(reply->code), reply->code & 31);
		return;
	}
	verdict->kind = SKYBUS_DELIVERED;
	if (message && reply->note == message->ticket)
		hand_on(early, "stored", message->payload, message->payload_len, 0);
}

static int32_t keepalive(void *state, struct skybus_request *request)
{
	struct early *early = state;

	early->host->request_method(request, SKYBUS_GET);
	early->host->request_path(request, "/time");

	return 0;
}

/* ---- what the box is asked ---- */

static void serve(void *state, const struct skybus_incoming *incoming,
		  struct skybus_response *response)
{
	struct early *early = state;

	hand_on(early, "served", incoming->payload, incoming->payload_len, SKYBUS_ANSWERABLE);
	early->host->response_code(response, SKYBUS_CODE(2, 4));
	early->host->response_payload(response, SKYBUS_FORMAT_TEXT, incoming->path,
				      (uint32_t)strlen(incoming->path));
}

static int32_t answer(void *state, const struct skybus_answer *answer,
		      struct skybus_response *response, struct skybus_verdict *why)
{
	struct early *early = state;

	(void)why;
	early->host->response_payload(response, SKYBUS_FORMAT_TEXT, answer->payload,
				      answer->payload_len);

	return 0;
}

static const char *device(void *state)
{
	(void)state;

	return "early-1";
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(struct skybus_plugin),
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.name = "early",
	.version = "0.1.0",
	.summary = "a plugin of 0.1.0",
	.settings = settings,
	.attach = attach,
	.detach = detach,
	.login = login,
	.encode = encode,
	.decide = decide,
	.accept = accept_message,
	.keepalive = keepalive,
	.serve = serve,
	.answer = answer,
	.device = device,
};
