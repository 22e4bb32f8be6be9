/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/fake-channel.h"

struct sb_session {
	bool open;
	struct sb_traffic traffic;
};

struct sb_channel {
	sb_channel_fn *changed;
	void *userdata;
	bool connecting;
	struct sockaddr_in local;
	struct sb_session session;
};

struct fake_network fake_network = {
	.requests = TAILQ_HEAD_INITIALIZER(fake_network.requests),
};

void fake_network_reset(void)
{
	assert_true(TAILQ_EMPTY(&fake_network.requests));
	fake_network = (struct fake_network){
		.local = { .sin_family = AF_INET, .sin_addr = { inet_addr("10.0.0.2") } },
		.peer = { .sin_family = AF_INET, .sin_addr = { inet_addr("203.0.113.7") } },
	};
	TAILQ_INIT(&fake_network.requests);
}

static void forget(struct fake_request *request)
{
	TAILQ_REMOVE(&fake_network.requests, request, entry);
	free(request);
}

/* ---- in place of the core ---- */

int sb_channel_open(const struct sb_channel_plan *plan, sb_channel_fn *changed, void *userdata,
		    struct sb_channel **ret)
{
	struct sb_channel *channel;

	if (fake_network.open_error < 0)
		return fake_network.open_error;
	channel = calloc(1, sizeof(*channel));
	assert_non_null(channel);
	channel->changed = changed;
	channel->userdata = userdata;
	channel->session.traffic = fake_network.traffic;
	fake_network.channel = channel;
	fake_network.n_channels++;
	fake_network.wire = plan->wire;
	fake_network.last_attempt = plan->attempt;
	(void)snprintf(fake_network.last_interface, sizeof(fake_network.last_interface), "%s",
		       plan->interface ? plan->interface : "");
	*ret = channel;

	return 0;
}

struct sb_channel *sb_channel_free(struct sb_channel *channel)
{
	struct fake_request *request = TAILQ_FIRST(&fake_network.requests);

	if (!channel)
		return NULL;
	while (request) {
		struct fake_request *next = TAILQ_NEXT(request, entry);

		if (request->session == &channel->session)
			forget(request);
		request = next;
	}
	if (fake_network.channel == channel)
		fake_network.channel = NULL;
	free(channel);

	return NULL;
}

struct sb_session *sb_channel_session(const struct sb_channel *channel)
{
	return channel->connecting ? (struct sb_session *)&channel->session : NULL;
}

void sb_channel_ends(const struct sb_channel *channel, struct sb_channel_ends *ret)
{
	*ret = (struct sb_channel_ends){
		.host = "cloud.example",
		.port = 5684,
		.security = SKYBUS_PSK,
		.facts = fake_network.facts,
	};
	if (!channel->connecting)
		return;
	memcpy(&ret->local, &channel->local, sizeof(channel->local));
	memcpy(&ret->peer, &fake_network.peer, sizeof(fake_network.peer));
}

void sb_channel_explain(const struct sb_channel *channel, uint32_t outcome, unsigned int waited_s,
			char *ret_reason, size_t size)
{
	assert_non_null(channel);
	(void)snprintf(ret_reason, size, "silence %u for %u s", outcome, waited_s);
}

static void note_sent(const char *what)
{
	size_t len = strlen(fake_network.sent);

	assert_true(len + strlen(what) + 2 < sizeof(fake_network.sent));
	(void)snprintf(fake_network.sent + len, sizeof(fake_network.sent) - len, "%s ", what);
}

static struct fake_request *request_new(struct sb_session *session, uint64_t timeout_usec,
					sb_reply_fn *done, void *userdata)
{
	struct fake_request *request = calloc(1, sizeof(*request));

	assert_non_null(request);
	request->session = session;
	request->timeout_usec = timeout_usec;
	request->done = done;
	request->userdata = userdata;
	TAILQ_INSERT_TAIL(&fake_network.requests, request, entry);

	return request;
}

int sb_session_send(struct sb_session *session, const struct sb_request *request,
		    uint64_t timeout_usec, sb_reply_fn *done, void *userdata)
{
	const struct sb_option *option;
	struct fake_request *fake;
	size_t len = 0;

	if (request->error < 0)
		return request->error;
	if (!session->open)
		return -ENOTCONN;
	if (fake_network.send_error < 0)
		return fake_network.send_error;

	fake = request_new(session, timeout_usec, done, userdata);
	fake->method = request->method;
	fake->note = request->note;
	fake->content_format = -1;
	TAILQ_FOREACH(option, &request->options, entry) {
		if (option->number == SB_OPTION_URI_PATH)
			len += (size_t)snprintf(fake->path + len, sizeof(fake->path) - len, "/%.*s",
						option->len, (const char *)option->value);
		if (option->number == SB_OPTION_CONTENT_FORMAT && option->len == 1)
			fake->content_format = option->value[0];
	}
	(void)snprintf(fake->payload, sizeof(fake->payload), "%.*s", (int)request->payload_len,
		       request->payload ? (const char *)request->payload : "");
	note_sent(request->payload_len > 0 ? fake->payload : fake->path);

	return 0;
}

