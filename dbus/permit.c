/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/identity.h"
#include "daemon/inboxes.h"
#include "daemon/message.h"
#include "daemon/rate.h"
#include "dbus/parts.h"
#include "dbus/permit.h"

SB_DEFINE_CLEANUP(struct sb_grant *, sb_grant_free)

static int find_grant(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		      struct sb_grant **ret, struct sb_error *ret_error)
{
	if (sb_grant_new(parts->access, sender, ret) < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: call again in a while");

	return 0;
}

/**
 * sb_permit_publish_at() - do the rules let it publish, or send a request?
 * @parts: of the object that was called
 * @sender: who calls
 * @link: the link's name
 * @topic: the topic, which need not be a good one
 * @ret_error: why not
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_permit_publish_at(const struct sb_bus_parts *parts, const struct sb_identity *sender,
			 const char *link, const char *topic, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_grant_free) struct sb_grant *grant = NULL;
	int r;

	r = find_grant(parts, sender, &grant, ret_error);
	if (r < 0)
		return r;

	return sb_grant_publish(grant, link, topic, ret_error);
}

/**
 * sb_permit_rate() - may it hand in so much now?
 * @parts: of the object that was called
 * @sender: who calls
 * @size: bytes of topic and payload
 * @ret_error: why not
 *
 * Return: 0, and it counts; or a negative errno with @ret_error.
 */
int sb_permit_rate(const struct sb_bus_parts *parts, const struct sb_identity *sender, size_t size,
		   struct sb_error *ret_error)
{
	return sb_rates_take(parts->rates, sender->uid, 1, size, ret_error);
}

/**
 * sb_permit_publish() - may it publish, or send a request, and do so now?
 * @parts: of the object that was called
 * @sender: who calls
 * @link: the link's name
 * @topic: the topic, which need not be a good one
 * @payload_len: bytes
 * @ret_error: why not
 *
 * Return: 0, and it counts; or a negative errno with @ret_error.
 */
int sb_permit_publish(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		      const char *link, const char *topic, size_t payload_len,
		      struct sb_error *ret_error)
{
	int r = sb_permit_publish_at(parts, sender, link, topic, ret_error);

	return r < 0 ? r : sb_permit_rate(parts, sender, strlen(topic) + payload_len, ret_error);
}

/**
 * sb_permit_subscribe() - may it have what a filter matches?
 * @parts: of the object that was called
 * @sender: who calls
 * @link: the link's name
 * @filter: the filter, which need not be a good one
 * @ret_error: why not
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_permit_subscribe(const struct sb_bus_parts *parts, const struct sb_identity *sender,
			const char *link, const char *filter, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_grant_free) struct sb_grant *grant = NULL;
	int r;

	r = find_grant(parts, sender, &grant, ret_error);
	if (r < 0)
		return r;

	return sb_grant_subscribe(grant, link, filter, ret_error);
}

/**
 * sb_permit_inbox() - may it have an inbox, with what waits there?
 * @parts: of the object that was called
 * @sender: who calls
 * @wish: the inbox, and what it is to gather
 * @ret_error: why not
 *
 * An inbox gathers for a user who is away, whatever the rules have come to be meanwhile; so what it has gathered
 * is asked for when somebody wants to have it.
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_permit_inbox(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		    const struct sb_inbox_wish *wish, struct sb_error *ret_error)
{
	const char *gathered = sb_inboxes_filter(sb_gateway_inboxes(parts->gateway), wish);
	const struct sb_interest *interest = &wish->interest;
	int r;

	r = sb_permit_subscribe(parts, sender, interest->link, interest->filter, ret_error);
	if (r < 0 || !gathered ||
	    sb_permit_subscribe(parts, sender, interest->link, gathered, NULL) == 0)
		return r;

	return sb_error_set(
		ret_error, SB_ERROR_NOT_PERMITTED,
		"the inbox %s has gathered \"%.100s\", which the section access does not "
		"grant this user any more: remove it with ForgetDurable first",
		wish->name, gathered);
}

/**
 * sb_permit_answer() - may it answer a command?
 * @parts: of the object that was called
 * @sender: who calls
 * @link: the link's name
 * @topic: of the command; NULL where none waits
 * @payload_len: bytes of the answer
 * @ret_error: why not
 *
 * Return: 0, and it counts; or a negative errno with @ret_error.
 */
int sb_permit_answer(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		     const char *link, const char *topic, size_t payload_len,
		     struct sb_error *ret_error)
{
	SB_CLEANUP(sb_grant_free) struct sb_grant *grant = NULL;
	int r;

	r = find_grant(parts, sender, &grant, ret_error);
	if (r < 0)
		return r;
	r = sb_grant_answer(grant, link, topic, ret_error);
	if (r < 0)
		return r;

	return sb_permit_rate(parts, sender, payload_len, ret_error);
}

static int administer(const struct sb_grant *grant, sd_bus_message *call,
		      struct sb_error *ret_error)
{
	char what[80];

	(void)snprintf(what, sizeof(what), "call %.64s", sd_bus_message_get_member(call));

	return sb_grant_administer(grant, what, ret_error);
}

/**
 * sb_permit_administer() - may it do what concerns others?
 * @parts: of the object that was called
 * @sender: who calls
 * @call: which method, for the sentence
 * @ret_error: why not
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_permit_administer(const struct sb_bus_parts *parts, const struct sb_identity *sender,
			 sd_bus_message *call, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_grant_free) struct sb_grant *grant = NULL;
	int r;

	r = find_grant(parts, sender, &grant, ret_error);
	if (r < 0)
		return r;

	return administer(grant, call, ret_error);
}

/**
 * sb_permit_cancel() - whose messages may it call back?
 * @parts: of the object that was called
 * @sender: who calls
 * @call: which method, for the sentence
 * @ret_owner: only its own: the user, lent by @sender; NULL for everybody's
 * @ret_error: why none; whose messages a caller has that the bus does not know, nobody can tell
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_permit_cancel(const struct sb_bus_parts *parts, const struct sb_identity *sender,
		     sd_bus_message *call, const uint32_t **ret_owner, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_grant_free) struct sb_grant *grant = NULL;
	int r;

	r = find_grant(parts, sender, &grant, ret_error);
	if (r < 0)
		return r;
	if (sender->uid == SB_NO_OWNER) {
		r = administer(grant, call, ret_error);
		if (r < 0)
			return r;
	}
	*ret_owner = sb_grant_administers(grant) ? NULL : &sender->uid;

	return 0;
}
