/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiver is remembered while something that it was sent is not confirmed. There is no match rule
 * that tells when it goes: the bus answers the Ping then, with an error of its own. A publisher has
 * often gone before its Settled comes and would be remembered for ever with the little that it was
 * sent, so when many have little, the oldest gets its Ping early.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "dbus/outflow.h"

#define WORDS(number) WORDS_OF(number)
#define WORDS_OF(number) #number

#define REASON_MAX 512

/* A signal that waits. */
struct waiting {
	sd_bus_message *signal;
	size_t bytes;
	TAILQ_ENTRY(waiting) entry;
};

/*
 * @unread: bytes that were sent and not confirmed
 * @unasked: of these, bytes that no Ping was sent for
 * @ping: on its way; otherwise the receiver is among the idle ones
 * @asked_at: when the last Ping was sent, in µs
 * @round: of the echo; when it has come, the answer to the Ping could be here
 * @silent_since: when that was noticed, in µs; 0 before
 * @refused: the bus did not let it through
 * @stuck: it was given up, and the task is to tell so; nothing waits until then
 */
struct sb_outflow_receiver {
	struct sb_outflow *all; /* NULL until it is in the tree */
	char *name;
	size_t unread;
	size_t unasked;
	sd_bus_slot *ping;
	uint64_t asked_at;
	uint64_t round;
	uint64_t silent_since;
	bool refused;
	TAILQ_HEAD(, waiting) waiting;
	size_t n_waiting;
	size_t waiting_bytes;
	struct sb_timer patience;
	struct sb_task tell;
	const char *why;
	bool stuck;
	size_t n_lost;
	TAILQ_ENTRY(sb_outflow_receiver) idle_entry;
	TAILQ_ENTRY(sb_outflow_receiver) behind_entry;
};

static struct sb_outflow_receiver *receiver_free(struct sb_outflow_receiver *receiver);
static void settle(struct sb_outflow_receiver *receiver);

SB_DEFINE_CLEANUP(struct sb_outflow_receiver *, receiver_free)
SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

static int compare_names(const void *a, const void *b)
{
	const struct sb_outflow_receiver *left = a;
	const struct sb_outflow_receiver *right = b;

	return strcmp(left->name, right->name);
}

static void add_idle(struct sb_outflow_receiver *receiver)
{
	TAILQ_INSERT_TAIL(&receiver->all->idle, receiver, idle_entry);
	receiver->all->n_idle++;
}

static void remove_idle(struct sb_outflow_receiver *receiver)
{
	TAILQ_REMOVE(&receiver->all->idle, receiver, idle_entry);
	receiver->all->n_idle--;
}

/* ---- what waits ------------------------------------------------------------------------------ */

static void drop_waiting(struct sb_outflow_receiver *receiver, struct waiting *waiting)
{
	TAILQ_REMOVE(&receiver->waiting, waiting, entry);
	receiver->n_waiting--;
	receiver->waiting_bytes -= waiting->bytes;
	receiver->all->waiting_bytes -= waiting->bytes;
	if (receiver->n_waiting == 0) {
		TAILQ_REMOVE(&receiver->all->behind, receiver, behind_entry);
		sb_timer_disarm(&receiver->patience);
	}
	(void)sd_bus_message_unref(waiting->signal);
	free(waiting);
}

static void drop_all_waiting(struct sb_outflow_receiver *receiver)
{
	struct waiting *waiting;

	while ((waiting = TAILQ_FIRST(&receiver->waiting)))
		drop_waiting(receiver, waiting);
}

static int add_waiting(struct sb_outflow_receiver *receiver, sd_bus_message *signal, size_t bytes)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		return -ENOMEM;

	waiting->signal = sd_bus_message_ref(signal);
	waiting->bytes = bytes;
	if (receiver->n_waiting == 0) {
		TAILQ_INSERT_TAIL(&receiver->all->behind, receiver, behind_entry);
		sb_timer_arm(&receiver->patience, SB_OUTFLOW_PATIENCE_SEC * SB_USEC_PER_SEC);
	}
	TAILQ_INSERT_TAIL(&receiver->waiting, waiting, entry);
	receiver->n_waiting++;
	receiver->waiting_bytes += bytes;
	receiver->all->waiting_bytes += bytes;

	return 0;
}

