/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/daemon/dying.h"
#include "tests/daemon/scratch.h"

struct fixture {
	struct scratch scratch;
};

static int setup(void **state)
{
	static struct fixture fixture;

	*state = &fixture;
	scratch_init(&fixture.scratch);

	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	sb_crash_note_close();
	scratch_done(&fixture->scratch);

	return 0;
}

static int read_note(const struct fixture *fixture, struct sb_crash *ret)
{
	int r = sb_crash_note_open(fixture->scratch.path, ret);

	sb_crash_note_close();

	return r;
}

/* ---- ways to die ---- */

static void of_a_fault(void)
{
	static volatile int *volatile nowhere;

	*nowhere = 1;
}

static void of_exit(void)
{
	exit(0);
}

static void of_a_kill(void)
{
	(void)raise(SIGKILL);
}

static int signal_of_others;

/* Whoever forked us sees to it that it comes from another process. */
static void of_others(void)
{
	pid_t here = getpid();

	if (fork() == 0) {
		/* Else the note would be in use for as long as this one lives. */
		(void)close_range(STDERR_FILENO + 1, ~0U, 0);
		(void)kill(here, signal_of_others);
		_exit(0);
	}
	for (;;)
		(void)pause();
}

static void *run_elsewhere(void *die)
{
	of_a_fault();

	return die;
}

static void on_another_thread(void)
{
	pthread_t thread;

	(void)pthread_create(&thread, NULL, run_elsewhere, NULL);
	(void)pthread_join(thread, NULL);
}

static void assert_noted(struct fixture *fixture, void (*die)(void), int sig, bool outside)
{
	struct sb_crash crash;

	(void)die_in(fixture->scratch.path, "enos", SB_RUNNING_DECIDE, die);
	assert_int_equal(read_note(fixture, &crash), 1);
	assert_string_equal(crash.plugin, "enos");
	assert_string_equal(crash.link, "plant");
	assert_string_equal(crash.call, "decide()");
	assert_int_equal(crash.signal, sig);
	assert_int_equal(crash.outside, outside);
	assert_true(strlen(crash.boot_id) > 30);
	assert_true(crash.boot_ms > 0 && crash.wall_ms > 0);
}

static void what_a_plugin_does_is_noted(void **state)
{
	assert_noted(*state, of_a_fault, SIGSEGV, false);
	assert_noted(*state, die_of_signal, SIGSEGV, false);
	assert_noted(*state, abort, SIGABRT, false);
	assert_noted(*state, of_exit, 0, false);
	signal_of_others = SIGABRT;
	assert_noted(*state, of_others, SIGABRT, true);
}

static void assert_not_noted(struct fixture *fixture, const char *plugin, void (*die)(void))
{
	struct sb_crash crash;

	(void)die_in(fixture->scratch.path, plugin, SB_RUNNING_DECIDE, die);
	assert_int_equal(read_note(fixture, &crash), 0);
}

static void what_is_none_of_a_plugin_is_not(void **state)
{
	assert_not_noted(*state, NULL, of_a_fault);
	assert_not_noted(*state, NULL, of_exit);
	/* Its code runs elsewhere. */
	assert_not_noted(*state, "", of_a_fault);
	assert_not_noted(*state, "enos", of_a_kill);
	assert_not_noted(*state, "enos", on_another_thread);
	signal_of_others = SIGSEGV;
	assert_not_noted(*state, "enos", of_others);
}

static void calls_nest(void **state)
{
	const struct sb_running_who outer = { .plugin = "outer" }, inner = { .plugin = "inner" };
	enum sb_running_call call;

	(void)state;
	assert_null(sb_running_now(&call));
	sb_running_enter(&outer, SB_RUNNING_LOGIN);
	for (int i = 0; i < 100; i++)
		sb_running_enter(&inner, SB_RUNNING_ENCODE);
	assert_ptr_equal(sb_running_now(&call), &inner);
	assert_int_equal(call, SB_RUNNING_ENCODE);
	for (int i = 0; i < 100; i++)
		sb_running_leave();
	assert_ptr_equal(sb_running_now(&call), &outer);
	assert_int_equal(call, SB_RUNNING_LOGIN);
	sb_running_leave();
	assert_null(sb_running_now(&call));
}

