/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h> /* which the next one needs */

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/cleanup.h"
#include "ctl/probe.h"

/* One datagram may be lost, and a modem may take long to wake up. */
#define TRIES 3
#define TRY_MS 2000

/* Of a size: of several tries of several sizes, the loss of one matters less. */
#define SIZE_TRIES 2
#define SIZE_TRY_MS 1500

#define PACKET_MAX 1500

CTL_DEFINE_CLEANUP(struct ctl_hello *, ctl_hello_free)

static void close_ctl_cleanup(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/**
 * ctl_probe_headers() - what of a packet is not the datagram
 * @target: whom to ask
 *
 * Return: bytes of IP and UDP.
 */
size_t ctl_probe_headers(const struct ctl_target *target)
{
	return target->address->ai_family == AF_INET6 ? 40 + 8 : 20 + 8;
}

/**
 * ctl_probe_of_errno() - what a failed system call of a probe means
 * @error: negative
 *
 * Return: CTL_CANNOT if nothing in particular.
 */
enum ctl_answer ctl_probe_of_errno(int error)
{
	switch (-error) {
	case ECONNREFUSED:
		return CTL_PORT_CLOSED;
	case EHOSTUNREACH:
	case EACCES:
	case EPERM:
	case ENOPROTOOPT:
	case EPROTO:
		return CTL_UNREACHABLE;
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case ENETDOWN:
		return CTL_NO_WAY;
	case EMSGSIZE:
		return CTL_TOO_BIG;
	case EAGAIN:
		return CTL_SILENCE;
	default:
		return CTL_CANNOT;
	}
}

/* Errors that hosts and routers send are told, and packets are neither taken apart nor kept small by the kernel. */
static int set_options(int fd, int family)
{
	const int on = 1, probe = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE;
	bool v6 = family == AF_INET6;

	if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on,
		       sizeof(on)) < 0 ||
	    setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
		       v6 ? &probe6 : &probe, sizeof(probe)) < 0)
		return -errno;

	return 0;
}

/**
 * ctl_probe_open() - a socket for datagrams to a host
 * @target: the host
 * @ret_fd: the socket, the caller's
 *
 * Return: 0, or a negative errno: without a route that of connect().
 */
int ctl_probe_open(const struct ctl_target *target, int *ret_fd)
{
	const struct addrinfo *address = target->address;
	__attribute__((cleanup(close_ctl_cleanup))) int fd =
		socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = set_options(fd, address->ai_family);
	if (r < 0)
		return r;
	if (target->interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target->interface,
					    (socklen_t)strlen(target->interface)) < 0)
		return -errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		return -errno;
	*ret_fd = fd;
	fd = -1;

	return 0;
}

static enum ctl_answer of_extended_error(const struct sock_extended_err *error)
{
	if (error->ee_errno == EMSGSIZE)
		return CTL_TOO_BIG;
	if (error->ee_origin == SO_EE_ORIGIN_ICMP)
		return error->ee_type == ICMP_DEST_UNREACH && error->ee_code == ICMP_PORT_UNREACH
			       ? CTL_PORT_CLOSED
			       : CTL_UNREACHABLE;
	if (error->ee_origin == SO_EE_ORIGIN_ICMP6)
		return error->ee_type == ICMP6_DST_UNREACH &&
				       error->ee_code == ICMP6_DST_UNREACH_NOPORT
			       ? CTL_PORT_CLOSED
			       : CTL_UNREACHABLE;

	return ctl_probe_of_errno(-(int)error->ee_errno);
}

/* Who has sent an error, and which: errno alone does not tell a firewall from a host without a server. */
static enum ctl_answer read_error(int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct sock_extended_err)) + 256];
		struct cmsghdr align;
	} control;
	char data[64];
	struct iovec part = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};

	if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return CTL_SILENCE;
	for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item;
	     item = CMSG_NXTHDR(&message, item)) {
		struct sock_extended_err error;

		if (!(item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_RECVERR) &&
		    !(item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&error, CMSG_DATA(item), sizeof(error));
		return of_extended_error(&error);
	}

	return CTL_SILENCE;
}

