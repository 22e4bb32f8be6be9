/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/networks.h"

static void expect(const struct sb_network *network, const char *address, unsigned int prefix_len,
		   bool ipv4)
{
	uint8_t wanted[16];

	assert_int_equal(inet_pton(AF_INET6, address, wanted), 1);
	assert_memory_equal(network->address, wanted, sizeof(wanted));
	assert_int_equal(network->prefix_len, prefix_len);
	assert_int_equal(sb_network_is_ipv4(network), ipv4);
}

static struct sb_networks parsed(const char *text)
{
	struct sb_networks networks;

	assert_int_equal(sb_networks_parse(text, &networks), 0);

	return networks;
}

static void networks_of_both_families(void **state)
{
	struct sb_networks networks = parsed("  10.0.0.0/8,fd00::/8 ,\t192.0.2.1 2001:db8::7 ");

	(void)state;
	assert_int_equal(networks.n, 4);
	expect(&networks.all[0], "::ffff:10.0.0.0", 104, true);
	expect(&networks.all[1], "fd00::", 8, false);
	expect(&networks.all[2], "::ffff:192.0.2.1", 128, true);
	expect(&networks.all[3], "2001:db8::7", 128, false);
}

static void prefixes_within_a_byte(void **state)
{
	struct sb_networks networks = parsed("10.64.0.0/10 2001:db8:8000::/33");

	(void)state;
	expect(&networks.all[0], "::ffff:10.64.0.0", 106, true);
	expect(&networks.all[1], "2001:db8:8000::", 33, false);
}

static void all_of_one_family_is_nothing_of_the_other(void **state)
{
	struct sb_networks networks = parsed("0.0.0.0/0 ::/0 ::/96 ::ffff:10.0.0.0/104");

	(void)state;
	expect(&networks.all[0], "::ffff:0.0.0.0", 96, true);
	expect(&networks.all[1], "::", 0, false);
	expect(&networks.all[2], "::", 96, false);
	expect(&networks.all[3], "::ffff:10.0.0.0", 104, true);
}

static void what_is_no_network(void **state)
{
	static const char *const wrong[] = {
		"",
		" , ",
		"10.0.0.1/8",
		"fd00::1/8",
		"10.0.0.0/33",
		"fd00::/129",
		"10.0.0.0/",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/8x",
		"10.0.0",
		"10.0.0.0/8/8",
		"example.com",
		"/8",
		"10.0.0.0/0008",
		"10.0.0.0/8;fd00::/8",
		"0.0.0.0/0 nonsense",
		"[fd00::]/8",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
	};
	struct sb_networks untouched = { .n = 7 };

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(wrong); i++)
		assert_int_equal(sb_networks_parse(wrong[i], &untouched), -EINVAL);
	assert_int_equal(untouched.n, 7);
}

static void as_many_as_there_may_be(void **state)
{
	struct sb_networks networks;
	char text[(SB_NETWORKS_MAX + 1) * 4 + 1] = "";

	(void)state;
	for (size_t i = 0; i < SB_NETWORKS_MAX; i++)
		strcat(text, "::1 ");
	assert_int_equal(sb_networks_parse(text, &networks), 0);
	assert_int_equal(networks.n, SB_NETWORKS_MAX);
	strcat(text, "::1 ");
	assert_int_equal(sb_networks_parse(text, &networks), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_of_both_families),
		cmocka_unit_test(prefixes_within_a_byte),
		cmocka_unit_test(all_of_one_family_is_nothing_of_the_other),
		cmocka_unit_test(what_is_no_network),
		cmocka_unit_test(as_many_as_there_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