/* ---- a receiver that does not read ----------------------------------------------------------- */

/* In a task, since its subscriptions end with this, and one of them may be at work. */
static void receiver_on_tell(struct sb_task *task)
{
	struct sb_outflow_receiver *receiver =
		sb_container_of(task, struct sb_outflow_receiver, tell);
	const struct sb_outflow *all = receiver->all;
	char reason[REASON_MAX];

	(void)snprintf(
		reason, sizeof(reason),
		"this connection does not read what it is sent: %s, and %zu signals were not "
		"sent. Read on, let the D-Bus library answer org.freedesktop.DBus.Peer.Ping, "
		"and subscribe again",
		receiver->why, receiver->n_lost);
	sb_log(LOG_DEBUG,
	       "%s does not read what it is sent: %s, and %zu signals were not sent; its "
	       "subscriptions, if it has any, are ended",
	       receiver->name, receiver->why, receiver->n_lost);
	receiver->stuck = false;
	receiver->n_lost = 0;
	all->stuck(all->userdata, receiver->name, reason);
	settle(receiver);
}

static void give_up(struct sb_outflow_receiver *receiver, const char *why)
{
	receiver->why = why;
	receiver->stuck = true;
	receiver->n_lost += receiver->n_waiting;
	drop_all_waiting(receiver);
	sb_task_schedule(&receiver->tell);
}

/* Its answer is missing for so long, though all that was sent to us before has been dealt with. */
static bool is_late(struct sb_outflow_receiver *receiver, uint64_t sec)
{
	const struct sb_outflow *all = receiver->all;

	if (!receiver->ping || !sb_echo_has_come(&all->echo, receiver->round))
		return false;
	if (receiver->silent_since == 0)
		receiver->silent_since = sb_loop_now(all->loop);

	return sb_loop_now(all->loop) - receiver->silent_since >= sec * SB_USEC_PER_SEC;
}

static bool is_too_long(struct sb_outflow_receiver *receiver, size_t bytes)
{
	/* Asked every time, since the silence counts from when it is noticed. */
	bool late = is_late(receiver, SB_OUTFLOW_GRACE_SEC);

	return late && (receiver->n_waiting >= SB_OUTFLOW_WAITING_MAX ||
			receiver->waiting_bytes + bytes > SB_OUTFLOW_WAITING_BYTES_MAX);
}

/* Something waits; whoever is late goes first. */
static struct sb_outflow_receiver *find_longest(const struct sb_outflow *all)
{
	struct sb_outflow_receiver *longest = TAILQ_FIRST(&all->behind);
	bool longest_is_late = is_late(longest, SB_OUTFLOW_LATE_SEC);
	struct sb_outflow_receiver *receiver;

	TAILQ_FOREACH(receiver, &all->behind, behind_entry) {
		bool late = is_late(receiver, SB_OUTFLOW_LATE_SEC);

		if (late < longest_is_late ||
		    (late == longest_is_late && receiver->waiting_bytes <= longest->waiting_bytes))
			continue;
		longest = receiver;
		longest_is_late = late;
	}

	return longest;
}

/* After this there is room for one more signal, or the receiver is stuck. */
static void make_room(struct sb_outflow_receiver *receiver, size_t bytes)
{
	struct sb_outflow *all = receiver->all;

	if (is_too_long(receiver, bytes))
		give_up(receiver, "its queue of " WORDS(SB_OUTFLOW_WAITING_MAX) " signals, or of "
										"1 MB, was full");
	while (!receiver->stuck && all->waiting_bytes + bytes > SB_OUTFLOW_ALL_WAITING_BYTES_MAX)
		give_up(find_longest(all),
			"the queues of all apps were full, and its was the longest");
}

