/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small plugin that is in order, and breaks one rule in each of its variants: -DBREAKS=… names the rule,
 * and NAME is the name of the file. test-check.py says what the checker must find.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <skybus/plugin.h>

enum {
	NOTHING,
	ABORTS,
	ACCEPT_CHANGES,
	ACCEPT_STORES,
	ATTACH_LEAVES_TIMER,
	ATTACH_LEAKS,
	CRASHES_AT_TIMEOUT,
	CRASHES_AT_REFUSAL,
	ENCODE_IMPURE,
	ENDLESS,
	EXITS,
	FAILED_AFTER_ONLINE,
	FREES_SENT,
	GATHER_COUNTS_ON,
	GATHER_TOO_MANY,
	KEEPS_MESSAGE,
	KEEPS_REPLY,
	KEEPS_SETTING,
	KEEPS_STORED,
	LOGIN_LEAKS,
	MIXES_LINKS,
	NEVER_ENDS,
	NEVER_FREES,
	ONLINE_TWICE,
	OPENS_FILE,
	OPENS_SOCKET,
	PRINTS,
	READS_BEYOND,
	READS_CLOCK,
	READS_REPLY_BEYOND,
	REASON_BEYOND,
	REASON_ENDLESS,
	REASON_MISSING,
	REFUSAL_LEAKS,
	SAYS_ANYTHING,
	SIZE_MISSING,
	SLEEPS,
	STARTS_THREAD,
	STORES_RESERVED,
	TELLS_SECRET,
	TIMER_CRASHES,
	VERDICT_NONSENSE,
	WRITES_MESSAGE,
	WRITES_STATIC,
};

#define BREAKING(what) (BREAKS == (what))
#define UNUSED __attribute__((unused))

#define CHANGED SKYBUS_CODE(2, 4)

/* One link. */
struct demo {
	const struct skybus_host *host;
	struct skybus_link *link;
	bool saving; /* the login waits for the disk; a write of the login before may come back, too */
	unsigned int counter;
	const uint8_t *kept;
	void *leaked;
};

static UNUSED unsigned int n_logins;
static UNUSED const char *kept_setting;
static UNUSED struct demo *latest;

/* Not to be optimised away. */
static UNUSED volatile uint8_t sink;
static UNUSED void *volatile lost;

static const struct skybus_setting settings[] = {
	{ .key = "host", .kind = SKYBUS_HOST, .flags = SKYBUS_REQUIRED, .help = "The cloud." },
	{ .key = "port", .kind = SKYBUS_PORT, .fallback = "5683", .help = "Its port." },
	{ .key = "device", .kind = SKYBUS_TEXT, .flags = SKYBUS_REQUIRED, .help = "Its name." },
	{ .key = "secret", .kind = SKYBUS_SECRET, .flags = SKYBUS_REQUIRED, .help = "Its secret." },
	{ .key = "mode",
	  .kind = SKYBUS_CHOICE,
	  .choices = "fast|slow",
	  .fallback = "fast",
	  .help = "How." },
};

/* ---- the rules that are broken ---- */

static UNUSED void *idle(void *arg)
{
	return arg;
}

static UNUSED void start_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, idle, NULL) == 0)
		(void)pthread_join(thread, NULL);
}

static UNUSED void ring(void *state, void *tag)
{
	struct demo *demo = state;

	(void)tag;
	if (BREAKING(TIMER_CRASHES))
		sink = *(const volatile uint8_t *)demo->kept;
}

static UNUSED void wait_a_moment(void)
{
	const struct timespec moment = { .tv_nsec = 1000 };

	(void)nanosleep(&moment, NULL);
}

/* All that is done wrong in login(). */
static void misbehave(struct demo *demo)
{
	if (BREAKING(OPENS_SOCKET))
		(void)close(socket(AF_INET, SOCK_DGRAM, 0));
	if (BREAKING(STARTS_THREAD))
		start_thread();
	if (BREAKING(WRITES_STATIC))
		n_logins++;
	if (BREAKING(PRINTS))
		(void)printf("logging in\n");
	if (BREAKING(SAYS_ANYTHING))
		(void)printf("\xff\033[2J\n");
	if (BREAKING(LOGIN_LEAKS))
		demo->leaked = malloc(40);
	if (BREAKING(STORES_RESERVED))
		(void)demo->host->store_put(demo->link, ".token", "t", 1, NULL, NULL);
	if (BREAKING(TELLS_SECRET)) {
		char line[64] = "";
		uint32_t len;
		const uint8_t *secret = demo->host->setting_secret(demo->link, "secret", &len);

		(void)snprintf(line, sizeof(line), "secret %.*s", (int)len, (const char *)secret);
		demo->host->log(demo->link, SKYBUS_LOG_DEBUG, line);
	}
}

/* ---- attach and detach ---- */

static int32_t attach(const struct skybus_host *host, struct skybus_link *link, void **ret_state,
		      struct skybus_verdict *why)
{
	struct demo *demo;

