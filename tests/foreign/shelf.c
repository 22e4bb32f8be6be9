/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that keeps what is put there and does nothing else, such as libcoap's coap-server: a message is PUT at its
 * topic, and a resource that somebody else puts is observed (RFC 7641) as the command. There is neither a
 * login nor a keepalive, so what is observed is observed anew when its time is over, as RFC 7641
 * section 3.3.1 has it. It was written against include/skybus/plugin.h alone.
 */
#include <errno.h>
#include <skybus/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBSERVE_AGAIN_MS 1000
#define DEFAULT_MAX_AGE_S 60

struct shelf {
	const struct skybus_host *host;
	struct skybus_link *link;
	int64_t observed; /* 0 for nothing */
	int64_t timer;
	uint8_t *last; /* the state that is known */
	uint32_t last_len;
	int logging_in;
};

static const struct skybus_setting settings[] = {
	{ "host", SKYBUS_HOST, SKYBUS_REQUIRED, NULL, 0, 0, NULL, "the server" },
	{ "port", SKYBUS_PORT, 0, "5683", 0, 0, NULL, "its UDP port" },
	{ "watch", SKYBUS_TEXT, 0, "command", 1, 255, NULL, "the path of the command" },
	{ "renew", SKYBUS_DURATION, 0, NULL, 1, 86400, NULL, "at the latest after so long" },
};

static int32_t attach(const struct skybus_host *host, struct skybus_link *link, void **ret_state,
		      struct skybus_verdict *why)
{
	struct shelf *shelf;

	if (!SKYBUS_HAS(host, observe_stop)) {
		(void)snprintf(why->reason, sizeof(why->reason),
			       "this daemon cannot observe: install a newer one");
		return -ENOTSUP;
	}
	shelf = calloc(1, sizeof(*shelf));
	if (!shelf)
		return -ENOMEM;
	shelf->host = host;
	shelf->link = link;
	*ret_state = shelf;

	return 0;
}

static void detach(void *state)
{
	struct shelf *shelf = state;

	free(shelf->last);
	free(shelf);
}

static void login_failed(struct shelf *shelf, const char *reason)
{
	shelf->logging_in = 0;
	shelf->host->failed(shelf->link, SKYBUS_TRANSIENT, reason, 0);
}

/* ---- the command ---- */

static void observe_again(void *state, void *tag);

static void start_timer(struct shelf *shelf, uint32_t ms)
{
	shelf->host->timer_stop(shelf->link, shelf->timer);
	shelf->timer = shelf->host->timer_start(shelf->link, ms, observe_again, NULL);
}

static void renew_in_time(struct shelf *shelf, const struct skybus_reply *reply)
{
	uint32_t renew = (uint32_t)shelf->host->setting_integer(shelf->link, "renew");
	uint32_t age = reply->max_age == UINT32_MAX ? DEFAULT_MAX_AGE_S : reply->max_age;

	start_timer(shelf, (renew > 0 && renew < age ? renew : age) * 1000);
}

/* A state that is known may come again, and is no command then. */
static int is_news(struct shelf *shelf, const struct skybus_reply *reply)
{
	uint8_t *copy;

	if (shelf->last && reply->payload_len == shelf->last_len &&
	    memcmp(reply->payload, shelf->last, shelf->last_len) == 0)
		return 0;
	copy = malloc(reply->payload_len);
	if (!copy)
		return 0;
	memcpy(copy, reply->payload, reply->payload_len);
	free(shelf->last);
	shelf->last = copy;
	shelf->last_len = reply->payload_len;

	return 1;
}

static void take(struct shelf *shelf, const struct skybus_reply *reply)
{
	struct skybus_command command = {
		.size = sizeof(command),
		.topic = shelf->host->setting_text(shelf->link, "watch"),
		.payload = reply->payload,
		.payload_len = reply->payload_len,
		.content_format = reply->content_format,
	};

	if (reply->payload_len > 0 && is_news(shelf, reply))
		(void)shelf->host->deliver(shelf->link, &command);
}

/* The session works whatever the code: the resource may come later. */
static void end_login(struct shelf *shelf, const struct skybus_reply *reply)
{
	struct skybus_terms terms = { .size = sizeof(terms) };

	if (reply->outcome != SKYBUS_ANSWERED) {
		login_failed(shelf, NULL);
		return;
	}
	shelf->logging_in = 0;
	shelf->host->online(shelf->link, &terms);
}

static void on_notified(void *state, void *tag, const struct skybus_reply *reply)
{
	struct shelf *shelf = state;

	(void)tag;
	if (shelf->logging_in)
		end_login(shelf, reply);
	if (reply->observed) {
		take(shelf, reply);
		renew_in_time(shelf, reply);
	} else {
		shelf->observed = 0;
		start_timer(shelf, OBSERVE_AGAIN_MS);
	}
}

static int observe(struct shelf *shelf)
{
	struct skybus_request *request = shelf->host->new_request(shelf->link);

	if (!request)
		return -ENOMEM;
	shelf->host->observe_stop(shelf->link, shelf->observed);
	shelf->host->request_method(request, SKYBUS_GET);
	shelf->host->request_path(request, shelf->host->setting_text(shelf->link, "watch"));
	shelf->observed = shelf->host->observe(request, 0, on_notified, NULL);

	return shelf->observed < 0 ? (int)shelf->observed : 0;
}

/* Without a session, or with a budget that is spent, later; after the next login, in any case. */
static void observe_again(void *state, void *tag)
{
	struct shelf *shelf = state;

	(void)tag;
	if (observe(shelf) < 0)
		start_timer(shelf, OBSERVE_AGAIN_MS);
}

/* ---- the session ---- */

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct shelf *shelf = state;

	(void)tag;
	if (outcome < 0)
		login_failed(shelf, reason);
	else if (observe(shelf) < 0)
		login_failed(shelf, "nothing can be observed");
}

static void login(void *state)
{
	struct shelf *shelf = state;
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = shelf->host->setting_text(shelf->link, "host"),
		.port = (uint32_t)shelf->host->setting_integer(shelf->link, "port"),
	};

	shelf->logging_in = 1;
	shelf->observed = 0;
	if (shelf->host->open_session(shelf->link, &session, on_opened, NULL) < 0)
		login_failed(shelf, "no session could be opened");
}

/* ---- messages ---- */

static int32_t encode(void *state, const struct skybus_message *message,
		      struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct shelf *shelf = state;

	(void)verdict;
	shelf->host->request_method(request, SKYBUS_PUT);
	shelf->host->request_path(request, message->topic);

	return 0;
}

static void decide(void *state, const struct skybus_message *message,
		   const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	(void)state;
	(void)message;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "the server answered %u.%02u",
		       SKYBUS_CODE_CLASS(reply->code), reply->code & 31);
	if (SKYBUS_CODE_CLASS(reply->code) == 2)
		verdict->kind = SKYBUS_DELIVERED;
	else if (SKYBUS_CODE_CLASS(reply->code) == 4)
		verdict->kind = SKYBUS_REJECTED;
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(struct skybus_plugin),
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.name = "shelf",
	.version = "1.0",
	.summary = "a server that keeps what is put there",
	.settings = settings,
	.attach = attach,
	.detach = detach,
	.login = login,
	.encode = encode,
	.decide = decide,
};
