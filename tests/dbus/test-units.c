/* SPDX-License-Identifier: Apache-2.0 */
/*
 * About processes of the test's own, with a systemd of the test's own on the bus.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/loop.h"
#include "daemon/message.h"
#include "dbus/units.h"
#include "tests/dbus/client.h"
#include "tests/dbus/fake-systemd.h"
#include "tests/dbus/private-bus.h"

#define UNIT "skybus-test@1.service"
#define USER 1234

#define SYSTEMD "org.freedesktop.systemd1"

/* systemd is there, but may not be asked. */
#define POLICY_SECRETIVE                          \
	PRIVATE_BUS_OPEN                          \
	"<policy context=\"mandatory\">"          \
	"<deny send_destination=\"" SYSTEMD "\""  \
	" send_interface=\"" SYSTEMD ".Manager\"" \
	" send_member=\"GetUnitByPID\"/>"         \
	"</policy>"

#define N_QUESTIONS 3

struct asking {
	struct sb_unit_question question;
	struct fixture *f;
	char *unit;
	int result;
	size_t order; /* of its answer, from 1; 0 while there is none */
	struct asking *next; /* put when this one is answered */
};

struct fixture {
	struct private_bus *private_bus;
	char services[64]; /* a folder with what the bus can start */
	struct sb_loop *loop;
	sd_bus *bus;
	struct sb_units units;
	struct fake_systemd systemd;
	pid_t pid;
	int pidfd;
	struct asking asking[N_QUESTIONS];
	size_t n_answered;
};

/* ---- setup ----------------------------------------------------------------------------------- */

static pid_t start_process(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			(void)pause();
		_exit(0);
	}

	return pid;
}

static void end_process(struct fixture *f)
{
	if (f->pid > 0) {
		(void)kill(f->pid, SIGKILL);
		(void)waitpid(f->pid, NULL, 0);
	}
	f->pid = 0;
}

static int setup_on(void **state, const char *policy)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	*f = (struct fixture){ .systemd = { .unit = UNIT, .uid = USER }, .pidfd = -1 };
	*state = f;
	for (size_t i = 0; i < N_QUESTIONS; i++)
		f->asking[i].f = f;
	f->private_bus = private_bus_start(policy);
	if (!f->private_bus || sb_loop_new_virtual(&f->loop) < 0 || sd_bus_new(&f->bus) < 0 ||
	    sd_bus_set_address(f->bus, private_bus_address(f->private_bus)) < 0 ||
	    sd_bus_set_bus_client(f->bus, 1) < 0 || sd_bus_start(f->bus) < 0 ||
	    sd_bus_set_close_on_exit(f->bus, false) < 0 ||
	    sd_bus_attach_event(f->bus, sb_loop_event(f->loop), 0) < 0)
		return -1;
	sb_units_init(&f->units, f->bus, f->loop);
	f->pid = start_process();
	f->pidfd = pidfd_open(f->pid, 0);

	return f->pidfd < 0 ? -1 : 0;
}

static int start_systemd(struct fixture *f)
{
	return fake_systemd_start(&f->systemd, f->loop, private_bus_address(f->private_bus));
}

static int setup_without_systemd(void **state)
{
	return setup_on(state, PRIVATE_BUS_OPEN);
}

static int setup(void **state)
{
	return setup_on(state, PRIVATE_BUS_OPEN) < 0 ? -1 : start_systemd(*state);
}

static int setup_secretive(void **state)
{
	return setup_on(state, POLICY_SECRETIVE) < 0 ? -1 : start_systemd(*state);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->private_bus)
		private_bus_resume(f->private_bus);
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		sb_unit_question_drop(&f->asking[i].question);
		free(f->asking[i].unit);
	}
	sb_units_done(&f->units);
	fake_systemd_stop(&f->systemd);
	f->bus = sd_bus_close_unref(f->bus);
	f->loop = sb_loop_free(f->loop);
	f->private_bus = private_bus_stop(f->private_bus);
	end_process(f);
	if (f->pidfd >= 0)
		(void)close(f->pidfd);

	return 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static int put(struct fixture *f, size_t i);

static void asking_on_answered(struct sb_unit_question *question, int r)
{
	struct asking *asking = sb_container_of(question, struct asking, question);
	struct fixture *f = asking->f;

	asking->result = r;
	free(asking->unit);
	asking->unit = SB_STEAL(question->unit);
	asking->order = ++f->n_answered;
	if (asking->next)
		assert_int_equal(put(f, (size_t)(asking->next - f->asking)), 1);
}

