/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/cleanup.h"
#include "daemon/isolation.h"
#include "daemon/log.h"
#include "daemon/options.h"

#define INSTANCE_CONFIG(name) SKYBUS_CONFIG_DIR "/instances/" name "/skybus.yaml"
#define INSTANCE_STATE(name) SKYBUS_STATE_DIR "-instances/" name

#define CONFIG_FILE SKYBUS_CONFIG_DIR "/skybus.yaml"

static const char help[] =
	"skybusd: connects the programs of this box to IoT clouds, over D-Bus and CoAP\n"
	"\n"
	"  --instance NAME     one of several daemons on this box: on the bus as io.skybus.Gateway1.NAME,\n"
	"                      its configuration in " INSTANCE_CONFIG(
		"NAME") ",\n"
			"                      its state in " INSTANCE_STATE(
				"NAME") "\n"
					"  --config FILE       the configuration (" CONFIG_FILE
					")\n"
					"  --state-dir DIR     where messages and tokens are kept ($STATE_DIRECTORY, or\n"
					"                      " SKYBUS_STATE_DIR ")\n"
					"  --plugin-dir DIR    where the plugins are (" SKYBUS_PLUGIN_DIR
					")\n"
					"  --plugin-host FILE  what plugins in processes of their own run in\n"
					"  --address ADDRESS   a D-Bus address instead of the system bus\n"
					"  --session           the session bus instead of the system bus\n"
					"  --log-level LEVEL   error, warning, notice, info (as it is) or debug\n"
					"  --check-config      say what is wrong with the configuration, and end\n"
					"  --list-plugins      name the plugins, and end\n"
					"  --version, --help\n";

/* One element of a name on the bus (D-Bus specification, "Bus names"), and of a path. */
static bool is_instance(const char *name)
{
	static const char digits[] = "0123456789";
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return *name && strlen(name) <= SB_INSTANCE_MAX && !strchr(digits, *name) &&
	       name[strspn(name, letters)] == '\0';
}

/* What the command line does not say. systemd names the directory that it made for us, systemd.exec(5). */
static void fill_in(struct sb_options *options)
{
	const char *instance = options->instance;
	const char *made = getenv("STATE_DIRECTORY");

	if (instance) {
		(void)snprintf(options->instance_config, sizeof(options->instance_config),
			       INSTANCE_CONFIG("%s"), instance);
		(void)snprintf(options->instance_state, sizeof(options->instance_state),
			       INSTANCE_STATE("%s"), instance);
	}
	if (!options->config)
		options->config = instance ? options->instance_config : CONFIG_FILE;
	if (!options->state_dir)
		options->state_dir = made	? made
				     : instance ? options->instance_state
						: SKYBUS_STATE_DIR;
	if (!options->plugin_dir)
		options->plugin_dir = SKYBUS_PLUGIN_DIR;
	if (!options->plugin_host)
		options->plugin_host = sb_isolation_program;
}

static int set_log_level(const char *word)
{
	static const struct {
		const char *word;
		int level;
	} levels[] = {
		{ "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
		{ "info", LOG_INFO }, { "debug", LOG_DEBUG },
	};

	for (size_t i = 0; i < SB_ELEMENTS(levels); i++) {
		if (strcmp(levels[i].word, word) == 0) {
			sb_log_set_level(levels[i].level);
			return 0;
		}
	}

	return -EINVAL;
}

/* One option. Returns 0 to go on; otherwise the process ends with *ret_exit. */
static int take_option(int option, struct sb_options *options, int *ret_exit)
{
	switch (option) {
	case 'i':
		options->instance = optarg;
		if (is_instance(optarg))
			return 0;
		(void)fprintf(stderr,
			      "skybusd: --instance %s: write letters, digits, _ and -, at most %d, "
			      "and no digit first\n",
			      optarg, SB_INSTANCE_MAX);
		break;
	case 'c':
		options->config = optarg;
		return 0;
	case 's':
		options->state_dir = optarg;
		return 0;
	case 'p':
		options->plugin_dir = optarg;
		return 0;
	case 'P':
		options->plugin_host = optarg;
		return 0;
	case 'a':
		options->address = optarg;
		return 0;
	case 'S':
		options->session = true;
		return 0;
	case 'C':
		options->check_config = true;
		return 0;
	case 'L':
		options->list_plugins = true;
		return 0;
	case 'l':
		if (set_log_level(optarg) == 0)
			return 0;
		(void)fprintf(
			stderr,
			"skybusd: --log-level %s: write error, warning, notice, info or debug\n",
			optarg);
		break;
	case 'V':
		(void)puts("skybusd " SKYBUS_VERSION);
		*ret_exit = EXIT_SUCCESS;
		return -ECANCELED;
	case 'h':
		(void)fputs(help, stdout);
		*ret_exit = EXIT_SUCCESS;
		return -ECANCELED;
	default: /* getopt has said what */
		break;
	}
	*ret_exit = EX_USAGE;

	return -EINVAL;
}

/**
 * sb_options_parse() - take the options from a command line
 * @argc: as main() has it
 * @argv: as main() has it; its text is lent to the options
 * @ret: what it says, or what holds without it
 * @ret_exit: the exit code, when the process is to end
 *
 * Says what is wrong, and what was asked for with --help and --version.
 *
 * Return: 0 to go on; -EINVAL or -ECANCELED to end the process with *ret_exit.
 */
int sb_options_parse(int argc, char **argv, struct sb_options *ret, int *ret_exit)
{
	static const struct option table[] = {
		{ "instance", required_argument, NULL, 'i' },
		{ "config", required_argument, NULL, 'c' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "plugin-dir", required_argument, NULL, 'p' },
		{ "plugin-host", required_argument, NULL, 'P' },
		{ "address", required_argument, NULL, 'a' },
		{ "session", no_argument, NULL, 'S' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "list-plugins", no_argument, NULL, 'L' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;
	int r;

	*ret = (struct sb_options){ 0 };
	while ((option = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		r = take_option(option, ret, ret_exit);
		if (r < 0)
			return r;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "skybusd: %s is not an option; --help lists them\n",
			      argv[optind]);
		*ret_exit = EX_USAGE;
		return -EINVAL;
	}

	fill_in(ret);

	return 0;
}
