/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When those that wait go. What is urgent goes at once and alone. Of the rest the first ones go together, in
 * the order of the queue, so that whoever wants an order has it in a request as well:
 *
 *	as soon as one of them has waited for as long as the link says, or half of its own time-to-live;
 *	as soon as no other fits, or what follows cannot go with them;
 *	at once, if the first is one that nothing could ever go with.
 *
 * For how long a message has waited, its moment tells, which is on disk: what has waited for a session, or
 * through a restart, is not held again.
 *
 * A request that is refused may hold one message that the cloud does not want, and many that it does. So each
 * is sent again alone, and what is refused then is a dead letter. If a cloud does so again and again, and
 * refuses none of the messages, it does not want several at a time, and is sent none until the next login.
 * One that never answers several, or always with "later", might take each: after some rounds those messages go
 * alone, too.
 */
#include <stdio.h>
#include <syslog.h>

#include "daemon/batch.h"
#include "daemon/clock.h"
#include "daemon/flight-item.h"
#include "daemon/link-private.h"
#include "daemon/plugin-call.h"

/* So many requests in a row may come to nothing. */
#define STRIKES_MAX 3

static void batch_on_time(struct sb_timer *timer)
{
	sb_flight_pump(sb_container_of(timer, struct sb_batch, timer)->flight);
}

/**
 * sb_batch_init() - each message goes alone
 * @batch: embedded in its flight
 * @flight: initialised, with its link
 */
void sb_batch_init(struct sb_batch *batch, struct sb_flight *flight)
{
	*batch = (struct sb_batch){ .flight = flight };
	sb_timer_init(&batch->timer, flight->link->parts.loop, batch_on_time);
}

/**
 * sb_batch_done() - nothing is sent any more
 * @batch: initialised
 */
void sb_batch_done(struct sb_batch *batch)
{
	sb_timer_disarm(&batch->timer);
}

/**
 * sb_batch_begin() - a login succeeded
 * @batch: the batch
 * @hold_s: a message may wait so long for others, seconds; 0 if each is to go alone
 */
void sb_batch_begin(struct sb_batch *batch, uint32_t hold_s)
{
	bool able = sb_plugin_batches(batch->flight->link->plugin);

	batch->hold_ms = able ? INT64_C(1000) * hold_s : 0;
	batch->refused = (struct sb_strikes){ 0 };
}

/* ---- which ---- */

/* Half of its own time is left for the way. */
static int64_t due_at(const struct sb_batch *batch, const struct sb_message *message)
{
	int64_t half = INT64_C(500) * message->ttl_s;
	int64_t hold = half > 0 && half < batch->hold_ms ? half : batch->hold_ms;

	return sb_clock_steady_ms(batch->flight->link->parts.clock, message->taken) + hold;
}

/* Until the first of them has to go, ms; 0 if it has to now. */
static int64_t patience(const struct sb_batch *batch, struct sb_message *const *messages, size_t n)
{
	struct sb_clock *clock = batch->flight->link->parts.clock;
	int64_t now = sb_clock_steady_ms(clock, sb_clock_now(clock));
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		int64_t due = due_at(batch, messages[i]);

		if (due < first)
			first = due;
	}
	if (first <= now)
		return 0;

	/*
	 * After a power cut, or by a damaged row, it was taken in the future, and has waited: nobody knows
	 * how long.
	 */
	return first - now <= batch->hold_ms ? first - now : 0;
}

static bool goes_alone(const struct sb_message *message)
{
	return message->alone || message->priority == SB_URGENT;
}

static size_t view(const struct sb_link *link, struct sb_message *const *messages, size_t n,
		   struct skybus_message *ret)
{
	size_t i;

	for (i = 0; i < n && !messages[i]->alone; i++)
		ret[i] = sb_link_view(link, messages[i]);

	return i;
}

/* How many of the first go now; 0 if they are to wait. */
static size_t count(struct sb_batch *batch, struct sb_message *const *messages, size_t n)
{
	struct sb_link *link = batch->flight->link;
	struct skybus_message views[SB_BATCH_MAX];
	size_t offered;
	size_t together;
	int64_t wait_ms;

	if (n == 0 || batch->hold_ms == 0 || goes_alone(messages[0]))
		return n > 0;
	offered = view(link, messages, n, views);
	together = sb_plugin_gather(link, views, offered);
	if (together == 0)
		return 1;
	if (together < n || n == SB_BATCH_MAX)
		return together;
	wait_ms = patience(batch, messages, n);
	if (wait_ms == 0)
		return n;
	sb_timer_arm(&batch->timer, (uint64_t)wait_ms * SB_USEC_PER_MSEC);

	return 0;
}

