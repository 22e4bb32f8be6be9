/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/runner.h"

/* What the daemon takes at most, and one more, so that it says itself what is too much. */
#define OUTPUT_MAX 65537

static void close_output(struct ctl_runner *runner)
{
	if (runner->output >= 0)
		(void)close(runner->output);
	runner->output = -1;
}

/* The file is as long as the command made it; what is beyond the bound is not read. */
static void tell(struct ctl_runner *runner, bool well)
{
	CTL_CLEANUP(free) char *output = NULL;
	ssize_t size = 0;

	if (runner->output >= 0) {
		output = malloc(OUTPUT_MAX);
		size = output ? pread(runner->output, output, OUTPUT_MAX, 0) : -1;
	}
	close_output(runner);
	runner->on_end(runner->userdata, well && size >= 0, output, size < 0 ? 0 : (size_t)size);
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	struct ctl_runner *runner = userdata;
	bool well = info->si_code == CLD_EXITED && info->si_status == 0;

	(void)source;
	if (!well)
		(void)ctl_fail(CTL_EXIT_FAILED, "\"%s\" %s %d.", runner->command,
			       info->si_code == CLD_EXITED ? "ended with" : "was ended by signal",
			       info->si_status);
	runner->child = sd_event_source_unref(runner->child);
	tell(runner, well);

	return 0;
}

/* What the payload is read from: it can be as long as it is, and nobody waits for who reads it. */
static int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("payload", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) < 0) {
		(void)close(fd);
		return -EIO;
	}

	return fd;
}

/* All of it or an error: the command must not take it for the message before. */
static int set_environment(const struct ctl_arrival *arrival)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, arrival->number);
	if (setenv("SKYBUS_MESSAGE", number, 1) < 0 ||
	    setenv("SKYBUS_TOPIC", arrival->topic, 1) < 0 ||
	    setenv("SKYBUS_LINK", ctl_arrival_property(arrival, "link"), 1) < 0 ||
	    setenv("SKYBUS_ORIGIN", ctl_arrival_property(arrival, "origin"), 1) < 0)
		return -errno;

	return 0;
}

/* Our loop has blocked signals, and the command is to have none blocked. */
static int spawn(struct ctl_runner *runner, int input, pid_t *ret)
{
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)runner->command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int r;

	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (runner->output >= 0)
		(void)posix_spawn_file_actions_adddup2(&actions, runner->output, STDOUT_FILENO);
	r = posix_spawn(ret, "/bin/sh", &actions, &attributes, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);

	return -r;
}

static int start(struct ctl_runner *runner, const struct ctl_arrival *arrival)
{
	int input = file_of(arrival->payload, arrival->size);
	pid_t pid;
	int r;

	if (input < 0)
		return input;
	(void)fflush(stdout);
	r = set_environment(arrival);
	if (r >= 0)
		r = spawn(runner, input, &pid);
	(void)close(input);
	if (r < 0)
		return r;

	return sd_event_add_child(runner->event, &runner->child, pid, WEXITED, on_child, runner);
}

/**
 * ctl_runner_run() - run the command for a message
 * @runner: runs none; SIGCHLD is blocked
 * @arrival: only read, and only during the call
 * @keep_output: on_end gets what the command prints
 *
 * Return: 0, and on_end comes later; or a negative errno, and it does not.
 */
int ctl_runner_run(struct ctl_runner *runner, const struct ctl_arrival *arrival, bool keep_output)
{
	int r;

	runner->output = keep_output ? memfd_create("output", MFD_CLOEXEC) : -1;
	if (keep_output && runner->output < 0)
		return -errno;
	r = start(runner, arrival);
	if (r < 0)
		close_output(runner);

	return r;
}

/** ctl_runner_done() - a command that runs goes on, and nobody hears of its end */
void ctl_runner_done(struct ctl_runner *runner)
{
	if (runner->child)
		close_output(runner);
	runner->child = sd_event_source_unref(runner->child);
}
