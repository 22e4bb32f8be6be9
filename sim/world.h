/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All clouds, their ports, and the loop that they share.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/cloud.h"
#include "sim/port.h"

struct sim_control;

/**
 * struct sim_world_options - what world is wanted; everything is lent and outlives it
 * @types: its clouds
 * @n_types: how many
 * @address: where they listen
 * @port_base: the first port; 0 for ports of the kernel's choice
 * @impairable: whether there are relays in front of the ports
 * @record_path: NULL for no record
 * @control_path: of the control socket; NULL for none
 * @ca_path: where the certificate of the authority goes; NULL for nowhere
 * @setup: devices and commands; the control socket adds to the latter
 */
struct sim_world_options {
	const struct sim_cloud_type *const *types;
	size_t n_types;
	struct sim_address address;
	uint16_t port_base;
	bool impairable;
	const char *record_path;
	const char *control_path;
	const char *ca_path;
	struct sim_setup *setup;
};

/**
 * struct sim_world - all clouds
 * @options: lent
 * @site: of all ports
 * @record: NULL for none
 * @control: NULL for none
 * @houses: one a cloud, in the order of the types
 * @n_houses: how many
 * @ports: those of the first house, then those of the second, …
 * @n_ports: how many
 */
struct sim_world {
	const struct sim_world_options *options;
	struct sim_site site;
	struct sim_record *record;
	struct sim_control *control;
	struct sim_house *houses;
	size_t n_houses;
	struct sim_port *ports;
	size_t n_ports;
};

size_t sim_world_count_doors(const struct sim_world_options *options);

int sim_world_init(struct sim_world *world, const struct sim_world_options *options);
void sim_world_done(struct sim_world *world);
int sim_world_run(struct sim_world *world);

struct sim_house *sim_world_house(struct sim_world *world, const char *name);
struct sim_port *sim_world_port(struct sim_world *world, const char *name);
int sim_world_command(struct sim_world *world, const struct sim_command *command);
int sim_world_notify(struct sim_world *world, const struct sim_command *command, size_t *ret_n);
int sim_world_open(struct sim_world *world, const struct sim_house *house);
void sim_world_close(struct sim_world *world, const struct sim_house *house);
int sim_world_forget(struct sim_world *world, struct sim_house *house);
