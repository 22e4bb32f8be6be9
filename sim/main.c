/* SPDX-License-Identifier: Apache-2.0 */

/*
 * skybus-sim: the clouds on this machine, for a demonstration, for tests and for writers of
 * plugins.
 *
 * One line for each door goes to stdout once it listens, and nothing else ever.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/problems.h"
#include "sim/cleanup.h"
#include "sim/ctl.h"
#include "sim/number.h"
#include "sim/order.h"
#include "sim/random.h"
#include "sim/script.h"
#include "sim/world.h"

#define EXIT_USAGE 2

/** Where in a line --help says what something is for. */
#define HELP_COLUMN 41

/* What is known when nothing is named. */
#define DEFAULT_DEVICE "pk7TestA,dev0000001,AbCdEfGhIjKlMnOpQrSt"
#define DEFAULT_PRODUCT "pk7TestA,ZyXwVuTsRqPoNmLkJiHg"
#define DEFAULT_CARD "8988280666000000001"

static const struct sim_cloud_type *const types[] = {
	&sim_enos_v1, &sim_enos_v2, &sim_enos_dtls, &sim_aliyun, &sim_1nce,
};

static const struct sim_cloud_type *const scripted_type[] = { &sim_scripted };

/**
 * struct options - the command line
 * @world: most of it
 * @setup: what the world's setup is
 * @seed: of what is random
 */
struct options {
	struct sim_world_options world;
	struct sim_setup setup;
	uint64_t seed;
};

/* ---- Options --------------------------------------------------------------------------------- */

static int bad_usage(const char *sentence)
{
	(void)fprintf(stderr, "skybus-sim: %s\n", sentence);

	return -EINVAL;
}

static int take_address(struct options *options, const char *text)
{
	if (sim_address_parse(text, &options->world.address) < 0)
		return bad_usage("--address needs a numeric address, such as 127.0.0.1 or ::1.");

	return 0;
}

static int take_port(struct options *options, const char *text)
{
	uint64_t last = 65536 - sim_world_count_doors(&options->world), port;

	if (sim_number_read(text, last, &port) < 0 || port < 1)
		return bad_usage("--port-base needs a port that leaves room for all doors "
				 "below 65536, such as 40000.");
	options->world.port_base = (uint16_t)port;

	return 0;
}

