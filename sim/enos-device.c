/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/cloud.h"
#include "sim/enos-device.h"
#include "sim/random.h"

/* The trees hold pointers to texts inside the devices, from which container_of finds the device. */
static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep_key(void *key)
{
	(void)key;
}

static int add_device(struct sim_enos_devices *devices, const struct sim_device *id)
{
	struct sim_enos_device *device = &devices->all[devices->n_all];

	device->id = id;
	(void)snprintf(device->name, sizeof(device->name), "%s/%s", id->product_key,
		       id->device_key);
	devices->n_all++;
	if (!tsearch(device->name, &devices->by_name, compare))
		return -ENOMEM;

	return sim_enos_rotate(device, id->secret);
}

/**
 * sim_enos_devices_init() - the devices of a setup, none of them logged in
 * @devices: where
 * @setup: outlives them
 *
 * Return: 0; -ENOMEM; -EIO when the cryptography fails.
 */
int sim_enos_devices_init(struct sim_enos_devices *devices, const struct sim_setup *setup)
{
	int error = 0;

	*devices = (struct sim_enos_devices){ 0 };
	devices->all = calloc(setup->n_devices + 1, sizeof(*devices->all));
	if (!devices->all)
		return -ENOMEM;

	for (size_t i = 0; i < setup->n_devices && error == 0; i++)
		error = add_device(devices, &setup->devices[i]);
	if (error < 0)
		sim_enos_devices_done(devices);

	return error;
}

/**
 * sim_enos_devices_done() - free what the devices hold
 * @devices: all zero afterwards
 */
void sim_enos_devices_done(struct sim_enos_devices *devices)
{
	tdestroy(devices->by_name, keep_key);
	tdestroy(devices->by_peer, keep_key);
	for (size_t i = 0; i < devices->n_all; i++)
		free(devices->all[i].secret);
	free(devices->all);
	*devices = (struct sim_enos_devices){ 0 };
}

/**
 * sim_enos_devices_named() - a device by its keys
 * @devices: all of them
 * @name: "product key/device key"
 *
 * Return: the device; NULL when none has these keys.
 */
struct sim_enos_device *sim_enos_devices_named(struct sim_enos_devices *devices, const char *name)
{
	void *node = tfind(name, &devices->by_name, compare);

	return node ? sim_container_of(*(char **)node, struct sim_enos_device, name) : NULL;
}

static void end_session(struct sim_enos_devices *devices, struct sim_enos_device *device)
{
	if (device->session.number == 0)
		return;

	(void)tdelete(device->session.peer, &devices->by_peer, compare);
	device->session = (struct sim_enos_session){ 0 };
}

static struct sim_enos_device *at_peer(struct sim_enos_devices *devices, const char *peer)
{
	void *node = tfind(peer, &devices->by_peer, compare);

	return node ? sim_container_of(*(char **)node, struct sim_enos_device, session.peer) : NULL;
}

/**
 * sim_enos_devices_at() - the device that is logged in from an address
 * @devices: all of them
 * @peer: the address
 * @now: CLOCK_BOOTTIME, µs; a session that has outlived its lifetime ends here
 *
 * Return: the device; NULL when none is.
 */
struct sim_enos_device *sim_enos_devices_at(struct sim_enos_devices *devices, const char *peer,
					    uint64_t now)
{
	struct sim_enos_device *device = at_peer(devices, peer);

	if (device && now >= device->session.expires) {
		end_session(devices, device);
		return NULL;
	}

	return device;
}

/**
 * sim_enos_devices_expire() - end all sessions
 * @devices: all of them
 */
void sim_enos_devices_expire(struct sim_enos_devices *devices)
{
	for (size_t i = 0; i < devices->n_all; i++)
		end_session(devices, &devices->all[i]);
}

/**
 * sim_enos_login() - begin a session
 * @devices: all of them
 * @device: whose; a session that it has ends
 * @peer: from which address; a session that another device has there ends too
 * @lifetime: how long the device may be silent, in seconds
 * @now: CLOCK_BOOTTIME, µs
 *
 * Return: 0; -EINVAL when the address is too long; -ENOMEM.
 */
