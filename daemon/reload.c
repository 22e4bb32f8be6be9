/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reload is a task: whoever asks for it may be about to do something to a link that goes with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/access.h"
#include "daemon/changes.h"
#include "daemon/cleanup.h"
#include "daemon/config-print.h"
#include "daemon/gateway.h"
#include "daemon/inboxes.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/outbox.h"
#include "daemon/rate.h"
#include "daemon/reload.h"
#include "daemon/service.h"
#include "daemon/stream-rights.h"

/* One who waits for it. */
struct request {
	sb_reloaded_fn *done;
	void *userdata;
	TAILQ_ENTRY(request) entry;
};

TAILQ_HEAD(request_list, request);

/**
 * struct sb_reload - see above
 * @config: in force; its section "store:" is what it was at the start, since that stays in force
 */
struct sb_reload {
	const char *path;
	struct sb_reload_parts parts;
	struct sb_config *config;
	struct sb_task task;
	struct request_list requests;
};

SB_DEFINE_CLEANUP(struct sb_config *, sb_config_free)
SB_DEFINE_CLEANUP(struct sb_gateway_plan *, sb_gateway_plan_free)

/* ---- sections ---- */

static void warn_of_store(const struct sb_reload *reload, const struct sb_config *config,
			  struct sb_problems *problems)
{
	for (size_t i = 0; i < sb_store_table_rows; i++) {
		const char *key = sb_store_table[i].key;

		if (!sb_settings_same(reload->config->store, config->store, key))
			sb_problems_warning(
				problems, SB_EVENT_CONFIG_RESTART, NULL,
				"store: the change of %s takes effect at the next start", key);
	}
}

/* None of it can change while the database is open. */
static void keep_store(const struct sb_reload *reload, struct sb_config *config)
{
	struct sb_settings *store = config->store;

	config->store = reload->config->store;
	reload->config->store = store;
}

static void apply_callers(const struct sb_reload *reload, const struct sb_config *config)
{
	const struct sb_account_limits limits = sb_account_limits_of(config->callers);

	sb_outbox_limit(sb_gateway_outbox(reload->parts.gateway), &limits);
	reload->parts.rates->limits = sb_caller_limits_of(config->callers);
}

static void apply_inboxes(const struct sb_reload *reload, const struct sb_config *config)
{
	const struct sb_inbox_limits limits = sb_inbox_limits_of(config->inboxes);

	sb_inboxes_limit(sb_gateway_inboxes(reload->parts.gateway), &limits);
}

static void apply_access(const struct sb_reload *reload, const struct sb_config *config)
{
	sb_access_replace(reload->parts.access, config->access);
	sb_stream_rights_review(sb_gateway_streams(reload->parts.gateway));
}

/* Each section that can change while the daemon runs has its line here. None can fail any more. */
static void apply(struct sb_reload *reload, struct sb_config *config, struct sb_gateway_plan *links)
{
	keep_store(reload, config);
	apply_callers(reload, config);
	apply_inboxes(reload, config);
	apply_access(reload, config);
	sb_gateway_carry_out(reload->parts.gateway, links);
	sb_gateway_set_routes(reload->parts.gateway, SB_STEAL(config->routes));

	(void)sb_config_free(reload->config);
	reload->config = config;
}

/* ---- one reload ---- */

/* As many sentences as there is room for, the first in any case; the log has all of them. */
static int refuse(const struct sb_problems *problems, const char *so, struct sb_error *ret_error)
{
	char text[sizeof(ret_error->text)] = "";
	size_t used = 0;

	for (size_t i = 0; i < problems->n; i++) {
		const char *problem = problems->all[i].text;

		if (problems->all[i].event != SB_EVENT_CONFIG_WRONG)
			continue;
		if (used > 0 && used + strlen("; ") + strlen(problem) >= sizeof(text) - 80)
			break;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 used > 0 ? "; " : "", problem);
		if (used >= sizeof(text))
			break;
	}

	return sb_error_set(ret_error, SB_ERROR_INVALID_CONFIGURATION,
			    "%s, for the configuration has %zu error%s: %s", so, problems->n_errors,
			    problems->n_errors == 1 ? "" : "s", text);
}

