/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/fake-way.h"

struct fake_way fake_way;

void fake_way_reset(void)
{
	fake_way = (struct fake_way){ 0 };
	fake_way_set("10.0.0.2", "eth0");
}

struct in6_addr fake_way_address(const char *text)
{
	struct in6_addr ipv6;
	struct in_addr ipv4;

	if (inet_pton(AF_INET6, text, &ipv6) == 1)
		return ipv6;
	assert_int_equal(inet_pton(AF_INET, text, &ipv4), 1);
	sb_way_from_bytes(&ipv4, sizeof(ipv4), &ipv6);

	return ipv6;
}

/* Of interfaces by the same name the index is the same, until the test sets another. */
void fake_way_set(const char *from, const char *name)
{
	fake_way.error = 0;
	fake_way.any_error = 0;
	fake_way.way = (struct sb_way){
		.from = fake_way_address(from),
		.interface = 2u + (unsigned char)name[strlen(name) - 1],
		.carrier = true,
	};
	(void)snprintf(fake_way.way.name, sizeof(fake_way.way.name), "%s", name);
}

void fake_way_none(int error)
{
	fake_way.error = error;
	fake_way.any_error = error;
}

/* ---- in place of the core ---- */

int sb_way_find(const struct sockaddr *to, const char *interface, struct sb_way *ret)
{
	int error = to ? fake_way.error : fake_way.any_error;

	fake_way.asked++;
	fake_way.asked_any = to == NULL;
	(void)snprintf(fake_way.interface, sizeof(fake_way.interface), "%s",
		       interface ? interface : "");
	if (error == 0)
		*ret = fake_way.way;

	return error;
}

int sb_way_home(const struct in6_addr *address)
{
	bool other = !IN6_IS_ADDR_UNSPECIFIED(&fake_way.other) &&
		     IN6_ARE_ADDR_EQUAL(address, &fake_way.other);

	if (fake_way.home_error < 0)
		return fake_way.home_error;
	if (fake_way.homeless || (!other && !IN6_ARE_ADDR_EQUAL(address, &fake_way.way.from)))
		return 0;

	return (int)fake_way.way.interface;
}