/* ---- the file ---- */

static void it_still_dies_as_it_would_have(void **state)
{
	struct fixture *fixture = *state;
	int status = die_in(fixture->scratch.path, "enos", SB_RUNNING_DECIDE, abort);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void a_note_stays_until_it_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct sb_crash crash;

	(void)die_in(fixture->scratch.path, "enos", SB_RUNNING_DECIDE, die_of_signal);
	assert_int_equal(read_note(fixture, &crash), 1);
	assert_int_equal(sb_crash_note_open(fixture->scratch.path, &crash), 1);
	assert_int_equal(sb_crash_note_clear(), 0);
	sb_crash_note_close();
	assert_int_equal(read_note(fixture, &crash), 0);
}

static void what_is_no_note_is_not_believed(void **state)
{
	struct fixture *fixture = *state;
	const char *name = SB_CRASH_NOTE_FILE_NAME;
	unsigned char good[sizeof(struct sb_crash) + 8], bad[4096];
	struct sb_crash crash;
	int fd;

	scratch_write(&fixture->scratch, name, "", 0, 0600);
	assert_int_equal(read_note(fixture, &crash), 0);
	(void)die_in(fixture->scratch.path, "enos", SB_RUNNING_DECIDE, die_of_signal);
	fd = open(scratch_path(&fixture->scratch, name), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, good, sizeof(good)), sizeof(good));
	assert_int_equal(close(fd), 0);
	/* Cut short anywhere, and each byte of it another one; then anything at all. */
	for (size_t len = 1; len < sizeof(good); len++) {
		scratch_write(&fixture->scratch, name, good, len, 0600);
		assert_int_equal(read_note(fixture, &crash), -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(good); i++) {
		memcpy(bad, good, sizeof(good));
		bad[i] ^= 0xff;
		scratch_write(&fixture->scratch, name, bad, sizeof(good), 0600);
		if (read_note(fixture, &crash) == 1)
			assert_true(sb_crash_makes_sense(&crash));
	}
	memset(bad, 0xa5, sizeof(bad));
	scratch_write(&fixture->scratch, name, bad, sizeof(bad), 0600);
	assert_int_equal(read_note(fixture, &crash), -EBADMSG);
}

static void one_daemon_for_a_directory(void **state)
{
	struct fixture *fixture = *state;
	struct sb_crash crash;
	int status;
	pid_t pid;

	assert_int_equal(sb_crash_note_open(fixture->scratch.path, &crash), 0);
	pid = fork();
	if (pid == 0)
		_exit(sb_crash_note_open(fixture->scratch.path, &crash) == -EWOULDBLOCK ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_directory_that_is_not_there(void **state)
{
	struct fixture *fixture = *state;
	struct sb_crash crash;

	assert_int_equal(sb_crash_note_open(scratch_path(&fixture->scratch, "none"), &crash),
			 -ENOENT);
	assert_int_equal(sb_crash_note_clear(), -EBADF);
	scratch_mkdir(&fixture->scratch, SB_CRASH_NOTE_FILE_NAME);
	assert_int_equal(sb_crash_note_open(fixture->scratch.path, &crash), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_a_plugin_does_is_noted, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_none_of_a_plugin_is_not, setup, teardown),
		cmocka_unit_test(calls_nest),
		cmocka_unit_test_setup_teardown(it_still_dies_as_it_would_have, setup, teardown),
		cmocka_unit_test_setup_teardown(a_note_stays_until_it_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_note_is_not_believed, setup, teardown),
		cmocka_unit_test_setup_teardown(one_daemon_for_a_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_is_not_there, setup, teardown),
	};

	return cmocka_run_group_tests_name("crash-note", tests, NULL, NULL);
}