/* ---- sending --------------------------------------------------------------------------------- */

/* However large it is, one signal may be on its way. */
static bool may_pass(const struct sb_outflow_receiver *receiver, size_t bytes)
{
	return receiver->unread == 0 || receiver->unread + bytes <= SB_OUTFLOW_UNREAD_BYTES_MAX;
}

static int pass(struct sb_outflow_receiver *receiver, sd_bus_message *signal, size_t bytes)
{
	int r = sd_bus_send_to(receiver->all->connection, signal, receiver->name, NULL);

	if (r < 0)
		return r;
	receiver->unread += bytes;
	receiver->unasked += bytes;

	return 0;
}

static int keep(struct sb_outflow_receiver *receiver, sd_bus_message *signal, size_t bytes)
{
	make_room(receiver, bytes);
	if (!receiver->stuck)
		return add_waiting(receiver, signal, bytes);
	receiver->n_lost++;

	return 0;
}

static int take(struct sb_outflow_receiver *receiver, sd_bus_message *signal, size_t bytes)
{
	if (receiver->stuck) {
		receiver->n_lost++;
		return 0;
	}
	if (receiver->n_waiting == 0 && may_pass(receiver, bytes))
		return pass(receiver, signal, bytes);

	return keep(receiver, signal, bytes);
}

static void pass_waiting(struct sb_outflow_receiver *receiver)
{
	struct waiting *waiting;
	int r;

	while ((waiting = TAILQ_FIRST(&receiver->waiting)) && may_pass(receiver, waiting->bytes)) {
		r = pass(receiver, waiting->signal, waiting->bytes);
		if (r < 0)
			sb_log(LOG_DEBUG, "a signal that waited could not be sent to %s: %s",
			       receiver->name, strerror(-r));
		drop_waiting(receiver, waiting);
	}
	if (waiting)
		sb_timer_arm(&receiver->patience, SB_OUTFLOW_PATIENCE_SEC * SB_USEC_PER_SEC);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool is_answer(sd_bus_message *reply, const struct sb_outflow_receiver *receiver)
{
	const char *sender = sd_bus_message_get_sender(reply);

	return sender && strcmp(sender, receiver->name) == 0;
}

/* What the bus says itself when it lets no Ping through, though the receiver is there. */
static bool is_refused(sd_bus_message *reply, const struct sb_outflow_receiver *receiver)
{
	return !is_answer(reply, receiver) &&
	       (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_LIMITS_EXCEEDED) ||
		sd_bus_message_is_method_error(reply, SD_BUS_ERROR_ACCESS_DENIED));
}

static void log_refusal(struct sb_outflow_receiver *receiver, sd_bus_message *reply)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	struct sb_outflow *all = receiver->all;

	if (!sb_hourly_take(&all->refusals, sb_loop_now(all->loop), 1))
		return;

	sb_log_event(SB_EVENT_BUS_LIMITS, NULL,
		     "the bus does not let us ask %s whether it reads (%s), so it is taken for one "
		     "that does: install the bus policy of this version, and raise "
		     "max_replies_per_connection if very many apps are connected",
		     receiver->name, error->message ? error->message : error->name);
}

/*
 * An app that can no longer be asked must not pay for those that leave Pings unanswered, of which
 * the bus allows us so many: the bus's own bounds are what is left then.
 */
static int receiver_on_pong(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct sb_outflow_receiver *receiver = userdata;

	(void)error;
	receiver->ping = sd_bus_slot_unref(receiver->ping);
	add_idle(receiver);
	receiver->refused = is_refused(reply, receiver);
	if (receiver->refused) {
		log_refusal(receiver, reply);
	} else if (!is_answer(reply, receiver)) {
		(void)receiver_free(receiver);
		return 0;
	}
	receiver->unread = receiver->unasked;
	pass_waiting(receiver);
	settle(receiver);

	return 0;
}

