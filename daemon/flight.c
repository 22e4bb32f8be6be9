/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items (flight-item.c) all go the same way: encode, send, decide. What nobody answers is in
 * flight-silence.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/flight-item.h"
#include "daemon/link-private.h"
#include "daemon/log.h"
#include "daemon/plugin-call.h"

/*
 * When to stop waiting for an answer: after libcoap has given up retransmitting (RFC 7252 section 4.8.2,
 * MAX_TRANSMIT_WAIT is 93 s), so that this counts only for a separate response that never came.
 */
#define ANSWER_TIMEOUT_USEC (120 * SB_USEC_PER_SEC)

/* A cloud that asks for more patience than that has made a mistake, and is not to silence a link for ever. */
#define PAUSE_MAX_USEC (24 * 3600 * SB_USEC_PER_SEC)

/* When to try again with a session that takes nothing: often, for it is not left so for long. */
#define UNSENT_RETRY_MS 1000

#define ASKED_MAX 64

/* ---- verdicts ---- */

/* All that is under way may be told the same: that counts once, and the longest time holds. */
static void pause_for(struct sb_flight *flight, uint32_t delay_ms)
{
	uint64_t now = sb_loop_now(flight->link->parts.loop);
	uint64_t delay = delay_ms * SB_USEC_PER_MSEC;
	bool paused = sb_timer_armed(&flight->pause);

	if (delay > PAUSE_MAX_USEC)
		delay = PAUSE_MAX_USEC;
	if (paused && (delay == 0 || flight->pause.at >= now + delay))
		return;
	if (delay == 0)
		delay = sb_backoff_next(&flight->backoff, arc4random());
	sb_timer_arm(&flight->pause, delay);
}

static void carry_out(struct sb_flight_item *item, const struct skybus_reply *reply,
		      const struct skybus_verdict *verdict)
{
	struct sb_flight *flight = item->flight;
	struct sb_link *link = flight->link;
	bool keepalive = item->kind == SB_ITEM_KEEPALIVE;

	sb_batch_on_verdict(&flight->batch, item, verdict);
	sb_item_answered(item, reply, verdict);
	switch (verdict->kind) {
	case SKYBUS_DELIVERED:
		/* That the cloud takes keepalives says nothing of messages. */
		if (!keepalive)
			sb_backoff_reset(&flight->backoff);
		sb_login_on_delivered(link);
		break;
	case SKYBUS_REJECTED:
		break;
	case SKYBUS_RELOGIN:
		sb_login_needed(link, verdict->reason, reply->code);
		break;
	case SKYBUS_RETRY:
	default: /* a kind that we do not know keeps the message too */
		sb_link_on_trouble(link, verdict->reason, reply->code);
		pause_for(flight, verdict->retry_after_ms);
		break;
	}
}

/* ---- the way out and back ---- */

static void on_reply(void *userdata, const struct skybus_reply *reply)
{
	struct sb_flight_item *item = userdata;
	struct sb_flight *flight = item->flight;
	struct sb_link *link = flight->link;
	struct skybus_verdict verdict = { .size = sizeof(verdict), .kind = SKYBUS_RETRY };
	struct skybus_message message;

	sb_item_land(item);
	if (reply->outcome != SKYBUS_ANSWERED) {
		sb_flight_on_silence(item, reply->outcome);
	} else {
		uint64_t now = sb_loop_now(link->parts.loop);

		sb_window_on_answer(&flight->window, item->sent_at, now);
		sb_histogram_add(&link->counts.round_trips, now - item->sent_at);
		sb_link_on_answer(link);
		flight->silences = 0;
		if (item->message)
			message = sb_link_view(link, item->message);
		sb_plugin_decide(link, item->message ? &message : NULL, reply, &verdict);
		carry_out(item, reply, &verdict);
	}
	sb_flight_pump(flight);
}

static int encode(struct sb_flight_item *item, struct skybus_request *request,
		  struct skybus_verdict *verdict)
{
	struct sb_link *link = item->flight->link;
	struct skybus_message message;

	if (item->kind == SB_ITEM_KEEPALIVE)
		return sb_plugin_keepalive(link, request);
	if (item->n_others > 0)
		return sb_batch_encode(item, request, verdict);

	message = sb_link_view(link, item->message);
	sb_request_payload(request->filled, message.payload, message.payload_len);
	if (message.content_format != SKYBUS_NO_FORMAT)
		sb_request_uint(request->filled, SB_OPTION_CONTENT_FORMAT, message.content_format);

	return sb_plugin_encode(link, &message, request, verdict);
}

