/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A plugin that does what the test says. It logs in with a request to /login, publishes a message to
 * its topic, and reads verdicts out of the codes of replies.
 */
#include <stdbool.h>

#include "daemon/plugins.h"
#include "skybus/plugin.h"

/** What login() does. */
enum script_login {
	SCRIPT_OPENS, /* opens a session, then logs in over it */
	SCRIPT_REUSES, /* logs in over the session that there is, or else opens one */
	SCRIPT_IS_ONLINE, /* says so at once */
	SCRIPT_FAILS, /* likewise, with fail_… */
	SCRIPT_HANGS,
};

/** struct script - what the plugin is to do, and what it was told; one at a time */
struct script {
	int32_t attach_error;
	const char *attach_reason;
	enum script_login login;
	struct skybus_terms terms;
	uint32_t fail_kind; /* also of a login that was answered with 4.xx */
	const char *fail_reason;
	uint32_t fail_wait_s;
	uint32_t silent_wait_s; /* likewise, when nobody has answered */
	int32_t encode_error;
	struct skybus_verdict encode_verdict;
	uint32_t fits; /* so many messages into a request, but none that begins with an x */
	int32_t encode_batch_error;
	int32_t accept_error;
	const char *accept_reason;
	void (*decide)(void); /* called within decide() */
	void (*fire)(void); /* when a timer has fired */
	void (*serve)(const struct skybus_incoming *incoming, struct skybus_response *response);
	int32_t (*answer)(const struct skybus_answer *answer, struct skybus_response *response,
			  struct skybus_verdict *why);
	const char *otherwise; /* of commands */
	bool stubborn; /* says that it is online also when no session could be opened */

	const struct skybus_host *host;
	struct skybus_link *link;
	unsigned int attached;
	unsigned int logins;
	int32_t opened_outcome; /* 1: not told */
	unsigned int encoded;
	unsigned int gathered;
	int64_t time_ms; /* of the message that was encoded last */
	unsigned int decided;
	unsigned int replied; /* requests of its own other than logins */
	uint32_t last_outcome;
	unsigned int notified;
	unsigned int over; /* observations */
	void (*notice)(const struct skybus_reply *reply); /* called with each notification */
	unsigned int fired; /* timers */
	unsigned int stored;
	unsigned int fetched;
	uint32_t last_status;
	bool fail_when_fetched; /* the login */
};

extern struct script script;
extern const struct sb_plugin script_plugin;
extern const struct sb_plugin
	script_deaf_plugin; /* without serve, answer, gather and encode_batch */

void script_reset(void);
void script_send_login(void);
int32_t script_open_session(void);
int32_t script_send(const char *path);
int64_t script_observe(const char *path, uint32_t method);
int32_t script_fetch(const char *url);
int32_t script_listen(uint32_t port, const char *from);
int32_t script_deliver(const char *topic, uint32_t flags, uint32_t answer_s);
int64_t script_start_timer(uint32_t ms);
int32_t script_store(const char *key, const char *value);