	if (BREAKING(OPENS_FILE))
		(void)close(open("/etc/hostname", O_RDONLY));
	if (strcmp(host->setting_text(link, "mode"), "slow") == 0) {
		if (BREAKING(ATTACH_LEAVES_TIMER))
			(void)host->timer_start(link, 1000, ring, NULL);
		if (BREAKING(REFUSAL_LEAKS))
			lost = malloc(100);
		(void)snprintf(why->reason, sizeof(why->reason),
			       "slow is not there yet: set mode to fast");
		return -EINVAL;
	}
	demo = calloc(1, sizeof(*demo));
	if (!demo)
		return -ENOMEM;
	demo->host = host;
	demo->link = link;
	if (BREAKING(KEEPS_SETTING)) {
		if (kept_setting)
			sink = (uint8_t)*kept_setting;
		kept_setting = host->setting_text(link, "device");
	}
	if (BREAKING(MIXES_LINKS))
		latest = demo;
	*ret_state = demo;

	return 0;
}

static void detach(void *state)
{
	if (!BREAKING(ATTACH_LEAKS))
		free(state);
}

/* ---- login ---- */

static void fail(struct demo *demo, const char *reason)
{
	demo->host->failed(demo->link, SKYBUS_TRANSIENT, reason, 0);
	if (BREAKING(FAILED_AFTER_ONLINE))
		demo->host->online(demo->link,
				   &(struct skybus_terms){ .size = sizeof(struct skybus_terms) });
}

static void come_online(struct demo *demo)
{
	const struct skybus_terms terms = {
		.size = BREAKING(SIZE_MISSING) ? 0 : sizeof(terms),
		.expires_s = 3600,
		.keepalive_s = 60,
		.batch_s = 5,
	};

	demo->host->online(demo->link, &terms);
	if (BREAKING(TIMER_CRASHES) && demo->counter++ == 0)
		(void)demo->host->timer_start(demo->link, 1000, ring, NULL);
	if (BREAKING(ONLINE_TWICE))
		demo->host->online(demo->link, &terms);
}

static void on_stored(void *state, void *tag, int32_t error)
{
	struct demo *demo = state;

	(void)tag;
	if (!demo->saving)
		return;
	demo->saving = false;
	if (error == 0)
		come_online(demo);
	else
		fail(demo, "the token could not be stored");
}

static void keep_token(struct demo *demo, const struct skybus_reply *reply)
{
	int32_t r;

	if (BREAKING(KEEPS_REPLY))
		demo->kept = reply->payload;
	if (BREAKING(READS_REPLY_BEYOND))
		sink = reply->payload_len > 0 ? reply->payload[7] : 0;
	demo->saving = true;
	r = demo->host->store_put(demo->link, "token", "t-1", 3, on_stored, NULL);
	if (r < 0)
		fail(demo, "the token could not be stored");
}

static void on_auth(void *state, void *tag, const struct skybus_reply *reply)
{
	struct demo *demo = state;

	(void)tag;
	if (BREAKING(CRASHES_AT_TIMEOUT) && reply->outcome == SKYBUS_TIMEOUT)
		sink = *(const volatile uint8_t *)reply->payload;
	if (BREAKING(NEVER_ENDS) && reply->outcome == SKYBUS_RESET)
		return;
	if (BREAKING(EXITS) && reply->outcome == SKYBUS_UNREACHABLE)
		exit(3);
	if (reply->outcome != SKYBUS_ANSWERED)
		fail(demo, NULL);
	else if (SKYBUS_CODE_CLASS(reply->code) != 2)
		fail(demo, "the cloud refuses the device");
	else
		keep_token(demo, reply);
}

static void ask_in(struct demo *demo)
{
	const struct skybus_host *host = demo->host;
	struct skybus_request *request = host->new_request(demo->link);

	if (BREAKING(CRASHES_AT_REFUSAL))
		host->request_path(request, "/auth");
	if (!request) {
		fail(demo, "no memory");
		return;
	}
	host->request_path(request, "/auth");
	host->request_query(request, host->setting_text(demo->link, "device"));
	if (BREAKING(NEVER_FREES)) {
		fail(demo, "no mood");
		return;
	}
	if (host->send_request(request, 0, on_auth, NULL) < 0)
		fail(demo, "the request could not be sent");
	else if (BREAKING(FREES_SENT))
		host->free_request(request);
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	(void)tag;
	if (outcome < 0)
		fail(state, reason);
	else
		ask_in(state);
}

static void login(void *state)
{
	struct demo *demo = BREAKING(MIXES_LINKS) ? latest : state;
	const struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = demo->host->setting_text(demo->link, "host"),
		.port = (uint32_t)demo->host->setting_integer(demo->link, "port"),
	};
	struct demo *own = state;

	own->saving = false;
	misbehave(demo);
	if (BREAKING(SAYS_ANYTHING)) {
		fail(own, "no\nok 99 - more \xff");
		return;
	}
	if (own->host->open_session(own->link, &session, on_opened, NULL) < 0)
		fail(own, "the session could not be opened");
}

