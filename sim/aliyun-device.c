/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/aliyun-crypto.h"
#include "sim/aliyun-device.h"
#include "sim/cleanup.h"
#include "sim/cloud.h"
#include "sim/random.h"

/** How long a token lives, µs: seven days. */
#define TOKEN_LIFE (7 * 24 * 3600 * SIM_USEC_PER_SEC)

/* The trees hold pointers to texts inside the devices, from which container_of finds the rest. */
static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep_key(void *key)
{
	(void)key;
}

/* ---- All devices ----------------------------------------------------------------------------- */

static int add_device(struct sim_aliyun_devices *devices, const struct sim_device *id)
{
	struct sim_aliyun_device *device = &devices->all[devices->n_all];

	device->id = id;
	device->secret = strdup(id->secret);
	if (!device->secret)
		return -ENOMEM;
	devices->n_all++;

	for (size_t door = 0; door < SIM_ALIYUN_DOORS; door++)
		device->sessions[door].device = device;
	(void)snprintf(device->name, sizeof(device->name), "%s/%s", id->product_key,
		       id->device_key);

	return tsearch(device->name, &devices->by_name, compare) ? 0 : -ENOMEM;
}

/**
 * sim_aliyun_devices_init() - the devices of a setup, none of them logged in
 * @devices: where
 * @setup: outlives them
 *
 * Return: 0; -ENOMEM.
 */
int sim_aliyun_devices_init(struct sim_aliyun_devices *devices, const struct sim_setup *setup)
{
	int error = 0;

	*devices = (struct sim_aliyun_devices){ 0 };
	devices->all = calloc(setup->n_devices + 1, sizeof(*devices->all));
	if (!devices->all)
		return -ENOMEM;

	for (size_t i = 0; i < setup->n_devices && error == 0; i++)
		error = add_device(devices, &setup->devices[i]);
	if (error < 0)
		sim_aliyun_devices_done(devices);

	return error;
}

/**
 * sim_aliyun_devices_done() - free what the devices hold
 * @devices: all zero afterwards
 */
void sim_aliyun_devices_done(struct sim_aliyun_devices *devices)
{
	sim_aliyun_devices_expire(devices);
	tdestroy(devices->by_name, keep_key);
	for (size_t i = 0; i < devices->n_all; i++)
		free(devices->all[i].secret);
	free(devices->all);
	*devices = (struct sim_aliyun_devices){ 0 };
}

/**
 * sim_aliyun_devices_named() - a device by its name
 * @devices: all of them
 * @name: "product key/device name"
 *
 * Return: the device; NULL when there is none of this name.
 */
struct sim_aliyun_device *sim_aliyun_devices_named(struct sim_aliyun_devices *devices,
						   const char *name)
{
	void *node = tfind(name, &devices->by_name, compare);

	return node ? sim_container_of(*(char **)node, struct sim_aliyun_device, name) : NULL;
}

/**
 * sim_aliyun_devices_find() - a device by the parts of its name
 * @devices: all of them
 * @product_key: of any length
 * @device_name: of any length
 *
 * Return: the device; NULL when there is no such one.
 */
struct sim_aliyun_device *sim_aliyun_devices_find(struct sim_aliyun_devices *devices,
						  const char *product_key, const char *device_name)
{
	char name[SIM_ALIYUN_NAME_SIZE];

	if (snprintf(name, sizeof(name), "%s/%s", product_key, device_name) >= (int)sizeof(name))
		return NULL;

	return sim_aliyun_devices_named(devices, name);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static void end_session(struct sim_aliyun_devices *devices, struct sim_aliyun_session *session)
{
	struct sim_aliyun_device *device = session->device;

	if (session->number == 0)
		return;

	(void)tdelete(session->token, &devices->by_token, compare);
	sim_ranges_done(&session->used);
	*session = (struct sim_aliyun_session){ .device = device };
}

/**
 * sim_aliyun_devices_expire() - end every session
 * @devices: all of them
 */
void sim_aliyun_devices_expire(struct sim_aliyun_devices *devices)
{
	for (size_t i = 0; i < devices->n_all; i++)
		for (size_t door = 0; door < SIM_ALIYUN_DOORS; door++)
			end_session(devices, &devices->all[i].sessions[door]);
}

/**
 * sim_aliyun_login() - begin a session
 * @devices: all of them
 * @device: whose; the session that it has at this door ends
 * @door: by which it came in
 * @now: CLOCK_BOOTTIME, µs
 *
 * Return: 0; -ENOMEM; -EIO when the cryptography fails.
 */
int sim_aliyun_login(struct sim_aliyun_devices *devices, struct sim_aliyun_device *device,
		     size_t door, uint64_t now)
{
	struct sim_aliyun_session *session = &device->sessions[door], fresh = { .device = device };
	int error;

	sim_random_text("0123456789abcdefghijklmnopqrstuvwxyz", fresh.token, sizeof(fresh.token));
	sim_random_text("0123456789abcdef", fresh.random, sizeof(fresh.random));
	error = sim_aliyun_key(device->secret, fresh.random, fresh.key);
	if (error < 0)
		return error;

	end_session(devices, session);
	fresh.expires = now + TOKEN_LIFE;
	*session = fresh;
	if (!tsearch(session->token, &devices->by_token, compare))
		return -ENOMEM;
	session->number = ++devices->n_sessions;

	return 0;
}

/**
 * sim_aliyun_session_find() - a session by its token
 * @devices: all of them
 * @door: a token is good for one
 * @token: as the device gave it
 * @now: CLOCK_BOOTTIME, µs; a session that is too old ends here
 *
 * Return: the session; NULL when there is none.
 */
struct sim_aliyun_session *sim_aliyun_session_find(struct sim_aliyun_devices *devices, size_t door,
						   const char *token, uint64_t now)
{
	void *node = tfind(token, &devices->by_token, compare);
	struct sim_aliyun_session *session;

	if (!node)
		return NULL;

	session = sim_container_of(*(char **)node, struct sim_aliyun_session, token);
	if (now >= session->expires) {
		end_session(devices, session);
		return NULL;
	}

	return session == &session->device->sessions[door] ? session : NULL;
}

/* ---- One device ------------------------------------------------------------------------------ */

/**
 * sim_aliyun_rotate() - give a device another secret; its sessions go on with the keys they have
 * @device: which
 * @secret: the new one
 *
 * Return: 0; -EINVAL when it is empty; -ENOMEM.
 */
int sim_aliyun_rotate(struct sim_aliyun_device *device, const char *secret)
{
	char *copy;

	if (!*secret)
		return -EINVAL;
	copy = strdup(secret);
	if (!copy)
		return -ENOMEM;

	free(device->secret);
	device->secret = copy;

	return 0;
}

/**
 * sim_aliyun_command_add() - have a command wait
 * @device: for which
 * @command: outlives it
 *
 * Return: 0; -ENOBUFS when SIM_ALIYUN_COMMANDS_MAX wait already.
 */
int sim_aliyun_command_add(struct sim_aliyun_device *device, const struct sim_command *command)
{
	if (device->n_commands == SIM_ALIYUN_COMMANDS_MAX)
		return -ENOBUFS;

	device->commands[device->n_commands++] = command;

	return 0;
}

/**
 * sim_aliyun_command_drop() - let the oldest commands wait no more
 * @device: whose
 * @n: how many, at most as many as wait
 */
void sim_aliyun_command_drop(struct sim_aliyun_device *device, size_t n)
{
	device->n_commands -= n;
	memmove(&device->commands[0], &device->commands[n],
		device->n_commands * sizeof(device->commands[0]));
}
