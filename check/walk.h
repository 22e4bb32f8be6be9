/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The way of a link through its login: what is under way, one step after the other, in the order in which a
 * daemon would most likely hear of it.
 */
#include <stdbool.h>
#include <stddef.h>

#include "check/check.h"

enum check_step {
	CHECK_NOTHING, /* nothing is under way */
	CHECK_WRITE,
	CHECK_OPENING,
	CHECK_FETCH,
	CHECK_REQUEST,
	CHECK_NOTIFICATION, /* the first of an observation */
	CHECK_TIMER,
};

struct skybus_link *check_walk_begin(const struct check_plugin *plugin);
void check_walk_end(struct skybus_link *link);
enum check_step check_walk_next(const struct skybus_link *link);
bool check_walk_goes_on(const struct skybus_link *link);
void check_walk_name(const struct skybus_link *link, char *ret, size_t size);
struct skybus_request *check_walk_observed(const struct skybus_link *link);
struct skybus_request *check_walk_request(const struct skybus_link *link);
void check_walk_well(const struct check_plugin *plugin, struct skybus_link *link);
size_t check_walk_login(const struct check_plugin *plugin, struct skybus_link *link, size_t n);