/* The request could not be sent: because of what is in it, or because of the moment. */
static bool item_unsent(struct sb_flight_item *item, int error)
{
	struct sb_flight *flight = item->flight;
	struct skybus_verdict verdict = {
		.size = sizeof(verdict),
		.reason = "the message does not fit into a CoAP request: shorten its topic or its "
			  "payload",
	};

	if (error == -EMSGSIZE || error == -EINVAL) {
		sb_item_refuse(item, &verdict);
		return true;
	}
	sb_item_return(item);
	if (error == -ENOMEM)
		pause_for(flight, 0);
	else if (!sb_flight_on_unsent(flight))
		pause_for(flight, UNSENT_RETRY_MS);

	return false;
}

/* Takes the item over; whether to go on with the next one. */
static bool item_send(struct sb_flight_item *item)
{
	struct sb_flight *flight = item->flight;
	struct sb_link *link = flight->link;
	struct skybus_verdict verdict = { .size = sizeof(verdict), .kind = SKYBUS_REJECTED };
	SB_CLEANUP(sb_request_free) struct sb_request *filled = sb_request_new();
	struct skybus_request request = { .link = link, .filled = filled };
	int r;

	if (!filled)
		return item_unsent(item, -ENOMEM);
	r = encode(item, &request, &verdict);
	if (r < 0 && verdict.kind == SKYBUS_REJECTED) {
		sb_item_refuse(item, &verdict);
		return true;
	}
	if (r < 0) {
		sb_item_return(item);
		if (verdict.kind == SKYBUS_RELOGIN)
			sb_login_needed(link, verdict.reason, 0);
		else
			pause_for(flight, verdict.retry_after_ms);
		return false;
	}
	r = sb_session_send(sb_channel_session(link->channel), filled, ANSWER_TIMEOUT_USEC,
			    on_reply, item);
	if (r < 0)
		return item_unsent(item, r);
	item->sent_at = sb_loop_now(link->parts.loop);
	sb_link_attempt_on_sent(link);
	flight->unsent_since = 0;
	TAILQ_INSERT_TAIL(&flight->under_way, item, entry);
	flight->n_under_way++;

	return true;
}

static struct sb_flight_item *next_item(struct sb_flight *flight)
{
	struct sb_flight_item *item = TAILQ_FIRST(&flight->asked);
	struct sb_message_list messages = TAILQ_HEAD_INITIALIZER(messages);
	struct sb_message *message;
	size_t n;

	if (item) {
		sb_item_stop_waiting(item);
		return item;
	}
	n = sb_batch_take(&flight->batch, &messages);
	if (n == 0)
		return NULL;
	item = sb_item_new_of(flight, &messages, n);
	while ((message = TAILQ_FIRST(&messages))) {
		TAILQ_REMOVE(&messages, message, entry);
		sb_queue_give_back(flight->link->queue, message);
	}

	return item;
}

static bool has_room(const struct sb_flight *flight)
{
	return !flight->stopping && flight->link->state == SB_LINK_ONLINE &&
	       !flight->login_needed && !flight->suspected &&
	       flight->n_under_way + flight->link->lent.n_requests < flight->window.size;
}

/* In a pause not even what is urgent. */
static bool may_send(const struct sb_flight *flight)
{
	return has_room(flight) && !sb_timer_armed(&flight->pause);
}

/*
 * What is under way may yet be answered, and would be sent twice after a login now. Nor is a login of use on
 * a session that may be dead, or when the daemon is about to end.
 */
static bool may_log_in(const struct sb_flight *flight)
{
	return flight->login_needed && flight->n_under_way == 0 && !flight->suspected &&
	       !flight->stopping && !sb_link_budget_bars_login(flight->link);
}

/**
 * sb_flight_pump() - send what may be sent
 * @flight: of a link in any state
 */
void sb_flight_pump(struct sb_flight *flight)
{
	struct sb_flight_item *item;

	sb_link_budget_look(flight->link);
	while (may_send(flight) && (item = next_item(flight))) {
		if (!item_send(item))
			break;
	}
	if (may_log_in(flight))
		sb_turn_await(&flight->link->turn, true);
}

/**
 * sb_flight_on_turn() - it is this link's turn to log in again
 * @flight: of a link that is online; if it may not any more, it waits for another turn when it may
 */
void sb_flight_on_turn(struct sb_flight *flight)
{
	if (may_log_in(flight))
		sb_login_renew(flight->link);
}

static void flight_on_pump(struct sb_task *task)
{
	sb_flight_pump(sb_container_of(task, struct sb_flight, pump));
}

static void flight_on_pause_over(struct sb_timer *timer)
{
	sb_flight_pump(sb_container_of(timer, struct sb_flight, pause));
}

/**
 * sb_flight_init() - prepare the flight of a link
 * @flight: embedded in its link
 * @link: the link
 */
