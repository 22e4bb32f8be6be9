/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/announce.h"
#include "daemon/cleanup.h"
#include "daemon/hub.h"
#include "daemon/landing.h"

/** struct item - one message of it */
struct item {
	char *link;
	struct sb_message *message; /* a copy: the queue may be done with its own */
};

/**
 * struct sb_announcement - what is being accepted, and somebody here wants to see
 * @tickets: once it is accepted; owned
 * @landing: NULL before that, or without memory: nobody waits then
 * @items: those messages of it that are wanted
 */
struct sb_announcement {
	struct sb_hub *hub;
	struct sb_publisher publisher;
	uint64_t *tickets;
	size_t n_tickets;
	struct sb_landing *landing;
	size_t room;
	size_t n;
	struct item items[];
};

SB_DEFINE_CLEANUP(struct sb_announcement *, sb_announcement_free)

static int refuse_for_memory(struct sb_error *ret_error)
{
	return sb_error_set(ret_error, SB_ERROR_FAILED, "out of memory: publish again in a while");
}

/**
 * sb_announcement_wanted() - does any app of this box want to see a message
 * @hub: the hub
 * @link: the name of the link that it is published to
 * @message: the message
 *
 * Return: whether there has to be an announcement of it.
 */
bool sb_announcement_wanted(struct sb_hub *hub, const char *link, const struct sb_message *message)
{
	return sb_hub_wants(hub, link, message->topic, SB_ORIGIN_LOCAL);
}

/**
 * sb_announcement_new() - prepare to tell of messages
 * @hub: outlives it
 * @publisher: copied
 * @room: for so many messages
 * @ret: the announcement, the caller's; or that of sb_announcement_on_published() or of
 *	sb_announcement_on_all_published(), whose userdata it is
 * @ret_error: why nothing can be told now
 *
 * Return: 0; -ENOBUFS: those who are told are far behind; -EIO without memory.
 */
int sb_announcement_new(struct sb_hub *hub, const struct sb_publisher *publisher, size_t room,
			struct sb_announcement **ret, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_announcement_free) struct sb_announcement *announcement = NULL;

	if (sb_hub_is_pressed(hub))
		return sb_error_set(
			ret_error, SB_ERROR_QUEUE_FULL,
			"apps of this box that subscribe to such messages do not keep up "
			"with reading them: publish again soon, and more slowly");
	announcement = calloc(1, sizeof(*announcement) + room * sizeof(announcement->items[0]));
	if (!announcement)
		return refuse_for_memory(ret_error);
	announcement->tickets = calloc(room, sizeof(announcement->tickets[0]));
	if (!announcement->tickets)
		return refuse_for_memory(ret_error);
	announcement->hub = hub;
	announcement->publisher = *publisher;
	announcement->room = room;
	*ret = SB_STEAL(announcement);

	return 0;
}

/**
 * sb_announcement_free() - tell nobody
 * @announcement: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_announcement *sb_announcement_free(struct sb_announcement *announcement)
{
	if (!announcement)
		return NULL;

	(void)sb_landing_free(announcement->landing);
	for (size_t i = 0; i < announcement->room; i++) {
		free(announcement->items[i].link);
		(void)sb_message_free(announcement->items[i].message);
	}
	free(announcement->tickets);
	free(announcement);

	return NULL;
}

/**
 * sb_announcement_add() - tell of this message, too
 * @announcement: with room for it
 * @link: the name of the link that it is published to; copied
 * @message: copied
 * @ret_error: why it cannot be told of
 *
 * Return: 0; -EIO without memory.
 */
int sb_announcement_add(struct sb_announcement *announcement, const char *link,
			const struct sb_message *message, struct sb_error *ret_error)
{
	struct item *item = &announcement->items[announcement->n];

	assert(announcement->n < announcement->room);
	item->link = strdup(link);
	item->message = sb_message_copy(message);
	if (!item->link || !item->message)
		return refuse_for_memory(ret_error);
	announcement->n++;

	return 0;
}

static void tell_apps(struct sb_announcement *announcement)
{
	for (size_t i = 0; i < announcement->n; i++) {
		const struct sb_message *message = announcement->items[i].message;
		struct sb_delivery delivery = {
			.origin = SB_ORIGIN_LOCAL,
			.link = announcement->items[i].link,
			.topic = message->topic,
			.payload = message->payload,
			.payload_len = message->payload_len,
			.content_format = message->content_format,
			.landing = announcement->landing,
		};

		(void)sb_hub_deliver(announcement->hub, &delivery);
	}
}

static void tell_publisher(const struct sb_announcement *announcement, const struct sb_error *error)
{
	const struct sb_publisher *publisher = &announcement->publisher;

	if (publisher->all)
		publisher->all(publisher->userdata, announcement->tickets, announcement->n_tickets,
			       error);
	else
		publisher->one(publisher->userdata, announcement->tickets[0], error);
}

static void announcement_on_landed(void *userdata, const struct sb_landed *landed)
{
	SB_CLEANUP(sb_announcement_free) struct sb_announcement *announcement = userdata;

	(void)landed; /* what an inbox could not keep is its loss, and is counted there */
	tell_publisher(announcement, NULL);
}

/**
 * sb_announcement_on_all_published() - an sb_published_all_fn: tell of the messages if they were accepted, then
 *	their publisher
 * @userdata: the announcement, which ends
 * @tickets: of the messages
 * @n: not more than there was room for
 * @error: why they were not accepted, and nobody but the publisher is told
 */
void sb_announcement_on_all_published(void *userdata, const uint64_t *tickets, size_t n,
				      const struct sb_error *error)
{
	SB_CLEANUP(sb_announcement_free) struct sb_announcement *announcement = userdata;

	announcement->n_tickets = n;
	for (size_t i = 0; i < n; i++)
		announcement->tickets[i] = tickets[i];
	if (!error) {
		announcement->landing = sb_landing_new();
		tell_apps(announcement);
		if (announcement->landing &&
		    sb_landing_await(announcement->landing, announcement_on_landed, announcement)) {
			(void)SB_STEAL(announcement);
			return;
		}
	}
	tell_publisher(announcement, error);
}

/**
 * sb_announcement_on_published() - an sb_published_fn: the same for one message
 * @userdata: the announcement, which ends
 * @ticket: of the message
 * @error: why it was not accepted, and nobody but the publisher is told
 */
void sb_announcement_on_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	sb_announcement_on_all_published(userdata, &ticket, 1, error);
}
