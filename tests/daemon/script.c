/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/script.h"

struct script script;

void script_reset(void)
{
	script = (struct script){
		.terms = { .size = sizeof(script.terms) },
		.fail_kind = SKYBUS_TRANSIENT,
		.fail_reason = "the cloud says no",
		.opened_outcome = 1,
	};
}

static int32_t plugin_attach(const struct skybus_host *host, struct skybus_link *link,
			     void **ret_state, struct skybus_verdict *why)
{
	script.host = host;
	script.link = link;
	if (script.attach_error < 0) {
		(void)snprintf(why->reason, sizeof(why->reason), "%s", script.attach_reason);
		return script.attach_error;
	}
	script.attached++;
	*ret_state = &script;

	return 0;
}

static void plugin_detach(void *state)
{
	assert_ptr_equal(state, &script);
	script.attached--;
}

static void on_login_reply(void *state, void *tag, const struct skybus_reply *reply)
{
	assert_ptr_equal(state, &script);
	assert_ptr_equal(tag, &script.logins);
	if (reply->outcome != SKYBUS_ANSWERED)
		script.host->failed(script.link, SKYBUS_TRANSIENT, NULL, script.silent_wait_s);
	else if (SKYBUS_CODE_CLASS(reply->code) == 2)
		script.host->online(script.link, &script.terms);
	else
		script.host->failed(script.link, script.fail_kind, script.fail_reason,
				    script.fail_wait_s);
}

static int32_t send_login(void)
{
	struct skybus_request *request = script.host->new_request(script.link);

	assert_non_null(request);
	script.host->request_path(request, "/login");

	return script.host->send_request(request, 5000, on_login_reply, &script.logins);
}

void script_send_login(void)
{
	assert_int_equal(send_login(), 0);
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	assert_ptr_equal(state, &script);
	assert_ptr_equal(tag, &script.opened_outcome);
	script.opened_outcome = outcome;
	if (outcome == 0)
		script_send_login();
	else if (script.stubborn)
		script.host->online(script.link, &script.terms);
	else
		script.host->failed(script.link, SKYBUS_TRANSIENT, reason, script.silent_wait_s);
}

int32_t script_open_session(void)
{
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = "cloud.example",
		.port = 5683,
	};

	script.opened_outcome = 1;

	return script.host->open_session(script.link, &session, on_opened, &script.opened_outcome);
}

static void open_or_fail(void)
{
	if (script_open_session() < 0)
		script.host->failed(script.link, SKYBUS_CONFIGURATION, "no such session", 0);
}

static void plugin_login(void *state)
{
	assert_ptr_equal(state, &script);
	script.logins++;
	switch (script.login) {
	case SCRIPT_OPENS:
		open_or_fail();
		break;
	case SCRIPT_REUSES:
		if (send_login() < 0)
			open_or_fail();
		break;
	case SCRIPT_IS_ONLINE:
		script.host->online(script.link, &script.terms);
		break;
	case SCRIPT_FAILS:
		script.host->failed(script.link, script.fail_kind, script.fail_reason,
				    script.fail_wait_s);
		break;
	case SCRIPT_HANGS:
		break;
	}
}

static int32_t plugin_encode(void *state, const struct skybus_message *message,
			     struct skybus_request *request, struct skybus_verdict *verdict)
{
	assert_ptr_equal(state, &script);
	assert_int_equal(verdict->kind, SKYBUS_REJECTED);
	script.encoded++;
	script.time_ms = message->time_ms;
	if (script.encode_error < 0) {
		*verdict = script.encode_verdict;
		return script.encode_error;
	}
	script.host->request_path(request, message->topic);
	script.host->request_note(request, message->ticket);

	return 0;
}