void sb_flight_init(struct sb_flight *flight, struct sb_link *link)
{
	*flight = (struct sb_flight){ .link = link };
	TAILQ_INIT(&flight->asked);
	TAILQ_INIT(&flight->under_way);
	sb_window_init(&flight->window, sb_link_window(link));
	sb_batch_init(&flight->batch, flight);
	sb_timer_init(&flight->pause, link->parts.loop, flight_on_pause_over);
	sb_task_init(&flight->pump, link->parts.loop, flight_on_pump);
}

/**
 * sb_flight_done() - forget everything; the queue has its messages back
 * @flight: initialised
 */
void sb_flight_done(struct sb_flight *flight)
{
	sb_flight_recall(flight);
	sb_flight_refuse(flight, SB_ERROR_NOT_ONLINE,
			 "the link has been changed or removed: look at its state, and ask again");
	sb_task_cancel(&flight->pump);
	sb_batch_done(&flight->batch);
	sb_timer_disarm(&flight->pause);
}

/**
 * sb_flight_begin() - a login succeeded
 * @flight: with nothing under way
 * @window: the most requests with messages under way at once, from now on
 * @hold_s: a message may wait so many seconds for others to go with it
 */
void sb_flight_begin(struct sb_flight *flight, unsigned int window, uint32_t hold_s)
{
	flight->silences = 0;
	sb_batch_begin(&flight->batch, hold_s);
	sb_window_init(&flight->window, window);
	sb_flight_pump(flight);
}

/**
 * sb_flight_keepalive() - send the plugin's keepalive, unless something is under way anyway
 * @flight: of a link that is online and whose plugin has one; in a pause too, for the session has to
 *	outlast it
 */
void sb_flight_keepalive(struct sb_flight *flight)
{
	struct sb_flight_item *item;

	if (flight->n_under_way > 0 || !has_room(flight) || sb_link_budget_holds(flight->link))
		return;
	item = sb_item_new(flight, SB_ITEM_KEEPALIVE, NULL);
	if (item)
		(void)item_send(item);
}

/**
 * sb_flight_recall() - the session is gone: what was under way is to be sent again
 * @flight: the flight; a pause that the cloud has asked for goes on
 */
void sb_flight_recall(struct sb_flight *flight)
{
	struct sb_flight_item *item;

	while ((item = TAILQ_LAST(&flight->under_way, sb_flight_items))) {
		sb_item_land(item);
		sb_item_return(item);
	}
	flight->suspected = false;
	flight->pinging = false;
	flight->unsent_since = 0;
	flight->login_needed = false;
}

/**
 * sb_flight_stop() - send nothing any more; what is under way may be answered yet
 * @flight: the flight
 *
 * Return: whether messages are under way.
 */
bool sb_flight_stop(struct sb_flight *flight)
{
	flight->stopping = true;

	return flight->n_under_way > 0;
}

/**
 * sb_flight_refuse() - what apps wait for will not be sent soon: tell them
 * @flight: the flight
 * @code: what they are told
 * @reason: a sentence
 */
void sb_flight_refuse(struct sb_flight *flight, enum sb_error_code code, const char *reason)
{
	struct sb_flight_item *item;

	while ((item = TAILQ_FIRST(&flight->asked))) {
		sb_item_stop_waiting(item);
		sb_item_tell_error(item, code, reason);
		(void)sb_item_free(item);
	}
}

/**
 * sb_flight_ask() - send a request that an app waits for
 * @flight: of a link that is online
 * @message: the callee's from now on, when this returns 0
 * @timeout_usec: the app's patience, µs from now
 * @done: called once, never from within this call
 * @userdata: for @done
 * @ret_error: why not, on failure
 *
 * Return: 0, or -ENOBUFS when too many wait already, -ENOMEM.
 */
int sb_flight_ask(struct sb_flight *flight, struct sb_message *message, uint64_t timeout_usec,
		  sb_requested_fn *done, void *userdata, struct sb_error *ret_error)
{
	struct sb_flight_item *item;

	if (flight->n_asked >= ASKED_MAX)
		return sb_error_set(
			ret_error, SB_ERROR_QUEUE_FULL,
			"%u requests wait for this link already: wait for their answers, "
			"or publish instead",
			flight->n_asked);
	item = sb_item_new(flight, SB_ITEM_REQUEST, message);
	if (!item) {
		(void)sb_error_set(ret_error, SB_ERROR_FAILED, "no memory left for a request");
		return -ENOMEM;
	}
	item->requested = done;
	item->userdata = userdata;
	sb_timer_arm(&item->deadline, timeout_usec);
	sb_item_wait(item, false);
	sb_task_schedule(&flight->pump);

	return 0;
}