/**
 * ctl_probe_receive() - wait for a datagram, or for the word that none comes
 * @fd: of ctl_probe_open()
 * @data: room
 * @size: bytes of it
 * @timeout_ms: how long
 * @ret_len: of the datagram, if there is one
 *
 * Return: CTL_ANSWERED, CTL_SILENCE when the time is over, or what the network says.
 */
enum ctl_answer ctl_probe_receive(int fd, void *data, size_t size, unsigned int timeout_ms,
				  size_t *ret_len)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	enum ctl_answer answer;
	ssize_t len;
	int r = poll(&wait, 1, (int)timeout_ms);

	if (r == 0 || (r < 0 && errno == EINTR))
		return CTL_SILENCE;
	if (r < 0)
		return CTL_CANNOT;
	answer = read_error(fd);
	if (answer != CTL_SILENCE)
		return answer;
	len = recv(fd, data, size, MSG_DONTWAIT);
	if (len < 0)
		return ctl_probe_of_errno(-errno);
	*ret_len = (size_t)len;

	return CTL_ANSWERED;
}

/* ---- CoAP ---- */

/* RFC 7252 section 4.3; what stands behind an empty message is a format error, which is answered alike. */
static enum ctl_answer ping(int fd, size_t datagram, unsigned int tries, unsigned int try_ms)
{
	uint8_t message[PACKET_MAX] = { 0x40, 0 };
	uint8_t answer[64];
	enum ctl_answer got = CTL_SILENCE;
	size_t len;

	message[2] = (uint8_t)arc4random_uniform(256);
	message[3] = (uint8_t)arc4random_uniform(256);
	for (unsigned int i = 0; i < tries && got == CTL_SILENCE; i++) {
		if (send(fd, message, datagram, MSG_NOSIGNAL) < 0)
			return ctl_probe_of_errno(-errno);
		got = ctl_probe_receive(fd, answer, sizeof(answer), try_ms, &len);
	}

	return got;
}

static enum ctl_answer ping_once(const struct ctl_target *target, size_t datagram,
				 unsigned int tries, unsigned int try_ms)
{
	__attribute__((cleanup(close_ctl_cleanup))) int fd = -1;
	int r = ctl_probe_open(target, &fd);

	return r < 0 ? ctl_probe_of_errno(r) : ping(fd, datagram, tries, try_ms);
}

/* ---- both ---- */

static enum ctl_answer greet(const struct ctl_target *target, size_t datagram, unsigned int tries)
{
	CTL_CLEANUP(ctl_hello_free) struct ctl_hello *hello = NULL;
	int r = ctl_hello_new(target, datagram, &hello);

	return r < 0 ? ctl_probe_of_errno(r) : ctl_hello_greet(hello, tries);
}

/**
 * ctl_probe() - is somebody there
 * @target: whom to ask
 *
 * Return: what came of it; CTL_SILENCE after some seconds.
 */
enum ctl_answer ctl_probe(const struct ctl_target *target)
{
	return target->dtls ? greet(target, 0, TRIES) : ping_once(target, 4, TRIES, TRY_MS);
}

/**
 * ctl_probe_size() - does a packet of a size get there
 * @target: whom to ask; answers small ones
 * @packet: its size, with the headers of IP and UDP
 *
 * Return: CTL_ANSWERED if so; CTL_TOO_BIG if somebody says that it does not fit; CTL_SILENCE.
 */
enum ctl_answer ctl_probe_size(const struct ctl_target *target, size_t packet)
{
	size_t datagram = packet - ctl_probe_headers(target);

	return target->dtls ? greet(target, datagram, SIZE_TRIES)
			    : ping_once(target, datagram, SIZE_TRIES, SIZE_TRY_MS);
}
