/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: what is wrong with its files, and what is in force.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/output.h"
#include "ctl/run.h"
#include "ctl/text.h"
#include "ctl/yaml-json.h"

#define CREDENTIALS "/run/credentials/"

/* ---- config check ---- */

/* Credentials that systemd lends the running daemon; root may read them. */
static void set_credentials(const char *instance)
{
	CTL_CLEANUP(free) char *path = NULL;

	if (asprintf(&path, CREDENTIALS "skybusd%s%s.service", instance ? "@" : "",
		     instance ? instance : "") < 0) {
		path = NULL;
		return;
	}
	if (access(path, R_OK | X_OK) == 0)
		(void)setenv("CREDENTIALS_DIRECTORY", path, 0);
}

/* Its standard error goes into @fd. Returns 0 or an errno, as posix_spawn(). */
static int spawn_check(const struct ctl *ctl, int fd, pid_t *ret)
{
	const char *program = getenv("SKYBUSD");
	const char *instance = ctl_option(ctl, "instance"), *file = ctl_word(ctl, 0);
	posix_spawn_file_actions_t actions;
	const char *argv[8] = { program ? program : SKYBUS_SKYBUSD, "--check-config" };
	size_t n = 2;
	int r;

	if (instance) {
		argv[n++] = "--instance";
		argv[n++] = instance;
	}
	if (file) {
		argv[n++] = "--config";
		argv[n++] = file;
	}
	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return r;
	r = posix_spawn_file_actions_adddup2(&actions, fd, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn(ret, argv[0], &actions, NULL, (char **)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);

	return r;
}

/* Its lines, without the name of the program. */
static void read_lines(FILE *file, json_t *lines)
{
	static const char prefix[] = "skybusd: ";
	CTL_CLEANUP(free) char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, file)) > 0) {
		CTL_CLEANUP(free) char *safe = NULL;
		const char *text = line;

		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (strncmp(text, prefix, strlen(prefix)) == 0)
			text += strlen(prefix);
		/* It may quote what is no UTF-8. */
		safe = ctl_text_safe(text);
		(void)json_array_append_new(lines, json_string(safe ? safe : "?"));
	}
}

static enum ctl_exit print_check(const struct ctl *ctl, json_t *lines, bool good)
{
	const json_t *line;
	size_t i;

	if (ctl->json) {
		CTL_CLEANUP(json_decref)
		json_t *all = json_pack("{s:b, s:O}", "good", (int)good, "lines", lines);

		return all ? ctl_print_json(all, true) : ctl_no_memory();
	}
	json_array_foreach(lines, i, line)
		ctl_print_line(json_string_value(line));
	if (good)
		(void)puts("The configuration can be used.");

	return CTL_EXIT_OK;
}

static enum ctl_exit run_check(struct ctl *ctl, int fds[2])
{
	CTL_CLEANUP(json_decref) json_t *lines = json_array();
	CTL_CLEANUP(fclose) FILE *file = NULL;
	enum ctl_exit status;
	int r, how = 0;
	pid_t child;

	r = spawn_check(ctl, fds[1], &child);
	(void)close(fds[1]);
	file = fdopen(fds[0], "r");
	if (!file)
		return ctl_no_memory();
	if (r != 0)
		return ctl_fail(CTL_EXIT_FAILED, "skybusd cannot be started: %s.", strerror(r));
	read_lines(file, lines);
	while (waitpid(child, &how, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(how) ||
	    (WEXITSTATUS(how) != EXIT_SUCCESS && WEXITSTATUS(how) != EX_CONFIG)) {
		status = print_check(ctl, lines, false);
		return status != CTL_EXIT_OK
			       ? status
			       : ctl_fail(CTL_EXIT_FAILED, "skybusd could not check it.");
	}
	status = print_check(ctl, lines, WEXITSTATUS(how) == EXIT_SUCCESS);
	if (status == CTL_EXIT_OK && WEXITSTATUS(how) != EXIT_SUCCESS)
		status = CTL_EXIT_FINDING;

	return status;
}

/** ctl_run_config_check() - "config check [FILE]": as skybusd --check-config says it */
enum ctl_exit ctl_run_config_check(struct ctl *ctl)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return ctl_no_memory();
	set_credentials(ctl_option(ctl, "instance"));

	return run_check(ctl, fds);
}

/* ---- config show ---- */

/** ctl_run_config_show() - "config show": what is in force, with the defaults */
enum ctl_exit ctl_run_config_show(struct ctl *ctl)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	CTL_CLEANUP(json_decref) json_t *value = NULL;
	enum ctl_exit status;
	const char *yaml;
	int r;

	status = ctl_manager(ctl, "Configuration", &reply, NULL);
	if (status != CTL_EXIT_OK)
		return status;
	r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_STRING, &yaml);
	if (r >= 0 && ctl->json)
		r = ctl_yaml_to_json(yaml, &value);
	if (r < 0)
		return ctl_no_reply(r);
	if (ctl->json)
		return ctl_print_json(value, true);
	ctl_output_pager(ctl);
	(void)fputs(yaml, stdout);

	return CTL_EXIT_OK;
}
