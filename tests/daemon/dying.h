/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A process of its own that dies, with a crash note open in a directory. Include <cmocka.h> before.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/crash-note.h"
#include "daemon/running.h"

/* Its parent need not hear of it. cmocka would catch what it is to die of, and go on with the next test. */
static inline void dying_quietly(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	const struct rlimit none = { 0, 0 };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], SIG_DFL);

	(void)setrlimit(RLIMIT_CORE, &none);
	if (!freopen("/dev/null", "w", stderr))
		_exit(100);
}

static inline void die_of_signal(void)
{
	(void)raise(SIGSEGV);
}

/* Runs @die in a child, within @call of @plugin, NULL for none; returns how it ended, as wait() has it. */
static inline int die_in(const char *directory, const char *plugin, enum sb_running_call call,
			 void (*die)(void))
{
	struct sb_running_who who = { .link = "plant" };
	struct sb_crash crash;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dying_quietly();
		if (sb_crash_note_open(directory, &crash) < 0 || sb_crash_note_clear() < 0)
			_exit(100);
		if (plugin) {
			(void)snprintf(who.plugin, sizeof(who.plugin), "%s", plugin);
			sb_running_enter(&who, call);
		}
		die();
		_exit(101);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 100);

	return status;
}
