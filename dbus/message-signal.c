/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/message-signal.h"
#include "daemon/cleanup.h"
#include "daemon/hub.h"
#include "daemon/loop.h"
#include "dbus/parts.h"
#include "dbus/reply.h"
#include "skybus/plugin.h"

SB_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)

/* Times are milliseconds inside and, as everywhere on the system bus, microseconds outside. */
static int append_answer_by(sd_bus_message *signal, const struct sb_delivery *delivery)
{
	uint64_t usec = (uint64_t)delivery->answer_by_ms * SB_USEC_PER_MSEC;

	return sd_bus_message_append(signal, "{sv}", "answer-by", "t", usec);
}

static int append_waited(sd_bus_message *signal, const struct sb_message_waited *waited)
{
	if (!waited)
		return 0;

	return sd_bus_message_append(signal, "{sv}{sv}", "inbox", "s", waited->inbox, "redelivered",
				     "b", (int)waited->redelivered);
}

static int append_properties(sd_bus_message *signal, const struct sb_delivery *delivery,
			     bool answers, const struct sb_message_waited *waited)
{
	int r;

	r = sd_bus_message_open_container(signal, SD_BUS_TYPE_ARRAY, "{sv}");
	if (r < 0)
		return r;
	r = sd_bus_message_append(signal, "{sv}", "link", "s", delivery->link);
	if (r < 0)
		return r;
	r = sd_bus_message_append(signal, "{sv}", "origin", "s", sb_origin_word(delivery->origin));
	if (r < 0)
		return r;
	if (delivery->content_format != SKYBUS_NO_FORMAT) {
		r = sd_bus_message_append(signal, "{sv}", "content-format", "u",
					  delivery->content_format);
		if (r < 0)
			return r;
	}
	if (delivery->answer_by_ms > 0 && answers) {
		r = append_answer_by(signal, delivery);
		if (r < 0)
			return r;
	}
	r = append_waited(signal, waited);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(signal);
}

/**
 * sb_message_signal_new() - make the signal
 * @connection: the bus
 * @path: the link's object
 * @delivery: what it tells of
 * @answers: whether who gets it is one that may answer, and is told until when
 * @ret: the signal, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_message_signal_new(sd_bus *connection, const char *path, const struct sb_delivery *delivery,
			  bool answers, sd_bus_message **ret)
{
	return sb_message_signal_new_waited(connection, path, delivery, answers, NULL, ret);
}

/**
 * sb_message_signal_new_waited() - the same for a message that may have waited in an inbox
 * @connection: the bus
 * @path: the link's object
 * @delivery: what it tells of
 * @answers: as above
 * @waited: in which inbox; NULL for none
 * @ret: the signal, the caller's
 *
 * Return: 0, or a negative errno.
 */
int sb_message_signal_new_waited(sd_bus *connection, const char *path,
				 const struct sb_delivery *delivery, bool answers,
				 const struct sb_message_waited *waited, sd_bus_message **ret)
{
	SB_CLEANUP(sd_bus_message_unref) sd_bus_message *signal = NULL;
	int r;

	r = sd_bus_message_new_signal(connection, &signal, path, SB_BUS_LINK_INTERFACE, "Message");
	if (r < 0)
		return r;
	r = sd_bus_message_append_basic(signal, SD_BUS_TYPE_UINT64, &delivery->message);
	if (r < 0)
		return r;
	r = sb_bus_append_text(signal, delivery->topic);
	if (r < 0)
		return r;
	r = sd_bus_message_append_array(signal, SD_BUS_TYPE_BYTE, delivery->payload,
					delivery->payload_len);
	if (r < 0)
		return r;
	r = append_properties(signal, delivery, answers, waited);
	if (r < 0)
		return r;
	*ret = SB_STEAL(signal);

	return 0;
}
