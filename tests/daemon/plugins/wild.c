/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin that works with whatever answers CoAP, until it does what no plugin may: in the call that its settings name,
 * so many times, which it remembers in the link's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "skybus/plugin.h"

#define KEY "times"

struct wild {
	const struct skybus_host *host;
	struct skybus_link *link;
};

static const struct skybus_setting settings[] = {
	{ .key = "host", .kind = SKYBUS_HOST, .flags = SKYBUS_REQUIRED, .help = "Who answers." },
	{ .key = "port", .kind = SKYBUS_PORT, .fallback = "5683", .help = "Its port." },
	{ .key = "secret", .kind = SKYBUS_SECRET, .help = "Of nobody." },
	{ .key = "listen", .kind = SKYBUS_PORT, .help = "For serve()." },
	{ .key = "where", .kind = SKYBUS_TEXT, .fallback = "nowhere", .help = "In which call." },
	{ .key = "what", .kind = SKYBUS_TEXT, .fallback = "nothing", .help = "What it does." },
	{ .key = "times", .kind = SKYBUS_INTEGER, .fallback = "1000", .help = "How often." },
};

/* ---- what no plugin may ---- */

static void say(const struct wild *wild, const char *what, long result)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "escape: %s %s", what,
		       result < 0 ? strerror(errno) : "worked");
	wild->host->log(wild->link, SKYBUS_LOG_DEBUG, text);
}

static long try_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(EXIT_SUCCESS);
	if (child > 0)
		(void)waitpid(child, NULL, 0);

	return child;
}

