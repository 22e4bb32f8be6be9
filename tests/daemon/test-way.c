/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways as values, and a few that every box has; those of others are in test-way-kernel.c, and the whole in
 * tests/system/test-network-change.py.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/way.h"

static struct in6_addr address_of(const struct sockaddr_storage *sockaddr)
{
	struct in6_addr address;

	sb_way_address((const struct sockaddr *)sockaddr, &address);

	return address;
}

static struct sockaddr_storage sockaddr_of(const char *text)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&storage;

	if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(5683);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &ipv6->sin6_addr), 1);
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = htons(5683);
	}

	return storage;
}

/* ---- values ---- */

static void an_address_is_read_and_printed(void **state)
{
	static const char *const texts[] = { "192.0.2.7", "2001:db8::7", "fe80::1", "127.0.0.1" };
	char text[INET6_ADDRSTRLEN];

	(void)state;
	for (size_t i = 0; i < SB_ELEMENTS(texts); i++) {
		struct sockaddr_storage sockaddr = sockaddr_of(texts[i]);
		struct in6_addr address = address_of(&sockaddr);

		assert_string_equal(sb_way_print(&address, text), texts[i]);
	}
}

static void what_is_none_is_none(void **state)
{
	struct sockaddr_storage storage = { .ss_family = AF_UNIX };
	struct in6_addr address = address_of(&storage);

	(void)state;
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&address));
	for (size_t len = 0; len < 20; len++) {
		static const uint8_t bytes[20] = { 1, 2, 3, 4, 5 };

		sb_way_from_bytes(bytes, len, &address);
		assert_int_equal(IN6_IS_ADDR_UNSPECIFIED(&address), len != 4 && len != 16);
	}
}

static void bytes_are_as_in_a_packet(void **state)
{
	static const uint8_t ipv4[] = { 192, 0, 2, 7 };
	struct in6_addr address;
	size_t len;

	(void)state;
	sb_way_from_bytes(ipv4, sizeof(ipv4), &address);
	assert_memory_equal(sb_way_bytes(&address, &len), ipv4, sizeof(ipv4));
	assert_int_equal(len, 4);
	address = in6addr_loopback;
	assert_ptr_equal(sb_way_bytes(&address, &len), &address);
	assert_int_equal(len, 16);
}

static void ways_differ_in_anything(void **state)
{
	const struct sb_way way = { .from = IN6ADDR_LOOPBACK_INIT,
				    .interface = 3,
				    .carrier = true };
	struct sb_way other = way;

	(void)state;
	assert_true(sb_way_equal(&way, &other));
	other.from.s6_addr[0] = 1;
	assert_false(sb_way_equal(&way, &other));
	other = way;
	other.via.s6_addr[0] = 1;
	assert_false(sb_way_equal(&way, &other));
	other = way;
	other.interface++;
	assert_false(sb_way_equal(&way, &other));
	other = way;
	other.carrier = false;
	assert_false(sb_way_equal(&way, &other));
}

/* ---- the kernel ---- */

static void a_box_reaches_itself(void **state)
{
	struct sockaddr_storage to = sockaddr_of("127.0.0.1");
	char text[INET6_ADDRSTRLEN];
	struct sb_way way;

	(void)state;
	assert_int_equal(sb_way_find((struct sockaddr *)&to, NULL, &way), 0);
	assert_string_equal(sb_way_print(&way.from, text), "127.0.0.1");
	assert_string_equal(way.name, "lo");
	assert_int_equal(way.interface, if_nametoindex("lo"));
	assert_true(way.carrier);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&way.via));
}

static void an_address_is_at_home_somewhere(void **state)
{
	struct sockaddr_storage own = sockaddr_of("127.0.0.1");
	struct sockaddr_storage other = sockaddr_of("203.0.113.7");
	struct in6_addr address = address_of(&own);

	(void)state;
	assert_int_equal(sb_way_home(&address), if_nametoindex("lo"));
	address = address_of(&other);
	assert_int_equal(sb_way_home(&address), 0);
	assert_int_equal(sb_way_home(&in6addr_any), 0);
}

static void without_its_interface_there_is_no_way(void **state)
{
	struct sockaddr_storage to = sockaddr_of("203.0.113.7");
	struct sb_way way;

	(void)state;
	assert_int_equal(sb_way_find((struct sockaddr *)&to, "nosuchif0", &way), -ENODEV);
	assert_int_equal(sb_way_find(NULL, "nosuchif0", &way), -ENODEV);
	assert_int_equal(sb_way_find(NULL, "a-name-that-is-too-long", &way), -ENODEV);
	assert_int_equal(sb_way_find(NULL, "", &way), -ENODEV);
	assert_true(sb_way_is_none(-ENODEV));
}

/* A socket for each question: none is left open. */
static void a_question_costs_no_descriptor(void **state)
{
	struct sockaddr_storage to = sockaddr_of("127.0.0.1");
	int before = dup(STDIN_FILENO);
	struct sb_way way;
	int after;

	(void)state;
	assert_true(before >= 0);
	assert_int_equal(close(before), 0);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(sb_way_find((struct sockaddr *)&to, NULL, &way), 0);
		assert_true(sb_way_home(&way.from) > 0);
	}
	after = dup(STDIN_FILENO);
	assert_int_equal(after, before);
	assert_int_equal(close(after), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_read_and_printed),
		cmocka_unit_test(what_is_none_is_none),
		cmocka_unit_test(bytes_are_as_in_a_packet),
		cmocka_unit_test(ways_differ_in_anything),
		cmocka_unit_test(a_box_reaches_itself),
		cmocka_unit_test(an_address_is_at_home_somewhere),
		cmocka_unit_test(without_its_interface_there_is_no_way),
		cmocka_unit_test(a_question_costs_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
