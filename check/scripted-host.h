/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A host for testing plugins: it plays the daemon, without network, disk and clock. What the
 * plugin asks for is kept for the test to look at, and nothing comes of it until the test says so:
 * it opens the session, answers the requests, lets time pass.
 *
 * It also watches that the plugin keeps the rules of skybus/plugin.h. The first rule that was
 * broken stays in link->fault, with what to do instead; a test asserts at its end that there is none.
 * What the host lends is there only as long as promised (scripted-lent.h).
 *
 * The three types that plugin.h leaves to the daemon, a link, a request and a response, are defined
 * here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "skybus/plugin.h"

#define SCRIPTED_OPTIONS_MAX 16
#define SCRIPTED_PSK_MAX 256
#define SCRIPTED_FETCHES_MAX 4
#define SCRIPTED_OBSERVED_MAX 8
#define SCRIPTED_FETCH_LEN_MAX 65536 /* unless the plugin says another */

struct scripted_timer;
struct scripted_value;
struct scripted_entry;
struct scripted_fetching;
struct scripted_write;

/**
 * struct scripted_setting - what the configuration would say
 * @key: as in the plugin's table; NULL ends a list
 * @value: its text; numbers with one unit at most; of a file what it holds
 * @len: of a secret or file that holds zero bytes; 0 for the length of the text
 */
struct scripted_setting {
	const char *key;
	const char *value;
	uint32_t len;
};

/** What a request is for. */
enum scripted_kind {
	SCRIPTED_OWN, /* made by the plugin; its completion is the plugin's too */
	SCRIPTED_MESSAGE, /* lent to encode() */
	SCRIPTED_KEEPALIVE, /* lent to keepalive() */
};

/** struct scripted_message - one of several; the first has the ticket 1 and the link's time, the next 2 and 1 s more */
struct scripted_message {
	const char *topic;
	const char *payload;
};

/** struct scripted_option - an option other than path and query */
struct scripted_option {
	uint32_t number;
	uint32_t len;
	uint8_t *value;
};

/** struct skybus_request - a request in the plugin's hands, or sent */
struct skybus_request {
	TAILQ_ENTRY(skybus_request) entry;
	struct skybus_link *link;
	enum scripted_kind kind;
	uint32_t method;
	char path[1024]; /* as the plugin gave it */
	char segments[1024]; /* as it goes out: "/a/b", no empty ones */
	char query[2048]; /* "a=1&b=2" */
	struct scripted_option options[SCRIPTED_OPTIONS_MAX];
	uint32_t n_options;
	uint8_t *payload;
	uint32_t payload_len;
	uint64_t note;
	int32_t error; /* the first thing that went wrong while filling */

	/* SCRIPTED_OWN */
	uint32_t timeout_ms;
	skybus_replied_fn *done;
	void *tag;
	int64_t handle; /* of an observation; else 0 */
	unsigned int n_notified; /* so often */

	/* SCRIPTED_MESSAGE */
	struct skybus_message message;

	/* SCRIPTED_MESSAGE and SCRIPTED_KEEPALIVE: what the plugin said */
	int32_t result;
	struct skybus_verdict verdict;
};

TAILQ_HEAD(scripted_requests, skybus_request);

/** struct scripted_session - the last session that was asked for */
struct scripted_session {
	uint32_t security;
	char host[256];
	uint32_t port;
	uint8_t identity[SCRIPTED_PSK_MAX];
	uint32_t identity_len;
	uint8_t key[SCRIPTED_PSK_MAX];
	uint32_t key_len;
	char *server_name; /* NULL for none */
	uint8_t *trust;
	uint32_t trust_len;
};

/** struct scripted_fetch - the last fetch that was asked for */
struct scripted_fetch {
	char *url;
	char *accept; /* NULL for none */
	char *range; /* NULL for all */
	uint8_t *trust;
	uint32_t trust_len;
	uint32_t timeout_ms;
	uint32_t max_len;
};

/** struct scripted_listen - the last terms of listen() */
struct scripted_listen {
	unsigned int n; /* how often it was called, and worked */
	uint32_t port;
	bool has_from;
	char from[256];
};

/** struct scripted_failure - what failed() was told last */
struct scripted_failure {
	uint32_t kind;
	bool has_reason;
	char reason[256];
	uint32_t wait_s;
};

/** struct scripted_command - the last command that was delivered */
struct scripted_command {
	char *topic;
	uint8_t *payload;
	uint32_t payload_len;
	uint32_t content_format;
	uint32_t flags;
	uint8_t *context;
	uint32_t context_len;
	uint32_t answer_s;
	char *otherwise; /* NULL for none */
};

/** struct skybus_response - lent to serve() or to answer(), or filled */
struct skybus_response {
	struct skybus_link *link;
	bool filling;
	bool serving;
	bool as_message; /* the answer to a command that came in a reply */
	uint32_t code; /* 5.01 at the beginning of serve(), nothing at that of answer() */
	uint32_t content_format;
	uint8_t *payload;
	uint32_t payload_len;
	char *topic; /* NULL for none */
	unsigned int n_commands; /* delivered by serve() */
};

