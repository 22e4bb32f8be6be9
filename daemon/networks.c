/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "daemon/networks.h"

#define SEPARATORS " \t,"

#define MAPPED_LEN 96 /* bits of ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void map_ipv4(const void *address, uint8_t *ret)
{
	memcpy(ret, mapped_prefix, sizeof(mapped_prefix));
	memcpy(ret + sizeof(mapped_prefix), address, sizeof(struct in_addr));
}

/* "24": digits only, at most @max. */
static int parse_prefix(const char *text, unsigned int max, unsigned int *ret)
{
	unsigned int value = 0;
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 3 || text[len] != '\0')
		return -EINVAL;
	for (; *text; text++)
		value = 10 * value + (unsigned int)(*text - '0');
	if (value > max)
		return -EINVAL;
	*ret = value;

	return 0;
}

static bool bit_is_set(const uint8_t *address, unsigned int bit)
{
	return address[bit / 8] & (0x80 >> bit % 8);
}

/* "10.0.0.1/8" is more likely a slip than a wish, and which of the two was meant is unknown. */
static bool has_host_bits(const struct sb_network *network)
{
	for (unsigned int bit = network->prefix_len; bit < 8 * sizeof(network->address); bit++) {
		if (bit_is_set(network->address, bit))
			return true;
	}

	return false;
}

/* @text is changed. */
static int parse_network(char *text, struct sb_network *ret)
{
	char *slash = strchr(text, '/');
	struct in_addr in;
	unsigned int outer = 0; /* bits before those that @text counts */
	unsigned int prefix;

	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, text, &in) == 1) {
		map_ipv4(&in, ret->address);
		outer = MAPPED_LEN;
	} else if (inet_pton(AF_INET6, text, ret->address) != 1) {
		return -EINVAL;
	}
	prefix = 128 - outer;
	if (slash && parse_prefix(slash + 1, prefix, &prefix) < 0)
		return -EINVAL;
	ret->prefix_len = (uint8_t)(outer + prefix);

	return has_host_bits(ret) ? -EINVAL : 0;
}

/**
 * sb_networks_parse() - read networks
 * @text: "10.0.0.0/8 fd00::/8 192.0.2.1", separated by blanks or commas; an address alone is a network
 *	of one
 * @ret: the networks, at least one
 *
 * Return: 0; -EINVAL when something in @text is no network, has bits beyond its prefix, or there is
 * nothing; -E2BIG when there are more than SB_NETWORKS_MAX.
 */
int sb_networks_parse(const char *text, struct sb_networks *ret)
{
	struct sb_networks networks = { 0 };

	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		size_t len = strcspn(text, SEPARATORS);
		char one[INET6_ADDRSTRLEN + sizeof("/128")];

		if (networks.n == SB_NETWORKS_MAX)
			return -E2BIG;
		if (len >= sizeof(one))
			return -EINVAL;
		memcpy(one, text, len);
		one[len] = '\0';
		if (parse_network(one, &networks.all[networks.n]) < 0)
			return -EINVAL;
		networks.n++;
		text += len;
	}
	if (networks.n == 0)
		return -EINVAL;
	*ret = networks;

	return 0;
}

/**
 * sb_network_is_ipv4() - of which family is a network
 * @network: the network; "::/0" is all of IPv6, and nothing of IPv4
 *
 * Return: whether it is one of IPv4: its address is then the last four bytes.
 */
bool sb_network_is_ipv4(const struct sb_network *network)
{
	return network->prefix_len >= MAPPED_LEN &&
	       memcmp(network->address, mapped_prefix, sizeof(mapped_prefix)) == 0;
}
