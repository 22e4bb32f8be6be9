/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What concerns all links: the bus, the daemon, its disk, the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

#include "ctl/doctor.h"

/* One transaction that takes longer is one that somebody waits for. */
#define SLOW_USEC 1000000

/* A database that cannot grow by so much is full in a moment. */
#define ROOM_BYTES (UINT64_C(1) << 20)

/* ---- the bus, and the daemon on it ---- */

static const struct {
	const char *name;
	enum ctl_finding finding;
} errors[] = {
	{ SD_BUS_ERROR_ACCESS_DENIED, CTL_FINDING_BUS_FORBIDS },
	{ SD_BUS_ERROR_SERVICE_UNKNOWN, CTL_FINDING_DAEMON_ABSENT },
	{ SD_BUS_ERROR_NAME_HAS_NO_OWNER, CTL_FINDING_DAEMON_ABSENT },
	{ SD_BUS_ERROR_NO_REPLY, CTL_FINDING_DAEMON_SILENT },
	{ SD_BUS_ERROR_TIMEOUT, CTL_FINDING_DAEMON_SILENT },
};

static enum ctl_finding finding_of(const sd_bus_error *error)
{
	for (size_t i = 0; i < CTL_ELEMENTS(errors); i++)
		if (sd_bus_error_has_name(error, errors[i].name))
			return errors[i].finding;

	/* Names of systemd's, such as that of a unit that does not start. */
	if (error->name && strstr(error->name, ".Spawn."))
		return CTL_FINDING_DAEMON_ABSENT;

	return error->name && strncmp(error->name, "System.Error.", 13) == 0
		       ? CTL_FINDING_BUS_ABSENT
		       : CTL_FINDING_DAEMON_ABSENT;
}

static enum ctl_finding take_daemon(sd_bus_message *reply, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *body = NULL;

	if (ctl_body(reply, &body) < 0)
		return CTL_FINDING_DAEMON_SILENT;
	*ret = json_incref(json_array_get(body, 0));

	return CTL_FINDING_NONE;
}

/**
 * ctl_doctor_bus() - ask the daemon for its properties, as anybody may whom the bus lets in
 * @ctl: the command line
 * @ret_daemon: on CTL_FINDING_NONE, they; a new reference
 * @ret_why: else what the bus says
 * @size: room for that, bytes
 *
 * Return: what is wrong.
 */
enum ctl_finding ctl_doctor_bus(struct ctl *ctl, json_t **ret_daemon, char *ret_why, size_t size)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	enum ctl_finding finding;
	int r;

	(void)snprintf(ret_why, size, "no connection");
	if (ctl_bus_open(ctl) != CTL_EXIT_OK)
		return CTL_FINDING_BUS_ABSENT;
	r = ctl_try(ctl, "org.freedesktop.DBus.Properties", "GetAll", &error, &reply, "s",
		    CTL_MANAGER);
	if (r >= 0)
		return take_daemon(reply, ret_daemon);
	finding = error.name ? finding_of(&error) : CTL_FINDING_BUS_ABSENT;
	(void)snprintf(ret_why, size, "%s", error.message ? error.message : strerror(-r));
	sd_bus_error_free(&error);

	return finding;
}

/* ---- the disk ---- */

static const char *store(const struct ctl_patient *patient, const char *key)
{
	const json_t *facts = json_object_get(patient->daemon, "Store");
	const char *text = json_string_value(json_object_get(facts, key));

	return text ? text : "";
}

static uint64_t store_usec(const struct ctl_patient *patient, const char *key)
{
	return strtoull(store(patient, key), NULL, 10);
}

static bool is_full(const char *directory, uint64_t *ret_free)
{
	struct statvfs room;

	if (statvfs(directory, &room) < 0)
		return false;
	*ret_free = (uint64_t)room.f_bavail * room.f_frsize;

	return *ret_free < ROOM_BYTES;
}

static void tell_speed(struct ctl_patient *patient)
{
	uint64_t longest = store_usec(patient, "longest-commit");
	uint64_t busy = store_usec(patient, "busy");
	const char *directory = store(patient, "directory");

	if (busy > SLOW_USEC)
		ctl_ill(patient, CTL_FINDING_DISK_SLOW,
			"The disk under %s has been writing one transaction for %.1f s.", directory,
			(double)busy / 1e6);
	else if (longest > SLOW_USEC)
		ctl_ill(patient, CTL_FINDING_DISK_SLOW,
			"The disk under %s took up to %.1f s for a transaction in the last ten minutes.",
			directory, (double)longest / 1e6);
	else
		ctl_well(patient, "The disk takes at most %.3f s for a transaction.",
			 (double)longest / 1e6);
}

/** ctl_check_disk() - whether what is published can be kept */
void ctl_check_disk(struct ctl_patient *patient)
{
	const char *directory = store(patient, "directory");
	const char *state = store(patient, "state");
	uint64_t room = 0;

	if (strcmp(state, "full") == 0)
		ctl_ill(patient, CTL_FINDING_DISK_FULL,
			"The store in %s is full: the disk has no room left, or the database has "
			"reached max_bytes.",
			directory);
	else if (strcmp(state, "fails") == 0)
		ctl_ill(patient, CTL_FINDING_DISK_FAILS, "The store in %s fails: %s.", directory,
			store(patient, "error"));
	else if (*state == '\0')
		ctl_unknown(patient, "This skybusd does not tell.");
	else if (is_full(directory, &room))
		ctl_ill(patient, CTL_FINDING_DISK_FULL,
			"The file system of %s has %llu bytes left.", directory,
			(unsigned long long)room);
	else
		tell_speed(patient);
}

/* ---- the clock ---- */

/** ctl_check_clock() - whether the clock can be right, and whether anybody sets it */
void ctl_check_clock(struct ctl_patient *patient)
{
	struct timex state = { .modes = 0 };
	time_t now = time(NULL);
	struct stat self;
	int r = adjtimex(&state);

	/* It was made in the past. */
	if (stat("/proc/self/exe", &self) == 0 && now < self.st_mtime)
		ctl_ill(patient, CTL_FINDING_CLOCK_WRONG,
			"By this box's clock it is earlier than when this program was made.");
	else if (r >= 0 && (state.status & STA_UNSYNC))
		ctl_unknown(patient,
			    "Nobody sets this box's clock; whether it is right is not known.");
	else
		ctl_well(patient, "The clock is set by a time server.");
}
