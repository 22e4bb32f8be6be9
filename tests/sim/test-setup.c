/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/setup.h"

#define KEY_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct sim_setup given;

static int teardown(void **state)
{
	(void)state;
	sim_setup_done(&given);

	return 0;
}

static void test_devices(void **state)
{
	(void)state;
	assert_int_equal(sim_setup_add_device(&given, "pk,dk,se,cret"), 0);
	assert_int_equal(sim_setup_add_device(&given, "pk,dk2,s"), 0);
	assert_int_equal(sim_setup_add_device(&given, KEY_64 "," KEY_64 ",s"), 0);
	assert_int_equal(sim_setup_add_device(&given, "pk,dk,other"), -EEXIST);
	assert_int_equal(given.n_devices, 3);
	assert_string_equal(given.devices[0].product_key, "pk");
	assert_string_equal(given.devices[0].device_key, "dk");
	assert_string_equal(given.devices[0].secret, "se,cret");
}

static void test_bad_devices(void **state)
{
	static const char *const bad[] = {
		"",	 "pk",	     "pk,dk",	 "pk,dk,",	  ",dk,s",
		"pk,,s", "p/k,dk,s", "pk,d/k,s", KEY_64 "x,dk,s",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sim_setup_add_device(&given, bad[i]), -EINVAL);
	assert_int_equal(given.n_devices, 0);
}

static void test_commands(void **state)
{
	(void)state;
	assert_int_equal(sim_setup_add_command(&given, "/sys/a=b=c"), 0);
	assert_int_equal(sim_setup_add_command(&given, "/sys/a="), 0);
	assert_int_equal(sim_setup_add_command(&given, "/sys/a"), -EINVAL);
	assert_int_equal(sim_setup_add_command(&given, "sys=b"), -EINVAL);
	assert_int_equal(given.n_commands, 2);
	assert_string_equal(given.commands[0].topic, "/sys/a");
	assert_string_equal(given.commands[0].payload, "b=c");
	assert_string_equal(given.commands[1].payload, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_devices, teardown),
		cmocka_unit_test_teardown(test_bad_devices, teardown),
		cmocka_unit_test_teardown(test_commands, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