static void plugin_decide(void *state, const struct skybus_message *message,
			  const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	assert_ptr_equal(state, &script);
	assert_int_equal(verdict->kind, SKYBUS_RETRY);
	assert_int_equal(reply->outcome, SKYBUS_ANSWERED);
	if (message)
		assert_int_equal(reply->note, message->ticket);
	script.decided++;
	if (SKYBUS_CODE_CLASS(reply->code) == 2) {
		verdict->kind = SKYBUS_DELIVERED;
	} else if (reply->code == SKYBUS_CODE(4, 1)) {
		verdict->kind = SKYBUS_RELOGIN;
		strcpy(verdict->reason, "the login is over");
	} else if (SKYBUS_CODE_CLASS(reply->code) == 4) {
		verdict->kind = SKYBUS_REJECTED;
		strcpy(verdict->reason, "the cloud does not want it");
	} else if (SKYBUS_CODE_CLASS(reply->code) == 5) {
		strcpy(verdict->reason, "the cloud says later");
		if (reply->max_age != UINT32_MAX)
			verdict->retry_after_ms = reply->max_age * 1000;
	} else {
		verdict->kind = 99;
	}
	if (script.decide)
		script.decide();
}

static int32_t plugin_accept(void *state, const struct skybus_message *message,
			     struct skybus_verdict *why)
{
	assert_ptr_equal(state, &script);
	assert_non_null(message->topic);
	if (script.accept_error < 0)
		(void)snprintf(why->reason, sizeof(why->reason), "%s", script.accept_reason);

	return script.accept_error;
}

static int32_t plugin_keepalive(void *state, struct skybus_request *request)
{
	assert_ptr_equal(state, &script);
	script.host->request_path(request, "/keepalive");

	return 0;
}

static void plugin_serve(void *state, const struct skybus_incoming *incoming,
			 struct skybus_response *response)
{
	assert_ptr_equal(state, &script);
	if (script.serve)
		script.serve(incoming, response);
}

static int32_t plugin_answer(void *state, const struct skybus_answer *answer,
			     struct skybus_response *response, struct skybus_verdict *why)
{
	assert_ptr_equal(state, &script);

	return script.answer ? script.answer(answer, response, why) : 0;
}

static const char *plugin_device(void *state)
{
	assert_ptr_equal(state, &script);

	return "device 7";
}

static uint32_t plugin_gather(void *state, const struct skybus_message *messages, uint32_t n)
{
	uint32_t i;

	assert_ptr_equal(state, &script);
	assert_true(n > 0);
	script.gathered++;
	for (i = 0; i < n && i < script.fits && messages[i].payload[0] != 'x'; i++)
		;

	return i;
}

/* "m1+m2" */
static int32_t plugin_encode_batch(void *state, const struct skybus_message *messages, uint32_t n,
				   struct skybus_request *request, struct skybus_verdict *verdict)
{
	char payload[1024] = "";
	size_t len = 0;

	assert_ptr_equal(state, &script);
	assert_int_equal(verdict->kind, SKYBUS_REJECTED);
	assert_true(n > 1 && n <= script.fits);
	if (script.encode_batch_error < 0)
		return script.encode_batch_error;
	for (uint32_t i = 0; i < n; i++)
		len += (size_t)snprintf(payload + len, sizeof(payload) - len, "%s%.*s",
					i > 0 ? "+" : "", (int)messages[i].payload_len,
					(const char *)messages[i].payload);
	assert_true(len < sizeof(payload));
	script.time_ms = messages[n - 1].time_ms;
	script.host->request_path(request, "/batch");
	script.host->request_payload(request, payload, (uint32_t)len);
	script.host->request_note(request, messages[0].ticket);

	return 0;
}

static const struct skybus_setting settings[] = {
	{ .key = "greeting", .kind = SKYBUS_TEXT, .fallback = "hello", .help = "A text." },
	{ .key = "number", .kind = SKYBUS_INTEGER, .fallback = "7", .help = "A number." },
	{ .key = "from", .kind = SKYBUS_NETWORKS, .fallback = "10.0.0.0/8", .help = "Some." },
	{ .key = "root", .kind = SKYBUS_FILE, .help = "A file." },
};

