/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the process is about to die, the signal handler looks whose code is running (daemon/running.h), and if it is a
 * plugin's, writes that down with the one call that it takes. Then the signal takes its course. So it costs nothing
 * while nothing happens, neither time nor flash, and no disk that fails or is full can hurt a daemon that works.
 *
 * It tells what a plugin did from what was done to it: nothing is written for SIGKILL, be it the OOM killer's or a
 * person's, nor for a signal that somebody else sends, but for SIGABRT, by which the service manager ends a daemon
 * that hangs. A crash on another thread, or in the daemon's own code outside of a plugin's call, is no plugin's
 * either. What it cannot see: _exit(), and what no handler survives.
 *
 * The handler has a stack of its own, for it may be the stack that has come to its end.
 */
#include "daemon/crash-note.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/clock.h"

/* "SbCn", and of which form what follows is. */
#define MAGIC 0x6e436253u
#define FORM 1

#define STACK_SIZE ((size_t)64 * 1024)

/** struct note - the whole file; all zero while there is nothing to tell */
struct note {
	uint32_t magic;
	uint32_t form;
	struct sb_crash crash;
};

static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT };

/* A signal handler has nobody who hands it anything. */
static struct {
	int fd; /* -1 when nothing is to be written */
	pid_t process;
	pid_t thread; /* that runs plugins */
	char boot_id[SB_BOOT_ID_MAX];
	struct sigaction before[SB_ELEMENTS(fatal)];
	void *stack;
} self = { .fd = -1 };

/* ---- what is left behind; all of it may be called in a signal handler ------------------------- */

static int64_t now_ms(clockid_t id)
{
	struct timespec now = { 0 };

	(void)clock_gettime(id, &now);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void copy(char *to, const char *from, size_t size)
{
	size_t i = 0;

	for (; i < size - 1 && from[i]; i++)
		to[i] = from[i];
	to[i] = '\0';
}

static void write_note(int sig, bool outside)
{
	struct note note = {
		.magic = MAGIC,
		.form = FORM,
		.crash = {
			.signal = sig,
			.outside = outside,
			.boot_ms = now_ms(CLOCK_BOOTTIME),
			.wall_ms = now_ms(CLOCK_REALTIME),
		},
	};
	enum sb_running_call call;
	const struct sb_running_who *who = sb_running_now(&call);

	if (self.fd < 0 || getpid() != self.process || !who)
		return;
	copy(note.crash.plugin, who->plugin, sizeof(note.crash.plugin));
	copy(note.crash.link, who->link, sizeof(note.crash.link));
	copy(note.crash.call, sb_running_words(call), sizeof(note.crash.call));
	copy(note.crash.boot_id, self.boot_id, sizeof(note.crash.boot_id));
	if (pwrite(self.fd, &note, sizeof(note), 0) < 0)
		return; /* nobody is left who could be told */
}

static bool is_from_outside(const siginfo_t *info)
{
	return info->si_code <= 0 && info->si_pid != self.process;
}

static void on_fatal(int sig, siginfo_t *info, void *context)
{
	bool outside = is_from_outside(info);
	int kept = errno;

	(void)context;
	if (outside ? sig == SIGABRT : gettid() == self.thread)
		write_note(sig, outside);
	for (size_t i = 0; i < SB_ELEMENTS(fatal); i++)
		if (fatal[i] == sig)
			(void)sigaction(sig, &self.before[i], NULL);
	/* An instruction that has failed fails again, and whoever handles it now sees where. */
	if (info->si_code <= 0 || sig == SIGTRAP || sig == SIGSYS)
		(void)raise(sig);
	errno = kept;
}

static void on_exit_called(void)
{
	write_note(0, false);
}

/* ---- life ------------------------------------------------------------------------------------- */

/* Sanitizers have brought one. */
static int make_stack(void)
{
	stack_t stack = { .ss_size = STACK_SIZE };
	stack_t present;

	if (sigaltstack(NULL, &present) == 0 && !(present.ss_flags & SS_DISABLE))
		return 0;
	stack.ss_sp = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack.ss_sp == MAP_FAILED)
		return -errno;
	if (sigaltstack(&stack, NULL) < 0) {
		int error = -errno;

		(void)munmap(stack.ss_sp, STACK_SIZE);
		return error;
	}
	self.stack = stack.ss_sp;

	return 0;
}

static int catch_fatal(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fatal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};

	if (atexit(on_exit_called) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < SB_ELEMENTS(fatal); i++)
		if (sigaction(fatal[i], &action, &self.before[i]) < 0)
			return -errno;

	return 0;
}

/* 1 with what the last run left, 0 if that is nothing, -EBADMSG if it is none of ours. */
static int read_note(int fd, struct sb_crash *ret)
{
	static const struct note nothing;
	struct note note = { 0 };
	ssize_t n = pread(fd, &note, sizeof(note), 0);

	if (n < 0)
		return -errno;
	if (n == 0 || (n == sizeof(note) && memcmp(&note, &nothing, sizeof(note)) == 0))
		return 0;
	if (n != sizeof(note) || note.magic != MAGIC || note.form != FORM)
		return -EBADMSG;
	if (!sb_crash_makes_sense(&note.crash))
		return -EBADMSG;
	*ret = note.crash;

	return 1;
}

static int write_nothing(int fd)
{
	static const struct note nothing;

	return pwrite(fd, &nothing, sizeof(nothing), 0) < 0 || ftruncate(fd, sizeof(nothing)) < 0
		       ? -errno
		       : 0;
}

/**
 * sb_crash_note_open() - have a note left behind from now on, and read that of the last run
 * @directory: the state directory
 * @ret_last: what the last run died of, if it left a note
 *
 * To be called on the thread that runs plugins, once for a process, before sb_crash_note_close(). What the last run
 * has left stays until sb_crash_note_clear(), or until this one dies of a plugin.
 *
 * Return: 1 if there is a note, 0 if there is none; -EBADMSG if there is something else in its place; -EWOULDBLOCK if
 * another daemon runs there; or another negative errno. With any but the first three no note will be left.
 */
int sb_crash_note_open(const char *directory, struct sb_crash *ret_last)
{
	SB_CLEANUP(sb_free) char *path = NULL;
	SB_CLEANUP(sb_close) int fd = -1;
	int noted, r;

	if (asprintf(&path, "%s/" SB_CRASH_NOTE_FILE_NAME, directory) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	noted = read_note(fd, ret_last);
	if (noted < 0 && noted != -EBADMSG)
		return noted;
	sb_clock_boot_id(self.boot_id, sizeof(self.boot_id));
	self.process = getpid();
	self.thread = gettid();
	r = make_stack();
	if (r == 0)
		r = catch_fatal();
	if (r < 0)
		return r;
	self.fd = fd;
	fd = -1;

	return noted;
}

/**
 * sb_crash_note_clear() - what the last run has left is known
 *
 * Return: 0, or a negative errno.
 */
int sb_crash_note_clear(void)
{
	return self.fd < 0 ? -EBADF : write_nothing(self.fd);
}

/**
 * sb_crash_note_close() - leave nothing behind any more
 */
void sb_crash_note_close(void)
{
	const stack_t none = { .ss_flags = SS_DISABLE };

	if (self.fd < 0)
		return;
	for (size_t i = 0; i < SB_ELEMENTS(fatal); i++)
		(void)sigaction(fatal[i], &self.before[i], NULL);
	if (self.stack) {
		(void)sigaltstack(&none, NULL);
		(void)munmap(self.stack, STACK_SIZE);
		self.stack = NULL;
	}
	(void)close(self.fd);
	self.fd = -1;
}
