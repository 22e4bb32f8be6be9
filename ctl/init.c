/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "config init": asks for a link's settings, writes its files, and puts them in force.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/draft.h"
#include "ctl/links.h"
#include "ctl/number.h"
#include "ctl/output.h"
#include "ctl/questions.h"
#include "ctl/reload.h"
#include "ctl/run.h"
#include "ctl/settings.h"
#include "ctl/text.h"

#define WAIT_USEC (60 * CTL_USEC_PER_SEC)

/** struct init - a link that is being configured */
struct init {
	struct ctl *ctl;
	struct ctl_draft draft;
	char *plugin;
	bool kept;
};

/* ---- the name ---- */

static bool is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strlen(name);

	return len > 0 && len <= 63 && *name != '_' && *name != '-' && strspn(name, allowed) == len;
}

/* As on the command line, or as it is answered. @ret: the caller frees it */
static enum ctl_exit ask_name(const struct init *init, char **ret)
{
	const char *given = ctl_word(init->ctl, 0);
	enum ctl_exit status;

	for (;;) {
		CTL_CLEANUP(free) char *name = NULL;

		if (given)
			name = strdup(given);
		status = given ? CTL_EXIT_OK : ctl_ask("Name of the link, such as plant: ", &name);
		if (status != CTL_EXIT_OK)
			return status;
		if (name && is_name(name)) {
			*ret = name;
			name = NULL;
			return CTL_EXIT_OK;
		}
		if (given)
			return ctl_fail(CTL_EXIT_USAGE,
					"\"%s\" is no name of a link: write 1 to 63 of a-z, 0-9, - "
					"and _, and a letter or a digit first.",
					given);
		ctl_say("Write 1 to 63 of a-z, 0-9, - and _, and a letter or a digit first.\n");
	}
}

static enum ctl_exit check_free(const struct init *init, const char *name)
{
	CTL_CLEANUP(json_decref) json_t *links = NULL;
	enum ctl_exit status = ctl_links(init->ctl, &links);
	const json_t *link;
	size_t i;

	if (status != CTL_EXIT_OK)
		return status;
	json_array_foreach(links, i, link)
		if (strcmp(ctl_text_at(link, "Name"), name) == 0)
			return ctl_fail(CTL_EXIT_FAILED,
					"there is a link %s already: choose another name.", name);

	return CTL_EXIT_OK;
}

/* ---- where the files go ---- */

/* Beside the configuration that the daemon has. @ret: the caller frees it */
static enum ctl_exit find_directory(const struct init *init, char **ret)
{
	CTL_CLEANUP(json_decref) json_t *manager = NULL;
	const char *given = ctl_option(init->ctl, "directory");
	const char *file, *slash;
	enum ctl_exit status;

	if (given) {
		*ret = strdup(given);
		return *ret ? CTL_EXIT_OK : ctl_no_memory();
	}
	status = ctl_properties(init->ctl, CTL_ROOT, CTL_MANAGER, &manager);
	if (status != CTL_EXIT_OK)
		return status;
	file = ctl_text_at(manager, "ConfigurationFile");
	slash = strrchr(file, '/');
	if (*file != '/')
		return ctl_fail(
			CTL_EXIT_FAILED,
			"skybusd does not say where its configuration is: give --directory.");
	if (asprintf(ret, "%.*s/conf.d", (int)(slash - file), file) < 0)
		return ctl_no_memory();

	return CTL_EXIT_OK;
}

/* Secrets must be its own, or root's, and it has to read them. */
static void find_owner(struct init *init)
{
	sd_bus_creds *creds = NULL;
	uid_t uid;

	if (sd_bus_get_name_creds(init->ctl->bus, init->ctl->name, SD_BUS_CREDS_EUID, &creds) < 0)
		return;
	if (sd_bus_creds_get_euid(creds, &uid) >= 0 && geteuid() == 0)
		init->draft.owner = uid;
	sd_bus_creds_unref(creds);
}

static enum ctl_exit begin(struct init *init)
{
	CTL_CLEANUP(free) char *name = NULL, *directory = NULL;
	enum ctl_exit status = find_directory(init, &directory);

	if (status == CTL_EXIT_OK)
		status = ask_name(init, &name);
	if (status == CTL_EXIT_OK)
		status = check_free(init, name);
	if (status == CTL_EXIT_OK)
		status = ctl_draft_begin(&init->draft, directory, name);
	if (status == CTL_EXIT_OK)
		find_owner(init);

	return status;
}

/* ---- the plugin ---- */

/* By its name, or its number in the list. */
static const char *chosen(const json_t *plugins, const char *answer)
{
	const json_t *plugin;
	char number[24];
	size_t i;

	json_array_foreach(plugins, i, plugin) {
		(void)snprintf(number, sizeof(number), "%zu", i + 1);
		if (strcmp(ctl_text_at(plugin, "name"), answer) == 0 || strcmp(number, answer) == 0)
			return ctl_text_at(plugin, "name");
	}

	return NULL;
}

static enum ctl_exit ask_plugin(struct init *init)
{
	CTL_CLEANUP(json_decref) json_t *plugins = NULL;
	enum ctl_exit status = ctl_plugins(init->ctl, &plugins);
	const json_t *plugin;
	size_t i;

