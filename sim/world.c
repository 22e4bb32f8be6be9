/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "sim/authority.h"
#include "sim/cleanup.h"
#include "sim/control.h"
#include "sim/record.h"
#include "sim/world.h"

/* Where something cannot be had: says what, and why. */
static int fail(const char *what, int error)
{
	(void)fprintf(stderr, "skybus-sim: %s: %s.\n", what, strerror(-error));

	return error;
}

/**
 * sim_world_count_doors() - how many ports a world has
 * @options: the world's
 *
 * Return: the number.
 */
size_t sim_world_count_doors(const struct sim_world_options *options)
{
	size_t n = 0;

	for (size_t i = 0; i < options->n_types; i++)
		n += options->types[i]->n_doors;

	return n;
}

/* ---- What happens to clouds ------------------------------------------------------------------ */

/**
 * sim_world_house() - a cloud by its name
 * @world: where
 * @name: of the cloud
 *
 * Return: the cloud, lent; NULL when there is none.
 */
struct sim_house *sim_world_house(struct sim_world *world, const char *name)
{
	for (size_t i = 0; i < world->n_houses; i++)
		if (strcmp(world->options->types[i]->name, name) == 0)
			return &world->houses[i];

	return NULL;
}

/**
 * sim_world_port() - a port by the name of its door
 * @world: where
 * @name: of the door
 *
 * Return: the port, lent; NULL when there is none.
 */
struct sim_port *sim_world_port(struct sim_world *world, const char *name)
{
	for (size_t i = 0; i < world->n_ports; i++)
		if (strcmp(sim_port_name(&world->ports[i]), name) == 0)
			return &world->ports[i];

	return NULL;
}

/**
 * sim_world_command() - have a command wait for its device
 * @world: a device is known in every cloud of its kind, and may come to any: each gets the command
 * @command: of the world's setup
 *
 * Return: 0; -ENOENT when no cloud knows the device; -ENOBUFS, -EMSGSIZE as a cloud says, and
 * others may have taken it.
 */
int sim_world_command(struct sim_world *world, const struct sim_command *command)
{
	int result = -ENOENT;

	for (size_t i = 0; i < world->n_houses; i++) {
		struct sim_cloud *cloud = world->houses[i].cloud;
		int error = cloud->type->command ? cloud->type->command(cloud, command) : -ENOENT;

		if (error < 0 && error != -ENOENT)
			return error;
		if (error == 0)
			result = 0;
	}

	return result;
}

static size_t notify(struct sim_world *world, const struct sim_house *house, const char *path,
		     const struct sim_reply *reply)
{
	size_t n = 0;

	for (size_t i = 0; i < world->n_ports; i++)
		if (world->ports[i].house == house)
			n += sim_port_notify(&world->ports[i], path, reply);

	return n;
}

/**
 * sim_world_notify() - something that can be observed has changed
 * @world: where
 * @command: its path as the topic, and what it is now
 * @ret_n: how many are told
 *
 * Return: 0; -ENOENT when no cloud has such a thing; -EMSGSIZE when it is too long; -ENOMEM.
 */
int sim_world_notify(struct sim_world *world, const struct sim_command *command, size_t *ret_n)
{
	struct sim_reply *reply = sim_reply_new();
	int result = reply ? -ENOENT : -ENOMEM;

	*ret_n = 0;
	for (size_t i = 0; i < world->n_houses && result == -ENOENT; i++) {
		struct sim_cloud *cloud = world->houses[i].cloud;

		if (cloud->type->changed)
			result = cloud->type->changed(cloud, command, reply);
		if (result == 0)
			*ret_n = notify(world, &world->houses[i], command->topic, reply);
	}
	(void)sim_reply_free(reply);

	return result;
}

/**
 * sim_world_open() - open a cloud's ports
 * @world: where
 * @house: the cloud; what is open already stays so
 *
 * Return: 0; otherwise as sim_port_open(), said on stderr with the name of the door.
 */
int sim_world_open(struct sim_world *world, const struct sim_house *house)
{
	char what[96];

	for (size_t i = 0; i < world->n_ports; i++) {
		struct sim_port *port = &world->ports[i];
		int error = 0;

		if (port->house == house && !sim_port_is_open(port))
			error = sim_port_open(port);
		if (error < 0) {
			(void)snprintf(what, sizeof(what),
				       "cannot listen for %s at port %u of this --address",
				       sim_port_name(port), sim_address_port(&port->outside));
			return fail(what, error);
		}
	}

	return 0;
}

/**
 * sim_world_close() - close a cloud's ports; the cloud itself forgets nothing
 * @world: where
 * @house: the cloud
 */
void sim_world_close(struct sim_world *world, const struct sim_house *house)
{
	for (size_t i = 0; i < world->n_ports; i++)
		if (world->ports[i].house == house)
			sim_port_close(&world->ports[i]);
}

static bool is_plain(const struct sim_port *port)
{
	return port->house->cloud->type->doors[port->door].lock == SIM_PLAIN;
}

/**
 * sim_world_forget() - have a cloud forget who was talking to it
 * @world: where
 * @house: the cloud; where one talks without DTLS, what the cloud knows a sender by ends too
 *
 * Return: 0; otherwise as sim_port_open().
 */
