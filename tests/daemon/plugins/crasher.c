/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that ends the process: in the call that its settings name, and in the way that they name. Otherwise it logs in
 * without asking anybody, and delivers what was answered at all. SKYBUS_CRASHER in the environment has it
 * crash while it is being loaded.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/daemon/plugins/stub.h"

struct crasher {
	const struct skybus_host *host;
	struct skybus_link *link;
	const char *in;
	const char *how;
};

static const struct skybus_setting settings[] = {
	{ .key = "host", .kind = SKYBUS_HOST, .fallback = "127.0.0.1", .help = "The cloud." },
	{ .key = "port", .kind = SKYBUS_PORT, .fallback = "5683", .help = "Its port." },
	{ .key = "crash_in",
	  .kind = SKYBUS_CHOICE,
	  .choices = "nothing|attach|login|opened|encode|decide|timer|accept|device",
	  .fallback = "nothing",
	  .help = "The call." },
	{ .key = "how",
	  .kind = SKYBUS_CHOICE,
	  .choices = "fault|abort|trap|exit|stack|hang|killed",
	  .fallback = "fault",
	  .help = "The way." },
};

/* The compiler shall not see through it. */
static volatile int *volatile nowhere;

__attribute__((noinline)) static int fall(volatile int *from)
{
	volatile int room[1024];

	if (*from < 0)
		return 0;
	room[0] = *from + 1;

	return fall(room) + room[0];
}

static void crash(const char *how)
{
	volatile int zero = 0;

	if (strcmp(how, "fault") == 0)
		*nowhere = 1;
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "trap") == 0)
		__builtin_trap();
	if (strcmp(how, "exit") == 0)
		exit(3);
	if (strcmp(how, "stack") == 0)
		(void)fall(&zero);
	if (strcmp(how, "killed") == 0)
		(void)kill(getpid(), SIGKILL);
	(void)dprintf(STDERR_FILENO, "hangs\n");
	for (;;)
		(void)pause();
}

static void pass(const struct crasher *crasher, const char *call)
{
	if (strcmp(crasher->in, call) == 0)
		crash(crasher->how);
}

__attribute__((constructor)) static void loaded(void)
{
	if (getenv("SKYBUS_CRASHER"))
		crash("fault");
}

static int32_t attach(const struct skybus_host *host, struct skybus_link *link, void **ret_state,
		      struct skybus_verdict *why)
{
	struct crasher *crasher = malloc(sizeof(*crasher));

	(void)why;
	if (!crasher)
		return -ENOMEM;
	*crasher = (struct crasher){
		.host = host,
		.link = link,
		.in = host->setting_text(link, "crash_in"),
		.how = host->setting_text(link, "how"),
	};
	pass(crasher, "attach");
	*ret_state = crasher;

	return 0;
}

static void detach(void *state)
{
	free(state);
}

static void on_timer(void *state, void *tag)
{
	(void)tag;
	pass(state, "timer");
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	const struct skybus_terms terms = { .size = sizeof(terms) };
	const struct crasher *crasher = state;

	(void)tag;
	pass(crasher, "opened");
	if (outcome < 0) {
		crasher->host->failed(crasher->link, SKYBUS_TRANSIENT, reason, 0);
		return;
	}
	(void)crasher->host->timer_start(crasher->link, 1, on_timer, NULL);
	crasher->host->online(crasher->link, &terms);
}

static void login(void *state)
{
	const struct crasher *crasher = state;
	const struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = crasher->host->setting_text(crasher->link, "host"),
		.port = (uint32_t)crasher->host->setting_integer(crasher->link, "port"),
	};

	pass(crasher, "login");
	if (crasher->host->open_session(crasher->link, &session, on_opened, NULL) < 0)
		crasher->host->failed(crasher->link, SKYBUS_TRANSIENT, "no session", 0);
}

static int32_t encode(void *state, const struct skybus_message *message,
		      struct skybus_request *request, struct skybus_verdict *verdict)
{
	(void)message;
	(void)request;
	(void)verdict;
	pass(state, "encode");

	return 0;
}

static void decide(void *state, const struct skybus_message *message,
		   const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	(void)message;
	(void)reply;
	pass(state, "decide");
	verdict->kind = SKYBUS_DELIVERED;
}

static int32_t accept_message(void *state, const struct skybus_message *message,
			      struct skybus_verdict *why)
{
	(void)message;
	(void)why;
	pass(state, "accept");

	return 0;
}

static const char *device(void *state)
{
	pass(state, "device");

	return "crasher";
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE,
	STUB_TEXTS("crasher"),
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.attach = attach,
	.detach = detach,
	.login = login,
	.encode = encode,
	.decide = decide,
	.accept = accept_message,
	.device = device,
};