int sb_session_ping(struct sb_session *session, uint64_t timeout_usec, sb_reply_fn *done,
		    void *userdata)
{
	if (!session->open)
		return -ENOTCONN;
	if (fake_network.ping_error < 0)
		return fake_network.ping_error;
	request_new(session, timeout_usec, done, userdata)->ping = true;
	note_sent("ping");

	return 0;
}

int sb_session_observe(struct sb_session *session, const struct sb_request *request,
		       uint64_t timeout_usec, sb_reply_fn *notified, void *userdata,
		       struct sb_exchange **ret)
{
	int r = sb_session_send(session, request, timeout_usec, notified, userdata);
	struct fake_request *fake;

	if (r < 0)
		return r;
	fake = TAILQ_LAST(&fake_network.requests, fake_request_list);
	fake->observes = true;
	*ret = (struct sb_exchange *)fake;

	return 0;
}

void sb_session_observe_stop(struct sb_session *session, struct sb_exchange *exchange)
{
	struct fake_request *fake = (struct fake_request *)exchange;

	assert_ptr_equal(fake->session, session);
	assert_true(fake->observes);
	fake_network.n_stopped++;
	forget(fake);
}

void sb_session_traffic(const struct sb_session *session, struct sb_traffic *ret)
{
	*ret = session->traffic;
}

/* ---- for the test ---- */

size_t fake_requests(void)
{
	const struct fake_request *request;
	size_t n = 0;

	TAILQ_FOREACH(request, &fake_network.requests, entry)
		n++;

	return n;
}

struct fake_request *fake_request_at(size_t index)
{
	struct fake_request *request = TAILQ_FIRST(&fake_network.requests);

	while (request && index-- > 0)
		request = TAILQ_NEXT(request, entry);
	assert_non_null(request);

	return request;
}

/* The name is resolved. */
void fake_connecting(void)
{
	struct sb_channel *channel = fake_network.channel;

	assert_non_null(channel);
	channel->connecting = true;
	channel->local = fake_network.local;
	channel->changed(channel->userdata, SB_CHANNEL_CONNECTING, 0, "");
}

void fake_open(void)
{
	struct sb_channel *channel = fake_network.channel;

	assert_non_null(channel);
	assert_true(channel->connecting);
	channel->session.open = true;
	channel->changed(channel->userdata, SB_CHANNEL_OPEN, 0, "");
}

void fake_break(int error, const char *reason)
{
	struct sb_channel *channel = fake_network.channel;

	assert_non_null(channel);
	channel->session.open = false;
	channel->changed(channel->userdata, SB_CHANNEL_BROKEN, error, reason);
}

void fake_doubt(void)
{
	struct sb_channel *channel = fake_network.channel;

	assert_non_null(channel);
	channel->changed(channel->userdata, SB_CHANNEL_DOUBTED, 0, "");
}

static void end(struct fake_request *request, struct skybus_reply *reply)
{
	sb_reply_fn *done = request->done;
	void *userdata = request->userdata;

	reply->size = sizeof(*reply);
	reply->note = request->note;
	reply->content_format = SKYBUS_NO_FORMAT;
	forget(request);
	done(userdata, reply);
}

void fake_answer(struct fake_request *request, uint32_t code)
{
	fake_answer_later(request, code, UINT32_MAX);
}

/* What an observation brings, and it goes on. */
void fake_notify(struct fake_request *request, uint32_t code)
{
	struct skybus_reply reply = {
		.size = sizeof(reply),
		.outcome = SKYBUS_ANSWERED,
		.code = code,
		.content_format = SKYBUS_NO_FORMAT,
		.max_age = UINT32_MAX,
		.note = request->note,
		.observed = 1,
	};

	assert_true(request->observes);
	request->done(request->userdata, &reply);
}

void fake_answer_later(struct fake_request *request, uint32_t code, uint32_t max_age)
{
	struct skybus_reply reply = {
		.outcome = SKYBUS_ANSWERED,
		.code = code,
		.max_age = max_age,
		.payload = (const uint8_t *)"answer",
		.payload_len = 6,
	};

	end(request, &reply);
}

void fake_end(struct fake_request *request, uint32_t outcome)
{
	struct skybus_reply reply = { .outcome = outcome, .max_age = UINT32_MAX };

	end(request, &reply);
}
