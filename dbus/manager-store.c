/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "daemon/gateway.h"
#include "daemon/store-health.h"
#include "daemon/store.h"
#include "dbus/manager-store.h"
#include "dbus/manager.h"
#include "dbus/parts.h"
#include "dbus/reply.h"

static const char *state_word(int error)
{
	if (error == 0)
		return "works";

	return error == -ENOSPC ? "full" : "fails";
}

static int append(sd_bus_message *reply, const struct sb_store_report *report)
{
	int r;

	r = sb_bus_append_pair(reply, "directory", report->directory);
	if (r >= 0)
		r = sb_bus_append_pair(reply, "state", state_word(report->error));
	if (r >= 0 && report->error < 0)
		r = sb_bus_append_pair(reply, "error", strerror(-report->error));
	if (r >= 0)
		r = sb_bus_append_number_pair(reply, "commit", report->last);
	if (r >= 0)
		r = sb_bus_append_number_pair(reply, "longest-commit", report->longest);
	if (r >= 0)
		r = sb_bus_append_number_pair(reply, "busy", report->busy);

	return r;
}

/**
 * sb_manager_store_get() - read Store
 * @bus: the connection
 * @path: of the object
 * @interface: its own
 * @property: its name
 * @reply: to append to
 * @userdata: the struct sb_manager
 * @error: unused
 *
 * Return: 0 or more, or a negative errno.
 */
int sb_manager_store_get(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct sb_manager *manager = userdata;
	struct sb_store_report report;
	int r;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	sb_store_report(sb_gateway_store(manager->parts->gateway), &report);
	r = sd_bus_message_open_container(reply, SD_BUS_TYPE_ARRAY, "{ss}");
	if (r >= 0)
		r = append(reply, &report);
	if (r < 0)
		return r;

	return sd_bus_message_close_container(reply);
}
