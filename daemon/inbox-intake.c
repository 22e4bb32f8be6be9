/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes in. A message counts against the bounds from the moment it is handed to the disk, so that
 * no more than may wait is ever on its way. What an inbox cannot keep is counted: in memory at first,
 * however many they are while the disk refuses, and then in one job after the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/filter.h"
#include "daemon/inbox-private.h"
#include "daemon/landing.h"
#include "daemon/log.h"

/* In the log within an hour: an app may be just too slow, for ever. */
#define COMPLAINTS_MAX 1

/** struct writing - a message on its way to disk */
struct writing {
	struct sb_inbox *inbox;
	struct sb_landing *landing; /* held; NULL when nobody waits */
	size_t size;
	struct sb_inbox_content planned; /* what is to go for it at least */
};

/* ---- losses ---- */

static void count_losses(struct sb_inbox *inbox);

static struct sb_loss loss_of(const struct sb_inbox *inbox, enum sb_cause cause, uint64_t messages)
{
	return (struct sb_loss){
		.link = inbox->link,
		.owner = inbox->owner,
		.cause = cause,
		.messages = messages,
	};
}

static void inbox_on_counted(void *userdata, int error)
{
	struct sb_inbox *inbox = userdata;

	if (error < 0)
		inbox->uncounted += inbox->counting;
	inbox->counting = 0;
	if (error < 0 && !inbox->all->closing)
		sb_timer_arm(&inbox->recount, SB_INBOX_RETRY_USEC);
	else if (error == 0)
		count_losses(inbox);
	sb_inbox_job_done(inbox);
}

static void count_losses(struct sb_inbox *inbox)
{
	const struct sb_loss loss = loss_of(inbox, SB_CAUSE_INBOX_FULL, inbox->uncounted);

	if (inbox->uncounted == 0 || inbox->counting > 0 || inbox->all->closing ||
	    sb_timer_armed(&inbox->recount))
		return;
	if (sb_store_inbox_lose(inbox->all->store, inbox->id, &loss, inbox_on_counted, inbox) < 0) {
		sb_timer_arm(&inbox->recount, SB_INBOX_RETRY_USEC);
		return;
	}
	inbox->jobs++;
	inbox->counting = inbox->uncounted;
	inbox->uncounted = 0;
}

static void inbox_on_recount(struct sb_timer *timer)
{
	count_losses(sb_container_of(timer, struct sb_inbox, recount));
}

static void complain(struct sb_inbox *inbox, int error)
{
	char user[16];
	const struct sb_fields fields = { .link = inbox->link, .user = user, .inbox = inbox->name };

	if (!sb_hourly_take(&inbox->complaints, sb_loop_now(inbox->all->loop), COMPLAINTS_MAX))
		return;

	(void)snprintf(user, sizeof(user), "%" PRIu32, inbox->owner);
	sb_log_event(SB_EVENT_INBOX_LOSES, &fields,
		     "the inbox %s of user %s cannot keep messages: %s. See ListInboxes, and let "
		     "its app acknowledge what waits, or forget the inbox",
		     inbox->name, user, error == -ENOBUFS ? "it is full" : strerror(-error));
}

/* It came between the asking to forget the inbox and the end of that. */
static void lose_with_inbox(const struct sb_inbox *inbox)
{
	const struct sb_loss loss = loss_of(inbox, SB_CAUSE_FORGOTTEN, 1);

	(void)sb_store_count_loss(inbox->all->store, &loss, NULL, NULL);
}

static void lose(struct sb_inbox *inbox, int error)
{
	if (error == -ENOENT) {
		lose_with_inbox(inbox);
		return;
	}
	complain(inbox, error);
	inbox->lost++;
	inbox->uncounted++;
	count_losses(inbox);
}

/**
 * sb_inbox_close_losses() - the inbox was forgotten: what it has lost is its link's and its user's loss alone
 * @inbox: the inbox; the one that may take its place has lost nothing
 */
void sb_inbox_close_losses(struct sb_inbox *inbox)
{
	const struct sb_loss loss = loss_of(inbox, SB_CAUSE_INBOX_FULL, inbox->uncounted);

	sb_timer_disarm(&inbox->recount);
	if (inbox->uncounted > 0)
		(void)sb_store_count_loss(inbox->all->store, &loss, NULL, NULL);
	inbox->uncounted = 0;
	inbox->lost = 0;
}

/* ---- bounds ---- */

static uint64_t excess(uint64_t is, uint64_t more, uint64_t bound)
{
	return is + more > bound ? is + more - bound : 0;
}

/* What would have to go for a message. */
static struct sb_inbox_content too_much(const struct sb_inbox *inbox, size_t size)
{
	const struct sb_inbox_limits *limits = &inbox->all->limits;

	return (struct sb_inbox_content){
		.messages = excess(inbox->content.messages, 1, limits->messages),
		.bytes = excess(inbox->content.bytes, size, limits->bytes),
	};
}

static size_t size_of(const struct sb_delivery *delivery)
{
	return strlen(delivery->topic) + delivery->payload_len;
}

