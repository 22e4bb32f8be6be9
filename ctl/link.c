/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link can be told to do.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/links.h"
#include "ctl/number.h"
#include "ctl/run.h"
#include "ctl/text.h"

/* Until it is online, unless told otherwise. */
#define WAIT_USEC (60 * CTL_USEC_PER_SEC)

/* How often it is asked meanwhile. */
#define LOOK_USEC (CTL_USEC_PER_SEC / 5)

static bool is_in(const json_t *link, const char *state)
{
	return strcmp(ctl_text_at(link, "State"), state) == 0;
}

static json_int_t since_of(const json_t *link)
{
	return json_integer_value(json_object_get(link, "Since"));
}

static enum ctl_exit not_online(const json_t *link)
{
	const char *reason = ctl_text_at(link, "StateReason");

	return ctl_fail(CTL_EXIT_NOT_ONLINE, "it is not online: %s",
			*reason ? reason : "it is still on its way.");
}

/* Until it is online, and has not been so all the time since @before was seen, NULL for whenever. */
static enum ctl_exit wait_for(struct ctl *ctl, const char *path, uint64_t usec,
			      const json_t *before)
{
	uint64_t end = ctl_clock() + usec;
	bool anew = !before || !is_in(before, "online");

	for (;;) {
		CTL_CLEANUP(json_decref) json_t *link = NULL;
		enum ctl_exit status = ctl_properties(ctl, path, CTL_LINK, &link);

		if (status != CTL_EXIT_OK)
			return status;
		anew = anew || !is_in(link, "online") || since_of(link) != since_of(before);
		if (anew && is_in(link, "online"))
			return CTL_EXIT_OK;
		if (is_in(link, "failed") || ctl_clock() >= end)
			return not_online(link);
		(void)usleep(LOOK_USEC);
	}
}

/**
 * ctl_link_wait() - wait until a link is online
 * @path: its object
 * @usec: at most
 *
 * Return: CTL_EXIT_OK; CTL_EXIT_NOT_ONLINE, with the reason said, when only a person can help or the time is
 * over; or what else to end with.
 */
enum ctl_exit ctl_link_wait(struct ctl *ctl, const char *path, uint64_t usec)
{
	return wait_for(ctl, path, usec, NULL);
}

/* Calls a method that takes nothing; with --wait until the link is online, or if it is to be so @anew, again. */
static enum ctl_exit tell(struct ctl *ctl, const char *member, bool anew)
{
	const char *wait = ctl_option(ctl, "wait");
	CTL_CLEANUP(json_decref) json_t *before = NULL;
	CTL_CLEANUP(free) char *path = NULL;
	uint64_t usec = WAIT_USEC;
	enum ctl_exit status;

	status = ctl_span_option(ctl, "wait", &usec);
	if (status == CTL_EXIT_OK)
		status = ctl_link_path(ctl_word(ctl, 0), &path);
	if (status == CTL_EXIT_OK && wait && anew)
		status = ctl_properties(ctl, path, CTL_LINK, &before);
	if (status == CTL_EXIT_OK)
		status = ctl_call(ctl, path, CTL_LINK, member, NULL, NULL);
	if (status == CTL_EXIT_OK && wait)
		status = wait_for(ctl, path, usec, before);

	return status;
}

/** ctl_run_link_connect() - "link connect LINK" */
enum ctl_exit ctl_run_link_connect(struct ctl *ctl)
{
	return tell(ctl, "Connect", false);
}

/** ctl_run_link_disconnect() - "link disconnect LINK" */
enum ctl_exit ctl_run_link_disconnect(struct ctl *ctl)
{
	return tell(ctl, "Disconnect", false);
}

/** ctl_run_link_reauth() - "link reauth LINK" */
enum ctl_exit ctl_run_link_reauth(struct ctl *ctl)
{
	/* What is under way is answered first, and so long it stays online. */
	return tell(ctl, "Reauthenticate", true);
}