int sim_enos_login(struct sim_enos_devices *devices, struct sim_enos_device *device,
		   const char *peer, uint32_t lifetime, uint64_t now)
{
	struct sim_enos_session session = { .lifetime = lifetime * SIM_USEC_PER_SEC };
	struct sim_enos_device *former = at_peer(devices, peer);

	if (strlen(peer) >= sizeof(session.peer))
		return -EINVAL;

	sim_random_text("0123456789abcdef", session.token, sizeof(session.token));
	if (former)
		end_session(devices, former);
	end_session(devices, device);

	(void)strcpy(session.peer, peer);
	session.expires = now + session.lifetime;
	device->session = session;
	if (!tsearch(device->session.peer, &devices->by_peer, compare))
		return -ENOMEM;
	device->session.number = ++devices->n_sessions;

	return 0;
}

/**
 * sim_enos_rotate() - give a device another secret
 * @device: whose; a session that it has stays
 * @secret: copied
 *
 * Return: 0; -EINVAL when it is empty; -ENOMEM; -EIO when the cryptography fails.
 */
int sim_enos_rotate(struct sim_enos_device *device, const char *secret)
{
	SIM_CLEANUP(free) char *copy = strdup(secret);
	uint8_t sign_key[SIM_CIPHER_KEY_LEN];

	if (!*secret)
		return -EINVAL;
	if (!copy)
		return -ENOMEM;
	if (sim_cipher_key(copy, sign_key) < 0)
		return -EIO;

	free(device->secret);
	device->secret = copy;
	memcpy(device->sign_key, sign_key, sizeof(sign_key));
	copy = NULL;

	return 0;
}

/**
 * sim_enos_renew() - a device has been heard of
 * @device: logged in
 * @now: CLOCK_BOOTTIME, µs
 */
void sim_enos_renew(struct sim_enos_device *device, uint64_t now)
{
	device->session.expires = now + device->session.lifetime;
}

/**
 * sim_enos_advance() - use a sequence number up
 * @device: logged in
 * @sequence: the number of its request
 *
 * Return: false when it does not exceed all that the session has had, as it must.
 */
bool sim_enos_advance(struct sim_enos_device *device, uint64_t sequence)
{
	if (sequence <= device->session.sequence)
		return false;

	device->session.sequence = sequence;

	return true;
}

/* The device that a topic is about: "/sys/{product key}/{device key}/…". */
static struct sim_enos_device *device_of(struct sim_enos_devices *devices, const char *topic)
{
	char name[sizeof(devices->all->name)];
	const char *start, *end;

	if (strncmp(topic, "/sys/", 5) != 0)
		return NULL;

	start = topic + 5;
	end = strchr(start, '/');
	end = end ? strchr(end + 1, '/') : NULL;
	if (!end || (size_t)(end - start) >= sizeof(name))
		return NULL;

	(void)stpncpy(name, start, (size_t)(end - start));
	name[end - start] = '\0';

	return sim_enos_devices_named(devices, name);
}

/**
 * sim_enos_command_add() - have a command wait for the device that its topic names
 * @devices: all of them
 * @command: outlives them
 *
 * Return: 0; -ENOENT when there is no such device; -EMSGSIZE when the command does not fit a reply;
 * -ENOBUFS when SIM_ENOS_COMMANDS_MAX wait already.
 */
int sim_enos_command_add(struct sim_enos_devices *devices, const struct sim_command *command)
{
	struct sim_enos_device *device = device_of(devices, command->topic);

	if (!device)
		return -ENOENT;
	if (strlen(command->topic) + strlen(command->payload) > SIM_ENOS_COMMAND_SIZE)
		return -EMSGSIZE;
	if (device->n_commands == SIM_ENOS_COMMANDS_MAX)
		return -ENOBUFS;

	device->commands[device->n_commands++] = command;

	return 0;
}

/**
 * sim_enos_command_take() - the oldest command on a topic, which waits no more
 * @device: whose
 * @topic: the command's
 *
 * Return: the command, lent; NULL when none waits on this topic.
 */
const struct sim_command *sim_enos_command_take(struct sim_enos_device *device, const char *topic)
{
	for (size_t i = 0; i < device->n_commands; i++) {
		const struct sim_command *command = device->commands[i];

		if (strcmp(command->topic, topic) != 0)
			continue;
		device->n_commands--;
		memmove(&device->commands[i], &device->commands[i + 1],
			(device->n_commands - i) * sizeof(device->commands[0]));
		return command;
	}

	return NULL;
}
