/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skybusd: reads the options, builds the parts in the order in which they need each other, runs the
 * loop, and takes them down in the opposite order.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include "daemon/cleanup.h"
#include "daemon/config.h"
#include "daemon/gateway.h"
#include "daemon/https.h"
#include "daemon/log.h"
#include "daemon/resolver.h"
#include "dbus/bus.h"

/* How long the clouds have for their answers when the daemon is asked to end. */
#define STOP_PATIENCE_USEC (5 * SB_USEC_PER_SEC)

struct options {
	const char *config;
	const char *state_dir;
	const char *plugin_dir;
	struct sb_bus_options bus;
	bool check_config;
	bool list_plugins;
};

/* Everything the daemon is made of, in the order of building. */
struct daemon {
	struct sb_plugins *plugins;
	struct sb_config *config;
	struct sb_link_parts parts;
	struct sb_gateway *gateway;
	struct sb_bus *bus;
};

static const char help[] =
	"skybusd: connects the programs of this box to IoT clouds, over D-Bus and CoAP\n"
	"\n"
	"  --config FILE       the configuration (" SKYBUS_CONFIG_FILE ")\n"
	"  --state-dir DIR     where messages and tokens are kept ($STATE_DIRECTORY, or\n"
	"                      " SKYBUS_STATE_DIR ")\n"
	"  --plugin-dir DIR    where the plugins are (" SKYBUS_PLUGIN_DIR ")\n"
	"  --address ADDRESS   a D-Bus address instead of the system bus\n"
	"  --session           the session bus instead of the system bus\n"
	"  --log-level LEVEL   error, warning, notice, info (as it is) or debug\n"
	"  --check-config      say what is wrong with the configuration, and end\n"
	"  --list-plugins      name the plugins, and end\n"
	"  --version, --help\n";

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
static int take_option(int option, struct options *options, int *ret_exit)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return 0;
	case 's':
		options->state_dir = optarg;
		return 0;
	case 'p':
		options->plugin_dir = optarg;
		return 0;
	case 'a':
		options->bus.address = optarg;
		return 0;
	case 'S':
		options->bus.session = true;
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

/* Returns 0 to go on; otherwise the process ends with *ret_exit. */
static int parse_options(int argc, char **argv, struct options *options, int *ret_exit)
{
	static const struct option table[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "plugin-dir", required_argument, NULL, 'p' },
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

	while ((option = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		r = take_option(option, options, ret_exit);
		if (r < 0)
			return r;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "skybusd: %s is not an option; --help lists them\n",
			      argv[optind]);
		*ret_exit = EX_USAGE;
		return -EINVAL;
	}

	return 0;
}

/* Files that only we may read, and no core with secrets in it, also where cores go into a pipe. */
static void protect_process(void)
{
	struct rlimit none = { 0, 0 };

	(void)umask(077);
	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		sb_log(LOG_WARNING, "core dumps cannot be turned off: %s", strerror(errno));
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	sb_log(LOG_NOTICE, "ending: %s", strsignal((int)info->ssi_signo));
	(void)sd_notify(0, "STOPPING=1");
	sb_gateway_stop(userdata, STOP_PATIENCE_USEC);

	return 0;
}

static const int end_signals[] = { SIGTERM, SIGINT, SIGHUP };

/* Before any thread is made, so that all of them have the signals blocked. */
static int block_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < SB_ELEMENTS(end_signals); i++)
		(void)sigaddset(&set, end_signals[i]);
	(void)signal(SIGPIPE, SIG_IGN);

	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int catch_signals(struct sb_loop *loop, struct sb_gateway *gateway)
{
	for (size_t i = 0; i < SB_ELEMENTS(end_signals); i++) {
		int r = sd_event_add_signal(sb_loop_event(loop), NULL, end_signals[i], on_signal,
					    gateway);

		if (r < 0)
			return r;
	}

	return 0;
}

/* Says all that is wrong. Returns EXIT_SUCCESS or EX_CONFIG; the configuration may be there in both. */
static int read_config(const struct options *options, struct sb_plugins *plugins,
		       struct sb_config **ret)
{
	struct sb_problems problems = { 0 };
	int status = EXIT_SUCCESS;
	int r;

	r = sb_config_read(options->config, plugins, &problems, ret);
	for (size_t i = 0; i < problems.n; i++)
		sb_log(problems.all[i].warning ? LOG_WARNING : LOG_ERR, "%s", problems.all[i].text);
	if (r < 0 || problems.n_errors > 0)
		status = EX_CONFIG;
	sb_problems_done(&problems);

	return status;
}

static int list_plugins(struct sb_plugins *plugins)
{
	sb_plugins_load_all(plugins);
	for (size_t i = 0; i < sb_plugins_count(plugins); i++) {
		const struct sb_plugin *plugin = sb_plugins_at(plugins, i);

		if (plugin->descriptor)
			(void)printf("%s %s: %s\n", plugin->name, plugin->descriptor->version,
				     plugin->descriptor->summary);
		else
			(void)printf("%s: not usable: %s\n", plugin->name, plugin->why);
	}

	return EXIT_SUCCESS;
}

