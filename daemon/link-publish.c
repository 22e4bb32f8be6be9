/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of a link: what apps hand in is checked here, and nowhere later. What passes is the queue's,
 * or the flight's for a request.
 */
#include <stddef.h>
#include <string.h>

#include "daemon/announce.h"
#include "daemon/cleanup.h"
#include "daemon/clock.h"
#include "daemon/link-private.h"
#include "daemon/plugin-call.h"

SB_DEFINE_CLEANUP(struct sb_announcement *, sb_announcement_free)

/**
 * sb_link_check_topic() - is it a topic at all, whatever the cloud
 * @topic: of a message
 * @ret_error: why not, on failure
 *
 * Return: 0, or -EINVAL.
 */
int sb_link_check_topic(const char *topic, struct sb_error *ret_error)
{
	size_t len = strlen(topic);

	if (len == 0 || len > SB_TOPIC_MAX)
		return sb_error_set(ret_error, SB_ERROR_INVALID_TOPIC,
				    "a topic has 1 to %d bytes, this one %zu", SB_TOPIC_MAX, len);
	for (const char *c = topic; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return sb_error_set(
				ret_error, SB_ERROR_INVALID_TOPIC,
				"byte %td of the topic is a control character: leave it out",
				c - topic + 1);
		if (*c == '+' || *c == '#')
			return sb_error_set(
				ret_error, SB_ERROR_INVALID_TOPIC,
				"the topic \"%s\" holds the wildcard %c: publish to one "
				"topic, wildcards are for subscriptions",
				topic, *c);
	}

	return 0;
}

/**
 * sb_link_view() - a message as the link's plugin sees it, with the time at which it was taken
 * @link: its link
 * @message: lends its text to the view
 *
 * Return: the view.
 */
struct skybus_message sb_link_view(const struct sb_link *link, const struct sb_message *message)
{
	return sb_message_view(message, sb_clock_wall_ms(link->parts.clock, message->taken));
}

/* The rules for every cloud, then this cloud's. */
static int check_message(struct sb_link *link, const struct sb_message *message,
			 struct sb_error *ret_error)
{
	struct skybus_verdict why = { .size = sizeof(why) };
	struct skybus_message view = sb_link_view(link, message);
	int r;

	r = sb_link_check_topic(message->topic, ret_error);
	if (r < 0)
		return r;
	if (message->payload_len > SB_PAYLOAD_MAX)
		return sb_error_set(ret_error, SB_ERROR_TOO_LARGE,
				    "the payload has %zu bytes, and a message may have %d",
				    message->payload_len, SB_PAYLOAD_MAX);
	r = sb_plugin_accept(link, &view, &why);
	if (r == 0)
		return 0;

	return sb_error_set(ret_error, r == -EMSGSIZE ? SB_ERROR_TOO_LARGE : SB_ERROR_INVALID_TOPIC,
			    "%s",
			    why.reason[0] ? why.reason : "the cloud does not take such a message");
}

/* First of all, for the plugin may look at the time. A dead letter that is sent again keeps its own. */
static void stamp(const struct sb_link *link, struct sb_message *message)
{
	if (message->taken.boot == 0 && message->taken.ms == 0)
		message->taken = sb_clock_now(link->parts.clock);
}

static int publish_and_announce(struct sb_link *link, struct sb_message *message,
				sb_published_fn *done, void *userdata, struct sb_error *ret_error)
{
	const struct sb_publisher publisher = { .one = done, .userdata = userdata };
	SB_CLEANUP(sb_announcement_free) struct sb_announcement *announcement = NULL;
	int r;

	r = sb_announcement_new(link->parts.hub, &publisher, 1, &announcement, ret_error);
	if (r == 0)
		r = sb_announcement_add(announcement, sb_link_name(link), message, ret_error);
	if (r < 0)
		return r;
	r = sb_queue_publish(link->queue, message, sb_announcement_on_published, announcement,
			     ret_error);
	if (r == 0)
		(void)SB_STEAL(announcement);

	return r;
}

/**
 * sb_link_check() - could a message be this link's
 * @link: in any state
 * @message: taken now, unless it says when
 * @ret_error: why not, on failure
 *
 * Return: 0; -EINVAL (topic), -EMSGSIZE (payload).
 */
int sb_link_check(struct sb_link *link, struct sb_message *message, struct sb_error *ret_error)
{
	stamp(link, message);

	return check_message(link, message, ret_error);
}

/**
 * sb_link_publish() - store a message and send it when it can be sent; tell apps of this box of it
 * @link: in any state
 * @message: the callee's from now on, when this returns 0; taken now, unless it says when
 * @done: called once with the ticket when the message is on disk, never from within this call
 * @userdata: for @done
 * @ret_error: why not, on failure
 *
 * Return: 0; -EINVAL (topic), -EMSGSIZE (payload), -ENOBUFS (the queue is full, or
 *	subscribers are far behind), -ENOMEM.
 */
int sb_link_publish(struct sb_link *link, struct sb_message *message, sb_published_fn *done,
		    void *userdata, struct sb_error *ret_error)
{
	int r;

	r = sb_link_check(link, message, ret_error);
	if (r < 0)
		return r;

	if (sb_announcement_wanted(link->parts.hub, sb_link_name(link), message))
		return publish_and_announce(link, message, done, userdata, ret_error);

	return sb_queue_publish(link->queue, message, done, userdata, ret_error);
}

/**
 * sb_link_request() - send a message now and tell what the cloud answers; nothing is stored
 * @link: online
 * @message: the callee's from now on, when this returns 0; taken now, unless it says when
 * @timeout_usec: how long the caller waits, µs
 * @done: called once, never from within this call
 * @userdata: for @done
 * @ret_error: why not, on failure
 *
 * Return: 0; -EINVAL (topic), -EMSGSIZE (payload), -ENOTCONN (not online), -EDQUOT (its budget is
 *	spent), -ENOBUFS, -ENOMEM.
 */
int sb_link_request(struct sb_link *link, struct sb_message *message, uint64_t timeout_usec,
		    sb_requested_fn *done, void *userdata, struct sb_error *ret_error)
{
	struct sb_link_status status;
	int r;

	r = sb_link_check(link, message, ret_error);
	if (r < 0)
		return r;
	sb_link_budget_look(link);
	if (sb_link_budget_holds(link))
		return sb_error_set(ret_error, SB_ERROR_BUDGET_SPENT,
				    "the link %s sends urgent messages only, as its budget is "
				    "spent, and a request is none: publish instead, urgent if it "
				    "is, or raise the link's setting \"budget\"",
				    sb_link_name(link));
	sb_link_status(link, &status);
	if (status.state != SB_LINK_ONLINE)
		return sb_error_set(ret_error, SB_ERROR_NOT_ONLINE,
				    "the link %s is %s%s%s: wait until it is online, or publish "
				    "instead, which stores the message",
				    sb_link_name(link), status.state_word,
				    *status.state_reason ? ": " : "", status.state_reason);

	return sb_flight_ask(&link->flight, message, timeout_usec, done, userdata, ret_error);
}
