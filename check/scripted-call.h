/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One call into the plugin, from its beginning to its return. Whoever drives a plugin can watch them.
 */
struct skybus_link;

/**
 * struct scripted_watch - who is told of each call
 * @enter: a call is about to be made: link->call; may be NULL
 * @leave: it has returned, and what was lent to it is still there; may be NULL
 */
struct scripted_watch {
	void (*enter)(struct skybus_link *link);
	void (*leave)(struct skybus_link *link);
};

void scripted_watch(const struct scripted_watch *watch);
const char *scripted_enter(struct skybus_link *link, const char *call);
void scripted_leave(struct skybus_link *link, const char *outer);
