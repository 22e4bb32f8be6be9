/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The calls of a link: commands that an app has subscribed to in order to answer, and that wait for
 * its answer. A call ends with the answer, or with its time, or with its link.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/loop.h"
#include "daemon/outbox.h"
#include "daemon/response.h"
#include "daemon/transport-listener.h"
#include "skybus/plugin.h"

#define SB_CALLS_MAX 64 /* of one link at a time */
#define SB_CALL_CONTEXT_MAX 1024

struct sb_calls;

/**
 * struct sb_call - one
 * @message: the number under which the apps know the command
 * @topic: owned
 * @context: owned; what the plugin gave
 * @incoming: who waits, owned; NULL when the command came in a reply
 * @otherwise: what that one is told when no answer comes, owned; NULL likewise
 * @deadline: when that is
 * @answered: it is over, and who answered is yet to be told so; NULL until then
 * @userdata: for @answered
 */
struct sb_call {
	TAILQ_ENTRY(sb_call) entry;
	struct sb_calls *calls;
	uint64_t message;
	char *topic;
	uint8_t *context;
	uint32_t context_len;
	struct sb_incoming *incoming;
	struct sb_response *otherwise;
	struct sb_timer deadline;
	sb_published_fn *answered;
	void *userdata;
	struct sb_task tell;
};

/** struct sb_calls - all of a link; embedded in it */
struct sb_calls {
	struct sb_loop *loop;
	TAILQ_HEAD(, sb_call) all;
	unsigned int n;
};

void sb_calls_init(struct sb_calls *calls, struct sb_loop *loop);
void sb_calls_end(struct sb_calls *calls);
void sb_calls_done(struct sb_calls *calls);
struct sb_call *sb_calls_find(struct sb_calls *calls, uint64_t message);

struct sb_call *sb_call_new(struct sb_calls *calls, const char *topic, const void *context,
			    uint32_t context_len);
struct sb_call *sb_call_free(struct sb_call *call);
SB_DEFINE_CLEANUP(struct sb_call *, sb_call_free)

void sb_call_begin(struct sb_call *call, uint64_t message, uint64_t patience_usec);
void sb_call_await(struct sb_call *call, struct sb_incoming *incoming,
		   struct sb_response *otherwise);
void sb_call_answer(struct sb_call *call, const struct sb_response *response,
		    sb_published_fn *answered, void *userdata);