int sim_world_forget(struct sim_world *world, struct sim_house *house)
{
	struct sim_cloud *cloud = house->cloud;
	bool plain = false;
	int error = 0;

	for (size_t i = 0; i < world->n_ports && error == 0; i++) {
		if (world->ports[i].house != house)
			continue;
		plain = plain || is_plain(&world->ports[i]);
		error = sim_port_forget(&world->ports[i]);
	}
	if (plain && cloud->type->expire)
		cloud->type->expire(cloud);

	return error;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int hand_out(struct sim_world *world)
{
	const struct sim_setup *setup = world->options->setup;
	const char *sentence = NULL;
	int error = 0;

	for (size_t i = 0; i < setup->n_commands && error == 0; i++)
		error = sim_world_command(world, setup->commands[i]);
	if (error == -ENOENT)
		sentence = "the topic must begin with /sys/PK/DK/ or the like, of a device that is "
			   "known, or a path of the script.";
	else if (error == -EMSGSIZE)
		sentence = "topic and payload do not fit one reply.";
	else if (error < 0)
		sentence = "too many commands wait for one device.";
	if (sentence)
		(void)fprintf(stderr, "skybus-sim: --command: %s\n", sentence);

	return error < 0 ? -EINVAL : 0;
}

static int make_clouds(struct sim_world *world)
{
	const struct sim_world_options *options = world->options;
	int error = 0;

	world->houses = calloc(options->n_types, sizeof(*world->houses));
	if (!world->houses)
		return fail("cannot make the clouds", -ENOMEM);

	for (size_t i = 0; i < options->n_types && error == 0; i++) {
		error = sim_house_init(&world->houses[i], options->types[i], options->setup,
				       world->record);
		world->n_houses++;
	}

	return error < 0 ? fail("cannot make the clouds", error) : hand_out(world);
}

static int make_ports(struct sim_world *world)
{
	const struct sim_world_options *options = world->options;
	size_t n = sim_world_count_doors(options);
	int error = 0;

	world->ports = calloc(n, sizeof(*world->ports));
	if (!world->ports)
		return fail("cannot make the ports", -ENOMEM);

	for (size_t i = 0; i < world->n_houses; i++)
		for (size_t door = 0; door < options->types[i]->n_doors; door++) {
			size_t at = world->n_ports++;
			uint16_t number = 0;

			if (options->port_base > 0)
				number = (uint16_t)(options->port_base + at);
			sim_port_init(&world->ports[at], &world->site, &world->houses[i], door,
				      number);
		}
	for (size_t i = 0; i < world->n_houses && error == 0; i++)
		error = sim_world_open(world, &world->houses[i]);

	return error;
}

static int make_authority(struct sim_world *world)
{
	const char *path = world->options->ca_path;
	int error = sim_authority_new(&world->options->address, &world->site.authority);

	if (error < 0)
		return fail("cannot make the certificates", error);

	error = path ? sim_authority_write_ca(world->site.authority, path) : 0;

	return error < 0 ? fail(path, error) : 0;
}

/* Signals become events, so that nothing is ever interrupted half-way. */
static int make_loop(struct sim_world *world)
{
	sd_event *event = NULL;
	sigset_t signals;
	int error;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return fail("cannot block signals", -errno);

	error = sd_event_new(&event);
	if (error >= 0)
		error = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (error >= 0)
		error = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	world->site.event = event;

	return error < 0 ? fail("cannot make the event loop", error) : 0;
}

static int make_record(struct sim_world *world)
{
	const char *path = world->options->record_path;
	int error = path ? sim_record_open(path, &world->record) : 0;

	return error < 0 ? fail(path, error) : 0;
}

static int make_control(struct sim_world *world)
{
	const char *path = world->options->control_path;
	int error = path ? sim_control_new(world, path, &world->control) : 0;

	return error < 0 ? fail(path, error) : 0;
}

/**
 * sim_world_init() - make a world, and open all its ports
 * @world: where; stays there
 * @options: outlive it
 *
 * Return: 0; -EINVAL when a command of the setup is for nobody or too much, or else a negative
 * errno; why is said on stderr. sim_world_done() is the caller's in any case.
 */
int sim_world_init(struct sim_world *world, const struct sim_world_options *options)
{
	static int (*const steps[])(struct sim_world *) = {
		make_record, make_clouds, make_loop, make_authority, make_ports, make_control,
	};
	int error = 0;

	*world = (struct sim_world){
		.options = options,
		.site = { .address = options->address, .impairable = options->impairable },
	};
	for (size_t i = 0; i < SIM_ELEMENTS(steps) && error == 0; i++)
		error = steps[i](world);

	return error;
}

/**
 * sim_world_done() - end a world
 * @world: may be half-made
 */
void sim_world_done(struct sim_world *world)
{
	(void)sim_control_free(world->control);
	for (size_t i = 0; i < world->n_ports; i++)
		sim_port_close(&world->ports[i]);
	free(world->ports);
	for (size_t i = 0; i < world->n_houses; i++)
		sim_house_done(&world->houses[i]);
	free(world->houses);
	(void)sim_authority_free(world->site.authority);
	(void)sd_event_unref(world->site.event);
	(void)sim_record_close(world->record);
	*world = (struct sim_world){ 0 };
}

static int announce(const struct sim_world *world)
{
	char url[SIM_URL_SIZE];

	for (size_t i = 0; i < world->n_ports; i++) {
		sim_port_url(&world->ports[i], url);
		(void)printf("%s %s\n", sim_port_name(&world->ports[i]), url);
	}

	return fflush(stdout) == 0 ? 0 : -errno;
}

/**
 * sim_world_run() - say on stdout where everybody listens, and let it run
 * @world: made
 *
 * Return: 0 after SIGTERM or SIGINT; -EIO when the record is not whole, or else a negative errno;
 * why is said on stderr.
 */
int sim_world_run(struct sim_world *world)
{
	int error = announce(world);

	if (error < 0)
		return fail("cannot write to stdout", error);

	error = sd_event_loop(world->site.event);
	if (error < 0)
		return fail("the event loop broke", error);

	return sim_record_is_whole(world->record) ? 0 : -EIO;
}
