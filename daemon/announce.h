/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What apps publish is told to the apps of this box that have subscribed to it: when it has been accepted,
 * and before the publisher hears of that. Where it waits for an app in an inbox, it is on disk there, too,
 * before the publisher hears of it; or that it could not be is counted.
 */
#include <stdbool.h>
#include <stddef.h>

#include "daemon/outbox.h"

struct sb_announcement;
struct sb_hub;

/** struct sb_publisher - who published, and is told: @one of one message, or @all of several */
struct sb_publisher {
	sb_published_fn *one;
	sb_published_all_fn *all;
	void *userdata;
};

bool sb_announcement_wanted(struct sb_hub *hub, const char *link, const struct sb_message *message);
int sb_announcement_new(struct sb_hub *hub, const struct sb_publisher *publisher, size_t room,
			struct sb_announcement **ret, struct sb_error *ret_error);
struct sb_announcement *sb_announcement_free(struct sb_announcement *announcement);
int sb_announcement_add(struct sb_announcement *announcement, const char *link,
			const struct sb_message *message, struct sb_error *ret_error);
void sb_announcement_on_published(void *userdata, uint64_t ticket, const struct sb_error *error);
void sb_announcement_on_all_published(void *userdata, const uint64_t *tickets, size_t n,
				      const struct sb_error *error);
