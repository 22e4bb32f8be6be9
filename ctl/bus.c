/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/bus.h"
#include "ctl/text.h"

CTL_DEFINE_CLEANUP(sd_bus *, sd_bus_unref)

/**
 * ctl_fail() - say on standard error what went wrong
 * @status: what to return
 * @format: a sentence, without a newline
 *
 * Return: @status.
 */
enum ctl_exit ctl_fail(enum ctl_exit status, const char *format, ...)
{
	CTL_CLEANUP(free) char *sentence = NULL, *safe = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&sentence, format, arguments) < 0)
		sentence = NULL;
	va_end(arguments);
	/* A cloud's words, or another program's, may be in it. */
	safe = sentence ? ctl_text_safe_lines(sentence) : NULL;
	(void)fflush(stdout);
	(void)fprintf(stderr, "skybusctl: %s\n", safe ? safe : "out of memory.");

	return status;
}

/** ctl_no_memory() - say so. Return: CTL_EXIT_FAILED. */
enum ctl_exit ctl_no_memory(void)
{
	return ctl_fail(CTL_EXIT_FAILED, "out of memory.");
}

/** ctl_not_utf8() - the bus does not carry what is not. Return: CTL_EXIT_USAGE. */
enum ctl_exit ctl_not_utf8(void)
{
	return ctl_fail(CTL_EXIT_USAGE, "what is on the command line is not UTF-8.");
}

/** ctl_no_reply() - a reply cannot be read. @r: a negative errno. Return: CTL_EXIT_FAILED. */
enum ctl_exit ctl_no_reply(int r)
{
	if (r == -ENOMEM)
		return ctl_no_memory();

	return ctl_fail(
		CTL_EXIT_FAILED,
		"skybusd answers what this skybusctl cannot read (%s); are both of the same version?",
		strerror(-r));
}

static int connect_bus(const struct ctl *ctl, sd_bus **ret)
{
	CTL_CLEANUP(sd_bus_unref) sd_bus *bus = NULL;
	const char *address = ctl_option(ctl, "address");
	int r;

	if (!address)
		return ctl_option(ctl, "session")
			       ? sd_bus_open_user_with_description(ret, "skybusctl")
			       : sd_bus_open_system_with_description(ret, "skybusctl");

	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret = bus;
	bus = NULL;

	return 0;
}

/**
 * ctl_bus_open() - connect to the bus, unless it is connected
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_bus_open(struct ctl *ctl)
{
	const char *instance = ctl_option(ctl, "instance");
	int r;

	if (ctl->bus)
		return CTL_EXIT_OK;

	if (asprintf(&ctl->name, "%s%s%s", CTL_NAME, instance ? "." : "",
		     instance ? instance : "") < 0) {
		ctl->name = NULL;
		return ctl_no_memory();
	}
	if (!sd_bus_service_name_is_valid(ctl->name))
		return ctl_fail(CTL_EXIT_USAGE, "--instance: \"%s\" is no name of an instance.",
				instance);

	r = connect_bus(ctl, &ctl->bus);
	if (r < 0)
		return ctl_fail(CTL_EXIT_NO_DAEMON,
				"the message bus cannot be reached (%s); is dbus running?",
				strerror(-r));

	return CTL_EXIT_OK;
}

/** ctl_bus_close() - what was sent is sent, then the connection ends */
void ctl_bus_close(struct ctl *ctl)
{
	ctl->bus = sd_bus_flush_close_unref(ctl->bus);
	free(ctl->name);
	ctl->name = NULL;
}

/** ctl_patience() - how long calls wait from now on. @usec: 0 for the library's 25 s; UINT64_MAX for ever. */
void ctl_patience(struct ctl *ctl, uint64_t usec)
{
	(void)sd_bus_set_method_call_timeout(ctl->bus, usec);
}

