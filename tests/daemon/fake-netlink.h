/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A kernel that tells what the test says, linked in the place of libmnl's sockets; its messages are read and
 * written by libmnl itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_NETLINK_DATAGRAM_MAX 2048

/** struct fake_netlink - what happened, and what is to happen */
struct fake_netlink {
	int open_error; /* positive */
	int bind_error; /* likewise */
	int send_error; /* likewise */
	unsigned int opened; /* sockets that are */
	unsigned int groups; /* of the last bind */
	unsigned int reads; /* datagrams and errors that were taken */
	uint8_t sent[FAKE_NETLINK_DATAGRAM_MAX]; /* the last question */
	size_t sent_len;
};

extern struct fake_netlink fake_netlink;

void fake_netlink_reset(void);
void fake_netlink_tell(const void *datagram, size_t len);
void fake_netlink_fail(int error);