/**
 * sb_batch_take() - the messages of the next request
 * @batch: of a flight that may send
 * @ret: empty; gets them, the caller's until they are settled or given back to the queue
 *
 * Return: how many; 0 if there are none, or they are to wait; then the flight is pumped again in time.
 */
size_t sb_batch_take(struct sb_batch *batch, struct sb_message_list *ret)
{
	struct sb_queue *queue = batch->flight->link->queue;
	struct sb_message *messages[SB_BATCH_MAX];
	size_t n;
	size_t i;

	sb_timer_disarm(&batch->timer);
	n = sb_queue_peek(queue, messages, batch->hold_ms > 0 ? SB_BATCH_MAX : 1);
	/* An urgent one would be the first, and goes alone. */
	if (n > 0 && sb_link_budget_holds(batch->flight->link) &&
	    messages[0]->priority != SB_URGENT)
		return 0;
	n = count(batch, messages, n);
	for (i = 0; i < n && sb_queue_take_this(queue, messages[i]) == 0; i++)
		TAILQ_INSERT_TAIL(ret, messages[i], entry);

	return i;
}

/* ---- out and back ---- */

/**
 * sb_batch_encode() - fill a request with several messages
 * @item: has several
 * @request: to be filled
 * @verdict: begins as SKYBUS_REJECTED
 *
 * Return: 0; or the plugin's negative errno, and the verdict is its.
 */
int sb_batch_encode(const struct sb_flight_item *item, struct skybus_request *request,
		    struct skybus_verdict *verdict)
{
	struct sb_link *link = item->flight->link;
	struct skybus_message views[SB_BATCH_MAX];
	struct sb_message *message;
	size_t n = 0;

	views[n++] = sb_link_view(link, item->message);
	TAILQ_FOREACH(message, &item->others, entry)
		views[n++] = sb_link_view(link, message);

	return sb_plugin_encode_batch(link, views, n, request, verdict);
}

static void give_up(struct sb_batch *batch, const char *reason)
{
	char text[SB_LINK_REASON_MAX];

	batch->hold_ms = 0;
	(void)snprintf(
		text, sizeof(text),
		"the cloud refuses every request with several messages in it, and takes the "
		"messages: each goes alone until the next login; leave batch out, if it stays "
		"so (%s)",
		reason);
	sb_report_of_plugin(batch->flight->link, LOG_WARNING, text);
}

/* Those that were under way together have failed together. Whether these were too many. */
static bool strike(struct sb_strikes *strikes, const struct sb_flight_item *item)
{
	if (item->sent_at <= strikes->at)
		return false;
	strikes->at = sb_loop_now(item->flight->link->parts.loop);

	return ++strikes->n >= STRIKES_MAX;
}

static void judge_several(struct sb_batch *batch, struct sb_flight_item *item,
			  const struct skybus_verdict *verdict)
{
	if (verdict->kind == SKYBUS_DELIVERED) {
		batch->refused.n = 0;
		batch->unheard.n = 0;
	} else if (verdict->kind != SKYBUS_REJECTED) {
		sb_batch_on_silence(batch, item);
	} else if (strike(&batch->refused, item)) {
		give_up(batch, verdict->reason);
	}
}

/**
 * sb_batch_on_verdict() - the cloud has judged
 * @batch: the batch
 * @item: what it has judged, of any kind
 * @verdict: the plugin's words for it
 */
void sb_batch_on_verdict(struct sb_batch *batch, struct sb_flight_item *item,
			 const struct skybus_verdict *verdict)
{
	if (batch->hold_ms == 0)
		return;
	if (item->n_others > 0)
		judge_several(batch, item, verdict);
	else if (verdict->kind == SKYBUS_REJECTED && item->message && item->message->alone)
		batch->refused.n = 0;
}

/**
 * sb_batch_on_silence() - nobody has answered, or only that it is too early
 * @batch: the batch
 * @item: of any kind, about to return to where it came from
 */
void sb_batch_on_silence(struct sb_batch *batch, struct sb_flight_item *item)
{
	if (item->n_others == 0 || !strike(&batch->unheard, item))
		return;
	batch->unheard.n = 0;
	sb_item_part(item);
}
