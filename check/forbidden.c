/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/futex.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/forbidden.h"
#include "daemon/cleanup.h"

#define WAITS "waits, and the whole daemon with it: take host->timer_start() or a completion"
#define TALKS \
	"talks to the network: take host->open_session(), host->send_request() or host->fetch()"
#define FILES "touches files: take settings, host->store_get() and host->store_put(), host->log()"
#define STARTS "starts a thread or a process: do the work in small steps, with host->timer_start()"
#define PROCESS "changes the whole process: leave signals, limits and the like to the daemon"

/* By their reason; calls that this machine does not have are passed over. */
static const struct {
	const char *why;
	const char *const *names;
} groups[] = {
	{ WAITS, (const char *const[]){ "nanosleep",
					"clock_nanosleep",
					"clock_nanosleep_time64",
					"poll",
					"ppoll",
					"ppoll_time64",
					"select",
					"_newselect",
					"pselect6",
					"pselect6_time64",
					"epoll_wait",
					"epoll_pwait",
					"epoll_pwait2",
					"pause",
					"rt_sigsuspend",
					"rt_sigtimedwait",
					"rt_sigtimedwait_time64",
					"wait4",
					"waitid",
					"flock",
					"fsync",
					"fdatasync",
					"sync",
					"msgrcv",
					"semop",
					"semtimedop",
					"mq_timedreceive",
					"io_uring_setup",
					NULL } },
	{ TALKS, (const char *const[]){ "socket", "socketpair", "socketcall", "connect", "bind",
					"listen", "accept", "accept4", "sendto", "sendmsg",
					"sendmmsg", "recvfrom", "recvmsg", "recvmmsg", NULL } },
	{ FILES,
	  (const char *const[]){ "open",       "openat",       "openat2",	"creat",
				 "read",       "readv",	       "pread64",	"preadv",
				 "stat",       "stat64",       "lstat",		"lstat64",
				 "newfstatat", "fstatat64",    "statx",		"access",
				 "faccessat",  "faccessat2",   "readlink",	"readlinkat",
				 "unlink",     "unlinkat",     "rename",	"renameat",
				 "renameat2",  "mkdir",	       "mkdirat",	"rmdir",
				 "link",       "linkat",       "symlink",	"symlinkat",
				 "getdents",   "getdents64",   "chmod",		"fchmodat",
				 "chown",      "fchownat",     "truncate",	"memfd_create",
				 "pipe",       "pipe2",	       "eventfd2",	"timerfd_create",
				 "signalfd4",  "epoll_create", "epoll_create1", "inotify_init1",
				 NULL } },
	{ STARTS,
	  (const char *const[]){ "clone", "clone3", "fork", "vfork", "execve", "execveat", NULL } },
	/* By rt_sigaction and tgkill the C library itself ends a process whose memory is damaged. */
	{ PROCESS,
	  (const char *const[]){ "kill", "setrlimit", "prlimit64", "chdir", "fchdir", "umask",
				 "setuid", "setgid", "setsid", "ptrace", "exit", NULL } },
};

static int add_names(scmp_filter_ctx filter, const char *const *names)
{
	int r = 0;

	for (size_t i = 0; r == 0 && names[i]; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number >= 0)
			r = seccomp_rule_add(filter, SCMP_ACT_TRAP, number, 0);
	}

	return r;
}

/* A lock that is free costs no system call; to wake others does not wait. */
static int add_futex(scmp_filter_ctx filter, const char *name)
{
	static const unsigned int waiting[] = { FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_LOCK_PI };
	int number = seccomp_syscall_resolve_name(name);
	int r = 0;

	for (size_t i = 0; number >= 0 && r == 0 && i < SB_ELEMENTS(waiting); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_TRAP, number, 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, FUTEX_CMD_MASK & 0xffffffffu,
					     waiting[i]));

	return r;
}

/* Standard output and error lead to where the watch looks. */
static int add_writes(scmp_filter_ctx filter)
{
	static const char *const names[] = { "write", "writev" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < SB_ELEMENTS(names); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_TRAP, seccomp_syscall_resolve_name(names[i]),
				     1, SCMP_A0(SCMP_CMP_GT, 2, 0));

	return r;
}

/**
 * check_forbid() - from now on, the kernel sends SIGSYS to this process for each of them
 *
 * Return: whether it does; some kernels cannot.
 */
bool check_forbid(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -1;

	for (size_t i = 0; r == 0 && i < SB_ELEMENTS(groups); i++)
		r = add_names(filter, groups[i].names);
	if (r == 0)
		r = add_futex(filter, "futex");
	if (r == 0)
		r = add_futex(filter, "futex_time64");
	if (r == 0)
		r = add_writes(filter);
	if (r == 0)
		r = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);

	return r == 0;
}

/**
 * check_forbidden_why() - what is wrong with a system call
 * @number: the kernel's
 * @ret_name: its name
 * @size: of @ret_name
 *
 * Return: why a plugin must not make it, and what to do instead.
 */
const char *check_forbidden_why(int number, char *ret_name, size_t size)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	(void)snprintf(ret_name, size, "%s", name ? name : "a system call");
	free(name);
	if (strncmp(ret_name, "futex", 5) == 0)
		return WAITS;
	for (size_t i = 0; i < SB_ELEMENTS(groups); i++)
		for (size_t j = 0; groups[i].names[j]; j++)
			if (strcmp(groups[i].names[j], ret_name) == 0)
				return groups[i].why;

	return FILES;
}
