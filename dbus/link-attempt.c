/* SPDX-License-Identifier: Apache-2.0 */
#include <netdb.h>
#include <netinet/in.h>

#include "daemon/attempt.h"
#include "daemon/loop.h"
#include "daemon/request.h"
#include "dbus/link-attempt.h"
#include "dbus/link-object.h"
#include "dbus/reply.h"
#include "skybus/plugin.h"

static int append_address(sd_bus_message *reply, const char *key,
			  const struct sockaddr_storage *address)
{
	socklen_t len = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in);
	char text[NI_MAXHOST];

	if (address->ss_family == AF_UNSPEC ||
	    getnameinfo((const struct sockaddr *)address, len, text, sizeof(text), NULL, 0,
			NI_NUMERICHOST) != 0)
		return 0;

	return sb_bus_append_pair(reply, key, text);
}

static const char *security_word(uint32_t security)
{
	switch (security) {
	case SKYBUS_PLAIN:
		return "plain";
	case SKYBUS_PSK:
		return "psk";
	case SKYBUS_CERTIFICATE:
		return "certificate";
	default:
		return "";
	}
}

static int append_place(sd_bus_message *reply, const struct sb_attempt *attempt)
{
	int r;

	r = sb_bus_append_pair(reply, "host", attempt->host);
	if (r >= 0)
		r = sb_bus_append_number_pair(reply, "port", attempt->port);
	if (r >= 0)
		r = sb_bus_append_pair(reply, "security", security_word(attempt->security));
	if (r >= 0)
		r = append_address(reply, "address", &attempt->peer);
	if (r >= 0)
		r = append_address(reply, "local-address", &attempt->local);
	if (r >= 0)
		r = sb_bus_append_pair(reply, "interface", attempt->interface);
	if (r >= 0)
		r = sb_bus_append_pair(reply, "answered", attempt->answered ? "yes" : "no");
	if (r >= 0)
		r = sb_bus_append_pair(reply, "handshake", attempt->handshake);
	if (r >= 0)
		r = sb_bus_append_pair(reply, "alert", attempt->alert);

	return r;
}

static int append_end(sd_bus_message *reply, const struct sb_attempt *attempt)
{
	char code[8];
	int r;

	r = sb_bus_append_pair(reply, "cause", sb_trouble_word(attempt->trouble));
	if (r >= 0 && attempt->code > 0)
		r = sb_bus_append_pair(reply, "code", sb_code_text(attempt->code, code));
	if (r >= 0)
		r = sb_bus_append_pair(reply, "reason", attempt->reason);
	if (r >= 0)
		r = sb_bus_append_number_pair(reply, "ended",
					      (uint64_t)attempt->ended_ms * SB_USEC_PER_MSEC);

	return r;
}

static int append_attempt(sd_bus_message *reply, const struct sb_attempt *attempt)
{
	int r;

	if (attempt->began_ms == 0)
		return 0;
	r = sb_bus_append_number_pair(reply, "began",
				      (uint64_t)attempt->began_ms * SB_USEC_PER_MSEC);
	if (r >= 0)
		r = sb_bus_append_pair(reply, "stage", sb_link_state_word(attempt->stage));
	if (r >= 0)
		r = append_place(reply, attempt);
	if (r >= 0)
		r = append_end(reply, attempt);

	return r;
}

static int append_idle(sd_bus_message *reply, const struct sb_idle *idle)
{
	int r;

	r = sb_bus_append_number_pair(reply, "idle-survived", idle->survived);
	if (r >= 0)
		r = sb_bus_append_number_pair(reply, "idle-failed", idle->failed);
	if (r >= 0)
		r = sb_bus_append_number_pair(reply, "idle-failures", idle->failures);

	return r;
}

/**
 * sb_link_attempt_get() - read LastAttempt
 * @bus: the connection
 * @path: of the object
 * @interface: its own
 * @property: its name
 * @reply: to append to
 * @userdata: the struct sb_link_object
 * @error: unused
 *
 * Return: 0 or more, or a negative errno.
 */
int sb_link_attempt_get(sd_bus *bus, const char *path, const char *interface, const char *property,
			sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;
	struct sb_attempt attempt;
	struct sb_idle idle;
	int r;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	sb_link_attempt(object->link, &attempt, &idle);
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{ss}");
	if (r >= 0)
		r = append_attempt(reply, &attempt);
	if (r >= 0)
		r = append_idle(reply, &idle);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}
