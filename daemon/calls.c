/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemon/calls.h"
#include "daemon/cleanup.h"

static void call_on_deadline(struct sb_timer *timer)
{
	(void)sb_call_free(sb_container_of(timer, struct sb_call, deadline));
}

static void call_on_tell(struct sb_task *task)
{
	SB_CLEANUP(sb_call_free) struct sb_call *call = sb_container_of(task, struct sb_call, tell);

	call->answered(call->userdata, 0, NULL);
}

/**
 * sb_calls_init() - no calls yet
 * @calls: embedded in its owner
 * @loop: outlives the calls
 */
void sb_calls_init(struct sb_calls *calls, struct sb_loop *loop)
{
	*calls = (struct sb_calls){ .loop = loop };
	TAILQ_INIT(&calls->all);
}

/**
 * sb_calls_end() - no answer is awaited any more; who waits for one is told what is said otherwise
 * @calls: initialised; who has answered is told so all the same
 */
void sb_calls_end(struct sb_calls *calls)
{
	struct sb_call *call = TAILQ_FIRST(&calls->all);

	while (call) {
		struct sb_call *next = TAILQ_NEXT(call, entry);

		if (!call->answered)
			(void)sb_call_free(call);
		call = next;
	}
}

/**
 * sb_calls_done() - end all calls; nobody is told anything after this
 * @calls: initialised; who has answered is told so now
 */
void sb_calls_done(struct sb_calls *calls)
{
	struct sb_call *call;

	while ((call = TAILQ_FIRST(&calls->all))) {
		if (call->answered)
			call_on_tell(&call->tell);
		else
			(void)sb_call_free(call);
	}
}

/**
 * sb_calls_find() - the call of a command
 * @calls: the calls
 * @message: its number
 *
 * Return: the call, lent; NULL if it was answered, its time is over, or there never was one.
 */
struct sb_call *sb_calls_find(struct sb_calls *calls, uint64_t message)
{
	struct sb_call *call;

	TAILQ_FOREACH(call, &calls->all, entry)
		if (call->message == message && !call->answered)
			return call;

	return NULL;
}

/**
 * sb_call_new() - a call for a command that is about to be delivered
 * @calls: outlives the call
 * @topic: copied
 * @context: @context_len bytes, copied; may be NULL when there are none
 * @context_len: bytes
 *
 * Return: the call, the caller's until sb_call_begin(); NULL without memory, or when there are
 * SB_CALLS_MAX.
 */
struct sb_call *sb_call_new(struct sb_calls *calls, const char *topic, const void *context,
			    uint32_t context_len)
{
	SB_CLEANUP(sb_call_free) struct sb_call *call = NULL;

	if (calls->n >= SB_CALLS_MAX)
		return NULL;
	call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	sb_timer_init(&call->deadline, calls->loop, call_on_deadline);
	sb_task_init(&call->tell, calls->loop, call_on_tell);
	call->topic = strdup(topic);
	call->context = malloc(context_len > 0 ? context_len : 1);
	if (!call->topic || !call->context)
		return NULL;
	if (context_len > 0)
		memcpy(call->context, context, context_len);
	call->context_len = context_len;
	call->calls = calls;

	return SB_STEAL(call);
}

/**
 * sb_call_free() - end a call; who waits for its answer is told what is said otherwise
 * @call: may be NULL
 *
 * Return: NULL.
 */
struct sb_call *sb_call_free(struct sb_call *call)
{
	if (!call)
		return NULL;

	if (call->message != 0) {
		TAILQ_REMOVE(&call->calls->all, call, entry);
		call->calls->n--;
	}
	sb_timer_disarm(&call->deadline);
	sb_task_cancel(&call->tell);
	if (call->incoming)
		sb_incoming_answer(call->incoming, call->otherwise);
	(void)sb_response_free(call->otherwise);
	free(call->topic);
	free(call->context);
	free(call);

	return NULL;
}

/**
 * sb_call_begin() - the command has been delivered, and somebody wants to answer it
 * @call: its calls' from now on
 * @message: the number of the command, not 0
 * @patience_usec: how long the cloud waits, µs
 */
void sb_call_begin(struct sb_call *call, uint64_t message, uint64_t patience_usec)
{
	call->message = message;
	TAILQ_INSERT_TAIL(&call->calls->all, call, entry);
	call->calls->n++;
	sb_timer_arm(&call->deadline, patience_usec);
}

/**
 * sb_call_await() - the cloud waits for the answer to its request
 * @call: begun
 * @incoming: the request; the call's from now on
 * @otherwise: what is said if no answer comes; the call's from now on
 */
void sb_call_await(struct sb_call *call, struct sb_incoming *incoming,
		   struct sb_response *otherwise)
{
	call->incoming = incoming;
	call->otherwise = otherwise;
}

/**
 * sb_call_answer() - say to who waits what the app answers
 * @call: one whose answer is awaited; it ends
 * @response: lent
 * @answered: called with ticket 0, never from within this call, at the latest by sb_calls_done()
 * @userdata: for @answered
 */
void sb_call_answer(struct sb_call *call, const struct sb_response *response,
		    sb_published_fn *answered, void *userdata)
{
	sb_incoming_answer(SB_STEAL(call->incoming), response);
	sb_timer_disarm(&call->deadline);
	call->answered = answered;
	call->userdata = userdata;
	sb_task_schedule(&call->tell);
}
