/* SPDX-License-Identifier: Apache-2.0 */
/* Requests from the cloud: serve(), and what apps answer to the commands in them. */
#include <stdio.h>
#include <string.h>

#include "check/checks.h"
#include "check/replies.h"
#include "check/trial.h"
#include "check/walk.h"
#include "daemon/cleanup.h"

static const char *const paths[] = { "/",  "/a",    "/a/b/c",	   "/.well-known/core",
				     "//", "/%s%n", "/caf\xc3\xa9" };
static const char *const queries[] = { "", "a=1", "a=1&b=2&&=", "%s%n" };
static const uint32_t methods[] = { SKYBUS_GET,	   SKYBUS_POST,	 SKYBUS_PUT,
				    SKYBUS_DELETE, SKYBUS_PATCH, 31 };
static const uint32_t formats[] = { SKYBUS_NO_FORMAT, SKYBUS_FORMAT_JSON, SKYBUS_FORMAT_CBOR,
				    65535 };

#define ASKED (SB_ELEMENTS(paths) * SB_ELEMENTS(queries) * SB_ELEMENTS(methods))

/** struct call - one request from the cloud */
struct call {
	const struct check_plugin *plugin;
	size_t i;
	size_t body;
};

static void answer_command(struct skybus_link *link)
{
	static const char *const codes[] = { "", "4.04", "no code" };
	struct skybus_verdict why;

	if (link->n_commands == 0 || !(link->command.flags & SKYBUS_ANSWERABLE) ||
	    !link->plugin->answer)
		return;
	for (size_t i = 0; i < SB_ELEMENTS(codes); i++)
		(void)scripted_answer_command(link, codes[i], "{\"a\":1}", i == 0 ? 7 : 0, true,
					      &why);
}

static void serve(void *arg)
{
	const struct call *call = arg;
	const char *body = check_replies_body(call->body);
	const char *path = paths[call->i % SB_ELEMENTS(paths)];
	const char *query = queries[call->i / SB_ELEMENTS(paths) % SB_ELEMENTS(queries)];
	uint32_t method =
		methods[call->i / SB_ELEMENTS(paths) / SB_ELEMENTS(queries) % SB_ELEMENTS(methods)];
	struct skybus_link *link = check_walk_begin(call->plugin);

	if (!link)
		return;
	(void)check_walk_login(call->plugin, link, CHECK_STEPS_MAX);
	link->serve_format = formats[call->body % SB_ELEMENTS(formats)];
	check_when("when the cloud asks for %s with the method %u", path, method);
	(void)scripted_serve(link, method, path, query, body, (uint32_t)strlen(body));
	answer_command(link);
	check_walk_end(link);
}

static void run_serve(void *arg, size_t i)
{
	struct call call = { .plugin = arg, .i = i % ASKED, .body = i / ASKED };

	check_case(serve, &call);
}

/**
 * check_commands() - serve() and answer()
 * @plugin: whose login is known
 * @outcome: of this check
 */
void check_commands(struct check_plugin *plugin, struct check_outcome *outcome)
{
	size_t n = ASKED * check_replies_bodies();

	if (!plugin->descriptor->serve) {
		(void)snprintf(outcome->text, sizeof(outcome->text),
			       "the cloud asks nothing: there is no serve()");
		return;
	}
	if (!plugin->login.listens) {
		outcome->result = CHECK_SKIPPED;
		(void)snprintf(
			outcome->text, sizeof(outcome->text),
			"serve(): host->listen() was not called: give settings with which it is");
		return;
	}
	check_run(plugin, &outcome->findings, run_serve, plugin, n);
	(void)snprintf(outcome->text, sizeof(outcome->text), "%zu requests from the cloud", n);
}