static int send_ping(struct sb_outflow_receiver *receiver)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *ping = NULL;
	sd_bus *connection = receiver->all->connection;
	int r;

	r = sd_bus_message_new_method_call(connection, &ping, receiver->name, "/",
					   "org.freedesktop.DBus.Peer", "Ping");
	if (r < 0)
		return r;
	r = sd_bus_message_set_auto_start(ping, false);
	if (r < 0)
		return r;

	/* It may be answered whenever the receiver comes back, which is then worth knowing. */
	return sd_bus_call_async(connection, &receiver->ping, ping, receiver_on_pong, receiver,
				 UINT64_MAX);
}

static bool was_refused_lately(const struct sb_outflow_receiver *receiver)
{
	return receiver->refused && sb_loop_now(receiver->all->loop) - receiver->asked_at <
					    SB_OUTFLOW_PATIENCE_SEC * SB_USEC_PER_SEC;
}

static void ask(struct sb_outflow_receiver *receiver)
{
	int r = send_ping(receiver);

	if (r < 0) {
		sb_log(LOG_DEBUG, "%s cannot be asked whether it reads: %s", receiver->name,
		       strerror(-r));
		return;
	}
	remove_idle(receiver);
	receiver->asked_at = sb_loop_now(receiver->all->loop);
	receiver->round = sb_echo_ask(&receiver->all->echo);
	receiver->silent_since = 0;
	receiver->unasked = 0;
}

static bool has_to_be_asked(const struct sb_outflow_receiver *receiver)
{
	return !receiver->ping &&
	       (receiver->n_waiting > 0 || receiver->unasked >= SB_OUTFLOW_ASK_BYTES);
}

/* Of this one there is nothing to know. */
static bool is_needless(const struct sb_outflow_receiver *receiver)
{
	return !receiver->ping && receiver->n_waiting == 0 && receiver->unread == 0 &&
	       !receiver->stuck && !receiver->refused;
}

/* To be called whenever something has changed; may free the receiver. */
static void settle(struct sb_outflow_receiver *receiver)
{
	/* Each refusal is a line in the bus's log, so it is not called forth all the time. */
	while (has_to_be_asked(receiver) && was_refused_lately(receiver)) {
		receiver->unread = 0;
		receiver->unasked = 0;
		pass_waiting(receiver);
	}
	if (has_to_be_asked(receiver))
		ask(receiver);
	if (is_needless(receiver))
		(void)receiver_free(receiver);
}

static void receiver_on_patience(struct sb_timer *timer)
{
	struct sb_outflow_receiver *receiver =
		sb_container_of(timer, struct sb_outflow_receiver, patience);

	/* While we are behind ourselves, nobody knows whether it has answered. */
	if (receiver->ping && !is_late(receiver, SB_OUTFLOW_LATE_SEC)) {
		sb_timer_arm(&receiver->patience, SB_OUTFLOW_LATE_SEC * SB_USEC_PER_SEC);
		return;
	}
	give_up(receiver, "it has answered nothing for " WORDS(SB_OUTFLOW_PATIENCE_SEC) " s");
}

/* ---- one receiver ---------------------------------------------------------------------------- */

static struct sb_outflow_receiver *receiver_free(struct sb_outflow_receiver *receiver)
{
	if (!receiver)
		return NULL;

	if (receiver->all) {
		drop_all_waiting(receiver);
		if (!receiver->ping)
			remove_idle(receiver);
		sb_task_cancel(&receiver->tell);
		(void)tdelete(receiver, &receiver->all->by_name, compare_names);
	}
	(void)sd_bus_slot_unref(receiver->ping);
	free(receiver->name);
	free(receiver);

	return NULL;
}

static struct sb_outflow_receiver *receiver_find(struct sb_outflow *all, const char *name)
{
	struct sb_outflow_receiver key = { .name = (char *)name };
	struct sb_outflow_receiver *const *found = tfind(&key, &all->by_name, compare_names);

	return found ? *found : NULL;
}

