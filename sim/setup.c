/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/setup.h"

/**
 * sim_setup_done() - free what a setup holds
 * @setup: all zero afterwards
 */
void sim_setup_done(struct sim_setup *setup)
{
	for (size_t i = 0; i < setup->n_devices; i++)
		free(setup->devices[i].product_key);
	for (size_t i = 0; i < setup->n_commands; i++)
		free(setup->commands[i].topic);
	free(setup->devices);
	free(setup->commands);
	*setup = (struct sim_setup){ 0 };
}

/* Keys become segments of paths and fields of texts that are signed. */
static bool is_key(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= SIM_KEY_MAX && !strpbrk(text, "/,");
}

/**
 * sim_setup_add_device() - register a device
 * @setup: where
 * @text: "product key,device key,secret"
 *
 * Return: 0; -EINVAL when @text is not three such parts, -EEXIST when a device has these keys,
 * -ENOMEM.
 */
int sim_setup_add_device(struct sim_setup *setup, const char *text)
{
	SIM_CLEANUP(free) char *copy = strdup(text);
	struct sim_device *devices, device;
	char *rest = copy;

	if (!copy)
		return -ENOMEM;

	device.product_key = strsep(&rest, ",");
	device.device_key = strsep(&rest, ",");
	device.secret = rest;
	if (!is_key(device.product_key) || !is_key(device.device_key) || !rest || !*rest)
		return -EINVAL;

	for (size_t i = 0; i < setup->n_devices; i++)
		if (strcmp(setup->devices[i].product_key, device.product_key) == 0 &&
		    strcmp(setup->devices[i].device_key, device.device_key) == 0)
			return -EEXIST;

	devices = reallocarray(setup->devices, setup->n_devices + 1, sizeof(*devices));
	if (!devices)
		return -ENOMEM;

	setup->devices = devices;
	setup->devices[setup->n_devices++] = device;
	copy = NULL;

	return 0;
}

/**
 * sim_setup_add_command() - have a command wait for its device
 * @setup: where
 * @text: "topic=payload"; the topic ends at the first equals sign
 *
 * Return: 0; -EINVAL when @text is not like that, -ENOMEM.
 */
int sim_setup_add_command(struct sim_setup *setup, const char *text)
{
	SIM_CLEANUP(free) char *copy = strdup(text);
	struct sim_command *commands, command;
	char *rest = copy;

	if (!copy)
		return -ENOMEM;

	command.topic = strsep(&rest, "=");
	command.payload = rest;
	if (command.topic[0] != '/' || !rest)
		return -EINVAL;

	commands = reallocarray(setup->commands, setup->n_commands + 1, sizeof(*commands));
	if (!commands)
		return -ENOMEM;

	setup->commands = commands;
	setup->commands[setup->n_commands++] = command;
	copy = NULL;

	return 0;
}
