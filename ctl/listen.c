/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "ctl/listen.h"

static int on_process_signal(sd_event_source *source, const struct signalfd_siginfo *info,
			     void *userdata)
{
	struct ctl_listen *listen = userdata;

	(void)source;
	(void)info;
	listen->stopped = true;
	ctl_listen_end(listen, CTL_EXIT_OK);

	return 0;
}

static int add_process_signal(struct ctl_listen *listen, int number)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;

	return sd_event_add_signal(listen->event, NULL, number, on_process_signal, listen);
}

/* Also what the library says of the connection, by a signal that nobody has sent. */
static int on_link_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	struct ctl_listen *listen = userdata;
	const char *sender = sd_bus_message_get_sender(signal);

	(void)error;
	if (sd_bus_message_is_signal(signal, "org.freedesktop.DBus.Local", "Disconnected"))
		ctl_listen_end(listen, ctl_fail(CTL_EXIT_NO_DAEMON,
						"the connection to the bus broke. What was "
						"published is on disk, and tickets are valid on."));
	if (!listen->on_signal || !sd_bus_message_is_signal(signal, CTL_LINK, NULL) || !sender ||
	    strcmp(sender, listen->owner) != 0)
		return 0;

	return listen->on_signal(listen->userdata, sd_bus_message_get_member(signal), signal);
}

/* Not if it is the one that we have found, which has come just before. */
static int on_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
	struct ctl_listen *listen = userdata;
	const char *name, *old, *new;
	int r = sd_bus_message_read(signal, "sss", &name, &old, &new);

	(void)error;
	if (r < 0 || strcmp(new, listen->owner) == 0)
		return r < 0 ? r : 0;
	ctl_listen_end(
		listen,
		ctl_fail(
			CTL_EXIT_NO_DAEMON,
			"skybusd has ended. What was published is on disk, and tickets are valid on."));

	return 0;
}

static enum ctl_exit find_owner(struct ctl_listen *listen)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	enum ctl_exit status;
	const char *owner;
	int r;

	r = sd_bus_call_method(listen->ctl->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "GetNameOwner", &error, &reply, "s",
			       listen->ctl->name);
	if (r >= 0)
		r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_STRING, &owner);
	if (r < 0) {
		status = ctl_bus_fail(listen->ctl, &error, r);
		sd_bus_error_free(&error);
		return status;
	}
	listen->owner = strdup(owner);

	return listen->owner ? CTL_EXIT_OK : ctl_no_memory();
}

static int attach(struct ctl_listen *listen)
{
	char rule[160];
	int r;

	(void)snprintf(
		rule, sizeof(rule),
		"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
		listen->ctl->name);
	r = sd_event_new(&listen->event);
	if (r >= 0)
		r = add_process_signal(listen, SIGINT);
	if (r >= 0)
		r = add_process_signal(listen, SIGTERM);
	if (r >= 0)
		r = sd_bus_attach_event(listen->ctl->bus, listen->event, 0);
	/* The daemon sends these to us alone, so the bus need not be asked for them. */
	if (r >= 0)
		r = sd_bus_add_filter(listen->ctl->bus, &listen->signals, on_link_signal, listen);
	if (r >= 0)
		r = sd_bus_add_match(listen->ctl->bus, &listen->owners, rule, on_owner_changed,
				     listen);

	return r;
}

/**
 * ctl_listen_init() - connect, and listen
 * @listen: embedded in its owner, zeroed; ctl_listen_done() also after a failure
 * @on_signal: called for each signal of the interface of links, and returns a negative errno if the connection is of
 * no more use; NULL for none
 * @userdata: for @on_signal
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_listen_init(struct ctl_listen *listen, struct ctl *ctl,
			      int (*on_signal)(void *userdata, const char *member,
					       sd_bus_message *signal),
			      void *userdata)
{
	enum ctl_exit status;
	int r;

	*listen = (struct ctl_listen){ .ctl = ctl, .on_signal = on_signal, .userdata = userdata };
	status = ctl_bus_open(ctl);
	if (status != CTL_EXIT_OK)
		return status;
	/* First, so that no end of the owner is missed. */
	r = attach(listen);
	if (r < 0)
		return ctl_fail(CTL_EXIT_FAILED, "the bus cannot be listened to: %s.",
				strerror(-r));

	return find_owner(listen);
}

/** ctl_listen_done() - takes one that was never begun, too */
void ctl_listen_done(struct ctl_listen *listen)
{
	sd_bus_slot_unref(listen->signals);
	sd_bus_slot_unref(listen->owners);
	if (listen->ctl && listen->ctl->bus)
		(void)sd_bus_detach_event(listen->ctl->bus);
	sd_event_unref(listen->event);
	free(listen->owner);
}

/** ctl_listen_run() - until ctl_listen_end(). Return: what that was given. */
enum ctl_exit ctl_listen_run(struct ctl_listen *listen)
{
	int r = sd_event_loop(listen->event);

	return r < 0 ? ctl_fail(CTL_EXIT_NO_DAEMON, "the connection to the bus broke: %s.",
				strerror(-r))
		     : (enum ctl_exit)r;
}

/** ctl_listen_end() - the loop ends after what runs now; the first call counts */
void ctl_listen_end(struct ctl_listen *listen, enum ctl_exit status)
{
	int code;

	if (sd_event_get_exit_code(listen->event, &code) == -ENODATA)
		(void)sd_event_exit(listen->event, (int)status);
}
