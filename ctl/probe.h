/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Datagrams that ask a host for a sign of life, and cost nothing but themselves: an empty CoAP message, which is
 * answered with a Reset (RFC 7252 section 4.3), or a DTLS ClientHello, which is answered with a HelloVerifyRequest
 * before the server remembers anything (RFC 6347 section 4.2.1).
 */
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/** enum ctl_answer - what came of it */
enum ctl_answer {
	CTL_ANSWERED,
	CTL_SILENCE,
	CTL_PORT_CLOSED, /* ICMP: port unreachable */
	CTL_UNREACHABLE, /* ICMP, or no neighbour answers: host or network unreachable, or forbidden */
	CTL_TOO_BIG, /* ICMP, or the box itself: the packet does not fit */
	CTL_NO_WAY, /* the box has no route */
	CTL_CANNOT, /* no socket, no memory */
};

/** struct ctl_target - whom to ask */
struct ctl_target {
	const struct addrinfo *address;
	const char *interface; /* the only one to go through; NULL for any */
	const char *name; /* for SNI; NULL for none */
	bool dtls;
	bool certificates; /* the server shows a certificate */
};

/** struct ctl_shown - the certificate that a server has shown */
struct ctl_shown {
	bool any;
	time_t from;
	time_t until;
};

/* ---- probe.c ---- */

int ctl_probe_open(const struct ctl_target *target, int *ret_fd);
enum ctl_answer ctl_probe_receive(int fd, void *data, size_t size, unsigned int timeout_ms,
				  size_t *ret_len);
enum ctl_answer ctl_probe_of_errno(int error);
enum ctl_answer ctl_probe(const struct ctl_target *target);
enum ctl_answer ctl_probe_size(const struct ctl_target *target, size_t packet);
size_t ctl_probe_headers(const struct ctl_target *target);

/* ---- probe-dtls.c ---- */

struct ctl_hello;

int ctl_hello_new(const struct ctl_target *target, size_t datagram, struct ctl_hello **ret);
struct ctl_hello *ctl_hello_free(struct ctl_hello *hello);
enum ctl_answer ctl_hello_greet(struct ctl_hello *hello, unsigned int tries);
enum ctl_answer ctl_hello_go_on(struct ctl_hello *hello, bool *ret_known);
enum ctl_answer ctl_hello_certificate(const struct ctl_target *target, struct ctl_shown *ret);
