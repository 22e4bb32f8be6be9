/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a cloud, the network and the disk may do to a plugin, in any order, on the scripted host: it watches
 * that the plugin keeps the rules of skybus/plugin.h whatever is answered, and that it reads nothing that it was not
 * lent.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-host.h"
#include "check/scripted-private.h"
#include "daemon/cleanup.h"
#include "tests/fuzz/plugin.h"

#define STEPS_MAX 48
#define OPTIONS_MAX 4
#define TOGETHER_MAX 4
#define SEAL_ROOM 64

/* More would only take time. */
#define REQUESTS_MAX 16
#define BODY_MAX 4096

/** struct run - a link, and how it is */
struct run {
	struct skybus_link *link;
	struct fuzz_input *in;
	unsigned int n_online; /* when the last login began */
	unsigned int n_failed;
	bool served; /* the last command came in a request of the cloud's */
};

/** struct body - a payload, and what it is in memory of */
struct body {
	const uint8_t *data;
	size_t len;
	uint8_t sealed[BODY_MAX + SEAL_ROOM];
};

static const char *pick_text(struct fuzz_input *in, const char *const *texts)
{
	size_t n = 0;

	while (texts[n])
		n++;
	n = fuzz_pick(in, n + 1);

	return texts[n] ? texts[n] : fuzz_text(in);
}

static void take_body(struct run *run, struct body *ret)
{
	bool sealed = fuzz_plugin.seal && fuzz_pick(run->in, 2) == 0;

	ret->data = fuzz_bytes(run->in, &ret->len);
	if (ret->len > BODY_MAX)
		ret->len = BODY_MAX;
	if (!sealed)
		return;
	ret->len = fuzz_plugin.seal(ret->data, ret->len, ret->sealed);
	ret->data = ret->sealed;
}

static uint32_t pick_option(struct fuzz_input *in)
{
	size_t n = 0;

	while (fuzz_plugin.options[n])
		n++;
	n = fuzz_pick(in, n + 1);

	return fuzz_plugin.options[n] ? fuzz_plugin.options[n] : fuzz_number(in) % 65536;
}

/* What clouds say often, and everything. */
static uint32_t pick_code(struct fuzz_input *in)
{
	static const uint32_t codes[] = {
		SKYBUS_CODE(2, 5), SKYBUS_CODE(2, 4), SKYBUS_CODE(2, 1),  SKYBUS_CODE(4, 0),
		SKYBUS_CODE(4, 1), SKYBUS_CODE(4, 3), SKYBUS_CODE(4, 4),  SKYBUS_CODE(4, 6),
		SKYBUS_CODE(5, 0), SKYBUS_CODE(5, 3), SKYBUS_CODE(4, 29),
	};
	size_t n = fuzz_pick(in, SB_ELEMENTS(codes) + 1);

	return n < SB_ELEMENTS(codes) ? codes[n] : fuzz_byte(in);
}

static uint32_t pick_format(struct fuzz_input *in)
{
	static const uint32_t formats[] = { SKYBUS_NO_FORMAT, 0, 40, 42, 50, 60 };
	size_t n = fuzz_pick(in, SB_ELEMENTS(formats) + 1);

	return n < SB_ELEMENTS(formats) ? formats[n] : fuzz_number(in) % 65536;
}

/* @options: OPTIONS_MAX of them, which the reply refers to, as it does to @body. */
static struct skybus_reply take_reply(struct run *run, struct skybus_option *options,
				      struct body *body)
{
	struct fuzz_input *in = run->in;
	struct skybus_reply reply;
	size_t len;

	take_body(run, body);
	reply = scripted_reply(pick_code(in), body->data, (uint32_t)body->len);
	reply.content_format = pick_format(in);
	reply.max_age = fuzz_number(in);
	reply.options = options;
	for (reply.n_options = 0; reply.n_options < fuzz_pick(in, OPTIONS_MAX + 1);
	     reply.n_options++) {
		struct skybus_option *option = &options[reply.n_options];

		option->number = pick_option(in);
		option->value = fuzz_bytes(in, &len);
		option->len = (uint32_t)len;
	}

	return reply;
}

