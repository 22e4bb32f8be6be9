/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as the test writes them, since not every bus daemon lends a pidfd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/message.h"
#include "dbus/credentials.h"

struct fixture {
	sd_bus *bus; /* to nobody */
	int other_end;
	sd_bus_message *answer;
	struct sb_identity identity;
	struct sb_process process;
};

static int setup(void **state)
{
	static struct fixture f;
	int ends[2];

	f = (struct fixture){ .identity.uid = SB_NO_OWNER };
	*state = &f;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	f.other_end = ends[1];
	if (sd_bus_new(&f.bus) < 0 || sd_bus_set_fd(f.bus, ends[0], ends[0]) < 0 ||
	    sd_bus_start(f.bus) < 0 ||
	    sd_bus_message_new(f.bus, &f.answer, SD_BUS_MESSAGE_METHOD_RETURN) < 0)
		return -1;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sb_identity_done(&f->identity);
	f->answer = sd_bus_message_unref(f->answer);
	f->bus = sd_bus_close_unref(f->bus);
	(void)close(f->other_end);

	return 0;
}

static void read_answer(struct fixture *f)
{
	assert_true(sd_bus_message_seal(f->answer, 1, 0) >= 0);
	f->identity = sb_credentials_read(f->answer, ":1.1", &f->process);
}

static void test_pidfd(void **state)
{
	struct fixture *f = *state;

	assert_true(sd_bus_message_append(f->answer, "a{sv}", 4, "UnixUserID", "u", 1000,
					  "LinuxSecurityLabel", "ay", 1, 0, "ProcessFD", "h",
					  STDIN_FILENO, "ProcessID", "u", 42) >= 0);
	read_answer(f);
	assert_int_equal(f->identity.uid, 1000);
	assert_null(f->identity.unit);
	assert_int_equal(f->process.pid, 42);
	assert_true(f->process.fd > STDIN_FILENO);
}

static void test_number_alone(void **state)
{
	struct fixture *f = *state;

	assert_true(sd_bus_message_append(f->answer, "a{sv}", 2, "UnixUserID", "u", 1000,
					  "ProcessID", "u", 42) >= 0);
	read_answer(f);
	assert_int_equal(f->identity.uid, 1000);
	assert_int_equal(f->process.pid, 42);
	assert_int_equal(f->process.fd, -1);
}

static void assert_nobody(const struct fixture *f)
{
	assert_int_equal(f->identity.uid, SB_NO_OWNER);
	assert_null(f->identity.gids);
	assert_int_equal(f->process.pid, 0);
	assert_int_equal(f->process.fd, -1);
}

static void test_no_user(void **state)
{
	struct fixture *f = *state;

	assert_true(sd_bus_message_append(f->answer, "a{sv}", 2, "ProcessFD", "h", STDIN_FILENO,
					  "ProcessID", "u", 42) >= 0);
	read_answer(f);
	assert_nobody(f);
}

/* Nothing of it is believed. */
static void test_half_of_it_is_nonsense(void **state)
{
	struct fixture *f = *state;

	assert_true(sd_bus_message_append(f->answer, "a{sv}", 4, "UnixUserID", "u", 1000,
					  "UnixGroupIDs", "au", 1, 1000, "ProcessFD", "h",
					  STDIN_FILENO, "ProcessID", "s", "42") >= 0);
	read_answer(f);
	assert_nobody(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_pidfd),
		TEST(test_number_alone),
		TEST(test_no_user),
		TEST(test_half_of_it_is_nonsense),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