static bool may_take(const struct sb_inbox *inbox, size_t size)
{
	struct sb_inbox_content content = too_much(inbox, size);

	if (content.messages == 0 && content.bytes == 0)
		return true;

	return inbox->all->limits.drop_oldest && content.messages <= inbox->content.messages &&
	       content.bytes <= inbox->content.bytes;
}

/**
 * sb_inbox_takes() - does a message wait here, or will it
 * @inbox: the inbox
 * @delivery: one that is being delivered
 *
 * Return: whether its consumer gets it from here.
 */
bool sb_inbox_takes(const struct sb_inbox *inbox, const struct sb_delivery *delivery)
{
	if (inbox->last_taken == delivery->message)
		return true;

	return inbox->at_hub && inbox->origins & (1u << delivery->origin) &&
	       strcmp(inbox->link, delivery->link) == 0 &&
	       sb_filter_matches(inbox->filter, delivery->topic) &&
	       may_take(inbox, size_of(delivery));
}

/* ---- writing ---- */

static void add(struct sb_inbox_content *content, uint64_t messages, uint64_t bytes)
{
	content->messages += messages;
	content->bytes += bytes;
}

static void subtract(struct sb_inbox_content *content, uint64_t messages, uint64_t bytes)
{
	content->messages -= messages;
	content->bytes -= bytes;
}

static void written(struct sb_inbox *inbox, const struct writing *writing,
		    struct sb_inbox_message **message, const struct sb_inbox_drop *dropped)
{
	const struct sb_inbox_content *gone = &dropped->content;
	const struct sb_inbox_content *planned = &writing->planned;

	subtract(&inbox->content, gone->messages - planned->messages, gone->bytes - planned->bytes);
	inbox->lost += gone->messages;
	if (gone->messages > 0)
		complain(inbox, -ENOBUFS);
	sb_inbox_dropped(inbox, dropped);
	sb_inbox_arrived(inbox, message);
}

static void inbox_on_added(void *userdata, int error, struct sb_inbox_message **message,
			   const struct sb_inbox_drop *dropped)
{
	SB_CLEANUP(sb_free) struct writing *writing = userdata;
	struct sb_inbox *inbox = writing->inbox;

	if (error == 0) {
		written(inbox, writing, message, dropped);
	} else {
		add(&inbox->content, writing->planned.messages, writing->planned.bytes);
		subtract(&inbox->content, 1, writing->size);
		lose(inbox, error);
	}
	sb_landing_let_go(writing->landing, error);
	sb_inbox_job_done(inbox);
}

static int hand_over(struct sb_inbox *inbox, struct sb_inbox_message *message,
		     struct writing *writing)
{
	const struct sb_inbox_entry entry = {
		.inbox = inbox->id,
		.link = inbox->link,
		.owner = inbox->owner,
		.message = message,
		/* What the consumer has been sent, or is about to be, is left to it. */
		.drop = { .above = inbox->window.last, .content = writing->planned },
	};

	return sb_store_inbox_add(inbox->all->store, &entry, inbox_on_added, writing);
}

static int write_message(struct sb_inbox *inbox, const struct sb_delivery *delivery)
{
	struct writing *writing = malloc(sizeof(*writing));
	struct sb_inbox_message *message = sb_inbox_message_new(delivery);
	size_t size = size_of(delivery);
	int r = -ENOMEM;

	if (writing && message) {
		*writing = (struct writing){
			.inbox = inbox,
			.landing = delivery->landing,
			.size = size,
			.planned = too_much(inbox, size),
		};
		r = hand_over(inbox, message, writing);
	}
	if (r < 0) {
		(void)sb_inbox_message_free(message);
		free(writing);
		return r;
	}
	inbox->jobs++;
	subtract(&inbox->content, writing->planned.messages, writing->planned.bytes);
	add(&inbox->content, 1, size);
	inbox->last_taken = delivery->message;

	return 0;
}

/**
 * sb_inbox_on_delivery() - an sb_delivery_fn: keep a message
 * @userdata: the inbox
 * @at_hub: its subscription
 * @delivery: its landing is held until the message is on disk
 *
 * A job is handed to the store at once. So the end of the message in whose reply a command came, which is
 * handed over after the command was delivered, is never on disk before the command is.
 */
void sb_inbox_on_delivery(void *userdata, struct sb_subscription *at_hub,
			  const struct sb_delivery *delivery)
{
	struct sb_inbox *inbox = userdata;
	int r = -ENOBUFS;

	(void)at_hub;
	sb_landing_hold(delivery->landing);
	if (may_take(inbox, size_of(delivery)))
		r = write_message(inbox, delivery);
	if (r == 0)
		return;
	lose(inbox, r);
	sb_landing_let_go(delivery->landing, r);
}

/**
 * sb_inbox_intake_init() - nothing has come in
 * @inbox: in the set
 */
void sb_inbox_intake_init(struct sb_inbox *inbox)
{
	sb_timer_init(&inbox->recount, inbox->all->loop, inbox_on_recount);
}