static int put_about(struct fixture *f, size_t i, uint32_t pid, int fd)
{
	const struct sb_process process = { .pid = pid, .fd = fd };

	f->asking[i].order = 0;

	return sb_unit_question_put(&f->asking[i].question, &f->units, &process, USER,
				    asking_on_answered);
}

static int put(struct fixture *f, size_t i)
{
	return put_about(f, i, (uint32_t)f->pid, -1);
}

static bool is_answered(void *userdata)
{
	const struct asking *asking = userdata;

	return asking->order > 0;
}

static void wait_for(struct fixture *f, size_t i)
{
	assert_true(loop_until(f->loop, is_answered, &f->asking[i]));
}

static void assert_unit(struct fixture *f, const char *unit)
{
	assert_int_equal(put(f, 0), 1);
	wait_for(f, 0);
	assert_int_equal(f->asking[0].result, 0);
	if (unit)
		assert_string_equal(f->asking[0].unit, unit);
	else
		assert_null(f->asking[0].unit);
}

/* Nobody can tell, and it was said. */
static void assert_trouble(struct fixture *f)
{
	assert_int_equal(put(f, 0), 1);
	wait_for(f, 0);
	assert_true(f->asking[0].result < 0);
	assert_null(f->asking[0].unit);
	assert_true(f->units.in_trouble);
}

static bool has_kept(void *userdata)
{
	const struct fixture *f = userdata;

	return f->systemd.n_kept > 0;
}

/* systemd has the question, and says nothing. */
static void put_to_hanging(struct fixture *f)
{
	f->systemd.hangs = true;
	assert_int_equal(put(f, 0), 1);
	assert_true(loop_until(f->loop, has_kept, f));
}

/* The time is over, and what was to come before is here. */
static void lose_patience(struct fixture *f)
{
	sb_loop_advance(f->loop, SB_UNITS_PATIENCE_SEC * SB_USEC_PER_SEC);
	loop_settle_down(f->loop);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	loop_settle_down(f->loop);
}

/* ---- what counts ----------------------------------------------------------------------------- */

static void test_a_service(void **state)
{
	struct fixture *f = *state;

	assert_unit(f, UNIT);
	assert_int_equal(f->systemd.pid, f->pid);
	assert_int_equal(f->systemd.n_units, 1);
	assert_int_equal(f->systemd.n_users, 1);
	assert_false(f->units.in_trouble);
	/* It is not remembered here. */
	f->systemd.unit = "other.service";
	assert_unit(f, "other.service");
}

static void test_another_user(void **state)
{
	struct fixture *f = *state;

	f->systemd.uid = USER + 1;
	assert_unit(f, NULL);
	assert_int_equal(f->systemd.n_users, 1);
	f->systemd.uid = 0;
	assert_unit(f, NULL);
}

/* systemd's number for no user is ours for nobody. */
static void test_no_user(void **state)
{
	const struct sb_process process = { .pid = (uint32_t)getpid(), .fd = -1 };
	struct fixture *f = *state;

	f->systemd.uid = UINT32_MAX;
	assert_unit(f, NULL);
	assert_int_equal(sb_unit_question_put(&f->asking[0].question, &f->units, &process,
					      SB_NO_OWNER, asking_on_answered),
			 0);
	assert_int_equal(f->systemd.n_units, 1);
}

static void test_no_unit(void **state)
{
	struct fixture *f = *state;

	f->systemd.unit = NULL;
	assert_unit(f, NULL);
	assert_int_equal(f->systemd.n_users, 0);
	assert_false(f->units.in_trouble);
}

static void test_no_service(void **state)
{
	static const char *const others[] = { "session-1.scope", "-.slice", "init.scope",
					      ".service", "a.service.d" };
	struct fixture *f = *state;

	for (size_t i = 0; i < SB_ELEMENTS(others); i++) {
		f->systemd.unit = others[i];
		assert_unit(f, NULL);
	}
	assert_int_equal(f->systemd.n_users, 0);
}

static void test_nonsense(void **state)
{
	struct fixture *f = *state;

	f->systemd.garbles = true;
	assert_unit(f, NULL);
	assert_int_equal(f->systemd.n_users, 0);
}

static void test_user_that_is_nonsense(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	fake_systemd_resume(&f->systemd);
	f->systemd.garbles = true;
	wait_for(f, 0);
	assert_int_equal(f->systemd.n_users, 1);
	assert_null(f->asking[0].unit);
	assert_int_equal(f->asking[0].result, 0);
}

static void test_unit_that_is_unloaded_meanwhile(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	fake_systemd_resume(&f->systemd);
	f->systemd.unit = "other.service";
	wait_for(f, 0);
	assert_int_equal(f->systemd.n_users, 1);
	assert_null(f->asking[0].unit);
	assert_int_equal(f->asking[0].result, 0);
	assert_false(f->units.in_trouble);
}

