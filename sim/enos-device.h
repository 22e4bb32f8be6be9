/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The devices of an EnOS cloud, each with the one session that it may have and the commands that
 * wait for it. A session belongs to the address that it was made from: that is all a plain-CoAP
 * cloud has to know a device by. There is never more than one session a device, so that nothing
 * here grows after the start.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/enos-sign.h"
#include "sim/setup.h"

/* How long a device may say that it will be silent, in seconds. */
#define SIM_ENOS_LIFETIME_MIN 30
#define SIM_ENOS_LIFETIME_MAX 86400

/** How many commands wait for one device at most. */
#define SIM_ENOS_COMMANDS_MAX 50

/** The longest topic and payload of a command together, in bytes: they ride in a 1 KB reply. */
#define SIM_ENOS_COMMAND_SIZE 896

/** A token with its terminating zero. */
#define SIM_ENOS_TOKEN_SIZE 33

/**
 * struct sim_enos_session - a login
 * @number: counts the cloud's logins from 1; 0 when there is no session
 * @peer: the address that it was made from
 * @token: in every signature of its requests, in the first generation
 * @sequence: the last number that a request was signed with
 * @lifetime: how long the device may be silent, µs
 * @expires: when it will have been, CLOCK_BOOTTIME, µs
 */
struct sim_enos_session {
	uint64_t number;
	char peer[64];
	char token[SIM_ENOS_TOKEN_SIZE];
	uint64_t sequence;
	uint64_t lifetime;
	uint64_t expires;
};

/**
 * struct sim_enos_device - a device as the cloud sees it
 * @id: its keys, lent
 * @secret: the one that it has now, owned
 * @name: "product key/device key"
 * @sign_key: for the signatures of requests
 * @session: while it has one
 * @commands: those that wait, lent, the oldest first
 * @n_commands: how many
 */
struct sim_enos_device {
	const struct sim_device *id;
	char *secret;
	char name[2 * SIM_KEY_MAX + 2];
	uint8_t sign_key[SIM_CIPHER_KEY_LEN];
	struct sim_enos_session session;
	const struct sim_command *commands[SIM_ENOS_COMMANDS_MAX];
	size_t n_commands;
};

/**
 * struct sim_enos_devices - all of them
 * @all: owned
 * @n_all: how many
 * @by_name, @by_peer: trees of tsearch()
 * @n_sessions: how many there have been
 */
struct sim_enos_devices {
	struct sim_enos_device *all;
	size_t n_all;
	void *by_name;
	void *by_peer;
	uint64_t n_sessions;
};

int sim_enos_devices_init(struct sim_enos_devices *devices, const struct sim_setup *setup);
void sim_enos_devices_done(struct sim_enos_devices *devices);
void sim_enos_devices_expire(struct sim_enos_devices *devices);
struct sim_enos_device *sim_enos_devices_named(struct sim_enos_devices *devices, const char *name);
struct sim_enos_device *sim_enos_devices_at(struct sim_enos_devices *devices, const char *peer,
					    uint64_t now);

int sim_enos_login(struct sim_enos_devices *devices, struct sim_enos_device *device,
		   const char *peer, uint32_t lifetime, uint64_t now);
int sim_enos_rotate(struct sim_enos_device *device, const char *secret);
void sim_enos_renew(struct sim_enos_device *device, uint64_t now);
bool sim_enos_advance(struct sim_enos_device *device, uint64_t sequence);

int sim_enos_command_add(struct sim_enos_devices *devices, const struct sim_command *command);
const struct sim_command *sim_enos_command_take(struct sim_enos_device *device, const char *topic);
