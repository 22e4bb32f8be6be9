/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skybusd: reads the options, builds the parts in the order in which they need each other, runs the
 * loop, and takes them down in the opposite order.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/gateway.h"
#include "daemon/https.h"
#include "daemon/inboxes.h"
#include "daemon/log.h"
#include "daemon/netwatch.h"
#include "daemon/options.h"
#include "daemon/outbox.h"
#include "daemon/pace.h"
#include "daemon/quarantine.h"
#include "daemon/rate.h"
#include "daemon/reload.h"
#include "daemon/resolver.h"
#include "daemon/service.h"
#include "daemon/slack.h"
#include "daemon/store.h"
#include "dbus/bus.h"

/* How long the clouds have for their answers when the daemon is asked to end. */
#define STOP_PATIENCE_USEC (5 * SB_USEC_PER_SEC)

/* Everything the daemon is made of, in the order of building. */
struct daemon {
	struct sb_plugins *plugins;
	struct sb_quarantine *quarantine;
	struct sb_config *config; /* until the reload has it */
	struct sb_pace pace;
	struct sb_link_parts parts;
	struct sb_gateway *gateway;
	struct sb_access *access;
	struct sb_rates rates;
	struct sb_service service;
	struct sb_slack slack;
	struct sb_reload *reload;
	struct sb_bus *bus;
};

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
	struct daemon *daemon = userdata;

	(void)source;
	sb_log_event(SB_EVENT_ENDING, NULL, "ending: %s", strsignal((int)info->ssi_signo));
	sb_service_stopping(&daemon->service);
	sb_gateway_stop(daemon->gateway, STOP_PATIENCE_USEC);

	return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source;
	(void)info;
	if (sb_reload_request(userdata, NULL, NULL) < 0)
		sb_log_event(SB_EVENT_OUT_OF_MEMORY, NULL,
			     "no memory left to reload the configuration: ask again in a while");

	return 0;
}

static const int end_signals[] = { SIGTERM, SIGINT };

/* Before any thread is made, so that all of them have the signals blocked. */
static int block_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < SB_ELEMENTS(end_signals); i++)
		(void)sigaddset(&set, end_signals[i]);
	(void)sigaddset(&set, SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);

	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int catch_signals(struct daemon *daemon)
{
	sd_event *event = sb_loop_event(daemon->parts.loop);
	int r;

	for (size_t i = 0; i < SB_ELEMENTS(end_signals); i++) {
		r = sd_event_add_signal(event, NULL, end_signals[i], on_signal, daemon);
		if (r < 0)
			return r;
	}
	r = sd_event_add_signal(event, NULL, SIGHUP, on_hangup, daemon->reload);

	return r < 0 ? r : 0;
}

/* Says all that is wrong. Returns EXIT_SUCCESS or EX_CONFIG; the configuration may be there in both. */
static int read_config(const struct sb_options *options, struct sb_plugins *plugins,
		       struct sb_config **ret)
{
	struct sb_problems problems = { 0 };
	int status = EXIT_SUCCESS;
	int r;

