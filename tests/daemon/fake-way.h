/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A routing table of one route, linked in the place of daemon/way-kernel.c: the test says by which way every
 * packet leaves.
 */
#include "daemon/way.h"

/** struct fake_way - what is there, and what was asked */
struct fake_way {
	struct sb_way way;
	int error; /* in its place, negative */
	int any_error; /* likewise, when asked for anywhere */
	struct in6_addr other; /* an address that the interface has, too; none for none */
	bool homeless; /* no interface has an address */
	int home_error; /* of sb_way_home() */
	unsigned int asked;
	bool asked_any; /* the last question was for anywhere */
	char interface[IF_NAMESIZE]; /* of the last question; "" for any */
};

extern struct fake_way fake_way;

void fake_way_reset(void);
void fake_way_set(const char *from, const char *name);
void fake_way_none(int error);
struct in6_addr fake_way_address(const char *text);
