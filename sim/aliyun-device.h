/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The devices of an Aliyun cloud, each with the session that it may have at each door and the
 * commands that wait for it. A session is known by its token. There is never more than one a device
 * and door, so that little here grows after the start.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/cipher.h"
#include "sim/ranges.h"
#include "sim/setup.h"

/** How many ways in there are. */
#define SIM_ALIYUN_DOORS 2

/** How many commands wait for one device at most. */
#define SIM_ALIYUN_COMMANDS_MAX 50

/** The longest command, in bytes, as it is handed out: JSON, in a 1 KB reply. */
#define SIM_ALIYUN_COMMAND_SIZE 896

/* With their terminating zeros. */
#define SIM_ALIYUN_TOKEN_SIZE 33
#define SIM_ALIYUN_RANDOM_SIZE 17

/** "product key/device name" */
#define SIM_ALIYUN_NAME_SIZE (2 * SIM_KEY_MAX + 2)

/** Every sequence is at least this. */
#define SIM_ALIYUN_SEQUENCE_OFFSET 1

struct sim_aliyun_device;

/**
 * struct sim_aliyun_session - a login
 * @device: whose
 * @number: counts the cloud's logins from 1; 0 when there is no session
 * @token: in every request
 * @random: what the key is made of
 * @key: of the cipher
 * @used: the sequences that requests had
 * @separate: whether the device wants an acknowledgment first and the reply later
 * @expires: CLOCK_BOOTTIME, µs
 */
struct sim_aliyun_session {
	struct sim_aliyun_device *device;
	uint64_t number;
	char token[SIM_ALIYUN_TOKEN_SIZE];
	char random[SIM_ALIYUN_RANDOM_SIZE];
	uint8_t key[SIM_CIPHER_KEY_LEN];
	struct sim_ranges used;
	bool separate;
	uint64_t expires;
};

/**
 * struct sim_aliyun_device - a device as the cloud sees it
 * @id: its keys, lent
 * @secret: owned, as it may become another
 * @name: "product key/device name"
 * @sessions: one a door
 * @commands: those that wait, lent, the oldest first
 * @n_commands: how many
 */
struct sim_aliyun_device {
	const struct sim_device *id;
	char *secret;
	char name[SIM_ALIYUN_NAME_SIZE];
	struct sim_aliyun_session sessions[SIM_ALIYUN_DOORS];
	const struct sim_command *commands[SIM_ALIYUN_COMMANDS_MAX];
	size_t n_commands;
};

/**
 * struct sim_aliyun_devices - all of them
 * @all: owned
 * @n_all: how many
 * @by_name, @by_token: trees of tsearch()
 * @n_sessions: how many there have been
 */
struct sim_aliyun_devices {
	struct sim_aliyun_device *all;
	size_t n_all;
	void *by_name;
	void *by_token;
	uint64_t n_sessions;
};

int sim_aliyun_devices_init(struct sim_aliyun_devices *devices, const struct sim_setup *setup);
void sim_aliyun_devices_done(struct sim_aliyun_devices *devices);
struct sim_aliyun_device *sim_aliyun_devices_named(struct sim_aliyun_devices *devices,
						   const char *name);
struct sim_aliyun_device *sim_aliyun_devices_find(struct sim_aliyun_devices *devices,
						  const char *product_key, const char *device_name);
void sim_aliyun_devices_expire(struct sim_aliyun_devices *devices);

int sim_aliyun_login(struct sim_aliyun_devices *devices, struct sim_aliyun_device *device,
		     size_t door, uint64_t now);
struct sim_aliyun_session *sim_aliyun_session_find(struct sim_aliyun_devices *devices, size_t door,
						   const char *token, uint64_t now);

int sim_aliyun_rotate(struct sim_aliyun_device *device, const char *secret);
int sim_aliyun_command_add(struct sim_aliyun_device *device, const struct sim_command *command);
void sim_aliyun_command_drop(struct sim_aliyun_device *device, size_t n);