/* ---- the steps ---- */

static void log_in(struct run *run)
{
	if (run->link->logging_in)
		return;
	run->n_online = run->link->n_online;
	run->n_failed = run->link->n_failed;
	scripted_login(run->link);
}

/* Once it has failed the daemon closes the session, and nothing comes before the next login. */
static bool has_failed(const struct run *run)
{
	return run->link->n_failed > run->n_failed;
}

static bool is_online(const struct run *run)
{
	return run->link->open && run->link->n_online > run->n_online && !has_failed(run);
}

static void open_session(struct run *run)
{
	static const int32_t outcomes[] = { 0, 0, -ETIMEDOUT, -EACCES, -ECONNREFUSED, -EPROTO };
	int32_t outcome = outcomes[fuzz_pick(run->in, SB_ELEMENTS(outcomes))];

	if (run->link->opening)
		scripted_opened(run->link, outcome, outcome == 0 ? "" : fuzz_text(run->in));
}

/* Those for messages are always answered. */
static uint32_t pick_outcome(struct fuzz_input *in, const struct skybus_request *request)
{
	static const uint32_t outcomes[] = { SKYBUS_ANSWERED, SKYBUS_ANSWERED, SKYBUS_TIMEOUT,
					     SKYBUS_RESET };

	return request->kind == SCRIPTED_OWN ? outcomes[fuzz_pick(in, SB_ELEMENTS(outcomes))]
					     : SKYBUS_ANSWERED;
}

static void answer(struct run *run)
{
	struct skybus_option options[OPTIONS_MAX];
	struct skybus_request *request = TAILQ_FIRST(&run->link->sent);
	struct skybus_reply reply;
	struct body body;

	for (size_t skip = fuzz_pick(run->in, 4); request && skip > 0; skip--)
		request = TAILQ_NEXT(request, entry);
	if (!request || has_failed(run))
		return;
	reply = take_reply(run, options, &body);
	reply.outcome = pick_outcome(run->in, request);
	run->served = false;
	if (reply.outcome != SKYBUS_ANSWERED)
		reply = (struct skybus_reply){ .outcome = reply.outcome };
	(void)scripted_answer(request, &reply);
}

static void notify(struct run *run)
{
	struct skybus_request *request = TAILQ_FIRST(&run->link->observed);
	struct skybus_option options[OPTIONS_MAX];
	struct skybus_reply reply;
	struct body body;

	if (!request || has_failed(run))
		return;
	reply = take_reply(run, options, &body);
	reply.observed = fuzz_pick(run->in, 4) != 0;
	scripted_notify(request, &reply);
}

static void let_time_pass(struct run *run)
{
	if (!TAILQ_EMPTY(&run->link->timers))
		scripted_pass_to_timer(run->link);
	else
		scripted_pass(run->link, fuzz_number(run->in) % 1000000);
}

static void store(struct run *run)
{
	if (!TAILQ_EMPTY(&run->link->writes))
		scripted_stored(run->link, fuzz_pick(run->in, 4) == 0 ? -ENOSPC : 0);
}

static void fetch(struct run *run)
{
	static const char *const types[] = { "application/json", "application/json;charset=UTF-8",
					     "text/plain", NULL };
	static const uint32_t statuses[] = { 200, 200, 206, 404, 401, 500, 0 };
	uint32_t status = statuses[fuzz_pick(run->in, SB_ELEMENTS(statuses))];
	const char *type = pick_text(run->in, types);
	const char *range = fuzz_text(run->in);
	const char *body = fuzz_text(run->in);

	if (run->link->n_fetching > 0 && !has_failed(run))
		scripted_fetched(run->link, status, type, range, body,
				 status == 0 ? "no way there" : "");
}

static bool may_send(const struct run *run)
{
	const struct skybus_request *request;
	size_t n = 0;

	TAILQ_FOREACH(request, &run->link->sent, entry)
		n++;

	return is_online(run) && n < REQUESTS_MAX;
}

