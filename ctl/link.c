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

/* Until it is online, unless told otherwise. */
#define WAIT_USEC (60 * CTL_USEC_PER_SEC)

/* How often it is asked meanwhile. */
#define LOOK_USEC (CTL_USEC_PER_SEC / 5)

static enum ctl_exit read_state(struct ctl *ctl, const char *path, const char *property,
				json_t **ret)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	CTL_CLEANUP(json_decref) json_t *body = NULL;
	enum ctl_exit status;
	int r;

	status = ctl_call(ctl, path, "org.freedesktop.DBus.Properties", "Get", &reply, "ss",
			  CTL_LINK, property);
	if (status != CTL_EXIT_OK)
		return status;
	r = ctl_body(reply, &body);
	if (r < 0)
		return ctl_no_reply(r);
	*ret = json_incref(json_array_get(body, 0));

	return CTL_EXIT_OK;
}

static enum ctl_exit not_online(struct ctl *ctl, const char *path)
{
	CTL_CLEANUP(json_decref) json_t *reason = NULL;
	enum ctl_exit status = read_state(ctl, path, "StateReason", &reason);

	if (status != CTL_EXIT_OK)
		return status;

	return ctl_fail(CTL_EXIT_NOT_ONLINE, "it is not online: %s",
			json_string_length(reason) > 0 ? json_string_value(reason)
						       : "it is still on its way.");
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
	uint64_t end = ctl_clock() + usec;

	do {
		CTL_CLEANUP(json_decref) json_t *state = NULL;
		enum ctl_exit status = read_state(ctl, path, "State", &state);

		if (status != CTL_EXIT_OK)
			return status;
		if (strcmp(json_string_value(state), "online") == 0)
			return CTL_EXIT_OK;
		if (strcmp(json_string_value(state), "failed") == 0)
			break;
		(void)usleep(LOOK_USEC);
	} while (ctl_clock() < end);

	return not_online(ctl, path);
}

/* Calls a method that takes nothing; with --wait until the link is online. */
static enum ctl_exit tell(struct ctl *ctl, const char *member)
{
	const char *wait = ctl_option(ctl, "wait");
	CTL_CLEANUP(free) char *path = NULL;
	uint64_t usec = WAIT_USEC;
	enum ctl_exit status;

	status = ctl_span_option(ctl, "wait", &usec);
	if (status == CTL_EXIT_OK)
		status = ctl_link_path(ctl_word(ctl, 0), &path);
	if (status == CTL_EXIT_OK)
		status = ctl_call(ctl, path, CTL_LINK, member, NULL, NULL);
	if (status == CTL_EXIT_OK && wait)
		status = ctl_link_wait(ctl, path, usec);

	return status;
}

/** ctl_run_link_connect() - "link connect LINK" */
enum ctl_exit ctl_run_link_connect(struct ctl *ctl)
{
	return tell(ctl, "Connect");
}

/** ctl_run_link_disconnect() - "link disconnect LINK" */
enum ctl_exit ctl_run_link_disconnect(struct ctl *ctl)
{
	return tell(ctl, "Disconnect");
}

/** ctl_run_link_reauth() - "link reauth LINK" */
enum ctl_exit ctl_run_link_reauth(struct ctl *ctl)
{
	return tell(ctl, "Reauthenticate");
}