	if (status == CTL_EXIT_OK && json_array_size(plugins) == 0)
		return ctl_fail(CTL_EXIT_NOT_FOUND,
				"there are no plugins; the package skybus-plugins has some.");
	if (status != CTL_EXIT_OK)
		return status;
	ctl_say("An empty line takes what is in brackets. Ctrl-C stops, and nothing is written then.\n"
		"The cloud:\n");
	json_array_foreach(plugins, i, plugin)
		ctl_say("  %zu  %-10s %s\n", i + 1, ctl_text_at(plugin, "name"),
			ctl_text_at(plugin, "summary"));
	while (!init->plugin) {
		CTL_CLEANUP(free) char *answer = NULL;
		const char *name;

		status = ctl_ask("Its number or its name: ", &answer);
		if (status != CTL_EXIT_OK)
			return status;
		name = chosen(plugins, answer);
		if (!name)
			ctl_say("That is none of them.\n");
		else
			init->plugin = strdup(name);
	}

	return ctl_draft_set(&init->draft, "The plugin that knows the cloud's rules.", "plugin",
			     init->plugin);
}

/* ---- in force ---- */

/* That the daemon has found the file. */
static bool has_link(const json_t *changes, const char *name)
{
	const json_t *change;
	size_t i;

	json_array_foreach(changes, i, change)
		if (strcmp(ctl_text_at(change, "what"), "link") == 0 &&
		    strcmp(ctl_text_at(change, "name"), name) == 0)
			return true;

	return false;
}

static enum ctl_exit confirm(struct init *init)
{
	CTL_CLEANUP(json_decref) json_t *changes = NULL;
	enum ctl_exit status = ctl_changes(init->ctl, &changes);
	const json_t *change;
	bool yes = true;
	size_t i;

	if (status != CTL_EXIT_OK)
		return status;
	if (!has_link(changes, init->draft.name))
		return ctl_fail(
			CTL_EXIT_FAILED,
			"skybusd does not read what is in %s: is that the right --directory?",
			init->draft.directory);
	ctl_say("\nA reload of the configuration changes:\n");
	json_array_foreach(changes, i, change)
		ctl_say("  %s %s: %s\n", ctl_text_at(change, "what"), ctl_text_at(change, "name"),
			ctl_text_at(change, "sentence"));
	if (!ctl_option(init->ctl, "yes"))
		status = ctl_ask_yes("Put it in force? [Y/n] ", &yes);
	if (status == CTL_EXIT_OK && !yes)
		return ctl_fail(CTL_EXIT_FAILED, "stopped.");

	return status;
}

static enum ctl_exit put_in_force(struct init *init)
{
	enum ctl_exit status = ctl_draft_write(&init->draft);

	if (status == CTL_EXIT_OK)
		status = confirm(init);
	if (status == CTL_EXIT_OK && ctl_ask_stopped())
		status = ctl_fail(CTL_EXIT_FAILED, "stopped.");
	if (status == CTL_EXIT_OK)
		status = ctl_manager(init->ctl, "Reload", NULL, NULL);

	return status;
}

static enum ctl_exit print_result(const struct init *init, bool online)
{
	const struct ctl_draft *draft = &init->draft;
	CTL_CLEANUP(json_decref) json_t *all = NULL;

	if (!init->ctl->json) {
		if (online)
			(void)printf("%s is online.\n", draft->name);
		return CTL_EXIT_OK;
	}
	all = json_pack("{s:s, s:s, s:s, s:b}", "link", draft->name, "plugin", init->plugin, "file",
			draft->file, "online", (int)online);

	return all ? ctl_print_json(all, false) : ctl_no_memory();
}

/* With "enabled: no" there is nothing to wait for. */
static bool is_disabled(struct init *init)
{
	CTL_CLEANUP(json_decref) json_t *link = NULL;

	return ctl_link_get(init->ctl, init->draft.name, &link) == CTL_EXIT_OK &&
	       strcmp(ctl_text_at(link, "State"), "disabled") == 0;
}

/* It stays, whatever comes of it. */
static enum ctl_exit wait_for_it(struct init *init)
{
	enum ctl_exit status, printed;
	CTL_CLEANUP(free) char *path = NULL;
	uint64_t usec = WAIT_USEC;

	ctl_say("\n%s is written.", init->draft.file);
	if (is_disabled(init)) {
		ctl_say(" The link does not connect, as it says.\n");
		return print_result(init, false);
	}
	ctl_say(" Waiting for the cloud ...\n");
	status = ctl_span_option(init->ctl, "wait", &usec);
	if (status == CTL_EXIT_OK)
		status = ctl_link_path(init->draft.name, &path);
	if (status == CTL_EXIT_OK)
		status = ctl_link_wait(init->ctl, path, usec);
	printed = print_result(init, status == CTL_EXIT_OK);

	return status != CTL_EXIT_OK ? status : printed;
}

static enum ctl_exit run(struct init *init)
{
	enum ctl_exit status = begin(init);

	if (status == CTL_EXIT_OK)
		status = ask_plugin(init);
	if (status == CTL_EXIT_OK)
		status = ctl_questions(init->ctl, &init->draft, init->plugin);
	if (status == CTL_EXIT_OK)
		status = put_in_force(init);
	if (status != CTL_EXIT_OK)
		return status;
	ctl_draft_keep(&init->draft);
	init->kept = true;
	ctl_ask_end();

	return wait_for_it(init);
}

/** ctl_run_config_init() - "config init [LINK]" */
enum ctl_exit ctl_run_config_init(struct ctl *ctl)
{
	struct init init = { .ctl = ctl };
	uint64_t usec = WAIT_USEC;
	enum ctl_exit status;

	status = ctl_span_option(ctl, "wait", &usec);
	if (status == CTL_EXIT_OK)
		status = ctl_bus_open(ctl);
	if (status != CTL_EXIT_OK)
		return status;
	ctl_ask_begin();
	status = run(&init);
	if (!init.kept)
		ctl_say("Nothing was written.\n");
	ctl_draft_done(&init.draft);
	free(init.plugin);

	return status;
}
