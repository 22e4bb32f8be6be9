/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTPS GET on the loop, by libcurl. Few boxes need it, and its libraries weigh more than all of the
 * daemon, so they are loaded with the first request.
 */
#include <stdbool.h>
#include <stdint.h>

#include "daemon/loop.h"
#include "daemon/wire.h"
#include "skybus/plugin.h"

struct sb_https;
struct sb_fetch;

/** struct sb_fetch_way - how a fetch leaves the box; everything is lent until sb_https_get() returns */
struct sb_fetch_way {
	const char *
		interface; /* the network interface to go through; NULL for whichever the routes say */
	struct sb_wire *wire; /* counts what it costs; NULL for nobody; gets a reference */
};

/** A fetch ended, and is freed when this returns. @fetched is lent. */
typedef void sb_fetched_fn(void *userdata, const struct skybus_fetched *fetched);

int sb_https_new(struct sb_loop *loop, struct sb_https **ret);
struct sb_https *sb_https_free(struct sb_https *https);
int sb_https_get(struct sb_https *https, const struct skybus_fetch *plan,
		 const struct sb_fetch_way *way, sb_fetched_fn *done, void *userdata,
		 struct sb_fetch **ret);
struct sb_fetch *sb_fetch_cancel(struct sb_fetch *fetch);
