/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "check/scripted-private.h"

static const struct scripted_watch nobody;
static const struct scripted_watch *watcher = &nobody;

/**
 * scripted_watch() - tell somebody of each call
 * @watch: who; lent for ever
 */
void scripted_watch(const struct scripted_watch *watch)
{
	watcher = watch;
}

/**
 * scripted_enter() - a call into the plugin begins
 * @link: whose
 * @call: its name, "encode()"; lent for ever
 *
 * Return: the call within which it is made, for scripted_leave(): a host call may lead to another call.
 */
const char *scripted_enter(struct skybus_link *link, const char *call)
{
	const char *outer = link->call;

	link->call = call;
	link->depth++;
	if (watcher->enter)
		watcher->enter(link);

	return outer;
}

/**
 * scripted_leave() - it has returned; what was lent to it is taken back
 * @link: whose
 * @outer: what scripted_enter() returned
 */
void scripted_leave(struct skybus_link *link, const char *outer)
{
	if (watcher->leave)
		watcher->leave(link);
	scripted_take_back_call(link->depth);
	link->depth--;
	link->call = outer;
}
