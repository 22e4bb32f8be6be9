/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What apps publish is told to the apps of this box that have subscribed to it: when it has been accepted,
 * and before the publisher hears of that. Where it waits for an app in an inbox, it is on disk there, too,
 * before the publisher hears of it; or that it could not be is counted.
 */
#include "daemon/outbox.h"

struct sb_announcement;
struct sb_hub;

int sb_announcement_new(struct sb_hub *hub, const char *link, const struct sb_message *message,
			sb_published_fn *done, void *userdata, struct sb_announcement **ret);
struct sb_announcement *sb_announcement_free(struct sb_announcement *announcement);
void sb_announcement_on_published(void *userdata, uint64_t ticket, const struct sb_error *error);