static void encode(struct run *run)
{
	const char *topic = pick_text(run->in, fuzz_plugin.topics);
	struct skybus_verdict why;
	size_t len;
	const uint8_t *payload = fuzz_bytes(run->in, &len);

	if (run->link->plugin->accept &&
	    scripted_accept_payload(run->link, topic, payload, (uint32_t)len, &why) != 0)
		return;
	if (may_send(run))
		(void)scripted_encode(run->link, topic, payload, (uint32_t)len);
}

static void encode_batch(struct run *run)
{
	struct scripted_message messages[TOGETHER_MAX];
	uint32_t n = 0;

	if (!run->link->plugin->gather || !may_send(run))
		return;
	for (; n < TOGETHER_MAX; n++)
		messages[n] = (struct scripted_message){ pick_text(run->in, fuzz_plugin.topics),
							 fuzz_text(run->in) };
	n = scripted_gather(run->link, messages, n);
	if (n > 1)
		(void)scripted_encode_batch(run->link, messages, n);
}

static void keep_alive(struct run *run)
{
	if (run->link->plugin->keepalive && may_send(run))
		(void)scripted_keepalive(run->link);
}

static void serve(struct run *run)
{
	uint32_t method = SKYBUS_GET + (uint32_t)fuzz_pick(run->in, SKYBUS_PATCH);
	const char *path = pick_text(run->in, fuzz_plugin.paths);
	const char *query = fuzz_text(run->in);
	struct body body;

	run->link->serve_format = pick_format(run->in);
	take_body(run, &body);
	if (!run->link->plugin->serve || run->link->listen.n == 0)
		return;
	run->link->command.flags = 0;
	(void)scripted_serve(run->link, method, path, query, body.data, (uint32_t)body.len);
	run->served = true;
}

static void answer_command(struct run *run)
{
	const char *code = fuzz_text(run->in);
	struct skybus_verdict why;
	size_t len;
	const uint8_t *payload = fuzz_bytes(run->in, &len);

	if (!(run->link->command.flags & SKYBUS_ANSWERABLE) || has_failed(run))
		return;
	(void)scripted_answer_command(run->link, code, payload, (uint32_t)len, run->served, &why);
	run->link->command.flags = 0; /* once only */
}

/* The daemon is started anew; what was stored is there. */
static void restart(struct run *run)
{
	struct skybus_verdict why;

	scripted_detach(run->link);
	fuzz_require(scripted_attach(run->link, &why) == 0,
		     "the plugin takes its settings no more");
}

static void (*const steps[])(struct run *) = {
	log_in, open_session, answer,	  answer, notify, let_time_pass,  store,   fetch,
	encode, encode_batch, keep_alive, serve,  answer, answer_command, restart,
};

/* Goes as far as it can without trouble: most of what there is to find lies behind a login. */
static void log_in_well(struct run *run)
{
	log_in(run);
	if (run->link->opening)
		scripted_opened(run->link, 0, "");
}

static const struct scripted_setting *pick_settings(struct fuzz_input *in)
{
	size_t n = 0;

	while (fuzz_plugin.settings[n])
		n++;

	return fuzz_plugin.settings[fuzz_pick(in, n)];
}

/* The fuzzer learns it from the check that no sentence tells one; a plugin that quotes its cloud would tell it. */
static bool has_secret(const struct fuzz_input *in, const struct scripted_setting *settings)
{
	for (const struct scripted_setting *one = settings; one->key; one++)
		if (strstr(one->key, "secret") &&
		    memmem(in->at, in->left, one->value, strlen(one->value)))
			return true;

	return false;
}

void fuzz_target(struct fuzz_input *in)
{
	const struct scripted_setting *settings = pick_settings(in);
	struct run run = { .in = in };
	struct skybus_verdict why;
	size_t n;

	if (has_secret(in, settings))
		return;
	run.link = scripted_new(&skybus_plugin_v1, settings);
	fuzz_require(scripted_attach(run.link, &why) == 0, "the plugin does not take its settings");
	log_in_well(&run);
	for (n = 0; n < STEPS_MAX && in->left > 0; n++)
		steps[fuzz_pick(in, SB_ELEMENTS(steps))](&run);
	scripted_detach(run.link);
	fuzz_require(run.link->fault[0] == '\0', run.link->fault);
	(void)scripted_free(run.link);
}
