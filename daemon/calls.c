/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/calls.h"
#include "daemon/cleanup.h"

/* The cloud may ask again: nobody is sure to have what it asked. */
static void refuse(struct sb_call *call, const char *why)
{
	const struct sb_response response = {
		.code = SKYBUS_CODE(5, 3),
		.content_format = SKYBUS_NO_FORMAT, /* for people, RFC 7252 section 5.5.2 */
		.payload = (uint8_t *)why,
		.payload_len = strlen(why),
	};

	sb_incoming_answer(SB_STEAL(call->incoming), &response);
}

static void call_on_deadline(struct sb_timer *timer)
{
	struct sb_call *call = sb_container_of(timer, struct sb_call, deadline);

	if (call->code)
		call->calls->unanswered(call->calls->userdata, call);
	(void)sb_call_free(call);
}

static void call_on_tell(struct sb_task *task)
{
	SB_CLEANUP(sb_call_free) struct sb_call *call = sb_container_of(task, struct sb_call, tell);

	call->answered(call->userdata, 0, NULL);
}

/* From now on nothing is left but to say so. */
static void send_response(struct sb_call *call)
{
	sb_timer_disarm(&call->deadline);
	sb_incoming_answer(SB_STEAL(call->incoming), call->response);
	call->response = sb_response_free(call->response);
	sb_task_schedule(&call->tell);
}

static void call_on_landed(void *userdata, const struct sb_landed *landed)
{
	struct sb_call *call = userdata;
	bool nobody = landed->failed > 0 && landed->failed == call->matched;

	call->landing = sb_landing_free(call->landing);
	if (call->response) {
		send_response(call);
		return;
	}
	if (nobody)
		refuse(call, landed->error == -ENOBUFS ? "the inbox that it is for is full"
						       : "it could not be stored");
	if (nobody || call->holds)
		(void)sb_call_free(call);
}

/**
 * sb_calls_init() - no calls yet
 * @calls: embedded in its owner
 * @loop: outlives the calls
 * @unanswered: called for each whose time is over and which says what is answered otherwise
 * @userdata: for @unanswered
 */
void sb_calls_init(struct sb_calls *calls, struct sb_loop *loop, sb_call_unanswered_fn *unanswered,
		   void *userdata)
{
	*calls = (struct sb_calls){ .loop = loop, .unanswered = unanswered, .userdata = userdata };
	TAILQ_INIT(&calls->all);
}

/**
 * sb_calls_end() - no answer is awaited any more; who waits for one is told what is said otherwise
 * @calls: initialised; who has answered is told so all the same
 *
 * What is said as a message is said when the present callback has returned.
 */
void sb_calls_end(struct sb_calls *calls)
{
	struct sb_call *call = TAILQ_FIRST(&calls->all);

	while (call) {
		struct sb_call *next = TAILQ_NEXT(call, entry);

		if (call->code)
			sb_timer_arm(&call->deadline, 0);
		else if (!call->answered || call->response)
			(void)sb_call_free(call);
		call = next;
	}
}

/**
 * sb_calls_give_up() - nobody will answer any more what came in replies: say what is said otherwise, now
 * @calls: initialised; those calls have ended
 */
void sb_calls_give_up(struct sb_calls *calls)
{
	struct sb_call *call = TAILQ_FIRST(&calls->all);

	while (call) {
		struct sb_call *next = TAILQ_NEXT(call, entry);

		if (call->code)
			call_on_deadline(&call->deadline);
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
		if (call->answered && !call->response)
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
		if (call->message == message && !call->answered && !call->holds)
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

/* An app that has answered learns that this did not reach the cloud. */
static void end_waiting(struct sb_call *call)
{
	struct sb_error why;

	if (!call->incoming)
		return;
	if (!call->landing) {
		sb_incoming_answer(SB_STEAL(call->incoming), call->otherwise);
		return;
	}
	refuse(call, "it was not stored in time");
	if (!call->response)
		return;
	(void)sb_error_set(
		&why, SB_ERROR_TOO_LATE,
		"the command was not on disk in time, so the cloud was told to ask again");
	call->answered(call->userdata, 0, &why);
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

	if (call->listed) {
		TAILQ_REMOVE(&call->calls->all, call, entry);
		call->calls->n -= !call->holds;
	}
	sb_timer_disarm(&call->deadline);
	sb_task_cancel(&call->tell);
	end_waiting(call);
	(void)sb_landing_free(call->landing);
	(void)sb_response_free(call->response);
	(void)sb_response_free(call->otherwise);
	free(call->code);
	free(call->topic);
	free(call->context);
	free(call);

	return NULL;
}

/**
 * sb_call_say_otherwise() - what is answered when no app answers a command that came in a reply
 * @call: not begun
 * @code: in the cloud's own words; copied
 *
 * Return: 0, or -ENOMEM.
 */
int sb_call_say_otherwise(struct sb_call *call, const char *code)
{
	call->code = strdup(code);

	return call->code ? 0 : -ENOMEM;
}

static void enlist(struct sb_call *call, uint64_t patience_usec)
{
	TAILQ_INSERT_TAIL(&call->calls->all, call, entry);
	call->listed = true;
	sb_timer_arm(&call->deadline, patience_usec);
}

/**
 * sb_call_begin() - the command has been delivered, and is to be answered
 * @call: its calls' from now on
 * @message: the number of the command, not 0
 * @patience_usec: how long an answer is awaited, µs
 */
void sb_call_begin(struct sb_call *call, uint64_t message, uint64_t patience_usec)
{
	call->message = message;
	call->calls->n++;
	enlist(call, patience_usec);
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
 * sb_call_hold() - a request that no app may answer, and whose response is held back
 * @calls: outlive the call
 * @patience_usec: how long at most, µs
 *
 * Return: the call, its calls'; sb_call_await() and sb_call_land() are due; NULL without memory.
 */
struct sb_call *sb_call_hold(struct sb_calls *calls, uint64_t patience_usec)
{
	struct sb_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	sb_timer_init(&call->deadline, calls->loop, call_on_deadline);
	sb_task_init(&call->tell, calls->loop, call_on_tell);
	call->calls = calls;
	call->holds = true;
	enlist(call, patience_usec);

	return call;
}

/**
 * sb_call_land() - no response before what the request brought is on disk
 * @call: awaited; may be gone afterwards. If it turns out that nobody has what the cloud sent, the cloud is
 *	told so
 * @landing: the call's from now on
 * @matched: whom the request reached: subscriptions, those that hold the landing included
 */
void sb_call_land(struct sb_call *call, struct sb_landing *landing, size_t matched)
{
	struct sb_landed landed;

	call->landing = landing;
	call->matched = matched;
	if (sb_landing_await(landing, call_on_landed, call))
		return;
	landed = sb_landing_state(landing);
	call_on_landed(call, &landed);
}

/**
 * sb_call_answer() - say to who waits what the app answers
 * @call: one whose answer is awaited; it ends
 * @response: the call's from now on
 * @answered: called with ticket 0 when the response has gone out, or with why it could not; at the latest by
 *	sb_calls_done(), and never from within this call
 * @userdata: for @answered
 */
void sb_call_answer(struct sb_call *call, struct sb_response *response, sb_published_fn *answered,
		    void *userdata)
{
	call->answered = answered;
	call->userdata = userdata;
	call->response = response;
	if (!call->landing)
		send_response(call);
}