	r = sb_config_read(options->config, plugins, &problems, ret);
	sb_problems_log(&problems);
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

static enum sb_sync sync_of(const struct sb_settings *settings)
{
	return strcmp(sb_settings_text(settings, "sync"), "full") == 0 ? SB_SYNC_FULL
								       : SB_SYNC_NORMAL;
}

static int open_store(struct sb_loop *loop, const char *directory,
		      const struct sb_settings *settings, struct sb_store **ret)
{
	const struct sb_store_options options = {
		.sync = sync_of(settings),
		.commit_interval_s = (uint64_t)sb_settings_integer(settings, "commit_interval"),
		.max_bytes = (uint64_t)sb_settings_integer(settings, "max_bytes"),
		.tickets_kept = (uint64_t)sb_settings_integer(settings, "tickets_kept"),
		.tickets_kept_s = (uint64_t)sb_settings_integer(settings, "tickets_kept_for"),
		.letters_kept = (uint64_t)sb_settings_integer(settings, "dead_letters_kept"),
	};

	return sb_store_open(loop, directory, &options, ret);
}

static int new_outbox(struct sb_store *store, struct sb_clock *clock,
		      const struct sb_settings *settings, struct sb_outbox **ret)
{
	const struct sb_account_limits limits = sb_account_limits_of(settings);

	return sb_outbox_new(store, clock, &limits, ret);
}

/* Who may do what, and how much of it. */
static int build_access(struct daemon *daemon)
{
	const struct sb_caller_limits limits = sb_caller_limits_of(daemon->config->callers);

	sb_rates_init(&daemon->rates, daemon->parts.loop, &limits);

	return sb_access_new(daemon->config->access, geteuid(), &daemon->access);
}

static int new_inboxes(struct sb_link_parts *parts, const struct sb_settings *settings)
{
	const struct sb_inbox_limits limits = sb_inbox_limits_of(settings);

	return sb_inboxes_new(parts->store, parts->hub, &limits, &parts->inboxes);
}

/* Without it links find out by themselves, only later. */
static void watch_network(struct sb_link_parts *parts)
{
	int r = sb_netwatch_new(parts->loop, &parts->netwatch);

	if (r < 0)
		sb_log(LOG_WARNING,
		       "the kernel does not tell of changes of the network (%s): links notice them by "
		       "time-outs only; a sandbox has to allow AF_NETLINK",
		       strerror(-r));
}

/* Builds what stands between the loop and the links. */
static int build_parts(struct daemon *daemon, const struct sb_options *options)
{
	const struct sb_settings *settings = daemon->config->store;
	struct sb_link_parts *parts = &daemon->parts;
	int r;

	r = open_store(parts->loop, options->state_dir, settings, &parts->store);
	if (r < 0)
		return r; /* said why */
	sb_pace_init(&daemon->pace, parts->loop);
	parts->pace = &daemon->pace;
	parts->plugin_host = options->plugin_host;
	watch_network(parts);
	r = sb_clock_new(parts->loop, parts->store, NULL, &parts->clock);
	if (r >= 0)
		r = new_outbox(parts->store, parts->clock, daemon->config->callers, &parts->outbox);
	if (r >= 0)
		r = sb_hub_new(&parts->hub);
	if (r >= 0)
		r = new_inboxes(parts, daemon->config->inboxes);
	if (r >= 0)
		r = sb_resolver_new(parts->loop, &parts->resolver);
	if (r >= 0)
		r = sb_transport_new(parts->loop, &parts->transport);
	if (r >= 0)
		r = sb_https_new(parts->loop, &parts->https);
	if (r >= 0)
		r = sb_gateway_new(parts, daemon->plugins, &daemon->gateway);
	if (r >= 0)
		r = build_access(daemon);
	if (r < 0)
		sb_log_event(SB_EVENT_CANNOT_START, NULL, "the daemon cannot start: %s",
			     strerror(-r));

	return r;
}

/* With the links of the configuration, which is the reload's from here on. */
static int build_links(struct daemon *daemon, const struct sb_options *options)
{
	const struct sb_reload_parts parts = {
		.gateway = daemon->gateway,
		.access = daemon->access,
		.rates = &daemon->rates,
		.service = &daemon->service,
	};
	int r;

	sb_service_init(&daemon->service, daemon->gateway);
	sb_slack_init(&daemon->slack, daemon->gateway);
	(void)sb_gateway_apply(daemon->gateway, daemon->config);
	r = sb_reload_new(options->config, &parts, daemon->config, &daemon->reload);
	if (r >= 0) {
		daemon->config = NULL;
		r = catch_signals(daemon);
	}
	if (r < 0)
		sb_log_event(SB_EVENT_CANNOT_START, NULL, "the daemon cannot start: %s",
			     strerror(-r));

	return r;
}

static void take_down(struct daemon *daemon)
{
	struct sb_link_parts *parts = &daemon->parts;

	/*
	 * First what was promised, while somebody can be told: what was held in memory has ended,
	 * and publishers that wait for their tickets get them. Twice, since what they have published
	 * goes into inboxes when it is on disk.
	 */
	if (parts->outbox)
		sb_outbox_stop(parts->outbox);
	for (int i = 0; parts->store && i < 2; i++)
		sb_store_drain(parts->store);
	daemon->bus = sb_bus_free(daemon->bus);
	sb_rates_done(&daemon->rates);
	daemon->access = sb_access_free(daemon->access);
	sb_slack_done(&daemon->slack);
	sb_service_done(&daemon->service);
	daemon->gateway = sb_gateway_free(daemon->gateway);
	parts->https = sb_https_free(parts->https);
	parts->transport = sb_transport_free(parts->transport);
	parts->resolver = sb_resolver_free(parts->resolver);
	parts->inboxes = sb_inboxes_free(parts->inboxes);
	parts->hub = sb_hub_free(parts->hub);
	parts->outbox = sb_outbox_free(parts->outbox);
	parts->clock = sb_clock_free(parts->clock);
	parts->store = sb_store_close(parts->store);
	parts->netwatch = sb_netwatch_free(parts->netwatch);
	sb_pace_done(&daemon->pace);
	daemon->reload = sb_reload_free(daemon->reload);
	parts->loop = sb_loop_free(parts->loop);
	daemon->config = sb_config_free(daemon->config);
	daemon->plugins = sb_plugins_free(daemon->plugins);
	daemon->quarantine = sb_quarantine_free(daemon->quarantine);
}

/* What they did to the run before, and what becomes of this one. */
static int watch_plugins(struct daemon *daemon, const char *state_dir)
{
	int r;

	r = sb_quarantine_new(state_dir, sb_plugins_directory(daemon->plugins),
			      &daemon->quarantine);
	if (r == 0)
		sb_plugins_guard(daemon->plugins, daemon->quarantine);

	return r;
}

/* All of them, also those that no link names: later there is no moment when the loop could wait. */
static void load_plugins(struct sb_plugins *plugins)
{
	sb_plugins_load_all(plugins);
	for (size_t i = 0; i < sb_plugins_count(plugins); i++) {
		const struct sb_plugin *plugin = sb_plugins_at(plugins, i);

		if (plugin->quarantined)
			sb_log_event(SB_EVENT_PLUGIN_QUARANTINED,
				     &(struct sb_fields){ .plugin = plugin->name }, "%s",
				     plugin->why);
		else if (!plugin->descriptor)
			sb_log_event(SB_EVENT_PLUGIN_LEFT_OUT,
				     &(struct sb_fields){ .plugin = plugin->name },
				     "plugin %s is left out: %s", plugin->name, plugin->why);
	}
}

static void log_start(const struct daemon *daemon)
{
	size_t n_links = sb_gateway_n_links(daemon->gateway);
	char count[24];
	const struct sb_fields fields = { .count = count, .version = SKYBUS_VERSION };

	(void)snprintf(count, sizeof(count), "%zu", n_links);
	sb_log_event(SB_EVENT_STARTED, &fields,
		     "skybusd " SKYBUS_VERSION " has started, with %s link%s", count,
		     n_links == 1 ? "" : "s");
}

static int run(struct daemon *daemon, const struct sb_options *options)
{
	const struct sb_bus_options bus = {
		.address = options->address,
		.session = options->session,
		.instance = options->instance,
	};
	struct sb_bus_host host = { .rates = &daemon->rates };
	int r;

	r = watch_plugins(daemon, options->state_dir);
	if (r < 0) {
		sb_log_event(SB_EVENT_CANNOT_START, NULL, "the daemon cannot start: %s",
			     strerror(-r));
		return EXIT_FAILURE;
	}
	load_plugins(daemon->plugins);
	(void)read_config(options, daemon->plugins, &daemon->config);
	sb_plugins_seal(daemon->plugins);
	if (!daemon->config)
		return EX_CONFIG;
	r = sb_loop_new(&daemon->parts.loop);
	if (r >= 0)
		r = block_signals();
	if (r < 0) {
		sb_log_event(SB_EVENT_CANNOT_START, NULL, "no event loop: %s", strerror(-r));
		return EX_OSERR;
	}
	if (build_parts(daemon, options) < 0 || build_links(daemon, options) < 0)
		return EXIT_FAILURE;
	host.gateway = daemon->gateway;
	host.access = daemon->access;
	host.reload = daemon->reload;
	r = sb_bus_new(&bus, &host, &daemon->bus);
	if (r < 0)
		return EX_UNAVAILABLE; /* said why */

	log_start(daemon);
	sb_service_ready(&daemon->service);
	r = sb_loop_run(daemon->parts.loop);

	return r < 0 ? EXIT_FAILURE : r;
}

int main(int argc, char **argv)
{
	struct sb_options options;
	struct daemon daemon = { 0 };
	int status;
	int r;

	if (sb_options_parse(argc, argv, &options, &status) < 0)
		return status;
	protect_process();
	r = sb_plugins_new(options.plugin_dir, &daemon.plugins);
	if (r < 0) {
		sb_log_event(SB_EVENT_CANNOT_START, NULL, "the plugin directory %s: %s",
			     options.plugin_dir, strerror(-r));
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
