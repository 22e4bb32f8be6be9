/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/link-stream.h"
#include "daemon/cleanup.h"
#include "daemon/gateway.h"
#include "daemon/identity.h"
#include "daemon/stream-rights.h"
#include "daemon/streams.h"
#include "dbus/identity.h"
#include "dbus/interest.h"
#include "dbus/link-object.h"
#include "dbus/parts.h"
#include "dbus/reply.h"

static int read_interest(sd_bus_message *call, struct sb_interest *interest,
			 struct sb_error *ret_error)
{
	int r;

	r = sb_interest_read(call, interest, ret_error);
	if (r < 0)
		return r;
	if (interest->answers && *interest->filter == '\0')
		return sb_error_set(ret_error, SB_ERROR_INVALID_OPTION,
				    "the option \"answer\" is \"yes\" and the filter is empty, so "
				    "nothing comes that could be answered: give a filter");

	return 0;
}

static int open_with_rights(const struct sb_bus_parts *parts, const struct sb_identity *sender,
			    struct sb_stream_terms *terms, int *ret_fd, struct sb_error *ret_error)
{
	const struct sb_stream_rights_parts from = { parts->access, parts->rates };
	int r;

	r = sb_stream_rights_new(&from, sender, &terms->interest, &terms->guard, ret_error);
	if (r < 0)
		return r;
	r = sb_streams_open(sb_gateway_streams(parts->gateway), terms, ret_fd, ret_error);
	if (r < 0)
		terms->guard.free(terms->guard.userdata);

	return r;
}

/* Whatever the caller may do is decided here, and kept with the stream: the socket can be handed on. */
static int open_stream(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	const struct sb_link_object *object = userdata;
	struct sb_stream_terms terms = {
		.link = object->link,
		.interest.link = sb_link_name(object->link),
		.owner = sender->uid,
	};
	SB_CLEANUP(sb_close) int fd = -1;
	struct sb_error why = { 0 };
	int r;

	r = sd_bus_message_read_basic(call, SD_BUS_TYPE_STRING, &terms.interest.filter);
	if (r < 0)
		return r;
	r = read_interest(call, &terms.interest, &why);
	if (r == 0)
		r = open_with_rights(object->parts, sender, &terms, &fd, &why);
	if (r < 0)
		return sb_bus_reply_error(call, &why);

	return sd_bus_reply_method_return(call, "h", fd);
}

/**
 * sb_link_stream_open() - OpenStream
 * @call: the method call
 * @userdata: the link's object
 * @error: not used
 *
 * Return: > 0, or a negative errno, as sd-bus wants it.
 */
int sb_link_stream_open(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const struct sb_link_object *object = userdata;

	(void)error;

	return sb_identities_ask(object->parts->identities, call, open_stream, userdata);
}
