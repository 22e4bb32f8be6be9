/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a link has sent and got on the wire, as whoever bills it counts: whole IP packets, with whatever is in
 * them. Each datagram that the kernel took from libcoap, or handed to it, counts with its headers of IP and
 * UDP: so handshakes, DTLS records, acknowledgements, pings and everything that is sent again are in it. Of a TCP
 * connection the kernel tells how many segments and bytes went, when it is closed.
 *
 * Not counted is what no socket of a link carries: looking names up, ICMP, and what the kernel drops before
 * the daemon sees it. A datagram that IP has to cut into pieces counts as one.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "daemon/cleanup.h"

/**
 * struct sb_wire - what a link has carried; shared by those that count, as the last datagram of a session may
 *	leave after its link has gone
 * @sent, @received: bytes
 * @repeated: CoAP messages of sessions that were sent again, as nobody had acknowledged them
 */
struct sb_wire {
	uint64_t sent;
	uint64_t received;
	uint64_t repeated;
	unsigned int refs;
};

struct sb_wire *sb_wire_new(void);
struct sb_wire *sb_wire_ref(struct sb_wire *wire);
struct sb_wire *sb_wire_unref(struct sb_wire *wire);
SB_DEFINE_CLEANUP(struct sb_wire *, sb_wire_unref)

int sb_wire_attach_stream(struct sb_wire *wire, int fd);
int sb_wire_attach(struct sb_wire *wire, int fd, const struct sockaddr *address, bool secure);
