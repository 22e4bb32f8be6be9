/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The way into a plugin's code: whatever of it the daemon runs for a link, be it a call of its descriptor or a
 * completion of what it was lent, is run here and nowhere else. What comes back has an end: reasons are cut to
 * their room. Which of the optional calls a plugin has is known here as well.
 *
 * Calls nest: what a plugin asks of the daemon may run code of the same plugin, or of another, before it returns.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/link-private.h"

/* ---- which optional calls there are ---- */

bool sb_plugin_batches(const struct skybus_plugin *plugin);
bool sb_plugin_keeps_alive(const struct skybus_plugin *plugin);
bool sb_plugin_serves(const struct skybus_plugin *plugin);
bool sb_plugin_answers(const struct skybus_plugin *plugin);

/* ---- the calls ---- */

int sb_plugin_attach(struct sb_link *link, const struct skybus_plugin *plugin,
		     struct skybus_verdict *why);
void sb_plugin_detach(struct sb_link *link);
void sb_plugin_login(struct sb_link *link);
int sb_plugin_encode(struct sb_link *link, const struct skybus_message *message,
		     struct skybus_request *request, struct skybus_verdict *verdict);
void sb_plugin_decide(struct sb_link *link, const struct skybus_message *message,
		      const struct skybus_reply *reply, struct skybus_verdict *verdict);
int sb_plugin_accept(struct sb_link *link, const struct skybus_message *message,
		     struct skybus_verdict *why);
int sb_plugin_keepalive(struct sb_link *link, struct skybus_request *request);
void sb_plugin_serve(struct sb_link *link, const struct skybus_incoming *incoming,
		     struct skybus_response *response);
int sb_plugin_answer(struct sb_link *link, const struct skybus_answer *answer,
		     struct skybus_response *response, struct skybus_verdict *why);
const char *sb_plugin_device(struct sb_link *link);
size_t sb_plugin_gather(struct sb_link *link, const struct skybus_message *messages, size_t n);
int sb_plugin_encode_batch(struct sb_link *link, const struct skybus_message *messages, size_t n,
			   struct skybus_request *request, struct skybus_verdict *verdict);

/* ---- the completions ---- */

void sb_plugin_on_opened(struct sb_link *link, skybus_opened_fn *done, void *tag, int outcome,
			 const char *reason);
void sb_plugin_on_replied(struct sb_link *link, skybus_replied_fn *done, void *tag,
			  const struct skybus_reply *reply);
void sb_plugin_on_fetched(struct sb_link *link, skybus_fetched_fn *done, void *tag,
			  const struct skybus_fetched *fetched);
void sb_plugin_on_timer(struct sb_link *link, skybus_timer_fn *done, void *tag);
void sb_plugin_on_stored(struct sb_link *link, skybus_stored_fn *done, void *tag, int error);
