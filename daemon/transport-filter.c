/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strangers are dropped by the kernel, with a classic BPF program: they cost no wake-up, no memory and
 * no answer.
 *
 * The program asks for one network after the other. The data of a UDP socket's filter begins at the UDP
 * header; SKF_NET_OFF reaches back to the IP header, whose first half byte is the version.
 */
#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include "daemon/transport-filter.h"

#define IPV4_SOURCE 12 /* RFC 791 section 3.1 */
#define IPV6_SOURCE 8 /* RFC 8200 section 3 */
#define IPV4_BEGIN 12 /* the byte at which IPv4 begins in IPv4-mapped IPv6 */

#define EVERYTHING UINT32_MAX /* bytes of a datagram that pass */

/* Load and compare a version; for each of at most four words load, mask and compare; accept. */
#define NETWORK_INSTRUCTIONS_MAX (3 + 4 * 3 + 1)
#define PROGRAM_MAX (SB_NETWORKS_MAX * NETWORK_INSTRUCTIONS_MAX + 1)

/** struct program - instructions; those of one network jump to its end if it is not that */
struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short len;
};

static void emit(struct program *program, uint16_t code, uint32_t value)
{
	program->code[program->len++] = (struct sock_filter){ .code = code, .k = value };
}

static void emit_version(struct program *program, unsigned int version)
{
	emit(program, BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_NET_OFF);
	emit(program, BPF_ALU | BPF_AND | BPF_K, 0xf0);
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, version << 4);
}

static void emit_word(struct program *program, unsigned int offset, const uint8_t *address,
		      unsigned int bits)
{
	uint32_t mask = bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
	uint32_t word = (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 |
			(uint32_t)address[2] << 8 | address[3];

	emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + offset);
	emit(program, BPF_ALU | BPF_AND | BPF_K, mask);
	emit(program, BPF_JMP | BPF_JEQ | BPF_K, word);
}

static void emit_network(struct program *program, const struct sb_network *network)
{
	bool ipv4 = sb_network_is_ipv4(network);
	unsigned int source = ipv4 ? IPV4_SOURCE : IPV6_SOURCE;
	unsigned int first = ipv4 ? IPV4_BEGIN : 0;
	unsigned short begin = program->len;

	emit_version(program, ipv4 ? 4 : 6);
	for (unsigned int i = first; 8 * i < network->prefix_len; i += 4)
		emit_word(program, source + i - first, network->address + i,
			  network->prefix_len - 8 * i);
	emit(program, BPF_RET | BPF_K, EVERYTHING);
	for (unsigned short i = begin; i < program->len; i++) {
		if (BPF_CLASS(program->code[i].code) == BPF_JMP)
			program->code[i].jf = (uint8_t)(program->len - i - 1);
	}
}

/**
 * sb_filter_attach() - let a UDP socket hear certain networks only
 * @fd: the socket, of either family
 * @from: the networks
 *
 * Return: 0, or what the kernel says.
 */
int sb_filter_attach(int fd, const struct sb_networks *from)
{
	struct program program = { .len = 0 };
	struct sock_fprog attached;

	for (size_t i = 0; i < from->n; i++)
		emit_network(&program, &from->all[i]);
	emit(&program, BPF_RET | BPF_K, 0);
	attached = (struct sock_fprog){ .len = program.len, .filter = program.code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof(attached)) < 0
		       ? -errno
		       : 0;
}
