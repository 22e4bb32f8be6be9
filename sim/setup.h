/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the clouds know before the first request: the registered devices, and the commands that wait
 * for them. It comes from the command line and is the same for every cloud.
 */
#include <stddef.h>

/** The longest product key or device key, in bytes. */
#define SIM_KEY_MAX 64

/**
 * struct sim_device - a registered device
 * @product_key: owned, and holds the memory of the other two
 * @device_key: "device name" in some clouds' words
 * @secret: the device's
 */
struct sim_device {
	char *product_key;
	const char *device_key;
	const char *secret;
};

/**
 * struct sim_command - what a cloud wants a device to do
 * @topic: owned, and holds the memory of the payload
 * @payload: text
 */
struct sim_command {
	char *topic;
	const char *payload;
};

/** struct sim_setup - all of it; all zero is an empty one */
struct sim_setup {
	struct sim_device *devices;
	size_t n_devices;
	struct sim_command *commands;
	size_t n_commands;
};

void sim_setup_done(struct sim_setup *setup);
int sim_setup_add_device(struct sim_setup *setup, const char *text);
int sim_setup_add_command(struct sim_setup *setup, const char *text);
