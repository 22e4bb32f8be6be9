/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/message.h"
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

static int read_credential(sd_bus_message *reply, struct sb_identity *identity,
			   struct sb_process *process)
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
			    struct sb_process *process)
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

/**
 * sb_credentials_read() - who is behind a connection
 * @reply: the bus's answer to GetConnectionCredentials, perhaps an error
 * @name: of the connection, for the log
 * @ret_process: the process that made it, as far as the bus tells; its pidfd, which newer buses lend, is @reply's
 *
 * Return: the identity, without the unit, to be ended with sb_identity_done(); its user is SB_NO_OWNER if the bus
 * does not tell it.
 */
struct sb_identity sb_credentials_read(sd_bus_message *reply, const char *name,
				       struct sb_process *ret_process)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	struct sb_identity identity = { .uid = SB_NO_OWNER };
	struct sb_process process = { .fd = -1 };
	int r;

	*ret_process = process;
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
		*ret_process = process;
	}

	return identity;
}
