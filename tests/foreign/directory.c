/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that registers as LwM2M has it (POST /rd, RFC 9176 section 5), and whose registration is renewed as a
 * keepalive. That a command is there is told by a resource that it observes (RFC 7641), whose state is the
 * command's path; it fetches it from there, in blocks if it is large (RFC 7959). It was written against
 * include/skybus/plugin.h alone, to see whether such a cloud can be served.
 *
 * A registration is not deleted when the link goes: nothing can be sent in detach(). It expires.
 */
#include <errno.h>
#include <skybus/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCATION_PATH 8
#define OBSERVE_AGAIN_MS 1000

struct directory {
	const struct skybus_host *host;
	struct skybus_link *link;
	char location[128]; /* "/rd/1" */
	char last[128]; /* the path of the command that was fetched last */
	int logging_in;
};

static const struct skybus_setting settings[] = {
	{ "host", SKYBUS_HOST, SKYBUS_REQUIRED, NULL, 0, 0, NULL, "the server" },
	{ "port", SKYBUS_PORT, 0, "5683", 0, 0, NULL, "its UDP port" },
	{ "device", SKYBUS_TEXT, SKYBUS_REQUIRED, NULL, 1, 63, NULL, "the device's name" },
	{ "lifetime", SKYBUS_DURATION, 0, "60s", 1, 86400, NULL, "of its registration" },
};

static int32_t attach(const struct skybus_host *host, struct skybus_link *link, void **ret_state,
		      struct skybus_verdict *why)
{
	struct directory *directory;

	if (!SKYBUS_HAS(host, observe_stop)) {
		(void)snprintf(why->reason, sizeof(why->reason),
			       "this daemon cannot observe: install a newer one");
		return -ENOTSUP;
	}
	directory = calloc(1, sizeof(*directory));
	if (!directory)
		return -ENOMEM;
	directory->host = host;
	directory->link = link;
	*ret_state = directory;

	return 0;
}

static void detach(void *state)
{
	free(state);
}

static const char *device_name(const struct directory *directory)
{
	return directory->host->setting_text(directory->link, "device");
}

static void login_failed(struct directory *directory, const char *reason)
{
	directory->logging_in = 0;
	directory->host->failed(directory->link, SKYBUS_TRANSIENT, reason, 0);
}

/* ---- commands ---- */

static void on_command(void *state, void *tag, const struct skybus_reply *reply)
{
	struct directory *directory = state;
	struct skybus_command command = {
		.size = sizeof(command),
		.topic = "commands",
		.payload = reply->payload,
		.payload_len = reply->payload_len,
		.content_format = reply->content_format,
	};

	(void)tag;
	if (reply->outcome == SKYBUS_ANSWERED && SKYBUS_CODE_CLASS(reply->code) == 2)
		(void)directory->host->deliver(directory->link, &command);
	else
		directory->last[0] = '\0'; /* the next notification has it fetched again */
}

/* What is known comes again after each login. */
static void fetch_command(struct directory *directory, const struct skybus_reply *reply)
{
	struct skybus_request *request;
	char path[sizeof(directory->last)];

	if (reply->payload_len == 0 || reply->payload_len >= sizeof(path) ||
	    reply->payload[0] != '/')
		return;
	(void)snprintf(path, sizeof(path), "%.*s", (int)reply->payload_len,
		       (const char *)reply->payload);
	request = strcmp(path, directory->last) != 0 ? directory->host->new_request(directory->link)
						     : NULL;
	if (!request)
		return;
	directory->host->request_method(request, SKYBUS_GET);
	directory->host->request_path(request, path);
	if (directory->host->send_request(request, 0, on_command, NULL) == 0)
		(void)snprintf(directory->last, sizeof(directory->last), "%s", path);
}

static void observe_again(void *state, void *tag);

static void on_notified(void *state, void *tag, const struct skybus_reply *reply)
{
	struct directory *directory = state;
	struct skybus_terms terms = { .size = sizeof(terms) };

	(void)tag;
	if (!reply->observed && directory->logging_in) {
		login_failed(directory, reply->outcome == SKYBUS_ANSWERED
						? "the commands cannot be observed"
						: NULL);
		return;
	}
	if (!reply->observed) {
		(void)directory->host->timer_start(directory->link, OBSERVE_AGAIN_MS, observe_again,
						   NULL);
		return;
	}
	if (directory->logging_in) {
		directory->logging_in = 0;
		terms.keepalive_s =
			(uint32_t)directory->host->setting_integer(directory->link, "lifetime");
		directory->host->online(directory->link, &terms);
	}
	fetch_command(directory, reply);
}