static void escape(const struct wild *wild)
{
	char *const arguments[] = { (char *)"true", NULL };
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	say(wild, "socket", socket(AF_INET, SOCK_DGRAM, 0));
	say(wild, "open", open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	say(wild, "create", open("/tmp/wild", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	say(wild, "unlink", unlink("/tmp/wild"));
	say(wild, "execve", execve("/bin/true", arguments, arguments + 1));
	say(wild, "fork", try_fork());
	say(wild, "kill", kill(getppid(), 0));
	say(wild, "ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	say(wild, "mprotect", mprotect(memory, 4096, PROT_READ | PROT_EXEC));
	say(wild, "mmap",
	    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			    MAP_FAILED
		    ? -1
		    : 0);
	(void)munmap(memory, 4096);
}

/* Writes more than anybody can take to disk at once. */
static void hoard(const struct wild *wild)
{
	const struct skybus_host *host = wild->host;
	char text[64];
	int32_t r = 0;
	int n;

	for (n = 0; r == 0 && n < 1000; n++)
		r = n % 2 ? host->store_remove(wild->link, "hoard", NULL, NULL)
			  : host->store_put(wild->link, "hoard", "x", 1, NULL, NULL);
	(void)snprintf(text, sizeof(text), "hoard: %s", r < 0 ? strerror(-r) : "worked");
	host->log(wild->link, SKYBUS_LOG_DEBUG, text);
}

static void crash(void)
{
	volatile uintptr_t nowhere = 16;

	*(volatile int *)nowhere = 1;
}

static void write_outside(void)
{
	volatile size_t before = 64;
	char *block = malloc(256);

	memset(block - before, 0xff, 256);
	free(block);
	free(malloc(1024));
	abort();
}

static void spin(void)
{
	for (volatile unsigned int i = 0;; i++)
		;
}

static void do_it(const struct wild *wild, const char *what)
{
	if (strcmp(what, "crash") == 0)
		crash();
	else if (strcmp(what, "abort") == 0)
		abort();
	else if (strcmp(what, "outside") == 0)
		write_outside();
	else if (strcmp(what, "exit") == 0)
		_exit(3);
	else if (strcmp(what, "hang") == 0)
		spin();
	else if (strcmp(what, "escape") == 0)
		escape(wild);
	else if (strcmp(what, "hoard") == 0)
		hoard(wild);
	else if (strcmp(what, "garbage") == 0)
		(void)!write(3, "garbage garbage garbage", 24);
	else if (strcmp(what, "close") == 0)
		(void)close(3);
	while (strcmp(what, "flood") == 0)
		wild->host->log(wild->link, SKYBUS_LOG_DEBUG, "again and again");
}

static void act(const struct wild *wild, const char *call)
{
	const struct skybus_host *host = wild->host;
	const char *where = host->setting_text(wild->link, "where");
	const uint8_t *kept;
	uint32_t len;
	uint8_t n;

	if (strcmp(where, call) != 0)
		return;
	kept = host->store_get(wild->link, KEY, &len);
	n = kept && len == 1 ? *kept : 0;
	if (n >= host->setting_integer(wild->link, "times"))
		return;
	n++;
	(void)host->store_put(wild->link, KEY, &n, 1, NULL, NULL);
	do_it(wild, host->setting_text(wild->link, "what"));
}

/* ---- what a plugin is for ---- */

static int32_t wild_attach(const struct skybus_host *host, struct skybus_link *link,
			   void **ret_state, struct skybus_verdict *why)
{
	struct wild *wild = calloc(1, sizeof(*wild));
	uint32_t len;

	if (!wild)
		return -ENOMEM;
	wild->host = host;
	wild->link = link;
	if (strcmp(host->setting_text(link, "where"), "refused") == 0) {
		(void)snprintf(why->reason, sizeof(why->reason), "where must not be refused");
		free(wild);
		return -EINVAL;
	}
	(void)host->setting_secret(link, "secret", &len);
	act(wild, "attach");
	*ret_state = wild;

	return 0;
}

static void wild_detach(void *state)
{
	act(state, "detach");
	free(state);
}

static void on_timer(void *state, void *tag)
{
	(void)tag;
	act(state, "timer");
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct wild *wild = state;
	const char *where = wild->host->setting_text(wild->link, "where");
	const struct skybus_terms terms = {
		.size = sizeof(terms),
		.keepalive_s = 1,
		.window = 4,
		.batch_s = strcmp(where, "gather") == 0 || strcmp(where, "encode_batch") == 0,
	};
	const struct skybus_listen listen = {
		.size = sizeof(listen),
		.port = (uint32_t)wild->host->setting_integer(wild->link, "listen"),
	};

	(void)tag;
	act(wild, "opened");
	if (outcome < 0) {
		wild->host->failed(wild->link, SKYBUS_TRANSIENT, reason, 0);
		return;
	}
	if (listen.port > 0)
		(void)wild->host->listen(wild->link, &listen);
	(void)wild->host->timer_start(wild->link, 10, on_timer, NULL);
	wild->host->online(wild->link, &terms);
}

static void wild_login(void *state)
{
	struct wild *wild = state;
	const struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = wild->host->setting_text(wild->link, "host"),
		.port = (uint32_t)wild->host->setting_integer(wild->link, "port"),
	};
	int32_t r;

	act(wild, "login");
	r = wild->host->open_session(wild->link, &session, on_opened, NULL);
	if (r < 0)
		wild->host->failed(wild->link, SKYBUS_TRANSIENT, "no session", 0);
}

static int32_t wild_encode(void *state, const struct skybus_message *message,
			   struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct wild *wild = state;

	(void)verdict;
	act(wild, "encode");
	wild->host->request_path(request, message->topic);

	return 0;
}

/* Whatever the cloud says. For answer(), it has a command in each reply. */
static void wild_decide(void *state, const struct skybus_message *message,
			const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	struct wild *wild = state;
	const struct skybus_command command = {
		.size = sizeof(command),
		.topic = "command",
		.content_format = SKYBUS_NO_FORMAT,
		.flags = SKYBUS_ANSWERABLE,
	};

	(void)reply;
	act(wild, "decide");
	if (message && strcmp(message->topic, "give") == 0)
		(void)wild->host->deliver(wild->link, &command);
	verdict->kind = SKYBUS_DELIVERED;
}

static int32_t wild_accept(void *state, const struct skybus_message *message,
			   struct skybus_verdict *why)
{
	act(state, "accept");
	if (strcmp(message->topic, "bad") != 0)
		return 0;
	(void)snprintf(why->reason, sizeof(why->reason), "the topic is bad");

	return -EINVAL;
}

static int32_t wild_keepalive(void *state, struct skybus_request *request)
{
	struct wild *wild = state;

	act(wild, "keepalive");
	wild->host->request_path(request, "alive");

	return 0;
}

static void wild_serve(void *state, const struct skybus_incoming *incoming,
		       struct skybus_response *response)
{
	struct wild *wild = state;

	(void)incoming;
	act(wild, "serve");
	wild->host->response_code(response, SKYBUS_CODE(2, 5));
}

static int32_t wild_answer(void *state, const struct skybus_answer *answer,
			   struct skybus_response *response, struct skybus_verdict *why)
{
	struct wild *wild = state;

	(void)why;
	act(wild, "answer");
	wild->host->response_topic(response, "answer");
	wild->host->response_payload(response, SKYBUS_NO_FORMAT, answer->payload,
				     answer->payload_len);

	return 0;
}

static const char *wild_device(void *state)
{
	act(state, "device");

	return "wild\none";
}

static uint32_t wild_gather(void *state, const struct skybus_message *messages, uint32_t n)
{
	(void)messages;
	act(state, "gather");

	return n;
}

static int32_t wild_encode_batch(void *state, const struct skybus_message *messages, uint32_t n,
				 struct skybus_request *request, struct skybus_verdict *verdict)
{
	(void)n;
	act(state, "encode_batch");

	return wild_encode(state, messages, request, verdict);
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(struct skybus_plugin),
	.name = "wild",
	.version = "1",
	.summary = "Does what no plugin may.",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.attach = wild_attach,
	.detach = wild_detach,
	.login = wild_login,
	.encode = wild_encode,
	.decide = wild_decide,
	.accept = wild_accept,
	.keepalive = wild_keepalive,
	.serve = wild_serve,
	.answer = wild_answer,
	.device = wild_device,
	.gather = wild_gather,
	.encode_batch = wild_encode_batch,
};