#define DESCRIPTOR_COMMON                                                                       \
	.size = sizeof(struct skybus_plugin),                                                   \
	.n_settings = sizeof(settings) / sizeof(settings[0]), .name = "script", .version = "1", \
	.summary = "Does what a test says.", .settings = settings, .attach = plugin_attach,     \
	.detach = plugin_detach, .login = plugin_login, .encode = plugin_encode,                \
	.decide = plugin_decide, .accept = plugin_accept, .keepalive = plugin_keepalive,        \
	.device = plugin_device

static const struct skybus_plugin descriptor = {
	DESCRIPTOR_COMMON,
	.serve = plugin_serve,
	.answer = plugin_answer,
	.gather = plugin_gather,
	.encode_batch = plugin_encode_batch,
};

static const struct skybus_plugin deaf_descriptor = {
	DESCRIPTOR_COMMON,
};

static char name[] = "script";

const struct sb_plugin script_plugin = { .name = name, .descriptor = &descriptor };
const struct sb_plugin script_deaf_plugin = { .name = name, .descriptor = &deaf_descriptor };

static void on_reply(void *state, void *tag, const struct skybus_reply *reply)
{
	assert_ptr_equal(state, &script);
	assert_ptr_equal(tag, &script.replied);
	script.replied++;
	script.last_outcome = reply->outcome;
}

/* A request of the plugin's own. */
int32_t script_send(const char *path)
{
	struct skybus_request *request = script.host->new_request(script.link);

	assert_non_null(request);
	script.host->request_path(request, path);

	return script.host->send_request(request, 0, on_reply, &script.replied);
}

static void on_notified(void *state, void *tag, const struct skybus_reply *reply)
{
	assert_ptr_equal(state, &script);
	assert_ptr_equal(tag, &script.notified);
	script.notified++;
	script.over += !reply->observed;
	script.last_outcome = reply->outcome;
	if (script.notice)
		script.notice(reply);
}

int64_t script_observe(const char *path, uint32_t method)
{
	struct skybus_request *request = script.host->new_request(script.link);

	assert_non_null(request);
	script.host->request_method(request, method);
	script.host->request_path(request, path);

	return script.host->observe(request, 0, on_notified, &script.notified);
}

static void on_fetched(void *state, void *tag, const struct skybus_fetched *fetched)
{
	assert_ptr_equal(state, &script);
	assert_ptr_equal(tag, &script.fetched);
	script.fetched++;
	script.last_status = fetched->status;
	if (script.fail_when_fetched)
		script.host->failed(script.link, SKYBUS_TRANSIENT, "not what was asked for", 0);
}

int32_t script_fetch(const char *url)
{
	const struct skybus_fetch fetch = { .size = sizeof(fetch), .url = url };

	return script.host->fetch(script.link, &fetch, on_fetched, &script.fetched);
}

int32_t script_listen(uint32_t port, const char *from)
{
	const struct skybus_listen listen = { .size = sizeof(listen), .port = port, .from = from };

	return script.host->listen(script.link, &listen);
}

/* Its context is "ctx". */
int32_t script_deliver(const char *topic, uint32_t flags, uint32_t answer_s)
{
	const struct skybus_command command = {
		.size = sizeof(command),
		.topic = topic,
		.payload = (const uint8_t *)"go",
		.payload_len = 2,
		.content_format = SKYBUS_NO_FORMAT,
		.flags = flags,
		.context = (const uint8_t *)"ctx",
		.context_len = 3,
		.answer_s = answer_s,
		.otherwise = script.otherwise,
	};

	return script.host->deliver(script.link, &command);
}

static void on_timer(void *state, void *tag)
{
	assert_ptr_equal(state, &script);
	assert_ptr_equal(tag, &script.fired);
	script.fired++;
	if (script.fire)
		script.fire();
}

int64_t script_start_timer(uint32_t ms)
{
	return script.host->timer_start(script.link, ms, on_timer, &script.fired);
}

static void on_stored(void *state, void *tag, int32_t error)
{
	assert_ptr_equal(state, &script);
	assert_ptr_equal(tag, &script.stored);
	assert_int_equal(error, 0);
	script.stored++;
}

int32_t script_store(const char *key, const char *value)
{
	return script.host->store_put(script.link, key, value, (uint32_t)strlen(value), on_stored,
				      &script.stored);
}