static int64_t observe(struct directory *directory)
{
	struct skybus_request *request = directory->host->new_request(directory->link);
	char path[128];

	if (!request)
		return -ENOMEM;
	(void)snprintf(path, sizeof(path), "/commands/%s", device_name(directory));
	directory->host->request_method(request, SKYBUS_GET);
	directory->host->request_path(request, path);

	return directory->host->observe(request, 0, on_notified, NULL);
}

/* If there is no session any more, the next login observes. */
static void observe_again(void *state, void *tag)
{
	(void)tag;
	(void)observe(state);
}

/* ---- the registration ---- */

static void keep_location(struct directory *directory, const struct skybus_reply *reply)
{
	size_t used = 0;

	directory->location[0] = '\0';
	for (uint32_t i = 0; i < reply->n_options; i++) {
		const struct skybus_option *option = &reply->options[i];

		if (option->number != LOCATION_PATH ||
		    used + option->len + 2 > sizeof(directory->location))
			continue;
		used += (size_t)snprintf(directory->location + used,
					 sizeof(directory->location) - used, "/%.*s",
					 (int)option->len, (const char *)option->value);
	}
}

static void on_registered(void *state, void *tag, const struct skybus_reply *reply)
{
	struct directory *directory = state;

	(void)tag;
	if (reply->outcome != SKYBUS_ANSWERED) {
		login_failed(directory, NULL);
		return;
	}
	keep_location(directory, reply);
	if (reply->code != SKYBUS_CODE(2, 1) || directory->location[0] == '\0')
		login_failed(directory, "the server does not register this device");
	else if (observe(directory) < 0)
		login_failed(directory, "the commands cannot be observed");
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct directory *directory = state;
	struct skybus_request *request =
		outcome == 0 ? directory->host->new_request(directory->link) : NULL;
	char query[128];

	(void)tag;
	if (!request) {
		login_failed(directory, outcome == 0 ? "out of memory" : reason);
		return;
	}
	directory->host->request_path(request, "/rd");
	(void)snprintf(query, sizeof(query), "ep=%s", device_name(directory));
	directory->host->request_query(request, query);
	if (directory->host->send_request(request, 0, on_registered, NULL) < 0)
		login_failed(directory, "the registration could not be sent");
}

static void login(void *state)
{
	struct directory *directory = state;
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = directory->host->setting_text(directory->link, "host"),
		.port = (uint32_t)directory->host->setting_integer(directory->link, "port"),
	};

	directory->logging_in = 1;
	if (directory->host->open_session(directory->link, &session, on_opened, NULL) < 0)
		login_failed(directory, "no session could be opened");
}

static int32_t keepalive(void *state, struct skybus_request *request)
{
	struct directory *directory = state;

	directory->host->request_path(request, directory->location);

	return 0;
}

/* ---- messages ---- */

static int32_t encode(void *state, const struct skybus_message *message,
		      struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct directory *directory = state;
	char path[1024];

	if ((size_t)snprintf(path, sizeof(path), "/up/%s/%s", device_name(directory),
			     message->topic) >= sizeof(path)) {
		(void)snprintf(verdict->reason, sizeof(verdict->reason), "the topic is too long");
		return -EMSGSIZE;
	}
	directory->host->request_path(request, path);

	return 0;
}

static void decide(void *state, const struct skybus_message *message,
		   const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	(void)state;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "the server answered %u.%02u",
		       SKYBUS_CODE_CLASS(reply->code), reply->code & 31);
	if (SKYBUS_CODE_CLASS(reply->code) == 2)
		verdict->kind = SKYBUS_DELIVERED;
	else if (reply->code == SKYBUS_CODE(4, 4) && !message)
		verdict->kind = SKYBUS_RELOGIN; /* it does not know the registration */
	else if (SKYBUS_CODE_CLASS(reply->code) == 4 && message)
		verdict->kind = SKYBUS_REJECTED;
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(struct skybus_plugin),
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.name = "directory",
	.version = "1.0",
	.summary = "a server that devices register with, and observe",
	.settings = settings,
	.attach = attach,
	.detach = detach,
	.login = login,
	.encode = encode,
	.decide = decide,
	.keepalive = keepalive,
};
