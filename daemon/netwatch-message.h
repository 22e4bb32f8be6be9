/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the kernel tells of the network, and whether it is new. Between netwatch.c and netwatch-message.c;
 * nobody else includes this.
 */
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many interfaces, addresses and routes are remembered. What is forgotten counts as new. */
#define SB_NETWATCH_FACTS 64

/** struct sb_fact - what was told last of one thing: two digests */
struct sb_fact {
	uint64_t thing; /* 0: none */
	uint64_t state;
};

/** struct sb_facts - what was told last of this and that; embedded; zeroed is nothing */
struct sb_facts {
	struct sb_fact all[SB_NETWATCH_FACTS];
	size_t oldest; /* the next to be forgotten */
};

bool sb_facts_on_message(struct sb_facts *facts, const struct nlmsghdr *message);
