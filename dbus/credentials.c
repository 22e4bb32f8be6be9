/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/message.h"
#include "daemon/unit.h"
#include "dbus/credentials.h"

static int read_gids(sd_bus_message *reply, struct sb_identity *identity)
{
	const void *gids;
	size_t size;
	int r;

	r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_VARIANT, "au");
	if (r < 0)
		return r;
	r = sd_bus_message_read_array(reply, SD_BUS_TYPE_UINT32, &gids, &size);
	if (r < 0)
		return r;
	r = sb_identity_set_gids(identity, gids, size / sizeof(uint32_t));
	if (r < 0)
		return r;

	return sd_bus_message_exit_container(reply);
}

/* The process behind a connection: newer buses lend a pidfd, others know the number only. */
struct process {
	int fd;
	uint32_t pid;
};

static int read_credential(sd_bus_message *reply, struct sb_identity *identity,
			   struct process *process)
{
	const char *key;
	int r;

	r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_STRING, &key);
	if (r < 0)
		return r;
	if (strcmp(key, "UnixUserID") == 0)
		return sd_bus_message_read(reply, "v", "u", &identity->uid);
	if (strcmp(key, "UnixGroupIDs") == 0)
		return read_gids(reply, identity);
	if (strcmp(key, "ProcessID") == 0)
		return sd_bus_message_read(reply, "v", "u", &process->pid);
	if (strcmp(key, "ProcessFD") == 0)
		return sd_bus_message_read(reply, "v", "h", &process->fd);

	return sd_bus_message_skip(reply, "v");
}

static int read_credentials(sd_bus_message *reply, struct sb_identity *identity,
			    struct process *process)
{
	int r;

	r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "{sv}");
	while (r >= 0 &&
	       (r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
		r = read_credential(reply, identity, process);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	if (r < 0)
		return r;

	return identity->uid == SB_NO_OWNER ? -ENODATA : 0;
}

/* Once is enough: a bus that tells nothing of one tells nothing of others. */
static void log_unknown(const char *name, const char *why)
{
	static bool said;

	if (said)
		return;

	said = true;
	sb_log(LOG_DEBUG,
	       "the bus does not tell the user behind %s (%s), so its messages are nobody's", name,
	       why);
}

static void seek_unit(const struct process *process, const char *name, struct sb_identity *identity)
{
	int r = -ENODATA;

	if (process->fd >= 0)
		r = sb_unit_of_process(process->fd, SB_NO_OWNER, &identity->unit);
	else if (process->pid > 0)
		r = sb_unit_of_pid((pid_t)process->pid, identity->uid, &identity->unit);
	if (r < 0)
		sb_log(LOG_DEBUG, "%s has no unit for sure: %s", name, strerror(-r));
}

/**
 * sb_credentials_read() - who is behind a connection
 * @reply: the bus's answer to GetConnectionCredentials, perhaps an error
 * @name: of the connection, for the log
 *
 * Return: the identity, to be ended with sb_identity_done(); its user is SB_NO_OWNER if the bus does not
 * tell it.
 */
struct sb_identity sb_credentials_read(sd_bus_message *reply, const char *name)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	struct sb_identity identity = { .uid = SB_NO_OWNER };
	struct process process = { .fd = -1 };
	int r;

	if (error) {
		log_unknown(name, error->message ? error->message : error->name);
		return identity;
	}
	/* Of what can be read in part only, nothing is believed. */
	r = read_credentials(reply, &identity, &process);
	if (r < 0) {
		sb_identity_done(&identity);
		log_unknown(name, strerror(-r));
	} else {
		seek_unit(&process, name, &identity);
	}

	return identity;
}
