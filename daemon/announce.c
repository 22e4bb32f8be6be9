/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/announce.h"
#include "daemon/cleanup.h"
#include "daemon/hub.h"
#include "daemon/landing.h"

/** struct sb_announcement - a message that is being accepted, and that somebody here wants to see */
struct sb_announcement {
	struct sb_hub *hub;
	char *link;
	struct sb_message *message; /* a copy: the queue may be done with its own */
	uint64_t ticket; /* once it is accepted */
	struct sb_landing *landing; /* NULL before that, or without memory: nobody waits then */
	sb_published_fn *done;
	void *userdata;
};

SB_DEFINE_CLEANUP(struct sb_announcement *, sb_announcement_free)

/**
 * sb_announcement_new() - prepare to tell of a message
 * @hub: outlives it
 * @link: the name of the link that it is published to; copied
 * @message: copied
 * @done: who published it is told by this
 * @userdata: for @done
 * @ret: the announcement, the caller's; or sb_announcement_on_published()'s, whose userdata it is
 *
 * Return: 0, or -ENOMEM.
 */
int sb_announcement_new(struct sb_hub *hub, const char *link, const struct sb_message *message,
			sb_published_fn *done, void *userdata, struct sb_announcement **ret)
{
	SB_CLEANUP(sb_announcement_free)
	struct sb_announcement *announcement = calloc(1, sizeof(*announcement));

	if (!announcement)
		return -ENOMEM;
	announcement->hub = hub;
	announcement->link = strdup(link);
	announcement->message =
		sb_message_new(message->topic, message->payload, message->payload_len, NULL);
	if (!announcement->link || !announcement->message)
		return -ENOMEM;
	announcement->message->content_format = message->content_format;
	announcement->done = done;
	announcement->userdata = userdata;
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
	free(announcement->link);
	(void)sb_message_free(announcement->message);
	free(announcement);

	return NULL;
}

static void tell_apps(struct sb_announcement *announcement)
{
	const struct sb_message *message = announcement->message;
	struct sb_delivery delivery = {
		.origin = SB_ORIGIN_LOCAL,
		.link = announcement->link,
		.topic = message->topic,
		.payload = message->payload,
		.payload_len = message->payload_len,
		.content_format = message->content_format,
		.landing = announcement->landing,
	};

	(void)sb_hub_deliver(announcement->hub, &delivery);
}

static void announcement_on_landed(void *userdata, const struct sb_landed *landed)
{
	SB_CLEANUP(sb_announcement_free) struct sb_announcement *announcement = userdata;

	(void)landed; /* what an inbox could not keep is its loss, and is counted there */
	announcement->done(announcement->userdata, announcement->ticket, NULL);
}

/**
 * sb_announcement_on_published() - an sb_published_fn: tell of the message if it was accepted, then its
 *	publisher
 * @userdata: the announcement, which ends
 * @ticket: of the message
 * @error: why it was not accepted, and nobody but the publisher is told
 */
void sb_announcement_on_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	SB_CLEANUP(sb_announcement_free) struct sb_announcement *announcement = userdata;

	if (!error) {
		announcement->ticket = ticket;
		announcement->landing = sb_landing_new();
		tell_apps(announcement);
		if (announcement->landing &&
		    sb_landing_await(announcement->landing, announcement_on_landed, announcement)) {
			(void)SB_STEAL(announcement);
			return;
		}
	}
	announcement->done(announcement->userdata, ticket, error);
}
