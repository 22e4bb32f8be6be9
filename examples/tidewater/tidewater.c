/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tidewater, a cloud that does not exist, as a plugin for skybusd that does all that a small one has to:
 *
 *   POST /login?key=KEY        2.05 "TOKEN SECONDS", or 4.01
 *   POST /up/TOPIC?token=TOKEN 2.04; 4.01 when the token has ended, 5.03 when it has too much to do
 *   GET /commands?token=TOKEN  2.05 "NUMBER TOPIC TEXT" if a command waits, else 2.04
 *   POST /up/answers/NUMBER    what became of a command
 *
 * cloud.yaml beside it is that cloud, for skybus-sim and for skybus-plugin-check.
 */
#include <errno.h>
#include <skybus/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 64
#define COMMAND_MAX 1024

/** struct tidewater - one link; @token is "" while there is none */
struct tidewater {
	const struct skybus_host *host;
	struct skybus_link *link;
	char token[TOKEN_MAX + 1];
};

static const struct skybus_setting settings[] = {
	{ "host", SKYBUS_HOST, 0, "coap.tidewater.example", 0, 0, NULL, "The server." },
	{ "port", SKYBUS_PORT, 0, "5683", 0, 0, NULL, "Its UDP port." },
	{ "key", SKYBUS_SECRET, SKYBUS_REQUIRED, NULL, 1, 64, NULL, "The key of this device." },
	{ "keepalive", SKYBUS_DURATION, 0, "60s", 1, 3600, NULL,
	  "After so much silence the cloud is asked for commands." },
};

/* ---- A link comes and goes ---- */

static int32_t attach(const struct skybus_host *host, struct skybus_link *link, void **ret_state,
		      struct skybus_verdict *why)
{
	struct tidewater *tidewater = calloc(1, sizeof(*tidewater));

	(void)why;
	if (!tidewater)
		return -ENOMEM;
	tidewater->host = host;
	tidewater->link = link;
	*ret_state = tidewater;

	return 0;
}

static void detach(void *state)
{
	struct tidewater *tidewater = state;

	explicit_bzero(tidewater->token, sizeof(tidewater->token));
	free(tidewater);
}

/* ---- The login: a session, then a token ---- */

static void fail(struct tidewater *tidewater, uint32_t kind, const char *reason)
{
	tidewater->host->failed(tidewater->link, kind, reason, 0);
}

/* "TOKEN SECONDS"; the payload is the cloud's, so it may be anything. */
static int read_token(struct tidewater *tidewater, const struct skybus_reply *reply,
		      uint32_t *ret_seconds)
{
	char text[128], end;

	if (reply->payload_len == 0 || reply->payload_len >= sizeof(text))
		return -EBADMSG;
	memcpy(text, reply->payload, reply->payload_len);
	text[reply->payload_len] = '\0';

	return sscanf(text, "%64[A-Za-z0-9-] %9u%c", tidewater->token, ret_seconds, &end) == 2
		       ? 0
		       : -EBADMSG;
}

static void on_login(void *state, void *tag, const struct skybus_reply *reply)
{
	struct tidewater *tidewater = state;
	struct skybus_terms terms = { .size = sizeof(terms) };

	(void)tag;
	if (reply->outcome != SKYBUS_ANSWERED) {
		fail(tidewater, SKYBUS_TRANSIENT, NULL); /* the daemon says what the network did */
	} else if (reply->code == SKYBUS_CODE(4, 1)) {
		fail(tidewater, SKYBUS_CREDENTIALS,
		     "Tidewater does not know this key: compare it with the one in the console");
	} else if (SKYBUS_CODE_CLASS(reply->code) != 2) {
		fail(tidewater, SKYBUS_TRANSIENT, "Tidewater refuses logins for now");
	} else if (read_token(tidewater, reply, &terms.expires_s) < 0) {
		fail(tidewater, SKYBUS_TRANSIENT,
		     "what Tidewater answers to the login is no token: is this its server?");
	} else {
		terms.keepalive_s =
			(uint32_t)tidewater->host->setting_integer(tidewater->link, "keepalive");
		tidewater->host->online(tidewater->link, &terms);
	}
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct tidewater *tidewater = state;
	const struct skybus_host *host = tidewater->host;
	uint32_t len;
	const uint8_t *key = host->setting_secret(tidewater->link, "key", &len);
	struct skybus_request *request;
	char query[80];

	(void)tag;
	if (outcome < 0) {
		fail(tidewater, SKYBUS_TRANSIENT, reason);
		return;
	}
	request = host->new_request(tidewater->link);
	if (!request) {
		fail(tidewater, SKYBUS_TRANSIENT, "there is no memory for a request");
		return;
	}
	(void)snprintf(query, sizeof(query), "key=%.*s", (int)len, (const char *)key);
	host->request_path(request, "/login");
	host->request_query(request, query);
	explicit_bzero(query, sizeof(query));
	if (host->send_request(request, 0, on_login, NULL) < 0)
		fail(tidewater, SKYBUS_TRANSIENT, "the login could not be sent");
}