static enum sb_sync sync_of(const struct sb_config *config)
{
	return strcmp(sb_settings_text(config->store, "sync"), "full") == 0 ? SB_SYNC_FULL
									    : SB_SYNC_NORMAL;
}

/* Builds what stands between the loop and the links. */
static int build_parts(struct daemon *daemon, const struct options *options)
{
	struct sb_link_parts *parts = &daemon->parts;
	int r;

	r = sb_store_open(parts->loop, options->state_dir, sync_of(daemon->config), &parts->store);
	if (r < 0)
		return r; /* said why */
	r = sb_outbox_new(parts->store, &parts->outbox);
	if (r >= 0)
		r = sb_hub_new(&parts->hub);
	if (r >= 0)
		r = sb_resolver_new(parts->loop, &parts->resolver);
	if (r >= 0)
		r = sb_transport_new(parts->loop, &parts->transport);
	if (r >= 0)
		r = sb_https_new(parts->loop, &parts->https);
	if (r >= 0)
		r = sb_gateway_new(parts, daemon->plugins, &daemon->gateway);
	if (r >= 0)
		r = catch_signals(parts->loop, daemon->gateway);
	if (r < 0)
		sb_log(LOG_ERR, "the daemon cannot start: %s", strerror(-r));

	return r;
}

static void take_down(struct daemon *daemon)
{
	struct sb_link_parts *parts = &daemon->parts;

	/* First what was promised: publishers that wait for their tickets get them. */
	if (parts->store)
		sb_store_drain(parts->store);
	daemon->bus = sb_bus_free(daemon->bus);
	daemon->gateway = sb_gateway_free(daemon->gateway);
	parts->https = sb_https_free(parts->https);
	parts->transport = sb_transport_free(parts->transport);
	parts->resolver = sb_resolver_free(parts->resolver);
	parts->hub = sb_hub_free(parts->hub);
	parts->outbox = sb_outbox_free(parts->outbox);
	parts->store = sb_store_close(parts->store);
	parts->loop = sb_loop_free(parts->loop);
	daemon->config = sb_config_free(daemon->config);
	daemon->plugins = sb_plugins_free(daemon->plugins);
}

/* All of them, also those that no link names: later there is no moment when the loop could wait. */
static void load_plugins(struct sb_plugins *plugins)
{
	sb_plugins_load_all(plugins);
	for (size_t i = 0; i < sb_plugins_count(plugins); i++) {
		const struct sb_plugin *plugin = sb_plugins_at(plugins, i);

		if (!plugin->descriptor)
			sb_log(LOG_WARNING, "plugin %s is left out: %s", plugin->name, plugin->why);
	}
}

static int run(struct daemon *daemon, const struct options *options)
{
	int r;

	load_plugins(daemon->plugins);
	(void)read_config(options, daemon->plugins, &daemon->config);
	if (!daemon->config)
		return EX_CONFIG;
	r = sb_loop_new(&daemon->parts.loop);
	if (r >= 0)
		r = block_signals();
	if (r < 0) {
		sb_log(LOG_ERR, "no event loop: %s", strerror(-r));
		return EX_OSERR;
	}
	if (build_parts(daemon, options) < 0)
		return EXIT_FAILURE;
	(void)sb_gateway_apply(daemon->gateway, daemon->config);
	r = sb_bus_new(&options->bus, daemon->gateway, &daemon->bus);
	if (r < 0)
		return EX_UNAVAILABLE; /* said why */

	(void)sd_notifyf(0, "READY=1\nSTATUS=%zu links", sb_gateway_n_links(daemon->gateway));
	r = sb_loop_run(daemon->parts.loop);

	return r < 0 ? EXIT_FAILURE : r;
}

int main(int argc, char **argv)
{
	const char *state_dir = getenv("STATE_DIRECTORY");
	struct options options = {
		.config = SKYBUS_CONFIG_FILE,
		.state_dir = state_dir ? state_dir : SKYBUS_STATE_DIR,
		.plugin_dir = SKYBUS_PLUGIN_DIR,
	};
	struct daemon daemon = { 0 };
	int status;
	int r;

	if (parse_options(argc, argv, &options, &status) < 0)
		return status;
	protect_process();
	r = sb_plugins_new(options.plugin_dir, &daemon.plugins);
	if (r < 0) {
		sb_log(LOG_ERR, "the plugin directory %s: %s", options.plugin_dir, strerror(-r));
		return EXIT_FAILURE;
	}

	if (options.list_plugins)
		status = list_plugins(daemon.plugins);
	else if (options.check_config)
		status = read_config(&options, daemon.plugins, &daemon.config);
	else
		status = run(&daemon, &options);
	take_down(&daemon);

	return status;
}