/* ---- messages ---- */

static int32_t accept_message(void *state, const struct skybus_message *message,
			      struct skybus_verdict *why)
{
	struct demo *demo = state;

	if (BREAKING(ACCEPT_CHANGES))
		demo->counter++;
	if (BREAKING(ACCEPT_STORES))
		(void)demo->host->store_put(demo->link, "last", message->topic, 1, NULL, NULL);
	if (strlen(message->topic) <= 100)
		return 0;
	(void)snprintf(why->reason, sizeof(why->reason), "a topic has at most 100 bytes");

	return -EINVAL;
}

static void misuse(struct demo *demo, const struct skybus_message *message)
{
	if (BREAKING(SLEEPS))
		wait_a_moment();
	if (BREAKING(WRITES_MESSAGE) && message->payload_len > 0)
		((uint8_t *)message->payload)[0] = ' ';
	for (size_t i = 0; BREAKING(READS_BEYOND) && message->payload && message->payload[i]; i++)
		sink = message->payload[i];
	if (BREAKING(KEEPS_MESSAGE))
		demo->kept = message->payload;
	if (BREAKING(KEEPS_REPLY) && demo->kept)
		sink = *demo->kept;
	if (BREAKING(READS_CLOCK) && time(NULL) == 0)
		sink = 1;
	if (BREAKING(KEEPS_STORED)) {
		uint32_t len;
		const uint8_t *token = demo->host->store_get(demo->link, "token", &len);

		(void)demo->host->store_get(demo->link, "other", &len);
		sink = token ? *token : 0;
	}
}

static int32_t encode(void *state, const struct skybus_message *message,
		      struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct demo *demo = state;
	char path[256], query[32];

	if (strlen(message->topic) > 100) {
		if (BREAKING(REASON_BEYOND))
			memset(verdict->reason, 'a', 4 * sizeof(verdict->reason));
		(void)snprintf(verdict->reason, sizeof(verdict->reason),
			       "a topic has at most 100 bytes");
		return -EINVAL;
	}
	misuse(demo, message);
	if (BREAKING(ENCODE_IMPURE))
		demo->counter++;
	(void)snprintf(path, sizeof(path), "/up/%s", message->topic);
	(void)snprintf(query, sizeof(query), "n=%u", demo->counter);
	demo->host->request_path(request, path);
	demo->host->request_query(request, query);

	return 0;
}

static void decide(void *state, const struct skybus_message *message,
		   const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	struct demo *demo = state;
	uint32_t class = SKYBUS_CODE_CLASS(reply->code);

	(void)message;
	if (BREAKING(KEEPS_MESSAGE) && demo->kept)
		sink = *demo->kept;
	while (BREAKING(ENDLESS) && reply->code == SKYBUS_CODE(5, 3))
		sink = 1;
	if (BREAKING(ABORTS) && reply->payload_len > 1000)
		abort();
	verdict->kind = class == 2 ? SKYBUS_DELIVERED : class == 4 ? SKYBUS_REJECTED : SKYBUS_RETRY;
	if (class != 2 && !BREAKING(REASON_MISSING))
		(void)snprintf(verdict->reason, sizeof(verdict->reason),
			       "the cloud answers %u.%02u", class, reply->code & 31);
	if (BREAKING(REASON_ENDLESS))
		memset(verdict->reason, 'a', sizeof(verdict->reason));
	if (BREAKING(VERDICT_NONSENSE))
		verdict->kind = 7;
}

static int32_t keepalive(void *state, struct skybus_request *request)
{
	struct demo *demo = state;

	demo->host->request_method(request, SKYBUS_GET);
	demo->host->request_path(request, "/ping");

	return 0;
}

/* Any two messages go together. */
static uint32_t gather(void *state, const struct skybus_message *messages, uint32_t n)
{
	struct demo *demo = state;

	(void)messages;
	if (BREAKING(GATHER_TOO_MANY))
		return n + 1;
	if (BREAKING(GATHER_COUNTS_ON) && demo->counter++ > 0)
		return 1;

	return n < 2 ? n : 2;
}

static int32_t encode_batch(void *state, const struct skybus_message *messages, uint32_t n,
			    struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct demo *demo = state;

	(void)verdict;
	demo->host->request_path(request, "/up");
	demo->host->request_payload(request, messages[n - 1].payload, messages[n - 1].payload_len);

	return 0;
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(struct skybus_plugin),
	.name = NAME,
	.version = "1.0",
	.summary = "A plugin that breaks one rule, or none",
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.attach = attach,
	.detach = detach,
	.login = login,
	.encode = encode,
	.decide = decide,
	.accept = accept_message,
	.keepalive = keepalive,
	.gather = gather,
	.encode_batch = encode_batch,
};