/** struct scripted_refusals - what the host's calls shall return instead; 0 lets them work */
struct scripted_refusals {
	int32_t open_session;
	int32_t send_request;
	int32_t timer_start;
	int32_t fetch;
	int32_t listen;
	int32_t store_put;
	bool new_request;
};

/** struct skybus_link - a link, and what its plugin did with it */
struct skybus_link {
	const struct skybus_plugin *plugin;
	const struct scripted_setting *settings;
	void *state;
	bool attached;
	char fault[512]; /* "" while the plugin keeps the rules */
	const char *fault_call; /* in which it broke one; NULL for none */

	/* To be set by the test. */
	const void *context; /* its own */
	struct scripted_refusals refuse;
	void (*when_online)(struct skybus_link *link); /* runs within online() */
	int32_t n_subscribers; /* what deliver() returns; 1 */
	int64_t time_ms; /* of messages; 1700000000000 */
	uint32_t serve_format; /* of what the cloud sends; SKYBUS_NO_FORMAT */

	/* To be looked at by the test. */
	bool opening;
	bool open;
	bool logging_in;
	unsigned int n_sessions;
	unsigned int n_online;
	unsigned int n_failed;
	unsigned int n_commands;
	unsigned int n_timers;
	unsigned int n_fetches; /* ever */
	unsigned int n_fetching; /* now */
	struct scripted_session session;
	struct scripted_fetch fetch;
	struct scripted_listen listen;
	struct skybus_terms terms;
	struct scripted_failure failure;
	struct scripted_command command;
	struct skybus_response *response; /* the last; NULL at first */
	char last_log[256];
	struct scripted_requests sent; /* oldest first, the lent ones among them */
	struct scripted_requests observed; /* oldest first */
	unsigned int n_observed; /* now */
	uint64_t now_ms;

	/* The host's own. */
	const char *call; /* of the plugin, that is under way; NULL for none */
	unsigned int depth; /* calls within calls */
	bool only_asked; /* and the call must change nothing */
	const uint8_t *kept; /* lent by store_get(); NULL for none */
	struct scripted_requests filling;
	struct scripted_value *values;
	TAILQ_HEAD(, scripted_timer) timers;
	TAILQ_HEAD(, scripted_entry) store;
	TAILQ_HEAD(, scripted_write) writes;
	TAILQ_HEAD(, scripted_fetching) fetches;
	int64_t last_timer;
	int64_t last_observed;
	skybus_opened_fn *opened;
	void *opened_tag;
	bool unanswered; /* the last of the plugin's own requests got no answer */
};

struct skybus_link *scripted_new(const struct skybus_plugin *plugin,
				 const struct scripted_setting *settings);
struct skybus_link *scripted_free(struct skybus_link *link);
int32_t scripted_attach(struct skybus_link *link, struct skybus_verdict *ret_why);
void scripted_detach(struct skybus_link *link);

void scripted_login(struct skybus_link *link);
void scripted_opened(struct skybus_link *link, int32_t outcome, const char *reason);
struct skybus_verdict scripted_answer(struct skybus_request *request,
				      const struct skybus_reply *reply);
void scripted_notify(struct skybus_request *request, const struct skybus_reply *reply);
void scripted_pass_to_timer(struct skybus_link *link);
void scripted_pass(struct skybus_link *link, uint64_t ms);
void scripted_stored(struct skybus_link *link, int32_t error);
void scripted_fetched(struct skybus_link *link, uint32_t status, const char *content_type,
		      const char *content_range, const char *body, const char *reason);

struct skybus_request *scripted_encode(struct skybus_link *link, const char *topic,
				       const void *payload, uint32_t payload_len);
uint32_t scripted_gather(struct skybus_link *link, const struct scripted_message *messages,
			 uint32_t n);
struct skybus_request *scripted_encode_batch(struct skybus_link *link,
					     const struct scripted_message *messages, uint32_t n);
struct skybus_request *scripted_keepalive(struct skybus_link *link);
const char *scripted_device(struct skybus_link *link);
int32_t scripted_accept(struct skybus_link *link, const char *topic, uint32_t payload_len,
			struct skybus_verdict *ret_why);
int32_t scripted_accept_payload(struct skybus_link *link, const char *topic, const void *payload,
				uint32_t payload_len, struct skybus_verdict *ret_why);

const struct skybus_response *scripted_serve(struct skybus_link *link, uint32_t method,
					     const char *path, const char *query,
					     const void *payload, uint32_t payload_len);
int32_t scripted_answer_command(struct skybus_link *link, const char *code, const void *payload,
				uint32_t payload_len, bool served, struct skybus_verdict *ret_why);

const struct scripted_option *scripted_option(const struct skybus_request *request,
					      uint32_t number);
struct skybus_reply scripted_reply(uint32_t code, const void *payload, uint32_t payload_len);