/* Errors of the bus itself and of the daemon, and what they mean to a script. */
static const struct {
	const char *name;
	enum ctl_exit status;
} meanings[] = {
	{ SD_BUS_ERROR_SERVICE_UNKNOWN, CTL_EXIT_NO_DAEMON },
	{ SD_BUS_ERROR_NAME_HAS_NO_OWNER, CTL_EXIT_NO_DAEMON },
	{ SD_BUS_ERROR_NO_REPLY, CTL_EXIT_NO_DAEMON },
	{ SD_BUS_ERROR_DISCONNECTED, CTL_EXIT_NO_DAEMON },
	{ SD_BUS_ERROR_ACCESS_DENIED, CTL_EXIT_NOT_PERMITTED },
	{ SD_BUS_ERROR_UNKNOWN_OBJECT, CTL_EXIT_NOT_FOUND },
	{ CTL_ERROR "NotPermitted", CTL_EXIT_NOT_PERMITTED },
	{ CTL_ERROR "NoSuchLink", CTL_EXIT_NOT_FOUND },
	{ CTL_ERROR "NoSuchTicket", CTL_EXIT_NOT_FOUND },
	{ CTL_ERROR "NoSuchMessage", CTL_EXIT_NOT_FOUND },
	{ CTL_ERROR "NoSuchPlugin", CTL_EXIT_NOT_FOUND },
	{ CTL_ERROR "Timeout", CTL_EXIT_TIMEOUT },
	{ CTL_ERROR "NotOnline", CTL_EXIT_NOT_ONLINE },
	{ CTL_ERROR "CloudRejected", CTL_EXIT_NOT_DELIVERED },
	{ CTL_ERROR "InvalidConfiguration", CTL_EXIT_FINDING },
};

static enum ctl_exit meaning_of(const sd_bus_error *error, int r)
{
	for (size_t i = 0; i < CTL_ELEMENTS(meanings); i++)
		if (sd_bus_error_has_name(error, meanings[i].name))
			return meanings[i].status;

	/* A daemon that hangs is told by the library, which gives up. */
	return r == -ENOTCONN || r == -ECONNRESET || r == -ETIMEDOUT ? CTL_EXIT_NO_DAEMON
								     : CTL_EXIT_FAILED;
}

/**
 * ctl_bus_fail_at() - say what a call was answered with
 * @where: in front of the sentence; may be empty
 * @error: of the reply; may have no name
 * @r: the negative errno of the call, where @error has no message
 *
 * Return: what skybusctl ends with.
 */
enum ctl_exit ctl_bus_fail_at(const struct ctl *ctl, const char *where, const sd_bus_error *error,
			      int r)
{
	enum ctl_exit status = meaning_of(error, r);
	const char *instance = ctl_option(ctl, "instance");
	const char *sentence = error->message ? error->message : strerror(-r);

	if (error->name && strncmp(error->name, CTL_ERROR, strlen(CTL_ERROR)) == 0)
		return ctl_fail(status, "%s%s", where, sentence);
	if (status == CTL_EXIT_NO_DAEMON)
		return ctl_fail(status,
				"%sskybusd does not answer on the bus (%s). Is it running? "
				"\"systemctl status skybusd%s%s\" says so.",
				where, sentence, instance ? "@" : "", instance ? instance : "");
	if (status == CTL_EXIT_NOT_PERMITTED)
		return ctl_fail(
			status,
			"%sthe bus does not let this user talk to skybusd: be root, or in the group skybus "
			"(\"sudo adduser NAME skybus\", then log in anew).",
			where);
	if (status == CTL_EXIT_NOT_FOUND)
		return ctl_fail(
			status,
			"%sthere is no such link; \"skybusctl status\" shows those that there are.",
			where);

	return ctl_fail(status, "%s%s", where, sentence);
}

/** ctl_bus_fail() - likewise, where it is clear which call. Return: likewise. */
enum ctl_exit ctl_bus_fail(const struct ctl *ctl, const sd_bus_error *error, int r)
{
	return ctl_bus_fail_at(ctl, "", error, r);
}

/**
 * ctl_new_call() - a call of the daemon that does not start it: whoever has stopped it wants it to be so
 * @ret: on success the call, without arguments; the caller unrefs it
 *
 * Return: 0, or a negative errno.
 */
int ctl_new_call(const struct ctl *ctl, const char *path, const char *interface, const char *member,
		 sd_bus_message **ret)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *call = NULL;
	int r;

	r = sd_bus_message_new_method_call(ctl->bus, &call, ctl->name, path, interface, member);
	if (r >= 0)
		r = sd_bus_message_set_auto_start(call, false);
	if (r < 0)
		return r;
	*ret = call;
	call = NULL;

	return 0;
}

