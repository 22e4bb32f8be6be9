/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/cloud.h"
#include "sim/enos-device.h"

#define SET_A "/sys/pk/a/thing/service/measurepoint/set"

#define SECONDS(n) (SIM_USEC_PER_SEC * (n))

struct fixture {
	struct sim_setup setup;
	struct sim_enos_devices devices;
};

static int setup(void **state)
{
	static struct fixture fixture;

	fixture.setup = (struct sim_setup){ 0 };
	if (sim_setup_add_device(&fixture.setup, "pk,a,secretA") < 0 ||
	    sim_setup_add_device(&fixture.setup, "pk,b,secretB") < 0 ||
	    sim_enos_devices_init(&fixture.devices, &fixture.setup) < 0)
		return -1;
	*state = &fixture;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	sim_enos_devices_done(&fixture->devices);
	sim_setup_done(&fixture->setup);

	return 0;
}

static struct sim_enos_device *named(struct fixture *fixture, const char *name)
{
	struct sim_enos_device *device = sim_enos_devices_named(&fixture->devices, name);

	assert_non_null(device);

	return device;
}

static void test_names(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(named(fixture, "pk/b")->id->secret, "secretB");
	assert_null(sim_enos_devices_named(&fixture->devices, "pk/c"));
	assert_null(sim_enos_devices_named(&fixture->devices, "pk"));
}

static void test_session_lives_while_used(void **state)
{
	struct fixture *fixture = *state;
	struct sim_enos_devices *devices = &fixture->devices;
	struct sim_enos_device *a = named(fixture, "pk/a");

	assert_null(sim_enos_devices_at(devices, "peer", SECONDS(100)));
	assert_int_equal(sim_enos_login(devices, a, "peer", 30, SECONDS(100)), 0);
	assert_ptr_equal(sim_enos_devices_at(devices, "peer", SECONDS(130) - 1), a);
	sim_enos_renew(a, SECONDS(129));
	assert_ptr_equal(sim_enos_devices_at(devices, "peer", SECONDS(159) - 1), a);
	assert_null(sim_enos_devices_at(devices, "peer", SECONDS(159)));
	assert_int_equal(a->session.number, 0);
	assert_null(sim_enos_devices_at(devices, "peer", SECONDS(100)));
}

static void test_session_moves_to_a_new_address(void **state)
{
	struct fixture *fixture = *state;
	struct sim_enos_devices *devices = &fixture->devices;
	struct sim_enos_device *a = named(fixture, "pk/a");
	char token[SIM_ENOS_TOKEN_SIZE];

	assert_int_equal(sim_enos_login(devices, a, "old", 30, 0), 0);
	assert_true(sim_enos_advance(a, 5));
	(void)strcpy(token, a->session.token);
	assert_int_equal(strlen(token), SIM_ENOS_TOKEN_SIZE - 1);

	assert_int_equal(sim_enos_login(devices, a, "new", 30, 0), 0);
	assert_null(sim_enos_devices_at(devices, "old", 1));
	assert_ptr_equal(sim_enos_devices_at(devices, "new", 1), a);
	assert_int_equal(a->session.number, 2);
	assert_string_not_equal(a->session.token, token);
	assert_true(sim_enos_advance(a, 1));
}

static void test_address_has_one_device(void **state)
{
	struct fixture *fixture = *state;
	struct sim_enos_devices *devices = &fixture->devices;
	struct sim_enos_device *a = named(fixture, "pk/a"), *b = named(fixture, "pk/b");

	assert_int_equal(sim_enos_login(devices, a, "peer", 30, 0), 0);
	assert_int_equal(sim_enos_login(devices, b, "peer", 30, 0), 0);
	assert_ptr_equal(sim_enos_devices_at(devices, "peer", 1), b);
	assert_int_equal(a->session.number, 0);
}

static void test_sequence_rises(void **state)
{
	struct fixture *fixture = *state;
	struct sim_enos_device *a = named(fixture, "pk/a");

	assert_int_equal(sim_enos_login(&fixture->devices, a, "peer", 30, 0), 0);
	assert_false(sim_enos_advance(a, 0));
	assert_true(sim_enos_advance(a, 1));
	assert_false(sim_enos_advance(a, 1));
	assert_true(sim_enos_advance(a, 9));
	assert_false(sim_enos_advance(a, 8));
	assert_true(sim_enos_advance(a, 10));
}

static void test_commands_in_order(void **state)
{
	static char set[] = SET_A, get[] = "/sys/pk/a/thing/service/measurepoint/get";
	static const struct sim_command commands[] = {
		{ .topic = set, .payload = "1" },
		{ .topic = get, .payload = "2" },
		{ .topic = set, .payload = "3" },
	};
	struct fixture *fixture = *state;
	struct sim_enos_device *a = named(fixture, "pk/a");

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(sim_enos_command_add(&fixture->devices, &commands[i]), 0);

	assert_string_equal(sim_enos_command_take(a, get)->payload, "2");
	assert_null(sim_enos_command_take(a, get));
	assert_string_equal(sim_enos_command_take(a, set)->payload, "1");
	assert_string_equal(sim_enos_command_take(a, set)->payload, "3");
	assert_int_equal(a->n_commands, 0);
}

static void test_commands_bounded(void **state)
{
	static char set[] = SET_A, stranger[] = "/sys/pk/c/thing/x", odd[] = "/sys/pk";
	static char large[SIM_ENOS_COMMAND_SIZE + 1];
	static const struct sim_command command = { .topic = set, .payload = "" };
	static const struct sim_command bad[] = {
		{ .topic = stranger, .payload = "" },
		{ .topic = odd, .payload = "" },
		{ .topic = set, .payload = large },
	};
	struct fixture *fixture = *state;

	memset(large, 'x', sizeof(large) - strlen(set));
	assert_int_equal(sim_enos_command_add(&fixture->devices, &bad[0]), -ENOENT);
	assert_int_equal(sim_enos_command_add(&fixture->devices, &bad[1]), -ENOENT);
	assert_int_equal(sim_enos_command_add(&fixture->devices, &bad[2]), -EMSGSIZE);

	for (size_t i = 0; i < SIM_ENOS_COMMANDS_MAX; i++)
		assert_int_equal(sim_enos_command_add(&fixture->devices, &command), 0);
	assert_int_equal(sim_enos_command_add(&fixture->devices, &command), -ENOBUFS);
	assert_int_equal(named(fixture, "pk/b")->n_commands, 0);
}

#define DEVICE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(test_names),
		DEVICE_TEST(test_session_lives_while_used),
		DEVICE_TEST(test_session_moves_to_a_new_address),
		DEVICE_TEST(test_address_has_one_device),
		DEVICE_TEST(test_sequence_rises),
		DEVICE_TEST(test_commands_in_order),
		DEVICE_TEST(test_commands_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
