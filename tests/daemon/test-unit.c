/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against processes of the test's own. Where the test may make control groups, they are put into some that
 * have the names that systemd gives them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/message.h"
#include "daemon/unit.h"

#define DEPTH_MAX 8

struct fixture {
	pid_t pid;
	int process;
	char *unit;
	char groups[DEPTH_MAX][256]; /* that were made, the outer first */
	size_t n_groups;
};

static int setup(void **state)
{
	static struct fixture fixture;
	pid_t parent = getpid();

	fixture = (struct fixture){ .pid = fork() };
	*state = &fixture;
	if (fixture.pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			(void)pause();
		_exit(0);
	}
	fixture.process = pidfd_open(fixture.pid, 0);

	return fixture.pid > 0 && fixture.process >= 0 ? 0 : -1;
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
	(void)close(f->process);
	while (f->n_groups > 0)
		(void)rmdir(f->groups[--f->n_groups]);
	free(f->unit);

	return 0;
}

static int join(const char *group, pid_t pid)
{
	char path[600];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	file = fopen(path, "we");
	if (!file)
		return -1;
	(void)fprintf(file, "%d\n", (int)pid);

	return fclose(file);
}

static int make_groups(struct fixture *f, const char *root, const char *path)
{
	const char *end = path;

	while (*end) {
		char *group = f->groups[f->n_groups];

		end += 1 + strcspn(end + 1, "/");
		(void)snprintf(group, sizeof(f->groups[0]), "%s%.*s", root, (int)(end - path),
			       path);
		if (mkdir(group, 0755) == 0)
			f->n_groups++;
		else if (errno != EEXIST)
			return -1;
	}

	return 0;
}

/* Where libsystemd looks depends on which of these there are. */
static void put_into(struct fixture *f, const char *path)
{
	static const char *const roots[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd",
					     "/sys/fs/cgroup" };

	for (size_t i = 0; i < SB_ELEMENTS(roots); i++) {
		char group[512];

		(void)snprintf(group, sizeof(group), "%s%s", roots[i], path);
		if (make_groups(f, roots[i], path) == 0 && join(group, f->pid) == 0)
			return;
	}
	print_message("control groups cannot be made here\n");
	skip();
}

static void test_a_unit_of_the_system(void **state)
{
	struct fixture *f = *state;

	put_into(f, "/system.slice/skybus-test.slice/skybus-test@1.service/own");
	assert_int_equal(sb_unit_of_pid(f->pid, geteuid(), &f->unit), 0);
	assert_string_equal(f->unit, "skybus-test@1.service");
}

static void test_a_unit_of_a_user_is_not_taken_for_one(void **state)
{
	struct fixture *f = *state;

	put_into(f, "/user.slice/user-4242.slice/user@4242.service/app.slice/skybus-test.service");
	assert_int_equal(sb_unit_of_pid(f->pid, geteuid(), &f->unit), 0);
	assert_string_equal(f->unit, "user@4242.service");
}

/* Wherever the test runs: the child is where its parent is. */
static void test_as_libsystemd_says(void **state)
{
	SB_CLEANUP(sb_free) char *expected = NULL;
	struct fixture *f = *state;
	int r = sd_pid_get_unit(0, &expected);

	assert_int_equal(sb_unit_of_process(f->process, SB_NO_OWNER, &f->unit), r < 0 ? r : 0);
	if (r >= 0)
		assert_string_equal(f->unit, expected);
}

static void test_another_user(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sb_unit_of_pid(f->pid, geteuid() + 1, &f->unit), -EPERM);
	assert_null(f->unit);
}

static void test_it_has_ended(void **state)
{
	struct fixture *f = *state;
	pid_t pid = f->pid;

	end_process(f);
	assert_int_equal(sb_unit_of_process(f->process, SB_NO_OWNER, &f->unit), -ESRCH);
	assert_int_equal(sb_unit_of_pid(pid, geteuid(), &f->unit), -ESRCH);
	assert_null(f->unit);
}

/* It has its number until it is waited for, but nothing of it can be trusted. */
static void test_it_ends_unnoticed(void **state)
{
	struct fixture *f = *state;
	siginfo_t info;

	put_into(f, "/system.slice/skybus-test.service");
	assert_int_equal(kill(f->pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)f->pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(sb_unit_of_pid(f->pid, geteuid(), &f->unit) < 0);
	assert_null(f->unit);
}

static void test_no_process(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sb_unit_of_pid(0, geteuid(), &f->unit), -EINVAL);
	assert_int_equal(sb_unit_of_process(STDIN_FILENO, geteuid(), &f->unit), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_unit_of_the_system), TEST(test_a_unit_of_a_user_is_not_taken_for_one),
		TEST(test_as_libsystemd_says),	 TEST(test_another_user),
		TEST(test_it_has_ended),	 TEST(test_it_ends_unnoticed),
		TEST(test_no_process),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
