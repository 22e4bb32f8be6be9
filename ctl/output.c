/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/cleanup.h"
#include "ctl/output.h"
#include "ctl/text.h"

/* The pager, while there is one; it has our standard output. */
static pid_t pager;

/** ctl_output_init() - look what standard output is, and what the command line wants of it */
void ctl_output_init(struct ctl *ctl)
{
	const char *when = ctl_option(ctl, "color");
	const char *none = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	ctl->json = ctl_option(ctl, "json") != NULL;
	if (when && strcmp(when, "auto") != 0)
		ctl->colour = strcmp(when, "always") == 0;
	else
		ctl->colour = isatty(STDOUT_FILENO) && !(none && *none) && term &&
			      strcmp(term, "dumb") != 0;
}

static const char *pager_command(void)
{
	static const char *const variables[] = { "SKYBUS_PAGER", "PAGER" };

	for (size_t i = 0; i < CTL_ELEMENTS(variables); i++) {
		const char *command = getenv(variables[i]);

		if (command)
			return command;
	}

	return "if command -v less >/dev/null; then exec less; else exec cat; fi";
}

static void set_pager_environment(void)
{
	/* less: quit if it fits, colours, no clearing, Ctrl-C quits; what is set already is not changed. */
	(void)setenv("LESS", "FRXMK", 0);
	/* Whoever may run this as root by sudo may not run everything as root: no commands, no files. */
	if (getenv("SUDO_UID") || getenv("PKEXEC_UID") || getuid() != geteuid())
		(void)setenv("LESSSECURE", "1", 1);
}

static int spawn_pager(const char *command, int input)
{
	/* Where there is no such program (127), all is shown without it. */
	char *const argv[] = {
		(char *)"sh", (char *)"-c",    (char *)"sh -c \"$1\"; [ $? -ne 127 ] || exec cat",
		(char *)"sh", (char *)command, NULL
	};
	posix_spawn_file_actions_t actions;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	(void)posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	r = posix_spawn(&pager, "/bin/sh", &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		pager = 0;

	return -r;
}

/* Standard output goes into its standard input from now on; without a pager nothing changes. */
static void start_pager(const char *command)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	set_pager_environment();
	(void)fflush(stdout);
	if (spawn_pager(command, fds[0]) == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		/* Whoever leaves the pager early does not want the rest; and Ctrl-C is the pager's. */
		(void)signal(SIGPIPE, SIG_IGN);
		(void)signal(SIGINT, SIG_IGN);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/** ctl_output_pager() - what is printed from now on may be long; to be called before anything is printed */
void ctl_output_pager(const struct ctl *ctl)
{
	const char *command = pager_command();

	if (pager > 0 || ctl_option(ctl, "no-pager") || !isatty(STDOUT_FILENO) ||
	    *command == '\0' || strcmp(command, "cat") == 0)
		return;
	start_pager(command);
}

/**
 * ctl_output_done() - write what is buffered, and wait until the pager is left
 *
 * Return: CTL_EXIT_OK, or CTL_EXIT_FAILED when standard output could not be written, which was said.
 */
enum ctl_exit ctl_output_done(void)
{
	bool failed = fflush(stdout) != 0 || ferror(stdout);

	if (pager > 0) {
		(void)close(STDOUT_FILENO);
		while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
			;
		pager = 0;
		return CTL_EXIT_OK;
	}
	if (failed)
		return ctl_fail(CTL_EXIT_FAILED, "standard output cannot be written: %s.",
				strerror(errno));

	return CTL_EXIT_OK;
}

/** ctl_colour() - the escape sequence that begins a colour, and for CTL_PLAIN ends it; "" without colour */
const char *ctl_colour(const struct ctl *ctl, enum ctl_colour colour)
{
	static const char *const sequences[] = {
		[CTL_PLAIN] = "\033[0m",    [CTL_GOOD] = "\033[32m", [CTL_BAD] = "\033[31m",
		[CTL_WAITING] = "\033[33m", [CTL_FAINT] = "\033[2m", [CTL_BOLD] = "\033[1m",
	};

	return ctl->colour ? sequences[colour] : "";
}

/** ctl_colour_of_state() - of a link's state or a message's outcome */
enum ctl_colour ctl_colour_of_state(const char *state)
{
	static const struct {
		const char *state;
		enum ctl_colour colour;
	} rows[] = {
		{ "online", CTL_GOOD },	    { "delivered", CTL_GOOD }, { "ok", CTL_GOOD },
		{ "failed", CTL_BAD },	    { "rejected", CTL_BAD },   { "expired", CTL_BAD },
		{ "backoff", CTL_BAD },	    { "wrong", CTL_BAD },      { "disabled", CTL_FAINT },
		{ "cancelled", CTL_FAINT },
	};

	for (size_t i = 0; i < CTL_ELEMENTS(rows); i++)
		if (strcmp(rows[i].state, state) == 0)
			return rows[i].colour;

	return CTL_WAITING;
}

/**
 * ctl_print_json() - JSON and a newline
 * @value: what
 * @pretty: over several lines; else on one, for what comes line by line
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_print_json(const json_t *value, bool pretty)
{
	/* For programs all the same; a terminal might act on some characters that JSON leaves as they are. */
	size_t terminal = isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0;
	CTL_CLEANUP(free)
	char *text = json_dumps(value, JSON_ENCODE_ANY | terminal |
					       (pretty ? JSON_INDENT(2) : JSON_COMPACT));

	if (!text)
		return ctl_no_memory();
	(void)puts(text);

	return CTL_EXIT_OK;
}

/** ctl_print_line() - text from outside, without control characters, and a newline */
void ctl_print_line(const char *text)
{
	CTL_CLEANUP(free) char *safe = ctl_text_safe(text);

	(void)puts(safe ? safe : "?");
}