/* What is read is @ret_config's, and what becomes of its links is in @ret_plan. */
static int prepare(struct sb_reload *reload, struct sb_problems *problems,
		   struct sb_config **ret_config, struct sb_gateway_plan **ret_plan)
{
	struct sb_plugins *plugins = sb_gateway_plugins(reload->parts.gateway);
	int r;

	r = sb_config_read(reload->path, plugins, problems, ret_config);
	if (r < 0 || problems->n_errors > 0)
		return r;
	warn_of_store(reload, *ret_config, problems);

	return sb_gateway_plan(reload->parts.gateway, *ret_config, problems, ret_plan);
}

static int run(struct sb_reload *reload, struct sb_problems *problems, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_config_free) struct sb_config *config = NULL;
	SB_CLEANUP(sb_gateway_plan_free) struct sb_gateway_plan *plan = NULL;
	int r;

	if (sb_gateway_stopping(reload->parts.gateway))
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "skybusd is ending: it reads the configuration when it starts");
	r = prepare(reload, problems, &config, &plan);
	sb_problems_log(problems);
	if (problems->n_errors > 0)
		return refuse(problems, "nothing has changed", ret_error);
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "nothing has changed, for %s could not be read: %s",
				    reload->path, strerror(-r));
	apply(reload, SB_STEAL(config), SB_STEAL(plan));

	return 0;
}

/* @error: NULL when it is in force */
static void log_end(const struct sb_reload *reload, const struct sb_error *error)
{
	char count[24];
	const struct sb_fields fields = { .count = count };

	(void)snprintf(count, sizeof(count), "%zu", sb_gateway_n_links(reload->parts.gateway));
	if (error)
		sb_log_event(SB_EVENT_RELOAD_REFUSED, NULL,
			     "the configuration could not be reloaded: %s", error->text);
	else
		sb_log_event(SB_EVENT_RELOADED, &fields, "the configuration has been reloaded");
}

static void answer(struct sb_reload *reload, const struct sb_error *error)
{
	struct request_list requests = TAILQ_HEAD_INITIALIZER(requests);
	struct request *request;

	TAILQ_CONCAT(&requests, &reload->requests, entry);
	while ((request = TAILQ_FIRST(&requests))) {
		TAILQ_REMOVE(&requests, request, entry);
		if (request->done)
			request->done(request->userdata, error);
		free(request);
	}
}

static void reload_on_task(struct sb_task *task)
{
	struct sb_reload *reload = sb_container_of(task, struct sb_reload, task);
	struct sb_problems problems = { 0 };
	struct sb_error error;
	int r;

	sb_service_reloading(reload->parts.service);
	r = run(reload, &problems, &error);
	log_end(reload, r < 0 ? &error : NULL);
	sb_service_ready(reload->parts.service);
	answer(reload, r < 0 ? &error : NULL);
	sb_problems_done(&problems);
}

/* ---- what is in force, and what would be ---- */

/* @links: filled; as many as the gateway has */
static struct sb_config_view view_of_present(const struct sb_reload *reload,
					     const struct sb_link_config **links)
{
	const struct sb_gateway *gateway = reload->parts.gateway;
	const struct sb_config *config = reload->config;

	/* Those that the gateway did not take are the same, and newer in where their secrets come from. */
	for (size_t i = 0; i < sb_gateway_n_links(gateway); i++)
		links[i] = config->links[i] ? config->links[i]
					    : sb_link_configuration(sb_gateway_link(gateway, i));

	return (struct sb_config_view){
		.access = config->access,
		.callers = config->callers,
		.store = config->store,
		.inboxes = config->inboxes,
		.links = links,
		.n_links = sb_gateway_n_links(gateway),
		.routes = sb_gateway_routes(gateway),
	};
}

static const struct sb_link_config **new_links(const struct sb_reload *reload)
{
	return calloc(sb_gateway_n_links(reload->parts.gateway) + 1,
		      sizeof(const struct sb_link_config *));
}

/* Without their links, which the plan compares. */
static int compare_sections(const struct sb_reload *reload, const struct sb_config *config,
			    struct sb_changes *changes)
{
	SB_CLEANUP(sb_free) const struct sb_link_config **links = new_links(reload);
	const struct sb_config_view other = {
		.access = config->access,
		.callers = config->callers,
		.store = config->store,
		.inboxes = config->inboxes,
		.routes = config->routes,
	};
	struct sb_config_view present;

