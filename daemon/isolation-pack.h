/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The packets between the daemon and a plugin's process: numbers, text and bytes, one behind the other. Both ends
 * run on one machine and are of one version, so numbers are as the machine has them. What comes out of a packet is
 * checked: whoever sent it may have been taken over.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/** The largest packet: a payload, its options and what is told about them. A socket's buffer has room for it. */
#define SB_PACKET_MAX (192 * 1024)

/* The most of a body that goes into a packet with the rest. */
#define SB_PACKET_BODY_MAX (128 * 1024)

/* ---- into bytes ---- */

/** struct sb_packer - a packet that is being filled; zeroed, it is empty. What was in it is wiped. */
struct sb_packer {
	uint8_t *data;
	size_t len;
	size_t size;
	bool failed; /* no memory, or more than SB_PACKET_MAX */
};

void sb_packer_reset(struct sb_packer *out);
void sb_packer_done(struct sb_packer *out);
void sb_pack_u32(struct sb_packer *out, uint32_t value);
void sb_pack_u64(struct sb_packer *out, uint64_t value);
void sb_pack_text(struct sb_packer *out, const char *text);
void sb_pack_bytes(struct sb_packer *out, const void *data, size_t len);
void sb_pack_all(struct sb_packer *out, const struct sb_packer *other);

/* ---- out of bytes ---- */

/** struct sb_unpacker - what is left of a packet; it and what points into it are lent */
struct sb_unpacker {
	uint8_t *data;
	size_t len;
	bool bad; /* it ended too early, or text was none: all that was read from there on is 0, NULL or "" */
};

uint32_t sb_unpack_u32(struct sb_unpacker *in);
uint64_t sb_unpack_u64(struct sb_unpacker *in);
char *sb_unpack_text(struct sb_unpacker *in);
const uint8_t *sb_unpack_bytes(struct sb_unpacker *in, uint32_t *ret_len);
bool sb_unpack_ended(const struct sb_unpacker *in);

/* ---- through a socket ---- */

/** struct sb_packet - one that has come, or waits to be sent */
struct sb_packet {
	TAILQ_ENTRY(sb_packet) entry;
	size_t len;
	uint8_t data[];
};

TAILQ_HEAD(sb_packets, sb_packet);

struct sb_packet *sb_packet_new(const void *data, size_t len);
struct sb_packet *sb_packet_free(struct sb_packet *packet);
struct sb_unpacker sb_packet_unpack(struct sb_packet *packet);
int sb_packet_receive(int fd, int flags, struct sb_packet **ret);
