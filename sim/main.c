/* SPDX-License-Identifier: Apache-2.0 */

/*
 * skybus-sim: the clouds on this machine, for a demonstration, for tests and for writers of
 * plugins.
 *
 * One line for each endpoint goes to stdout once it listens, and nothing else ever.
 */
#include <errno.h>
#include <getopt.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "sim/cleanup.h"
#include "sim/cloud.h"
#include "sim/endpoint.h"
#include "sim/record.h"
#include "sim/setup.h"

#define EXIT_USAGE 2

/** The device that is known when none is named. */
#define DEFAULT_DEVICE "pk7TestA,dev0000001,AbCdEfGhIjKlMnOpQrSt"

static const struct sim_cloud_type *const types[] = {
	&sim_enos_v1,
	&sim_enos_v2,
};

#define N_CLOUDS SIM_ELEMENTS(types)

/**
 * struct options - the command line
 * @address: where to listen
 * @port_base: the first endpoint's port; 0 for ports of the kernel's choice
 * @record_path: NULL for no record
 * @setup: devices and commands
 */
struct options {
	struct sim_address address;
	uint16_t port_base;
	const char *record_path;
	struct sim_setup setup;
};

/** struct sim - the running whole; clouds and endpoints in the order of types */
struct sim {
	struct sim_record *record;
	struct sim_cloud *clouds[N_CLOUDS];
	struct sim_endpoint *endpoints[N_CLOUDS];
	sd_event *event;
};

static const char help[] =
	"skybus-sim: IoT clouds on this machine, for tests and demonstrations\n"
	"\n"
	"Usage: skybus-sim [OPTION]...\n"
	"\n"
	"  --address ADDR           listen at this numeric address (127.0.0.1)\n"
	"  --port-base N            listen at ports N, N+1, ... instead of any free ones\n"
	"  --record FILE            append what comes to FILE, one JSON object a line\n"
	"  --device PK,DK,SECRET    a device that the clouds know; may be repeated\n"
	"                           (" DEFAULT_DEVICE ")\n"
	"  --command TOPIC=PAYLOAD  a command that waits for its device; may be repeated\n"
	"  --version                show the version\n"
	"  --help                   show this\n"
	"\n"
	"Prints a line \"NAME URL\" for each endpoint. Ends on SIGTERM and SIGINT.\n";

/* ---- Options --------------------------------------------------------------------------------- */

static int bad_usage(const char *sentence)
{
	(void)fprintf(stderr, "skybus-sim: %s\n", sentence);

	return -EINVAL;
}

static int take_address(struct options *options, const char *text)
{
	if (sim_address_parse(text, &options->address) < 0)
		return bad_usage("--address needs a numeric address, such as 127.0.0.1 or ::1.");

	return 0;
}

static int take_port(struct options *options, const char *text)
{
	unsigned long last = 65535 - (N_CLOUDS - 1), port;
	char *end;

	errno = 0;
	port = strtoul(text, &end, 10);
	if (errno != 0 || *end || text[0] < '0' || text[0] > '9' || port < 1 || port > last)
		return bad_usage("--port-base needs a port that leaves room for all endpoints "
				 "below 65536, such as 40000.");
	options->port_base = (uint16_t)port;

	return 0;
}

/* No part of the value is shown: one of them is the secret. */
static int take_device(struct options *options, const char *text)
{
	switch (sim_setup_add_device(&options->setup, text)) {
	case 0:
		return 0;
	case -EEXIST:
		return bad_usage("--device names a product key and device key twice; "
				 "leave one of them out.");
	case -EINVAL:
		return bad_usage("--device needs PK,DK,SECRET: two keys of up to 64 characters "
				 "without slashes, and the device's secret.");
	default:
		return bad_usage("there is no memory for another --device.");
	}
}

static int take_command(struct options *options, const char *text)
{
	switch (sim_setup_add_command(&options->setup, text)) {
	case 0:
		return 0;
	case -EINVAL:
		return bad_usage("--command needs TOPIC=PAYLOAD with a topic that begins with a "
				 "slash.");
	default:
		return bad_usage("there is no memory for another --command.");
	}
}

