/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Networks, as in "10.0.0.0/8 fd00::/8".
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SB_NETWORKS_MAX 16

/** struct sb_network - one; IPv4 as IPv4-mapped IPv6, @prefix_len counts all 128 bits */
struct sb_network {
	uint8_t address[16];
	uint8_t prefix_len;
};

/** struct sb_networks - some */
struct sb_networks {
	size_t n;
	struct sb_network all[SB_NETWORKS_MAX];
};

int sb_networks_parse(const char *text, struct sb_networks *ret);
bool sb_network_is_ipv4(const struct sb_network *network);