static int try_call(sd_bus *bus, sd_bus_message *call, sd_bus_error *ret_error,
		    sd_bus_message **ret, const char *types, va_list arguments)
{
	int r = types ? sd_bus_message_appendv(call, types, arguments) : 0;

	return r < 0 ? r : sd_bus_call(bus, call, 0, ret_error, ret);
}

/**
 * ctl_try() - call a method of the daemon as a whole, for whoever says itself what is wrong
 * @interface: one of that object
 * @ret_error: set on failure; the caller frees it
 * @ret: set on success; the caller unrefs it
 *
 * Return: 0 or more, or a negative errno.
 */
int ctl_try(const struct ctl *ctl, const char *interface, const char *member,
	    sd_bus_error *ret_error, sd_bus_message **ret, const char *types, ...)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *call = NULL;
	int r = ctl_new_call(ctl, CTL_ROOT, interface, member, &call);
	va_list arguments;

	if (r < 0)
		return r;
	va_start(arguments, types);
	r = try_call(ctl->bus, call, ret_error, ret, types, arguments);
	va_end(arguments);

	return r;
}

static enum ctl_exit call_with(struct ctl *ctl, const char *path, const char *interface,
			       const char *member, sd_bus_message **ret, const char *types,
			       va_list arguments)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *call = NULL, *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	enum ctl_exit status;
	int r;

	status = ctl_bus_open(ctl);
	if (status != CTL_EXIT_OK)
		return status;

	r = ctl_new_call(ctl, path, interface, member, &call);
	if (r >= 0)
		r = try_call(ctl->bus, call, &error, &reply, types, arguments);
	if (r == -EINVAL && !error.name)
		return ctl_not_utf8();
	if (r < 0) {
		status = ctl_bus_fail(ctl, &error, r);
		sd_bus_error_free(&error);
		return status;
	}
	if (ret) {
		*ret = reply;
		reply = NULL;
	}

	return CTL_EXIT_OK;
}

/**
 * ctl_call() - call a method of the daemon, and wait for its answer
 * @path: of the object
 * @interface: its interface
 * @member: the method
 * @ret: on success the reply, which the caller unrefs; may be NULL
 * @types: of the arguments, as sd_bus_message_append() has them; NULL for none
 *
 * Return: CTL_EXIT_OK, or what to end with when it was said what is wrong.
 */
enum ctl_exit ctl_call(struct ctl *ctl, const char *path, const char *interface, const char *member,
		       sd_bus_message **ret, const char *types, ...)
{
	va_list arguments;
	enum ctl_exit status;

	va_start(arguments, types);
	status = call_with(ctl, path, interface, member, ret, types, arguments);
	va_end(arguments);

	return status;
}

/** ctl_manager() - ctl_call() for a method of the daemon as a whole */
enum ctl_exit ctl_manager(struct ctl *ctl, const char *member, sd_bus_message **ret,
			  const char *types, ...)
{
	va_list arguments;
	enum ctl_exit status;

	va_start(arguments, types);
	status = call_with(ctl, CTL_ROOT, CTL_MANAGER, member, ret, types, arguments);
	va_end(arguments);

	return status;
}

/**
 * ctl_value() - call a method of the daemon, and have the first value of its answer as JSON
 * @ret: on success a new reference
 *
 * The rest is as with ctl_call().
 */
enum ctl_exit ctl_value(struct ctl *ctl, const char *path, const char *interface,
			const char *member, json_t **ret, const char *types, ...)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	CTL_CLEANUP(json_decref) json_t *body = NULL;
	enum ctl_exit status;
	va_list arguments;
	int r;

	va_start(arguments, types);
	status = call_with(ctl, path, interface, member, &reply, types, arguments);
	va_end(arguments);
	if (status != CTL_EXIT_OK)
		return status;
	r = ctl_body(reply, &body);
	if (r < 0)
		return ctl_no_reply(r);
	*ret = json_incref(json_array_get(body, 0));

	return CTL_EXIT_OK;
}

/**
 * ctl_properties() - all properties of an object
 * @path: of the object
 * @interface: whose properties
 * @ret: on success an object of them by name, a new reference
 *
 * Return: as ctl_call().
 */
enum ctl_exit ctl_properties(struct ctl *ctl, const char *path, const char *interface, json_t **ret)
{
	return ctl_value(ctl, path, "org.freedesktop.DBus.Properties", "GetAll", ret, "s",
			 interface);
}
