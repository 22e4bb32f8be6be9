/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin's process may still do: compute, and speak with the daemon. Everything else fails with EPERM, rather
 * than with the end of the process: libraries ask the kernel for this and that, and do without. It opens nothing,
 * connects to nobody, starts nothing and makes no memory executable; all that it has is its socket.
 */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "host/host.h"

/* Whatever their arguments. */
static const char *const allowed[] = {
	/* with the daemon; descriptors that have been open since the beginning */
	"read",
	"write",
	"readv",
	"writev",
	"recvfrom",
	"recvmsg",
	"sendto",
	"sendmsg",
	"poll",
	"ppoll",
	"ppoll_time64",
	"close",
	"fstat",
	"fstat64",
	/* memory; mmap and mprotect are below */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	/* threads' tools, for libraries; threads there are none */
	"futex",
	"futex_time64",
	"sched_yield",
	"sched_getaffinity",
	/* the time, random numbers, how much memory there is */
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"nanosleep",
	"gettimeofday",
	"time",
	"getrandom",
	"sysinfo",
	"uname",
	/* who am I, and how do I end */
	"getpid",
	"gettid",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigreturn",
	"sigaltstack",
	"restart_syscall",
	"exit",
	"exit_group",
};

static int allow(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < SB_ELEMENTS(allowed); i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);

		/* Not every machine has all of them. */
		if (number >= 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}

	return r;
}

/* Memory that is not executable, and a signal to oneself: abort(3). */
static int allow_some(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp to_itself = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
	const struct {
		const char *name;
		struct scmp_arg_cmp when;
	} some[] = {
		{ "mmap", not_executable },
		{ "mmap2", not_executable },
		{ "mprotect", not_executable },
		{ "tgkill", to_itself },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < SB_ELEMENTS(some); i++) {
		int number = seccomp_syscall_resolve_name(some[i].name);

		if (number >= 0)
			r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1,
						   &some[i].when);
	}

	return r;
}

/**
 * sandbox_enter() - shut this process in, for ever
 *
 * Return: 0, or a negative errno.
 */
int sandbox_enter(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	r = allow(filter);
	if (r == 0)
		r = allow_some(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);

	return r;
}

/**
 * sandbox_limit() - bounds that hold from the start, also for what runs while the plugin is loaded
 *
 * Return: 0, or a negative errno.
 */
int sandbox_limit(void)
{
	const struct {
		__rlimit_resource_t what;
		rlim_t most;
	} limits[] = {
		{ RLIMIT_CORE, 0 }, /* there are secrets in it */
		{ RLIMIT_DATA, memory_max == UINT64_MAX ? RLIM_INFINITY : (rlim_t)memory_max },
		{ RLIMIT_FSIZE, 0 },
	};

	for (size_t i = 0; i < SB_ELEMENTS(limits); i++) {
		const struct rlimit limit = { limits[i].most, limits[i].most };

		if (setrlimit(limits[i].what, &limit) < 0)
			return -errno;
	}

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		       ? -errno
		       : 0;
}