static void login(void *state)
{
	struct tidewater *tidewater = state;
	const struct skybus_host *host = tidewater->host;
	const struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = host->setting_text(tidewater->link, "host"),
		.port = (uint32_t)host->setting_integer(tidewater->link, "port"),
	};

	if (host->open_session(tidewater->link, &session, on_opened, NULL) < 0)
		fail(tidewater, SKYBUS_CONFIGURATION,
		     "no session can be opened with this host and port");
}

/* ---- Messages ---- */

static void add_token(const struct tidewater *tidewater, struct skybus_request *request)
{
	char query[sizeof("token=") + TOKEN_MAX];

	(void)snprintf(query, sizeof(query), "token=%s", tidewater->token);
	tidewater->host->request_query(request, query);
}

static int32_t encode(void *state, const struct skybus_message *message,
		      struct skybus_request *request, struct skybus_verdict *verdict)
{
	const struct tidewater *tidewater = state;
	char path[1024];

	if (snprintf(path, sizeof(path), "/up/%s", message->topic) >= (int)sizeof(path)) {
		(void)snprintf(
			verdict->reason, sizeof(verdict->reason),
			"the topic is too long for Tidewater: write one of at most 1000 bytes");
		return -EINVAL;
	}
	tidewater->host->request_path(request, path);
	add_token(tidewater, request);

	return 0;
}

/* "NUMBER TOPIC TEXT": the number is what answer() needs. */
static void take_command(const struct tidewater *tidewater, const struct skybus_reply *reply)
{
	char text[COMMAND_MAX + 1], number[21], topic[257];
	struct skybus_command command = { .size = sizeof(command), .flags = SKYBUS_ANSWERABLE };
	int at = 0;

	if (reply->payload_len > COMMAND_MAX)
		return;
	memcpy(text, reply->payload, reply->payload_len);
	text[reply->payload_len] = '\0';
	if (sscanf(text, "%20[0-9] %256s %n", number, topic, &at) != 2 || at == 0) {
		tidewater->host->log(tidewater->link, SKYBUS_LOG_DEBUG,
				     "Tidewater sent what is no command; it is left out");
		return;
	}
	command.topic = topic;
	command.payload = (const uint8_t *)text + at;
	command.payload_len = (uint32_t)strlen(text + at);
	command.content_format = SKYBUS_FORMAT_TEXT;
	command.context = (const uint8_t *)number;
	command.context_len = (uint32_t)strlen(number) + 1;
	(void)tidewater->host->deliver(tidewater->link, &command);
}

static void decide(void *state, const struct skybus_message *message,
		   const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	const char *reason = "";

	if (SKYBUS_CODE_CLASS(reply->code) == 2) {
		verdict->kind = SKYBUS_DELIVERED;
		if (!message && reply->payload_len > 0)
			take_command(state, reply);
	} else if (reply->code == SKYBUS_CODE(4, 1)) {
		verdict->kind = SKYBUS_RELOGIN;
		reason = "the token has ended";
	} else if (SKYBUS_CODE_CLASS(reply->code) == 4) {
		verdict->kind = SKYBUS_REJECTED;
		reason = "Tidewater refuses this topic or this payload";
	} else {
		verdict->kind = SKYBUS_RETRY;
		reason = "Tidewater has too much to do";
		if (reply->max_age != UINT32_MAX)
			verdict->retry_after_ms =
				reply->max_age < 3600 ? reply->max_age * 1000 : 3600000;
	}
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason);
}

/* ---- Commands ---- */

static int32_t keepalive(void *state, struct skybus_request *request)
{
	const struct tidewater *tidewater = state;

	tidewater->host->request_method(request, SKYBUS_GET);
	tidewater->host->request_path(request, "/commands");
	add_token(tidewater, request);

	return 0;
}

/* An answer is a message of its own, so that it waits on disk until the cloud has it. */
static int32_t answer(void *state, const struct skybus_answer *answer,
		      struct skybus_response *response, struct skybus_verdict *why)
{
	const struct tidewater *tidewater = state;
	char topic[sizeof("answers/") + 20];

	(void)why;
	(void)snprintf(topic, sizeof(topic), "answers/%.20s", (const char *)answer->context);
	tidewater->host->response_topic(response, topic);
	if (*answer->code)
		tidewater->host->response_payload(response, SKYBUS_FORMAT_TEXT, answer->code,
						  (uint32_t)strlen(answer->code));
	else
		tidewater->host->response_payload(response, SKYBUS_NO_FORMAT, answer->payload,
						  answer->payload_len);

	return 0;
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(struct skybus_plugin),
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.name = "tidewater",
	.version = "1.0",
	.summary = "Tidewater, a cloud that does not exist",
	.settings = settings,
	.attach = attach,
	.detach = detach,
	.login = login,
	.encode = encode,
	.decide = decide,
	.keepalive = keepalive,
	.answer = answer,
};