static int take_seed(struct options *options, const char *text)
{
	return sim_number_read(text, UINT64_MAX, &options->seed) < 0
		       ? bad_usage("--seed needs a number.")
		       : 0;
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

static int take_product(struct options *options, const char *text)
{
	switch (sim_setup_add_product(&options->setup, text)) {
	case 0:
		return 0;
	case -EEXIST:
		return bad_usage("--product names a product key twice; leave one of them out.");
	case -EINVAL:
		return bad_usage("--product needs PK,SECRET: a key of up to 64 characters without "
				 "slashes, and the product's secret.");
	default:
		return bad_usage("there is no memory for another --product.");
	}
}

static int take_card(struct options *options, const char *text)
{
	switch (sim_setup_add_card(&options->setup, text)) {
	case 0:
		return 0;
	case -EEXIST:
		return bad_usage("--sim names an ICCID or an address twice, or leaves the address "
				 "out twice; everybody can have one card only.");
	case -EINVAL:
		return bad_usage("--sim needs ICCID or ICCID,ADDRESS: 18 to 20 digits, and a "
				 "numeric address.");
	default:
		return bad_usage("there is no memory for another --sim.");
	}
}

static int take_command(struct options *options, const char *text)
{
	switch (sim_setup_add_command(&options->setup, text, NULL)) {
	case 0:
		return 0;
	case -EINVAL:
		return bad_usage("--command needs TOPIC=PAYLOAD with a topic that begins with a "
				 "slash.");
	default:
		return bad_usage("there is no memory for another --command.");
	}
}

/* The cloud of the script is then the only one. */
static int take_script(struct options *options, const char *text)
{
	struct sb_problems problems = { 0 };
	int error = options->setup.script
			    ? -EEXIST
			    : sim_script_read(text, &problems, &options->setup.script);

	for (size_t i = 0; i < problems.n; i++)
		(void)fprintf(stderr, "%s\n", problems.all[i].text);
	sb_problems_done(&problems);
	if (error == -EEXIST)
		return bad_usage("--script is there twice; leave one of them out.");
	if (error == -ENOMEM)
		return bad_usage("there is no memory for --script.");
	options->world.types = scripted_type;
	options->world.n_types = SIM_ELEMENTS(scripted_type);

	return error;
}

static int take_record(struct options *options, const char *text)
{
	options->world.record_path = text;

	return 0;
}

static int take_control(struct options *options, const char *text)
{
	options->world.control_path = text;

	return 0;
}

static int take_ca(struct options *options, const char *text)
{
	options->world.ca_path = text;

	return 0;
}

static int take_impairable(struct options *options, const char *text)
{
	(void)text;
	options->world.impairable = true;

	return 0;
}

static int show_version(struct options *options, const char *text)
{
	(void)options;
	(void)text;
	(void)puts("skybus-sim " SKYBUS_VERSION);
	exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int show_help(struct options *options, const char *text);

/**
 * struct row - an option
 * @name: without its dashes
 * @value: what follows it; NULL for nothing
 * @take: takes the value
 * @help: lines, of which --help shows those behind the first below it
 */
static const struct row {
	const char *name;
	const char *value;
	int (*take)(struct options *options, const char *text);
	const char *help;
} rows[] = {
	{ "address", "ADDR", take_address, "listen at this numeric address (127.0.0.1)" },
	{ "port-base", "N", take_port, "listen at ports N, N+1, ... instead of any free ones" },
	{ "script", "FILE", take_script,
	  "instead of those clouds play the one that FILE\ndescribes, as skybus-sim(1) says" },
	{ "record", "FILE", take_record, "append what comes to FILE, one JSON object a line" },
	{ "device", "PK,DK,SECRET", take_device,
	  "a device that the clouds know; may be repeated\n(" DEFAULT_DEVICE ")" },
	{ "product", "PK,SECRET", take_product,
	  "a product whose devices are given secrets; may\nbe repeated (" DEFAULT_PRODUCT ")" },
	{ "sim", "ICCID[,ADDRESS]", take_card,
	  "a SIM card, and who has it; may be repeated\n(" DEFAULT_CARD ", whoever has no other)" },
	{ "command", "TOPIC=PAYLOAD", take_command,
	  "a command that waits for its device; may be repeated" },
	{ "control", "SOCKET", take_control,
	  "take orders at this Unix socket, for \"skybus-sim ctl\"" },
	{ "seed", "N", take_seed, "have the same random numbers as another run with N" },
	{ "impairable", NULL, take_impairable,
	  "put a relay before every CoAP door, for \"ctl impair\";\n"
	  "the record shows its addresses, not the senders'" },
	{ "ca-file", "FILE", take_ca, "write the certificate to trust to FILE, as PEM" },
	{ "version", NULL, show_version, "show the version" },
	{ "help", NULL, show_help, "show this" },
};

static void print_row(const char *usage, const char *help)
{
	int column = printf("  %s", usage);
	size_t len;

	for (; *help; column = 0, help += len + (help[len] == '\n')) {
		len = strcspn(help, "\n");
		if (column >= HELP_COLUMN) {
			(void)puts("");
			column = 0;
		}
		(void)printf("%*s%.*s\n", HELP_COLUMN - column, "", (int)len, help);
	}
}

static int show_help(struct options *options, const char *text)
{
	char usage[64];

	(void)options;
	(void)text;
	(void)puts("skybus-sim: IoT clouds on this machine, for tests and demonstrations\n"
		   "\n"
		   "Usage: skybus-sim [OPTION]...\n"
		   "       skybus-sim ctl SOCKET ORDER\n");
	for (size_t i = 0; i < SIM_ELEMENTS(rows); i++) {
		(void)snprintf(usage, sizeof(usage), "--%s%s%s", rows[i].name,
			       rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		print_row(usage, rows[i].help);
	}
	(void)puts(
		"\n"
		"Prints a line \"NAME URL\" for each door. Ends on SIGTERM and SIGINT: with 0, or with 1\n"
		"if something failed or the record is not whole; with 2 at once if its use is wrong.\n"
		"\n"
		"Orders to a simulator that has a --control socket; ctl ends with 0 when it is obeyed,\n"
		"with 1 when it refuses, with 2 when nobody could be asked:");
	sim_order_help(print_row);
	exit(fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int take_defaults(struct options *options)
{
	const struct sim_setup *setup = &options->setup;
	int error = 0;

	if (setup->n_products == 0 && setup->n_devices == 0)
		error = take_product(options, DEFAULT_PRODUCT);
	if (error == 0 && setup->n_devices == 0)
		error = take_device(options, DEFAULT_DEVICE);
	if (error == 0 && setup->n_cards == 0)
		error = take_card(options, DEFAULT_CARD);

	return error;
}

static int parse_options(struct options *options, int argc, char **argv)
{
	struct option names[SIM_ELEMENTS(rows) + 1] = { 0 };
	int letter, i = 0, error = 0;

	for (size_t n = 0; n < SIM_ELEMENTS(rows); n++)
		names[n] = (struct option){
			.name = rows[n].name,
			.has_arg = rows[n].value ? required_argument : no_argument,
		};

	while (error == 0 && (letter = getopt_long(argc, argv, "", names, &i)) != -1)
		/* If it is not 0, getopt_long() has said what is wrong. */
		error = letter == 0 ? rows[i].take(options, optarg) : -EINVAL;
	if (error < 0)
		return error;
	if (optind < argc)
		return bad_usage("only options are taken; try --help.");

	return take_defaults(options);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int run(const struct options *options)
{
	struct sim_world world;
	int error;

	sim_random_seed(options->seed);
	error = sim_world_init(&world, &options->world);
	if (error == 0)
		error = sim_world_run(&world);
	sim_world_done(&world);
	if (error == -EINVAL)
		return EXIT_USAGE;

	return error < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {
		.world = { .types = types, .n_types = SIM_ELEMENTS(types) },
	};
	int status = EXIT_USAGE;

	if (argc == 3 && strcmp(argv[1], "ctl") == 0 && strcmp(argv[2], "--help") == 0)
		return show_help(&options, NULL);
	if (argc > 1 && strcmp(argv[1], "ctl") == 0)
		return sim_ctl(argc - 2, argv + 2);

	options.world.setup = &options.setup;
	(void)sim_address_parse("127.0.0.1", &options.world.address);
	arc4random_buf(&options.seed, sizeof(options.seed));
	if (parse_options(&options, argc, argv) == 0)
		status = run(&options);
	(void)sim_script_free(options.setup.script);
	sim_setup_done(&options.setup);

	return status;
}