static const struct option long_options[] = {
	{ "address", required_argument, NULL, 'a' }, { "port-base", required_argument, NULL, 'p' },
	{ "record", required_argument, NULL, 'r' },  { "device", required_argument, NULL, 'd' },
	{ "command", required_argument, NULL, 'c' }, { "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },	     { 0 },
};

static void tell(const char *text)
{
	(void)fputs(text, stdout);
	exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int take_option(struct options *options, int letter)
{
	switch (letter) {
	case 'a':
		return take_address(options, optarg);
	case 'p':
		return take_port(options, optarg);
	case 'r':
		options->record_path = optarg;
		return 0;
	case 'd':
		return take_device(options, optarg);
	case 'c':
		return take_command(options, optarg);
	case 'v':
		tell("skybus-sim " SKYBUS_VERSION "\n");
		return 0;
	case 'h':
		tell(help);
		return 0;
	default:
		/* getopt_long() has said what is wrong. */
		return -EINVAL;
	}
}

static int parse_options(struct options *options, int argc, char **argv)
{
	int letter, error;

	(void)sim_address_parse("127.0.0.1", &options->address);
	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		error = take_option(options, letter);
		if (error < 0)
			return error;
	}
	if (optind < argc)
		return bad_usage("only options are taken; try --help.");

	return options->setup.n_devices > 0 ? 0 : take_device(options, DEFAULT_DEVICE);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int start_clouds(struct sim *sim, const struct options *options)
{
	for (size_t i = 0; i < N_CLOUDS; i++) {
		sim->clouds[i] = types[i]->make(types[i], &options->setup, sim->record);
		if (!sim->clouds[i])
			return -ENOMEM;
	}

	return 0;
}

/* A device is known in every cloud of its kind, and may come to any: each gets the command. */
static int hand_out(struct sim *sim, const struct sim_command *command)
{
	bool taken = false;

	for (size_t i = 0; i < N_CLOUDS; i++) {
		int error = types[i]->command(sim->clouds[i], command);

		if (error == -ENOBUFS)
			return bad_usage("--command: too many commands wait for one device.");
		if (error == -EMSGSIZE)
			return bad_usage("--command: topic and payload do not fit one reply.");
		taken = taken || error == 0;
	}
	if (!taken)
		return bad_usage("--command: the topic must begin with /sys/PK/DK/ of a device "
				 "that is known.");

	return 0;
}

static int endpoint_on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)source;
	(void)fd;
	(void)events;
	sim_endpoint_process(userdata);

	return 0;
}

static int fail(const char *what, int error)
{
	(void)fprintf(stderr, "skybus-sim: %s: %s.\n", what, strerror(-error));

	return EXIT_FAILURE;
}

static int start_endpoint(struct sim *sim, const struct options *options, size_t i)
{
	uint16_t port = options->port_base > 0 ? (uint16_t)(options->port_base + i) : 0;
	char what[96];
	int error;

	(void)snprintf(what, sizeof(what), "cannot listen for %s at port %u of this --address",
		       types[i]->name, port);
	error = sim_endpoint_new(sim->clouds[i], &options->address, port, &sim->endpoints[i]);
	if (error == 0)
		error = sd_event_add_io(sim->event, NULL, sim_endpoint_fd(sim->endpoints[i]),
					EPOLLIN, endpoint_on_ready, sim->endpoints[i]);

	return error < 0 ? fail(what, error) : EXIT_SUCCESS;
}

static int announce(const struct sim *sim)
{
	for (size_t i = 0; i < N_CLOUDS; i++)
		(void)printf("%s %s\n", types[i]->name, sim_endpoint_url(sim->endpoints[i]));

	return fflush(stdout) == 0 ? 0 : -errno;
}

/* Signals become events, so that nothing is ever interrupted half-way. */
static int catch_signals(struct sim *sim)
{
	sigset_t signals;
	int error;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;

	error = sd_event_add_signal(sim->event, NULL, SIGTERM, NULL, NULL);

	return error < 0 ? error : sd_event_add_signal(sim->event, NULL, SIGINT, NULL, NULL);
}

static void sim_done(struct sim *sim)
{
	(void)sd_event_unref(sim->event);
	for (size_t i = 0; i < N_CLOUDS; i++) {
		(void)sim_endpoint_free(sim->endpoints[i]);
		(void)types[i]->free(sim->clouds[i]);
	}
	(void)sim_record_close(sim->record);
}

static int prepare(struct sim *sim, const struct options *options)
{
	int error = 0;

	if (options->record_path)
		error = sim_record_open(options->record_path, &sim->record);
	if (error < 0)
		return fail(options->record_path, error);

	error = start_clouds(sim, options);
	if (error < 0)
		return fail("cannot make the clouds", error);

	for (size_t i = 0; i < options->setup.n_commands; i++)
		if (hand_out(sim, &options->setup.commands[i]) < 0)
			return EXIT_USAGE;

	return EXIT_SUCCESS;
}

static int run(struct sim *sim, const struct options *options)
{
	int status = prepare(sim, options), error;

	if (status != EXIT_SUCCESS)
		return status;

	error = sd_event_new(&sim->event);
	if (error >= 0)
		error = catch_signals(sim);
	if (error < 0)
		return fail("cannot make the event loop", error);

	for (size_t i = 0; i < N_CLOUDS && status == EXIT_SUCCESS; i++)
		status = start_endpoint(sim, options, i);
	if (status != EXIT_SUCCESS)
		return status;

	error = announce(sim);
	if (error < 0)
		return fail("cannot write to stdout", error);
	error = sd_event_loop(sim->event);
	if (error < 0)
		return fail("the event loop broke", error);

	return sim_record_is_whole(sim->record) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	struct sim sim = { 0 };
	int status = EXIT_USAGE;

	if (parse_options(&options, argc, argv) == 0)
		status = run(&sim, &options);
	sim_done(&sim);
	sim_setup_done(&options.setup);

	return status;
}
