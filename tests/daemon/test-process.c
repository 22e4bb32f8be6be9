/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against a process of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/process.h"

struct fixture {
	pid_t pid;
	int pidfd;
	struct sb_process held;
};

static int setup(void **state)
{
	static struct fixture fixture;
	pid_t parent = getpid();

	fixture = (struct fixture){ .pid = fork(), .held.fd = -1 };
	*state = &fixture;
	if (fixture.pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			(void)pause();
		_exit(0);
	}
	fixture.pidfd = pidfd_open(fixture.pid, 0);

	return fixture.pid > 0 && fixture.pidfd >= 0 ? 0 : -1;
}

static void end_process(struct fixture *f)
{
	if (f->pid <= 0)
		return;
	(void)kill(f->pid, SIGKILL);
	(void)waitpid(f->pid, NULL, 0);
	f->pid = 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	end_process(f);
	(void)close(f->pidfd);
	sb_process_done(&f->held);

	return 0;
}

static int hold(struct fixture *f, uint32_t pid, int fd)
{
	const struct sb_process told = { .pid = pid, .fd = fd };

	return sb_process_hold(&told, &f->held);
}

static void test_by_number(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hold(f, (uint32_t)f->pid, -1), 0);
	assert_int_equal(f->held.pid, f->pid);
	assert_false(sb_process_has_ended(&f->held));
	end_process(f);
	assert_true(sb_process_has_ended(&f->held));
}

static void test_by_pidfd(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hold(f, (uint32_t)f->pid, f->pidfd), 0);
	assert_int_not_equal(f->held.fd, f->pidfd);
	sb_process_done(&f->held);
	assert_int_equal(f->held.fd, -1);
	/* What was lent is there still. */
	assert_int_equal(fcntl(f->pidfd, F_GETFD), FD_CLOEXEC);
}

/* As it would be if the bus were in another namespace of processes. */
static void test_another_number(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hold(f, (uint32_t)getpid(), f->pidfd), -ESRCH);
	assert_int_equal(f->held.fd, -1);
}

static void test_no_number(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hold(f, 0, f->pidfd), -ESRCH);
	assert_int_equal(hold(f, 0, -1), -ESRCH);
	assert_int_equal(hold(f, UINT32_MAX, -1), -ESRCH);
}

static void test_no_pidfd(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(hold(f, (uint32_t)f->pid, STDIN_FILENO), -EBADF);
}

static void test_it_has_ended(void **state)
{
	struct fixture *f = *state;
	uint32_t pid = (uint32_t)f->pid;

	end_process(f);
	assert_int_equal(hold(f, pid, f->pidfd), -ESRCH);
	assert_int_equal(hold(f, UINT32_MAX, f->pidfd), -ESRCH);
	assert_int_equal(hold(f, pid, -1), -ESRCH);
}

/* It has its number until it is waited for. */
static void test_it_ends_unnoticed(void **state)
{
	struct fixture *f = *state;
	siginfo_t info;

	assert_int_equal(kill(f->pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)f->pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(hold(f, (uint32_t)f->pid, f->pidfd), 0);
	assert_true(sb_process_has_ended(&f->held));
}

/* There may be many, and the low descriptors are for DTLS. */
static void test_descriptor_is_out_of_the_way(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(hold(f, (uint32_t)f->pid, -1), 0);
	assert_in_range(f->held.fd, 1024, 1100);
	assert_int_equal(fcntl(f->held.fd, F_GETFD), FD_CLOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_by_number),	      TEST(test_by_pidfd),
		TEST(test_another_number),    TEST(test_no_number),
		TEST(test_no_pidfd),	      TEST(test_it_has_ended),
		TEST(test_it_ends_unnoticed), TEST(test_descriptor_is_out_of_the_way),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
