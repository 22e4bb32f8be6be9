/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The calls of a link: commands that an app has subscribed to in order to answer, and that wait for
 * its answer. A call ends with the answer, or with its time, or with its link.
 *
 * Where the cloud waits for the response to a request, that goes out when what the request brought is on
 * disk, for those apps that want it to be; requests that no app may answer wait here just for that.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/landing.h"
#include "daemon/loop.h"
#include "daemon/outbox.h"
#include "daemon/response.h"
#include "daemon/transport-listener.h"
#include "skybus/plugin.h"

#define SB_CALLS_MAX 64 /* of one link at a time */
#define SB_CALL_CONTEXT_MAX 1024

struct sb_call;
struct sb_calls;

/** Nobody has answered a command that came in a reply, and @call says what is to be answered otherwise. */
typedef void sb_call_unanswered_fn(void *userdata, const struct sb_call *call);

/**
 * struct sb_call - one
 * @message: the number under which the apps know the command
 * @topic: owned
 * @context: owned; what the plugin gave
 * @incoming: who waits, owned; NULL when the command came in a reply
 * @otherwise: what that one is told when no answer comes, owned; NULL likewise
 * @code: what is answered otherwise to a command that came in a reply, owned; NULL for nothing
 * @landing: until what the request brought is on disk; owned; NULL when it is, or nobody waits for that
 * @matched: whom the request reached: subscriptions
 * @response: what the app has answered, while @landing holds it back; owned
 * @holds: it waits for @landing alone, and no app may answer it
 * @listed: it has begun
 * @deadline: when its time is over
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
	char *code;
	struct sb_landing *landing;
	size_t matched;
	struct sb_response *response;
	bool holds;
	bool listed;
	struct sb_timer deadline;
	sb_published_fn *answered;
	void *userdata;
	struct sb_task tell;
};

/** struct sb_calls - all of a link; embedded in it */
struct sb_calls {
	struct sb_loop *loop;
	TAILQ_HEAD(, sb_call) all;
	unsigned int n; /* that an app may answer */
	sb_call_unanswered_fn *unanswered;
	void *userdata;
};

void sb_calls_init(struct sb_calls *calls, struct sb_loop *loop, sb_call_unanswered_fn *unanswered,
		   void *userdata);
void sb_calls_end(struct sb_calls *calls);
void sb_calls_give_up(struct sb_calls *calls);
void sb_calls_done(struct sb_calls *calls);
struct sb_call *sb_calls_find(struct sb_calls *calls, uint64_t message);

struct sb_call *sb_call_new(struct sb_calls *calls, const char *topic, const void *context,
			    uint32_t context_len);
struct sb_call *sb_call_free(struct sb_call *call);
SB_DEFINE_CLEANUP(struct sb_call *, sb_call_free)

int sb_call_say_otherwise(struct sb_call *call, const char *code);
void sb_call_begin(struct sb_call *call, uint64_t message, uint64_t patience_usec);
void sb_call_await(struct sb_call *call, struct sb_incoming *incoming,
		   struct sb_response *otherwise);
struct sb_call *sb_call_hold(struct sb_calls *calls, uint64_t patience_usec);
void sb_call_land(struct sb_call *call, struct sb_landing *landing, size_t matched);
void sb_call_answer(struct sb_call *call, struct sb_response *response, sb_published_fn *answered,
		    void *userdata);
