/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

static void test_products(void **state)
{
	static const char *const bad[] = { "", "pk", "pk,", ",s", "p/k,s", KEY_64 "x,s" };

	(void)state;
	assert_int_equal(sim_setup_add_product(&given, "pk,se,cret"), 0);
	assert_int_equal(sim_setup_add_product(&given, "pk,other"), -EEXIST);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sim_setup_add_product(&given, bad[i]), -EINVAL);
	assert_int_equal(given.n_products, 1);
	assert_string_equal(given.products[0].product_key, "pk");
	assert_string_equal(given.products[0].secret, "se,cret");
}

static void test_cards(void **state)
{
	static const char *const bad[] = {
		"",
		"89882806660000000",
		"898828066600000000123",
		"898828066600000000a",
		"8988280666000000009,",
		"8988280666000000009,host",
		" 988280666000000001",
		"8988280666000000009,1.2",
		",10.0.0.1",
	};

	(void)state;
	assert_int_equal(sim_setup_add_card(&given, "8988280666000000001"), 0);
	assert_int_equal(sim_setup_add_card(&given, "8988280666000000002,10.0.0.1"), 0);
	assert_int_equal(sim_setup_add_card(&given, "8988280666000000003,::1"), 0);
	assert_int_equal(sim_setup_add_card(&given, "8988280666000000004"), -EEXIST);
	assert_int_equal(sim_setup_add_card(&given, "8988280666000000004,10.0.0.1"), -EEXIST);
	assert_int_equal(sim_setup_add_card(&given, "8988280666000000001,10.0.0.2"), -EEXIST);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sim_setup_add_card(&given, bad[i]), -EINVAL);
	assert_int_equal(given.n_cards, 3);
	assert_null(given.cards[0].address);
	assert_string_equal(given.cards[1].iccid, "8988280666000000002");
	assert_string_equal(given.cards[1].address, "10.0.0.1");
}

static void test_commands(void **state)
{
	const struct sim_command *first = NULL;
	char text[32];

	(void)state;
	assert_int_equal(sim_setup_add_command(&given, "/sys/a=b=c", &first), 0);
	assert_int_equal(sim_setup_add_command(&given, "/sys/a=", NULL), 0);
	assert_int_equal(sim_setup_add_command(&given, "/sys/a", NULL), -EINVAL);
	assert_int_equal(sim_setup_add_command(&given, "sys=b", NULL), -EINVAL);
	assert_int_equal(given.n_commands, 2);
	assert_string_equal(given.commands[1]->payload, "");

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "/sys/%d=x", i);
		assert_int_equal(sim_setup_add_command(&given, text, NULL), 0);
	}
	assert_ptr_equal(given.commands[0], first);
	assert_string_equal(first->topic, "/sys/a");
	assert_string_equal(first->payload, "b=c");
}

/* What is read from the control socket never ends by itself. */
static void test_bound(void **state)
{
	(void)state;
	for (int i = 0; i < 4096; i++)
		assert_int_equal(sim_setup_add_command(&given, "/sys/a=b", NULL), 0);
	assert_int_equal(sim_setup_add_command(&given, "/sys/a=b", NULL), -ENOMEM);
	assert_int_equal(given.n_commands, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_devices, teardown),
		cmocka_unit_test_teardown(test_bad_devices, teardown),
		cmocka_unit_test_teardown(test_products, teardown),
		cmocka_unit_test_teardown(test_cards, teardown),
		cmocka_unit_test_teardown(test_commands, teardown),
		cmocka_unit_test_teardown(test_bound, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