/* ---- the process ----------------------------------------------------------------------------- */

static void test_pidfd_of_the_bus(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put_about(f, 0, (uint32_t)f->pid, f->pidfd), 1);
	wait_for(f, 0);
	assert_string_equal(f->asking[0].unit, UNIT);
	assert_int_equal(f->systemd.pid, f->pid);
}

/* The number is another's: systemd would be asked about that one. */
static void test_pidfd_of_another_process(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put_about(f, 0, (uint32_t)getpid(), f->pidfd), 0);
	loop_settle_down(f->loop);
	assert_int_equal(f->systemd.n_units, 0);
	assert_null(f->asking[0].question.units);
}

static void test_it_has_ended(void **state)
{
	struct fixture *f = *state;
	uint32_t pid = (uint32_t)f->pid;

	end_process(f);
	assert_int_equal(put_about(f, 0, pid, f->pidfd), 0);
	assert_int_equal(put_about(f, 0, pid, -1), 0);
	assert_int_equal(f->systemd.n_units, 0);
}

static void test_it_ends_meanwhile(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	end_process(f);
	fake_systemd_resume(&f->systemd);
	wait_for(f, 0);
	assert_int_equal(f->systemd.n_users, 1);
	assert_int_equal(f->asking[0].result, 0);
	assert_null(f->asking[0].unit);
}

/* ---- systemd cannot be asked ----------------------------------------------------------------- */

static void test_it_is_not_there(void **state)
{
	struct fixture *f = *state;

	assert_trouble(f);
	/* Later it is. */
	assert_true(sb_units_can_ask(&f->units));
	assert_int_equal(start_systemd(f), 0);
	assert_unit(f, UNIT);
	assert_false(f->units.in_trouble);
}

static void test_it_may_not_be_asked(void **state)
{
	assert_trouble(*state);
}

static void test_it_goes_meanwhile(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	fake_systemd_stop(&f->systemd);
	wait_for(f, 0);
	assert_true(f->asking[0].result < 0);
	assert_true(f->units.in_trouble);
	assert_true(sb_units_can_ask(&f->units));
}

static void test_the_bus_goes_meanwhile(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	assert_int_equal(put(f, 1), 1);
	private_bus_kill(f->private_bus);
	wait_for(f, 1);
	assert_true(f->asking[0].result < 0);
	assert_true(f->asking[1].result < 0);
	/* It says nothing of systemd. */
	assert_false(f->units.in_trouble);
}

static int write_service(const char *folder)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/" SYSTEMD ".service", folder);
	file = fopen(path, "we");
	if (!file)
		return -1;
	(void)fprintf(file, "[D-BUS Service]\nName=" SYSTEMD "\nExec=/bin/false\n");

	return fclose(file);
}

static int setup_startable(void **state)
{
	char folder[] = "/tmp/skybus-services-XXXXXX";
	char policy[1024];
	struct fixture *f;

	if (!mkdtemp(folder) || write_service(folder) < 0)
		return -1;
	(void)snprintf(policy, sizeof(policy), "%s<servicedir>%s</servicedir>", PRIVATE_BUS_OPEN,
		       folder);
	if (setup_on(state, policy) < 0)
		return -1;
	f = *state;
	(void)snprintf(f->services, sizeof(f->services), "%s", folder);

	return 0;
}

static int teardown_startable(void **state)
{
	struct fixture *f = *state;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/" SYSTEMD ".service", f->services);
	(void)unlink(path);
	(void)rmdir(f->services);

	return teardown(state);
}

/* What the bus says of one that it has failed to start, is another error. */
static void test_it_is_not_started(void **state)
{
	assert_trouble(*state);
}

/* ---- systemd does not answer ----------------------------------------------------------------- */

static void test_it_hangs(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	sb_loop_advance(f->loop, SB_UNITS_PATIENCE_SEC * SB_USEC_PER_SEC - 1);
	loop_settle_down(f->loop);
	assert_int_equal(f->n_answered, 0);
	lose_patience(f);
	assert_int_equal(f->n_answered, 1);
	assert_int_equal(f->asking[0].result, -EAGAIN);
	assert_null(f->asking[0].unit);
	assert_true(f->units.in_trouble);
	/* Nobody else waits for it. */
	assert_false(sb_units_can_ask(&f->units));
	assert_int_equal(put(f, 1), -EAGAIN);
	/* When it has answered, others may. */
	fake_systemd_resume(&f->systemd);
	loop_settle_down(f->loop);
	assert_int_equal(f->n_answered, 1);
	assert_true(sb_units_can_ask(&f->units));
	assert_false(f->units.in_trouble);
	assert_unit(f, UNIT);
}

