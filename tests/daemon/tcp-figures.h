/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whether the kernel tells what a TCP connection has carried. qemu-user answers with the first four bytes alone.
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static inline bool has_tcp_figures(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct tcp_info info;
	socklen_t len = sizeof(info);
	bool has = fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
		   len > sizeof(int);

	if (fd >= 0)
		(void)close(fd);
	return has;
}
