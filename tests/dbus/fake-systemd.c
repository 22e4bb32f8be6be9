/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "tests/dbus/fake-systemd.h"

#define NAME "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define UNIT_PREFIX PATH "/unit"

static int answer_unit(struct fake_systemd *systemd, sd_bus_message *call)
{
	SB_CLEANUP(sb_free) char *path = NULL;

	if (systemd->garbles)
		return sd_bus_reply_method_return(call, "s", "/a/path");
	if (!systemd->unit)
		return sd_bus_reply_method_errorf(call, NAME ".NoUnitForPID",
						  "PID %u does not belong to any loaded unit.",
						  systemd->pid);
	if (sd_bus_path_encode(UNIT_PREFIX, systemd->unit, &path) < 0)
		abort();

	return sd_bus_reply_method_return(call, "o", path);
}

/* As of a service: scopes and others do not have it. */
static int answer_user(const struct fake_systemd *systemd, sd_bus_message *call)
{
	SB_CLEANUP(sb_free) char *unit = NULL;
	const char *interface;
	const char *property;

	if (sd_bus_message_read(call, "ss", &interface, &property) < 0 ||
	    sd_bus_path_decode(sd_bus_message_get_path(call), UNIT_PREFIX, &unit) <= 0 ||
	    !systemd->unit || strcmp(unit, systemd->unit) != 0)
		return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_OBJECT, "no unit");
	if (strcmp(interface, NAME ".Service") != 0 || strcmp(property, "UID") != 0)
		return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_PROPERTY, "not this");
	if (systemd->garbles)
		return sd_bus_reply_method_return(call, "v", "s", "root");

	return sd_bus_reply_method_return(call, "v", "u", systemd->uid);
}

static int answer(struct fake_systemd *systemd, sd_bus_message *call)
{
	if (sd_bus_message_is_method_call(call, NAME ".Manager", "GetUnitByPID")) {
		if (sd_bus_message_read(call, "u", &systemd->pid) < 0)
			abort();
		systemd->n_units++;
		return answer_unit(systemd, call);
	}
	if (!sd_bus_message_is_method_call(call, "org.freedesktop.DBus.Properties", "Get"))
		return 0;
	systemd->n_users++;

	return answer_user(systemd, call);
}

static int systemd_on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct fake_systemd *systemd = userdata;

	(void)error;
	if (!sd_bus_message_is_method_call(message, NULL, NULL))
		return 0;
	if (!systemd->hangs)
		return answer(systemd, message) < 0 ? -1 : 1;
	if (systemd->n_kept == FAKE_SYSTEMD_KEPT_MAX)
		abort();
	systemd->kept[systemd->n_kept++] = sd_bus_message_ref(message);

	return 1;
}

/**
 * fake_systemd_start() - be on the bus
 * @systemd: zeroed, or set; what is set stays
 * @loop: outlives it
 * @address: of the bus
 *
 * Return: 0; -1 when it cannot be.
 */
int fake_systemd_start(struct fake_systemd *systemd, struct sb_loop *loop, const char *address)
{
	if (sd_bus_new(&systemd->bus) < 0 || sd_bus_set_address(systemd->bus, address) < 0 ||
	    sd_bus_set_bus_client(systemd->bus, true) < 0 || sd_bus_start(systemd->bus) < 0 ||
	    sd_bus_set_close_on_exit(systemd->bus, false) < 0 ||
	    sd_bus_attach_event(systemd->bus, sb_loop_event(loop), 0) < 0 ||
	    sd_bus_add_filter(systemd->bus, NULL, systemd_on_message, systemd) < 0 ||
	    sd_bus_request_name(systemd->bus, NAME, 0) < 0)
		return -1;

	return 0;
}

/**
 * fake_systemd_stop() - leave the bus
 * @systemd: may not have been started
 */
void fake_systemd_stop(struct fake_systemd *systemd)
{
	while (systemd->n_kept > 0)
		(void)sd_bus_message_unref(systemd->kept[--systemd->n_kept]);
	systemd->bus = sd_bus_flush_close_unref(systemd->bus);
}

/**
 * fake_systemd_resume() - answer what was asked, and what will be
 * @systemd: hangs
 */
void fake_systemd_resume(struct fake_systemd *systemd)
{
	systemd->hangs = false;
	for (size_t i = 0; i < systemd->n_kept; i++) {
		if (answer(systemd, systemd->kept[i]) < 0)
			abort();
		(void)sd_bus_message_unref(systemd->kept[i]);
	}
	systemd->n_kept = 0;
}