static void test_it_hangs_at_the_second_question(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	fake_systemd_resume(&f->systemd);
	f->systemd.hangs = true;
	assert_true(loop_until(f->loop, has_kept, f));
	lose_patience(f);
	assert_int_equal(f->asking[0].result, -EAGAIN);
	assert_null(f->asking[0].unit);
	fake_systemd_resume(&f->systemd);
	loop_settle_down(f->loop);
	assert_unit(f, UNIT);
}

static void test_all_who_wait_are_let_go(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	assert_int_equal(put(f, 1), 1);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_int_equal(put(f, 2), 1);
	lose_patience(f);
	assert_int_equal(f->n_answered, 3);
	for (size_t i = 0; i < N_QUESTIONS; i++)
		assert_int_equal(f->asking[i].result, -EAGAIN);
	assert_int_equal(f->systemd.n_kept, 1);
}

/* What nobody has read yet is not late. */
static void test_the_bus_hangs(void **state)
{
	struct fixture *f = *state;

	private_bus_pause(f->private_bus);
	assert_int_equal(put(f, 0), 1);
	lose_patience(f);
	lose_patience(f);
	assert_int_equal(f->n_answered, 0);
	private_bus_resume(f->private_bus);
	wait_for(f, 0);
	assert_string_equal(f->asking[0].unit, UNIT);
}

/* ---- many ------------------------------------------------------------------------------------ */

static void test_one_at_a_time(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	assert_int_equal(put(f, 1), 1);
	assert_int_equal(put(f, 2), 1);
	loop_settle_down(f->loop);
	assert_int_equal(f->systemd.n_kept, 1);
	fake_systemd_resume(&f->systemd);
	wait_for(f, 2);
	for (size_t i = 0; i < N_QUESTIONS; i++) {
		assert_int_equal(f->asking[i].order, i + 1);
		assert_string_equal(f->asking[i].unit, UNIT);
	}
	assert_int_equal(f->systemd.n_units, N_QUESTIONS);
	assert_null(f->units.call);
}

/* One of them asks again as soon as it is answered. */
static void test_put_from_within_an_answer(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	assert_int_equal(put(f, 1), 1);
	f->asking[0].next = &f->asking[2];
	fake_systemd_resume(&f->systemd);
	wait_for(f, 2);
	assert_int_equal(f->asking[1].order, 2);
	assert_int_equal(f->asking[2].order, 3);
	assert_string_equal(f->asking[2].unit, UNIT);
}

static void test_dropped(void **state)
{
	struct fixture *f = *state;

	put_to_hanging(f);
	assert_int_equal(put(f, 1), 1);
	assert_int_equal(put(f, 2), 1);
	sb_unit_question_drop(&f->asking[0].question);
	sb_unit_question_drop(&f->asking[1].question);
	sb_unit_question_drop(&f->asking[1].question);
	loop_settle_down(f->loop);
	/* systemd has one question, though nobody waits for the answer. */
	assert_int_equal(f->systemd.n_kept, 1);
	assert_int_equal(f->systemd.n_units, 0);
	fake_systemd_resume(&f->systemd);
	wait_for(f, 2);
	assert_int_equal(f->n_answered, 1);
	assert_string_equal(f->asking[2].unit, UNIT);
	assert_int_equal(f->systemd.n_units, 2);
	assert_int_equal(f->systemd.n_users, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_service),
		TEST(test_another_user),
		TEST(test_no_user),
		TEST(test_no_unit),
		TEST(test_no_service),
		TEST(test_nonsense),
		TEST(test_user_that_is_nonsense),
		TEST(test_unit_that_is_unloaded_meanwhile),
		TEST(test_pidfd_of_the_bus),
		TEST(test_pidfd_of_another_process),
		TEST(test_it_has_ended),
		TEST(test_it_ends_meanwhile),
		TEST(test_it_goes_meanwhile),
		TEST(test_the_bus_goes_meanwhile),
		TEST(test_it_hangs),
		TEST(test_it_hangs_at_the_second_question),
		TEST(test_all_who_wait_are_let_go),
		TEST(test_the_bus_hangs),
		TEST(test_one_at_a_time),
		TEST(test_put_from_within_an_answer),
		TEST(test_dropped),
#undef TEST
		cmocka_unit_test_setup_teardown(test_it_is_not_there, setup_without_systemd,
						teardown),
		cmocka_unit_test_setup_teardown(test_it_may_not_be_asked, setup_secretive,
						teardown),
		cmocka_unit_test_setup_teardown(test_it_is_not_started, setup_startable,
						teardown_startable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