	if (!links)
		return -ENOMEM;
	present = view_of_present(reload, links);

	return sb_changes_sections(changes, &present, &other);
}

static int preview(struct sb_reload *reload, struct sb_problems *problems,
		   struct sb_changes *changes, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_config_free) struct sb_config *config = NULL;
	SB_CLEANUP(sb_gateway_plan_free) struct sb_gateway_plan *plan = NULL;
	int r;

	r = prepare(reload, problems, &config, &plan);
	if (problems->n_errors > 0)
		return refuse(problems, "a reload would change nothing", ret_error);
	if (r == 0)
		r = sb_gateway_plan_changes(plan, changes);
	if (r == 0)
		r = compare_sections(reload, config, changes);
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "%s could not be read: %s",
				    reload->path, strerror(-r));

	return 0;
}

/* ---- from outside ---- */

/**
 * sb_reload_new() - be ready to read the configuration again
 * @path: of its main file; lent
 * @parts: copied; the gateway's plugins are sealed
 * @config: in force; the callee's when this returns 0, and it stays in force until it is replaced
 * @ret: the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_reload_new(const char *path, const struct sb_reload_parts *parts, struct sb_config *config,
		  struct sb_reload **ret)
{
	struct sb_reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return -ENOMEM;
	reload->path = path;
	reload->parts = *parts;
	reload->config = config;
	sb_task_init(&reload->task, sb_gateway_loop(parts->gateway), reload_on_task);
	TAILQ_INIT(&reload->requests);
	*ret = reload;

	return 0;
}

/**
 * sb_reload_free() - read it no more, and free the configuration that is in force
 * @reload: may be NULL; who waits is told nothing any more
 *
 * Return: NULL.
 */
struct sb_reload *sb_reload_free(struct sb_reload *reload)
{
	struct request *request;

	if (!reload)
		return NULL;

	sb_task_cancel(&reload->task);
	while ((request = TAILQ_FIRST(&reload->requests))) {
		TAILQ_REMOVE(&reload->requests, request, entry);
		free(request);
	}
	(void)sb_config_free(reload->config);
	free(reload);

	return NULL;
}

/**
 * sb_reload_request() - read the configuration again, soon
 * @reload: the reload; those who ask before it has happened share it
 * @done: called once, never from within this call; may be NULL
 * @userdata: for @done
 *
 * Return: 0, or -ENOMEM.
 */
int sb_reload_request(struct sb_reload *reload, sb_reloaded_fn *done, void *userdata)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return -ENOMEM;
	request->done = done;
	request->userdata = userdata;
	TAILQ_INSERT_TAIL(&reload->requests, request, entry);
	sb_task_schedule(&reload->task);

	return 0;
}

/**
 * sb_reload_path() - where the configuration is
 * @reload: reads it
 *
 * Return: the path of the main file, as skybusd was given it; lent.
 */
const char *sb_reload_path(const struct sb_reload *reload)
{
	return reload->path;
}

/**
 * sb_reload_preview() - what a reload would change, if one was asked for now
 * @reload: changes nothing
 * @changes: none; get what would change, in the order of the links and then of the sections
 * @ret_error: why a reload would fail
 *
 * Return: 0; -EINVAL: the configuration is wrong; -EIO: skybusd is ending, or has no memory left.
 */
int sb_reload_preview(struct sb_reload *reload, struct sb_changes *changes,
		      struct sb_error *ret_error)
{
	struct sb_problems problems = { 0 };
	int r;

	if (sb_gateway_stopping(reload->parts.gateway))
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "skybusd is ending: it reads the configuration when it starts");
	r = preview(reload, &problems, changes, ret_error);
	sb_problems_done(&problems);

	return r;
}

/**
 * sb_reload_print() - the configuration that is in force
 * @reload: holds it
 * @ret: as of sb_config_print(), the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_reload_print(const struct sb_reload *reload, char **ret)
{
	SB_CLEANUP(sb_free) const struct sb_link_config **links = new_links(reload);
	struct sb_config_view view;

	if (!links)
		return -ENOMEM;
	view = view_of_present(reload, links);

	return sb_config_print(&view, ret);
}