/* It is asked early; or forgotten, if it cannot be. */
static void end_idling(struct sb_outflow_receiver *receiver)
{
	if (receiver->refused)
		(void)receiver_free(receiver);
	else
		ask(receiver);
}

static struct sb_outflow_receiver *receiver_new(struct sb_outflow *all, const char *name)
{
	SB_CLEANUP(receiver_free)
	struct sb_outflow_receiver *receiver = calloc(1, sizeof(*receiver));

	if (!receiver)
		return NULL;
	TAILQ_INIT(&receiver->waiting);
	sb_timer_init(&receiver->patience, all->loop, receiver_on_patience);
	sb_task_init(&receiver->tell, all->loop, receiver_on_tell);
	receiver->name = strdup(name);
	if (!receiver->name || !tsearch(receiver, &all->by_name, compare_names))
		return NULL;
	receiver->all = all;
	if (all->n_idle >= SB_OUTFLOW_IDLE_MAX)
		end_idling(TAILQ_FIRST(&all->idle));
	add_idle(receiver);

	return SB_STEAL(receiver);
}

/* ---- all of them ----------------------------------------------------------------------------- */

/**
 * sb_outflow_init() - nothing flows
 * @all: to be set up
 * @connection: lent
 * @loop: outlives it
 * @stuck: called, never from within sb_outflow_send(), when a connection does not read
 * @userdata: for @stuck
 */
void sb_outflow_init(struct sb_outflow *all, sd_bus *connection, struct sb_loop *loop,
		     sb_outflow_stuck_fn *stuck, void *userdata)
{
	*all = (struct sb_outflow){
		.connection = connection,
		.loop = loop,
		.stuck = stuck,
		.userdata = userdata,
	};
	TAILQ_INIT(&all->idle);
	TAILQ_INIT(&all->behind);
	sb_echo_init(&all->echo, connection);
}

/**
 * sb_outflow_done() - forget everybody; what waits is not sent any more
 * @all: set up, or zeroed
 */
void sb_outflow_done(struct sb_outflow *all)
{
	while (all->by_name) {
		/* The root of the tree; a node begins with its key, tsearch(3). */
		struct sb_outflow_receiver *const *root = all->by_name;

		(void)receiver_free(*root);
	}
	sb_echo_done(&all->echo);
}

/**
 * sb_outflow_send() - send a signal to one connection, now or when it has read more
 * @all: the outflow
 * @name: the connection's unique name
 * @signal: not sealed, without destination; a reference is taken if it has to wait
 * @len: of its texts and its payload, in bytes
 *
 * What goes to one connection keeps its order. A signal for a connection that does not read may be
 * given up later, or now; the connection is told by then.
 *
 * Return: 0, or a negative errno when the signal is not sent.
 */
int sb_outflow_send(struct sb_outflow *all, const char *name, sd_bus_message *signal, size_t len)
{
	struct sb_outflow_receiver *receiver = receiver_find(all, name);
	int r;

	if (!receiver)
		receiver = receiver_new(all, name);
	if (!receiver)
		return -ENOMEM;
	r = take(receiver, signal, len + SB_OUTFLOW_SIGNAL_BYTES);
	settle(receiver);

	return r;
}

/**
 * sb_outflow_is_pressed() - do those that read have a lot before them?
 * @all: the outflow
 *
 * Those whose answer is late do not count: nobody has to wait for an app that hangs.
 *
 * Return: whether apps should publish more slowly.
 */
bool sb_outflow_is_pressed(const struct sb_outflow *all)
{
	struct sb_outflow_receiver *receiver;
	size_t bytes = 0;

	if (all->waiting_bytes < SB_OUTFLOW_PRESSURE_BYTES)
		return false;
	TAILQ_FOREACH(receiver, &all->behind, behind_entry)
		if (!is_late(receiver, SB_OUTFLOW_LATE_SEC))
			bytes += receiver->waiting_bytes;

	return bytes >= SB_OUTFLOW_PRESSURE_BYTES;
}
