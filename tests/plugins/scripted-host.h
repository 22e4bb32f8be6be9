/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A host for testing plugins: it plays the daemon, without network, disk and clock. What the
 * plugin asks for is kept for the test to look at, and nothing comes of it until the test says so:
 * it opens the session, answers the requests, lets time pass.
 *
 * It also watches that the plugin keeps the rules of skybus/plugin.h. The first rule that was
 * broken stays in link->fault; a test asserts at its end that there is none. What the host lends
 * lies in blocks of just its size and only as long as promised, so that AddressSanitizer sees who
 * reads beyond.
 *
 * The two types that plugin.h leaves to the daemon, a link and a request, are defined here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "skybus/plugin.h"

#define SCRIPTED_OPTIONS_MAX 16

struct scripted_timer;
struct scripted_value;
struct scripted_entry;
struct scripted_write;

/**
 * struct scripted_setting - what the configuration would say
 * @key: as in the plugin's table; NULL ends a list
 * @value: its text; numbers with one unit at most
 * @len: of a secret that holds zero bytes; 0 for the length of the text
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
	char query[256]; /* "a=1&b=2" */
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
	uint8_t identity[256];
	uint32_t identity_len;
	uint8_t key[256];
	uint32_t key_len;
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
};

/** struct scripted_refusals - what the host's calls shall return instead; 0 lets them work */
struct scripted_refusals {
	int32_t open_session;
	int32_t send_request;
	int32_t timer_start;
	bool new_request;
};

/** struct skybus_link - a link, and what its plugin did with it */
struct skybus_link {
	const struct skybus_plugin *plugin;
	const struct scripted_setting *settings;
	void *state;
	bool attached;
	char fault[256]; /* "" while the plugin keeps the rules */

	/* To be set by the test. */
	struct scripted_refusals refuse;
	void (*when_online)(struct skybus_link *link); /* runs within online() */

	/* To be looked at by the test. */
	bool opening;
	bool open;
	bool logging_in;
	unsigned int n_sessions;
	unsigned int n_online;
	unsigned int n_failed;
	unsigned int n_commands;
	unsigned int n_timers;
	struct scripted_session session;
	struct skybus_terms terms;
	struct scripted_failure failure;
	struct scripted_command command;
	char last_log[256];
	struct scripted_requests sent; /* oldest first, the lent ones among them */
	uint64_t now_ms;

	/* The host's own. */
	struct scripted_requests filling;
	struct scripted_value *values;
	TAILQ_HEAD(, scripted_timer) timers;
	TAILQ_HEAD(, scripted_entry) store;
	TAILQ_HEAD(, scripted_write) writes;
	int64_t last_timer;
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
void scripted_pass(struct skybus_link *link, uint64_t ms);
void scripted_stored(struct skybus_link *link, int32_t error);

struct skybus_request *scripted_encode(struct skybus_link *link, const char *topic,
				       const void *payload, uint32_t payload_len);
struct skybus_request *scripted_keepalive(struct skybus_link *link);
int32_t scripted_accept(struct skybus_link *link, const char *topic, uint32_t payload_len,
			struct skybus_verdict *ret_why);

const struct scripted_option *scripted_option(const struct skybus_request *request,
					      uint32_t number);
struct skybus_reply scripted_reply(uint32_t code, const void *payload, uint32_t payload_len);
